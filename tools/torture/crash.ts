/**
 * Crash points: the instants at which a power failure can leave something that it cannot leave at any other. They lie
 * just before each fence that makes stores persistent, before each mark, before a discarding `cbo.inval`, and at the
 * end. Between two of them the set of legal images only grows, so nothing is lost by looking at these alone.
 *
 * Invariant: runs are deterministic; crash point n of one run is crash point n of every other.
 */
import { createHash } from 'node:crypto';
import { PAGE_SIZE } from '../../emulator/addresses.ts';
import type { Computer } from '../../emulator/boot/computer.ts';
import type { Hart } from '../../emulator/cpu/hart.ts';
import type { CacheBlockOperation } from '../../emulator/machine/hooks.ts';
import type { BlockNumber } from '../../emulator/nvdimm/dpa.ts';
import type { BlockImages } from '../../emulator/nvdimm/images.ts';
import type { StoreUnit } from '../../emulator/nvdimm/pending.ts';
import type { PersistencyEngine } from '../../emulator/nvdimm/persistency.ts';
import { differentPages } from './changes.ts';
import type { Progress } from './device.ts';

/** Blocks of which a failure may leave more than one content, and which ones. */
export type BlockSets = ReadonlyMap<BlockNumber, BlockImages>;

export type CrashKind = 'fence' | 'mark' | 'invalidation' | 'end';

/** What is known of a crash point without the NVDIMM's contents. Plain data. */
export interface CrashPlace {
  /** 0, 1, … in the order of the run. */
  readonly index: number;
  readonly kind: CrashKind;
  /** Of the instruction before which it lies. */
  readonly pc: bigint;
  /** Instructions retired before. */
  readonly instret: number;
  /** How far the workload was. */
  readonly progress: Progress;
  /** On several harts: the schedule (`scheduleText`), and which crash point of the run under it this is. */
  readonly origin?: { readonly schedule: string; readonly index: number };
}

/** An instant at which the power may fail. */
export interface CrashPoint extends CrashPlace {
  /** The number of legal images, by the persistency engine. */
  readonly legal: bigint;
  readonly sets: BlockSets;
  /** The pending stores of each block of `sets`, oldest first. */
  readonly stores: ReadonlyMap<BlockNumber, readonly StoreUnit[]>;
  /** For each block of `sets`, the place in memory order up to which cache-block operations wrote it back. */
  readonly writtenBack: ReadonlyMap<BlockNumber, number>;
  /** The NVDIMM's bytes as loads see them; valid while the point is being visited. */
  readonly visible: Uint8Array;
  /**
   * Offsets of the NVDIMM's pages that the workload has stored to in any of its runs so far: outside of them all crash points that
   * share this set, which grows, show the same. Absent: unknown.
   */
  readonly stored?: ReadonlySet<number>;
}

/**
 * Equal for crash points that leave the same images to the same question.
 * @param base an NVDIMM content, the same for all that are compared
 */
export function contentKey({ visible, stored, sets, progress }: CrashPoint, base: Uint8Array): string {
  const hash = createHash('sha256').update(JSON.stringify(progress));
  for (const at of differentPages(base, visible, stored))
    hash.update(`page ${at} `).update(visible.subarray(at, at + PAGE_SIZE));
  for (const [block, { cubes }] of sets) {
    hash.update(`block ${block} `);
    for (const { bytes, freeLow, freeHigh } of cubes) hash.update(bytes).update(`${freeLow} ${freeHigh} `);
  }
  return hash.digest('base64');
}

/** The NVDIMM's bytes as loads see them. */
export function visibleOf({ machine, nvdimm }: Computer): Uint8Array {
  const { region } = nvdimm!;
  return machine.memory.u8.subarray(region.host, region.host + region.size);
}

/** What a power failure now may leave, on a computer that records stores. */
export function crashPointNow(
  computer: Computer,
  place: Pick<CrashPlace, 'index' | 'kind' | 'progress'>,
): CrashPoint {
  const { machine } = computer;
  const { engine } = computer.nvdimm!;
  const { hart } = machine.turns.current;
  const blocks = engine.undetermined();
  return {
    ...place,
    pc: hart.pc,
    instret: machine.turns.instructionsNow,
    legal: engine.countImages(),
    sets: new Map(blocks.map((block) => [block, engine.images(block)])),
    stores: new Map(blocks.map((block) => [block, engine.pendingStores(block)])),
    writtenBack: writtenBackOf(engine, blocks),
    visible: visibleOf(computer),
  };
}

/** Read from a snapshot: the engine does not tell it otherwise. */
function writtenBackOf(engine: PersistencyEngine, blocks: readonly BlockNumber[]): Map<BlockNumber, number> {
  const state = engine.snapshot();
  return new Map(blocks.map((block) => [block, state.blocks.get(block)?.writtenBack ?? 0]));
}

/** Functions that are called before each of these takes effect on the NVDIMM. */
export interface NvdimmObserver {
  /** A fence, with its predecessor and successor sets. */
  fence?(predecessor: number, successor: number, hart: Hart): void;
  /** A cache-block operation on physical address `pa`, which lies in the NVDIMM. */
  cacheBlock?(operation: CacheBlockOperation, pa: number, hart: Hart): void;
}

/** Puts an observer before the NVDIMM's own part in execution. */
export function observeNvdimm({ machine, nvdimm }: Computer, observer: NvdimmObserver): void {
  const { region } = nvdimm!;
  const { fence, cacheBlock } = machine.hooks;
  machine.hooks.fence = (pred, succ, hart) => {
    observer.fence?.(pred, succ, hart);
    fence?.(pred, succ, hart);
  };
  machine.hooks.cacheBlock = (operation, pa, hart) => {
    if (pa >= region.base && pa < region.base + region.size) observer.cacheBlock?.(operation, pa, hart);
    cacheBlock?.(operation, pa, hart);
  };
}
