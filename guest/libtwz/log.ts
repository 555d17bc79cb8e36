/**
 * Logs: an object of records, appended by any program and read in order. An append is crash consistent with two fences and no undo log: the record first,
 * then the end that counts it. A mutex keeps writers apart; readers need none.
 */
import { OBJ_NULLPAGE, OBJ_TOPDATA } from '../abi/object.ts';
import { Mutex } from './mutex.ts';
import { baseOf, dataOf } from './object.ts';
import { clean, persist, persistFence, storePersistent } from './persist.ts';

const LOG_MAGIC = 0x474f_4c5f_5a57_5454;
/** Records begin at multiples of this. */
const ALIGN: u64 = 16;

/** Before each record's bytes. */
@persistent
class RecordHeader {
  length: u64;
  /** The writer's word: a time, a level, whatever it likes. */
  tag: u64;
}

/** At OBJ_NULLPAGE of a log's object. */
@persistent
export class Log {
  private magic: u64;
  /** Offset in the object of the end of the last record. */
  private end: u64;
  readonly padding: FixedArray<u64, 6>;
  private readonly mutex: Inline<Mutex>;

  private static first(): u64 {
    return OBJ_NULLPAGE + sizeof<Log>();
  }

  /** Appends a record; false: the log is full. */
  append(tag: u64, text: str): bool {
    const mutex = this.mutex;
    mutex.acquire();
    const start = this.end;
    const size = (sizeof<RecordHeader>() + text.length + ALIGN - 1) & ~(ALIGN - 1);
    const fits = start + size <= OBJ_TOPDATA;
    if (fits) {
      const record = at<RecordHeader>(baseOf(addressOf(this)) + start);
      record.length = text.length;
      record.tag = tag;
      memory.copy(addressOf(record) + sizeof<RecordHeader>(), text.ptr.address, text.length);
      clean(addressOf(record), sizeof<RecordHeader>() + text.length);
      persistFence();
      storePersistent(ptrTo(this.end).address, start + size);
    }
    mutex.release();
    return fits;
  }

  /** The cursor of the first record, for `read`. */
  begin(): u64 {
    return Log.first();
  }

  /** Is there a record at a cursor? */
  has(cursor: u64): bool {
    return cursor < atomic.load<u64>(ptrTo(this.end), Order.acquire);
  }

  textAt(cursor: u64): str {
    const record = at<RecordHeader>(baseOf(addressOf(this)) + cursor);
    return strOf(at<Ptr<u8>>(addressOf(record) + sizeof<RecordHeader>()), record.length);
  }

  tagAt(cursor: u64): u64 {
    return at<RecordHeader>(baseOf(addressOf(this)) + cursor).tag;
  }

  /** The cursor behind the record at a cursor. */
  next(cursor: u64): u64 {
    const length = at<RecordHeader>(baseOf(addressOf(this)) + cursor).length;
    return cursor + ((sizeof<RecordHeader>() + length + ALIGN - 1) & ~(ALIGN - 1));
  }

  /** Makes an object of zeros an empty log, or finds it to be one. Null: it is something else. */
  static open(base: usize): Log | null {
    const log = at<Log>(dataOf(base));
    if (log.magic === LOG_MAGIC) return log;
    if (log.magic !== 0) return null;
    log.end = Log.first();
    persist(addressOf(log), sizeof<Log>());
    storePersistent(ptrTo(log.magic).address, LOG_MAGIC);
    return log;
  }
}
