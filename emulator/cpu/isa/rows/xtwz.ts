/** Xtwz, translation through the object space (docs/xtwz.md): rows of the table of instructions. */
import type { InstructionRow } from '../row.ts';

export const xtwzRows: readonly InstructionRow[] = [];
