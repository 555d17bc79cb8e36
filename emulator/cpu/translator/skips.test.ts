/** Do branches around a few operations, which become choices, count and compute as in the interpreter at every instruction? */
import { expect, it } from 'vitest';
import { MiB } from '../../addresses.ts';
import { BareMachine, DRAM_BASE } from '../bare-machine.ts';
import { assembleFlat } from '../isa/assembler/assembler.ts';
import { HART } from '../state.ts';
import { Translator } from './translator.ts';

/** Skips when the branch is taken, when it is not, on a constant, over a move of its own operands. */
const PROGRAM = `
  li   a0, 0x1234
  li   a1, 0xedb88320
loop:
  andi a2, a0, 1
  srli a0, a0, 1
  beqz a2, even
  xor  a0, a0, a1
  addiw a3, a3, 1
even:
  andi a4, a0, 6
  bnez a4, other
back:
  blt  a0, a2, less
  mv   a2, a0
  addi a0, a0, 3
less:
  bgeu zero, zero, always
  addi a5, a5, 1
always:
  addi a6, a6, 1
  j    loop
other:
  sub  a7, a7, a4
  j    back
`;

const ASSEMBLED = assembleFlat(PROGRAM, BigInt(DRAM_BASE), { compress: false });

function machine(engine?: (memory: BareMachine['memory']) => Translator): BareMachine {
  const made = engine ? new BareMachine(MiB, {}, true, engine) : new BareMachine(MiB);
  made.load(ASSEMBLED.bytes);
  return made;
}

it('agrees after each of many numbers of instructions', () => {
  const oracle = machine();
  let translator: Translator | undefined;
  const subject = machine((memory) => {
    translator = new Translator(memory, { threshold: 2, batch: 1 });
    return translator;
  });
  const state = (m: BareMachine): string =>
    `${m.pc.toString(16)} ${m.word(HART.budget)} ${Array.from({ length: 32 }, (_, i) => m.x(i)).join(' ')}`;
  for (let i = 0; i < 600; i++) {
    const budget = 1 + ((i * 7) % 61);
    oracle.run(budget);
    subject.run(budget);
    expect(state(subject), `step ${i}`).toBe(state(oracle));
  }
  const code = translator!.dump(subject.hart, ASSEMBLED.symbols.get('loop')!)!;
  expect(code.filter((line) => line.endsWith('select')).length).toBeGreaterThanOrEqual(6);
  expect(code.join('\n')).toMatch(/xor a0,a0,a1/);
});
