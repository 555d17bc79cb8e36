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

function printText(table: KObject, header: SymbolTable, place: u64): void {
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

/** Prints ` function (file:line)` for an address of the code that the table is of; nothing if it has no name for it. */
export function printSymbol(table: KObject, address: u64): void {
  const header = stack<SymbolTable>();
  if (!readObject(table, OBJ_NULLPAGE, addressOf(header), sizeof<SymbolTable>())) return;
  if (header.magic !== SYMBOLS_MAGIC || address < header.base) return;
  const offset = address - header.base;
  let low: u64 = 0;
  let high = u64(header.functions);
  const found = stack<SymbolFunction>();
  while (high - low > 1) {
    const middle = (low + high) / 2;
    functionAt(table, middle, found);
    if (u64(found.start) <= offset) low = middle;
    else high = middle;
  }
  functionAt(table, low, found);
  consolePrint(' ');
  printText(table, header, u64(found.name));
  if (found.line === 0) return;
  const after = stack<SymbolFunction>();
  let end = u64(header.text);
  if (low + 1 < u64(header.functions)) {
    functionAt(table, low + 1, after);
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
  printText(table, header, file);
  consolePrint(':');
  printNumber(u64(line));
  consolePrint(')');
}
