/**
 * Physical memory (DRAM): single pages with reference counts, contiguous runs for hash tables, and small fixed-size
 * blocks. Pages above a watermark have never been used, so nothing is initialised at boot and start-up does
 * not grow with memory. All sizes in bytes, all addresses kernel addresses. Callers hold the kernel lock.
 */
import { PAGE, PAGE_SHIFT, toVirtual, zeroPage } from './arch.ts';

/** Free pages hold the address of the next one. */
class FreePage {
  next: FreePage | null;
}

let firstPage: usize = 0;
let watermark: usize = 0;
let limit: usize = 0;
let freePages: FreePage | null = null;
let freeCount: u64 = 0;
let references: Ptr<u32> = at<Ptr<u32>>(8);

/** Takes over the DRAM [start, end) (physical, page-aligned). The first bytes become the reference counts. */
export function initMemory(start: u64, end: u64): void {
  const pages = (end - start) >> PAGE_SHIFT;
  firstPage = toVirtual(start);
  references = at<Ptr<u32>>(firstPage);
  watermark = (firstPage + pages * 4 + PAGE - 1) & ~u64(PAGE - 1);
  limit = toVirtual(end);
  freeCount = (limit - watermark) >> PAGE_SHIFT;
}

export function pagesFree(): u64 {
  return freeCount;
}

export function pagesTotal(): u64 {
  return (limit - firstPage) >> PAGE_SHIFT;
}

function referenceOf(page: usize): Ptr<u32> {
  return references.add(i64((page - firstPage) >> PAGE_SHIFT));
}

/** Is this kernel address in the memory that this allocator hands out? */
export function isDramPage(page: usize): bool {
  return page >= firstPage && page < limit;
}

/** A page of zeros with one reference, or 0 when memory is used up. */
export function allocatePage(): usize {
  let page: usize = 0;
  if (freePages !== null) {
    page = addressOf(freePages);
    freePages = freePages.next;
  } else {
    if (watermark >= limit) return 0;
    page = watermark;
    watermark += PAGE;
  }
  freeCount--;
  zeroPage(page);
  referenceOf(page)[0] = 1;
  return page;
}

/** One more user of a page. */
export function sharePage(page: usize): void {
  referenceOf(page)[0] += 1;
}

/** How many share the page. */
export function pageReferences(page: usize): u32 {
  return referenceOf(page)[0];
}

/** One user less; without users the page is free. Its old contents are never seen again: pages are zeroed when handed out. */
export function releasePage(page: usize): void {
  const count = referenceOf(page);
  assert(count[0] !== 0, 'page freed twice');
  count[0] -= 1;
  if (count[0] !== 0) return;
  const free = at<FreePage>(page);
  free.next = freePages;
  freePages = free;
  freeCount++;
}

/** Contiguous runs of 2^order pages that were given back, by order. */
const freeRuns = zeroed<FixedArray<u64, 20>>();

/** 2^order zeroed pages in a row, or 0. Runs come from the top of memory, so single pages do not split them. */
export function allocateRun(order: u64): usize {
  const size = u64(PAGE) << order;
  let run = freeRuns[order];
  if (run !== 0) {
    freeRuns[order] = load<u64>(run);
  } else {
    if (limit - watermark < size || limit < watermark) return 0;
    limit -= size;
    run = limit;
  }
  freeCount -= u64(1) << order;
  for (let page = run; page < run + size; page += PAGE) zeroPage(page);
  return run;
}

/** Gives a run back. */
export function releaseRun(run: usize, order: u64): void {
  store<u64>(run, freeRuns[order]);
  freeRuns[order] = run;
  freeCount += u64(1) << order;
}

/** Blocks of one size, cut from pages. Sizes are multiples of 64, so blocks of descriptors are aligned as hardware wants. */
export class Slab {
  free: usize;
  size: u64;
  /** Blocks in use. */
  used: u64;

  /** A block of zeros, or 0. */
  allocate(): usize {
    if (this.free === 0) {
      const page = allocatePage();
      if (page === 0) return 0;
      for (let block = page; block + this.size <= page + PAGE; block += this.size) {
        store<u64>(block, this.free);
        this.free = block;
      }
    }
    const block = this.free;
    this.free = load<u64>(block);
    memory.fill(block, 0, this.size);
    this.used++;
    return block;
  }

  release(block: usize): void {
    store<u64>(block, this.free);
    this.free = block;
    this.used--;
  }
}
