/**
 * Media errors (docs/nvdimm.md). A block of the NVDIMM that cannot be read must harm only what lies in it, so the kernel
 * asks before it reads the store: `readable` is a load that may fail. What was lost is replaced by what does the least harm (rather keep space for good
 * than give it away twice), the object concerned is marked, and everything else goes on. Writing the whole block makes it readable again.
 */
import { LINE } from './arch.ts';
import { KO_DAMAGED, KObject } from './object.ts';

let found: u64 = 0;

/** How often damage has been met in this boot: it has been in between when the number has changed. */
export function damageMet(): u64 {
  return found;
}

/** Something of the store cannot be read that belongs to no object that is known. */
export function noteLoss(): void {
  found++;
}

/** A part of the object cannot be read. */
export function noteDamage(object: KObject): void {
  object.flags |= KO_DAMAGED;
  found++;
}

declare function __probe(address: usize): u64;

/** Can all blocks of [address, address + size) be read? The kernel's own address, in the store. */
export function readable(address: usize, size: u64): bool {
  const end = address + size;
  for (let block = address & ~u64(LINE - 1); block < end; block += LINE) {
    if (__probe(block) !== 0) return false;
  }
  return true;
}
