/**
 * Physical memory (DRAM): single pages with reference counts, contiguous runs for hash tables, and small fixed-size
 * blocks. Memory that was never handed out is only a range, so nothing is initialised at boot and
 * start-up does not grow with memory. All sizes in bytes, all addresses kernel addresses. Callers hold the kernel lock.
 */
import { PAGE, PAGE_SHIFT, toVirtual, zeroPage } from './arch.ts';

/** Free pages hold the address of the next one. */
class FreePage {
  next: FreePage | null;
}

/** Memory that has never been handed out: [start, end). */
class Range {
  start: usize;
  end: usize;
}

const MAX_RANGES = 4;
const ranges = zeroed<FixedArray<Inline<Range>, 4>>();
let rangeCount: u64 = 0;
let firstPage: usize = 0;
let freePages: FreePage | null = null;
let freeCount: u64 = 0;
let totalCount: u64 = 0;
let references: Ptr<u32> = at<Ptr<u32>>(8);

/** Names the DRAM [start, end) (physical, page-aligned); its reference counts are put at `countsAt`. Returns the first address behind them. */
export function initMemory(start: u64, end: u64, countsAt: u64): u64 {
  firstPage = toVirtual(start);
  references = at<Ptr<u32>>(toVirtual(countsAt));
  return (countsAt + ((end - start) >> PAGE_SHIFT) * 4 + PAGE - 1) & ~u64(PAGE - 1);
}

/** Hands [start, end) (physical, page-aligned) to the allocator. */
export function addMemory(start: u64, end: u64): void {
  if (end <= start || rangeCount === MAX_RANGES) return;
  ranges[rangeCount].start = toVirtual(start);
  ranges[rangeCount].end = toVirtual(end);
  rangeCount++;
  freeCount += (end - start) >> PAGE_SHIFT;
  totalCount += (end - start) >> PAGE_SHIFT;
}

export function pagesFree(): u64 {
  return freeCount;
}

export function pagesTotal(): u64 {
  return totalCount;
}

function referenceOf(page: usize): Ptr<u32> {
  return references.add(i64((page - firstPage) >> PAGE_SHIFT));
}

/** A page that was never used, or 0. */
function takeUnused(): usize {
  for (let i: u64 = 0; i < rangeCount; i++) {
    const range = ranges[i];
    if (range.start >= range.end) continue;
    const page = range.start;
    range.start += PAGE;
    return page;
  }
  return 0;
}

/** A page of zeros with one reference, or 0 when memory is used up. */
export function allocatePage(): usize {
  let page: usize = 0;
  if (freePages !== null) {
    page = addressOf(freePages);
    freePages = freePages.next;
  } else {
    page = takeUnused();
    if (page === 0) return 0;
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

/** Pages of runs in use and of small blocks; small blocks in use. */
let keptPages: u64 = 0;
let usedBlocks: u64 = 0;

export function pagesKept(): u64 {
  return keptPages;
}

export function blocksUsed(): u64 {
  return usedBlocks;
}

/** Contiguous runs of 2^order pages that were given back, by order. */
const freeRuns = zeroed<FixedArray<u64, 20>>();

/** 2^order zeroed pages in a row, or 0. Runs come from the end of a range, single pages from its start. */
export function allocateRun(order: u64): usize {
  const size = u64(PAGE) << order;
  let run = freeRuns[order];
  if (run !== 0) {
    freeRuns[order] = load<u64>(run);
  } else {
    for (let i = rangeCount; run === 0 && i > 0; i--) {
      const range = ranges[i - 1];
      if (range.end - range.start < size) continue;
      range.end -= size;
      run = range.end;
    }
    if (run === 0) return 0;
  }
  freeCount -= u64(1) << order;
  keptPages += u64(1) << order;
  for (let page = run; page < run + size; page += PAGE) zeroPage(page);
  return run;
}

/** Gives a run back. */
export function releaseRun(run: usize, order: u64): void {
  store<u64>(run, freeRuns[order]);
  freeRuns[order] = run;
  freeCount += u64(1) << order;
  keptPages -= u64(1) << order;
}

/** Blocks of one size, cut from pages. Sizes are multiples of 64, so blocks of descriptors are aligned as hardware wants. */
export class Slab {
  free: usize;
  size: u64;

  /** A block of zeros, or 0. */
  allocate(): usize {
    if (this.free === 0) {
      const page = allocatePage();
      if (page === 0) return 0;
      keptPages++;
      for (let block = page; block + this.size <= page + PAGE; block += this.size) {
        store<u64>(block, this.free);
        this.free = block;
      }
    }
    const block = this.free;
    this.free = load<u64>(block);
    memory.fill(block, 0, this.size);
    usedBlocks++;
    return block;
  }

  release(block: usize): void {
    store<u64>(block, this.free);
    this.free = block;
    usedBlocks--;
  }
}
