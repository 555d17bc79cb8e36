/**
 * Builds the interpreter: one WebAssembly function, a loop over predecoded records with a `br_table` to a handler
 * for each instruction of the table, generated from the rows' meanings.
 *
 *     run(hart, start) → Exit
 *
 * `start` is 0, or the address of a record outside of any page, with a PageEnd record behind it, that stands for
 * the instruction at pc.
 *
 * The traced variant also appends a record per instruction to a ring (cpu/trace.ts).
 */
import { CodeWriter } from '../wasm/code.ts';
import { bin, type Expr, emit, i32, i64, load, local, un } from '../wasm/expression.ts';
import { ModuleWriter } from '../wasm/module.ts';
import { I32, I64, Op } from '../wasm/opcodes.ts';
import { InterpreterEmitter } from './interpreter-emitter.ts';
import { type Frame, fetchTlbEntry, pcExpr, Temporaries } from './interpreter-frame.ts';
import type { Helper } from './isa/emitter.ts';
import { FLOAT_HELPERS } from './isa/float-helpers.ts';
import { HANDLERS, PAGE_RECORDS, PAGE_RECORDS_SIZE, Profile, RECORD_SHIFT, Special } from './records.ts';
import { Exit, HART } from './state.ts';
import { TRACE_RECORD } from './trace.ts';

export interface InterpreterOptions {
  /** See `Frame.flagBias`. */
  readonly flagBias: number;
  readonly traced: boolean;
  /**
   * Profiled variant, the translator's: counts jumps backwards, calls, and jumps between pages in the cells of
   * `PAGE_RECORDS`, and returns `Profile.Hot` at this count and `Profile.Translated` where a region begins.
   */
  readonly threshold?: number;
}

/** `ip` − `records` of an instruction in the last halfword of a page. */
const LAST_RECORD = 0xffe << RECORD_SHIFT;

/** The module; it imports the memory `m.m` and exports `run`. */
export function buildInterpreter(options: InterpreterOptions): Uint8Array<ArrayBuffer> {
  const module = new ModuleWriter();
  module.importMemory('m', 'm', { min: 1 });
  const helpers = new Map(FLOAT_HELPERS.map((helper) => [helper, writeHelper(module, helper)]));
  const w = new CodeWriter(2, 32768);
  const hart = 0;
  const start = 1;
  const budget = w.local(I32);
  const frameLocals = {
    w,
    hart,
    ip: w.local(I32),
    records: w.local(I32),
    limit: w.local(I32),
    pageVa: w.local(I64),
    target: w.local(I64),
    reason: w.local(I32),
    trace: options.traced ? w.local(I32) : undefined,
    arrived: options.threshold === undefined ? undefined : w.local(I32),
  };
  const traceEnd = options.traced ? w.local(I32) : 0;
  const traceNext = options.traced ? w.local(I32) : 0;
  const temporaries = new Temporaries(w);

  const saveState = (pc: () => void): void => {
    w.localGet(hart);
    pc();
    w.memory(Op.i64Store, HART.pc);
    w.localGet(hart);
    w.localGet(budget);
    w.memory(Op.i32Store, HART.budget);
    if (options.traced) {
      w.localGet(hart);
      w.localGet(traceNext);
      w.memory(Op.i32Store, HART.traceNext);
    }
  };
  const addBudget = (amount: number): void => {
    w.localGet(budget);
    w.i32Const(amount);
    w.op(Op.i32Add);
    w.localSet(budget);
  };

  const loadState = (offset: number, target: number): void => {
    w.localGet(hart);
    w.memory(Op.i32Load, offset);
    w.localSet(target);
  };
  loadState(HART.budget, budget);
  if (options.traced) {
    loadState(HART.traceNext, traceNext);
    loadState(HART.traceEnd, traceEnd);
  }
  emit(w, load(Op.i64Load, local(hart, I32), HART.pc));
  w.localSet(frameLocals.target);

  const exit = w.block();
  const fetch = w.loop();
  const { ip, records, limit, pageVa, target, reason, trace } = frameLocals;

  // A new page: its records come from the fetch TLB.
  const entry = temporaries.take(I32);
  const page = bin(Op.i64And, local(target, I64), i64(-4096));
  emit(w, page);
  w.localSet(pageVa);
  w.localGet(start);
  w.if();
  // A record of its own: no jump stays on its "page".
  w.localGet(start);
  w.localTee(ip);
  emit(w, recordOffset(target));
  w.op(Op.i32Sub);
  w.localSet(records);
  w.i32Const(0);
  w.localSet(limit);
  w.i32Const(0);
  w.localSet(start);
  w.else();
  emit(w, fetchTlbEntry(local(hart, I32), local(target, I64)));
  w.localTee(entry);
  w.memory(Op.i64Load, HART.fetchTlb);
  emit(w, bin(Op.i64Or, page, load(Op.i64Load32U, local(hart, I32), HART.fetchRegime)));
  w.op(Op.i64Ne);
  w.if();
  saveState(() => w.localGet(target));
  w.i32Const(Exit.Fetch);
  w.op(Op.return);
  w.end();
  w.i32Const(PAGE_RECORDS_SIZE);
  w.localSet(limit);
  w.localGet(entry);
  w.memory(Op.i32Load, HART.fetchTlb + 8);
  w.localTee(records);
  emit(w, recordOffset(target));
  w.op(Op.i32Add);
  w.localSet(ip);
  w.end();
  temporaries.releaseAll();
  const profile =
    options.threshold === undefined
      ? undefined
      : (): void => writeProfile(w, frameLocals, temporaries, options.threshold!, saveState);
  if (profile) {
    w.localGet(frameLocals.arrived!);
    w.if();
    profile();
    w.end();
  }

  const next = w.loop();
  const helper = (wanted: Helper): number => helpers.get(wanted)!;
  const frame: Frame = {
    ...frameLocals,
    next,
    fetch,
    exit,
    flagBias: options.flagBias,
    profile,
    helper,
    temporaries,
  };
  const leave = (why: number): void => {
    w.i32Const(why);
    w.localSet(reason);
    w.br(exit);
  };

  w.localGet(budget);
  w.i32Const(1);
  w.op(Op.i32Sub);
  w.localTee(budget);
  w.i32Const(0);
  w.op(Op.i32LtS);
  w.if();
  if (trace !== undefined) beginTrace(w, traceNext, trace);
  leave(Exit.Budget);
  w.end();
  if (trace !== undefined) {
    w.localGet(traceNext);
    w.localGet(traceEnd);
    w.op(Op.i32GeU);
    w.if();
    beginTrace(w, traceNext, trace);
    leave(Exit.TraceFull);
    w.end();
    w.localGet(traceNext);
    emit(w, pcExpr(frame));
    w.memory(Op.i64Store, TRACE_RECORD.pc);
    w.localGet(traceNext);
    emit(w, load(Op.i64Load, local(ip, I32)));
    w.memory(Op.i64Store, TRACE_RECORD.record);
    beginTrace(w, traceNext, trace);
  }

  const labels: number[] = [];
  for (let i = HANDLERS.length - 1; i >= 0; i--) labels[i] = w.block();
  const illegal = w.block();
  w.localGet(ip);
  w.memory(Op.i32Load8U, 0);
  w.brTable(labels, illegal);
  w.end();
  leave(Exit.Illegal);

  /** Does not count, or trace, the record that is no instruction. */
  const uncount = (): void => {
    addBudget(1);
    if (trace !== undefined) {
      w.localGet(trace);
      w.localSet(traceNext);
    }
  };
  for (const [number, handler] of HANDLERS.entries()) {
    w.end();
    if (handler) {
      new InterpreterEmitter(frame, handler).build();
      continue;
    }
    switch (number) {
      case Special.Decode:
        leave(Exit.Decode);
        break;
      case Special.PageEnd:
        uncount();
        if (frame.arrived !== undefined) {
          w.i32Const(0);
          w.localSet(frame.arrived);
        }
        emit(w, pcExpr(frame));
        w.localSet(target);
        w.br(fetch);
        break;
      case Special.Cross:
        writeCross(frame, uncount);
        break;
      case Special.System:
        leave(Exit.System);
        break;
      case Special.Breakpoint:
        leave(Exit.Breakpoint);
        break;
      default:
        leave(Exit.Illegal);
    }
  }
  w.op(Op.unreachable);
  w.end();
  w.op(Op.unreachable);
  w.end();
  w.op(Op.unreachable);
  w.end();

  // The instruction at ip has not been executed.
  uncount();
  saveState(() => emit(w, pcExpr(frame)));
  w.localGet(reason);

  const run = module.function(module.type([I32, I32], [I32]), w);
  module.exportFunction('run', run);
  return module.finish();
}

function writeHelper(module: ModuleWriter, helper: Helper): number {
  const code = new CodeWriter(helper.parameters.length);
  helper.write(code);
  return module.function(module.type(helper.parameters, [helper.result]), code);
}

/** Distance of an address's record from the records of its page. */
const recordOffset = (va: number): Expr =>
  bin(Op.i32Shl, bin(Op.i32And, un(Op.i32WrapI64, local(va, I64)), i32(0xffe)), i32(RECORD_SHIFT));

/**
 * Counts an arrival at ip, which lies in `records`, and returns if the place is hot or translated. A cell that holds
 * a region is a large number when taken as unsigned, so the common path has one comparison.
 */
function writeProfile(
  w: CodeWriter,
  f: { readonly ip: number; readonly records: number; readonly pageVa: number },
  temporaries: Temporaries,
  threshold: number,
  saveState: (pc: () => void) => void,
): void {
  const cell = temporaries.take(I32);
  const count = temporaries.take(I32);
  const distance = bin(Op.i32Sub, local(f.ip, I32), local(f.records, I32));
  emit(w, bin(Op.i32Add, local(f.records, I32), bin(Op.i32ShrU, distance, i32(1))));
  w.localTee(cell);
  emit(w, bin(Op.i32Add, load(Op.i32Load, local(cell, I32), PAGE_RECORDS.cells), i32(1)));
  w.localTee(count);
  w.memory(Op.i32Store, PAGE_RECORDS.cells);
  w.localGet(count);
  w.i32Const(threshold);
  w.op(Op.i32GeU);
  w.if();
  // The cell of a region must stay as it is.
  w.localGet(cell);
  emit(w, bin(Op.i32Sub, local(count, I32), i32(1)));
  w.memory(Op.i32Store, PAGE_RECORDS.cells);
  saveState(() => emit(w, pcExpr(f)));
  w.i32Const(Profile.Translated);
  w.i32Const(Profile.Hot);
  emit(w, bin(Op.i32LeS, local(count, I32), i32(0)));
  w.op(Op.select);
  w.op(Op.return);
  w.end();
}

/** trace = traceNext; traceNext += one record. */
function beginTrace(w: CodeWriter, traceNext: number, trace: number): void {
  w.localGet(traceNext);
  w.localTee(trace);
  w.i32Const(TRACE_RECORD.size);
  w.op(Op.i32Add);
  w.localSet(traceNext);
}

/**
 * Runs the page's `cross` record if the next virtual page has the records that it was made for. There the distance
 * of ip from `records` stays that of the last halfword, so that pc is right, and `limit` is 0, so that every jump
 * finds its page again.
 */
function writeCross(f: Frame, uncount: () => void): void {
  const { w } = f;
  const nextPage = f.temporaries.take(I64);
  const entry = f.temporaries.take(I32);
  const hart = local(f.hart, I32);
  emit(w, bin(Op.i64Add, local(f.pageVa, I64), i64(4096)));
  w.localSet(nextPage);
  emit(w, fetchTlbEntry(hart, local(nextPage, I64)));
  w.localSet(entry);
  const mapped = bin(
    Op.i64Eq,
    load(Op.i64Load, local(entry, I32), HART.fetchTlb),
    bin(Op.i64Or, local(nextPage, I64), load(Op.i64Load32U, hart, HART.fetchRegime)),
  );
  const same = bin(
    Op.i32Eq,
    load(Op.i32Load, local(entry, I32), HART.fetchTlb + 8),
    load(Op.i32Load, local(f.records, I32), PAGE_RECORDS.crossNext),
  );
  emit(w, un(Op.i32Eqz, bin(Op.i32And, mapped, same)));
  w.if();
  w.i32Const(Exit.Decode);
  w.localSet(f.reason);
  w.br(f.exit);
  w.end();
  uncount();
  w.localGet(f.records);
  w.i32Const(PAGE_RECORDS.cross);
  w.op(Op.i32Add);
  w.localTee(f.ip);
  w.i32Const(LAST_RECORD);
  w.op(Op.i32Sub);
  w.localSet(f.records);
  w.i32Const(0);
  w.localSet(f.limit);
  f.temporaries.releaseAll();
  w.br(f.next);
}
