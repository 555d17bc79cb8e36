/** Torture workload: the paper's key-value store, durable: insertion, update, removal, with and without the second index, room used again. */
import '../libtwz/torture-only.ts';
import { ObjectId } from '../abi/object.ts';
import { createHeap } from '../libtwz/alloc.ts';
import { dataOf, openObject } from '../libtwz/object.ts';
import { Pool } from '../libtwz/pool.ts';
import { finish, mix, operationCount, runWorkload } from '../libtwz/torture.ts';
import { Tx } from '../libtwz/tx.ts';
import { Data, Store } from '../programs/paper/twzkv.ts';
import { randomOf } from './shared/random.ts';
import { setUp, state } from './shared/state.ts';

const BUCKETS: u64 = 4;
const VALUES = 'values of different lengths, up to some cache blocks, of which each has another beginning';
const KEYS = 'abcdefghijklmnopqrstuvwxyz';

/** The pool's three objects hold the store and two data objects, each in one allocation. */
@persistent
class Parts {
  store: Store | null;
  first: Data | null;
  second: Data | null;
}

function parts(): Parts {
  return at<Parts>(addressOf(state().container));
}

function make(tx: Tx, pool: Pool): usize {
  const made = at<Parts>(pool.allocate(tx, sizeof<Parts>()));
  made.store = at<Store>(pool.allocate(tx, 64 + BUCKETS * 16));
  made.store!.initialise(BUCKETS, true);
  return addressOf(made);
}

/** A data object begins with its header, so each is an object of its own. */
function newDataObject(): Data {
  const id = stack<ObjectId>();
  if (createHeap(id) !== 0) finish(15);
  const data = dataOf(openObject(id));
  memory.fill(data, 0, 512);
  return at<Data>(data);
}

function giveData(): void {
  using tx = Tx.begin();
  parts().first = newDataObject();
  parts().second = newDataObject();
}

function setup(): void {
  setUp(make);
  giveData();
}

function key(which: u64): str {
  return KEYS.subslice(which, which + 1);
}

function operation(index: u64): void {
  const store = parts().store;
  const first = parts().first;
  const second = parts().second;
  const random = randomOf(index);
  const some = (random >> 8) % KEYS.length;
  // More operations than these eight are random ones.
  if (index > 8) {
    if (random % 3 === 0) store!.remove(key(some));
    else
      store!.put(
        (random & 4) === 0 ? first! : second!,
        key(some),
        VALUES.subslice(some, VALUES.length - some),
        0,
      );
  } else if (index <= 4)
    store!.put(index % 2 === 0 ? first! : second!, key(index), 'value', index === 2 ? 0 : index);
  else if (index === 5) store!.put(first!, key(1), 'other', 1);
  else if (index === 6) store!.remove(key(3));
  else if (index === 7) store!.remove(key(2));
  else store!.put(second!, key(5), 'again', 9);
}

/** What is found of all keys and numbers. The two indexes are changed one after the other: a number may come later than its key. */
function check(): u64 {
  const store = parts().store!;
  let value: u64 = 0;
  for (let i: u64 = 0; i < KEYS.length; i++) {
    const pair = store.get(key(i));
    value = mix(value, pair === null ? 0 : u64(pair.value()[0]));
    if (pair !== null && !pair.key().equals(key(i))) finish(21);
  }
  return value;
}

/** @export */
function torture(): u64 {
  return runWorkload(operationCount(8), setup, operation, check);
}
