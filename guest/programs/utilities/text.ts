/** Utilities on text: cat, echo, wc. */
import { NameType } from '../../abi/name.ts';
import { complain, print, printColumn, printLine, read, writeByte } from '../../libtwz/io.ts';
import { Found } from '../../libtwz/name.ts';
import { dataOf, openObject, sizeOf } from '../../libtwz/object.ts';
import { argument, argumentCount } from '../../libtwz/program.ts';
import { find } from './common.ts';

const buffer = zeroed<FixedArray<u8, 4096>>();

export function runEcho(): i64 {
  const count = argumentCount();
  for (let i: u64 = 1; i < count; i++) {
    if (i > 1) print(' ');
    print(argument(i));
  }
  printLine('');
  return 0;
}

/** The text of the object that a path names; complains if it has none. */
function openText(path: str, found: Found): str {
  if (!find(path, found)) return '';
  if (found.type === NameType.namespace) {
    complain(argument(0), path, 'is a namespace');
    found.type = NameType.namespace;
    return '';
  }
  const base = openObject(found.id);
  return strOf(at<Ptr<u8>>(dataOf(base)), sizeOf(base));
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
    const found = stack<Found>();
    const text = openText(argument(i), found);
    if (found.type === changetype<NameType>(0) || found.type === NameType.namespace) status = 1;
    else print(text);
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
    const found = stack<Found>();
    const counts = stack<Counts>();
    const text = openText(argument(i), found);
    if (found.type === changetype<NameType>(0) || found.type === NameType.namespace) {
      status = 1;
      continue;
    }
    counts.add(text);
    counts.show(argument(i));
  }
  return status;
}
