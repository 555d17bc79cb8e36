/**
 * Undo logs of transactions (guest/libtwz/tx.ts), each in a persistent object of its own that a program claims while it runs. The
 * names of all logs are in the namespace `/.tx`, so that the first program of a boot finds every transaction that a
 * power failure interrupted.
 *
 * A log is a row of lines, each one cache block whose last word is written last. The stores to a block become persistent in
 * their order (docs/persistency.md), so a line that shows the number of the open transaction there is whole. An entry is a line
 * with the place and the first bytes of a range, and as many lines with the rest as it takes; the entries that count are those before the first
 * line that is not of the open transaction. So an entry needs one fence, and closing the log is one store: to `sequence`.
 */
import { ObjectId } from './object.ts';

export const LOG_MAGIC = 0x324f_4c58_5457_5a54;

/** From OBJ_NULLPAGE on. */
export class LogHeader {
  magic: u64;
  /** Reset code of the boot (SYS_CONFIG) in which a program has the log; 0 = nobody. Another boot's owner is dead. */
  ownerBoot: u64;
  readonly ownerThread: Inline<ObjectId>;
  readonly reserved: FixedArray<u64, 4>;
  /** Number of the transaction that is open or comes next; never 0. On a cache block of its own. */
  sequence: u64;
  readonly padding: FixedArray<u64, 7>;
}

/** Words of old contents in the first line of an entry, and in each further one. */
export const LOG_FIRST_WORDS = 4;
export const LOG_MORE_WORDS = 7;
/** Cache blocks of one entry, at most; a longer range has several entries. */
export const LOG_MAX_BLOCKS = 16384;

/** First line of an entry, which is about whole cache blocks. */
export class LogEntry {
  readonly object: Inline<ObjectId>;
  /** Bits 23:0 first block (offset / 64), 47:24 number of blocks, 62:48 lines of the entry before, 63: LOG_FRESH. */
  where: u64;
  readonly data: FixedArray<u64, 4>;
  /** `LogHeader.sequence` of the transaction. */
  tag: u64;
}

/** `LogEntry.where`: the blocks were free when the transaction began; there is nothing to copy back. */
export const LOG_FRESH: u64 = 0x8000_0000_0000_0000;

/** Further line of an entry. */
export class LogLine {
  readonly data: FixedArray<u64, 7>;
  tag: u64;
}

/** Offset of the first entry. */
export const LOG_ENTRIES = 0x2000;

static_assert(sizeof<LogHeader>() === 128 && offsetof<LogHeader>('sequence') === 64, 'LogHeader');
static_assert(sizeof<LogEntry>() === 64 && sizeof<LogLine>() === 64, 'LogEntry');
