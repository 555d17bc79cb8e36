/**
 * The paper's Table 1: what translating a persistent pointer costs, and mapping an object. Each figure is the difference of two loops that are
 * the same but for what is measured:
 *
 *   intra      a chain of pointers within one object, less the same chain of plain pointers
 *   cached     a chain through eight objects, each pointer to another one, less a chain of plain pointers through the same places
 *   uncached   forgetting a translation and following the pointer, less forgetting it: the FOT entry is read, the mapping found, and both
 *              caches filled. The lines that are read are in the processor's caches
 *   map        mapping an object that is not mapped: finding that, and writing the view entry. The first access is not part of it
 *   map-touch  the same with the first access, which the kernel has to complete: it has not seen the object in this view
 *   name       looking up a name of two parts
 *   call       a system call that does nothing
 *
 * The unix-style twins are the same work where the kernel does it, by a system call of this kernel that does the least such a call must:
 *
 *   unix-open   a system call, the name looked up, the object's record read (SYS_STAT): what open("id") and the fstat behind it are for
 *   unix-map    a system call that maps: SYS_THREAD_CONTROL's setting of a fixed slot, after the program has found a free one
 *   unix-touch  the same with the first access: a page fault
 */
import { DELETE, OBJ_NULLPAGE, ObjectId, READ, USE, WRITE } from '../../abi/object.ts';
import {
  CREATE_TIED,
  CREATE_VOLATILE,
  StatResult,
  SYS_NULL,
  SYS_THREAD_CONTROL,
  THREAD_SET_FIXED,
} from '../../abi/syscall.ts';
import { SLOT_ALLOC_FIRST, VE_VALID } from '../../abi/view.ts';
import { Found, lookup } from '../../libtwz/name.ts';
import { baseOf, createObject, statObject } from '../../libtwz/object.ts';
import { forgetTranslation, translate } from '../../libtwz/pointer.ts';
import { syscall } from '../../libtwz/syscall.ts';
import { mapObject, viewEntryOf } from '../../libtwz/view.ts';
import { cycles, newData, report } from './measure.ts';

/** A slot that the kernel maps for one thread, and where the data of what it shows begin. */
const FIXED_SLOT: u64 = 0x1_0006;
const FIXED_DATA = FIXED_SLOT * 0x4000_0000 + OBJ_NULLPAGE;
const ROUNDS: u64 = 100_000;
const RING: u64 = 8;
/** Objects that are mapped, one after the other. */
const MAPPED: u64 = 1000;

@persistent
class Hop {
  next: Hop | null;
  /** The same way in plain pointers. */
  plain: u64;
}

function followPersistent(start: Hop, count: u64): u64 {
  let hop = start;
  const begin = cycles();
  for (let i: u64 = 0; i < count; i++) hop = hop.next!;
  const end = cycles();
  if (addressOf(hop) === 0) panic('the chain is broken');
  return end - begin;
}

function followPlain(start: Hop, count: u64): u64 {
  let hop = addressOf(start);
  const begin = cycles();
  for (let i: u64 = 0; i < count; i++) hop = load<u64>(hop, offsetof<Hop>('plain'));
  const end = cycles();
  if (hop === 0) panic('the chain is broken');
  return end - begin;
}

/** Links `RING` places to a ring, both ways of pointing. */
function makeRing(places: FixedArray<usize, 8>): void {
  for (let i: u64 = 0; i < RING; i++) {
    const next = places[(i + 1) % RING];
    const hop = at<Hop>(places[i]);
    hop.next = at<Hop>(next);
    hop.plain = next;
  }
}

function measureChain(name: str, places: FixedArray<usize, 8>): void {
  makeRing(places);
  const first = at<Hop>(places[0]);
  // Once to warm up.
  followPersistent(first, RING * 4);
  followPlain(first, RING * 4);
  const persistent = followPersistent(first, ROUNDS);
  const plain = followPlain(first, ROUNDS);
  report(name, persistent - plain, ROUNDS);
}

function measureUncached(hop: Hop): void {
  const base = baseOf(addressOf(hop));
  const pointer = load<u64>(addressOf(hop), offsetof<Hop>('next'));
  const index = pointer >> 30;
  let sum: u64 = 0;
  for (let i = 0; i < 10; i++) sum += translate(base, pointer);
  const start = cycles();
  for (let i: u64 = 0; i < ROUNDS; i++) {
    forgetTranslation(base, index);
    sum += translate(base, pointer);
  }
  const middle = cycles();
  for (let i: u64 = 0; i < ROUNDS; i++) {
    forgetTranslation(base, index);
    sum += pointer;
  }
  const end = cycles();
  if (sum === 0) panic('no translation');
  report('uncached', middle - start - (end - middle), ROUNDS);
}

/** IDs of new objects that have a page, two words each. */
function makeObjects(): Ptr<u64> {
  const ids = at<Ptr<u64>>(newData(MAPPED * sizeof<ObjectId>(), false));
  const id = stack<ObjectId>();
  for (let i: u64 = 0; i < MAPPED; i++) {
    if (createObject(id, READ | WRITE | DELETE | USE | CREATE_VOLATILE | CREATE_TIED) !== 0)
      panic('no space for an object');
    ids[2 * i] = id.lo;
    ids[2 * i + 1] = id.hi;
    // The page is there before it is accessed through a new mapping.
    mapFixed(ids, i);
    store<u8>(FIXED_DATA, 1);
  }
  return ids;
}

/** Maps by a system call, where the kernel writes the entry. */
function mapFixed(ids: Ptr<u64>, index: u64): void {
  const flags = u64(READ | WRITE) | VE_VALID;
  syscall(
    SYS_THREAD_CONTROL,
    THREAD_SET_FIXED,
    FIXED_SLOT,
    ids[2 * i64(index)],
    ids[2 * i64(index) + 1],
    flags,
  );
}

function measureMapping(): void {
  // Pages of the view are there already: that the kernel makes one for every 128 entries is not counted.
  for (let slot: u64 = 0; slot < 4096; slot += 64) {
    const entry = viewEntryOf(SLOT_ALLOC_FIRST + slot);
    volatileStore<u32>(ptrTo(entry.res1).address, entry.res1);
  }
  let ids = makeObjects();
  let sum: u64 = 0;
  let start = cycles();
  for (let i: u64 = 0; i < MAPPED; i++) sum += mapObject(ids[2 * i], ids[2 * i + 1], READ | WRITE);
  report('map', cycles() - start, MAPPED);
  ids = makeObjects();
  start = cycles();
  for (let i: u64 = 0; i < MAPPED; i++)
    sum += u64(volatileLoad<u8>(mapObject(ids[2 * i], ids[2 * i + 1], READ | WRITE) + OBJ_NULLPAGE));
  report('map-touch', cycles() - start, MAPPED);
  start = cycles();
  for (let i: u64 = 0; i < MAPPED; i++) mapFixed(ids, i);
  report('unix-map', cycles() - start, MAPPED);
  start = cycles();
  for (let i: u64 = 0; i < MAPPED; i++) {
    mapFixed(ids, i);
    sum += u64(volatileLoad<u8>(FIXED_DATA));
  }
  report('unix-touch', cycles() - start, MAPPED);
  if (sum === 0) panic('nothing mapped');
}

function measureCall(): void {
  const start = cycles();
  for (let i = 0; i < 1000; i++) syscall(SYS_NULL, 0, 0, 0, 0, 0);
  report('call', cycles() - start, 1000);
}

const NAME = '/bin/paper';

function measureName(): void {
  const found = stack<Found>();
  const facts = stack<StatResult>();
  if (lookup(NAME, found) !== 0) panic('this program has no name');
  let start = cycles();
  for (let i = 0; i < 1000; i++) lookup(NAME, found);
  report('name', cycles() - start, 1000);
  start = cycles();
  for (let i = 0; i < 1000; i++) {
    lookup(NAME, found);
    statObject(found.id, facts);
  }
  report('unix-open', cycles() - start, 1000);
}

export function measureTranslation(): void {
  const places = stack<FixedArray<usize, 8>>();
  const data = newData(4096, false);
  for (let i: u64 = 0; i < RING; i++) places[i] = data + i * 64;
  measureChain('intra', places);
  for (let i: u64 = 0; i < RING; i++) places[i] = newData(4096, false) + i * 64;
  measureChain('cached', places);
  measureUncached(at<Hop>(places[0]));
  measureMapping();
  measureName();
  measureCall();
}
