/**
 * The terminal at the console: lines for programs that read it, raw keys for full-screen programs, and its size. The size comes in band: the
 * program switches reports on (`CSI ? 2048 h`, as several terminals have it) and gets `CSI 48 ; rows ; columns … t` then and at every change.
 */
import { ACTION_CONSOLE_SIZE, CONSOLE_COLUMNS, CONSOLE_RAW, CONSOLE_ROWS, Device } from '../abi/kso.ts';
import { ObjectId } from '../abi/object.ts';
import { SYS_ACTION } from '../abi/syscall.ts';
import { console, consoleByte, findDevice, writeConsole } from './io.ts';
import { syscall } from './syscall.ts';

const END = 4;
const ERASE = 8;
const ERASE_LINE = 21;
const DELETE_KEY = 127;

const ROWS = 24;
const COLUMNS = 80;

/** Rows of the terminal, as far as is known. */
export function terminalRows(): u64 {
  const rows = console().info[CONSOLE_ROWS];
  return rows === 0 ? ROWS : rows;
}

/** Columns of the terminal, as far as is known. */
export function terminalColumns(): u64 {
  const columns = console().info[CONSOLE_COLUMNS];
  return columns === 0 ? COLUMNS : columns;
}

function put(text: str): void {
  writeConsole(text.ptr.address, text.length);
}

/** Asks to be told the size, now and at every change. */
export function reportSize(on: bool): void {
  put(on ? '\x1b[?2048h' : '\x1b[?2048l');
}

/** Takes the size from the parameters of a report; ignores what cannot be one. */
export function setTerminalSize(rows: u64, columns: u64): void {
  const device = stack<ObjectId>();
  if (rows < 2 || rows > 1000 || columns < 10 || columns > 1000 || !findDevice(Device.console, device))
    return;
  syscall(SYS_ACTION, device.lo, device.hi, ACTION_CONSOLE_SIZE, columns, rows);
}

/** In raw mode every key goes to the program. */
export function setRaw(on: bool): void {
  if (on) console().flags |= CONSOLE_RAW;
  else console().flags &= ~u32(CONSOLE_RAW);
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
    const byte = consoleByte();
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
