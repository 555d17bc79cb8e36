/**
 * Rows whose meaning lies in JavaScript, because they touch privileged state, devices or persistence: Zicsr,
 * fences, traps (unprivileged manual chapters 2.7, 2.8, 5, 6; privileged manual chapter 3.3), cache-block
 * operations (chapter 19 "CMO"). Prefetches are hints and do nothing; a fence that nobody observes does nothing either, and
 * `cbo.zero` of DRAM that nobody observes is only a store.
 */
import { bin, i32, i64, un } from '../../../wasm/expression.ts';
import { Op } from '../../../wasm/opcodes.ts';
import { CboEnable, HART } from '../../state.ts';
import type { Meaning } from '../emitter.ts';
import { type InstructionRow, OPCODE, row } from '../row.ts';

const csr = (name: string, funct3: number, source: 'rs1' | 'zimm'): InstructionRow =>
  row(name, 'Zicsr', { opcode: OPCODE.system, funct3 }, `rd,csr,${source}`, { immediate: 'csr' });

/** An instruction that is one word. */
const fixed = (name: string, extension: 'I' | 'S', funct7: number, rs2: number): InstructionRow =>
  row(name, extension, { opcode: OPCODE.system, funct3: 0, funct7, rs2, rs1: 0, rd: 0 }, '');

const cacheBlock = (
  name: string,
  extension: 'Zicbom' | 'Zicboz',
  number: number,
  meaning?: Meaning,
): InstructionRow =>
  row(
    name,
    extension,
    { opcode: OPCODE.miscMem, funct3: 2, rd: 0, funct7: number >> 5, rs2: number & 31 },
    'addr',
    meaning && { meaning },
  );

const prefetch = (name: string, number: number): InstructionRow =>
  row(name, 'Zicbop', { opcode: OPCODE.opImm, funct3: 6, rd: 0, rs2: number }, 'mem', {
    immediate: 'sPage',
    meaning: () => {},
  });

export const systemRows: readonly InstructionRow[] = [
  row('fence', 'I', { opcode: OPCODE.miscMem, funct3: 0 }, 'fence', {
    immediate: 'fence',
    meaning: (e) => e.systemIf(un(Op.i64Eqz, e.stateCell(i32(0), HART.fenceQuiet))),
  }),
  // Stores to code are seen at once.
  row('fence.i', 'Zifencei', { opcode: OPCODE.miscMem, funct3: 1 }, '', { meaning: () => {} }),
  fixed('ecall', 'I', 0x00, 0),
  fixed('ebreak', 'I', 0x00, 1),
  csr('csrrw', 1, 'rs1'),
  csr('csrrs', 2, 'rs1'),
  csr('csrrc', 3, 'rs1'),
  csr('csrrwi', 5, 'zimm'),
  csr('csrrsi', 6, 'zimm'),
  csr('csrrci', 7, 'zimm'),
  fixed('sret', 'S', 0x08, 2),
  fixed('mret', 'S', 0x18, 2),
  fixed('wfi', 'S', 0x08, 5),
  row('sfence.vma', 'S', { opcode: OPCODE.system, funct3: 0, funct7: 0x09, rd: 0 }, 'rs1,rs2'),
  cacheBlock('cbo.inval', 'Zicbom', 0),
  cacheBlock('cbo.clean', 'Zicbom', 1),
  cacheBlock('cbo.flush', 'Zicbom', 2),
  cacheBlock('cbo.zero', 'Zicboz', 4, (e) => {
    e.systemIf(un(Op.i64Eqz, e.stateCell(i32(0), HART.zeroQuiet)));
    e.systemIf(un(Op.i64Eqz, bin(Op.i64And, e.stateCell(i32(0), HART.cboEnable), i64(CboEnable.zero))));
    e.zeroBlock();
  }),
  // More specific than ori, of which they are the encodings with rd = x0.
  prefetch('prefetch.i', 0),
  prefetch('prefetch.r', 1),
  prefetch('prefetch.w', 3),
];
