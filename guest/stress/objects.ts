/** What workers do with objects: the model on the host knows the result of each. */
import { META_MAGIC, META_OFFSET, MetaInfo, MIP_HASHDATA, ObjectId } from '../abi/object.ts';
import {
  CopyArgs,
  CREATE_PERSIST,
  CreateArgs,
  CreateSource,
  DELETE_UNDO,
  PIN_REMOVE,
  StatResult,
  SYS_COPY,
  SYS_CREATE,
  SYS_DELETE,
  SYS_PIN,
  SYS_TIE,
  TIE_REMOVE,
} from '../abi/syscall.ts';
import { deleteObject, statObject } from '../libtwz/object.ts';
import { syscall } from '../libtwz/syscall.ts';
import { clearViewEntry } from '../libtwz/view.ts';
import {
  COPY_FLAG_ZERO,
  CREATE_FLAG_HASHDATA,
  CREATE_FLAG_PERSIST,
  CREATE_FLAG_RANGE,
  CREATE_FLAG_WHOLE,
  META_PAGE,
  NO_SLOT,
  OP_COPY,
  OP_CREATE,
  OP_DELETE,
  OP_EXCHANGE,
  OP_GONE,
  OP_META,
  OP_PIN,
  OP_READ,
  OP_STAT,
  OP_TIE,
  OP_UNDELETE,
  OP_UNPIN,
  OP_UNTIE,
  OP_WRITE,
  PAGES,
  SLOTS,
  WORD_STRIDE,
  WORDS,
} from './record.ts';
import {
  addressIn,
  begin,
  below,
  end,
  exchangeLock,
  exchanges,
  map,
  next,
  PAGE,
  pageOffsets,
  pageRuns,
  RIGHTS,
  Slot,
  viewSlot,
  Worker,
} from './worker.ts';

/** Sum over the page's words; words that are zero count nothing, so that few known words predict it. */
export function hashPage(page: usize, all: bool): u64 {
  let sum: u32 = 0;
  const step: u64 = all ? 1 : WORD_STRIDE;
  for (let i: u64 = 0; i < 512; i += step) {
    const word = load<u64>(page + i * 8);
    sum += (u32(word) + u32(word >> 32) * 0x9e37_79b1) * u32(2 * i + 1);
  }
  return u64(sum);
}

/** What nothing keeps ends: what is deleted, not pinned, and tied to nothing that stays, be it in a ring of ties. */
export function settle(worker: Worker): void {
  let stays: u64 = 0;
  for (let s: u64 = 0; s < SLOTS; s++) {
    const slot = worker.slots[s];
    if (slot.used && (!slot.deleted || slot.pinned)) stays |= u64(1) << s;
  }
  for (let before: u64 = 0; before !== stays; ) {
    before = stays;
    for (let i: u64 = 0; i < SLOTS * SLOTS; i++) {
      if (((stays >> (i / SLOTS)) & 1) !== 0 && worker.ties[i] !== 0) stays |= u64(1) << (i % SLOTS);
    }
  }
  for (let s: u64 = 0; s < SLOTS; s++) {
    const slot = worker.slots[s];
    if (!slot.used || ((stays >> s) & 1) !== 0) continue;
    slot.used = false;
    for (let child: u64 = 0; child < SLOTS; child++) {
      worker.slots[child].tiedBy -= u64(worker.ties[s * SLOTS + child]);
      worker.ties[s * SLOTS + child] = 0;
    }
    slot.tying = 0;
    checkGone(worker, slot.id);
  }
}

export function checkGone(worker: Worker, id: ObjectId): void {
  begin(worker, OP_GONE, NO_SLOT, NO_SLOT, 0, 0, 0);
  end(worker, statObject(id, stack<StatResult>()), 0);
}

/** Draws a range of `source` and a place for it: page, other page and count as the log has them. */
export function drawRange(worker: Worker): u64 {
  const from = below(worker, PAGES);
  const to = below(worker, PAGES);
  const count = 1 + below(worker, min<u64>(pageRuns[from], pageRuns[to]));
  return from | (to << 8) | (count << 16);
}

export function moveMask(target: u64, source: u64, range: u64): u64 {
  const from = range & 255;
  const to = (range >> 8) & 255;
  const bits = (u64(1) << (range >> 16)) - 1;
  return (target & ~(bits << to)) | (((source >> from) & bits) << to);
}

export function fillRange(source: CreateSource, range: u64): void {
  source.offset = pageOffsets[range & 255];
  source.target = pageOffsets[(range >> 8) & 255];
  source.length = (range >> 16) * PAGE;
}

export function create(worker: Worker, s: u64): void {
  const slot = worker.slots[s];
  const other = below(worker, SLOTS);
  const from = worker.slots[other];
  let flags: u64 = below(worker, 3) !== 0 ? CREATE_FLAG_PERSIST : 0;
  const kind = below(worker, 24);
  let range: u64 = 0;
  if (from.used && kind < 6) flags |= CREATE_FLAG_WHOLE;
  if (from.used && kind >= 6 && kind < 12) {
    flags |= CREATE_FLAG_RANGE;
    range = drawRange(worker);
  }
  // Rarely: its data are hashed.
  if (from.used && kind === 12) flags |= CREATE_FLAG_WHOLE | CREATE_FLAG_HASHDATA;
  const copies = (flags & (CREATE_FLAG_WHOLE | CREATE_FLAG_RANGE)) !== 0;
  begin(worker, OP_CREATE, s, copies ? other : NO_SLOT, flags, range, 0);
  const args = stack<CreateArgs>();
  const source = stack<CreateSource>();
  args.flags = RIGHTS;
  if ((flags & CREATE_FLAG_PERSIST) !== 0) args.flags |= CREATE_PERSIST;
  if ((flags & CREATE_FLAG_HASHDATA) !== 0) args.flags |= MIP_HASHDATA;
  if (copies) {
    assign(source.source, from.id);
    if (range !== 0) fillRange(source, range);
    args.sources = changetype<Ptr<u8>>(addressOf(source));
    args.sourceCount = 1;
  }
  const result = syscall(SYS_CREATE, addressOf(args), 0, 0, 0, 0);
  store<u64>(worker.record, args.id.lo, 40);
  store<u64>(worker.record, args.id.hi, 48);
  if (result === 0) {
    assign(slot.id, args.id);
    slot.used = true;
    slot.hashed = (flags & CREATE_FLAG_HASHDATA) !== 0;
    slot.deleted = false;
    slot.pinned = false;
    slot.tiedBy = 0;
    slot.tying = 0;
    slot.present = !copies ? 0 : range !== 0 ? moveMask(0, from.present, range) : from.present;
    map(worker, s);
  }
  end(worker, result, 0);
}

export function write(worker: Worker, s: u64): void {
  const slot = worker.slots[s];
  const page = below(worker, PAGES);
  const word = below(worker, WORDS);
  if (slot.hashed) {
    read(worker, s);
    return;
  }
  const value = (next(worker) & 0xffff_ffff) | 1;
  begin(worker, OP_WRITE, s, NO_SLOT, 0, page | (word << 8), value);
  const address = addressIn(worker, s, pageOffsets[page] + word * WORD_STRIDE * 8);
  volatileStore<u64>(address, value);
  cbo.clean(address);
  fence('rw', 'rw');
  slot.present |= u64(1) << page;
  end(worker, 0, 0);
}

export function read(worker: Worker, s: u64): void {
  const slot = worker.slots[s];
  const page = below(worker, PAGES);
  // An immutable object has no more pages than it was made of.
  if (slot.hashed && ((slot.present >> page) & 1) === 0) {
    stat(worker, s);
    return;
  }
  begin(worker, OP_READ, s, NO_SLOT, 0, page, 0);
  const hash = hashPage(addressIn(worker, s, pageOffsets[page]), below(worker, 4) === 0);
  slot.present |= u64(1) << page;
  end(worker, 0, hash);
}

export function stat(worker: Worker, s: u64): void {
  const result = stack<StatResult>();
  begin(worker, OP_STAT, s, NO_SLOT, 0, 0, 0);
  const error = statObject(worker.slots[s].id, result);
  end(worker, error, result.pages | (u64(result.flags) << 32));
}

export function meta(worker: Worker, s: u64): void {
  const slot = worker.slots[s];
  if (slot.hashed && ((slot.present >> META_PAGE) & 1) === 0) {
    stat(worker, s);
    return;
  }
  begin(worker, OP_META, s, NO_SLOT, 0, 0, 0);
  const result = stack<StatResult>();
  const info = at<MetaInfo>(addressIn(worker, s, META_OFFSET));
  const error = statObject(slot.id, result);
  const agrees =
    info.magic === META_MAGIC &&
    info.nonceLo === result.nonceLo &&
    info.nonceHi === result.nonceHi &&
    u32(info.pFlags) === result.pFlags;
  slot.present |= u64(1) << META_PAGE;
  end(worker, error, u64(agrees));
}

export function remove(worker: Worker, s: u64): void {
  const slot = worker.slots[s];
  begin(worker, OP_DELETE, s, NO_SLOT, 0, 0, 0);
  const result = deleteObject(slot.id);
  slot.deleted = true;
  end(worker, result, 0);
  settle(worker);
}

export function undelete(worker: Worker, s: u64): void {
  const slot = worker.slots[s];
  begin(worker, OP_UNDELETE, s, NO_SLOT, 0, 0, 0);
  const result = syscall(SYS_DELETE, slot.id.lo, slot.id.hi, DELETE_UNDO, 0, 0);
  slot.deleted = false;
  end(worker, result, 0);
}

/** Takes away one of the things that keep a deleted object. */
export function release(worker: Worker, s: u64): void {
  if (worker.slots[s].pinned) {
    pin(worker, s);
    return;
  }
  for (let parent: u64 = 0; parent < SLOTS; parent++) {
    if (worker.ties[parent * SLOTS + s] === 0) continue;
    tie(worker, parent, s, true);
    return;
  }
}

export function tie(worker: Worker, parent: u64, child: u64, removing: bool): void {
  const slot = worker.slots[child];
  const number = ptrTo(worker.ties[parent * SLOTS + child]);
  if (!slot.used || (removing ? number[0] === 0 : child === parent || number[0] > 3)) {
    stat(worker, parent);
    return;
  }
  const by = worker.slots[parent];
  begin(worker, removing ? OP_UNTIE : OP_TIE, parent, child, 0, 0, 0);
  const result = tieCall(by.id, slot.id, removing);
  if (removing) {
    number[0] -= 1;
    slot.tiedBy--;
    by.tying--;
  } else {
    number[0] += 1;
    slot.tiedBy++;
    by.tying++;
  }
  end(worker, result, 0);
  settle(worker);
}

export function tieCall(parent: ObjectId, child: ObjectId, removing: bool): i64 {
  return syscall(SYS_TIE, parent.lo, parent.hi, child.lo, child.hi, removing ? TIE_REMOVE : 0);
}

export function copy(worker: Worker, s: u64): void {
  const slot = worker.slots[s];
  const other = below(worker, SLOTS);
  const from = worker.slots[other];
  const zero = below(worker, 4) === 0;
  if (slot.hashed || (!zero && (!from.used || other === s))) {
    read(worker, s);
    return;
  }
  const range = drawRange(worker);
  const args = stack<CopyArgs>();
  assign(args.target, slot.id);
  if (!zero) assign(args.from.source, from.id);
  fillRange(args.from, range);
  begin(worker, OP_COPY, s, zero ? NO_SLOT : other, zero ? COPY_FLAG_ZERO : 0, range, 0);
  const result = syscall(SYS_COPY, addressOf(args), 0, 0, 0, 0);
  slot.present = moveMask(slot.present, zero ? 0 : from.present, range);
  end(worker, result, 0);
}

export function pin(worker: Worker, s: u64): void {
  const slot = worker.slots[s];
  begin(worker, slot.pinned ? OP_UNPIN : OP_PIN, s, NO_SLOT, 0, 0, 0);
  const result = syscall(SYS_PIN, slot.id.lo, slot.id.hi, slot.pinned ? PIN_REMOVE : 0, 0, 0);
  slot.pinned = !slot.pinned;
  end(worker, result, 0);
  settle(worker);
}

/** Swaps the object with one that another worker left. Ties stay among the objects of one worker. */
export function exchange(worker: Worker, s: u64, place: u64): void {
  const slot = worker.slots[s];
  if (slot.tiedBy !== 0 || slot.tying !== 0) {
    stat(worker, s);
    return;
  }
  const kept = stack<Slot>();
  exchangeLock.acquire();
  begin(worker, OP_EXCHANGE, s, place, 0, 0, 0);
  assign(kept, slot);
  assign(slot, exchanges[place]);
  assign(exchanges[place], kept);
  end(worker, 0, 0);
  exchangeLock.release();
  if (slot.used) map(worker, s);
  else clearViewEntry(viewSlot(worker, s));
}
