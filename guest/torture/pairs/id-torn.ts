/** A reference of 128 bits is replaced where it lies. Its halves are two stores: a failure between them leaves an ID that never was. */
// class: order
import 'licorice/libtwz/torture-only.ts';
import { ObjectId } from 'licorice/abi/object.ts';
import { allocateIn } from 'licorice/libtwz/alloc.ts';
import { persist, storePersistent } from 'licorice/libtwz/persist.ts';
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

/** @align 64 */
@persistent
class Holder {
  readonly ids: FixedArray<Inline<ObjectId>, 2>;
  current: u64;
}

function holder(): Holder {
  return at<Holder>(subjectRoot());
}

function setup(): void {
  const base = makeSubject();
  using tx = Tx.begin();
  const made = at<Holder>(allocateIn(tx, base, sizeof<Holder>()));
  made.ids[0].lo = 1;
  made.ids[0].hi = ~u64(1);
  setSubjectRoot(tx, base, addressOf(made));
}

function put(id: ObjectId, value: u64): void {
  id.lo = value; // too early
  id.hi = ~value; // guilty
  persist(addressOf(id), sizeof<ObjectId>());
}

function operation(index: u64): void {
  const own = holder();
  if (BUGGY) {
    put(own.ids[0], index + 1);
    return;
  }
  put(own.ids[1 - own.current], index + 1);
  storePersistent(ptrTo(own.current).address, 1 - own.current);
}

function check(): u64 {
  const id = holder().ids[holder().current];
  if (id.hi !== ~id.lo) finish(2);
  return mix(0, id.lo);
}

/** @export */
function torture(): u64 {
  return runWorkload(3, setup, operation, check);
}
