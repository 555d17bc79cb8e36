/** Random legal operands for a row of the table, for tests and for generators of random programs. */
import { operandFields } from './decode.ts';
import { immediateRange } from './immediates.ts';
import { ROWS } from './table.ts';

/** A small seeded generator (mulberry32): uniform 32-bit numbers, the same on every host. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
}

export interface Fields {
  rd: number;
  rs1: number;
  rs2: number;
  rs3: number;
  rm: number;
  imm: number;
}

const VALID_ROUNDING = [0, 1, 2, 3, 4, 7];

/** Operands that the row's encoding can hold; edges of the immediate's range come up often. */
export function randomFields(id: number, seed: number): Fields {
  const next = randomNumbers(Math.imul(id + 1, 0x9e3779b1) ^ seed);
  const row = ROWS[id]!;
  const fields = operandFields(row);
  const register = (bit: number): number => (fields & bit ? next() & 31 : 0);
  const [low, high, step] = immediateRange(row.immediate);
  const steps = Math.floor((high - low) / step);
  const choice = next() & 7;
  const pick =
    choice === 0 ? 0 : choice === 1 ? steps : choice === 2 ? Math.round(-low / step) : next() % (steps + 1);
  return {
    rd: register(1),
    rs1: register(2),
    rs2: register(4),
    rs3: register(8),
    rm: fields & 16 ? VALID_ROUNDING[next() % VALID_ROUNDING.length]! : 0,
    imm: low + pick * step + 0,
  };
}
