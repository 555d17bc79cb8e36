/**
 * Torture workload: a queue without locks, in which two threads append nodes by compare-and-swap of the last link. A thread may find a link that another
 * one has stored and not persisted yet; whoever builds upon it persists it first, or what it appends and acknowledges hangs on nothing
 * after a failure ("dirty reads" of lock-free persistent structures: Wang et al., ICDE 2018; PMRace, ASPLOS 2022).
 */
import '../libtwz/torture-only.ts';
import { allocateIn } from '../libtwz/alloc.ts';
import { persist } from '../libtwz/persist.ts';
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

/** A cache block each. */
@persistent
class Node {
  value: u64;
  /** Number of the next node, 0: none yet. */
  next: u64;
  readonly padding: FixedArray<u64, 6>;
}

/** Node 0 is there from the beginning; operation n appends node n. */
@persistent
class Queue {
  readonly nodes: FixedArray<Inline<Node>, 5>;
}

let queue: Queue;

function setup(): void {
  const base = makeSubject();
  using tx = Tx.begin();
  const place = (allocateIn(tx, base, sizeof<Queue>() + 64) + 63) & ~u64(63);
  queue = at<Queue>(place);
  setSubjectRoot(tx, base, place);
}

function operation(index: u64): void {
  queue.nodes[index].value = index * 11;
  persist(addressOf(queue.nodes[index]), sizeof<Node>());
  let last: u64 = 0;
  for (;;) {
    const link = ptrTo(queue.nodes[last].next);
    const next = atomic.load<u64>(link, Order.acquire);
    if (next !== 0) {
      // Whoever stored it may not have persisted it yet.
      persist(link.address, 8);
      last = next;
    } else if (atomic.compareExchange<u64>(link, 0, index, Order.acq_rel) === 0) {
      persist(link.address, 8);
      return;
    }
  }
}

function check(): u64 {
  queue = at<Queue>(subjectRoot());
  let seen: u64 = 0;
  let value: u64 = 0;
  for (let node = queue.nodes[0].next; node !== 0; node = queue.nodes[node].next) {
    if (node > THREADS * EACH || !hadBegun(node)) finish(20);
    if (((seen >> node) & 1) !== 0) finish(21);
    seen |= u64(1) << node;
    if (queue.nodes[node].value !== node * 11) finish(22);
    value = mix(value, node);
  }
  for (let index: u64 = 1; index <= THREADS * EACH; index++)
    if (wasAcknowledged(index) && ((seen >> index) & 1) === 0) finish(23);
  return value;
}

/** @export */
function torture(): u64 {
  return runThreads(THREADS, EACH, setup, operation, check);
}
