/** F and D (unprivileged manual, chapters 21 and 22): rows of the table of instructions. */
import { bin, i64 } from '../../../wasm/expression.ts';
import { Op } from '../../../wasm/opcodes.ts';
import type { Access, Meaning } from '../emitter.ts';
import * as fast from '../float-fast.ts';
import { box, DOUBLE, SINGLE } from '../float-fast.ts';
import { type InstructionRow, OPCODE, row } from '../row.ts';
import { signExtend32 } from './base.ts';

/** How a precision is encoded. */
interface Encoding {
  readonly extension: 'F' | 'D';
  /** Bits 26:25. */
  readonly fmt: 0 | 1;
  /** funct3 of the load and the store. */
  readonly width: 2 | 3;
  readonly size: 4 | 8;
  readonly precision: fast.Precision;
}
const S: Encoding = { extension: 'F', fmt: 0, width: 2, size: 4, precision: SINGLE };
const D: Encoding = { extension: 'D', fmt: 1, width: 3, size: 8, precision: DOUBLE };

function memoryRows(p: Encoding): InstructionRow[] {
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
  p: Encoding,
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

function arithmeticRows(p: Encoding): InstructionRow[] {
  const { precision } = p;
  const s = precision.suffix;
  const fused = (
    name: string,
    opcode: number,
    negateProduct: boolean,
    negateAddend: boolean,
  ): InstructionRow =>
    row(`${name}.${s}`, p.extension, { opcode, fmt: p.fmt }, 'fd,fs1,fs2,fs3,rm', {
      meaning: fast.fused(precision, negateProduct, negateAddend),
    });
  const inject = (name: string, funct3: number, combine: Parameters<typeof fast.signInjection>[1]) =>
    opFp(`${name}.${s}`, p, 0x04, 'fd,fs1,fs2', { funct3 }, fast.signInjection(precision, combine));
  return [
    opFp(`fadd.${s}`, p, 0x00, 'fd,fs1,fs2,rm', {}, fast.addition(precision, false)),
    opFp(`fsub.${s}`, p, 0x01, 'fd,fs1,fs2,rm', {}, fast.addition(precision, true)),
    opFp(`fmul.${s}`, p, 0x02, 'fd,fs1,fs2,rm', {}, fast.multiplication(precision)),
    opFp(`fdiv.${s}`, p, 0x03, 'fd,fs1,fs2,rm', {}, fast.division(precision)),
    opFp(`fsqrt.${s}`, p, 0x0b, 'fd,fs1,rm', { rs2: 0 }, fast.squareRoot(precision)),
    inject('fsgnj', 0, (_a, b) => b),
    inject('fsgnjn', 1, (_a, b) => bin(Op.i64Xor, b, i64(-1))),
    inject('fsgnjx', 2, (a, b) => bin(Op.i64Xor, a, b)),
    opFp(`fmin.${s}`, p, 0x05, 'fd,fs1,fs2', { funct3: 0 }, fast.extremum(precision, precision.min)),
    opFp(`fmax.${s}`, p, 0x05, 'fd,fs1,fs2', { funct3: 1 }, fast.extremum(precision, precision.max)),
    opFp(`fle.${s}`, p, 0x14, 'rd,fs1,fs2', { funct3: 0 }, fast.comparison(precision, precision.le)),
    opFp(`flt.${s}`, p, 0x14, 'rd,fs1,fs2', { funct3: 1 }, fast.comparison(precision, precision.lt)),
    opFp(`feq.${s}`, p, 0x14, 'rd,fs1,fs2', { funct3: 2 }, fast.comparison(precision, precision.eq)),
    opFp(`fclass.${s}`, p, 0x1c, 'rd,fs1', { funct3: 1, rs2: 0 }, fast.classification(precision)),
    ...INTEGERS.map((integer, rs2) =>
      opFp(`fcvt.${integer}.${s}`, p, 0x18, 'rd,fs1,rm', { rs2 }, fast.toInteger(precision, integer)),
    ),
    // A 32-bit integer fits a double exactly: the rounding mode is there, but says nothing.
    ...INTEGERS.map((integer, rs2) =>
      opFp(
        `fcvt.${s}.${integer}`,
        p,
        0x1a,
        s === 'd' && rs2 < 2 ? 'fd,rs1,rm0' : 'fd,rs1,rm',
        { rs2 },
        fast.fromInteger(precision, integer),
      ),
    ),
    fused('fmadd', OPCODE.madd, false, false),
    fused('fmsub', OPCODE.msub, false, true),
    fused('fnmsub', OPCODE.nmsub, true, false),
    fused('fnmadd', OPCODE.nmadd, true, true),
  ];
}

/** A move between register files: bits as they are. */
const move = (name: string, p: Encoding, funct5: number, operands: string, effect: Meaning): InstructionRow =>
  opFp(name, p, funct5, operands, { funct3: 0, rs2: 0 }, (e) => {
    e.requireFloat();
    effect(e);
  });

export const floatRows: readonly InstructionRow[] = [
  ...memoryRows(S),
  ...memoryRows(D),
  ...arithmeticRows(S),
  ...arithmeticRows(D),
  opFp('fcvt.s.d', S, 0x08, 'fd,fs1,rm', { rs2: 1 }, fast.narrow),
  opFp('fcvt.d.s', D, 0x08, 'fd,fs1,rm0', { rs2: 0 }, fast.widen),
  move('fmv.x.w', S, 0x1c, 'rd,fs1', (e) => e.setRd(signExtend32(e.fs1()))),
  move('fmv.w.x', S, 0x1e, 'fd,rs1', (e) => e.setFd(box(e.rs1()))),
  move('fmv.x.d', D, 0x1c, 'rd,fs1', (e) => e.setRd(e.fs1())),
  move('fmv.d.x', D, 0x1e, 'fd,rs1', (e) => e.setFd(e.rs1())),
];
