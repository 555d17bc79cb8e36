/**
 * Undo logs of transactions (guest/libtwz/tx.ts), each in a persistent object of its own that a program claims while it runs. The
 * names of all logs are in the namespace `/.tx`, so that the first program of a boot finds every transaction that a
 * power failure interrupted.
 */
import { ObjectId } from './object.ts';

export const LOG_MAGIC = 0x474f_4c58_5457_5a54;

/** From OBJ_NULLPAGE on. */
export class LogHeader {
  magic: u64;
  /** Reset code of the boot (SYS_CONFIG) in which a program has the log; 0 = nobody. Another boot's owner is dead. */
  ownerBoot: u64;
  readonly ownerThread: Inline<ObjectId>;
  readonly reserved: FixedArray<u64, 4>;
  /** Bytes of entries that count; 0 = no transaction is open. On a cache block of its own, changed by one store. */
  end: u64;
  readonly padding: FixedArray<u64, 7>;
}

/** The old contents of a range; `size` bytes follow, padded to 16. */
export class LogEntry {
  readonly object: Inline<ObjectId>;
  /** Offset in the object. */
  offset: u64;
  size: u64;
}

/** Offset of the first entry. */
export const LOG_ENTRIES = 0x2000;

static_assert(sizeof<LogHeader>() === 128 && offsetof<LogHeader>('end') === 64, 'LogHeader');
static_assert(sizeof<LogEntry>() === 32, 'LogEntry');
