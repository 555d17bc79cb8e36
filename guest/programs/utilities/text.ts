/** Utilities on text: cat, echo, wc, grep. */
import { NameType } from '../../abi/name.ts';
import { complain, print, printColumn, printLine, printNumber, read, writeByte } from '../../libtwz/io.ts';
import { Found } from '../../libtwz/name.ts';
import { dataOf, openObject, sizeOf } from '../../libtwz/object.ts';
import { argument, argumentCount } from '../../libtwz/program.ts';
import { find } from './common.ts';

const BUFFER = 4096;
const buffer = zeroed<FixedArray<u8, 4096>>();

export function runEcho(): i64 {
  const count = argumentCount();
  const first: u64 = count > 1 && argument(1).equals('-n') ? 2 : 1;
  for (let i = first; i < count; i++) {
    if (i > first) print(' ');
    print(argument(i));
  }
  if (first === 1) printLine('');
  return 0;
}

/** The text that `openText` found. */
let opened: str = '';

/** Opens the text of the object that a path names; false and a complaint if it has none. */
function openText(path: str): bool {
  const found = stack<Found>();
  if (!find(path, found)) return false;
  if (found.type === NameType.namespace) {
    complain(argument(0), path, 'is a namespace');
    return false;
  }
  const base = openObject(found.id);
  opened = strOf(at<Ptr<u8>>(dataOf(base)), sizeOf(base));
  return true;
}

export function runCat(): i64 {
  if (argumentCount() === 1) {
    for (;;) {
      const count = read(addressOf(buffer), 4096);
      if (count === 0) return 0;
      for (let i: u64 = 0; i < count; i++) writeByte(buffer[i]);
    }
  }
  let status: i64 = 0;
  for (let i: u64 = 1; i < argumentCount(); i++) {
    if (openText(argument(i))) print(opened);
    else status = 1;
  }
  return status;
}

class Counts {
  lines: u64;
  words: u64;
  bytes: u64;
  inWord: bool;

  add(text: str): void {
    for (const byte of text.bytes) {
      this.bytes++;
      if (byte === 10) this.lines++;
      const space = byte === 32 || (byte >= 9 && byte <= 13);
      if (!space && !this.inWord) this.words++;
      this.inWord = !space;
    }
  }

  show(name: str): void {
    printColumn(this.lines, 7);
    printColumn(this.words, 8);
    printColumn(this.bytes, 8);
    if (name.length !== 0) print(' ');
    printLine(name);
  }
}

export function runWc(): i64 {
  if (argumentCount() === 1) {
    const counts = stack<Counts>();
    for (;;) {
      const count = read(addressOf(buffer), 4096);
      if (count === 0) break;
      counts.add(strOf(buffer.ptr, count));
    }
    counts.show('');
    return 0;
  }
  let status: i64 = 0;
  for (let i: u64 = 1; i < argumentCount(); i++) {
    const counts = stack<Counts>();
    if (!openText(argument(i))) {
      status = 1;
      continue;
    }
    counts.add(opened);
    counts.show(argument(i));
  }
  return status;
}

/** What `grep` looks for, and how. */
class Search {
  text: str;
  ignoresCase: bool;
  inverts: bool;
  onlyCounts: bool;
  numbers: bool;
  /** Name in front of each line; empty: none. */
  name: str;
  found: u64;

  private equal(a: u8, b: u8): bool {
    return a === b || (this.ignoresCase && lower(a) === lower(b));
  }

  private isIn(line: str): bool {
    const wanted = this.text;
    for (let start: u64 = 0; start + wanted.length <= line.length; start++) {
      let i: u64 = 0;
      while (i < wanted.length && this.equal(line[start + i], wanted[i])) i++;
      if (i === wanted.length) return true;
    }
    return false;
  }

  /** Looks at line `number`. */
  look(line: str, number: u64): void {
    if (this.isIn(line) === this.inverts) return;
    this.found++;
    if (this.onlyCounts) return;
    if (this.name.length !== 0) {
      print(this.name);
      print(':');
    }
    if (this.numbers) {
      printNumber(number);
      print(':');
    }
    printLine(line);
  }

  /** Looks at all lines of a text. */
  lookAt(text: str): void {
    let number: u64 = 0;
    let start: u64 = 0;
    for (let i: u64 = 0; i <= text.length; i++) {
      if (i < text.length ? text[i] !== 10 : start === i) continue;
      number++;
      this.look(text.subslice(start, i), number);
      start = i + 1;
    }
  }
}

function lower(byte: u8): u8 {
  return byte >= u8('A') && byte <= u8('Z') ? byte | 0x20 : byte;
}

/** Takes an option like `-in`; false if it has an unknown letter. */
function takeOptions(search: Search, option: str): bool {
  for (const letter of option.subslice(1).bytes) {
    if (letter === u8('i')) search.ignoresCase = true;
    else if (letter === u8('v')) search.inverts = true;
    else if (letter === u8('c')) search.onlyCounts = true;
    else if (letter === u8('n')) search.numbers = true;
    else return false;
  }
  return true;
}

/** Looks at the lines of the input, each at most as long as the buffer. */
function searchInput(search: Search): void {
  let length: u64 = 0;
  let number: u64 = 1;
  for (;;) {
    const count = read(addressOf(buffer) + length, BUFFER - length);
    if (count === 0) break;
    const end = length + count;
    let start: u64 = 0;
    for (let i = length; i < end; i++) {
      if (buffer[i] !== 10) continue;
      search.look(strOf(buffer.ptr.add(i64(start)), i - start), number++);
      start = i + 1;
    }
    length = end - start;
    if (length === BUFFER) {
      // A longer line is looked at in pieces.
      search.look(strOf(buffer.ptr, length), number);
      length = 0;
    } else memory.copy(addressOf(buffer), addressOf(buffer) + start, length);
  }
  if (length !== 0) search.look(strOf(buffer.ptr, length), number);
}

/** Exit code 0: something was found, 1: nothing, 2: an object could not be read. */
export function runGrep(): i64 {
  const search = stack<Search>();
  let first: u64 = 1;
  while (first < argumentCount() && argument(first).length > 1 && argument(first)[0] === u8('-')) {
    if (!takeOptions(search, argument(first))) return -1;
    first++;
  }
  if (first === argumentCount()) return -1;
  search.text = argument(first);
  first++;
  let failed = false;
  if (first === argumentCount()) {
    searchInput(search);
    if (search.onlyCounts) {
      printNumber(search.found);
      printLine('');
    }
  }
  let total = search.found;
  for (let i = first; i < argumentCount(); i++) {
    if (!openText(argument(i))) {
      failed = true;
      continue;
    }
    search.found = 0;
    if (argumentCount() - first > 1) search.name = argument(i);
    search.lookAt(opened);
    total += search.found;
    if (!search.onlyCounts) continue;
    if (search.name.length !== 0) {
      print(search.name);
      print(':');
    }
    printNumber(search.found);
    printLine('');
  }
  if (failed) return 2;
  return total === 0 ? 1 : 0;
}
