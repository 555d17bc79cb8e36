/** Zba, Zbb and Zbs (unprivileged manual, chapter 30): rows of the table of instructions. */
import { bin, type Expr, i64, select, un } from '../../../wasm/expression.ts';
import { Op } from '../../../wasm/opcodes.ts';
import { type Extension, type InstructionRow, OPCODE, row } from '../row.ts';
import { register, shift5, shift6, truth, wrap } from './base.ts';

/** The low 32 bits, zero-extended. */
const zeroExtend32 = (value: Expr): Expr => un(Op.i64ExtendI32U, wrap(value));

const { op, op32, opImm, opImm32 } = OPCODE;

const shiftAdd = (name: string, amount: number, unsignedWord: boolean): InstructionRow =>
  register(name, 'Zba', unsignedWord ? op32 : op, amount * 2, 0x10, (a, b) =>
    bin(Op.i64Add, bin(Op.i64Shl, unsignedWord ? zeroExtend32(a) : a, i64(amount)), b),
  );

/** rd = f(rs1), with the rs2 field as part of the opcode. */
const unary = (
  name: string,
  extension: Extension,
  opcode: number,
  funct3: number,
  funct7: number,
  rs2: number,
  compute: (a: Expr) => Expr,
): InstructionRow =>
  row(name, extension, { opcode, funct3, funct7, rs2 }, 'rd,rs1', {
    meaning: (e) => e.setRd(compute(e.let(e.rs1()))),
  });

const minmax = (name: string, funct3: number, compare: number): InstructionRow =>
  register(name, 'Zbb', op, funct3, 0x05, (rs1, rs2, e) => {
    const a = e.let(rs1);
    const b = e.let(rs2);
    return select(a, b, bin(compare, a, b));
  });

const inverted = (opcode: number) => (a: Expr, b: Expr) => bin(opcode, a, bin(Op.i64Xor, b, i64(-1)));

const rotateW = (opcode: number) => (a: Expr, b: Expr) => un(Op.i64ExtendI32S, bin(opcode, wrap(a), wrap(b)));

/** Each byte that is not zero becomes 0xff. */
function orCombine(x: Expr): Expr {
  const low7 = i64(0x7f7f_7f7f_7f7f_7f7fn);
  const carry = bin(Op.i64Add, bin(Op.i64And, x, low7), low7);
  const top = bin(Op.i64And, bin(Op.i64Or, carry, x), i64(0x8080_8080_8080_8080n));
  return bin(Op.i64Mul, bin(Op.i64ShrU, top, i64(7)), i64(0xff));
}

/** Swaps neighbouring groups of `width` bits; `mask` selects the lower of each pair. */
const swap = (x: Expr, width: number, mask: bigint): Expr =>
  bin(
    Op.i64Or,
    bin(Op.i64And, bin(Op.i64ShrU, x, i64(width)), i64(mask)),
    bin(Op.i64Shl, bin(Op.i64And, x, i64(mask)), i64(width)),
  );

const bit = (index: Expr): Expr => bin(Op.i64Shl, i64(1), index);
const clearBit = (a: Expr, index: Expr): Expr => bin(Op.i64And, a, bin(Op.i64Xor, bit(index), i64(-1)));
const extractBit = (a: Expr, index: Expr): Expr => bin(Op.i64And, bin(Op.i64ShrU, a, index), i64(1));
const invertBit = (a: Expr, index: Expr): Expr => bin(Op.i64Xor, a, bit(index));
const setBit = (a: Expr, index: Expr): Expr => bin(Op.i64Or, a, bit(index));

export const bitmanipRows: readonly InstructionRow[] = [
  register('add.uw', 'Zba', op32, 0, 0x04, (a, b) => bin(Op.i64Add, zeroExtend32(a), b)),
  shiftAdd('sh1add', 1, false),
  shiftAdd('sh2add', 2, false),
  shiftAdd('sh3add', 3, false),
  shiftAdd('sh1add.uw', 1, true),
  shiftAdd('sh2add.uw', 2, true),
  shiftAdd('sh3add.uw', 3, true),
  shift6('slli.uw', 'Zba', opImm32, 1, 0x02, (a, b) => bin(Op.i64Shl, zeroExtend32(a), b)),

  register('andn', 'Zbb', op, 7, 0x20, inverted(Op.i64And)),
  register('orn', 'Zbb', op, 6, 0x20, inverted(Op.i64Or)),
  register('xnor', 'Zbb', op, 4, 0x20, inverted(Op.i64Xor)),
  unary('clz', 'Zbb', opImm, 1, 0x30, 0, (a) => un(Op.i64Clz, a)),
  unary('ctz', 'Zbb', opImm, 1, 0x30, 1, (a) => un(Op.i64Ctz, a)),
  unary('cpop', 'Zbb', opImm, 1, 0x30, 2, (a) => un(Op.i64Popcnt, a)),
  unary('clzw', 'Zbb', opImm32, 1, 0x30, 0, (a) => truth(un(Op.i32Clz, wrap(a)))),
  unary('ctzw', 'Zbb', opImm32, 1, 0x30, 1, (a) => truth(un(Op.i32Ctz, wrap(a)))),
  unary('cpopw', 'Zbb', opImm32, 1, 0x30, 2, (a) => truth(un(Op.i32Popcnt, wrap(a)))),
  minmax('min', 4, Op.i64LtS),
  minmax('minu', 5, Op.i64LtU),
  minmax('max', 6, Op.i64GtS),
  minmax('maxu', 7, Op.i64GtU),
  unary('sext.b', 'Zbb', opImm, 1, 0x30, 4, (a) => un(Op.i64Extend8S, a)),
  unary('sext.h', 'Zbb', opImm, 1, 0x30, 5, (a) => un(Op.i64Extend16S, a)),
  unary('zext.h', 'Zbb', op32, 4, 0x04, 0, (a) => bin(Op.i64And, a, i64(0xffff))),
  register('rol', 'Zbb', op, 1, 0x30, (a, b) => bin(Op.i64Rotl, a, b)),
  register('ror', 'Zbb', op, 5, 0x30, (a, b) => bin(Op.i64Rotr, a, b)),
  shift6('rori', 'Zbb', opImm, 5, 0x18, (a, b) => bin(Op.i64Rotr, a, b)),
  register('rolw', 'Zbb', op32, 1, 0x30, rotateW(Op.i32Rotl)),
  register('rorw', 'Zbb', op32, 5, 0x30, rotateW(Op.i32Rotr)),
  shift5('roriw', 'Zbb', 5, 0x30, rotateW(Op.i32Rotr)),
  unary('orc.b', 'Zbb', opImm, 5, 0x14, 7, orCombine),
  row('rev8', 'Zbb', { opcode: opImm, funct3: 5, funct7: 0x35, rs2: 0x18 }, 'rd,rs1', {
    meaning: (e) => {
      const bytes = e.let(swap(e.let(e.rs1()), 8, 0x00ff_00ff_00ff_00ffn));
      const halves = e.let(swap(bytes, 16, 0x0000_ffff_0000_ffffn));
      e.setRd(bin(Op.i64Rotl, halves, i64(32)));
    },
  }),

  register('bclr', 'Zbs', op, 1, 0x24, clearBit),
  shift6('bclri', 'Zbs', opImm, 1, 0x12, clearBit),
  register('bext', 'Zbs', op, 5, 0x24, extractBit),
  shift6('bexti', 'Zbs', opImm, 5, 0x12, extractBit),
  register('binv', 'Zbs', op, 1, 0x34, invertBit),
  shift6('binvi', 'Zbs', opImm, 1, 0x1a, invertBit),
  register('bset', 'Zbs', op, 1, 0x14, setBit),
  shift6('bseti', 'Zbs', opImm, 1, 0x0a, setBit),
];
