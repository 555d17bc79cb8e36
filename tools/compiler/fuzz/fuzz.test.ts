/**
 * Do random programs compute the same as GCC's build of the same programs? The sample is small by default; set
 * LICORICE_FUZZ_PROGRAMS for more, LICORICE_FUZZ_SEED for others. A difference is reduced and printed.
 */
import { expect, it } from 'vitest';
import { describeWith, GCC } from '../../../test/oracles.ts';
import { compareWithGcc, type Mismatch } from './compare.ts';
import { generateProgram } from './generate.ts';
import { printGuest } from './print-guest.ts';
import type { RandomProgram } from './program.ts';
import { reduce } from './reduce.ts';

const PROGRAMS = Number(process.env['LICORICE_FUZZ_PROGRAMS'] ?? 30);
const FIRST_SEED = Number(process.env['LICORICE_FUZZ_SEED'] ?? 1);
const BATCH = 30;

describeWith([GCC], 'random programs', () => {
  it('do they give the same results as with GCC, at -O0 and at -O2?', () => {
    const mismatches: Mismatch[] = [];
    for (let done = 0; done < PROGRAMS; done += BATCH) {
      const count = Math.min(BATCH, PROGRAMS - done);
      const programs = Array.from({ length: count }, (_, index) =>
        generateProgram(FIRST_SEED + done + index),
      );
      const found = compareWithGcc(programs);
      for (const { program, level, expected, got } of found) {
        process.stderr.write(`seed ${program.seed} ${level}: ${String(got)}, GCC ${expected}\n`);
      }
      mismatches.push(...found);
      if (PROGRAMS > 1000)
        process.stderr.write(`${done + count} of ${PROGRAMS}, ${mismatches.length} differ\n`);
    }
    const [first] = mismatches;
    expect(first === undefined ? 'no difference' : shown(first)).toBe('no difference');
  }, 7_200_000);

  it('does the reducer keep what it is told to keep, and little else?', () => {
    const program = generateProgram(3);
    const hasShift = (candidate: RandomProgram): boolean => printGuest([candidate]).includes('>>>');
    const text = (p: RandomProgram): string => printGuest([p]);
    expect(hasShift(program)).toBe(true);
    const small = reduce(program, hasShift);
    expect(hasShift(small)).toBe(true);
    expect(text(small).length).toBeLessThan(text(program).length / 2);
  });
});

/** The reduced program of a difference, to be looked at. */
function shown(mismatch: Mismatch): string {
  const { level } = mismatch;
  const small = reduce(mismatch.program, (candidate) => {
    try {
      return compareWithGcc([candidate], [level]).some(({ got }) => typeof got === typeof mismatch.got);
    } catch {
      // A candidate that GCC cannot compile is not one.
      return false;
    }
  });
  return `seed ${small.seed} at ${level}:\n${printGuest([small])}`;
}
