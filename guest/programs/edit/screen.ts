/** The editor's screen: the text, a line about it, and a line for messages and questions. It is drawn whole, in one piece, after each key. */
import { writeConsole } from '../../libtwz/io.ts';
import { Key, readKey } from '../../libtwz/keyboard.ts';
import { terminalColumns, terminalRows } from '../../libtwz/terminal.ts';
import { after, byteAt, cursor, isModified, lineEnd, lineStart, textLength } from './buffer.ts';
import { columnOf, rowOf, widthAt } from './movement.ts';

const OUTPUT = 65536;
const output = zeroed<FixedArray<u8, 65536>>();
let used: u64 = 0;

/** Index of the first line on the screen, and the first column of all lines. */
let top: u64 = 0;
let left: u64 = 0;

let message: str = '';

function send(): void {
  writeConsole(addressOf(output), used);
  used = 0;
}

function putByte(byte: u8): void {
  if (used === OUTPUT) send();
  output[used] = byte;
  used++;
}

function put(text: str): void {
  for (const byte of text.bytes) putByte(byte);
}

function putNumber(value: u64): void {
  if (value >= 10) putNumber(value / 10);
  putByte(u8('0') + u8(value % 10));
}

function putPosition(row: u64, column: u64): void {
  put('\x1b[');
  putNumber(row + 1);
  putByte(u8(';'));
  putNumber(column + 1);
  putByte(u8('H'));
}

/** The alternate screen, so that what was on the terminal comes back. */
export function enterScreen(): void {
  put('\x1b[?1049h\x1b[?2004h');
  send();
}

export function leaveScreen(): void {
  put('\x1b[?2004l\x1b[?1049l');
  send();
}

/** Shows a message until the next key. */
export function tell(text: str): void {
  message = text;
}

/** Rows for text. */
function height(): u64 {
  return terminalRows() > 3 ? terminalRows() - 2 : 1;
}

/** Scrolls so that the cursor is on the screen; its row there. */
function scroll(): u64 {
  const line = lineStart(cursor());
  if (line < top) top = line;
  top = lineStart(min<u64>(top, textLength()));
  let row: u64 = 0;
  for (let i = top; i < line; i = lineEnd(i) + 1) row++;
  for (; row >= height(); row--) top = lineEnd(top) + 1;
  const column = columnOf(cursor());
  const width = terminalColumns();
  if (column < left) left = column > width / 2 ? column - width / 2 : 0;
  else if (column >= left + width) left = column - width / 2;
  return row;
}

/** Draws the part of the line at `start` that is on the screen. */
function drawLine(start: u64): void {
  const end = lineEnd(start);
  const right = left + terminalColumns();
  let column: u64 = 0;
  for (let i = start; i < end && column < right; i = after(i)) {
    const width = widthAt(i, column);
    if (column >= left && column + width <= right) drawCharacter(i, width);
    // Half of a wide character, or a part of a tab, is blank.
    else for (let c = max<u64>(column, left); c < min<u64>(column + width, right); c++) putByte(u8(' '));
    column += width;
  }
}

function drawCharacter(index: u64, width: u64): void {
  const byte = byteAt(index);
  if (byte === 9) for (let i: u64 = 0; i < width; i++) putByte(u8(' '));
  else if (byte < 32 || byte === 127) putByte(u8('?'));
  else for (let i = index; i < after(index); i++) putByte(byteAt(i));
}

/** The line about the text: name, whether it has been changed, where the cursor is. */
function drawStatus(name: str): void {
  put('\x1b[7m');
  const width = terminalColumns();
  const before = used;
  putByte(u8(' '));
  put(name.length + 30 < width ? name : name.subslice(0, min<u64>(name.length, 8)));
  if (isModified()) put(' (changed)');
  put('  line ');
  putNumber(rowOf(cursor()) + 1);
  put(', column ');
  putNumber(columnOf(cursor()) + 1);
  used = min<u64>(used, before + width);
  for (let drawn = used - before; drawn < width; drawn++) putByte(u8(' '));
  put('\x1b[0m');
}

export function draw(name: str): void {
  const cursorRow = scroll();
  put('\x1b[?25l\x1b[H');
  let line = top;
  let more = true;
  for (let row: u64 = 0; row < height(); row++) {
    if (more) {
      drawLine(line);
      more = lineEnd(line) < textLength();
      line = lineEnd(line) + 1;
    } else putByte(u8('~'));
    put('\x1b[K\r\n');
  }
  drawStatus(name);
  put('\r\n\x1b[K');
  const help = '^S save  ^Q quit  ^F find  ^G again  ^K cut  ^U put back  ^Z undo  ^L line';
  const shown = message.length !== 0 ? message : help;
  put(shown.subslice(0, min<u64>(shown.length, terminalColumns() - 1)));
  message = '';
  putPosition(cursorRow, columnOf(cursor()) - left);
  put('\x1b[?25h');
  send();
}

const answer = zeroed<FixedArray<u8, 128>>();

/** Asks in the last line: for a line of text, or for one key. Empty: the person has given up. */
export function ask(question: str, wholeLine: bool): str {
  let length: u64 = 0;
  for (;;) {
    putPosition(terminalRows() - 1, 0);
    put('\x1b[K');
    put(question);
    put(strOf(answer.ptr, length));
    send();
    const key = readKey();
    if (key === u32(Key.resized)) continue;
    if (!wholeLine) {
      answer[0] = u8(key) | 0x20;
      return strOf(answer.ptr, key < 256 && key >= 32 ? 1 : 0);
    }
    if (key === 13 || key === 10) return strOf(answer.ptr, length);
    if (key === 3 || key === 7 || key === 17) return '';
    if (key === 8 || key === 127) {
      while (length > 0 && (answer[length - 1] & 0xc0) === 0x80) length--;
      if (length > 0) length--;
    } else if (key >= 32 && key < 256 && length < 128) {
      answer[length] = u8(key);
      length++;
    }
  }
}
