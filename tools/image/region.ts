/**
 * The bytes of an NVDIMM's media as host tools see them: page by page, cached, words little-endian. Changes stay in memory, laid over the
 * media: replayed journal transactions, so that an image that was pulled out of a running machine reads as the kernel would find it, and
 * what `writer.ts` changes. `changedPages` are what somebody has to write.
 */
import { CACHE_BLOCK_SIZE, PAGE_SIZE } from '../../emulator/addresses.ts';
import { dpa } from '../../emulator/nvdimm/dpa.ts';
import type { Media } from '../../emulator/nvdimm/media.ts';

/** Media whose unreadable blocks are zeros, whatever lies in their place: nothing may be believed of them. `poison`: their addresses. */
export function withoutLost(
  media: Pick<Media, 'size' | 'read'>,
  poison: readonly number[],
): Pick<Media, 'size' | 'read'> {
  if (poison.length === 0) return media;
  const lost = new Set(poison);
  return {
    size: media.size,
    read(address, into): void {
      media.read(address, into);
      const first = address - (address % CACHE_BLOCK_SIZE);
      for (let block = first; block < address + into.length; block += CACHE_BLOCK_SIZE) {
        if (lost.has(block)) into.fill(0, Math.max(0, block - address), block + CACHE_BLOCK_SIZE - address);
      }
    },
  };
}

export class RegionReader {
  private readonly pages = new Map<number, DataView>();
  private readonly changed = new Set<number>();

  constructor(private readonly media: Pick<Media, 'size' | 'read'>) {}

  get size(): number {
    return this.media.size;
  }

  private page(number: number): DataView {
    let view = this.pages.get(number);
    if (!view) {
      const bytes = new Uint8Array(PAGE_SIZE);
      this.media.read(dpa(number * PAGE_SIZE), bytes);
      view = new DataView(bytes.buffer);
      this.pages.set(number, view);
    }
    return view;
  }

  /** The aligned 64-bit word at `offset`. */
  u64(offset: number): bigint {
    return this.page(Math.floor(offset / PAGE_SIZE)).getBigUint64(offset % PAGE_SIZE, true);
  }

  u32(offset: number): number {
    return this.page(Math.floor(offset / PAGE_SIZE)).getUint32(offset % PAGE_SIZE, true);
  }

  u8(offset: number): number {
    return this.page(Math.floor(offset / PAGE_SIZE)).getUint8(offset % PAGE_SIZE);
  }

  /** A copy of `length` bytes. */
  bytes(offset: number, length: number): Uint8Array {
    const result = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const at = offset + done;
      const within = at % PAGE_SIZE;
      const count = Math.min(length - done, PAGE_SIZE - within);
      const page = this.page(Math.floor(at / PAGE_SIZE));
      result.set(new Uint8Array(page.buffer, within, count), done);
      done += count;
    }
    return result;
  }

  /** Reads as media do: what tools see, changes included. */
  read(address: number, into: Uint8Array): void {
    into.set(this.bytes(address, into.length));
  }

  /** Changes an aligned 64-bit word. */
  patch(offset: number, value: bigint): void {
    this.page(this.change(offset)).setBigUint64(offset % PAGE_SIZE, value, true);
  }

  patch32(offset: number, value: number): void {
    this.page(this.change(offset)).setUint32(offset % PAGE_SIZE, value, true);
  }

  /** Changes bytes that lie within one page. */
  patchBytes(offset: number, bytes: Uint8Array): void {
    const page = this.page(this.change(offset));
    new Uint8Array(page.buffer).set(bytes, offset % PAGE_SIZE);
  }

  private change(offset: number): number {
    const page = Math.floor(offset / PAGE_SIZE);
    this.changed.add(page);
    return page;
  }

  /** Pages that differ from the media, by their byte offset. */
  *changedPages(): Generator<{ readonly offset: number; readonly bytes: Uint8Array }> {
    for (const page of this.changed) {
      yield { offset: page * PAGE_SIZE, bytes: new Uint8Array(this.page(page).buffer) };
    }
  }
}
