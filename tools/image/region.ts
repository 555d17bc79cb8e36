/**
 * The bytes of an NVDIMM's media as host tools read them: page by page, cached, words little-endian. Replayed journal
 * transactions are laid over the pages, so that an image that was pulled out of a running machine reads as the kernel would find it.
 */
import { PAGE_SIZE } from '../../emulator/addresses.ts';
import { dpa } from '../../emulator/nvdimm/dpa.ts';
import type { Media } from '../../emulator/nvdimm/media.ts';

export class RegionReader {
  private readonly pages = new Map<number, DataView>();

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

  /** Changes a word of what is read; the media stay as they are. */
  patch(offset: number, value: bigint): void {
    this.page(Math.floor(offset / PAGE_SIZE)).setBigUint64(offset % PAGE_SIZE, value, true);
  }
}
