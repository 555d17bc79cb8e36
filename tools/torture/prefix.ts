/**
 * What a boot has read and stored of the NVDIMM, byte by byte: enough to know whether another one would go the same
 * way, and to put another NVDIMM content behind it.
 *
 * Recovery is deterministic: two boots that read the same bytes do the same. So the state that a boot has reached on one NVDIMM
 * content is, with the bytes exchanged that it has neither read nor stored, the state that it reaches on another content
 * which agrees with the first in every byte read.
 */
import { CACHE_BLOCK_SIZE } from '../../emulator/addresses.ts';
import { type BlockNumber, blockStart } from '../../emulator/nvdimm/dpa.ts';
import type { CrashPoint } from './crash.ts';

const UNTOUCHED: Uint8Array = new Uint8Array(CACHE_BLOCK_SIZE);

export class Touched {
  /** 1 for each byte read before it was stored to. */
  private readonly reads = new Map<number, Uint8Array>();
  private readonly stores = new Map<number, Uint8Array>();
  /** What the bytes read were: neighbouring blocks together, in any order. */
  private contents: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  /** Called at the first access. */
  onFirst: (() => void) | undefined;

  read(from: number, length: number): void {
    this.first();
    for (let at = from; at < from + length; at++) {
      const block = Math.floor(at / CACHE_BLOCK_SIZE);
      const offset = at % CACHE_BLOCK_SIZE;
      if (this.stores.get(block)?.[offset] !== 1) maskOf(this.reads, block)[offset] = 1;
    }
  }

  store(from: number, length: number): void {
    this.first();
    for (let at = from; at < from + length; at++)
      maskOf(this.stores, Math.floor(at / CACHE_BLOCK_SIZE))[at % CACHE_BLOCK_SIZE] = 1;
  }

  private first(): void {
    this.onFirst?.();
    this.onFirst = undefined;
  }

  /** Keeps what was read, of the NVDIMM content that the boot ran on. */
  keep(visible: Uint8Array): void {
    this.contents = [];
    let from = -1;
    let to = -1;
    const add = (): void => {
      if (to > from) this.contents.push({ at: from, bytes: visible.slice(from, to) });
    };
    for (const block of [...this.reads.keys()].sort((a, b) => a - b)) {
      const at = blockStart(block as BlockNumber);
      if (at !== to) {
        add();
        from = at;
      }
      to = at + CACHE_BLOCK_SIZE;
    }
    add();
  }

  /** Whether a boot would read the same on every image of a crash point. */
  readsAgree({ visible, sets }: Pick<CrashPoint, 'visible' | 'sets'>): boolean {
    for (const [block, set] of sets) {
      const mask = this.reads.get(block);
      if (mask?.some((read, i) => read === 1 && set.valuesAt(i).length !== 1)) return false;
    }
    return this.contents.every(({ at, bytes }) => {
      const now = visible.subarray(at, at + bytes.length);
      // Mostly nothing of it has changed.
      return Buffer.compare(bytes, now) === 0 || this.sameWhereRead(at, bytes, now);
    });
  }

  private sameWhereRead(at: number, before: Uint8Array, now: Uint8Array): boolean {
    for (let offset = 0; offset < before.length; offset += CACHE_BLOCK_SIZE) {
      const mask = this.reads.get((at + offset) / CACHE_BLOCK_SIZE)!;
      for (let i = 0; i < CACHE_BLOCK_SIZE; i++)
        if (mask[i] === 1 && before[offset + i] !== now[offset + i]) return false;
    }
    return true;
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

function maskOf(masks: Map<number, Uint8Array>, block: number): Uint8Array {
  let mask = masks.get(block);
  if (mask === undefined) {
    mask = new Uint8Array(CACHE_BLOCK_SIZE);
    masks.set(block, mask);
  }
  return mask;
}

/** Copies the flagged bytes of a block. */
export function mergeInto(target: Uint8Array, source: Uint8Array, mask: Uint8Array): void {
  for (let i = 0; i < CACHE_BLOCK_SIZE; i++) if (mask[i] === 1) target[i] = source[i]!;
}
