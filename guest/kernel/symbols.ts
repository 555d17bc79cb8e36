/**
 * Names for code addresses (guest/abi/symbols.ts), printed into reports. The tables are objects of the boot archive; they are read where
 * they lie, a few bytes at a time, so that a panic needs nothing but what is there.
 */
import { OBJ_NULLPAGE } from '../abi/object.ts';
import { SYMBOLS_MAGIC, SymbolFunction, SymbolTable } from '../abi/symbols.ts';
import { readObject } from './capability.ts';
import { consolePrint, printNumber } from './console.ts';
import { KObject } from './object.ts';

/** The text at `place` of a table, as far as it fits, zero-terminated. */
const TEXT = 128;

function printText(table: KObject, place: u64): void {
  const text = stack<FixedArray<u8, 128>>();
  if (!readObject(table, OBJ_NULLPAGE + u64(header.text) + place, addressOf(text), TEXT)) return;
  let length: u64 = 0;
  while (length < TEXT && text[length] !== 0) length++;
  consolePrint(strOf(text.ptr, length));
}

/** Where `nextByte` reads. */
let cursor: u64 = 0;

function nextByte(table: KObject): u64 {
  const byte = stack<FixedArray<u8, 8>>();
  readObject(table, OBJ_NULLPAGE + cursor, addressOf(byte), 1);
  cursor++;
  return u64(byte[0]);
}

/** A LEB128 number of at most four bytes. */
function nextNumber(table: KObject): u64 {
  let value: u64 = 0;
  for (let shift: u64 = 0; shift < 28; shift += 7) {
    const byte = nextByte(table);
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return value;
}

function functionAt(table: KObject, index: u64, into: SymbolFunction): void {
  const offset = OBJ_NULLPAGE + sizeof<SymbolTable>() + index * sizeof<SymbolFunction>();
  readObject(table, offset, addressOf(into), sizeof<SymbolFunction>());
}

/** The table's header, if it is one. */
const header = zeroed<SymbolTable>();
/** What `findFunction` found. */
const found = zeroed<SymbolFunction>();

/** Looks for the function that an address belongs to, into `found`; returns its number, or all ones. */
function findFunction(table: KObject, address: u64): u64 {
  if (!readObject(table, OBJ_NULLPAGE, addressOf(header), sizeof<SymbolTable>())) return ~u64(0);
  if (header.magic !== SYMBOLS_MAGIC || address < header.base) return ~u64(0);
  const offset = address - header.base;
  let low: u64 = 0;
  let high = u64(header.functions);
  while (high - low > 1) {
    const middle = (low + high) / 2;
    functionAt(table, middle, found);
    if (u64(found.start) <= offset) low = middle;
    else high = middle;
  }
  functionAt(table, low, found);
  return low;
}

/** A place in code, and the stack pointer there. */
export class CodePlace {
  pc: u64;
  sp: u64;
}

/** From a place in a function behind its prologue to that in its caller; false where the table knows of no frame. */
export function findCaller(table: KObject, place: CodePlace, stackEnd: u64): bool {
  if (findFunction(table, place.pc) === ~u64(0) || found.link === 0) return false;
  const top = place.sp + u64(found.frame);
  if (top > stackEnd) return false;
  place.pc = load<u64>(top - u64(found.link));
  place.sp = top;
  return true;
}

/** Prints ` function (file:line)` for an address of the code that the table is of; nothing if it has no name for it. */
export function printSymbol(table: KObject, address: u64): void {
  const index = findFunction(table, address);
  if (index === ~u64(0)) return;
  consolePrint(' ');
  printText(table, u64(found.name));
  if (found.line === 0) return;
  const offset = address - header.base;
  let end = u64(header.text);
  if (index + 1 < u64(header.functions)) {
    const after = stack<SymbolFunction>();
    functionAt(table, index + 1, after);
    end = u64(header.rows) + u64(after.rows);
  }
  let file = u64(found.file);
  let line = i64(found.line);
  let place = u64(found.start);
  cursor = u64(header.rows) + u64(found.rows);
  while (cursor < end) {
    place += nextNumber(table);
    if (place > offset) break;
    const change = nextNumber(table);
    const zigzag = change >> 1;
    line += (zigzag & 1) === 0 ? i64(zigzag >> 1) : -i64((zigzag + 1) >> 1);
    if ((change & 1) !== 0) file = nextNumber(table);
  }
  consolePrint(' (');
  printText(table, file);
  consolePrint(':');
  printNumber(u64(line));
  consolePrint(')');
}
