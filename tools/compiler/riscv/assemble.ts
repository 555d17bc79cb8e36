/** Assembles inline assembly and naked functions. */
import { UserError } from '../../../emulator/errors.ts';
import type { Sym } from '../ir/ir.ts';
import type { FinishedCode } from './code.ts';

export function assembleText(text: string, _loc: number, _find?: (name: string) => Sym): FinishedCode {
  throw new UserError(`inline assembly: ${text}`);
}
