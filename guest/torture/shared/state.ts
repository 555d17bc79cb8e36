/** What the workloads of containers have in common: an object named `c` with a pool over three objects, whose root leads to the container. */
import { NameType } from '../../abi/name.ts';
import { ObjectId } from '../../abi/object.ts';
import { Anchor, allocateIn, createHeap, heapOf, isHeap } from '../../libtwz/alloc.ts';
import { assignName, rootNamespace, stepInto } from '../../libtwz/name.ts';
import { openObject } from '../../libtwz/object.ts';
import { createPool, Pool } from '../../libtwz/pool.ts';
import { finish } from '../../libtwz/torture.ts';
import { Tx } from '../../libtwz/tx.ts';

const NAME = 'c';

@persistent
export class State {
  pool: Pool | null;
  /** The container under test. */
  container: Anchor | null;
  number: u64;
}

/** The object of the workload; a finding when it has lost its name. */
export function baseObject(): usize {
  const root = stack<ObjectId>();
  const id = stack<ObjectId>();
  if (!rootNamespace(root) || !stepInto(root, NAME, id)) finish(10);
  return openObject(id);
}

export function state(): State {
  const base = baseObject();
  if (!isHeap(base)) finish(11);
  const root = heapOf(base).root;
  if (root === null) finish(12);
  return at<State>(addressOf(root!));
}

/** The address of the container. */
export function container(): usize {
  return addressOf(state().container);
}

function fill(base: usize, make: (tx: Tx, pool: Pool) => usize): void {
  using tx = Tx.begin();
  const made = at<State>(allocateIn(tx, base, sizeof<State>()));
  const pool = createPool(tx, base);
  made.pool = pool;
  pool.addObject();
  pool.addObject();
  pool.spanAfter(tx, 0x10_0000, true);
  made.container = at<Anchor>(make(tx, pool));
  heapOf(base).root = at<Anchor>(addressOf(made));
}

/** Makes the object, with the container that `make` puts into the pool. */
export function setUp(make: (tx: Tx, pool: Pool) => usize): void {
  const root = stack<ObjectId>();
  const id = stack<ObjectId>();
  if (createHeap(id) !== 0 || !rootNamespace(root)) finish(13);
  fill(openObject(id), make);
  if (assignName(root, NAME, id, NameType.object, false) !== 0) finish(14);
}
