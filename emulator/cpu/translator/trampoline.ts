/**
 * The trampoline: a small WebAssembly module that goes from region to region and falls back to the interpreter,
 * all without JavaScript. It alone imports the function table: an instance that imports a table keeps a private copy
 * of it, which would make every new region cost time and memory proportional to the number of modules.
 *
 * A region is found through the fetch TLB (so nothing here outlives a change of the address space) and the *cell*
 * of the instruction, an i32 beside the page's records: a count of how often the place was jumped to, or, with the
 * sign bit set, the complement of the region's index in the function table.
 */
import { CodeWriter } from '../../wasm/code.ts';
import { bin, type Expr, emit, i32, i64, load, local, un } from '../../wasm/expression.ts';
import { ModuleWriter } from '../../wasm/module.ts';
import { I32, I64, Op } from '../../wasm/opcodes.ts';
import { fetchTlbEntry } from '../interpreter-frame.ts';
import { PAGE_RECORDS, Profile } from '../records.ts';
import { Exit, HART } from '../state.ts';
import { Outcome } from './regime.ts';

/** What the trampoline returns besides the values of `Exit`. */
export const TrampolineExit = {
  /** The place at pc has become hot. */
  hot: Profile.Hot,
  /** The region at pc found an assumption broken. Nothing has happened. */
  unfit: 18,
  /** Accesses of the region `lastRegion` that share a check lay in two pages once more. Nothing has happened. */
  split: 19,
} as const;

/** Words that the trampoline keeps for each hart, from `HART.engine` on. */
export const ENGINE_WORDS = {
  /** i32: table index of the region that ran last. */
  lastRegion: 0x00,
  /** i32 each: regions left, by outcome. */
  outcomes: 0x08,
  /** i32: 1 when the next entry goes on where a budget ended: no arrival to count. */
  resumes: 0x24,
  /** i64: instructions that the interpreter executed. */
  interpretedInstructions: 0x28,
  /** i32: times that the interpreter took over, other than for one instruction. */
  interpreted: 0x20,
} as const;

/** A split is reported once in so many times. */
const SPLIT_PERIOD = 64;
/** And a step, which usually has other reasons. */
const STEP_PERIOD = 256;

/** Imports: `m.m` the memory, `m.t` the table, `m.plain` and `m.profiled` the interpreters' `run`. */
export function buildTrampoline(threshold: number): Uint8Array<ArrayBuffer> {
  const module = new ModuleWriter();
  module.importMemory('m', 'm', { min: 1 });
  const interpreterType = module.type([I32, I32], [I32]);
  const regionType = module.type([I32], [I32]);
  const plain = module.importFunction('m', 'plain', interpreterType);
  const profiled = module.importFunction('m', 'profiled', interpreterType);
  module.importTable('m', 't', { min: 1 });

  const w = new CodeWriter(1);
  const hart = local(0, I32);
  const pc = w.local(I64);
  const entry = w.local(I32);
  const cell = w.local(I32);
  const result = w.local(I32);
  const saved = w.local(I32);
  const before = w.local(I32);
  const store = (op: number, offset: number, value: Expr): void => {
    emit(w, hart);
    emit(w, value);
    w.memory(op, offset);
  };
  const increment = (offset: number): void =>
    store(Op.i32Store, offset, bin(Op.i32Add, load(Op.i32Load, hart, offset), i32(1)));

  /** Calls an interpreter, counts what it executes, and leaves its result in `result`. */
  const interpretBy = (run: number): void => {
    const total = HART.engine + ENGINE_WORDS.interpretedInstructions;
    emit(w, load(Op.i32Load, hart, HART.budget));
    w.localSet(before);
    emit(w, hart);
    w.i32Const(0);
    w.call(run);
    w.localSet(result);
    const executed = bin(Op.i32Sub, local(before, I32), load(Op.i32Load, hart, HART.budget));
    store(Op.i64Store, total, bin(Op.i64Add, load(Op.i64Load, hart, total), un(Op.i64ExtendI32S, executed)));
  };

  const next = w.loop();
  emit(w, load(Op.i64Load, hart, HART.pc));
  w.localSet(pc);
  emit(w, fetchTlbEntry(hart, local(pc, I64)));
  w.localSet(entry);
  const wanted = bin(
    Op.i64Or,
    bin(Op.i64And, local(pc, I64), i64(-4096)),
    load(Op.i64Load32U, hart, HART.fetchRegime),
  );
  const interpret = w.block();
  emit(w, bin(Op.i64Ne, load(Op.i64Load, local(entry, I32), HART.fetchTlb), wanted));
  w.brIf(interpret);
  const halfword = bin(Op.i32And, un(Op.i32WrapI64, local(pc, I64)), i32(0xffe));
  const place = bin(
    Op.i32Add,
    load(Op.i32Load, local(entry, I32), HART.fetchTlb + 8),
    bin(Op.i32Shl, halfword, i32(1)),
  );
  emit(w, place);
  w.localTee(entry);
  w.memory(Op.i32Load, PAGE_RECORDS.cells);
  w.localTee(cell);
  w.i32Const(0);
  w.op(Op.i32GeS);
  w.if();
  // Not translated: one more arrival, but where a budget only was used up.
  const resumes = HART.engine + ENGINE_WORDS.resumes;
  emit(w, load(Op.i32Load, hart, resumes));
  w.if();
  store(Op.i32Store, resumes, i32(0));
  w.br(interpret);
  w.end();
  w.localGet(entry);
  emit(w, bin(Op.i32Add, local(cell, I32), i32(1)));
  w.memory(Op.i32Store, PAGE_RECORDS.cells);
  emit(w, bin(Op.i32LtS, local(cell, I32), i32(threshold)));
  w.brIf(interpret);
  w.i32Const(TrampolineExit.hot);
  w.op(Op.return);
  w.end();
  const index = bin(Op.i32Xor, local(cell, I32), i32(-1));
  emit(w, hart);
  emit(w, index);
  w.callIndirect(regionType);
  w.localTee(result);
  w.op(Op.i32Eqz);
  w.brIf(next);
  store(Op.i32Store, HART.engine + ENGINE_WORDS.lastRegion, index);
  emit(w, bin(Op.i32Add, hart, bin(Op.i32Shl, local(result, I32), i32(2))));
  w.localTee(entry);
  emit(w, bin(Op.i32Add, load(Op.i32Load, local(entry, I32), HART.engine + ENGINE_WORDS.outcomes), i32(1)));
  w.memory(Op.i32Store, HART.engine + ENGINE_WORDS.outcomes);
  {
    const unfit = w.block();
    const tail = w.block();
    const step = w.block();
    const split = w.block();
    w.localGet(result);
    const byOutcome: number[] = [];
    byOutcome[Outcome.next] = step;
    byOutcome[Outcome.step] = step;
    byOutcome[Outcome.tail] = tail;
    byOutcome[Outcome.unfit] = unfit;
    byOutcome[Outcome.split] = split;
    w.brTable(byOutcome, step);
    w.end();
    // Some are reported: a check that several accesses share may ask for more than they need.
    const report = (outcome: number, period: number): void => {
      const count = HART.engine + ENGINE_WORDS.outcomes + 4 * outcome;
      emit(w, bin(Op.i32And, load(Op.i32Load, hart, count), i32(period - 1)));
      w.op(Op.i32Eqz);
      w.if();
      w.i32Const(TrampolineExit.split);
      w.op(Op.return);
      w.end();
    };
    report(Outcome.split, SPLIT_PERIOD);
    w.end();
    // Step: one instruction.
    report(Outcome.step, STEP_PERIOD);
    emit(w, load(Op.i32Load, hart, HART.budget));
    w.localSet(saved);
    store(Op.i32Store, HART.budget, i32(1));
    interpretBy(plain);
    store(
      Op.i32Store,
      HART.budget,
      bin(Op.i32Add, local(saved, I32), bin(Op.i32Sub, load(Op.i32Load, hart, HART.budget), i32(1))),
    );
    w.localGet(result);
    w.i32Const(Exit.Budget);
    w.op(Op.i32Eq);
    w.brIf(next);
    w.localGet(result);
    w.op(Op.return);
    w.end();
    // Tail: the interpreter counts the budget out.
    interpretBy(plain);
    w.localGet(result);
    w.op(Op.return);
    w.end();
    w.i32Const(TrampolineExit.unfit);
    w.op(Op.return);
  }
  w.end();
  increment(HART.engine + ENGINE_WORDS.interpreted);
  interpretBy(profiled);
  w.localGet(result);
  w.i32Const(Profile.Translated);
  w.op(Op.i32Eq);
  w.brIf(next);
  w.localGet(result);
  w.op(Op.return);
  w.end();
  w.op(Op.unreachable);
  module.exportFunction('run', module.function(regionType, w));
  return module.finish();
}
