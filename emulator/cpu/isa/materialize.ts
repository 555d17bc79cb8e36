/** How to build a constant in a register: the shortest sequence that lui, addi, addiw and slli give without a search. */

/** rd = rd (or x0 in the first step) op imm. */
export interface ConstantStep {
  readonly name: 'addi' | 'addiw' | 'lui' | 'slli';
  readonly imm: number;
}

/** The steps of `li rd, value`; the value is taken modulo 2^64. The first step reads x0, later ones rd. */
export function materialize(value: bigint): ConstantStep[] {
  const signed = BigInt.asIntN(64, value);
  if (signed >= -0x8000_0000n && signed < 0x8000_0000n) {
    const number = Number(signed);
    const low = (number << 20) >> 20;
    const high = (number - low) | 0;
    if (high === 0) return [{ name: 'addi', imm: low }];
    const steps: ConstantStep[] = [{ name: 'lui', imm: high }];
    if (low !== 0) steps.push({ name: 'addiw', imm: low });
    return steps;
  }
  const low = BigInt.asIntN(12, signed);
  let rest = BigInt.asIntN(64, signed - low) >> 12n;
  let shift = 12;
  while ((rest & 1n) === 0n) {
    rest >>= 1n;
    shift++;
  }
  // Bits shifted out at the top are not part of the value.
  rest = BigInt.asIntN(64 - shift, rest);
  const steps: ConstantStep[] = [...materialize(rest), { name: 'slli', imm: shift }];
  if (low !== 0n) steps.push({ name: 'addi', imm: Number(low) });
  return steps;
}
