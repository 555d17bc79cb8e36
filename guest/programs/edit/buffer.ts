/**
 * The text being edited: one run of bytes with a gap at the cursor, in the program's own memory. An index counts the bytes before it, the gap
 * left out. Cut lines are kept apart.
 */
import { allocate } from '../../libtwz/heap.ts';
import { characterLength, isContinuation } from '../../libtwz/utf8.ts';
import { Change, forgetChanges, noteInsertion, noteRemoval, removedAt, takeChange } from './undo.ts';

/** Bytes of text, at most. */
export const CAPACITY: u64 = 0x400_0000;

let base: usize = 0;
let gapStart: u64 = 0;
let gapEnd: u64 = CAPACITY;
let modified = false;

let cutBase: usize = 0;
let cutLength: u64 = 0;
/** The line before was cut as well: the next one is added to it. */
let cutting = false;

export function initBuffer(): void {
  base = allocate(CAPACITY, 4096);
  cutBase = allocate(CAPACITY, 4096);
  forgetChanges();
}

export function textLength(): u64 {
  return CAPACITY - (gapEnd - gapStart);
}

export function byteAt(index: u64): u8 {
  return load<u8>(base + (index < gapStart ? index : index + (gapEnd - gapStart)));
}

/** Index of the cursor. */
export function cursor(): u64 {
  return gapStart;
}

export function isModified(): bool {
  return modified;
}

export function setModified(value: bool): void {
  modified = value;
}

/** Moves the cursor, and the gap with it. */
export function setCursor(index: u64): void {
  if (index < gapStart) {
    const size = gapStart - index;
    memory.copy(base + gapEnd - size, base + index, size);
    gapStart = index;
    gapEnd -= size;
  } else if (index > gapStart) {
    const size = index - gapStart;
    memory.copy(base + gapStart, base + gapEnd, size);
    gapStart = index;
    gapEnd += size;
  }
}

/** Copies all of the text to `target`. */
export function copyText(target: usize): void {
  memory.copy(target, base, gapStart);
  memory.copy(target + gapStart, base + gapEnd, CAPACITY - gapEnd);
}

/** Puts bytes in at the cursor, which goes behind them. False: there is no room. */
export function insertBytes(address: usize, size: u64): bool {
  if (size > gapEnd - gapStart) return false;
  memory.copy(base + gapStart, address, size);
  gapStart += size;
  return true;
}

export function insert(byte: u8): void {
  if (gapStart === gapEnd) return;
  noteInsertion(gapStart, 1, byte === 10);
  store<u8>(base + gapStart, byte);
  gapStart++;
  modified = true;
  cutting = false;
}

export function insertLine(): void {
  insert(10);
}

/** Index of the character before the one at `index`. */
export function before(index: u64): u64 {
  let i = index;
  if (i === 0) return 0;
  do i--;
  while (i > 0 && isContinuation(byteAt(i)));
  return i;
}

/** Index of the character after the one at `index`. */
export function after(index: u64): u64 {
  if (index >= textLength()) return textLength();
  return min<u64>(index + characterLength(byteAt(index)), textLength());
}

/** Removes the text from the cursor to `end`. */
function removeTo(end: u64): void {
  if (end === gapStart) return;
  noteRemoval(gapStart, base + gapEnd, end - gapStart);
  gapEnd += end - gapStart;
  modified = true;
}

export function backspace(): void {
  const end = cursor();
  setCursor(before(end));
  removeTo(end);
  cutting = false;
}

export function deleteForward(): void {
  removeTo(after(cursor()));
  cutting = false;
}

/** Index of the first byte of the line that `index` is in. */
export function lineStart(index: u64): u64 {
  let i = index;
  while (i > 0 && byteAt(i - 1) !== 10) i--;
  return i;
}

/** Index of the line feed that ends the line, or of the end of the text. */
export function lineEnd(index: u64): u64 {
  let i = index;
  while (i < textLength() && byteAt(i) !== 10) i++;
  return i;
}

/** Takes the line out; lines cut one after the other are kept together. */
export function cutLine(): void {
  const start = lineStart(cursor());
  const end = min<u64>(lineEnd(cursor()) + 1, textLength());
  if (!cutting) cutLength = 0;
  for (let i = start; i < end; i++) store<u8>(cutBase + cutLength + (i - start), byteAt(i));
  cutLength += end - start;
  setCursor(start);
  removeTo(end);
  cutting = true;
}

/** Puts what was cut in before the line. */
export function pasteLine(): void {
  if (cutLength === 0) return;
  setCursor(lineStart(cursor()));
  const place = gapStart;
  if (insertBytes(cutBase, cutLength)) {
    noteInsertion(place, cutLength, true);
    modified = true;
  }
  cutting = false;
}

/** Takes the last change back; the cursor goes there. False: there is none that is known. */
export function undo(): bool {
  const change = stack<Change>();
  if (!takeChange(change)) return false;
  setCursor(change.place);
  gapEnd += change.inserted;
  if (change.removed !== 0) insertBytes(removedAt(change), change.removed);
  modified = true;
  cutting = false;
  return true;
}

/** Anything but cutting ends a series of cuts. */
export function endCutting(): void {
  cutting = false;
}
