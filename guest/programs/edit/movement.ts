/** Moving the cursor by characters, words, lines. Moving up and down keeps the column that the cursor had, where lines are long enough. */
import { characterWidth } from '../../libtwz/utf8.ts';
import {
  after,
  before,
  byteAt,
  cursor,
  endCutting,
  lineEnd,
  lineStart,
  setCursor,
  textLength,
} from './buffer.ts';

const TAB: u64 = 8;
/** No column is kept. */
const NONE: u64 = ~u64(0);

let wanted: u64 = NONE;

/** Columns that the character at `index` takes when it starts in column `column`. */
export function widthAt(index: u64, column: u64): u64 {
  const byte = byteAt(index);
  if (byte === 9) return TAB - (column & (TAB - 1));
  if (byte < 32 || byte === 127) return 1;
  const character = stack<FixedArray<u8, 4>>();
  const end = after(index);
  for (let i = index; i < end; i++) character[i - index] = byteAt(i);
  return characterWidth(strOf(character.ptr, end - index));
}

/** Column in which the character at `index` starts. */
export function columnOf(index: u64): u64 {
  let column: u64 = 0;
  for (let i = lineStart(index); i < index; i = after(i)) column += widthAt(i, column);
  return column;
}

/** Puts the cursor into the line that begins at `start`, in `column` or before. */
function goToColumn(start: u64, column: u64): void {
  let at0: u64 = 0;
  let i = start;
  const end = lineEnd(start);
  while (i < end) {
    const width = widthAt(i, at0);
    if (at0 + width > column) break;
    at0 += width;
    i = after(i);
  }
  setCursor(i);
}

/** The cursor was moved to `index`, not up or down. */
export function moved(index: u64): void {
  wanted = NONE;
  endCutting();
  setCursor(index);
}

export function goLeft(): void {
  moved(before(cursor()));
}

export function goRight(): void {
  moved(after(cursor()));
}

export function goHome(): void {
  moved(lineStart(cursor()));
}

export function goEnd(): void {
  moved(lineEnd(cursor()));
}

function keepColumn(): void {
  endCutting();
  if (wanted === NONE) wanted = columnOf(cursor());
}

export function goUp(): void {
  const start = lineStart(cursor());
  keepColumn();
  if (start !== 0) goToColumn(lineStart(start - 1), wanted);
}

export function goDown(): void {
  const end = lineEnd(cursor());
  keepColumn();
  if (end !== textLength()) goToColumn(end + 1, wanted);
}

/** The text was changed: the column is where the cursor is now. */
export function forgetColumn(): void {
  wanted = NONE;
}

function isSpace(index: u64): bool {
  return byteAt(index) <= 32;
}

export function goWordLeft(): void {
  let i = cursor();
  while (i > 0 && isSpace(i - 1)) i--;
  while (i > 0 && !isSpace(i - 1)) i--;
  moved(i);
}

export function goWordRight(): void {
  let i = cursor();
  while (i < textLength() && isSpace(i)) i++;
  while (i < textLength() && !isSpace(i)) i++;
  moved(i);
}

/** Lines before `index`. */
export function rowOf(index: u64): u64 {
  let row: u64 = 0;
  for (let i: u64 = 0; i < index; i++) if (byteAt(i) === 10) row++;
  return row;
}

export function lastRow(): u64 {
  return rowOf(textLength());
}

/** Goes to a line, the first is 0, or to the last one. */
export function goTo(row: u64, column: u64): void {
  let start: u64 = 0;
  for (let i: u64 = 0; i < row && lineEnd(start) !== textLength(); i++) start = lineEnd(start) + 1;
  moved(start);
  goToColumn(start, column);
}
