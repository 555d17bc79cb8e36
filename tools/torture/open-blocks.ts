/**
 * The blocks of which a failure may have left several contents, during a run of recovery: what each may still be, and
 * which of its bytes recovery has stored over. When a byte is read that differs among the contents of its block, somebody decides its value,
 * and the set shrinks.
 *
 * Invariant: before each read, memory shows one content of every block's set, except for the bytes that recovery has
 * stored over; those are its own and tell nothing about the failure.
 */
import { CACHE_BLOCK_SIZE, PAGE_SIZE } from '../../emulator/addresses.ts';
import type { Region } from '../../emulator/machine/layout.ts';
import { Initiator, type PhysicalMemory } from '../../emulator/machine/memory.ts';
import { type BlockNumber, blockStart } from '../../emulator/nvdimm/dpa.ts';
import type { BlockImages } from '../../emulator/nvdimm/images.ts';
import type { BlockSets } from './crash.ts';
import { mergeInto } from './prefix.ts';

const BLOCKS_PER_PAGE = PAGE_SIZE / CACHE_BLOCK_SIZE;

/** Picks one of the values (ascending, at least two) of a byte. */
export type Decide = (
  values: readonly number[],
  set: BlockImages,
  block: BlockNumber,
  offset: number,
) => number;

/** A block as a node keeps it. */
export interface KeptBlock {
  readonly block: BlockNumber;
  readonly set: BlockImages;
  /** 1 for each byte that recovery has stored to. */
  readonly stored: Uint8Array;
}

interface OpenBlock {
  set: BlockImages;
  stored: Uint8Array;
  /** `stored` belongs to a node: copy it before changing it. */
  shared: boolean;
}

export class OpenBlocks {
  private readonly blocks = new Map<number, OpenBlock>();

  constructor(
    private readonly memory: PhysicalMemory,
    private readonly region: Region,
  ) {}

  /** Goes on from a node; memory shows its contents already. */
  enter(kept: readonly KeptBlock[]): void {
    this.blocks.clear();
    for (const { block, set, stored } of kept) this.blocks.set(block, { set, stored, shared: true });
  }

  /** For a node. */
  keep(): KeptBlock[] {
    return [...this.blocks].map(([block, one]) => {
      one.shared = true;
      return { block: block as BlockNumber, set: one.set, stored: one.stored };
    });
  }

  /** What every block may still be. */
  sets(): BlockSets {
    return new Map([...this.blocks].map(([block, { set }]) => [block as BlockNumber, set]));
  }

  /** Puts other sets, each a subset, in place of those of some blocks, nothing of which has been read yet. */
  replace(sets: BlockSets): void {
    for (const [block, set] of sets) {
      const known = this.blocks.get(block);
      if (known === undefined) throw new Error(`block ${block} is not open at this crash point`);
      if (known.set === set) continue;
      known.set = set;
      this.show(block, set, known.stored);
    }
  }

  /** Bytes are about to be read: each that is still undecided is decided now. */
  read(from: number, length: number, decide: Decide): void {
    for (let at = from; at < from + length; at++) {
      const values = this.valuesAt(at);
      if (values === undefined) continue;
      const block = Math.floor(at / CACHE_BLOCK_SIZE) as BlockNumber;
      const open = this.blocks.get(block)!;
      const offset = at % CACHE_BLOCK_SIZE;
      open.set = open.set.restrict(offset, decide(values, open.set, block, offset));
      this.show(block, open.set, open.stored);
    }
  }

  /** Whether one of these bytes is not decided yet. */
  isUndecided(from: number, length: number): boolean {
    for (let at = from; at < from + length; at++) if (this.valuesAt(at)) return true;
    return false;
  }

  /** The values of a byte that is not decided yet. */
  private valuesAt(at: number): readonly number[] | undefined {
    const open = this.blocks.get(Math.floor(at / CACHE_BLOCK_SIZE));
    const offset = at % CACHE_BLOCK_SIZE;
    if (open === undefined || open.set.determined || open.stored[offset] === 1) return undefined;
    const values = open.set.valuesAt(offset);
    return values.length > 1 ? values : undefined;
  }

  /** Recovery stores over these bytes. */
  store(from: number, length: number): void {
    if (this.blocks.size === 0) return;
    for (let at = from; at < from + length; at++) {
      const open = this.blocks.get(Math.floor(at / CACHE_BLOCK_SIZE));
      if (open === undefined) continue;
      if (open.shared) {
        open.stored = open.stored.slice();
        open.shared = false;
      }
      open.stored[at % CACHE_BLOCK_SIZE] = 1;
    }
  }

  /** Sets the bits of those blocks of a page that are not decided yet. `page` counts from the beginning of the NVDIMM. */
  undecidedOf(page: number, blocks: [number, number]): void {
    for (const [block, { set }] of this.blocks) {
      const place = block - page * BLOCKS_PER_PAGE;
      if (place >= 0 && place < BLOCKS_PER_PAGE && !set.determined) blocks[place >> 5]! |= 1 << (place & 31);
    }
  }

  /** Makes memory show a content of a set, under what recovery has stored. */
  show(block: BlockNumber, set: BlockImages, stored: Uint8Array): void {
    const at = blockStart(block);
    const shown = set.at(0n);
    const now = this.memory.u8.subarray(this.region.host + at, this.region.host + at + CACHE_BLOCK_SIZE);
    mergeInto(shown, now, stored);
    if (Buffer.compare(now, shown) !== 0) this.poke(at, shown);
  }

  /** Changes bytes of the NVDIMM, within a page, without anybody's notice but the snapshots'. */
  poke(at: number, bytes: Uint8Array): void {
    const { memory, region } = this;
    memory.settle(region.firstPage + Math.floor(at / PAGE_SIZE), region.base + at, Initiator.host);
    memory.u8.set(bytes, region.host + at);
  }
}
