/**
 * Executes a floating-point instruction in software: what an engine leaves with Exit.FloatSlow. Registers, rounding
 * mode and flags are those of the hart's state; moving pc and counting are the caller's.
 */
import { decode } from './isa/decode.ts';
import { Instruction } from './isa/instruction.ts';
import { ROWS } from './isa/table.ts';
import * as soft from './softfloat.ts';
import { BINARY32, BINARY64, type FloatContext, type FloatFormat, type IntegerFormat } from './softfloat.ts';
import { fOffset, HART, xOffset } from './state.ts';

const BOX = 0xffff_ffff_0000_0000n;

const INTEGER_FORMATS: Record<string, IntegerFormat> = {
  w: { width: 32, signed: true },
  wu: { width: 32, signed: false },
  l: { width: 64, signed: true },
  lu: { width: 64, signed: false },
};

/** What an instruction works on: registers of a hart, through its state. */
interface Machine {
  readonly view: DataView;
  readonly hart: number;
  readonly i: Instruction;
  readonly c: FloatContext;
}

/** A value from a register; a single that is not NaN-boxed reads as the canonical NaN. */
function readFloat(m: Machine, format: FloatFormat, register: number): bigint {
  const bits = m.view.getBigUint64(m.hart + fOffset(register), true);
  if (format.width === 64) return bits;
  return (bits & BOX) === BOX ? bits & ~BOX : format.nan;
}

function writeFloat(m: Machine, format: FloatFormat, bits: bigint): void {
  m.view.setBigUint64(m.hart + fOffset(m.i.rd), format.width === 64 ? bits : bits | BOX, true);
}

function writeInteger(m: Machine, value: bigint): void {
  if (m.i.rd !== 0) m.view.setBigInt64(m.hart + xOffset(m.i.rd), BigInt.asIntN(64, value), true);
}

type Operation = (m: Machine) => void;

type Arithmetic = (format: FloatFormat, a: bigint, b: bigint, c: FloatContext) => bigint;
type Comparison = (format: FloatFormat, a: bigint, b: bigint, c: FloatContext) => boolean;

const operations = new Map<string, Operation>();

function defineFormat(suffix: string, format: FloatFormat): void {
  const a = (m: Machine): bigint => readFloat(m, format, m.i.rs1);
  const b = (m: Machine): bigint => readFloat(m, format, m.i.rs2);
  const define = (name: string, operation: Operation): void => {
    operations.set(`${name}.${suffix}`, operation);
  };
  const arithmetic = (name: string, compute: Arithmetic): void =>
    define(name, (m) => writeFloat(m, format, compute(format, a(m), b(m), m.c)));
  arithmetic('fadd', soft.add);
  arithmetic('fsub', soft.sub);
  arithmetic('fmul', soft.mul);
  arithmetic('fdiv', soft.div);
  arithmetic('fmin', soft.min);
  arithmetic('fmax', soft.max);
  define('fsqrt', (m) => writeFloat(m, format, soft.sqrt(format, a(m), m.c)));
  const compare = (name: string, compute: Comparison): void =>
    define(name, (m) => writeInteger(m, compute(format, a(m), b(m), m.c) ? 1n : 0n));
  compare('feq', soft.eq);
  compare('flt', soft.lt);
  compare('fle', soft.le);
  define('fclass', (m) => writeInteger(m, BigInt(soft.classify(format, a(m)))));
  const sign = 1n << BigInt(format.width - 1);
  const fused = (name: string, negateProduct: boolean, negateAddend: boolean): void =>
    define(name, (m) => {
      const addend = readFloat(m, format, m.i.rs3) ^ (negateAddend ? sign : 0n);
      const first = a(m) ^ (negateProduct ? sign : 0n);
      writeFloat(m, format, soft.fma(format, first, b(m), addend, m.c));
    });
  fused('fmadd', false, false);
  fused('fmsub', false, true);
  fused('fnmsub', true, false);
  fused('fnmadd', true, true);
  for (const [name, integer] of Object.entries(INTEGER_FORMATS)) {
    define(`fcvt.${name}`, (m) => {
      const value = soft.toInteger(format, a(m), integer, m.c);
      // 32-bit results, unsigned ones too, are sign-extended.
      writeInteger(m, BigInt.asIntN(integer.width, value));
    });
    operations.set(`fcvt.${suffix}.${name}`, (m) => {
      const register = m.view.getBigInt64(m.hart + xOffset(m.i.rs1), true);
      const value = integer.signed
        ? BigInt.asIntN(integer.width, register)
        : BigInt.asUintN(integer.width, register);
      writeFloat(m, format, soft.fromInteger(format, value, m.c));
    });
  }
}

defineFormat('s', BINARY32);
defineFormat('d', BINARY64);
operations.set('fcvt.s.d', (m) =>
  writeFloat(m, BINARY32, soft.convert(BINARY64, BINARY32, readFloat(m, BINARY64, m.i.rs1), m.c)),
);
operations.set('fcvt.d.s', (m) =>
  writeFloat(m, BINARY64, soft.convert(BINARY32, BINARY64, readFloat(m, BINARY32, m.i.rs1), m.c)),
);

/** By id of the instruction. */
const byId: (Operation | undefined)[] = ROWS.map((row) => operations.get(row.name));
const hasRounding: boolean[] = ROWS.map((row) => row.operands.some((o) => o === 'rm' || o === 'rm0'));
const DYNAMIC = 7;
const FS_DIRTY = 3;

const shared = new Instruction();

/**
 * Executes the instruction `word` on the hart whose state lies at `hart`.
 * @returns false if it is illegal: an invalid rounding mode
 */
export function executeFloatSlow(view: DataView, hart: number, word: number): boolean {
  const i = decode(word, shared);
  const operation = byId[i.id];
  if (operation === undefined)
    throw new Error(`${word.toString(16)} is not a slow floating-point instruction`);
  const rounding = i.rm === DYNAMIC ? view.getInt32(hart + HART.frm, true) : i.rm;
  if (hasRounding[i.id] && rounding > soft.Rounding.RMM) return false;
  const c: FloatContext = { rounding, flags: 0 };
  operation({ view, hart, i, c });
  const flags = view.getInt32(hart + HART.fflags, true);
  view.setInt32(hart + HART.fflags, flags | c.flags, true);
  if (c.flags !== 0 || ROWS[i.id]!.operands[0] === 'fd') view.setInt32(hart + HART.fs, FS_DIRTY, true);
  return true;
}
