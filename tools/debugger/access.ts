/** The memory access that an instruction is about to make: its address and kind, from the registers. */
import { decode } from '../../emulator/cpu/isa/decode.ts';
import { Instruction } from '../../emulator/cpu/isa/instruction.ts';
import { ROWS } from '../../emulator/cpu/isa/table.ts';
import { toNumber, virtualPlace } from './address-space.ts';
import type { Frame } from './backtrace.ts';
import type { AccessWord } from './translation.ts';

export interface PendingAccess {
  readonly va: bigint;
  readonly access: AccessWord;
  /** Bytes. */
  readonly size: number;
}

/** The access of the instruction at a frame's pc; undefined when it makes none. */
export function pendingAccess({ space, pc, registers }: Frame): PendingAccess | undefined {
  const bytes = space.read(virtualPlace(pc), 4);
  if (bytes.length < 2) return undefined;
  const length = (bytes[0]! & 3) === 3 ? 4 : 2;
  const instruction = decode(Number(toNumber(bytes.subarray(0, length))), new Instruction());
  const row = ROWS[instruction.id];
  const base = registers[instruction.rs1];
  if (row?.access === undefined || base === undefined) return undefined;
  const { kind, size } = row.access;
  const plain = kind === 'load' || kind === 'store';
  const va = BigInt.asUintN(64, base + (plain ? BigInt(instruction.imm) : 0n));
  return { va, access: kind === 'load' || kind === 'lr' ? 'load' : 'store', size };
}
