/**
 * The terminal at the console: lines for programs that read it, raw keys for full-screen programs, and its size. The size comes in band: the
 * program switches reports on (`CSI ? 2048 h`, as several terminals have it) and gets `CSI 48 ; rows ; columns … t` then and at every change.
 *
 * Ctrl-C and Ctrl-Z belong to the shell that waits for the foreground program: it finds them in the console's ring, takes them out and acts. A
 * program that reads lines therefore leaves them where they are.
 */
import { CONSOLE_RAW } from '../abi/kso.ts';
import { console, consoleByte, writeConsole } from './io.ts';
import { sleepOn } from './lock.ts';

const INTERRUPT = 3;
const END = 4;
const ERASE = 8;
const ERASE_LINE = 21;
const SUSPEND = 26;
const DELETE_KEY = 127;

const ROWS = 24;
const COLUMNS = 80;

let rows: u64 = ROWS;
let columns: u64 = COLUMNS;

/** Rows of the terminal, as far as is known. */
export function terminalRows(): u64 {
  return rows;
}

/** Columns of the terminal, as far as is known. */
export function terminalColumns(): u64 {
  return columns;
}

function put(text: str): void {
  writeConsole(text.ptr.address, text.length);
}

/** Asks to be told the size, now and at every change. */
export function reportSize(on: bool): void {
  put(on ? '\x1b[?2048h' : '\x1b[?2048l');
}

/** Takes the size from the parameters of a report; ignores what cannot be one. */
export function setTerminalSize(newRows: u64, newColumns: u64): void {
  if (newRows >= 2 && newRows <= 1000) rows = newRows;
  if (newColumns >= 10 && newColumns <= 1000) columns = newColumns;
}

/** In raw mode every key goes to the program. */
export function setRaw(on: bool): void {
  if (on) console().flags |= CONSOLE_RAW;
  else console().flags &= ~u32(CONSOLE_RAW);
}

/** The next byte of the console that is not the shell's. */
function lineByte(): u8 {
  for (;;) {
    const repr = console();
    const received = atomic.load<u64>(ptrTo(repr.info[0]), Order.acquire);
    const taken = repr.info[1];
    if (received === taken) {
      sleepOn(ptrTo(repr.info[0]).address, received);
      continue;
    }
    const byte = repr.ring[taken & 1023];
    if (byte !== INTERRUPT && byte !== SUSPEND) return consoleByte();
    // The shell takes it, and ends or stops this program.
    sleepOn(ptrTo(repr.info[1]).address, taken);
  }
}

/** Removes the last character, of one byte or several, from the line and from the screen. Returns the new length. */
function eraseLast(address: usize, length: u64): u64 {
  let left = length;
  while (left > 0) {
    left--;
    if ((load<u8>(address + left) & 0xc0) !== 0x80) break;
  }
  put('\b \b');
  return left;
}

/** Reads a line of at most `size` bytes with echo; 0 at Ctrl-D on an empty line. */
export function readCooked(address: usize, size: u64): u64 {
  let length: u64 = 0;
  while (length < size) {
    const byte = lineByte();
    if (byte === END) break;
    if (byte === ERASE || byte === DELETE_KEY) {
      if (length > 0) length = eraseLast(address, length);
      continue;
    }
    if (byte === ERASE_LINE) {
      while (length > 0) length = eraseLast(address, length);
      continue;
    }
    const shown: u8 = byte === 13 ? 10 : byte;
    if (shown < 32 && shown !== 10 && shown !== 9) continue;
    store<u8>(address + length, shown);
    writeConsole(address + length, 1);
    length++;
    if (shown === 10) break;
  }
  return length;
}
