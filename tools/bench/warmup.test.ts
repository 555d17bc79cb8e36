/** Does the cold program run all of its code as often as it says, and do both engines end it alike? */
import { expect, it } from 'vitest';
import { Computer } from '../../emulator/boot/computer.ts';
import { Translator } from '../../emulator/cpu/translator/translator.ts';
import { coldProgram, formatWarmUp, measureWarmUp } from './warmup.ts';

it.each([1, 7])('a cold program, each instruction %i times', (passes) => {
  const bytes = coldProgram(3, passes, 60_000);
  const hashes = [
    undefined,
    (memory: ConstructorParameters<typeof Translator>[0]) => new Translator(memory),
  ].map((engine) => {
    const computer = new Computer({
      memory: 256 << 20,
      uartOutput: () => {},
      seed: 0,
      ...(engine && { engine }),
    });
    computer.boot({ kernel: { name: 'cold', bytes }, bare: true });
    expect(computer.machine.run({ instructions: 1_000_000 })).toMatchObject({ kind: 'exit', code: 0 });
    return `${computer.machine.instructions} ${computer.machine.hash()}`;
  });
  expect(hashes[1]).toBe(hashes[0]);
  const executed = Number(hashes[0]!.split(' ')[0]);
  expect(executed).toBeGreaterThan(40_000);
  expect(executed).toBeLessThan(90_000);
  // Most of the code is executed in each pass.
  expect(executed / passes).toBeGreaterThan(0.6 * (bytes.length / 4));
});

it('prints a line for each program and the mean', () => {
  const lines = formatWarmUp(measureWarmUp(1, 20_000).slice(0, 3)).split('\n');
  expect(lines).toHaveLength(5);
  expect(lines[1]).toMatch(/^cold, each instruction once +0\.0/);
}, 60_000);
