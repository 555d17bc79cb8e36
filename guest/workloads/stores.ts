/**
 * Random operations on one of the paper's key-value stores, for tests: run in place of the shell with the text `BACKEND SEED COUNT`. If the store is
 * there already, the work goes on behind the last operation that it says is done. Operation i depends on SEED and i alone
 * (guest/stores.test.ts computes the same). Prints what gets found and, after every hundred operations, how many pairs there are and a sum over all
 * of them in order, forwards from the first and from a key in the middle.
 */
import '../libtwz/start.ts';
import { flush, print, printLine, printNumber } from '../libtwz/io.ts';
import { parseNumber } from '../libtwz/number.ts';
import { argument } from '../libtwz/program.ts';
import { findBackend } from '../programs/paper/store/backends.ts';
import { formatNamed, openNamed } from '../programs/paper/store/named.ts';
import { Backend, Cursor, isAbsent } from '../programs/paper/store/store.ts';

const KEYS: u32 = 700;
const DATA: u64 = 0;
const PROGRESS: u64 = 3;
const LONGEST = 900;

/** MurmurHash3's finaliser. */
function mix(value: u32): u32 {
  let h = value;
  h = (h ^ (h >> 16)) * 0x85eb_ca6b;
  h = (h ^ (h >> 13)) * 0xc2b2_ae35;
  return h ^ (h >> 16);
}

function draw(seed: u32, index: u32, which: u32): u32 {
  return mix(mix(seed + index) + which * 0x9e37_79b9);
}

/** The `which`th word of a text. */
function word(text: str, which: u64): str {
  let start: u64 = 0;
  for (let skipped: u64 = 0; skipped < which; start++) if (text[start] === u8(' ')) skipped++;
  let end = start;
  while (end < text.length && text[end] !== u8(' ')) end++;
  return text.subslice(start, end);
}

const keyBuffer = zeroed<FixedArray<u8, 64>>();
const valueBuffer = zeroed<FixedArray<u8, 1024>>();

/** Keys of 3 to 34 bytes: a number's digits, and as many dots as its hash says. */
function keyOf(number: u32): str {
  let rest = number;
  for (let i: u64 = 3; i > 0; i--) {
    keyBuffer[i - 1] = u8('0') + u8(rest % 10);
    rest /= 10;
  }
  const dots = u64(mix(number) % 32);
  memory.fill(addressOf(keyBuffer) + 3, u8('.'), dots);
  return strOf(keyBuffer.ptr, 3 + dots);
}

function valueOf(length: u32, byte: u32): str {
  memory.fill(addressOf(valueBuffer), u8(byte), u64(length));
  return strOf(valueBuffer.ptr, u64(length));
}

function sum(start: u32, text: str): u32 {
  let h = start;
  for (const byte of text.bytes) h = (h ^ u32(byte)) * 0x0100_0193;
  return h;
}

function sumFrom(backend: Backend, cursor: Cursor): u32 {
  let h: u32 = 0;
  while (cursor.valid) {
    h = sum(sum(h, backend.key(cursor)), backend.value(cursor)) + 1;
    backend.next(cursor);
  }
  return h;
}

function report(backend: Backend, seed: u32, index: u32): void {
  const cursor = stack<Cursor>();
  cursor.tree = DATA;
  let pairs: u64 = 0;
  for (backend.first(cursor); cursor.valid; backend.next(cursor)) pairs++;
  print('all ');
  printNumber(pairs);
  backend.first(cursor);
  print(' ');
  printNumber(u64(sumFrom(backend, cursor)));
  backend.seek(cursor, keyOf(draw(seed, index, 9) % KEYS));
  print(' ');
  printNumber(u64(sumFrom(backend, cursor)));
  backend.last(cursor);
  print(' ');
  if (cursor.valid) print(backend.key(cursor).subslice(0, 3));
  printLine(backend.isWhole(DATA) && backend.isWhole(PROGRESS) ? ' whole' : ' BROKEN');
}

function operate(backend: Backend, seed: u32, index: u32): void {
  // In turns more is inserted and more removed, so that pages part and join.
  const shrinking = (index / 400) % 2 === 1;
  const action = draw(seed, index, 1) % 16;
  const key = keyOf(draw(seed, index, 2) % KEYS);
  const length = draw(seed, index, 3) % 8 === 0 ? draw(seed, index, 4) % LONGEST : draw(seed, index, 4) % 60;
  if (action < (shrinking ? 3 : 8)) backend.put(DATA, key, valueOf(length, index));
  else if (action < 14) backend.remove(DATA, key);
  else {
    const value = backend.get(DATA, key);
    print('get ');
    if (isAbsent(value)) printLine('none');
    else {
      printNumber(u64(sum(0, value)));
      printLine('');
    }
  }
}

/** @export */
function main(): u64 {
  const numbers = stack<FixedArray<u64, 2>>();
  const backend = findBackend(word(argument(2), 0));
  if (
    backend === null ||
    !parseNumber(word(argument(2), 1), numbers.ptr) ||
    !parseNumber(word(argument(2), 2), numbers.ptr.add(1))
  )
    return 2;
  if (!openNamed(backend)) {
    formatNamed(backend);
    openNamed(backend);
  }
  const seed = u32(numbers[0]);
  const progress = stack<FixedArray<u32, 1>>();
  const saved = backend.get(PROGRESS, 'n');
  if (!isAbsent(saved)) memory.copy(addressOf(progress), saved.ptr.address, 4);
  const end = progress[0] + u32(numbers[1]);
  while (progress[0] < end) {
    // Up to four in a transaction.
    const group = 1 + (draw(seed, progress[0], 5) & 3);
    backend.begin();
    for (let i: u32 = 0; i < group; i++) {
      operate(backend, seed, progress[0]);
      progress[0]++;
    }
    backend.put(PROGRESS, 'n', strOf(changetype<Ptr<u8>>(progress.ptr), 4));
    backend.commit();
    if (progress[0] % 100 < group) report(backend, seed, progress[0]);
  }
  flush();
  return 0;
}
