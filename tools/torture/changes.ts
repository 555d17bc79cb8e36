/** Where two contents of an NVDIMM differ. */
import { PAGE_SIZE } from '../../emulator/addresses.ts';

/** Bytes that are compared at once: most of an NVDIMM is the same at all crash points. */
const STRETCH = 32 * PAGE_SIZE;

/** The offsets of the pages in which two NVDIMMs differ. */
export function differentPages(a: Uint8Array, b: Uint8Array): number[] {
  const pages: number[] = [];
  for (let from = 0; from < a.length; from += STRETCH) {
    const to = Math.min(from + STRETCH, a.length);
    if (Buffer.compare(a.subarray(from, to), b.subarray(from, to)) === 0) continue;
    for (let at = from; at < to; at += PAGE_SIZE)
      if (Buffer.compare(a.subarray(at, at + PAGE_SIZE), b.subarray(at, at + PAGE_SIZE)) !== 0)
        pages.push(at);
  }
  return pages;
}
