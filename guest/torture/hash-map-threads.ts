/**
 * Torture workload: two threads change one hash map, new keys and a new value, each under a mutex that survives power failures. The buckets are about
 * to be full, so that one of the changes splits one. After a failure the map is whole and has what was acknowledged.
 */
import '../libtwz/torture-only.ts';
import { allocateIn } from '../libtwz/alloc.ts';
import { createHashMap, HashMap } from '../libtwz/hash-map.ts';
import { Mutex } from '../libtwz/mutex.ts';
import { createPool } from '../libtwz/pool.ts';
import {
  finish,
  hadBegun,
  makeSubject,
  mix,
  runThreads,
  setSubjectRoot,
  subjectRoot,
  wasAcknowledged,
} from '../libtwz/torture.ts';
import { Tx } from '../libtwz/tx.ts';

const THREADS: u64 = 2;
const EACH: u64 = 2;
/** Keys at the beginning. */
const FIRST: u64 = 34;
/** The operation that gives key 5 a new value; the others add a key. */
const REPLACES: u64 = 3;

@persistent
class Shared {
  readonly lock: Inline<Mutex>;
  map: HashMap<u64> | null;
}

let shared: Shared;

function setup(): void {
  const base = makeSubject();
  make(base);
  for (let key: u64 = 1; key <= FIRST; key++) shared.map!.put(key, key);
}

function make(base: usize): void {
  using tx = Tx.begin();
  shared = at<Shared>(allocateIn(tx, base, sizeof<Shared>()));
  setSubjectRoot(tx, base, addressOf(shared));
  shared.map = createHashMap<u64>(tx, createPool(tx, base));
}

function operation(index: u64): void {
  using guard = shared.lock.hold();
  if (index === REPLACES) shared.map!.put(5, 55);
  else shared.map!.put(1000 + index, index);
}

function isDone(index: u64): bool {
  if (index === REPLACES) return shared.map!.get(5, 0) === 55;
  return shared.map!.has(1000 + index);
}

function check(): u64 {
  shared = at<Shared>(subjectRoot());
  shared.lock.acquire();
  const map = shared.map!;
  if (!map.isWhole()) finish(20);
  for (let key: u64 = 1; key <= FIRST; key++) if (key !== 5 && map.get(key, 0) !== key) finish(21);
  let value: u64 = 0;
  for (let index: u64 = 1; index <= THREADS * EACH; index++) {
    const done = isDone(index);
    if (done && !hadBegun(index)) finish(22);
    if (!done && wasAcknowledged(index)) finish(23);
    value = mix(value, done ? 1 : 0);
  }
  shared.lock.release();
  return value;
}

/** @export */
function torture(): u64 {
  return runThreads(THREADS, EACH, setup, operation, check);
}
