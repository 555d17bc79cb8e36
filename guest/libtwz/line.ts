/**
 * A line editor for the console: insertion, deletion, cursor keys, home and end, word and line erase, history. UTF-8 continuation bytes go
 * with their first byte, so the cursor moves by characters.
 */
import { consoleByte, writeConsole } from './io.ts';

export const LINE_MAX = 1024;
const HISTORY = 64;

const line = zeroed<FixedArray<u8, 1024>>();
const history = zeroed<FixedArray<u8, 65536>>();
const lengths = zeroed<FixedArray<u64, 64>>();
let historyCount: u64 = 0;
let length: u64 = 0;
let cursor: u64 = 0;

function put(text: str): void {
  writeConsole(text.ptr.address, text.length);
}

function isContinuation(index: u64): bool {
  return index < length && (line[index] & 0xc0) === 0x80;
}

/** Draws the rest of the line from the cursor on, and goes back to it. */
function redrawTail(): void {
  put('\x1b[K');
  if (cursor < length) {
    put('\x1b7');
    writeConsole(addressOf(line) + cursor, length - cursor);
    put('\x1b8');
  }
}

function moveLeft(): bool {
  if (cursor === 0) return false;
  do cursor--;
  while (cursor > 0 && isContinuation(cursor));
  put('\x1b[D');
  return true;
}

function moveRight(): bool {
  if (cursor === length) return false;
  do cursor++;
  while (isContinuation(cursor));
  put('\x1b[C');
  return true;
}

function erase(from: u64, to: u64): void {
  memory.copy(addressOf(line) + from, addressOf(line) + to, length - to);
  length -= to - from;
  redrawTail();
}

function backspace(): void {
  const end = cursor;
  if (moveLeft()) erase(cursor, end);
}

function deleteForward(): void {
  if (cursor === length) return;
  let end = cursor + 1;
  while (isContinuation(end)) end++;
  erase(cursor, end);
}

function insert(byte: u8): void {
  if (length === LINE_MAX) return;
  memory.copy(addressOf(line) + cursor + 1, addressOf(line) + cursor, length - cursor);
  line[cursor] = byte;
  length++;
  writeConsole(addressOf(line) + cursor, 1);
  cursor++;
  if (cursor < length) redrawTail();
}

function replaceLine(address: usize, size: u64): void {
  while (moveLeft());
  length = size;
  memory.copy(addressOf(line), address, size);
  put('\x1b[K');
  writeConsole(addressOf(line), length);
  cursor = length;
}

function eraseWord(): void {
  const end = cursor;
  while (cursor > 0 && line[cursor - 1] === u8(' ')) moveLeft();
  while (cursor > 0 && line[cursor - 1] !== u8(' ')) moveLeft();
  erase(cursor, end);
}

/** Which entry of the history is shown; `historyCount` for the line being written. */
let shown: u64 = 0;

function showHistory(up: bool): void {
  if (up ? shown === 0 || historyCount - shown >= HISTORY : shown === historyCount) return;
  shown = up ? shown - 1 : shown + 1;
  if (shown === historyCount) replaceLine(addressOf(line), 0);
  else replaceLine(addressOf(history) + (shown % HISTORY) * LINE_MAX, lengths[shown % HISTORY]);
}

function remember(): void {
  if (length === 0) return;
  const slot = historyCount % HISTORY;
  memory.copy(addressOf(history) + slot * LINE_MAX, addressOf(line), length);
  lengths[slot] = length;
  historyCount++;
}

function escape(): void {
  const kind = consoleByte();
  if (kind !== u8('[') && kind !== u8('O')) return;
  const key = consoleByte();
  if (key === u8('A')) showHistory(true);
  else if (key === u8('B')) showHistory(false);
  else if (key === u8('C')) moveRight();
  else if (key === u8('D')) moveLeft();
  else if (key === u8('H')) while (moveLeft());
  else if (key === u8('F')) while (moveRight());
  else if (key >= u8('0') && key <= u8('9')) {
    let last = consoleByte();
    while (last !== u8('~') && (last < u8('@') || last > u8('~'))) last = consoleByte();
    if (key === u8('3') && last === u8('~')) deleteForward();
  }
}

/** What ended a line. */
export enum LineEnd {
  line = 0,
  /** Ctrl-C: the line was given up. */
  interrupt = 1,
  /** Ctrl-D on an empty line. */
  end = 2,
}

/** Reads a line after a prompt; `lineText` is the result. */
export function readLine(prompt: str): LineEnd {
  put(prompt);
  length = 0;
  cursor = 0;
  shown = historyCount;
  for (;;) {
    const byte = consoleByte();
    switch (byte) {
      case 13:
      case 10:
        put('\n');
        remember();
        return LineEnd.line;
      case 3:
        put('^C\n');
        length = 0;
        return LineEnd.interrupt;
      case 4:
        if (length === 0) {
          put('\n');
          return LineEnd.end;
        }
        deleteForward();
        break;
      case 8:
      case 127:
        backspace();
        break;
      case 1:
        while (moveLeft());
        break;
      case 5:
        while (moveRight());
        break;
      case 2:
        moveLeft();
        break;
      case 6:
        moveRight();
        break;
      case 11:
        erase(cursor, length);
        break;
      case 21:
        replaceLine(addressOf(line) + cursor, length - cursor);
        break;
      case 23:
        eraseWord();
        break;
      case 12:
        put('\x1b[H\x1b[2J');
        put(prompt);
        writeConsole(addressOf(line), length);
        cursor = length;
        break;
      case 14:
        showHistory(false);
        break;
      case 16:
        showHistory(true);
        break;
      case 27:
        escape();
        break;
      default:
        if (byte >= 32) insert(byte);
    }
  }
}

/** The line that was read last. */
export function lineText(): str {
  return strOf(line.ptr, length);
}

/** Line `index` of the history, oldest first, for `history`; empty past the end. */
export function historyLine(index: u64): str {
  const first = historyCount > HISTORY ? historyCount - HISTORY : 0;
  if (first + index >= historyCount) return '';
  const slot = (first + index) % HISTORY;
  return strOf(history.ptr.add(i64(slot * LINE_MAX)), lengths[slot]);
}
