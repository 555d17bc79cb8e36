/**
 * Xtwz, translation through the object space (docs/xtwz.md §8, §10): rows of the table of instructions. Invalidations
 * and fills are done in JavaScript; `xtwz.pptr` is done by the engines, from the lookaside in the hart's state.
 */

import { ADDRESS, CSR, POINTER, OPCODE as XTWZ } from '../../../mmu/xtwz/layout.ts';
import { bin, type Expr, i32, i64, select, un } from '../../../wasm/expression.ts';
import { Op } from '../../../wasm/opcodes.ts';
import { HART, POINTER_ENTRIES, POINTER_ENTRY_SIZE, POINTER_TAG, POINTER_TARGET } from '../../state.ts';
import { defineCsrName } from '../csr-names.ts';
import type { Emitter } from '../emitter.ts';
import { type InstructionRow, row } from '../row.ts';

for (const [name, number] of Object.entries(CSR)) defineCsrName(number, name);

const invalidate = (name: string, funct7: number): InstructionRow =>
  row(name, 'Xtwz', { opcode: XTWZ.major, funct3: XTWZ.funct3.invalidate, funct7, rd: 0 }, 'rs1,rs2');

const OFFSET_MASK = 2 ** ADDRESS.offsetBits - 1;

/** rd = the address that persistent pointer rs2, held in the object around address rs1, means; −1 on a miss. */
function translatePointer(e: Emitter): void {
  const pointer = e.let(e.rs2());
  const base = e.let(e.rs1());
  const offset = e.let(bin(Op.i64And, pointer, i64(OFFSET_MASK)));
  const index = e.let(bin(Op.i64ShrU, pointer, i64(ADDRESS.offsetBits)));
  const slot = bin(Op.i64And, bin(Op.i64ShrU, base, i64(ADDRESS.offsetBits)), i64(ADDRESS.slots - 1));
  const key = e.let(bin(Op.i64Or, bin(Op.i64Shl, index, i64(POINTER_TAG.indexShift)), slot));
  // The low bits of the slot are the low bits of the key.
  const hash = bin(
    Op.i64And,
    bin(Op.i64Xor, index, bin(Op.i64Shl, key, i64(POINTER_TAG.slotHashShift))),
    i64(POINTER_ENTRIES - 1),
  );
  const entry = e.let(bin(Op.i32Mul, un(Op.i32WrapI64, hash), i32(POINTER_ENTRY_SIZE)));
  const tag = bin(Op.i64Or, key, e.stateCell(i32(0), HART.pointerOwner));
  const hit = bin(
    Op.i32And,
    bin(Op.i64Eq, e.stateCell(entry, HART.pointerLookaside), tag),
    bin(Op.i64LtU, index, i64(POINTER.maxIndex)),
  );
  const target = e.stateCell(entry, HART.pointerLookaside + POINTER_TARGET);
  const foreign = select(bin(Op.i64Or, target, offset), i64(-1), hit);
  const local = bin(Op.i64Or, bin(Op.i64And, base, i64(~BigInt(OFFSET_MASK))), offset);
  const object: Expr = select(local, foreign, un(Op.i64Eqz, index));
  e.setRd(select(offset, object, bin(Op.i64LtU, offset, i64(ADDRESS.nullBytes))));
}

const { invalidate: scope, pointer } = XTWZ;

export const xtwzRows: readonly InstructionRow[] = [
  invalidate('xtwz.inval.view', scope.view),
  invalidate('xtwz.inval.obj', scope.object),
  invalidate('xtwz.inval.page', scope.page),
  invalidate('xtwz.inval.view.g', scope.view | scope.global),
  invalidate('xtwz.inval.obj.g', scope.object | scope.global),
  invalidate('xtwz.inval.page.g', scope.page | scope.global),
  row(
    'xtwz.pptr',
    'Xtwz',
    { opcode: XTWZ.major, funct3: XTWZ.funct3.pointer, funct7: pointer.translate },
    'rd,rs1,rs2',
    { meaning: translatePointer },
  ),
  row(
    'xtwz.pinval',
    'Xtwz',
    { opcode: XTWZ.major, funct3: XTWZ.funct3.pointer, funct7: pointer.invalidate, rd: 0 },
    'rs1,rs2',
  ),
  row('xtwz.pfill', 'Xtwz', { opcode: XTWZ.major, funct3: XTWZ.funct3.fill, fmt: 0, rd: 0 }, 'rs1,rs2,rs3'),
];
