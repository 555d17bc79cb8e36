/**
 * The write-ahead log of `native`, as SQLite has it: frames of a page each, every one with the log's salt and a check sum over all
 * frames so far; one that says how many pages the database has is a commit. Pages are found by their last frame. When there are a thousand
 * frames they are copied to the database (a checkpoint), and the log begins again with another salt.
 */
import { File } from './file.ts';
import { PAGE } from './page.ts';

/** Frames after which a commit makes a checkpoint: SQLite's default. */
const CHECKPOINT = 1000;
const HEADER = 64;
/** Places of the table from pages to frames: a power of two. */
const PLACES = 131_072;

class WalHeader {
  salt: u64;
  check: u64;
  readonly reserved: FixedArray<u64, 6>;
}

/** A frame: 64 bytes, then the page. */
class Frame {
  page: u64;
  /** Pages of the database after this commit; 0: not the last frame of a commit. */
  pages: u64;
  salt: u64;
  /** Two 32-bit sums. */
  check: u64;
  readonly reserved: FixedArray<u64, 4>;
  readonly data: FixedArray<u32, 1024>;
}

const FRAME = HEADER + PAGE;
static_assert(sizeof<Frame>() === FRAME && sizeof<WalHeader>() === HEADER, 'frames of the log');

/** A place of the table: which frame (from 1) a page's last version is in. */
class Place {
  page: u32;
  frame: u32;
}

export class Wal {
  readonly file: Inline<File>;
  private salt: u64;
  private frames: u64;
  private check: u64;
  /** Is the header of this salt in the file? */
  private begun: bool;
  private readonly places: FixedArray<Inline<Place>, 131072>;
  /** Places in use. */
  private readonly used: FixedArray<u32, 65536>;
  private usedCount: u64;
  private readonly buffer: Inline<Frame>;

  private place(page: u64): Place {
    let index = page * 0x9e37_79b1;
    for (;;) {
      const place = unchecked(this.places[index & (PLACES - 1)]);
      if (place.frame === 0 || u64(place.page) === page) return place;
      index++;
    }
  }

  private enter(page: u64, frame: u64): void {
    const place = this.place(page);
    if (place.frame === 0) {
      this.used[this.usedCount] = u32((addressOf(place) - addressOf(this.places)) / sizeof<Place>());
      this.usedCount += 1;
    }
    place.page = u32(page);
    place.frame = u32(frame);
  }

  private offsetOf(frame: u64): u64 {
    return HEADER + (frame - 1) * FRAME;
  }

  /** Reads a page's last version in the log; false: it has none. */
  read(page: u64, to: usize): bool {
    const place = this.place(page);
    if (place.frame === 0) return false;
    this.file.read(this.offsetOf(u64(place.frame)) + HEADER, to, PAGE);
    return true;
  }

  /** Appends a page. `pages` other than 0 makes it a commit, which `sync` then completes. */
  append(page: u64, from: usize, pages: u64): void {
    if (this.frames >= PLACES / 2) panic('the transaction is too large for the log');
    if (!this.begun) this.writeHeader();
    const frame = this.buffer;
    frame.page = page;
    frame.pages = pages;
    frame.salt = this.salt;
    memory.copy(addressOf(frame.data), from, PAGE);
    this.check = checkSum(this.check, frame);
    frame.check = this.check;
    this.frames += 1;
    this.file.write(this.offsetOf(this.frames), addressOf(frame), FRAME);
    this.enter(page, this.frames);
  }

  private writeHeader(): void {
    const header = stack<WalHeader>();
    header.salt = this.salt;
    header.check = ~this.salt;
    this.file.write(0, addressOf(header), sizeof<WalHeader>());
    this.file.sync();
    this.begun = true;
  }

  get wantsCheckpoint(): bool {
    return this.frames >= CHECKPOINT;
  }

  /** Copies every page to the database, and begins the log again. The log must end with a commit. */
  checkpoint(database: File): void {
    const page = addressOf(this.buffer.data);
    for (let i: u64 = 0; i < this.usedCount; i++) {
      const place = this.places[this.used[i]];
      this.file.read(this.offsetOf(u64(place.frame)) + HEADER, page, PAGE);
      database.write(u64(place.page) * PAGE, page, PAGE);
    }
    database.sync();
    this.restart(this.salt + 1);
  }

  private restart(salt: u64): void {
    for (let i: u64 = 0; i < this.usedCount; i++) this.places[this.used[i]].frame = 0;
    this.usedCount = 0;
    this.salt = salt;
    this.frames = 0;
    this.check = salt;
    this.begun = false;
  }

  /** Finds the frames of all transactions that were committed. */
  open(base: usize): void {
    this.file.base = base;
    const header = stack<WalHeader>();
    this.file.read(0, addressOf(header), sizeof<WalHeader>());
    const isLog = header.check === ~header.salt;
    this.restart(isLog ? header.salt : 1);
    if (!isLog) return;
    this.begun = true;
    const end = this.lastCommit();
    this.check = this.salt;
    for (let number: u64 = 1; number <= end; number++) {
      this.readFrame(number);
      this.check = this.buffer.check;
      this.enter(this.buffer.page, number);
    }
    this.frames = end;
  }

  private readFrame(number: u64): void {
    this.file.read(this.offsetOf(number), addressOf(this.buffer), FRAME);
  }

  /** The number of the last frame that commits and is whole, as are all before it. */
  private lastCommit(): u64 {
    let end: u64 = 0;
    let check = this.salt;
    for (let number: u64 = 1; ; number++) {
      this.readFrame(number);
      const frame = this.buffer;
      if (frame.salt !== this.salt) return end;
      check = checkSum(check, frame);
      if (frame.check !== check) return end;
      if (frame.pages !== 0) end = number;
    }
  }
}

/** SQLite's check sum: two sums over pairs of 32-bit words, each added to the other, of the frame's first words and the page. */
function checkSum(before: u64, frame: Frame): u64 {
  let a = u32(before);
  let b = u32(before >> 32);
  a += u32(frame.page) + b;
  b += u32(frame.pages) + a;
  const words = frame.data.ptr;
  for (let i: u64 = 0; i < 1024; i += 2) {
    a += words[i] + b;
    b += words[i + 1] + a;
  }
  return (u64(b) << 32) | u64(a);
}
