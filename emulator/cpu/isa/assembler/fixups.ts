/** Places in sections whose content depends on addresses: relocations of the psABI, and how to apply them. */
import { writeImmediate } from '../immediates.ts';
import type { ImmediateKind } from '../row.ts';
import type { Place } from './source.ts';
import { assemblyError } from './source.ts';

/** Relocation types of the RISC-V psABI (chapter "Relocations") with their numbers. */
export const RELOCATION = {
  R_RISCV_32: 1,
  R_RISCV_64: 2,
  R_RISCV_BRANCH: 16,
  R_RISCV_JAL: 17,
  R_RISCV_CALL_PLT: 19,
  R_RISCV_PCREL_HI20: 23,
  R_RISCV_PCREL_LO12_I: 24,
  R_RISCV_PCREL_LO12_S: 25,
  R_RISCV_HI20: 26,
  R_RISCV_LO12_I: 27,
  R_RISCV_LO12_S: 28,
  R_RISCV_RVC_BRANCH: 44,
  R_RISCV_RVC_JUMP: 45,
  R_RISCV_32_PCREL: 57,
} as const;
export type RelocationName = keyof typeof RELOCATION;

export interface Fixup {
  readonly section: string;
  /** Byte offset in the section. */
  readonly offset: number;
  readonly type: RelocationName;
  readonly symbol: string;
  readonly addend: bigint;
  readonly place: Place;
}

/** Whether the value is a distance, so that it is known within one section. */
export function isRelative(type: RelocationName): boolean {
  return !/^R_RISCV_(32|64|HI20|LO12_.)$/.test(type);
}

const patch = (view: DataView, at: number, kind: ImmediateKind, value: number): void => {
  view.setUint32(at, (view.getUint32(at, true) | writeImmediate(kind, value)) >>> 0, true);
};

/** The value that `lui` or `auipc` has to carry so that a signed 12-bit rest is left. */
const upper = (value: bigint): number => Number(BigInt.asIntN(32, (value + 0x800n) & ~0xfffn));
const lower = (value: bigint): number => Number(BigInt.asIntN(12, value));

/**
 * Writes the value into the section's bytes (whose field is still zero).
 * @param target S + A; for PCREL_LO12: the distance that the matching PCREL_HI20 has
 * @param pc address of the place
 */
export function applyFixup(view: DataView, fixup: Fixup, target: bigint, pc: bigint): void {
  const at = fixup.offset;
  const distance = target - pc;
  const limit = (bits: number): number => {
    if (BigInt.asIntN(bits, distance) !== distance || distance & 1n) {
      throw assemblyError(fixup.place, `${fixup.symbol} is out of reach (${distance} bytes away)`);
    }
    return Number(distance);
  };
  switch (fixup.type) {
    case 'R_RISCV_32':
      view.setUint32(at, Number(BigInt.asUintN(32, target)), true);
      return;
    case 'R_RISCV_32_PCREL':
      view.setUint32(at, Number(BigInt.asUintN(32, distance)), true);
      return;
    case 'R_RISCV_64':
      view.setBigUint64(at, BigInt.asUintN(64, target), true);
      return;
    case 'R_RISCV_BRANCH':
      patch(view, at, 'b', limit(13));
      return;
    case 'R_RISCV_JAL':
      patch(view, at, 'j', limit(21));
      return;
    case 'R_RISCV_CALL_PLT':
      limit(32);
      patch(view, at, 'u', upper(distance));
      patch(view, at + 4, 'i', lower(distance));
      return;
    case 'R_RISCV_PCREL_HI20':
      patch(view, at, 'u', upper(distance));
      return;
    case 'R_RISCV_PCREL_LO12_I':
    case 'R_RISCV_LO12_I':
      patch(view, at, 'i', lower(target));
      return;
    case 'R_RISCV_PCREL_LO12_S':
    case 'R_RISCV_LO12_S':
      patch(view, at, 's', lower(target));
      return;
    case 'R_RISCV_HI20':
      patch(view, at, 'u', upper(target));
      return;
    case 'R_RISCV_RVC_BRANCH': {
      const d = limit(9);
      const bits =
        (((d >> 8) & 1) << 12) |
        (((d >> 3) & 3) << 10) |
        (((d >> 6) & 3) << 5) |
        ((d & 6) << 2) |
        (((d >> 5) & 1) << 2);
      view.setUint16(at, view.getUint16(at, true) | bits, true);
      return;
    }
    case 'R_RISCV_RVC_JUMP': {
      const d = limit(12);
      const bits =
        (((d >> 11) & 1) << 12) |
        (((d >> 4) & 1) << 11) |
        (((d >> 8) & 3) << 9) |
        (((d >> 10) & 1) << 8) |
        (((d >> 6) & 1) << 7) |
        (((d >> 7) & 1) << 6) |
        (((d >> 1) & 7) << 3) |
        (((d >> 5) & 1) << 2);
      view.setUint16(at, view.getUint16(at, true) | bits, true);
      return;
    }
  }
}
