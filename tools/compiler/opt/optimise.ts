/** The optimiser: which passes run, in which order. Each pass leaves valid IR; with `check`, that is verified. */
import { hasLoops } from '../ir/cfg.ts';
import { computePreds, type Func, type Module } from '../ir/ir.ts';
import { verify } from '../ir/verify.ts';
import { cleanup } from './cleanup.ts';
import { eliminateDeadCode } from './dce.ts';
import { numberValues } from './gvn.ts';
import { reduceStrength } from './induction.ts';
import { bottomUp, countUses, funcsByName, inlineCalls } from './inline.ts';
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

/** A pass that changes loops only. */
const onLoops = (pass: Pass): Pass => {
  const run: Pass = (func) => {
    if (hasLoops(func)) pass(func);
  };
  Object.defineProperty(run, 'name', { value: pass.name });
  return run;
};

const early: readonly Pass[] = [
  cleanup,
  replaceSlots,
  numberValues,
  cleanup,
  optimiseMemory,
  eliminateDeadCode,
];
const late: readonly Pass[] = [numberValues, removeDecidedChecks, cleanup, onLoops(rotateLoops), cleanup];
const translations: readonly Pass[] = [expandTranslations];
const translationsByMachine: readonly Pass[] = [fusePointerLoads, expandTranslations];
const last: readonly Pass[] = [
  numberValues,
  removeDecidedChecks,
  optimiseMemory,
  onLoops(hoistInvariants),
  numberValues,
  cleanup,
  eliminateDeadCode,
  onLoops(reduceStrength),
  onLoops(numberValues),
  onLoops(cleanup),
  eliminateDeadCode,
  onLoops(unrollLoops),
  onLoops(numberValues),
  onLoops(cleanup),
  eliminateDeadCode,
];

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
  const byName = funcsByName(module);
  const uses = countUses(module);
  for (const func of bottomUp(module)) {
    if (func.nakedBody !== undefined) continue;
    run(func, early);
    if (inlineCalls(module, func, byName, uses)) run(func, early);
    run(func, late);
    run(func, options.xtwzp === true ? translationsByMachine : translations);
    run(func, last);
  }
  dropUnused(module);
}

/** Removes local functions and globals that nothing refers to. */
function dropUnused(module: Module): void {
  // Naked functions name symbols in their text.
  const texts = module.funcs.map((func) => func.nakedBody ?? '');
  for (const func of module.funcs) {
    for (const block of func.blocks) {
      for (const inst of block.insts) if (inst.asm !== undefined) texts.push(inst.asm.template);
    }
  }
  for (;;) {
    const uses = countUses(module);
    const isUsed = (sym: Func | (typeof module.globals)[number]): boolean =>
      sym.linkage !== 'local' ||
      sym.section !== undefined ||
      uses.has(sym) ||
      texts.some((text) => text.includes(sym.name));
    const funcs = module.funcs.filter(isUsed);
    const globals = module.globals.filter(isUsed);
    if (funcs.length === module.funcs.length && globals.length === module.globals.length) return;
    module.funcs = funcs;
    module.globals = globals;
  }
}
