/**
 * What a boot has read and stored of the NVDIMM, byte by byte: enough to know whether another one would go the same
 * way, and to put another NVDIMM content behind it.
 *
 * Recovery is deterministic: two boots that read the same bytes do the same. So the state that a boot has reached on one NVDIMM
 * content is, with the bytes exchanged that it has neither read nor stored, the state that it reaches on another content
 * which agrees with the first in every byte read.
 */
import { CACHE_BLOCK_SIZE, PAGE_SIZE } from '../../emulator/addresses.ts';
import { type BlockNumber, blockStart } from '../../emulator/nvdimm/dpa.ts';
import type { CrashPoint } from './crash.ts';

const UNTOUCHED: Uint8Array = new Uint8Array(CACHE_BLOCK_SIZE);

export class Touched {
  /** By page: 1 for each byte read before it was stored to. */
  private readonly reads = new Map<number, Uint8Array>();
  /** By block: 1 for each byte stored to. */
  private readonly stores = new Map<number, Uint8Array>();
  /** What the pages held of which something was read, in any order. */
  private contents: { readonly page: number; readonly bytes: Uint8Array }[] = [];
  /** Called at the first access. */
  onFirst: (() => void) | undefined;

  read(from: number, length: number): void {
    this.first();
    forEachPart(from, length, PAGE_SIZE, (page, start, end) => {
      const reads = flagsOf(this.reads, page, PAGE_SIZE);
      for (let i = start; i < end; i++) if (!this.isStored(page * PAGE_SIZE + i)) reads[i] = 1;
    });
  }

  store(from: number, length: number): void {
    this.first();
    forEachPart(from, length, CACHE_BLOCK_SIZE, (block, start, end) =>
      flagsOf(this.stores, block, CACHE_BLOCK_SIZE).fill(1, start, end),
    );
  }

  private isStored(at: number): boolean {
    if (this.stores.size === 0) return false;
    return this.stores.get(Math.floor(at / CACHE_BLOCK_SIZE))?.[at % CACHE_BLOCK_SIZE] === 1;
  }

  private first(): void {
    this.onFirst?.();
    this.onFirst = undefined;
  }

  /** What a boot has touched that goes on from here. */
  copy(): Touched {
    const copy = new Touched();
    for (const [page, flags] of this.reads) copy.reads.set(page, flags.slice());
    for (const [block, flags] of this.stores) copy.stores.set(block, flags.slice());
    return copy;
  }

  /** Keeps what was read, of the NVDIMM content that the boot ran on. */
  keep(visible: Uint8Array): void {
    this.contents = [...this.reads.keys()].map((page) => ({
      page,
      bytes: visible.slice(page * PAGE_SIZE, (page + 1) * PAGE_SIZE),
    }));
  }

  /** Whether a boot would read the same on every image of a crash point. */
  readsAgree({ visible, sets }: Pick<CrashPoint, 'visible' | 'sets'>): boolean {
    for (const [block, set] of sets) {
      const at = blockStart(block);
      const reads = this.reads.get(Math.floor(at / PAGE_SIZE));
      if (reads === undefined || set.determined) continue;
      for (let i = 0; i < CACHE_BLOCK_SIZE; i++)
        if (reads[(at % PAGE_SIZE) + i] === 1 && set.valuesAt(i).length !== 1) return false;
    }
    return this.contents.every(({ page, bytes }) => {
      const now = visible.subarray(page * PAGE_SIZE, (page + 1) * PAGE_SIZE);
      // Mostly nothing of it has changed.
      return Buffer.compare(bytes, now) === 0 || sameWhere(this.reads.get(page)!, bytes, now);
    });
  }

  /** Which bytes of a block the boot has stored: 64 flags, not to be changed. */
  stored(block: BlockNumber): Uint8Array {
    return this.stores.get(block) ?? UNTOUCHED;
  }

  /** Puts what the boot has stored (`now`) into a page's content for another NVDIMM; `at` is the page's offset. */
  keepStored(at: number, page: Uint8Array, now: Uint8Array): void {
    for (let offset = 0; offset < page.length; offset += CACHE_BLOCK_SIZE) {
      const mask = this.stores.get((at + offset) / CACHE_BLOCK_SIZE);
      if (mask) mergeInto(page.subarray(offset), now.subarray(offset), mask);
    }
  }
}

function sameWhere(flags: Uint8Array, before: Uint8Array, now: Uint8Array): boolean {
  for (let i = 0; i < flags.length; i++) if (flags[i] === 1 && before[i] !== now[i]) return false;
  return true;
}

/** Calls `visit` for what a range has of each part (of `size` bytes): offsets of the first byte and behind the last. */
function forEachPart(
  from: number,
  length: number,
  size: number,
  visit: (part: number, start: number, end: number) => void,
): void {
  for (let at = from; at < from + length; ) {
    const start = at % size;
    const end = Math.min(start + from + length - at, size);
    visit((at - start) / size, start, end);
    at += end - start;
  }
}

function flagsOf(all: Map<number, Uint8Array>, part: number, size: number): Uint8Array {
  let flags = all.get(part);
  if (flags === undefined) {
    flags = new Uint8Array(size);
    all.set(part, flags);
  }
  return flags;
}

/** Copies the flagged bytes of a block. */
export function mergeInto(target: Uint8Array, source: Uint8Array, mask: Uint8Array): void {
  for (let i = 0; i < CACHE_BLOCK_SIZE; i++) if (mask[i] === 1) target[i] = source[i]!;
}
