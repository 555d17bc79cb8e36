/**
 * What the timing model needs to know of each traced instruction, derived from the table of instructions: its class,
 * which registers it reads and writes, and its latency.
 */
import type { InstructionRow } from '../cpu/isa/row.ts';
import { HANDLERS, rs2Place } from '../cpu/records.ts';
import type { TimingProfile } from './profile.ts';

/** Classes that the model treats differently. */
export const Kind = {
  /** Latency only. */
  plain: 0,
  load: 1,
  store: 2,
  atomic: 3,
  branch: 4,
  jump: 5,
  indirect: 6,
  /** `slti`: with rd = x0 a hint that marks regions of interest. */
  mark: 7,
} as const;

/**
 * A handler's operation, packed:
 *
 *   bits 2:0   kind              bit 3   reads rs1 (integer)      bit 4   reads fs1
 *   bits 6:5   rs2: 0 none, 1 integer, 2 floating point           bit 7   rs2 lies in byte 2 of the record, else 4
 *   bit 8      reads fs3         bit 9   writes rd                bit 10  writes fd
 *   bit 11     instruction of 2 bytes      bit 12  a load that translates a persistent pointer
 */
export const OperationBit = {
  rs1: 1 << 3,
  fs1: 1 << 4,
  rs2Shift: 5,
  rs2Early: 1 << 7,
  fs3: 1 << 8,
  rd: 1 << 9,
  fd: 1 << 10,
  short: 1 << 11,
  pointer: 1 << 12,
} as const;

function kindOf(row: InstructionRow): number {
  if (row.access) {
    if (row.access.kind === 'load' || row.access.kind === 'lr') return Kind.load;
    return row.access.kind === 'store' ? Kind.store : Kind.atomic;
  }
  if (row.immediate === 'b') return Kind.branch;
  if (row.name === 'jal') return Kind.jump;
  if (row.name === 'jalr') return Kind.indirect;
  return row.name === 'slti' ? Kind.mark : Kind.plain;
}

/** Latency of an instruction that does not access memory, in cycles. */
function latencyOf(row: InstructionRow, latency: TimingProfile['core']['latency']): number {
  const { name } = row;
  if (/^(div|rem)/.test(name)) return latency.divide;
  if (/^mul/.test(name)) return latency.multiply;
  if (/^f(n?m(add|sub))/.test(name)) return latency.floatFused;
  if (/^fdiv/.test(name)) return latency.floatDivide;
  if (/^fsqrt/.test(name)) return latency.floatRoot;
  if (/^fmul/.test(name)) return latency.floatMultiply;
  if (/^fcvt/.test(name)) return latency.floatConvert;
  if (name === 'xtwz.pptr') return latency.pointer + latency.lookaside;
  if (/^fmv|^fsgnj|^fclass/.test(name)) return latency.floatMove;
  if (/^f(add|sub|min|max|eq|lt|le)/.test(name)) return latency.floatAdd;
  return latency.integer;
}

/** Packed operations and latencies by handler number. */
export interface Operations {
  readonly packed: Int32Array;
  readonly latency: Float64Array;
}

export function operationsOf(profile: TimingProfile): Operations {
  const packed = new Int32Array(256);
  const latency = new Float64Array(256).fill(1);
  for (const [number, handler] of HANDLERS.entries()) {
    if (handler === undefined) continue;
    const { row } = handler;
    const has = (operand: string): boolean => (row.operands as readonly string[]).includes(operand);
    const rs1 = has('rs1') || has('mem') || has('addr');
    packed[number] =
      kindOf(row) |
      (rs1 ? OperationBit.rs1 : 0) |
      (has('fs1') ? OperationBit.fs1 : 0) |
      ((has('rs2') ? 1 : has('fs2') ? 2 : 0) << OperationBit.rs2Shift) |
      (rs2Place(row) === 2 ? OperationBit.rs2Early : 0) |
      (has('fs3') ? OperationBit.fs3 : 0) |
      (has('rd') ? OperationBit.rd : 0) |
      (has('fd') ? OperationBit.fd : 0) |
      (handler.length === 2 ? OperationBit.short : 0) |
      (row.access?.pointer ? OperationBit.pointer : 0);
    latency[number] = latencyOf(row, profile.core.latency);
  }
  return { packed, latency };
}
