/**
 * What the machine's loop needs of an execution engine. The interpreter and the translator implement it; the loop
 * does not know which one runs. Everything passes through the hart's state in linear memory (cpu/state.ts).
 */
import type { HostAddr } from '../addresses.ts';
import type { Exit } from '../cpu/state.ts';
import type { PhysicalMemory } from './memory.ts';

/** A guest instruction as the slow paths need it: which one, and its fields. */
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
   * the page, and drops what it holds of it when `dropPage` is called.
   */
  recordsOf(page: number): HostAddr;
  /** Fills the record at the hart's pc (Exit.Decode); the fetch TLB maps the page. */
  decode(hart: HostAddr): void;
  /** Drops everything made from a page that is about to change, and clears `PageFlag.code`. */
  dropPage(page: number): void;
  /** Drops everything (a whole memory was replaced). */
  dropAll(): void;
}

/** Makes an engine on a machine's memory. */
export type EngineFactory = (memory: PhysicalMemory) => Engine;
