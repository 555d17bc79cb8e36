/**
 * What steps of a workload have touched, and when the order of two steps can make a difference: the ground of both
 * explorations of schedules, that of harts (interleave.ts) and that of the guest's threads (threads.ts).
 */
import { CACHE_BLOCK_SIZE, PAGE_SIZE } from '../../emulator/addresses.ts';
import type { Computer } from '../../emulator/boot/computer.ts';
import { PageFlag } from '../../emulator/cpu/state.ts';
import { Access } from '../../emulator/mmu/translation.ts';
import { observeNvdimm } from './crash.ts';

/** What a step has touched. */
export interface Footprint {
  /**
   * Numbers of 8-byte words of physical memory; and of blocks of the NVDIMM (`blockWord`): stores to other words of a block are
   * dependent, because a failure leaves a prefix of them.
   */
  readonly reads: Set<number>;
  readonly writes: Set<number>;
  /** It stored to the NVDIMM, or wrote back. */
  persistent: boolean;
  /** It may have completed something, or acknowledged. */
  orders: boolean;
}

export const emptyFootprint = (): Footprint => ({
  reads: new Set(),
  writes: new Set(),
  persistent: false,
  orders: false,
});

/**
 * Two steps are dependent when they touch the same memory and one of them writes, or when one of them changes what
 * a power failure leaves for certain (a completing fence, an acknowledgement) and the other one stores to the NVDIMM,
 * writes back, or does such a thing too: a failure between the two tells their orders apart.
 */
export function dependent(a: Footprint, b: Footprint): boolean {
  if (a.orders && (b.orders || b.persistent)) return true;
  if (b.orders && a.persistent) return true;
  return meets(a.writes, b.writes) || meets(a.writes, b.reads) || meets(a.reads, b.writes);
}

/**
 * Whether a step has to be tried behind another thread's, too, when it would come before it otherwise. Not when they touch the same memory
 * in no way, and the first only stores, or writes back, while the other completes or acknowledges: before that, a failure leaves
 * all that it leaves without the first step, and more; behind both, the same.
 */
export function mattersBefore(step: Footprint, other: Footprint): boolean {
  return (
    (step.orders && (other.orders || other.persistent)) ||
    meets(step.writes, other.writes) ||
    meets(step.writes, other.reads) ||
    meets(step.reads, other.writes)
  );
}

export function meets(a: ReadonlySet<number>, b: ReadonlySet<number>): boolean {
  const [small, large] = a.size < b.size ? [a, b] : [b, a];
  for (const word of small) if (large.has(word)) return true;
  return false;
}

export interface AccessObserver {
  /** Where to note an access by a hart, to `length` bytes at a physical address (−1: a fence); undefined: nowhere. */
  footprint(hart: number, pa: number, length: number, writes: boolean): Footprint | undefined;
  /** A word is about to be stored to. */
  stored?(word: number): void;
}

/** Has every access of the harts to memory noted from now on, for good. */
export function observeAccesses(computer: Computer, observer: AccessObserver): void {
  const { machine, nvdimm } = computer;
  const { memory } = machine;
  const { region, engine } = nvdimm!;
  memory.onLoad((pa, length, initiator) => {
    const footprint = initiator < 0 ? undefined : observer.footprint(initiator, pa, length, false);
    if (footprint) for (let word = wordOf(pa); word * 8 < pa + length; word++) footprint.reads.add(word);
    return true;
  });
  memory.onStore(PageFlag.storeSlow, (_page, pa, length, initiator) => {
    const footprint = initiator < 0 ? undefined : observer.footprint(initiator, pa, length, true);
    if (footprint === undefined) return;
    if (pa >= region.base && pa < region.base + region.size) {
      footprint.persistent = true;
      for (let at = pa; at < pa + length; at += CACHE_BLOCK_SIZE) footprint.writes.add(blockWord(at));
      footprint.writes.add(blockWord(pa + length - 1));
    }
    for (let word = wordOf(pa); word * 8 < pa + length; word++) {
      footprint.writes.add(word);
      observer.stored?.(word);
    }
  });
  machine.hooks.zeroesOfDramMatter = true;
  observeNvdimm(computer, {
    fence: (_pred, _succ, hart) => {
      if (engine.fenceIsIdle(nvdimm!.issuerOf(hart.index))) return;
      const footprint = observer.footprint(hart.index, -1, 0, false);
      if (footprint) footprint.orders = true;
    },
    cacheBlock: (operation, pa, hart) => {
      const footprint = observer.footprint(hart.index, pa, CACHE_BLOCK_SIZE, false);
      if (footprint === undefined) return;
      footprint.persistent = true;
      // Who writes back is told apart by the stores before it, not from others who do.
      (operation === 'inval' ? footprint.writes : footprint.reads).add(blockWord(pa));
      if (operation !== 'inval') return;
      footprint.orders = true;
      for (let word = wordOf(pa); word * 8 < pa + CACHE_BLOCK_SIZE; word++) footprint.writes.add(word);
    },
  });
  const flags = PageFlag.loadSlow | PageFlag.storeSlow;
  for (const one of memory.regions)
    for (let page = one.firstPage; page < one.firstPage + one.size / PAGE_SIZE; page++)
      memory.u8[memory.layout.pageFlags + page]! |= flags;
  // One page the usual way, so that everybody hears of it.
  memory.clearFlag(memory.regions[0]!.firstPage, flags);
  memory.setFlag(memory.regions[0]!.firstPage, flags);
  machine.dropFast(Access.load);
  machine.dropFast(Access.store);
}

/** A block of the NVDIMM among the words of a footprint: below `KERNEL_WORD`. */
const blockWord = (pa: number): number => KERNEL_WORD - 1 - Math.floor(pa / CACHE_BLOCK_SIZE);

/** Stands for all that the kernel keeps. */
export const KERNEL_WORD = -1;

/** The number of the 8-byte word in which a byte lies. */
export const wordOf = (pa: number): number => Math.floor(pa / 8);
