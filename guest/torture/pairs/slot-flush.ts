/** A table of slots, each valid by a flag in its header block. The value is stored into a block of its own, and only the header is made persistent. */
// class: missing flush
import 'licorice/libtwz/torture-only.ts';
import { allocateIn } from 'licorice/libtwz/alloc.ts';
import { persist } from 'licorice/libtwz/persist.ts';
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
class Slot {
  used: u64;
  readonly reserved: FixedArray<u64, 7>;
  readonly value: FixedArray<u64, 8>;
}

@persistent
class Table {
  readonly slots: FixedArray<Inline<Slot>, 4>;
}

function table(): Table {
  return at<Table>(subjectRoot());
}

function setup(): void {
  const base = makeSubject();
  using tx = Tx.begin();
  setSubjectRoot(tx, base, allocateIn(tx, base, sizeof<Table>()));
}

function operation(index: u64): void {
  const slot = table().slots[index];
  slot.value[0] = index * 100;
  slot.value[1] = index * 100 + 1; // guilty
  if (!BUGGY) persist(addressOf(slot.value), 2 * sizeof<u64>());
  slot.used = 1;
  persist(addressOf(slot), sizeof<u64>());
}

function check(): u64 {
  let state: u64 = 0;
  for (let i: u64 = 0; i < 4; i++) {
    const slot = table().slots[i];
    if (slot.used === 0) continue;
    if (slot.value[0] !== i * 100) finish(2);
    if (slot.value[1] !== i * 100 + 1) finish(3);
    state = mix(state, i);
  }
  return state;
}

/** @export */
function torture(): u64 {
  return runWorkload(3, setup, operation, check);
}
