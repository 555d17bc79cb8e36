/**
 * Do random programs end with the same registers, CSRs and memory here, in both engines, as on QEMU? By default a
 * sample; `LICORICE_DIFFERENTIAL=10000` runs so many, `LICORICE_SEED` begins elsewhere. A program that differs is
 * reported with its seed and the first thing in which it does; `docs/qemu-differences.md` lists what is kept out.
 */
import { expect, test } from 'vitest';
import { Computer } from '../../emulator/boot/computer.ts';
import { Translator } from '../../emulator/cpu/translator/translator.ts';
import { describeWith, GCC, QEMU } from '../oracles.ts';
import { buildBatch, differences, readResults, runOnQemu } from './batch.ts';
import { explain } from './explain.ts';
import { generate } from './generate.ts';
import { CODE, CODE_PAGES, HEADER, PROGRAM_BASE } from './layout.ts';
import { runOnLicorice } from './run-licorice.ts';

const COUNT = Number(process.env['LICORICE_DIFFERENTIAL'] ?? 400);
const SEED = Number(process.env['LICORICE_SEED'] ?? 1);
const BATCH = 200;
/** Differing programs that are explained in full. */
const EXPLAINED = 3;
const batches = Array.from({ length: Math.ceil(COUNT / BATCH) }, (_, batch) => SEED + batch * BATCH);

describeWith([QEMU, GCC], 'random programs against QEMU', () => {
  test.each(batches)(
    'seeds from %i: interpreter and translator',
    (from) => {
      const count = Math.min(BATCH, SEED + COUNT - from);
      const programs = Array.from({ length: count }, (_, index) => generate(from + index, index));
      const elf = buildBatch(programs);
      const qemu = readResults(runOnQemu(elf), count);
      const engines = {
        interpreter: runOnLicorice(elf),
        // Everything that runs a few times is translated.
        translator: runOnLicorice(elf, (memory) => new Translator(memory, { threshold: 3, batch: 4 })),
      };
      for (const [engine, { sent }] of Object.entries(engines)) {
        const ours = readResults(sent, count);
        const wrong = programs.filter((_, index) => differences(qemu[index]!, ours[index]!).length > 0);
        const said = wrong.map((program) => `${engine}: seed ${program.seed} (${program.description})`);
        const explained = wrong.slice(0, EXPLAINED).flatMap((program) => explain(program.seed));
        expect([...said, ...explained]).toEqual([]);
      }
    },
    600_000,
  );

  test('every program executes a thousand instructions and more of its own', () => {
    const counts = Array.from({ length: 12 }, (_, index) => ownInstructions(SEED + index));
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(1000);
  });
});

/** Instructions that the program of `seed` executes in its own code, handlers and harness not counted. */
function ownInstructions(seed: number): number {
  const program = generate(seed, 0);
  const computer = new Computer({ uartOutput: () => {}, seed: 0, xtwz: false });
  computer.boot({ kernel: { name: 'program', bytes: buildBatch([program]) } });
  const header = new DataView(program.memory.buffer);
  const start = BigInt(PROGRAM_BASE + CODE) + header.getBigUint64(HEADER.codeOffset, true);
  const end = start + BigInt(CODE_PAGES * 0x1000);
  const last = header.getBigUint64(HEADER.end, true);
  const { hart } = computer.machine.cores[0]!;
  for (let own = 0; ; ) {
    if (hart.pc >= start && hart.pc < end) own++;
    if (hart.pc === last) return own;
    if (computer.machine.run({ instructions: 1 }).kind !== 'budget') throw new Error('the program stopped');
  }
}
