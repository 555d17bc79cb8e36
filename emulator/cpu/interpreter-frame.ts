/**
 * What all handlers of the interpreter share: the locals, labels and constants of its one function, and what is computed from these
 * alone.
 */
import type { CodeWriter } from '../wasm/code.ts';
import { bin, type Expr, i32, i64, load, local, un } from '../wasm/expression.ts';
import { I32, I64, Op, type ValType } from '../wasm/opcodes.ts';
import type { Helper } from './isa/emitter.ts';
import { RECORD_SHIFT } from './records.ts';
import { DATA_TLB_ENTRIES, FETCH_TLB_ENTRIES, HART, TLB_FOLD } from './state.ts';

/** Locals, labels and constants of the interpreter's function, shared by all handlers. */
export interface Frame {
  readonly w: CodeWriter;
  /** i32 locals: the hart's base, the current record, the records of the current page. */
  readonly hart: number;
  readonly ip: number;
  readonly records: number;
  /** i32: bytes of records that a jump may stay in: those of a page, or 0 while running a `Cross` record. */
  readonly limit: number;
  /** i64: virtual address of the current page. */
  readonly pageVa: number;
  /** i64: where to go, when jumping to the label `fetch`. */
  readonly target: number;
  /** i32: why to leave, when jumping to the label `exit`. */
  readonly reason: number;
  /** Labels: the next record, a new page, the way out. */
  readonly next: number;
  readonly fetch: number;
  readonly exit: number;
  /** The flag byte of the page at host address h, in the direct window, is at (h >>> 12) + flagBias. */
  readonly flagBias: number;
  /** i32 local: the trace record of this instruction, if this interpreter traces. */
  readonly trace: number | undefined;
  /** Writes the count of an arrival at ip (profiled variant), in the page of `records`. */
  readonly profile: (() => void) | undefined;
  /** i32 local: 1 where a jump, and not mere sequence, leads to the label `fetch` (profiled variant). */
  readonly arrived: number | undefined;
  /** Index of a helper's function. */
  readonly helper: (helper: Helper) => number;
  /** Temporary locals, shared by all handlers. */
  readonly temporaries: Temporaries;
}

/** A pool of locals; a handler takes from it and all come back at its end. */
export class Temporaries {
  private readonly byType = new Map<ValType, number[]>();
  private readonly used = new Map<ValType, number>();

  constructor(private readonly w: CodeWriter) {}

  take(type: ValType): number {
    const pool = this.byType.get(type) ?? [];
    this.byType.set(type, pool);
    const index = this.used.get(type) ?? 0;
    this.used.set(type, index + 1);
    if (index === pool.length) pool.push(this.w.local(type));
    return pool[index]!;
  }

  releaseAll(): void {
    this.used.clear();
  }
}

/** pc, or an address at a distance in records: pageVa + ((ip − records) >> 2). */
export function pcExpr(f: Pick<Frame, 'ip' | 'records' | 'pageVa'>): Expr {
  const distance = bin(Op.i32Sub, local(f.ip, I32), local(f.records, I32));
  return bin(
    Op.i64Add,
    local(f.pageVa, I64),
    un(Op.i64ExtendI32S, bin(Op.i32ShrS, distance, i32(RECORD_SHIFT))),
  );
}

/** The TLB entry of a virtual address, less the table's offset: hart + (page number mod entries) * 16. */
function tlbEntry(hart: Expr, va: Expr, place: number, entries: number): Expr {
  const index = bin(Op.i32And, bin(Op.i32ShrU, un(Op.i32WrapI64, va), i32(8)), i32((entries - 1) << 4));
  return bin(Op.i32Xor, load(Op.i32Load, hart, place), index);
}

/** The same in the fetch TLB. */
export const fetchTlbEntry = (hart: Expr, va: Expr): Expr =>
  tlbEntry(hart, va, HART.fetchPlace, FETCH_TLB_ENTRIES);

/** The same in the load and store TLBs, whose index has the upper bits folded in. */
export function dataTlbEntry(hart: Expr, va: Expr): Expr {
  const folded = bin(Op.i64Xor, va, bin(Op.i64ShrU, va, i64(TLB_FOLD)));
  return tlbEntry(hart, folded, HART.dataPlace, DATA_TLB_ENTRIES);
}
