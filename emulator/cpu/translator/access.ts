/**
 * Writes loads, stores and atomics of a region, with the checks that find memory. There is no call anywhere: what
 * does not pass leaves the region, and the interpreter does that one instruction.
 *
 * One check serves the accesses that follow around the same value of a base register (*coalescing*): it covers the
 * smallest range that holds them, and later accesses inside that range need none (`CheckedRange`). In a direct
 * window the range is compared with the window's size, and for stores the flag bytes of the pages of its two ends
 * must be 0. With the TLB the range must lie within one page; where it does not, the region is left with
 * `Outcome.split`, and when that is frequent the engine translates the region again without coalescing.
 */
import { CACHE_BLOCK_SIZE } from '../../addresses.ts';
import { bin, type Expr, emit, i32, i64, load, local, un } from '../../wasm/expression.ts';
import { I32, I64, Op } from '../../wasm/opcodes.ts';
import type { Access, AccessSize } from '../isa/emitter.ts';
import type { Instruction } from '../isa/instruction.ts';
import { ROWS } from '../isa/table.ts';
import { DATA_TLB_ENTRIES, HART, TLB_ENTRY_SIZE, TLB_FOLD } from '../state.ts';
import type { Block } from './block.ts';
import type { CheckedRange, Facts } from './facts.ts';
import type { InstructionWriter } from './instruction-writer.ts';
import type { DataPath } from './regime.ts';

/** Bytes that one check may cover. */
const RANGE_LIMIT = 2048;
/** Blocks behind the present one on each path in which accesses are looked for. */
const LOOK_AHEAD = 3;

/** What one check covers, relative to the base register. */
interface Range {
  readonly lo: number;
  readonly hi: number;
  /** Alignment that base + lo must have. */
  readonly alignment: number;
  /** Whether more than the access at hand is covered. */
  readonly shared: boolean;
}

type Kind = 'load' | 'store';

/** Load opcodes with an i32 result, by size and signedness. */
const LOAD_32: Record<1 | 2 | 4, readonly [unsigned: number, signed: number]> = {
  1: [Op.i32Load8U, Op.i32Load8S],
  2: [Op.i32Load16U, Op.i32Load16S],
  4: [Op.i32Load, Op.i32Load],
};
const STORE_64: Record<AccessSize, number> = {
  1: Op.i64Store8,
  2: Op.i64Store16,
  4: Op.i64Store32,
  8: Op.i64Store,
};

export class AccessWriter {
  private readonly writer: InstructionWriter;
  private readonly data: DataPath;
  private readonly facts: Facts;
  private block!: Block;
  private position = 0;
  /** Locals: the regime's tag bits of data accesses (i64), and `HART.dataPlace` (i32). */
  private regime = -1;
  private place = -1;

  constructor(
    writer: InstructionWriter,
    data: DataPath,
    private readonly followers: (block: Block) => readonly Block[],
  ) {
    this.writer = writer;
    this.data = data;
    this.facts = writer.facts;
  }

  /** Loads what every check needs; part of the region's prologue. */
  prologue(): void {
    if (this.data.kind !== 'tlb') return;
    const { w } = this.writer;
    this.regime = w.local(I64);
    emit(w, un(Op.i64ExtendI32U, load(Op.i32Load, this.writer.hart(), HART.dataRegime)));
    w.localSet(this.regime);
    this.place = w.local(I32);
    emit(w, load(Op.i32Load, this.writer.hart(), HART.dataPlace));
    w.localSet(this.place);
  }

  /** Says which instruction comes next, for looking ahead. */
  setPosition(block: Block, position: number): void {
    this.block = block;
    this.position = position;
  }

  load(access: Access, base: number, offset: number): Expr {
    const range = this.checked('load', base, offset, access.size);
    return loadAt(access, local(range.address, I32), range.displacement + (offset - range.lo));
  }

  store(access: Access, base: number, offset: number, value: Expr): void {
    const { w } = this.writer;
    const range = this.checked('store', base, offset, access.size);
    w.localGet(range.address);
    const displacement = range.displacement + (offset - range.lo);
    if (value.op === Op.i64ReinterpretF64 && access.size === 8) {
      emit(w, value.a!);
      w.memory(Op.f64Store, displacement);
    } else {
      emit(w, value);
      w.memory(STORE_64[access.size], displacement);
    }
  }

  amo(access: Access, base: number, combine: (old: Expr) => Expr): Expr {
    const { address, displacement } = this.atomic('store', access, base);
    const old = this.writer.let(loadAt(access, local(address, I32), displacement));
    this.storeAt(access, address, displacement, combine(old));
    return old;
  }

  loadReserved(access: Access, base: number): Expr {
    const { writer } = this;
    const { address, displacement } = this.atomic('load', access, base);
    const value = writer.let(loadAt(access, local(address, I32), displacement));
    writer.setState(Op.i32Store, HART.reserved, i32(1));
    writer.setState(Op.i64Store, HART.reservation, writer.register(base));
    writer.setState(Op.i64Store, HART.reservationValue, value);
    return value;
  }

  storeConditional(access: Access, base: number, value: Expr): Expr {
    const { writer } = this;
    const { w } = writer;
    const state = (op: number, offset: number): Expr => load(op, writer.hart(), offset);
    const failed = writer.newLocal(I64);
    w.i64Const(1);
    w.localSet(failed);
    const here = bin(Op.i64Eq, state(Op.i64Load, HART.reservation), writer.register(base));
    writer.when(bin(Op.i32And, state(Op.i32Load, HART.reserved), here), () => {
      const { address, displacement } = this.atomic('store', access, base);
      const now = loadAt(access, local(address, I32), displacement);
      writer.when(bin(Op.i64Eq, now, state(Op.i64Load, HART.reservationValue)), () => {
        this.storeAt(access, address, displacement, value);
        w.i64Const(0);
        w.localSet(failed);
      });
    });
    writer.setState(Op.i32Store, HART.reserved, i32(0));
    return local(failed, I64);
  }

  /** Zeroes the cache block that a register points into, if it is in the window. */
  zeroBlock(base: number): void {
    const { writer, data } = this;
    const { w } = writer;
    if (data.kind !== 'window') {
      writer.stepIf(i32(1));
      return;
    }
    const block = bin(Op.i64And, writer.register(base), i64(-CACHE_BLOCK_SIZE));
    const offset = local(this.setLocal(bin(Op.i64Sub, block, i64(data.base))), I64);
    writer.stepIf(bin(Op.i64GeU, offset, i64(data.size)));
    const address = local(this.setLocal(un(Op.i32WrapI64, offset)), I32);
    writer.stepIf(load(Op.i32Load8U, bin(Op.i32ShrU, address, i32(12)), data.flags));
    for (let at = 0; at < CACHE_BLOCK_SIZE; at += 8) {
      emit(w, address);
      w.i64Const(0);
      w.memory(Op.i64Store, data.host + at);
    }
  }

  /** The checked place of an atomic access, which must be aligned. */
  private atomic(kind: Kind, access: Access, base: number): CheckedRange {
    const { writer } = this;
    const range = { lo: 0, hi: access.size, alignment: access.size, shared: false };
    if (this.data.kind !== 'window') return this.checkTlb(kind, base, range);
    const checked = this.checkWindow(kind, base, range);
    // The window's host address is aligned, so that of the access tells.
    const host = bin(Op.i32Add, local(checked.address, I32), i32(checked.displacement));
    writer.stepIf(bin(Op.i32And, host, i32(access.size - 1)));
    return checked;
  }

  private storeAt(access: Access, address: number, displacement: number, value: Expr): void {
    const { w } = this.writer;
    w.localGet(address);
    emit(w, value);
    w.memory(STORE_64[access.size], displacement);
  }

  /** A checked range that covers the access: a known one, or a new one with its check. */
  private checked(kind: Kind, base: number, offset: number, size: number): CheckedRange {
    const known = kind === 'load' ? this.facts.loads : this.facts.stores;
    const before = known[base];
    if (before && offset >= before.lo && offset + size <= before.hi) {
      if (size <= before.alignment && (offset - before.lo) % size === 0) return before;
    }
    let range: CheckedRange;
    if (this.data.kind === 'window') {
      range = this.checkWindow(kind, base, this.ahead(kind, base, offset, size, true));
      // Whatever may be stored may be loaded: the window gives all rights.
      if (kind === 'store') this.facts.loads[base] = range;
    } else {
      range = this.checkTlb(kind, base, this.ahead(kind, base, offset, size, this.data.coalesce));
    }
    known[base] = range;
    return range;
  }

  /** The range that this access and those after it in the block, around the same value of the base, need. */
  private ahead(kind: Kind, base: number, offset: number, size: number, coalesce: boolean): Range {
    if (!coalesce) return { lo: offset, hi: offset + size, alignment: size, shared: false };
    let lo = offset;
    let hi = offset + size;
    // The largest access anchors the alignment.
    let alignment = size;
    let anchor = offset;
    let shared = false;
    const look = (instruction: Instruction): void => {
      const { access } = ROWS[instruction.id]!;
      if (access?.kind === kind && instruction.rs1 === base) {
        const at = instruction.imm;
        const nextLo = Math.min(lo, at);
        const nextHi = Math.max(hi, at + access.size);
        const fits = (at - anchor) % Math.min(access.size, alignment) === 0;
        if (fits && nextHi - nextLo <= RANGE_LIMIT) {
          shared ||= nextLo !== offset || nextHi !== offset + size;
          lo = nextLo;
          hi = nextHi;
          if (access.size > alignment) {
            alignment = access.size;
            anchor = at;
          }
        }
      }
    };
    const lookThrough = (block: Block, from: number, depth: number): void => {
      for (const instruction of block.instructions.slice(from)) {
        look(instruction);
        if (writesInteger(instruction, base)) return;
      }
      const { terminator } = block;
      if (terminator.kind === 'skip' && terminator.skipped.instructions.some((i) => writesInteger(i, base)))
        return;
      if (depth > 0) for (const next of this.followers(block)) lookThrough(next, 0, depth - 1);
    };
    lookThrough(this.block, this.position, LOOK_AHEAD);
    // Move the start down so that it is aligned whenever the anchor is.
    const down = (((lo - anchor) % alignment) + alignment) % alignment;
    return { lo: lo - down, hi, alignment, shared };
  }

  /** base + lo as an i64 relative to `origin`. */
  private start(base: number, lo: number, origin: bigint): Expr {
    return bin(Op.i64Add, this.writer.register(base), i64(BigInt(lo) - origin));
  }

  private setLocal(value: Expr): number {
    const index = this.writer.newLocal(value.type);
    emit(this.writer.w, value);
    this.writer.w.localSet(index);
    return index;
  }

  private checkWindow(kind: Kind, base: number, range: Range): CheckedRange {
    const { writer } = this;
    const data = this.data;
    if (data.kind !== 'window') throw new Error('no window');
    const { lo, hi } = range;
    const length = hi - lo;
    let address: number;
    const loaded = this.facts.loads[base];
    let inside = 0;
    if (kind === 'store' && loaded && loaded.lo <= lo && loaded.hi >= hi) {
      // Known to lie in the window: only the flags are left.
      address = loaded.address;
      inside = lo - loaded.lo + (loaded.displacement - data.host);
    } else {
      const at = local(this.setLocal(this.start(base, lo, data.base)), I64);
      // Out of the window: if that is where its data are (an NVDIMM), the region will be made for the TLB.
      writer.splitIf(bin(Op.i64GtU, at, i64(data.size - length)));
      address = this.setLocal(un(Op.i32WrapI64, at));
    }
    if (kind === 'store') {
      const flagAt = (offset: number): Expr =>
        load(
          Op.i32Load8U,
          bin(Op.i32ShrU, bin(Op.i32Add, local(address, I32), i32(inside + offset)), i32(12)),
          data.flags,
        );
      const flags = length > 1 ? bin(Op.i32Or, flagAt(0), flagAt(length - 1)) : flagAt(0);
      const aligned = !range.shared && length > 1;
      writer.stepIf(
        aligned
          ? bin(
              Op.i32Or,
              flagAt(0),
              bin(Op.i32And, bin(Op.i32Add, local(address, I32), i32(inside)), i32(length - 1)),
            )
          : flags,
      );
    }
    return { lo, hi, address, displacement: data.host + inside, alignment: 8 };
  }

  private checkTlb(kind: Kind, base: number, range: Range): CheckedRange {
    const { writer } = this;
    const { lo, hi, alignment, shared } = range;
    const tlb = kind === 'load' ? HART.loadTlb : HART.storeTlb;
    const at = local(this.setLocal(this.start(base, lo, 0n)), I64);
    // The entry's index, times its size, is bits 23:12 of the folded address moved down to bits 15:4.
    const folded = bin(Op.i64Xor, at, bin(Op.i64ShrU, at, i64(TLB_FOLD)));
    const slot = bin(
      Op.i32And,
      un(Op.i32WrapI64, bin(Op.i64ShrU, folded, i64(12 - Math.log2(TLB_ENTRY_SIZE)))),
      i32((DATA_TLB_ENTRIES - 1) * TLB_ENTRY_SIZE),
    );
    const entry = local(this.setLocal(bin(Op.i32Xor, slot, local(this.place, I32))), I32);
    const tag = bin(Op.i64Or, bin(Op.i64And, at, i64(-4096 + (alignment - 1))), local(this.regime, I64));
    writer.stepIf(bin(Op.i64Ne, tag, load(Op.i64Load, entry, tlb)));
    if (shared) {
      const inPage = bin(Op.i32And, un(Op.i32WrapI64, at), i32(0xfff));
      writer.splitIf(bin(Op.i32GtU, inPage, i32(4096 - (hi - lo))));
    }
    const address = this.setLocal(bin(Op.i32Add, un(Op.i32WrapI64, at), load(Op.i32Load, entry, tlb + 8)));
    return { lo, hi, address, displacement: 0, alignment };
  }
}

/** Whether an instruction writes integer register `r`. */
function writesInteger(instruction: Instruction, r: number): boolean {
  return instruction.rd === r && r !== 0 && ROWS[instruction.id]!.operands[0] === 'rd';
}

/** A load as an i64; words and less come as an extended i32, which later 32-bit operators see through. */
function loadAt(access: Access, address: Expr, offset: number): Expr {
  if (access.size === 8) {
    if (access.float) return un(Op.i64ReinterpretF64, load(Op.f64Load, address, offset));
    return load(Op.i64Load, address, offset);
  }
  const narrow = load(LOAD_32[access.size][access.signed ? 1 : 0], address, offset);
  return un(access.signed ? Op.i64ExtendI32S : Op.i64ExtendI32U, narrow);
}
