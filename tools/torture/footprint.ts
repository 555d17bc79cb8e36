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
  /** Numbers of 8-byte words of physical memory. */
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
    if (footprint) for (const word of wordsOf(pa, length)) footprint.reads.add(word);
    return true;
  });
  memory.onStore(PageFlag.storeSlow, (_page, pa, length, initiator) => {
    const footprint = initiator < 0 ? undefined : observer.footprint(initiator, pa, length, true);
    if (footprint === undefined) return;
    if (pa >= region.base && pa < region.base + region.size) footprint.persistent = true;
    for (const word of wordsOf(pa, length)) {
      footprint.writes.add(word);
      observer.stored?.(word);
    }
  });
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
      if (operation === 'inval') footprint.orders = true;
      for (const word of wordsOf(pa, CACHE_BLOCK_SIZE)) footprint.reads.add(word);
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

export function* wordsOf(pa: number, length: number): Generator<number> {
  for (let word = Math.floor(pa / 8); word * 8 < pa + length; word++) yield word;
}
