/**
 * Runs one hart for a stretch of instructions: enters the engine, and handles every exit in JavaScript until the
 * budget is used up or something stops the stretch. Interrupts are taken here, before the instruction at which they
 * became visible.
 */
import { PAGE_SHIFT } from '../addresses.ts';
import { Cause, Privilege } from '../cpu/causes.ts';
import type { CsrFile } from '../cpu/csr.ts';
import { RunState, Slot } from '../cpu/csr-numbers.ts';
import type { Hart } from '../cpu/hart.ts';
import { Exit, HART, PageFlag, REGIME_SHIFT } from '../cpu/state.ts';
import {
  type DelegationRule,
  isDelegated,
  selectInterrupt,
  takeException,
  takeInterrupt,
} from '../cpu/trap.ts';
import { FAULT } from '../mmu/mmu.ts';
import { Access } from '../mmu/translation.ts';
import { AccessUnit } from './access.ts';
import type { Breakpoints } from './breakpoints.ts';
import type { Bus } from './bus.ts';
import type { StopReason } from './config.ts';
import type { Core } from './core.ts';
import type { Engine } from './engine.ts';
import type { CustomInstruction, MachineHooks } from './hooks.ts';
import type { PhysicalMemory } from './memory.ts';
import { SystemUnit } from './system.ts';
import type { Watchpoints } from './watchpoints.ts';

/** What execution needs of the machine. */
export interface ExecutionParts {
  readonly memory: PhysicalMemory;
  readonly bus: Bus;
  readonly csrs: CsrFile;
  readonly engine: Engine;
  readonly watch: Watchpoints;
  readonly breakpoints: Breakpoints;
  readonly hooks: MachineHooks;
  readonly custom: readonly CustomInstruction[];
  readonly delegation: DelegationRule | undefined;
  /** Answers an ecall from S-mode by built-in SBI, if the machine was started so. */
  environmentCall(core: Core): boolean;
  observeFences(): void;
  /** True when nobody but the only hart, in S-mode, could change what it faults on: no firmware, no other hart. */
  alone(): boolean;
  /** True when the stretch must end: a stop was asked for, or an earlier event is due. */
  interrupted(): boolean;
  stop(reason: StopReason): void;
}

const EXIT_VALUE = HART.exitValue >> 2;

export class Execution {
  readonly access: AccessUnit;
  private readonly parts: ExecutionParts;
  private readonly system: SystemUnit;
  private readonly engine: Engine;
  private readonly memory: PhysicalMemory;

  constructor(parts: ExecutionParts) {
    this.parts = parts;
    this.engine = parts.engine;
    this.memory = parts.memory;
    const raise = this.raise.bind(this);
    this.access = new AccessUnit(parts.memory, parts.bus, parts.watch, raise);
    this.system = new SystemUnit({
      ...parts,
      raise,
      environmentCall: (core) => parts.environmentCall(core),
      observeFences: () => parts.observeFences(),
    });
  }

  /** Runs until the loaded budget is used up, the hart goes to sleep, or `interrupted` says so. */
  run(core: Core): void {
    const { hart } = core;
    const { engine, parts } = this;
    for (;;) {
      if (hart.attention) {
        hart.attention = false;
        if (hart.runState !== RunState.running) return;
        const cause = selectInterrupt(hart);
        if (cause >= 0) {
          if (this.refused(core, cause, true)) {
            hart.attention = true;
            return;
          }
          takeInterrupt(hart, cause);
          core.statistics.interrupts++;
          parts.hooks.control?.(hart, 'trap');
        }
      }
      const exit = engine.run(hart.base);
      // An engine may look for the page of the next instruction before it looks at the budget: nothing more may start.
      if (exit === Exit.Budget || hart.budget <= 0) return;
      this.handle(core, exit);
      if (parts.interrupted()) return;
    }
  }

  /** Handles an exit other than Budget; the instruction at pc is not executed yet. */
  private handle(core: Core, exit: Exit): void {
    core.statistics.exits[exit]!++;
    const { hart } = core;
    switch (exit) {
      case Exit.Load:
      case Exit.Store:
        if (this.parts.watch.active) this.watchedAccess(core, exit);
        else this.access.handle(core, exit);
        return;
      case Exit.System:
        this.system.execute(core, hart.i32[hart.word + EXIT_VALUE]!);
        return;
      case Exit.Fetch:
        this.fetch(core);
        return;
      case Exit.Decode:
        this.decode(core);
        return;
      case Exit.Illegal:
        this.raise(core, Cause.illegalInstruction, hart.i32[hart.word + EXIT_VALUE]!, 0);
        return;
      case Exit.FloatSlow:
        this.floatSlow(core);
        return;
      case Exit.Breakpoint:
        this.breakpoint(core);
        return;
      default:
        throw new Error(`the engine left with an unknown exit ${exit}`);
    }
  }

  /** Asks whoever observes traps whether one may be taken; if not, the run stops before it. */
  private refused({ hart }: Core, cause: number, interrupt: boolean): boolean {
    if (this.parts.hooks.trap?.(hart, cause, interrupt) !== true) return false;
    this.parts.stop({ kind: 'trap', hart: hart.index, pc: hart.pc, cause, interrupt });
    return true;
  }

  /** Raises an exception at pc and counts the attempt. */
  raise(core: Core, cause: number, tvalLo: number, tvalHi: number): void {
    if (this.refused(core, cause, false)) return;
    const { hart } = core;
    core.statistics.exceptions++;
    hart.countTrapped();
    const toSupervisor = isDelegated(hart, cause, this.parts.delegation);
    const fromLo = hart.pcLo;
    const fromHi = hart.pcHi;
    const { privilege } = hart;
    takeException(hart, cause, tvalLo, tvalHi, toSupervisor);
    this.parts.hooks.control?.(hart, 'trap');
    // A handler whose first instruction cannot be fetched, in the mode that it runs in, traps for ever.
    const cannotFetch = cause === Cause.fetchAccess || cause === Cause.fetchPageFault;
    const again = hart.pcLo === fromLo && hart.pcHi === fromHi && hart.privilege === privilege;
    if (cannotFetch && again && (privilege === Privilege.machine || this.parts.alone()))
      this.parts.stop({ kind: 'stuck', hart: hart.index, pc: hart.pc, cause });
  }

  /** Fetch TLB miss at pc. */
  private fetch(core: Core): void {
    const { hart } = core;
    if (!this.fillFetch(core, hart.pcLo, hart.pcHi)) return;
  }

  /**
   * Makes the page of an address fast for fetches, or raises what its fetch raises, or executes the instruction at
   * pc by itself where only a part of the page is executable. True: the page is fast now.
   */
  private fillFetch(core: Core, lo: number, hi: number): boolean {
    const { hart, mmu } = core;
    const { memory } = this;
    const pa = mmu.translate(lo, hi, Access.fetch, 2);
    if (pa === FAULT) {
      this.raise(core, mmu.cause, lo, hi);
      return false;
    }
    const page = memory.pageOf(pa);
    if (page < 0) {
      this.raise(core, Cause.fetchAccess, lo, hi); // only memory is executable
      return false;
    }
    if (memory.flags(page) & (PageFlag.absent | PageFlag.loadSlow)) {
      if (!memory.prepareLoad(page, pa, 2, hart.index)) {
        this.raise(core, Cause.hardwareError, lo, hi);
        return false;
      }
    }
    if (!mmu.cacheable) {
      this.single(core);
      return false;
    }
    const records = this.engine.recordsOf(page);
    const regime = hart.scalar(HART.fetchRegime) >> REGIME_SHIFT;
    mmu.tlb.fill(Access.fetch, lo, hi, regime, records, page);
    if (this.parts.breakpoints.active) this.parts.breakpoints.place(this.engine, lo, hi, page);
    return true;
  }

  /** The record at pc is not decoded. */
  private decode(core: Core): void {
    const { hart } = core;
    if ((hart.pcLo & 0xfff) !== 0xffe) {
      this.engine.decode(hart.base);
      return;
    }
    const pa = core.mmu.translate(hart.pcLo, hart.pcHi, Access.fetch, 2);
    if (pa !== FAULT && (this.memory.read16(pa) & 3) !== 3) this.engine.decode(hart.base);
    else {
      // It ends in the next page, which must be in the fetch TLB for the engine to remember it.
      const nextLo = (hart.pcLo + 2) | 0;
      const nextHi = nextLo === 0 ? hart.pcHi + 1 : hart.pcHi;
      if (core.mmu.translate(nextLo, nextHi, Access.fetch, 2) !== FAULT && core.mmu.cacheable) {
        if (!this.fillFetch(core, nextLo, nextHi)) return;
      }
      this.single(core);
    }
  }

  /** Executes the instruction at pc by its bits. */
  private single(core: Core): void {
    const word = this.access.instructionWord(core);
    if (word < 0) return;
    const exit = this.engine.runWord(core.hart.base, word | 0);
    if (exit !== Exit.Budget) this.handle(core, exit);
  }

  private floatSlow(core: Core): void {
    const { hart } = core;
    const word = hart.i32[hart.word + EXIT_VALUE]!;
    if (!this.engine.floatSlow(hart.base, word)) {
      this.raise(core, Cause.illegalInstruction, word, 0);
      return;
    }
    hart.retire((word & 3) === 3 ? 4 : 2);
  }

  private breakpoint(core: Core): void {
    const { hart } = core;
    const { breakpoints } = this.parts;
    if (breakpoints.stopsAt(hart)) this.parts.stop({ kind: 'breakpoint', hart: hart.index, pc: hart.pc });
    else this.single(core); // the place is mapped at another address too, or was reported a moment ago
  }

  private watchedAccess(core: Core, exit: Exit): void {
    const { watch } = this.parts;
    const { pc } = core.hart;
    this.access.handle(core, exit);
    if (watch.hit === undefined) return;
    const { access, address } = watch.hit;
    watch.hit = undefined;
    this.parts.stop({ kind: 'watchpoint', hart: core.hart.index, pc, access, address });
  }

  /** The bits of the instruction at pc for tools, without effect; undefined where none can be fetched. */
  peekInstruction(core: Core): number | undefined {
    const { memory } = this;
    const half = (va: bigint): number | undefined => {
      const pa = core.mmu.explain(va, Access.fetch, core.hart.privilege).pa;
      return pa !== undefined && memory.contains(pa, 2) ? memory.read16(pa) : undefined;
    };
    const first = half(core.hart.pc);
    if (first === undefined || (first & 3) !== 3) return first;
    const second = half(core.hart.pc + 2n);
    return second === undefined ? undefined : first + second * 65536;
  }
}

/** True while the hart may execute instructions. */
export const isRunning = (hart: Hart): boolean => hart.cellLo(Slot.runState) === RunState.running;
/** Page number of a virtual address, as a bigint. */
export const virtualPage = (va: bigint): bigint => va >> BigInt(PAGE_SHIFT);
