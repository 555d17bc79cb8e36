/**
 * Do the interpreter, the translator and a mix of both give the same state hash on a whole machine: U-Boot's boot, and
 * a machine of several harts?
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWith, findOracle, GCC, OPENSBI, UBOOT } from '../../../test/oracles.ts';
import { buildPrograms } from '../../../tools/bench/programs.ts';
import { Computer } from '../../boot/computer.ts';
import type { EngineFactory } from '../../machine/engine.ts';
import { SwitchingTranslator } from './switching.ts';
import { Translator } from './translator.ts';

/** Milliseconds that a test may take on a busy machine. */
const LIMIT = 300_000;
const eager = { threshold: 20, batch: 4 };

const engines: Record<string, EngineFactory | undefined> = {
  interpreter: undefined,
  translator: (memory) => new Translator(memory, eager),
  'both in turn': (memory) => new SwitchingTranslator(memory, eager),
};

/** State hash and output after so many instructions, by engine. */
function hashes(
  boot: (computer: Computer) => void,
  instructions: number,
  options: { harts?: number } = {},
): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, engine] of Object.entries(engines)) {
    let output = '';
    const computer = new Computer({
      uartOutput: (byte) => {
        output += String.fromCharCode(byte);
      },
      seed: 0,
      ...options,
      ...(engine && { engine }),
    });
    boot(computer);
    computer.machine.run({ instructions });
    result[name] = `${computer.machine.hash()} after ${output.length} bytes`;
    if (engine && computer.machine.engine instanceof Translator)
      expect(computer.machine.engine.code.statistics.regions, `${name}: regions`).toBeGreaterThan(5);
  }
  return result;
}

const image = (path: string): { name: string; bytes: Uint8Array } => ({
  name: path,
  bytes: readFileSync(path),
});

describeWith([OPENSBI, UBOOT], 'lockstep on firmware', () => {
  it.each([1, 2])(
    'OpenSBI and U-Boot, %i harts',
    (harts) => {
      const files = { firmware: image(findOracle(OPENSBI)!), kernel: image(findOracle(UBOOT)!) };
      const found = hashes((computer) => computer.boot(files), 12_000_000, { harts });
      expect(found['translator']).toBe(found['interpreter']);
      expect(found['both in turn']).toBe(found['interpreter']);
    },
    LIMIT,
  );
});

describeWith([GCC], 'lockstep on C programs', () => {
  it(
    'user mode under Sv39 and in the object window, machine mode, traps and address spaces',
    () => {
      const folder = mkdtempSync(join(tmpdir(), 'licorice-lockstep-'));
      try {
        for (const { elf } of buildPrograms(['calls', 'float', 'spaces', 'traps'], folder, 1)) {
          for (const file of [elf.machine, elf.user, elf.object]) {
            const found = hashes(
              (computer) => computer.boot({ kernel: image(file), bare: true }),
              40_000_000,
            );
            expect(found['translator'], file).toBe(found['interpreter']);
            expect(found['both in turn'], file).toBe(found['interpreter']);
          }
        }
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
    LIMIT,
  );
});
