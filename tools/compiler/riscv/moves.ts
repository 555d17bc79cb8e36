/**
 * Parallel moves between registers and frame words, put into an order in which no source is overwritten before it was
 * read. Cycles go through a scratch register, or through a scratch word when memory takes part.
 */
import { RegClass } from './mir.ts';
import { FLOAT_SCRATCH, X } from './registers.ts';

/** A place: a register 0–63, or FRAME + byte offset from sp. */
export const FRAME = 1000;

export interface Move {
  readonly to: number;
  from: number;
  readonly kind: RegClass;
}

/** Emits one move; at most one side is memory. */
export type EmitMove = (to: number, from: number, kind: RegClass) => void;

/**
 * @param scratchWord byte offset from sp of a word that nobody else uses, for cycles through memory
 */
export function parallelMoves(moves: readonly Move[], emit: EmitMove, scratchWord: number): void {
  const pending = moves.filter((move) => move.to !== move.from);
  const isMemory = (place: number): boolean => place >= FRAME;
  const step = (to: number, from: number, kind: RegClass): void => {
    if (isMemory(to) && isMemory(from)) {
      // The integer scratch copies any 8 bytes.
      emit(X.t6, from, RegClass.Int);
      emit(to, X.t6, RegClass.Int);
    } else emit(to, from, kind);
  };
  while (pending.length > 0) {
    const free = pending.findIndex((move) => !pending.some((other) => other.from === move.to));
    if (free >= 0) {
      const move = pending.splice(free, 1)[0]!;
      step(move.to, move.from, move.kind);
      continue;
    }
    // Every destination is still to be read: save one of them.
    const move = pending[0]!;
    const memory = pending.some((other) => isMemory(other.to) || isMemory(other.from));
    const scratch = memory ? FRAME + scratchWord : move.to >= 32 ? FLOAT_SCRATCH : X.t6;
    const reader = pending.find((other) => other.from === move.to)!;
    step(scratch, move.to, reader.kind);
    for (const other of pending) if (other.from === move.to) other.from = scratch;
  }
}
