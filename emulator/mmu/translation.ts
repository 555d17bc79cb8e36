/**
 * The interface of a translation mode (a value of satp.MODE), and the record that one walk fills. The same walk
 * serves the CPU, which wants a page and its rights, and the tools, which want every step: they pass a trace.
 */
import { PAGE_SHIFT, PAGE_SIZE } from '../addresses.ts';
import { Privilege } from '../cpu/causes.ts';
import type { Hart } from '../cpu/hart.ts';
import { NEEDED_RIGHT, type Pmp, Right } from '../cpu/pmp.ts';
import { PageFlag } from '../cpu/state.ts';
import { Initiator, type PhysicalMemory } from '../machine/memory.ts';

/** What an access wants. Numbers index the TLBs and `NEEDED_RIGHT`. */
export const Access = { fetch: 0, load: 1, store: 2 } as const;
export type Access = (typeof Access)[keyof typeof Access];

/** Exception code of a page fault, by access. */
export const PAGE_FAULT = [12, 13, 15] as const;
/** Exception code of an access fault, by access. */
export const ACCESS_FAULT = [1, 5, 7] as const;

/** One step of an explained walk. */
export interface WalkStep {
  /** What was read: `Sv39 level 2`, `view entry` … */
  readonly what: string;
  /** Physical address of the entry read; undefined for a step that reads nothing. */
  readonly address?: number;
  /** Its raw bits. */
  readonly raw?: bigint;
  /** Its fields as people name them, in order. */
  readonly fields?: Readonly<Record<string, string | number | bigint | boolean>>;
  /** What followed from it: `next table at 0x…`, `leaf`, `fault: …`. */
  readonly verdict: string;
}

/** Flags of a page whose loads must be announced. */
const OBSERVED = PageFlag.absent | PageFlag.loadSlow;

/** The result of `TranslationMode.walk`: OK, or an exception code. */
export const WALKED = -1;

/**
 * One walk: its inputs, its ports to memory, and where it puts its result. An object is reused for every walk of a
 * hart, so nothing here may be kept.
 */
export class Walk {
  readonly hart: Hart;
  private readonly memory: PhysicalMemory;
  private readonly pmp: Pmp;

  // Inputs.
  vaLo = 0;
  vaHi = 0;
  access: Access = Access.load;
  /** The access is cbo.clean, cbo.flush or cbo.inval: it needs what a load needs, `access` is `Access.load`. */
  management = false;
  /** Effective privilege: 0 or 1. */
  privilege = 0;
  sum = false;
  mxr = false;
  /** A look without effect: no accessed or dirty bits are set, no fault registers written. */
  dry = false;
  /** Collects the steps, if someone wants them. */
  trace: WalkStep[] | undefined;

  // Results of a walk that succeeds.
  /** Number of the 4-KiB physical page. */
  frame = 0;
  /** Rights that may be cached for it (`Right` bits); W only if the page need not be marked dirty any more. */
  rights = 0;
  /** Size of the mapping: bytes = 4096 << (9 * level). */
  level = 0;
  /** A number by which the mode can drop this translation again (0–2^27-1); 0 when it needs none. */
  owner = 0;

  // Scratch of `read`.
  lo = 0;
  hi = 0;

  /** PMP lets S-mode do anything with all of DRAM: `read` need not ask. */
  open = false;
  private readonly dramBase: number;
  private readonly dramSize: number;
  private readonly dramHost: number;
  /** Host address of the flags of DRAM's first page. */
  private readonly dramFlags: number;

  constructor(hart: Hart, memory: PhysicalMemory, pmp: Pmp) {
    const dram = memory.regions[0]!;
    this.dramBase = dram.base;
    this.dramSize = dram.size;
    this.dramHost = dram.host;
    this.dramFlags = memory.layout.pageFlags + dram.firstPage;
    this.hart = hart;
    this.memory = memory;
    this.pmp = pmp;
  }

  /**
   * Reads an entry as an implicit S-mode load: `lo` and `hi`. False: access fault (PMP, no memory there, or
   * poisoned bytes).
   */
  read(pa: number): boolean {
    const { memory } = this;
    const { i32, u8 } = memory;
    const offset = pa - this.dramBase;
    if (this.open && offset >= 0 && offset < this.dramSize) {
      if ((u8[this.dramFlags + (offset >>> PAGE_SHIFT)]! & OBSERVED) === 0) {
        const at = (this.dramHost + offset) >>> 2;
        this.lo = i32[at]!;
        this.hi = i32[at + 1]!;
        return true;
      }
    } else if (!this.pmp.allows(pa, 8, Right.R, Privilege.supervisor)) return false;
    const host = memory.hostOf(pa);
    if (host < 0) return false;
    const page = memory.pageOf(pa);
    if (memory.flags(page) & OBSERVED) {
      const who = this.dry ? Initiator.host : this.hart.index;
      if (!memory.prepareLoad(page, pa, 8, who)) return false;
    }
    this.lo = i32[host >>> 2]!;
    this.hi = i32[(host >>> 2) + 1]!;
    return true;
  }

  /** Sets accessed or dirty bits: writes the low word of an entry that `read` gave. False: access fault. */
  writeLow(pa: number, lo: number): boolean {
    if (!this.pmp.allows(pa, 8, Right.W, Privilege.supervisor)) return false;
    if (this.dry) return true;
    this.memory.write32(pa, lo, this.hart.index);
    return true;
  }

  /** The virtual address as people write it. */
  get va(): bigint {
    return (BigInt(this.vaHi >>> 0) << 32n) | BigInt(this.vaLo >>> 0);
  }

  /** The right that the access needs. */
  get needed(): number {
    return NEEDED_RIGHT[this.access];
  }
}

/** A way to translate, selected by satp.MODE. */
export interface TranslationMode {
  /** Value of satp.MODE, 1–15. */
  readonly mode: number;
  readonly name: string;
  /**
   * Translates `walk.vaHi:vaLo` for the walk's access and privilege (U or S).
   * @returns WALKED, with the results in `walk`, or the exception code to raise. A walk that is not `dry` and
   *   faults may also set fault registers of its own.
   */
  walk(walk: Walk): number;
  /**
   * What translations depend on besides satp, privilege, SUM and MXR: a number that is equal exactly when they
   * may be shared. Absent: nothing. Changes must be followed by `HartEnvironment.translationChanged`.
   */
  contextKey?(hart: Hart): number;
  /**
   * True when translations at this privilege (U or S) with this SUM do not depend on `contextKey`, so that all contexts
   * may share them.
   */
  contextFree?(privilege: number, sum: boolean): boolean;
  /**
   * Where physical address 0 is in a direct map that loads and stores at this privilege may use with all rights and
   * without a table: halves of the virtual address. Undefined: there is none.
   */
  directMap?(privilege: number): readonly [lo: number, hi: number] | undefined;
  /** True when every sfence.vma, whatever its operands, drops all translations of this mode on the hart. */
  readonly fenceDropsAll?: boolean;
  /** Called by every sfence.vma of the hart, for what the mode caches outside of the TLBs. */
  fence?(hart: Hart): void;
}

/** Bytes mapped by an entry of `level`. */
export const levelSize = (level: number): number => PAGE_SIZE * 512 ** level;
