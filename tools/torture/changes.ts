/** Where two contents of an NVDIMM differ. */
import { PAGE_SIZE } from '../../emulator/addresses.ts';

/** Bytes that are compared at once: most of an NVDIMM is the same at all crash points. */
const STRETCH = 32 * PAGE_SIZE;

/**
 * The offsets of the pages in which two NVDIMMs differ.
 * @param among offsets of pages outside of which they are known to be the same
 */
export function differentPages(a: Uint8Array, b: Uint8Array, among?: ReadonlySet<number>): number[] {
  const differs = (at: number, length: number): boolean =>
    Buffer.compare(a.subarray(at, at + length), b.subarray(at, at + length)) !== 0;
  if (among) return [...among].filter((at) => differs(at, PAGE_SIZE));
  const pages: number[] = [];
  for (let from = 0; from < a.length; from += STRETCH) {
    if (!differs(from, STRETCH)) continue;
    for (let at = from; at < Math.min(from + STRETCH, a.length); at += PAGE_SIZE)
      if (differs(at, PAGE_SIZE)) pages.push(at);
  }
  return pages;
}
