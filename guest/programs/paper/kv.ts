/**
 * Insertions and lookups of 32-bit keys and values in key-value stores: `twz`, `unix` (one data file) and `multi` (unix style, several). Index
 * and data lie in different objects (files); with several, they take turns.
 */
import { cycles, keyAgain, keyAt, newData, report } from './measure.ts';
import * as twz from './twzkv.ts';
import * as unix from './unixkv.ts';
import * as multi from './unixkv-multi.ts';

const MAX_OBJECTS = 8;
/** Room of a pair. */
const PAIR_BYTES = 64;

function bucketsFor(count: u64): u64 {
  return u64(1) << (64 - clz<u64>(count - 1));
}

/** A 32-bit number as the bytes of a key or value. */
function bytesOf(place: Ptr<u32>, value: u32): str {
  place[0] = value;
  return strOf(changetype<Ptr<u8>>(place), 4);
}

function check(found: u64, count: u64): void {
  if (found !== count) panic('a key is missing');
}

function measureTwz(count: u64, objects: u64, durable: bool): void {
  const buckets = bucketsFor(count);
  const index = at<twz.Store>(newData(64 + buckets * 16, durable));
  const data = stack<FixedArray<twz.Data, 8>>();
  for (let i: u64 = 0; i < objects; i++)
    data[i] = at<twz.Data>(newData((count / objects + 2) * PAIR_BYTES + 1024, durable));
  index.initialise(buckets, durable);
  const key = stack<FixedArray<u32, 1>>().ptr;
  const value = stack<FixedArray<u32, 1>>().ptr;
  const start = cycles();
  for (let i: u64 = 0; i < count; i++)
    index.put(unchecked(data[i % objects]), bytesOf(key, keyAt(i)), bytesOf(value, u32(i)), 0);
  const middle = cycles();
  let found: u64 = 0;
  for (let i: u64 = 0; i < count; i++) {
    const pair = index.get(bytesOf(key, keyAgain(i, count)));
    if (pair !== null) found += pair.value().length / 4;
  }
  report('insert', middle - start, count);
  report('lookup', cycles() - middle, count);
  check(found, count);
}

function measureUnix(count: u64, durable: bool): void {
  const buckets = bucketsFor(count);
  const index = at<unix.Store>(newData(64 + buckets * 16, durable));
  const data = newData((count + 2) * PAIR_BYTES + 1024, durable);
  index.initialise(buckets, durable);
  const key = stack<FixedArray<u32, 1>>().ptr;
  const value = stack<FixedArray<u32, 1>>().ptr;
  const start = cycles();
  for (let i: u64 = 0; i < count; i++) index.put(data, bytesOf(key, keyAt(i)), bytesOf(value, u32(i)), 0);
  const middle = cycles();
  let found: u64 = 0;
  for (let i: u64 = 0; i < count; i++) {
    const pair = index.get(data, bytesOf(key, keyAgain(i, count)));
    if (pair !== null) found += pair.value().length / 4;
  }
  report('insert', middle - start, count);
  report('lookup', cycles() - middle, count);
  check(found, count);
}

function measureMulti(count: u64, objects: u64, durable: bool): void {
  const buckets = bucketsFor(count);
  const index = at<multi.Store>(newData(64 + buckets * 16, durable));
  const files = stack<multi.Opened>();
  for (let i: u64 = 0; i < objects; i++) {
    files.bases[i + 1] = newData((count / objects + 2) * PAIR_BYTES + 1024, durable);
    files.allowed[i + 1] = multi.MAY_READ | multi.MAY_WRITE;
  }
  index.initialise(buckets, durable);
  const key = stack<FixedArray<u32, 1>>().ptr;
  const value = stack<FixedArray<u32, 1>>().ptr;
  const start = cycles();
  for (let i: u64 = 0; i < count; i++)
    index.put(files, 1 + (i % objects), bytesOf(key, keyAt(i)), bytesOf(value, u32(i)), 0);
  const middle = cycles();
  let found: u64 = 0;
  for (let i: u64 = 0; i < count; i++) {
    const pair = index.get(files, bytesOf(key, keyAgain(i, count)));
    if (pair !== null) found += pair.value().length / 4;
  }
  report('insert', middle - start, count);
  report('lookup', cycles() - middle, count);
  check(found, count);
}

/** False: there is no such kind. */
export function measureStore(kind: str, count: u64, objects: u64, durable: bool): bool {
  if (objects > MAX_OBJECTS) return false;
  if (kind.equals('twz')) measureTwz(count, objects, durable);
  else if (kind.equals('unix')) measureUnix(count, durable);
  else if (kind.equals('multi')) measureMulti(count, objects, durable);
  else return false;
  return true;
}
