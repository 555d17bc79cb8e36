/**
 * Looks at what the guest does while it runs, for stops that are no breakpoints: traps, accesses to physical memory
 * (from whatever mapping, and by devices), states of cache lines, control registers. What it finds it collects as hits,
 * and stops the machine: before a trap, after everything else. Nothing here changes the guest.
 *
 * It costs nothing where nothing is asked for: pages are observed one by one, by their flags.
 */
import { CACHE_BLOCK_SIZE, PAGE_SIZE } from '../../emulator/addresses.ts';
import type { Computer } from '../../emulator/boot/computer.ts';
import type { Hart } from '../../emulator/cpu/hart.ts';
import { PageFlag } from '../../emulator/cpu/state.ts';
import { Initiator } from '../../emulator/machine/memory.ts';
import { type BlockNumber, blockOf, blockStart, dpa } from '../../emulator/nvdimm/dpa.ts';
import type { LineState } from '../../emulator/nvdimm/persistency.ts';
import type { TimeTravel } from './time-travel.ts';

/** Bytes of physical memory to be observed for `id`. */
export interface MemoryRange {
  readonly id: number;
  readonly pa: number;
  /** At least 1. */
  readonly length: number;
  readonly loads: boolean;
  readonly stores: boolean;
  /** Report changes of the states of these cache lines instead of accesses. */
  readonly lines?: boolean;
}

/** What is to be observed. */
export interface Wanted {
  readonly ranges: readonly MemoryRange[];
  /** Whether to stop before this trap. */
  readonly trap?: ((hart: Hart, cause: number, interrupt: boolean) => boolean) | undefined;
  /** CSRs by number, for `id`, in any hart. */
  readonly csrs: readonly { readonly id: number; readonly number: number }[];
}

export type Hit =
  | {
      readonly kind: 'access';
      readonly id: number;
      readonly access: 'load' | 'store';
      readonly pa: number;
      readonly length: number;
      /** The range's bytes before the access. */
      readonly old: Uint8Array;
    }
  | {
      readonly kind: 'line';
      readonly id: number;
      readonly block: BlockNumber;
      readonly from: LineState;
      readonly to: LineState;
    }
  | {
      readonly kind: 'csr';
      readonly id: number;
      readonly number: number;
      readonly from: bigint;
      readonly to: bigint;
    };

const NOTHING: Wanted = { ranges: [], csrs: [] };

export class Observer {
  private wanted = NOTHING;
  private hits: Hit[] = [];
  /** Observed pages of memory, with their ranges. */
  private readonly pages = new Map<number, MemoryRange[]>();
  /** Observed cache lines that are not, or were not, persistent, with the states last seen. */
  private readonly lines = new Map<BlockNumber, LineState>();
  private readonly csrValues = new Map<string, bigint>();
  /** The position at which a trap is let pass: the run goes on from there. */
  private passAt = -1;
  /** Lines are observed, and one may have changed with the store under way. */
  private observesLines = false;
  private linesTouched = false;
  /** Told when code returns from a trap: mappings may have changed. */
  onReturn: (() => void) | undefined;

  constructor(
    private readonly computer: Computer,
    private readonly time: TimeTravel,
  ) {
    const { machine } = computer;
    const { memory, hooks } = machine;
    memory.onStore(PageFlag.storeSlow, (page, pa, length, initiator) => {
      if (initiator !== Initiator.host) this.access(page, pa, length, 'store');
    });
    memory.onLoad((pa, length, initiator) => {
      if (initiator !== Initiator.host) this.access(memory.pageOf(pa), pa, length, 'load');
      return true;
    });
    hooks.trap = (hart, cause, interrupt) => {
      if (this.wanted.trap === undefined || this.time.isQuiet) return false;
      const { now } = this.time;
      if (now === this.passAt || !this.wanted.trap(hart, cause, interrupt)) return false;
      this.passAt = now; // it was reported: the next time it is taken
      return true;
    };
    hooks.control = (hart, what, written) => {
      if (what === 'return') this.onReturn?.();
      if (this.wanted.csrs.length > 0) this.checkCsrs(hart, written);
    };
    const { fence, cacheBlock } = hooks;
    hooks.fence = (predecessor, successor, hart) => {
      fence?.(predecessor, successor, hart);
      if (this.observesLines) this.checkLines();
    };
    hooks.cacheBlock = (operation, pa, hart) => {
      cacheBlock?.(operation, pa, hart);
      if (this.observesLines) this.checkLines();
    };
    time.onJump.push(() => this.refresh());
    if (computer.nvdimm) computer.nvdimm.onStoresReleased = () => this.observeAgain();
  }

  /** Replaces what is observed. */
  want(wanted: Wanted): void {
    const { memory } = this.computer.machine;
    const old = [...this.pages.keys()];
    const csrs = new Set(wanted.csrs.map(({ number }) => number));
    const known = new Set(this.wanted.csrs.map(({ number }) => number));
    if (csrs.size !== known.size || [...csrs].some((number) => !known.has(number)))
      this.computer.machine.observeCsrs(csrs);
    this.wanted = wanted;
    this.pages.clear();
    this.observesLines = wanted.ranges.some(({ lines }) => lines);
    for (const range of wanted.ranges) this.observe(range);
    let loadsEnded = false;
    for (const page of old) {
      if (this.pages.has(page)) continue;
      if (!this.computer.nvdimm?.observesStores(page)) memory.clearFlag(page, PageFlag.storeSlow);
      loadsEnded ||= (memory.flags(page) & PageFlag.loadSlow) !== 0;
      memory.clearFlag(page, PageFlag.loadSlow);
    }
    if (loadsEnded) this.computer.machine.setWatchpoints([...this.computer.machine.watch.all]);
    this.refresh();
  }

  /** The NVDIMM does not observe stores any more: those that are wanted here are observed again. */
  private observeAgain(): void {
    const { memory } = this.computer.machine;
    for (const [page, ranges] of this.pages)
      if (ranges.some(({ stores, lines }) => stores || lines)) memory.setFlag(page, PageFlag.storeSlow);
  }

  /** Where pages begin whose flags belong to the NVDIMM. */
  private get nvdimmBase(): number {
    return this.computer.nvdimm?.region.base ?? Number.POSITIVE_INFINITY;
  }

  private observe(range: MemoryRange): void {
    const { memory } = this.computer.machine;
    for (let at = range.pa - (range.pa % PAGE_SIZE); at < range.pa + range.length; at += PAGE_SIZE) {
      const page = memory.pageOf(at);
      if (page < 0) continue;
      const list = this.pages.get(page);
      if (list) list.push(range);
      else this.pages.set(page, [range]);
      if (range.stores || range.lines) memory.setFlag(page, PageFlag.storeSlow);
      if (range.loads) memory.setFlag(page, PageFlag.loadSlow);
    }
  }

  /** The state was put somewhere else: what was seen last is what is there now. */
  refresh(): void {
    this.hits = [];
    this.passAt = -1;
    this.linesTouched = false;
    this.lines.clear();
    const { nvdimm, machine } = this.computer;
    if (this.observesLines && nvdimm?.recording) {
      const { engine } = nvdimm;
      for (const block of engine.undetermined())
        if (this.idsOf(block).length > 0) this.lines.set(block, engine.lineState(block));
    }
    for (const { number } of this.wanted.csrs)
      for (const { hart } of machine.cores)
        this.csrValues.set(`${hart.index}:${number}`, machine.csrs.peek(hart, number) ?? 0n);
  }

  /** A trap at the present position is let pass when the run goes on. */
  pass(): void {
    this.passAt = this.time.now;
  }

  /** What was found since the last call. Stores to observed lines have been looked at. */
  take(): Hit[] {
    if (this.linesTouched) {
      this.linesTouched = false;
      this.checkLines();
    }
    const { hits } = this;
    this.hits = [];
    return hits;
  }

  private hit(hit: Hit): void {
    this.hits.push(hit);
    this.computer.machine.pause();
  }

  private access(page: number, pa: number, length: number, access: 'load' | 'store'): void {
    const ranges = this.pages.get(page);
    if (ranges === undefined || this.time.isQuiet) return;
    for (const range of ranges) {
      if (pa >= range.pa + range.length || range.pa >= pa + length) continue;
      if (range.lines) {
        if (access !== 'store') continue;
        // The line changes with the store, which is still to come.
        this.linesTouched = true;
        const first = blockOf(dpa(pa - this.nvdimmBase));
        const last = blockOf(dpa(pa + length - 1 - this.nvdimmBase));
        // What is not known here is not pending: it is persistent, or was never stored to.
        for (let block = first; block <= last; block++)
          if (!this.lines.has(block as BlockNumber)) this.lines.set(block as BlockNumber, 'persistent');
        this.computer.machine.pause();
      } else if (access === 'load' ? range.loads : range.stores) {
        const { memory } = this.computer.machine;
        const old = memory.readBytes(range.pa, Math.min(range.length, 64));
        this.hit({ kind: 'access', id: range.id, access, pa, length, old });
      }
    }
  }

  private checkLines(): void {
    const { nvdimm } = this.computer;
    if (!nvdimm?.recording) return;
    const { engine } = nvdimm;
    for (const [block, from] of this.lines) {
      const to = engine.lineState(block);
      if (to === from) continue;
      this.lines.set(block, to);
      if (this.time.isQuiet) continue;
      for (const id of this.idsOf(block)) this.hit({ kind: 'line', id, block, from, to });
    }
  }

  /** Who observes the state of a line. */
  private idsOf(block: BlockNumber): number[] {
    const pa = this.nvdimmBase + blockStart(block);
    const ranges = this.pages.get(this.computer.machine.memory.pageOf(pa)) ?? [];
    return ranges
      .filter((range) => range.lines && range.pa < pa + CACHE_BLOCK_SIZE && pa < range.pa + range.length)
      .map(({ id }) => id);
  }

  /** Looks for CSRs that have changed, or were `written` with the value that they had. */
  private checkCsrs(hart: Hart, written: number | undefined): void {
    const { csrs } = this.computer.machine;
    for (const { id, number } of this.wanted.csrs) {
      const key = `${hart.index}:${number}`;
      const to = csrs.peek(hart, number) ?? 0n;
      const from = this.csrValues.get(key) ?? 0n;
      if (from === to && number !== written) continue;
      this.csrValues.set(key, to);
      if (!this.time.isQuiet) this.hit({ kind: 'csr', id, number, from, to });
    }
  }
}
