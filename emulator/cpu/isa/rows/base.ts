/** RV64I (unprivileged manual, chapters 2 and 4) and M (chapter 13): rows of the table of instructions. */
import { bin, type Expr, i32, i64, select, un } from '../../../wasm/expression.ts';
import { Op } from '../../../wasm/opcodes.ts';
import type { Access, AccessSize, Emitter } from '../emitter.ts';
import { type Extension, type InstructionRow, OPCODE, row } from '../row.ts';

/** The low 32 bits of an i64, sign-extended again: what every `w` instruction does to its result. */
export const signExtend32 = (value: Expr): Expr => un(Op.i64ExtendI32S, un(Op.i32WrapI64, value));
export const wrap = (value: Expr): Expr => un(Op.i32WrapI64, value);
/** An i32 truth value as an i64. */
export const truth = (condition: Expr): Expr => un(Op.i64ExtendI32U, condition);

type Binary = (a: Expr, b: Expr, e: Emitter) => Expr;
const op =
  (opcode: number): Binary =>
  (a, b) =>
    bin(opcode, a, b);
/** A 32-bit operator on the low halves, sign-extended. */
const opW =
  (opcode: number): Binary =>
  (a, b) =>
    un(Op.i64ExtendI32S, bin(opcode, wrap(a), wrap(b)));
const compare =
  (opcode: number): Binary =>
  (a, b) =>
    truth(bin(opcode, a, b));

/** rd = f(rs1, rs2). */
export const register = (
  name: string,
  extension: Extension,
  opcode: number,
  funct3: number,
  funct7: number,
  compute: Binary,
): InstructionRow =>
  row(name, extension, { opcode, funct3, funct7 }, 'rd,rs1,rs2', {
    meaning: (e) => e.setRd(compute(e.rs1(), e.rs2(), e)),
  });

/** rd = f(rs1, imm). */
const immediate = (name: string, opcode: number, funct3: number, compute: Binary): InstructionRow =>
  row(name, 'I', { opcode, funct3 }, 'rd,rs1,imm', {
    immediate: 'i',
    meaning: (e) => e.setRd(compute(e.rs1(), e.imm(), e)),
  });

/** rd = f(rs1, shift amount), on 64 bits. */
export const shift6 = (
  name: string,
  extension: Extension,
  opcode: number,
  funct3: number,
  funct6: number,
  compute: Binary,
): InstructionRow =>
  row(name, extension, { opcode, funct3, funct6 }, 'rd,rs1,imm', {
    immediate: 'shamt6',
    meaning: (e) => e.setRd(compute(e.rs1(), e.imm(), e)),
  });

/** rd = f(rs1, shift amount), on 32 bits. */
export const shift5 = (
  name: string,
  extension: Extension,
  funct3: number,
  funct7: number,
  compute: Binary,
): InstructionRow =>
  row(name, extension, { opcode: OPCODE.opImm32, funct3, funct7 }, 'rd,rs1,imm', {
    immediate: 'shamt5',
    meaning: (e) => e.setRd(compute(e.rs1(), e.imm(), e)),
  });

const load = (name: string, funct3: number, size: AccessSize, signed: boolean): InstructionRow => {
  const access: Access = { kind: 'load', size, signed, float: false };
  return row(name, 'I', { opcode: OPCODE.load, funct3 }, 'rd,mem', {
    immediate: 'i',
    access,
    meaning: (e) => e.setRd(e.load(access)),
  });
};

const store = (name: string, funct3: number, size: AccessSize): InstructionRow => {
  const access: Access = { kind: 'store', size, signed: false, float: false };
  return row(name, 'I', { opcode: OPCODE.store, funct3 }, 'rs2,mem', {
    immediate: 's',
    access,
    meaning: (e) => e.store(access, e.rs2()),
  });
};

const branch = (name: string, funct3: number, condition: number): InstructionRow =>
  row(name, 'I', { opcode: OPCODE.branch, funct3 }, 'rs1,rs2,target', {
    immediate: 'b',
    meaning: (e) => e.branch(bin(condition, e.rs1(), e.rs2())),
  });

export const integerRows: readonly InstructionRow[] = [
  row('lui', 'I', { opcode: OPCODE.lui }, 'rd,imm', {
    immediate: 'u',
    meaning: (e) => e.setRd(e.imm()),
  }),
  row('auipc', 'I', { opcode: OPCODE.auipc }, 'rd,imm', {
    immediate: 'u',
    meaning: (e) => e.setRd(bin(Op.i64Add, e.pc(), e.imm())),
  }),
  row('jal', 'I', { opcode: OPCODE.jal }, 'rd,target', {
    immediate: 'j',
    meaning: (e) => {
      e.setRd(e.nextPc());
      e.jump();
    },
  }),
  row('jalr', 'I', { opcode: OPCODE.jalr, funct3: 0 }, 'rd,mem', {
    immediate: 'i',
    meaning: (e) => {
      const target = e.let(bin(Op.i64And, bin(Op.i64Add, e.rs1(), e.imm()), i64(-2)));
      e.setRd(e.nextPc());
      e.jumpTo(target);
    },
  }),
  branch('beq', 0, Op.i64Eq),
  branch('bne', 1, Op.i64Ne),
  branch('blt', 4, Op.i64LtS),
  branch('bge', 5, Op.i64GeS),
  branch('bltu', 6, Op.i64LtU),
  branch('bgeu', 7, Op.i64GeU),
  load('lb', 0, 1, true),
  load('lh', 1, 2, true),
  load('lw', 2, 4, true),
  load('ld', 3, 8, true),
  load('lbu', 4, 1, false),
  load('lhu', 5, 2, false),
  load('lwu', 6, 4, false),
  store('sb', 0, 1),
  store('sh', 1, 2),
  store('sw', 2, 4),
  store('sd', 3, 8),
  immediate('addi', OPCODE.opImm, 0, op(Op.i64Add)),
  immediate('slti', OPCODE.opImm, 2, compare(Op.i64LtS)),
  immediate('sltiu', OPCODE.opImm, 3, compare(Op.i64LtU)),
  immediate('xori', OPCODE.opImm, 4, op(Op.i64Xor)),
  immediate('ori', OPCODE.opImm, 6, op(Op.i64Or)),
  immediate('andi', OPCODE.opImm, 7, op(Op.i64And)),
  shift6('slli', 'I', OPCODE.opImm, 1, 0x00, op(Op.i64Shl)),
  shift6('srli', 'I', OPCODE.opImm, 5, 0x00, op(Op.i64ShrU)),
  shift6('srai', 'I', OPCODE.opImm, 5, 0x10, op(Op.i64ShrS)),
  register('add', 'I', OPCODE.op, 0, 0x00, op(Op.i64Add)),
  register('sub', 'I', OPCODE.op, 0, 0x20, op(Op.i64Sub)),
  register('sll', 'I', OPCODE.op, 1, 0x00, op(Op.i64Shl)),
  register('slt', 'I', OPCODE.op, 2, 0x00, compare(Op.i64LtS)),
  register('sltu', 'I', OPCODE.op, 3, 0x00, compare(Op.i64LtU)),
  register('xor', 'I', OPCODE.op, 4, 0x00, op(Op.i64Xor)),
  register('srl', 'I', OPCODE.op, 5, 0x00, op(Op.i64ShrU)),
  register('sra', 'I', OPCODE.op, 5, 0x20, op(Op.i64ShrS)),
  register('or', 'I', OPCODE.op, 6, 0x00, op(Op.i64Or)),
  register('and', 'I', OPCODE.op, 7, 0x00, op(Op.i64And)),
  immediate('addiw', OPCODE.opImm32, 0, opW(Op.i32Add)),
  shift5('slliw', 'I', 1, 0x00, opW(Op.i32Shl)),
  shift5('srliw', 'I', 5, 0x00, opW(Op.i32ShrU)),
  shift5('sraiw', 'I', 5, 0x20, opW(Op.i32ShrS)),
  register('addw', 'I', OPCODE.op32, 0, 0x00, opW(Op.i32Add)),
  register('subw', 'I', OPCODE.op32, 0, 0x20, opW(Op.i32Sub)),
  register('sllw', 'I', OPCODE.op32, 1, 0x00, opW(Op.i32Shl)),
  register('srlw', 'I', OPCODE.op32, 5, 0x00, opW(Op.i32ShrU)),
  register('sraw', 'I', OPCODE.op32, 5, 0x20, opW(Op.i32ShrS)),
];

/** The high 64 bits of an unsigned product, by 32-bit halves. `a` and `b` must be bound by `let`. */
function unsignedHigh(a: Expr, b: Expr, e: Emitter): Expr {
  const low32 = i64(0xffff_ffff);
  const low = (x: Expr): Expr => bin(Op.i64And, x, low32);
  const high = (x: Expr): Expr => bin(Op.i64ShrU, x, i64(32));
  const mul = (x: Expr, y: Expr): Expr => bin(Op.i64Mul, x, y);
  const add = (x: Expr, y: Expr): Expr => bin(Op.i64Add, x, y);
  const crossA = e.let(add(mul(high(a), low(b)), high(mul(low(a), low(b)))));
  const crossB = e.let(add(mul(low(a), high(b)), low(crossA)));
  return add(add(mul(high(a), high(b)), high(crossA)), high(crossB));
}

/** `b` if `a` is negative, else 0. */
const ifNegative = (a: Expr, b: Expr): Expr => bin(Op.i64And, bin(Op.i64ShrS, a, i64(63)), b);

const multiplyHigh =
  (signedA: boolean, signedB: boolean): Binary =>
  (rs1, rs2, e) => {
    const a = e.let(rs1);
    const b = e.let(rs2);
    let result = unsignedHigh(a, b, e);
    if (signedA) result = bin(Op.i64Sub, result, ifNegative(a, b));
    if (signedB) result = bin(Op.i64Sub, result, ifNegative(b, a));
    return result;
  };

/** Opcodes of one operand width for division. */
interface Width {
  readonly eq: number;
  readonly eqz: number;
  readonly constant: (value: number) => Expr;
  /** The smallest number: the dividend that overflows with −1. */
  readonly minimum: Expr;
}
const W64: Width = { eq: Op.i64Eq, eqz: Op.i64Eqz, constant: i64, minimum: i64(-(1n << 63n)) };
const W32: Width = { eq: Op.i32Eq, eqz: Op.i32Eqz, constant: i32, minimum: i32(-0x8000_0000) };

/** Division never traps: x / 0 = −1 and the overflowing quotient is the dividend (manual table 13.1). */
function quotient(opcode: number, width: Width, signed: boolean, rs1: Expr, rs2: Expr, e: Emitter): Expr {
  const a = e.let(rs1);
  const b = e.let(rs2);
  const byZero = un(width.eqz, b);
  const overflow = bin(Op.i32And, bin(width.eq, b, width.constant(-1)), bin(width.eq, a, width.minimum));
  const unsafe = signed ? bin(Op.i32Or, byZero, overflow) : byZero;
  const safe = bin(opcode, a, select(width.constant(1), b, unsafe));
  return select(width.constant(-1), safe, byZero);
}

/** x % 0 = x, and the remainder of the overflowing division is 0. */
function remainder(opcode: number, width: Width, rs1: Expr, rs2: Expr, e: Emitter): Expr {
  const a = e.let(rs1);
  const b = e.let(rs2);
  const byZero = un(width.eqz, b);
  return select(a, bin(opcode, a, select(width.constant(1), b, byZero)), byZero);
}

const div =
  (opcode: number, signed: boolean): Binary =>
  (a, b, e) =>
    quotient(opcode, W64, signed, a, b, e);
const divW =
  (opcode: number, signed: boolean): Binary =>
  (a, b, e) =>
    un(Op.i64ExtendI32S, quotient(opcode, W32, signed, wrap(a), wrap(b), e));
const rem =
  (opcode: number): Binary =>
  (a, b, e) =>
    remainder(opcode, W64, a, b, e);
const remW =
  (opcode: number): Binary =>
  (a, b, e) =>
    un(Op.i64ExtendI32S, remainder(opcode, W32, wrap(a), wrap(b), e));

export const multiplyRows: readonly InstructionRow[] = [
  register('mul', 'M', OPCODE.op, 0, 1, op(Op.i64Mul)),
  register('mulh', 'M', OPCODE.op, 1, 1, multiplyHigh(true, true)),
  register('mulhsu', 'M', OPCODE.op, 2, 1, multiplyHigh(true, false)),
  register('mulhu', 'M', OPCODE.op, 3, 1, multiplyHigh(false, false)),
  register('div', 'M', OPCODE.op, 4, 1, div(Op.i64DivS, true)),
  register('divu', 'M', OPCODE.op, 5, 1, div(Op.i64DivU, false)),
  register('rem', 'M', OPCODE.op, 6, 1, rem(Op.i64RemS)),
  register('remu', 'M', OPCODE.op, 7, 1, rem(Op.i64RemU)),
  register('mulw', 'M', OPCODE.op32, 0, 1, opW(Op.i32Mul)),
  register('divw', 'M', OPCODE.op32, 4, 1, divW(Op.i32DivS, true)),
  register('divuw', 'M', OPCODE.op32, 5, 1, divW(Op.i32DivU, false)),
  register('remw', 'M', OPCODE.op32, 6, 1, remW(Op.i32RemS)),
  register('remuw', 'M', OPCODE.op32, 7, 1, remW(Op.i32RemU)),
];
