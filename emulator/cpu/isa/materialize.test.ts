/** Do the steps of `li` build every constant, in few instructions? */
import { expect, it } from 'vitest';
import { materialize } from './materialize.ts';
import { randomNumbers } from './random-operands.ts';

/** What the steps leave in the register. */
function evaluate(value: bigint): { result: bigint; steps: number } {
  let register = 0n;
  const steps = materialize(value);
  for (const { name, imm } of steps) {
    if (name === 'lui') register = BigInt(imm);
    else if (name === 'slli') register = BigInt.asIntN(64, register << BigInt(imm));
    else if (name === 'addi') register = BigInt.asIntN(64, register + BigInt(imm));
    else register = BigInt.asIntN(32, register + BigInt(imm));
  }
  return { result: register, steps: steps.length };
}

it('builds edges and random constants of every width in at most eight steps', () => {
  const next = randomNumbers(1);
  const values = [
    0n,
    -1n,
    2047n,
    2048n,
    -2048n,
    0x7fff_f800n,
    0x7fff_ffffn,
    -0x8000_0000n,
    0x8000_0000n,
    1n << 63n,
  ];
  for (let i = 0; i < 20_000; i++) {
    const wide = BigInt.asIntN(64, (BigInt(next()) << 32n) | BigInt(next()));
    values.push(wide >> BigInt(next() % 64), 1n << BigInt(next() % 64), (wide >> 40n) << BigInt(next() % 64));
  }
  for (const value of values) {
    const { result, steps } = evaluate(value);
    if (result !== BigInt.asIntN(64, value) || steps > 8)
      expect.fail(`${value}: ${result} in ${steps} steps`);
  }
});

it('takes one step for small numbers, and two for 32 bits', () => {
  expect(evaluate(-5n).steps).toBe(1);
  expect(evaluate(0x1234_5678n).steps).toBe(2);
  expect(evaluate(0x1234_5000n).steps).toBe(1);
  expect(evaluate(1n << 40n).steps).toBe(2);
});
