/** F and D (unprivileged manual, chapters 21 and 22): rows of the table of instructions. */
import { bin, type Expr, i32, i64, un } from '../../../wasm/expression.ts';
import { Op } from '../../../wasm/opcodes.ts';
import type { Access, Emitter, Meaning } from '../emitter.ts';
import { type InstructionRow, OPCODE, row } from '../row.ts';
import { wrap } from './base.ts';

/** The upper half of a register that holds a single-precision value (NaN boxing, §22.2). */
const BOX = i64(-(2 ** 32));

/** Raw single-precision bits (the low half of an i64), boxed. */
const box = (value: Expr): Expr => bin(Op.i64Or, value, BOX);

const slow: Meaning = (e: Emitter) => {
  e.requireFloat();
  e.slowIf(i32(1));
};

/** What differs between single and double precision. */
interface Precision {
  readonly suffix: 's' | 'd';
  readonly extension: 'F' | 'D';
  /** Bits 26:25. */
  readonly fmt: 0 | 1;
  /** funct3 of the load and the store. */
  readonly width: 2 | 3;
  readonly size: 4 | 8;
}
const SINGLE: Precision = { suffix: 's', extension: 'F', fmt: 0, width: 2, size: 4 };
const DOUBLE: Precision = { suffix: 'd', extension: 'D', fmt: 1, width: 3, size: 8 };

function memoryRows(p: Precision): InstructionRow[] {
  const letter = p.size === 4 ? 'w' : 'd';
  const loadAccess: Access = { kind: 'load', size: p.size, signed: false, float: true };
  const storeAccess: Access = { kind: 'store', size: p.size, signed: false, float: true };
  return [
    row(`fl${letter}`, p.extension, { opcode: OPCODE.loadFp, funct3: p.width }, 'fd,mem', {
      immediate: 'i',
      access: loadAccess,
      meaning: (e) => {
        e.requireFloat();
        const value = e.load(loadAccess);
        e.setFd(p.size === 4 ? box(value) : value);
      },
    }),
    row(`fs${letter}`, p.extension, { opcode: OPCODE.storeFp, funct3: p.width }, 'fs2,mem', {
      immediate: 's',
      access: storeAccess,
      meaning: (e) => {
        e.requireFloat();
        e.store(storeAccess, e.fs2());
      },
    }),
  ];
}

/** A row of the OP-FP opcode; `fields` beyond funct5 and fmt. */
function opFp(
  name: string,
  p: Precision,
  funct5: number,
  operands: string,
  fields: { funct3?: number; rs2?: number },
  meaning: Meaning,
): InstructionRow {
  return row(name, p.extension, { opcode: OPCODE.opFp, funct5, fmt: p.fmt, ...fields }, operands, {
    meaning,
  });
}

const INTEGERS = ['w', 'wu', 'l', 'lu'] as const;

function arithmeticRows(p: Precision): InstructionRow[] {
  const s = p.suffix;
  const fused = (name: string, opcode: number): InstructionRow =>
    row(`${name}.${s}`, p.extension, { opcode, fmt: p.fmt }, 'fd,fs1,fs2,fs3,rm', { meaning: slow });
  return [
    opFp(`fadd.${s}`, p, 0x00, 'fd,fs1,fs2,rm', {}, slow),
    opFp(`fsub.${s}`, p, 0x01, 'fd,fs1,fs2,rm', {}, slow),
    opFp(`fmul.${s}`, p, 0x02, 'fd,fs1,fs2,rm', {}, slow),
    opFp(`fdiv.${s}`, p, 0x03, 'fd,fs1,fs2,rm', {}, slow),
    opFp(`fsqrt.${s}`, p, 0x0b, 'fd,fs1,rm', { rs2: 0 }, slow),
    opFp(`fsgnj.${s}`, p, 0x04, 'fd,fs1,fs2', { funct3: 0 }, slow),
    opFp(`fsgnjn.${s}`, p, 0x04, 'fd,fs1,fs2', { funct3: 1 }, slow),
    opFp(`fsgnjx.${s}`, p, 0x04, 'fd,fs1,fs2', { funct3: 2 }, slow),
    opFp(`fmin.${s}`, p, 0x05, 'fd,fs1,fs2', { funct3: 0 }, slow),
    opFp(`fmax.${s}`, p, 0x05, 'fd,fs1,fs2', { funct3: 1 }, slow),
    opFp(`fle.${s}`, p, 0x14, 'rd,fs1,fs2', { funct3: 0 }, slow),
    opFp(`flt.${s}`, p, 0x14, 'rd,fs1,fs2', { funct3: 1 }, slow),
    opFp(`feq.${s}`, p, 0x14, 'rd,fs1,fs2', { funct3: 2 }, slow),
    opFp(`fclass.${s}`, p, 0x1c, 'rd,fs1', { funct3: 1, rs2: 0 }, slow),
    ...INTEGERS.map((integer, rs2) => opFp(`fcvt.${integer}.${s}`, p, 0x18, 'rd,fs1,rm', { rs2 }, slow)),
    // A 32-bit integer fits a double exactly: the rounding mode is there, but says nothing.
    ...INTEGERS.map((integer, rs2) =>
      opFp(`fcvt.${s}.${integer}`, p, 0x1a, s === 'd' && rs2 < 2 ? 'fd,rs1,rm0' : 'fd,rs1,rm', { rs2 }, slow),
    ),
    fused(`fmadd`, OPCODE.madd),
    fused(`fmsub`, OPCODE.msub),
    fused(`fnmsub`, OPCODE.nmsub),
    fused(`fnmadd`, OPCODE.nmadd),
  ];
}

export const floatRows: readonly InstructionRow[] = [
  ...memoryRows(SINGLE),
  ...memoryRows(DOUBLE),
  ...arithmeticRows(SINGLE),
  ...arithmeticRows(DOUBLE),
  opFp('fcvt.s.d', SINGLE, 0x08, 'fd,fs1,rm', { rs2: 1 }, slow),
  opFp('fcvt.d.s', DOUBLE, 0x08, 'fd,fs1,rm0', { rs2: 0 }, slow),
  opFp('fmv.x.w', SINGLE, 0x1c, 'rd,fs1', { funct3: 0, rs2: 0 }, (e) => {
    e.requireFloat();
    e.setRd(un(Op.i64ExtendI32S, wrap(e.fs1())));
  }),
  opFp('fmv.w.x', SINGLE, 0x1e, 'fd,rs1', { funct3: 0, rs2: 0 }, (e) => {
    e.requireFloat();
    e.setFd(box(e.rs1()));
  }),
  opFp('fmv.x.d', DOUBLE, 0x1c, 'rd,fs1', { funct3: 0, rs2: 0 }, (e) => {
    e.requireFloat();
    e.setRd(e.fs1());
  }),
  opFp('fmv.d.x', DOUBLE, 0x1e, 'fd,rs1', { funct3: 0, rs2: 0 }, (e) => {
    e.requireFloat();
    e.setFd(e.rs1());
  }),
];
