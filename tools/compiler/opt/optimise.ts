/** The optimiser: which passes run, in which order. Each pass leaves valid IR; with `check`, that is verified. */
import { hasLoops } from '../ir/cfg.ts';
import { computePreds, type Func, type Module } from '../ir/ir.ts';
import { verify } from '../ir/verify.ts';
import { bottomUp, dropUnused } from './call-graph.ts';
import { cleanup } from './cleanup.ts';
import { eliminateDeadCode } from './dce.ts';
import { numberValues } from './gvn.ts';
import { reduceStrength } from './induction.ts';
import { inlineCalls, measure } from './inline.ts';
import { hoistInvariants } from './licm.ts';
import { optimiseMemory } from './memory.ts';
import { expandTranslations } from './persistent.ts';
import { fusePointerLoads } from './pointer-loads.ts';
import { removeDecidedChecks } from './ranges.ts';
import { rotateLoops } from './rotate.ts';
import { replaceSlots } from './sroa.ts';
import { unrollLoops } from './unroll.ts';

export interface OptimiseOptions {
  /** Verify the IR after each pass: slow, for tests. Also done under LICORICE_VERIFY_IR=1. */
  readonly check?: boolean;
  /** The machine has Xtwzp (docs/xtwz.md §10): persistent pointers are loaded and translated by one instruction. */
  readonly xtwzp?: boolean;
}

type Pass = (func: Func) => void;

const early: readonly Pass[] = [
  cleanup,
  replaceSlots,
  numberValues,
  cleanup,
  optimiseMemory,
  eliminateDeadCode,
];
const late: readonly Pass[] = [removeDecidedChecks, cleanup];
/** For functions that have loops. */
const rotation: readonly Pass[] = [rotateLoops, cleanup];
const translations: readonly Pass[] = [expandTranslations];
const translationsByMachine: readonly Pass[] = [fusePointerLoads, expandTranslations];
const common: readonly Pass[] = [numberValues];
/** For functions that have loops. */
const loops: readonly Pass[] = [
  removeDecidedChecks,
  optimiseMemory,
  hoistInvariants,
  cleanup,
  eliminateDeadCode,
  reduceStrength,
  numberValues,
  cleanup,
  eliminateDeadCode,
  unrollLoops,
  numberValues,
];
const last: readonly Pass[] = [cleanup, eliminateDeadCode];

/** Optimises all functions of a module in place; local functions that are used nowhere disappear. */
export function optimise(module: Module, options: OptimiseOptions = {}): void {
  const check = options.check ?? process.env['LICORICE_VERIFY_IR'] === '1';
  const run = (func: Func, passes: readonly Pass[]): void => {
    for (const pass of passes) {
      pass(func);
      if (!check) continue;
      computePreds(func);
      try {
        verify(func);
      } catch (error) {
        throw new Error(`after ${pass.name}: ${(error as Error).message}`);
      }
    }
  };
  dropUnused(module);
  for (const func of bottomUp(module)) {
    if (func.nakedBody !== undefined) continue;
    inlineCalls(module, func);
    run(func, early);
    measure(func);
  }
  // What was inlined wherever it is called is not worth more.
  dropUnused(module);
  for (const func of module.funcs) {
    if (func.nakedBody !== undefined) continue;
    run(func, late);
    if (hasLoops(func)) run(func, rotation);
    run(func, options.xtwzp === true ? translationsByMachine : translations);
    run(func, common);
    if (hasLoops(func)) run(func, loops);
    run(func, last);
  }
  dropUnused(module);
}
