/** A ring of messages with a head and a tail of their own. The consumer persists its progress only now and then, and the producer overwrites what a restarted consumer wants to read. */
// class: missing flush
import 'licorice/libtwz/torture-only.ts';
import { allocateIn } from 'licorice/libtwz/alloc.ts';
import { clean, persistFence, storePersistent } from 'licorice/libtwz/persist.ts';
import {
  finish,
  makeSubject,
  mix,
  runWorkload,
  setSubjectRoot,
  subjectRoot,
} from 'licorice/libtwz/torture.ts';
import { Tx } from 'licorice/libtwz/tx.ts';

const BUGGY: bool = true;
const SIZE: u64 = 2;

/** @align 64 */
@persistent
class Index {
  value: u64;
}

@persistent
class Ring {
  readonly head: Inline<Index>;
  readonly tail: Inline<Index>;
  readonly messages: FixedArray<Inline<Index>, 2>;
}

function ring(): Ring {
  return at<Ring>(subjectRoot());
}

function setup(): void {
  const base = makeSubject();
  using tx = Tx.begin();
  setSubjectRoot(tx, base, allocateIn(tx, base, sizeof<Ring>()));
}

function consume(own: Ring): void {
  if (own.messages[own.head.value % SIZE].value !== own.head.value + 1) finish(2);
  own.head.value += 1; // guilty
  if (!BUGGY) clean(addressOf(own.head), sizeof<u64>());
  if (!BUGGY) persistFence();
}

function produce(own: Ring): void {
  const tail = own.tail.value;
  if (tail - own.head.value === SIZE) consume(own);
  storePersistent(ptrTo(own.messages[tail % SIZE].value).address, tail + 1); // too early
  storePersistent(ptrTo(own.tail.value).address, tail + 1);
}

function operation(_index: u64): void {
  produce(ring());
}

/** Every message that is not consumed is there. */
function check(): u64 {
  const own = ring();
  for (let i = own.head.value; i < own.tail.value; i++) if (own.messages[i % SIZE].value !== i + 1) finish(3);
  return mix(0, own.tail.value);
}

/** @export */
function torture(): u64 {
  return runWorkload(4, setup, operation, check);
}
