/**
 * Is there an answer to any source at all? Sources of the language's own tests and of the guest lose, double, swap or change a few tokens; the
 * compiler must then reject them in order or compile them. LICORICE_MUTANTS for more, LICORICE_MUTANTS_SEED for others.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Random } from '../../../emulator/random.ts';
import { packageRoot } from '../../guest/layouts.ts';
import { diskHost } from '../frontend/session.ts';
import { LANGUAGE_CASES } from '../testing/language-cases.ts';
import { mutate, tryToCompile } from './mutate.ts';

const MUTANTS = Number(process.env['LICORICE_MUTANTS'] ?? 600);
const FIRST_SEED = Number(process.env['LICORICE_MUTANTS_SEED'] ?? 1);
/** Of so many mutants one is a file of the guest: those take much longer. */
const GUEST_SHARE = 60;
const FOLDERS = ['abi', 'kernel', 'libtwz', 'programs', 'torture'];

describe('sources with changed tokens', () => {
  it('is each of them rejected in order, or compiled?', () => {
    const guest = join(packageRoot(), 'guest');
    const files = FOLDERS.flatMap((folder) =>
      readdirSync(join(guest, folder))
        .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
        .sort()
        .map((name) => join(guest, folder, name)),
    );
    const cache = new Map();
    const failures: string[] = [];
    let accepted = 0;
    for (let seed = FIRST_SEED; seed < FIRST_SEED + MUTANTS; seed++) {
      const random = new Random(seed);
      const isGuest = seed % GUEST_SHARE === 0;
      const path = isGuest ? files[random.below(files.length)]! : '/r/unit.ts';
      const source = isGuest
        ? readFileSync(path, 'utf8')
        : LANGUAGE_CASES[random.below(LANGUAGE_CASES.length)]!.source;
      const mutant = mutate(source, random);
      try {
        if (tryToCompile(path, mutant, diskHost, cache).accepted) accepted++;
      } catch (error) {
        failures.push(`seed ${seed}, ${path}: ${(error as Error).stack?.split('\n').slice(0, 3).join(' ')}`);
      }
    }
    expect(failures).toEqual([]);
    // Mutants that nobody accepts would not try the back end.
    expect(accepted).toBeGreaterThan(MUTANTS / 100);
    expect(accepted).toBeLessThan(MUTANTS / 2);
  }, 3_600_000);

  it('does the same seed give the same mutant?', () => {
    const { source } = LANGUAGE_CASES[0]!;
    expect(mutate(source, new Random(5))).toBe(mutate(source, new Random(5)));
    expect(mutate(source, new Random(5))).not.toBe(source);
  });
});
