/** Does the floating point that the engine does by host arithmetic give the results and flags of the software? */
import { describe, expect, it } from 'vitest';
import { BareMachine } from './bare-machine.ts';
import { randomFloat, randomInteger } from './float-cases.ts';
import { executeFloatSlow } from './float-slow.ts';
import { operandFields } from './isa/decode.ts';
import { encode } from './isa/encode.ts';
import { randomNumbers } from './isa/random-operands.ts';
import { idOf, ROWS } from './isa/table.ts';
import { BINARY32, BINARY64 } from './softfloat.ts';
import { Exit, HART } from './state.ts';

const CASES = Number(process.env['LICORICE_TEST_SCALE'] ?? 1) * 3000;
const BOX = 0xffff_ffff_0000_0000n;
const ECALL = encode(idOf('ecall'));

const machine = new BareMachine(1 << 20);

/** Runs one instruction from the given registers. */
function execute(word: number): Exit {
  machine.pc = 0x8000_0000n;
  machine.view.setUint32(machine.memory.hostOf(0x8000_0000), word, true);
  machine.view.setUint32(machine.memory.hostOf(0x8000_0004), ECALL, true);
  return machine.run(2);
}

const rows = [...ROWS.entries()].filter(
  ([, row]) =>
    (row.extension === 'F' || row.extension === 'D') &&
    !row.access &&
    !row.name.startsWith('fmv') &&
    !row.name.startsWith('fsgnj'),
);

describe('floating point by host arithmetic', () => {
  for (const [id, row] of rows) {
    it(`${row.name} agrees with the software wherever it stays`, () => {
      const next = randomNumbers(id * 7919);
      const fromSingle = row.name.endsWith('.s');
      const format = fromSingle ? BINARY32 : BINARY64;
      const modes = operandFields(row) & 16 ? [7, 0, 1, 7, 7, 2, 3, 4] : [0];
      let stayed = 0;
      let lastWord = -1;
      for (let n = 0; n < CASES; n++) {
        const rm = modes[Math.floor((n * modes.length) / CASES)]!;
        const word = encode(id, 5, 1, operandFields(row) & 4 ? 2 : 0, 0, operandFields(row) & 8 ? 3 : 0, rm);
        if (word !== lastWord) machine.engine.dropPage(0);
        lastWord = word;
        for (const register of [1, 2, 3]) {
          let bits = randomFloat(format, next);
          if (fromSingle && next() % 64 !== 0) bits |= BOX;
          machine.setF(register, bits);
        }
        machine.setX(1, randomInteger(next));
        const flags = next() & 1 ? next() & 31 : 0;
        const frm = next() % 16 === 0 ? next() % 5 : 0;
        const reset = (): void => {
          machine.setX(5, 0n);
          machine.setF(5, 0n);
          machine.setWord(HART.fflags, flags);
          machine.setWord(HART.frm, frm);
          machine.setWord(HART.fs, 1);
        };
        reset();
        const inputs = [1, 2, 3].map((register) => machine.f(register).toString(16));
        const exit = execute(word);
        if (exit === Exit.FloatSlow) {
          expect(machine.word(HART.fflags)).toBe(flags);
          continue;
        }
        stayed++;
        const fast = [machine.f(5), machine.x(5), machine.word(HART.fflags)];
        reset();
        expect(executeFloatSlow(machine.view, machine.hart, word)).toBe(true);
        const slow = [machine.f(5), machine.x(5), machine.word(HART.fflags)];
        if (fast.some((value, i) => value !== slow[i])) {
          expect.fail(`${row.name} rm=${rm}/${frm} flags=${flags} ${inputs}: fast ${fast}, software ${slow}`);
        }
      }
      expect(stayed).toBeGreaterThan(CASES / 20);
    });
  }

  it('injects signs into bits, NaNs too, and takes a single that is not boxed for the canonical NaN', () => {
    const cases: [string, bigint, bigint, bigint][] = [
      ['fsgnj.d', 0x7ff0_0000_0000_0001n, 1n << 63n, 0xfff0_0000_0000_0001n],
      ['fsgnjn.d', 5n, 0n, (1n << 63n) | 5n],
      ['fsgnjx.d', (1n << 63n) | 5n, 1n << 63n, 5n],
      ['fsgnj.s', BOX | 0x3f80_0000n, BOX | 0x8000_0000n, BOX | 0xbf80_0000n],
      ['fsgnjn.s', BOX | 0x7f80_0001n, BOX, BOX | 0xff80_0001n],
      ['fsgnjx.s', 0x3f80_0000n, BOX | 0x8000_0000n, BOX | 0xffc0_0000n],
      ['fsgnj.s', BOX | 0xbf80_0000n, 0x8000_0000n, BOX | 0x3f80_0000n],
    ];
    for (const [name, a, b, expected] of cases) {
      machine.engine.dropPage(0);
      machine.setWord(HART.fs, 1);
      machine.setF(1, a);
      machine.setF(2, b);
      expect(execute(encode(idOf(name), 5, 1, 2)), name).toBe(Exit.System);
      expect(machine.f(5).toString(16), name).toBe(expected.toString(16));
      expect(machine.word(HART.fs)).toBe(3);
    }
  });

  it('leaves an invalid dynamic rounding mode to the software, which refuses it', () => {
    const word = encode(idOf('fadd.d'), 5, 1, 2);
    machine.engine.dropPage(0);
    machine.setWord(HART.frm, 5);
    expect(execute(word)).toBe(Exit.FloatSlow);
    expect(executeFloatSlow(machine.view, machine.hart, word)).toBe(false);
    machine.setWord(HART.frm, 0);
  });

  it('is illegal while floating point is off', () => {
    machine.engine.dropPage(0);
    machine.setWord(HART.fs, 0);
    expect(execute(encode(idOf('fsgnj.d'), 5, 1, 2))).toBe(Exit.Illegal);
    machine.setWord(HART.fs, 1);
  });
});
