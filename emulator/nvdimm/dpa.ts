/**
 * Addresses inside the NVDIMM. A *device physical address* (the term of ACPI and of the UEFI label format) counts
 * bytes from the start of the raw media; a physical address minus the start of the `pmem-region` is one.
 */
import { CACHE_BLOCK_SHIFT } from '../addresses.ts';

declare const space: unique symbol;

/** A byte offset into the NVDIMM's media, 0 to 2^53 - 1. */
export type Dpa = number & { readonly [space]: 'media' };
/** The number of a cache block of the media: its device physical address / 64. */
export type BlockNumber = number & { readonly [space]: 'block' };

export const dpa = (value: number): Dpa => value as Dpa;
export const blockNumber = (value: number): BlockNumber => value as BlockNumber;
export const blockOf = (address: Dpa): BlockNumber =>
  Math.floor(address / (1 << CACHE_BLOCK_SHIFT)) as BlockNumber;
export const blockStart = (block: BlockNumber): Dpa => (block * (1 << CACHE_BLOCK_SHIFT)) as Dpa;
