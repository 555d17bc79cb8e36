/** Insertions and lookups in libtwz's containers on the NVDIMM: each insertion is persistent when it returns. */
import { ObjectId } from '../../abi/object.ts';
import { createHeap } from '../../libtwz/alloc.ts';
import { BTree, createBTree } from '../../libtwz/btree.ts';
import { createHashMap, HashMap } from '../../libtwz/hash-map.ts';
import { openObject } from '../../libtwz/object.ts';
import { createPool, Pool } from '../../libtwz/pool.ts';
import { Tx } from '../../libtwz/tx.ts';
import { createVector, Vector } from '../../libtwz/vector.ts';
import { cycles, keyAgain, keyAt, report } from './measure.ts';

/** One of each. */
class Made {
  vector: Vector<u64>;
  map: HashMap<u64>;
  tree: BTree<u64>;
}

function make(base: usize, made: Made): void {
  using tx = Tx.begin();
  const pool: Pool = createPool(tx, base);
  made.vector = createVector<u64>(tx, pool);
  made.map = createHashMap<u64>(tx, pool);
  made.tree = createBTree<u64>(tx, pool);
}

export function measureContainers(count: u64): void {
  const id = stack<ObjectId>();
  if (createHeap(id) !== 0) panic('no space for an object');
  const base = openObject(id);
  for (let offset: u64 = 0; offset < count * 128; offset += 4096) store<u8>(base + 8192 + offset + 2048, 0);
  const made = stack<Made>();
  make(base, made);
  const vector = made.vector;
  const map = made.map;
  const tree = made.tree;
  let start = cycles();
  for (let i: u64 = 0; i < count; i++) vector.push(i);
  report('vector-push', cycles() - start, count);
  start = cycles();
  for (let i: u64 = 0; i < count; i++) map.put(u64(keyAt(i)), i);
  report('map-insert', cycles() - start, count);
  let found: u64 = 0;
  start = cycles();
  for (let i: u64 = 0; i < count; i++) found += u64(map.has(u64(keyAgain(i, count))));
  report('map-lookup', cycles() - start, count);
  start = cycles();
  for (let i: u64 = 0; i < count; i++) tree.put(u64(keyAt(i)), i);
  report('btree-insert', cycles() - start, count);
  start = cycles();
  for (let i: u64 = 0; i < count; i++) found += u64(tree.has(u64(keyAgain(i, count))));
  report('btree-lookup', cycles() - start, count);
  if (found !== 2 * count) panic('a key is missing');
}
