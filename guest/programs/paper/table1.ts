/**
 * The paper's Table 1: what translating a persistent pointer costs, and mapping an object. Each figure is the difference of two loops that are
 * the same but for what is measured:
 *
 *   intra      a chain of pointers within one object, less the same chain of plain pointers
 *   cached     a chain through eight objects, each pointer to another one, less a chain of plain pointers through the same places
 *   uncached   forgetting a translation and following the pointer, less forgetting it: the FOT entry is read, the mapping found, and both
 *              caches filled. The lines that are read are in the processor's caches
 *   map        mapping an object that is not mapped: finding that, and writing the view entry. The first access is not part of it
 *   name       looking up a name of two parts
 *   call       a system call that does nothing: the least that opening or mapping a file costs where the kernel does it
 */
import { DELETE, ObjectId, READ, USE, WRITE } from '../../abi/object.ts';
import { CREATE_TIED, CREATE_VOLATILE, SYS_NULL } from '../../abi/syscall.ts';
import { SLOT_ALLOC_FIRST } from '../../abi/view.ts';
import { Found, lookup } from '../../libtwz/name.ts';
import { baseOf, createObject } from '../../libtwz/object.ts';
import { forgetTranslation, translate } from '../../libtwz/pointer.ts';
import { syscall } from '../../libtwz/syscall.ts';
import { mapObject, viewEntryOf } from '../../libtwz/view.ts';
import { cycles, newData, report } from './measure.ts';

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

function measureMapping(): void {
  const ids = at<Ptr<u64>>(newData(MAPPED * sizeof<ObjectId>(), false));
  const id = stack<ObjectId>();
  for (let i: u64 = 0; i < MAPPED; i++) {
    if (createObject(id, READ | WRITE | DELETE | USE | CREATE_VOLATILE | CREATE_TIED) !== 0)
      panic('no space for an object');
    ids[2 * i] = id.lo;
    ids[2 * i + 1] = id.hi;
  }
  // Pages of the view are there already: that the kernel makes one for every 128 entries is not counted.
  for (let slot: u64 = 0; slot < 4096; slot += 64) {
    const entry = viewEntryOf(SLOT_ALLOC_FIRST + slot);
    volatileStore<u32>(ptrTo(entry.res1).address, entry.res1);
  }
  let sum: u64 = 0;
  const start = cycles();
  for (let i: u64 = 0; i < MAPPED; i++) sum += mapObject(ids[2 * i], ids[2 * i + 1], READ | WRITE);
  const end = cycles();
  if (sum === 0) panic('nothing mapped');
  report('map', end - start, MAPPED);
}

function measureCall(): void {
  const start = cycles();
  for (let i = 0; i < 1000; i++) syscall(SYS_NULL, 0, 0, 0, 0, 0);
  report('call', cycles() - start, 1000);
}

function measureName(): void {
  const found = stack<Found>();
  if (lookup('/bin/paper', found) !== 0) panic('this program has no name');
  const start = cycles();
  for (let i = 0; i < 1000; i++) lookup('/bin/paper', found);
  report('name', cycles() - start, 1000);
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
