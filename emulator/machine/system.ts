/**
 * System instructions: everything that an engine leaves with Exit.System for. CSR accesses, environment calls, trap
 * returns, WFI, fences, TLB invalidation and cache-block operations; other words go to the extensions' own.
 */
import { CACHE_BLOCK_SIZE } from '../addresses.ts';
import { Cause, Privilege } from '../cpu/causes.ts';
import type { CsrFile } from '../cpu/csr.ts';
import { Mstatus, RunState, Slot } from '../cpu/csr-numbers.ts';
import { CboEnable, HART } from '../cpu/state.ts';
import { returnFromMachine, returnFromSupervisor, wakes } from '../cpu/trap.ts';
import { FAULT } from '../mmu/mmu.ts';
import { Access } from '../mmu/translation.ts';
import type { Raise } from './access.ts';
import type { Core } from './core.ts';
import type { CustomInstruction, MachineHooks } from './hooks.ts';
import type { PhysicalMemory } from './memory.ts';

const OPCODE_SYSTEM = 0x73;
const OPCODE_MISC_MEM = 0x0f;
/** funct12 of SYSTEM instructions with funct3 = 0. */
const ECALL = 0x000;
const EBREAK = 0x001;
const SRET = 0x102;
const WFI = 0x105;
const MRET = 0x302;
/** funct7 of sfence.vma. */
const SFENCE_VMA = 0x09;
const C_EBREAK = 0x9002;

/** Operations of cbo.*, by the immediate. */
const CACHE_BLOCK = ['inval', 'clean', 'flush', undefined, 'zero'] as const;

/** What the machine does itself. */
export interface SystemServices {
  readonly csrs: CsrFile;
  readonly memory: PhysicalMemory;
  readonly hooks: MachineHooks;
  readonly custom: readonly CustomInstruction[];
  readonly raise: Raise;
  /** Tells the engines anew whether fences are observed. */
  observeFences(): void;
  /** An ecall. True if it has been answered (SBI); then pc is to move on. */
  environmentCall(core: Core): boolean;
}

export class SystemUnit {
  private readonly services: SystemServices;

  constructor(services: SystemServices) {
    this.services = services;
  }

  /** Executes the instruction at pc; `word` is its bits. Counts it, or raises what it raises. */
  execute(core: Core, word: number): void {
    const { hart } = core;
    const opcode = word & 0x7f;
    if (opcode === OPCODE_SYSTEM) {
      if ((word & 0x7000) !== 0) {
        if ((word & 0x7000) !== 0x4000 && this.services.csrs.execute(hart, word)) {
          hart.retire(4);
          this.services.hooks.control?.(hart, 'csr', writesCsr(word) ? word >>> 20 : -1);
        } else this.illegal(core, word);
        return;
      }
      this.privileged(core, word);
    } else if (opcode === OPCODE_MISC_MEM) this.miscMem(core, word);
    else if (word === C_EBREAK) this.services.raise(core, Cause.breakpoint, 0, 0);
    else this.customInstruction(core, word);
  }

  /** Raises an illegal-instruction exception with the instruction's bits as tval. */
  illegal(core: Core, word: number): void {
    this.services.raise(core, Cause.illegalInstruction, word | 0, 0);
  }

  private privileged(core: Core, word: number): void {
    const { hart } = core;
    const funct12 = word >>> 20;
    switch (funct12) {
      case ECALL:
        if (this.services.environmentCall(core)) hart.retire(4);
        else this.services.raise(core, Cause.ecallFromU + hart.privilege, 0, 0);
        return;
      case EBREAK:
        this.services.raise(core, Cause.breakpoint, 0, 0);
        return;
      case MRET:
        this.returned(core, word, returnFromMachine(hart));
        return;
      case SRET:
        this.returned(core, word, returnFromSupervisor(hart));
        return;
      case WFI:
        this.waitForInterrupt(core, word);
        return;
      default:
        if (word >>> 25 === SFENCE_VMA) this.fenceVma(core, word);
        else this.customInstruction(core, word);
    }
  }

  /** After mret or sret: counts it, or raises that it was illegal. */
  private returned(core: Core, word: number, legal: boolean): void {
    if (!legal) {
      this.illegal(core, word);
      return;
    }
    const { hart } = core;
    hart.setScalar(HART.budget, hart.scalar(HART.budget) - 1);
    this.services.hooks.control?.(hart, 'return');
  }

  /** WFI retires at once and puts the hart to sleep behind it (Privileged ISA §3.3.3). */
  private waitForInterrupt(core: Core, word: number): void {
    const { hart } = core;
    const forbidden =
      hart.privilege === Privilege.user ||
      (hart.privilege === Privilege.supervisor && (hart.cellLo(Slot.mstatus) & Mstatus.TW) !== 0);
    if (forbidden) {
      this.illegal(core, word);
      return;
    }
    hart.retire(4);
    if (wakes(hart)) return;
    hart.runState = RunState.waiting;
    hart.attention = true;
  }

  private fenceVma(core: Core, word: number): void {
    const { hart, mmu } = core;
    const forbidden =
      hart.privilege === Privilege.user ||
      (hart.privilege === Privilege.supervisor && (hart.cellLo(Slot.mstatus) & Mstatus.TVM) !== 0);
    if (forbidden || (word >> 7) & 31) {
      this.illegal(core, word);
      return;
    }
    const rs1 = (word >> 15) & 31;
    const rs2 = (word >> 20) & 31;
    const asid = hart.x(rs2);
    const lo = hart.x(rs1);
    mmu.fence(lo, hart.hi, rs1 !== 0, asid, rs2 !== 0);
    hart.retire(4);
  }

  private miscMem(core: Core, word: number): void {
    const { hart } = core;
    const funct3 = (word >> 12) & 7;
    switch (funct3) {
      case 0: // FENCE: harts take turns, so memory is always in order; persistence wants to know
        this.services.hooks.fence?.((word >> 24) & 15, (word >> 20) & 15, hart);
        this.services.observeFences();
        hart.retire(4);
        return;
      case 1: // FENCE.I: stores to code are seen at once
        hart.retire(4);
        return;
      case 2:
        this.cacheBlock(core, word);
        return;
      default:
        this.illegal(core, word);
    }
  }

  /** cbo.* (CMO §2.5): gated by envcfg; needs a translation that a load (for zero: a store) would be given. */
  private cacheBlock(core: Core, word: number): void {
    const { hart, mmu } = core;
    let operation = CACHE_BLOCK[word >>> 20];
    const enabled = hart.scalar(HART.cboEnable);
    const inval = enabled >> CboEnable.INVAL_SHIFT;
    const allowed =
      operation === 'zero'
        ? enabled & CboEnable.zero
        : operation === 'inval'
          ? inval
          : enabled & CboEnable.cleanFlush;
    if (operation === undefined || !allowed || (word >> 7) & 31) {
      this.illegal(core, word);
      return;
    }
    if (operation === 'inval' && inval === 1) operation = 'flush';
    const vaLo = hart.x((word >> 15) & 31);
    const vaHi = hart.hi;
    const zero = operation === 'zero';
    const blockLo = vaLo & ~(CACHE_BLOCK_SIZE - 1);
    const pa = mmu.translate(blockLo, vaHi, zero ? Access.store : Access.load, CACHE_BLOCK_SIZE, !zero);
    if (pa === FAULT) {
      // A page or access fault is reported as a store's, whatever was asked for; extensions have causes of their own.
      const { cause } = mmu;
      const asStore =
        cause === Cause.loadPageFault
          ? Cause.storePageFault
          : cause === Cause.loadAccess
            ? Cause.storeAccess
            : cause;
      this.services.raise(core, asStore, vaLo, vaHi);
      return;
    }
    const { memory, hooks } = this.services;
    if (memory.hostOf(pa) < 0) {
      this.services.raise(core, Cause.storeAccess, vaLo, vaHi);
      return;
    }
    hooks.cacheBlock?.(operation, pa, hart);
    this.services.observeFences();
    if (zero) memory.fill(pa, CACHE_BLOCK_SIZE, 0, hart.index);
    hart.retire(4);
  }

  private customInstruction(core: Core, word: number): void {
    const { hart } = core;
    for (const execute of this.services.custom) {
      const result = execute(hart, word);
      if (result === undefined) continue;
      if (result === 'done') hart.retire((word & 3) === 3 ? 4 : 2);
      else if (result === 'illegal') this.illegal(core, word);
      return;
    }
    this.illegal(core, word);
  }
}

/** Whether a Zicsr instruction writes: csrrw[i] always, csrrs[i] and csrrc[i] unless rs1 or the immediate is 0. */
const writesCsr = (word: number): boolean => (word & 0x3000) === 0x1000 || (word & 0xf8000) !== 0;
