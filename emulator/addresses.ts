/**
 * Address and quantity types. Addresses of different spaces never mix: each is a branded type, made only by the
 * function of its name. Physical and host addresses are JavaScript numbers (below 2^53, exact); virtual
 * addresses are 64 bits wide, so they are `bigint` where people and tools meet them, and two unsigned 32-bit
 * halves where every TLB fill passes (a bigint there would cost more than the page walk itself).
 */

declare const space: unique symbol;

/** A guest physical address, in bytes, 0 to 2^53 - 1 (the machine decodes 56 bits, but has nothing above 2^53). */
export type PAddr = number & { readonly [space]: 'physical' };
/** A guest virtual address, 64 bits, unsigned. */
export type VAddr = bigint & { readonly [space]: 'virtual' };
/** A byte offset into the emulator's linear memory (the `WebAssembly.Memory` of a machine). */
export type HostAddr = number & { readonly [space]: 'host' };
/** A 128-bit object ID, unsigned. */
export type ObjectId = bigint & { readonly [space]: 'object' };

export const paddr = (value: number): PAddr => value as PAddr;
export const vaddr = (value: bigint): VAddr => BigInt.asUintN(64, value) as VAddr;
export const hostAddr = (value: number): HostAddr => value as HostAddr;
export const objectId = (value: bigint): ObjectId => BigInt.asUintN(128, value) as ObjectId;

/** Bytes in a page of guest memory, the unit of translation, page flags and copy-on-write snapshots. */
export const PAGE_SIZE = 4096;
export const PAGE_SHIFT = 12;
/** Bytes in a cache block (Zicbom, Zicboz, persistency): design §2. */
export const CACHE_BLOCK_SIZE = 64;
export const CACHE_BLOCK_SHIFT = 6;

export const KiB = 1024;
export const MiB = 1024 * 1024;
export const GiB = 1024 * 1024 * 1024;
