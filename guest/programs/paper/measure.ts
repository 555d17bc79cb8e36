/** What the paper's measurements have in common: the clock, the keys, memory to work in, and the lines that they print. */

import { DELETE, ObjectId, READ, USE, WRITE } from '../../abi/object.ts';
import { CREATE_PERSIST, CREATE_TIED, CREATE_VOLATILE } from '../../abi/syscall.ts';
import { print, printLine, printNumber } from '../../libtwz/io.ts';
import { createObject, dataOf, openObject } from '../../libtwz/object.ts';

/** Cycles so far, when all instructions before have ended. */
export function cycles(): u64 {
  return csr.read('cycle');
}

/** Prints a measurement. */
export function report(name: str, taken: u64, operations: u64): void {
  print(name);
  print(' ');
  printNumber(taken);
  print(' ');
  printNumber(operations);
  printLine('');
}

/** The `index`th of a row of different 32-bit keys in no order (MurmurHash3's finaliser, which is a permutation). */
export function keyAt(index: u64): u32 {
  let h = u32(index) + 1;
  h = (h ^ (h >> 16)) * 0x85eb_ca6b;
  h = (h ^ (h >> 13)) * 0xc2b2_ae35;
  return h ^ (h >> 16);
}

/** The `index`th of `count` keys in another order. */
export function keyAgain(index: u64, count: u64): u32 {
  return keyAt((index * 7919 + 13) % count);
}

/** A new object that ends with this program, persistent or not; the address of its data. Its first `size` bytes have pages. */
export function newData(size: u64, persistent: bool): usize {
  const id = stack<ObjectId>();
  const kind: u64 = persistent ? CREATE_PERSIST : CREATE_VOLATILE;
  if (createObject(id, READ | WRITE | DELETE | USE | CREATE_TIED | kind) !== 0)
    panic('no space for an object');
  const data = dataOf(openObject(id));
  // First touches of pages are the kernel's work, and none of what is measured.
  for (let page: u64 = 0; page < size; page += 4096) store<u8>(data + page, 0);
  return data;
}

/** Begins what the host counts as a region of interest (docs/timing.md). Returns the cycles so far. */
export function beginRegion(): u64 {
  asm`slti zero, zero, 1`;
  return cycles();
}

/** Ends a region and prints it: the host finds its instructions, write-backs and fences with it, regions in the order of these lines. */
export function endRegion(name: str, start: u64, operations: u64): void {
  const taken = cycles() - start;
  asm`slti zero, zero, 2`;
  report(name, taken, operations);
}
