/**
 * What the workloads of the paper's key-value stores have in common: transactions of one to three changes on a few keys. Values of 880 bytes make
 * pages part and join; with shorter ones fewer blocks are undetermined at once.
 */

import { finish, mix, runWorkload } from '../../libtwz/torture.ts';
import { BACKENDS } from '../../programs/paper/store/backends.ts';
import { formatNamed, openNamed } from '../../programs/paper/store/named.ts';
import { Backend, Cursor } from '../../programs/paper/store/store.ts';

const OPERATIONS: u64 = 6;
const KEYS = 'abcdefgh';
const TREE: u64 = 1;

/** Was the store opened in this run of the program? */
let opened = false;

const bytes = zeroed<FixedArray<u8, 1024>>();

function key(which: u64): str {
  return KEYS.subslice(which, which + 1);
}

function value(byte: u64, length: u64): str {
  memory.fill(addressOf(bytes), u8(byte), length);
  return strOf(bytes.ptr, length);
}

let backend: Backend;
let longest: u64 = 0;

function setup(): void {
  formatNamed(backend);
  if (!openNamed(backend)) finish(20);
  opened = true;
  backend.begin();
  for (let i: u64 = 0; i < 3; i++) backend.put(TREE, key(i), value(i, longest));
  backend.commit();
}

function change(index: u64): void {
  backend.begin();
  if (index === 1) backend.put(TREE, key(3), value(index, longest));
  else if (index === 2) {
    backend.put(TREE, key(4), value(index, longest));
    backend.put(TREE, key(0), value(index, 20));
  } else if (index === 3) backend.put(TREE, key(1), value(index, longest));
  else if (index === 4) {
    backend.remove(TREE, key(2));
    backend.remove(TREE, key(3));
  } else if (index === 5) {
    backend.remove(TREE, key(4));
    backend.put(TREE, key(5), value(index, 5));
  } else backend.put(TREE, key(1), value(index, 30));
  backend.commit();
}

/** All pairs in order. After a power failure this opens the store, which recovers. */
function check(): u64 {
  if (!opened && !openNamed(backend)) finish(21);
  opened = true;
  if (!backend.isWhole(TREE)) finish(22);
  const cursor = stack<Cursor>();
  cursor.tree = TREE;
  let sum: u64 = 0;
  for (backend.first(cursor); cursor.valid; backend.next(cursor)) {
    const found = backend.value(cursor);
    for (let i: u64 = 1; i < found.length; i++) if (found[i] !== found[0]) finish(23);
    sum = mix(mix(mix(sum, u64(backend.key(cursor)[0])), u64(found[0])), found.length);
  }
  return sum;
}

/** The workload of store number `which`, with values of at most `size` bytes. */
export function tortureStore(which: u64, size: u64): u64 {
  backend = BACKENDS[which];
  longest = size;
  return runWorkload(OPERATIONS, setup, change, check);
}

/** An insertion, and an update: changes of one page. */
function changeOnePage(index: u64): void {
  change(index === 1 ? 1 : 3);
}

/** The same with two transactions, each of which changes one page. */
export function tortureStoreByPages(which: u64, size: u64): u64 {
  backend = BACKENDS[which];
  longest = size;
  return runWorkload(2, setup, changeOnePage, check);
}
