/**
 * What the machine's loop needs of an execution engine. The interpreter and the translator implement it; the loop
 * does not know which one runs. Everything passes through the hart's state in linear memory (cpu/state.ts).
 */
import type { HostAddr } from '../addresses.ts';
import type { Exit } from '../cpu/state.ts';
import type { PhysicalMemory } from './memory.ts';

export interface Engine {
  readonly name: string;
  /**
   * Runs the hart whose state lies at `hart` until an exit. On return `pc` names the next instruction to execute,
   * and `budget` has been lowered by one for each instruction executed before it; the instruction that caused an
   * exit other than Budget has had no effect and has not been counted.
   */
  run(hart: HostAddr): Exit;
  /**
   * Host address of the records of physical page `page`, made on first use. The engine sets `PageFlag.code` on
   * the page and drops the page's entries of the fast store TLBs; it drops what it made from the page when
   * `dropPage` is called.
   */
  recordsOf(page: number): HostAddr;
  /**
   * Fills the record at the hart's pc (Exit.Decode); the fetch TLB maps the page. Never called for a 32-bit
   * instruction that begins in the last halfword of a page: its second half belongs to another virtual page, so
   * it has no record, always exits with Decode, and is executed by `runWord`.
   */
  decode(hart: HostAddr): void;
  /**
   * Executes one instruction, given by its bits (16 or 32), as if it stood at pc, whatever memory holds there and
   * whatever breakpoint. Exits like `run`; Budget when it is done. For instructions that cross a page, and for
   * going on from a breakpoint.
   */
  runWord(hart: HostAddr, word: number): Exit;
  /**
   * Sets or clears a breakpoint on halfword `half` (0–2047) of physical page `page`: `run` then leaves with
   * Exit.Breakpoint before executing there. It stays when the page's records are dropped.
   */
  setBreakpoint(page: number, half: number, on: boolean): void;
  /**
   * From now on accesses to these CSRs, whatever they are, leave with Exit.System. Absent: all accesses to CSRs always
   * do.
   */
  observeCsrs?(numbers: ReadonlySet<number>): void;
  /** Drops everything made from a page, and clears `PageFlag.code`. */
  dropPage(page: number): void;
  /**
   * Drops what was made from `length` bytes at `offset` of a page that are about to change. The page keeps its
   * flag, and what lies elsewhere in it may stay: data often shares a page with code. Absent: the machine drops
   * the whole page.
   */
  dropBytes?(page: number, offset: number, length: number): void;
  /**
   * Fetch translations of a hart were dropped, or regime numbers given anew: what is keyed by virtual addresses
   * must be forgotten.
   */
  translationsDropped?(hart: HostAddr): void;
  /**
   * Makes a floating-point instruction that `run` left with Exit.FloatSlow, all but moving and counting. False: it
   * is illegal (an invalid rounding mode).
   */
  floatSlow(hart: HostAddr, word: number): boolean;
  /** What the engine makes of the code at a virtual address, as lines, for people who work on it. */
  dump?(hart: HostAddr, address: bigint): string[] | undefined;
  /** Lines about what the engine did, for `--stats`. */
  statisticsLines?(): string[];
  /** Drops everything (a whole memory was replaced). */
  dropAll(): void;
}

/** Makes an engine on a machine's memory. */
export type EngineFactory = (memory: PhysicalMemory) => Engine;
