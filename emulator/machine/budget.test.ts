/** Does a run end at exactly the instruction asked for, even when every instruction traps for ever and no other hart lets it be called stuck? */
import { expect, test } from 'vitest';
import { MiB } from '../addresses.ts';
import { Computer } from '../boot/computer.ts';
import { Translator } from '../cpu/translator/translator.ts';

test.each(['interpreter', 'translator'])('two harts, a trap vector at nothing, the %s', (engine) => {
  const computer = new Computer({
    memory: 8 * MiB,
    harts: 2,
    seed: 0,
    uartOutput: () => {},
    ...(engine === 'translator' && { engine: (memory) => new Translator(memory) }),
  });
  // Zeros: illegal instructions, in S-mode; stvec is 0, where no memory is.
  computer.boot({ kernel: { name: 'zeros', bytes: new Uint8Array(64) } });
  const { machine } = computer;
  for (const count of [1, 2, 997, 20_000]) {
    const before = machine.instructions;
    expect(machine.run({ instructions: count })).toEqual({ kind: 'budget' });
    expect(machine.instructions - before).toBe(count);
  }
});
