/** Does a guest that makes new code for ever keep what the translator holds within its bounds? */
import { expect, it } from 'vitest';
import { MiB } from '../../addresses.ts';
import { BareMachine, DRAM_BASE } from '../bare-machine.ts';
import { encode } from '../isa/encode.ts';
import { idOf } from '../isa/table.ts';
import { Exit } from '../state.ts';
import { Translator } from './translator.ts';

const LIMITS = { modules: 12, bytes: 40_000 };
const GENERATIONS = 1500 * Number(process.env['LICORICE_CHURN'] ?? 1);
const PAGES = 64;

/** A loop that runs for ever, different for each number. */
function loop(number: number): Uint8Array {
  const words = Array.from({ length: 12 }, (_, i) =>
    encode(idOf(i % 2 ? 'addi' : 'xori'), 5 + i, 6 + i, 0, (number * (i + 3)) & 0x7ff),
  );
  words.push(encode(idOf('jal'), 0, 0, 0, -4 * words.length));
  const bytes = new Uint8Array(words.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [i, word] of words.entries()) view.setUint32(i * 4, word, true);
  return bytes;
}

it('bounds modules, bytes, table and resident memory under new code', () => {
  let translator: Translator | undefined;
  const machine = new BareMachine(MiB, {}, true, (memory) => {
    translator = new Translator(memory, { threshold: 4, batch: 2, limits: LIMITS });
    return translator;
  });
  const { code } = translator!;
  let settled = 0;
  let tableLength = 0;
  for (let generation = 0; generation < GENERATIONS; generation++) {
    const at = DRAM_BASE + (generation % PAGES) * 0x1000 + (generation % 3) * 0x200;
    machine.engine.dropPage(machine.memory.pageOf(at));
    machine.load(loop(generation), at);
    expect(machine.run(2000)).toBe(Exit.Budget);
    expect(code.liveModules).toBeLessThanOrEqual(LIMITS.modules);
    expect(code.liveModuleBytes).toBeLessThanOrEqual(LIMITS.bytes);
    if (generation === Math.floor(GENERATIONS / 2)) {
      settled = process.memoryUsage().rss;
      tableLength = code.table.length;
    }
  }
  expect(code.statistics.regions).toBeGreaterThan(GENERATIONS / 2);
  expect(code.statistics.evicted).toBeGreaterThan(0);
  expect(code.table.length).toBe(tableLength);
  // The second half needs no more than the first did, but for what the collector has not looked at yet.
  expect(process.memoryUsage().rss - settled).toBeLessThan(96 * MiB);
});
