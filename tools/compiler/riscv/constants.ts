/**
 * Building integer constants in a register. A constant is split from its low end: twelve bits for an ADDI, then the rest
 * shifted down past its trailing zeros, until LUI or ADDI makes what is left.
 */
import { M } from './mir.ts';

export interface ConstantStep {
  readonly op: M.ADDI | M.ADDIW | M.LUI | M.SLLI | M.BSETI | M.SRLI | M.XORI;
  /** As the instruction takes it; for LUI a multiple of 4096. */
  readonly imm: number;
}

const cache = new Map<bigint, readonly ConstantStep[]>();

/** The steps that build `value` (64 bits, signed). The first one starts from x0. */
export function constantSteps(value: bigint): readonly ConstantStep[] {
  let steps = cache.get(value);
  if (steps === undefined) {
    steps = find(value);
    cache.set(value, steps);
  }
  return steps;
}

/** How many instructions `value` takes. */
export const constantCost = (value: bigint): number => constantSteps(value).length;

function find(value: bigint): ConstantStep[] {
  if (value >= -2048n && value <= 2047n) return [{ op: M.ADDI, imm: Number(value) }];
  if (value >= -0x8000_0000n && value <= 0x7fff_ffffn) {
    const low = BigInt.asIntN(12, value);
    const high = Number(BigInt.asIntN(32, value - low));
    const steps: ConstantStep[] = [{ op: M.LUI, imm: high }];
    if (low !== 0n) steps.push({ op: M.ADDIW, imm: Number(low) });
    return steps;
  }
  const unsigned = BigInt.asUintN(64, value);
  if ((unsigned & (unsigned - 1n)) === 0n) {
    return [{ op: M.BSETI, imm: unsigned.toString(2).length - 1 }];
  }
  const best = general(value);
  // Ones in the low part (2^n - 1, addresses of 32 bits): build the value at the top and shift it down.
  let leading = 0;
  while (leading < 63 && ((unsigned >> BigInt(63 - leading)) & 1n) === 0n) leading++;
  if (leading > 0) {
    const shifted = BigInt.asIntN(64, (unsigned << BigInt(leading)) | ((1n << BigInt(leading)) - 1n));
    const alternatives = [shifted, BigInt.asIntN(64, unsigned << BigInt(leading))];
    for (const alternative of alternatives) {
      const steps =
        alternative >= -0x8000_0000n && alternative < 0n ? find(alternative) : general(alternative);
      if (steps.length + 1 < best.length) return [...steps, { op: M.SRLI, imm: leading }];
    }
  }
  return best;
}

function general(value: bigint): ConstantStep[] {
  const low = BigInt.asIntN(12, value);
  let rest = BigInt.asIntN(64, value - low);
  let shift = 0;
  while (rest !== 0n && (rest & 1n) === 0n) {
    rest >>= 1n;
    shift++;
  }
  // Leave twelve zeros to LUI where that makes the rest one instruction.
  const wide = rest << 12n;
  if (shift > 12 && (rest < -2048n || rest > 2047n) && wide >= -0x8000_0000n && wide <= 0x7fff_ffffn) {
    rest = wide;
    shift -= 12;
  }
  const steps: ConstantStep[] = rest === 0n ? [] : [...constantSteps(rest)];
  if (shift > 0) steps.push({ op: M.SLLI, imm: shift });
  if (low !== 0n || steps.length === 0) steps.push({ op: M.ADDI, imm: Number(low) });
  return steps;
}
