/**
 * The one table of instructions: all rows, numbered. An instruction's id is its index here; ids are stable within
 * a build only, so nothing saved to a file holds one.
 */
import type { InstructionRow } from './row.ts';
import { atomicRows } from './rows/atomic.ts';
import { integerRows, multiplyRows } from './rows/base.ts';
import { bitmanipRows } from './rows/bitmanip.ts';
import { floatRows } from './rows/float.ts';
import { systemRows } from './rows/system.ts';
import { xtwzRows } from './rows/xtwz.ts';

export const ROWS: readonly InstructionRow[] = [
  ...integerRows,
  ...multiplyRows,
  ...atomicRows,
  ...bitmanipRows,
  ...floatRows,
  ...systemRows,
  ...xtwzRows,
];

const idByName = new Map(ROWS.map((row, id) => [row.name, id]));

/** The id of a mnemonic; throws for one that the table does not have (a mistake of the programmer). */
export function idOf(name: string): number {
  const id = idByName.get(name);
  if (id === undefined) throw new Error(`the table of instructions has no "${name}"`);
  return id;
}

/** The id of a mnemonic, or undefined. */
export const findId = (name: string): number | undefined => idByName.get(name);
