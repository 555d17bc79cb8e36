/** What has been changed in the text, so that it can be taken back, the last change first. Letters typed in a row are one change. */
import { allocate } from '../../libtwz/heap.ts';

const CHANGES = 4096;
/** Bytes that have been removed and can come back, at most. */
const ROOM = 0x400_0000;

/** At `place`, `removed` bytes went and `inserted` bytes came. */
export class Change {
  place: u64;
  inserted: u64;
  removed: u64;
  /** Where the removed bytes are kept. */
  kept: u64;
}

const changes = zeroed<FixedArray<Inline<Change>, 4096>>();
let count: u64 = 0;
let bytes: usize = 0;
let used: u64 = 0;
/** The last change may grow by what is typed next. */
let grows = false;

/** The text is another one. */
export function forgetChanges(): void {
  count = 0;
  used = 0;
  grows = false;
  if (bytes === 0) bytes = allocate(ROOM, 4096);
}

/** The next change; when all places are taken the older half is forgotten. */
function nextChange(): Change {
  if (count === CHANGES) {
    count = CHANGES / 2;
    memory.copy(addressOf(changes), addressOf(changes[count]), count * sizeof<Change>());
  }
  const change = changes[count];
  count++;
  change.inserted = 0;
  change.removed = 0;
  change.kept = used;
  return change;
}

/** `size` bytes come in at `place`; `ends`: what follows is another change. */
export function noteInsertion(place: u64, size: u64, ends: bool): void {
  const last = changes[count === 0 ? 0 : count - 1];
  if (grows && last.place + last.inserted === place) last.inserted += size;
  else {
    const change = nextChange();
    change.place = place;
    change.inserted = size;
  }
  grows = !ends;
}

/** The bytes at `address` go out at `place`. */
export function noteRemoval(place: u64, address: usize, size: u64): void {
  if (size > ROOM - used) {
    forgetChanges();
    if (size > ROOM) return;
  }
  const change = nextChange();
  change.place = place;
  change.removed = size;
  memory.copy(bytes + used, address, size);
  used += size;
  grows = false;
}

/** Takes the last change off, to be undone. False: there is none. */
export function takeChange(into: Change): bool {
  if (count === 0) return false;
  count--;
  assign(into, changes[count]);
  used = into.kept;
  grows = false;
  return true;
}

/** Where the bytes are that a change removed. */
export function removedAt(change: Change): usize {
  return bytes + change.kept;
}
