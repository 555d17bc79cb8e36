/** Does the translator do exactly what the interpreter does, to the instruction? */
import { describe, expect, it } from 'vitest';
import { BareMachine, DRAM_BASE } from '../bare-machine.ts';
import { encode } from '../isa/encode.ts';
import { randomNumbers } from '../isa/random-operands.ts';
import { idOf } from '../isa/table.ts';
import { Exit, HART } from '../state.ts';
import { CODE_BASE, DATA_BASE, randomProgram } from './random-program.ts';
import { SwitchingTranslator } from './switching.ts';
import { Translator } from './translator.ts';

const MEMORY = 1 << 20;
const DATA = DRAM_BASE + 0x8000;
/** Random programs; more with LICORICE_LOCKSTEP=10 (ten times as many). */
const PROGRAMS = 25 * Number(process.env['LICORICE_LOCKSTEP'] ?? 1);

/** Milliseconds that they may take on a busy machine. */
const LIMIT = 8000 * PROGRAMS;

function prepare(machine: BareMachine, seed: number): void {
  const next = randomNumbers(seed ^ 0x5eed);
  machine.load(randomProgram(seed));
  machine.pc = BigInt(DRAM_BASE + 16);
  for (let i = 1; i < 32; i++) machine.setX(i, (BigInt(next()) << 32n) | BigInt(next()));
  machine.setX(1, BigInt(DRAM_BASE + 16));
  machine.setX(DATA_BASE, BigInt(DATA + 0x4000));
  machine.setX(CODE_BASE, BigInt(DRAM_BASE));
  const data = machine.memory.hostOf(DATA);
  for (let at = 0; at < 0x8000; at += 4) machine.view.setUint32(data + at, next(), true);
}

/** Registers, pc, budget and the data and code, as text. */
function state(machine: BareMachine): string {
  const registers = Array.from({ length: 32 }, (_, i) => machine.x(i).toString(16)).join(' ');
  const code = machine.memory.readBytes(DRAM_BASE, 0x1000);
  const data = machine.memory.readBytes(DATA, 0x8000);
  let hash = 0;
  for (const byte of code) hash = (Math.imul(hash, 31) + byte) | 0;
  for (const byte of data) hash = (Math.imul(hash, 31) + byte) | 0;
  return `pc ${machine.pc.toString(16)} budget ${machine.word(HART.budget)} memory ${hash} x ${registers}`;
}

describe('translator and interpreter', () => {
  const cases = [true, false].flatMap((window) => [1, 4].map((threshold) => ({ window, threshold })));
  for (const { window, threshold } of cases) {
    const path = window ? 'direct window' : 'TLB';
    it(
      `agree on random programs in slices of random length, ${path}, threshold ${threshold}`,
      () => {
        let regions = 0;
        for (let seed = 1; seed <= PROGRAMS; seed++) {
          const oracle = new BareMachine(MEMORY, {}, window);
          const translators: Translator[] = [];
          // Translated alone, and in turn with the interpreter.
          const subjects = [Translator, SwitchingTranslator].map(
            (Kind) =>
              new BareMachine(MEMORY, {}, window, (memory) => {
                const translator = new Kind(memory, { threshold, batch: 3 });
                translators.push(translator);
                return translator;
              }),
          );
          for (const machine of [oracle, ...subjects]) prepare(machine, seed);
          const next = randomNumbers(seed);
          for (let slice = 0; slice < 30; slice++) {
            const budget = slice % 3 === 0 ? next() % 20 : next() % 2000;
            const expected = oracle.run(budget);
            const wanted = state(oracle);
            for (const subject of subjects) {
              expect(subject.run(budget), `seed ${seed}, slice ${slice}`).toBe(expected);
              expect(state(subject), `seed ${seed}, slice ${slice}`).toBe(wanted);
            }
            if (expected !== Exit.Budget) break;
          }
          regions += translators[0]!.code.statistics.regions;
        }
        // The programs must have been translated for this to mean anything.
        expect(regions).toBeGreaterThan(PROGRAMS);
      },
      LIMIT,
    );
  }

  it('a misaligned atomic access after an aligned load around the same register leaves both', () => {
    const words = [
      encode(idOf('addi'), 5, 5, 0, 1),
      encode(idOf('lw'), 6, 10, 0, -4),
      encode(idOf('amoadd.d'), 7, 10, 5),
      encode(idOf('jal'), 0, 0, 0, -12),
    ];
    const run = (engine?: (memory: BareMachine['memory']) => Translator): string => {
      const machine = engine ? new BareMachine(MEMORY, {}, true, engine) : new BareMachine(MEMORY);
      machine.load(new Uint8Array(new Uint32Array(words).buffer));
      machine.setX(10, BigInt(DATA));
      for (let i = 0; i < 10; i++) expect(machine.run(10)).toBe(Exit.Budget);
      machine.setX(10, BigInt(DATA + 4));
      return `${machine.run(100)} ${state(machine)}`;
    };
    expect(run((memory) => new Translator(memory, { threshold: 2, batch: 1 }))).toBe(run());
  });
});
