/**
 * Xtwz, translation through the object space (docs/xtwz.md §8, §10): rows of the table of instructions. Invalidations
 * and fills are done in JavaScript; `xtwz.pptr` and
 * `xtwz.pld` are done by the engines, from the lookaside in the hart's state.
 */

import { ADDRESS, CSR, POINTER, OPCODE as XTWZ } from '../../../mmu/xtwz/layout.ts';
import { bin, type Expr, i32, i64, select, un } from '../../../wasm/expression.ts';
import { Op } from '../../../wasm/opcodes.ts';
import { HART, POINTER_ENTRIES, POINTER_ENTRY_SIZE, POINTER_TAG, POINTER_TARGET } from '../../state.ts';
import { defineCsrName } from '../csr-names.ts';
import type { Access, Emitter } from '../emitter.ts';
import { type InstructionRow, row } from '../row.ts';

for (const [name, number] of Object.entries(CSR)) defineCsrName(number, name);

const invalidate = (name: string, funct7: number): InstructionRow =>
  row(name, 'Xtwz', { opcode: XTWZ.major, funct3: XTWZ.funct3.invalidate, funct7, rd: 0 }, 'rs1,rs2');

/** Set in the result of `xtwz.pld` on a miss. */
const POINTER_MISS = -(2n ** 63n);
const OFFSET_MASK = 2 ** ADDRESS.offsetBits - 1;

/** The address that `pointer`, held in the object around address `base`, means, or `miss`; all of them bound by `let`. */
function translation(e: Emitter, pointer: Expr, base: Expr, miss: Expr): Expr {
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
  const foreign = select(bin(Op.i64Or, target, offset), miss, hit);
  const local = bin(Op.i64Or, bin(Op.i64And, base, i64(~BigInt(OFFSET_MASK))), offset);
  const object: Expr = select(local, foreign, un(Op.i64Eqz, index));
  return select(offset, object, bin(Op.i64LtU, offset, i64(ADDRESS.nullBytes)));
}

function translatePointer(e: Emitter): void {
  const pointer = e.let(e.rs2());
  e.setRd(translation(e, pointer, e.let(e.rs1()), i64(-1)));
}

const POINTER_LOAD: Access = { kind: 'load', size: 8, signed: true, float: false, pointer: true };

/** A load of the cell at rs1 + imm and the translation of what it holds; on a miss the cell's address, made negative. */
function loadPointer(e: Emitter): void {
  const pointer = e.let(e.load(POINTER_LOAD));
  e.noteForeign(bin(Op.i64GeU, pointer, i64(2 ** ADDRESS.offsetBits)));
  const cell = e.let(bin(Op.i64Add, e.rs1(), e.imm()));
  e.setRd(translation(e, pointer, cell, bin(Op.i64Or, cell, i64(POINTER_MISS))));
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
  row('xtwz.pld', 'Xtwz', { opcode: XTWZ.major, funct3: XTWZ.funct3.loadPointer }, 'rd,mem', {
    immediate: 'i',
    access: POINTER_LOAD,
    meaning: loadPointer,
  }),
  row('xtwz.pfill', 'Xtwz', { opcode: XTWZ.major, funct3: XTWZ.funct3.fill, fmt: 0, rd: 0 }, 'rs1,rs2,rs3'),
];
