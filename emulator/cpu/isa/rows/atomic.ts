/** A (unprivileged manual, chapter 14): rows of the table of instructions. */
import { bin, type Expr, select } from '../../../wasm/expression.ts';
import { Op } from '../../../wasm/opcodes.ts';
import type { Access, AccessSize } from '../emitter.ts';
import { type InstructionRow, OPCODE, row } from '../row.ts';
import { signExtend32 } from './base.ts';

/** The new value from the old one and rs2, both sign-extended to i64. */
type Combine = (old: Expr, operand: Expr) => Expr;

/** Sign extension keeps the unsigned order too, so one compare serves both widths. */
const pick =
  (compare: number): Combine =>
  (old, operand) =>
    select(old, operand, bin(compare, old, operand));

const COMBINE: readonly (readonly [string, number, Combine])[] = [
  ['amoswap', 0x01, (_old, operand) => operand],
  ['amoadd', 0x00, (old, operand) => bin(Op.i64Add, old, operand)],
  ['amoxor', 0x04, (old, operand) => bin(Op.i64Xor, old, operand)],
  ['amoand', 0x0c, (old, operand) => bin(Op.i64And, old, operand)],
  ['amoor', 0x08, (old, operand) => bin(Op.i64Or, old, operand)],
  ['amomin', 0x10, pick(Op.i64LtS)],
  ['amomax', 0x14, pick(Op.i64GtS)],
  ['amominu', 0x18, pick(Op.i64LtU)],
  ['amomaxu', 0x1c, pick(Op.i64GtU)],
];

function rowsOfWidth(suffix: string, funct3: number, size: AccessSize): InstructionRow[] {
  const access = (kind: Access['kind']): Access => ({ kind, size, signed: true, float: false });
  const lr = access('lr');
  const sc = access('sc');
  const amo = access('amo');
  return [
    row(`lr.${suffix}`, 'A', { opcode: OPCODE.amo, funct3, funct5: 0x02, rs2: 0 }, 'rd,addr', {
      immediate: 'aqrl',
      access: lr,
      meaning: (e) => e.setRd(e.loadReserved(lr)),
    }),
    row(`sc.${suffix}`, 'A', { opcode: OPCODE.amo, funct3, funct5: 0x03 }, 'rd,rs2,addr', {
      immediate: 'aqrl',
      access: sc,
      meaning: (e) => e.setRd(e.storeConditional(sc, e.rs2())),
    }),
    ...COMBINE.map(([name, funct5, combine]) =>
      row(`${name}.${suffix}`, 'A', { opcode: OPCODE.amo, funct3, funct5 }, 'rd,rs2,addr', {
        immediate: 'aqrl',
        access: amo,
        meaning: (e) => {
          const operand = e.let(size === 4 ? signExtend32(e.rs2()) : e.rs2());
          e.setRd(e.amo(amo, (old) => combine(old, operand)));
        },
      }),
    ),
  ];
}

export const atomicRows: readonly InstructionRow[] = [...rowsOfWidth('w', 2, 4), ...rowsOfWidth('d', 3, 8)];
