/**
 * Basic blocks of a region. Addresses are *deltas*: bytes from the region's root, as signed numbers. A block never
 * crosses a page.
 */
import type { Instruction } from '../isa/instruction.ts';
import { ROWS } from '../isa/table.ts';

/** How a block ends. Deltas that the region does not contain are ways out. */
export type Terminator =
  /** Goes on at `next`: a jump, a call, or simply the next instruction. */
  | { readonly kind: 'goto'; readonly next: number }
  /** The last instruction is a conditional branch. */
  | { readonly kind: 'branch'; readonly taken: number; readonly next: number }
  /**
   * The last instruction is a conditional branch that goes, taken or not, to `next`, in one case after the plain block
   * `skipped` (skips.ts): when it is taken, or when it is not.
   */
  | { readonly kind: 'skip'; readonly skipped: Block; readonly whenTaken: boolean; readonly next: number }
  /** The last instruction is a jalr; `candidates` are deltas where it may well go. */
  | { readonly kind: 'indirect'; readonly candidates: readonly number[] }
  /** The instruction at `at`, after the block's last one, is not translated: the interpreter does it. */
  | { readonly kind: 'stop'; readonly at: number };

export interface Block {
  /** Delta of the first instruction. */
  readonly start: number;
  readonly instructions: readonly Instruction[];
  /** Deltas of the instructions. */
  readonly deltas: readonly number[];
  readonly terminator: Terminator;
}

/** The instructions of a block with their deltas, those that its skip goes around included. */
export function* instructionsOf(block: Block): Generator<readonly [instruction: Instruction, delta: number]> {
  for (const [i, instruction] of block.instructions.entries()) yield [instruction, block.deltas[i]!];
  if (block.terminator.kind === 'skip') yield* instructionsOf(block.terminator.skipped);
}

/** Deltas that a block may go on to directly. */
export function successors(terminator: Terminator): number[] {
  switch (terminator.kind) {
    case 'goto':
    case 'skip':
      return [terminator.next];
    case 'branch':
      return [terminator.next, terminator.taken];
    case 'indirect':
      return [...terminator.candidates];
    case 'stop':
      return [];
  }
}

/** Integer registers that a block writes, as bits. */
export function writesOf(block: Block): number {
  let written = 0;
  for (const [{ id, rd }] of instructionsOf(block)) if (ROWS[id]!.operands[0] === 'rd') written |= 1 << rd;
  return written;
}
