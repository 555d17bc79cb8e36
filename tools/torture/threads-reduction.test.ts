/**
 * Do the schedules of threads that are explored show all that every schedule with as many preemptions shows? Small random guest programs: two threads
 * store, load, clean and fence in two shared blocks of persistent memory; all that recovery can find after a power failure, and with what
 * acknowledged, must be the same with the reduction and without.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Random } from '../../emulator/random.ts';
import type { CrashPoint } from './crash.ts';
import { explore } from './explore.ts';
import { describeOutcome } from './outcome.ts';
import type { Program } from './program.ts';
import { RecoveryMachine } from './recovery.ts';
import { GuestFolder } from './test-guest.ts';
import { threadSchedules } from './threads.ts';
import { visitPoints } from './visit.ts';

const SCALE = Number(process.env['LICORICE_SCALE'] ?? 1);
/** Programs, and how often they are preempted at most. */
const TRIALS = [
  { preemptions: 1, programs: 2 * SCALE },
  { preemptions: 2, programs: SCALE - 1 },
];

const text = (bodies: readonly string[]): string => `
import 'LIB/torture-only.ts';
import { allocateIn } from 'LIB/alloc.ts';
import { makeSubject, mix, runThreads, setSubjectRoot, subjectRoot } from 'LIB/torture.ts';
import { Tx } from 'LIB/tx.ts';

@persistent
class Blocks {
  readonly words: FixedArray<u64, 16>;
}

let base: usize = 0;
const volatile = zeroed<FixedArray<u64, 2>>();

function setup(): void {
  const heap = makeSubject();
  using tx = Tx.begin();
  base = (allocateIn(tx, heap, sizeof<Blocks>() + 64) + 63) & ~u64(63);
  setSubjectRoot(tx, heap, base);
}

function operation(index: u64): void {
  if (index === 1) first();
  else second();
}

function first(): void {
${bodies[0]}
}

function second(): void {
${bodies[1]}
}

function check(): u64 {
  const place = subjectRoot();
  let value: u64 = 0;
  for (let word: u64 = 0; word < 16; word++) value = mix(value, load<u64>(place + 8 * word));
  return value;
}

/** @export */
function torture(): u64 {
  return runThreads(2, 1, setup, operation, check);
}
`;

function randomBody(random: Random): string {
  const place = (): string => `base + ${[0, 8, 64, 72][random.below(4)]}`;
  const shared = (): string => `ptrTo(volatile[${random.below(2)}]).address`;
  return Array.from({ length: 3 + random.below(3) }, () => {
    const kind = random.below(10);
    if (kind < 4) return `  volatileStore<u64>(${place()}, ${1 + random.below(3)});`;
    if (kind < 6) return `  cbo.clean(${place()});`;
    if (kind < 8) return `  fence('rw', 'rw');`;
    if (kind < 9) return `  volatileStore<u64>(${shared()}, volatileLoad<u64>(${place()}) + 1);`;
    return `  volatileStore<u64>(${place()}, volatileLoad<u64>(${shared()}) + 4);`;
  }).join('\n');
}

interface Ends {
  readonly ends: readonly string[];
  readonly schedules: number;
}

function endsOf(program: Program, preemptions: number, reduce: boolean): Ends {
  const { runs } = threadSchedules(program, { preemptions, reduce });
  const machine = new RecoveryMachine(program);
  const ends = new Set<string>();
  visitPoints(program, { schedules: runs }, (point: CrashPoint) => {
    machine.prepare(point, { allowed: undefined });
    const { classes, exhaustive } = explore(machine, point, { maxRuns: 5000, samples: 0, seed: 0 });
    expect(exhaustive).toBe(true);
    for (const { outcome, observed } of classes)
      ends.add(`${point.progress.acknowledgedSet} ${observed} ${describeOutcome(outcome)}`);
  });
  return { ends: [...ends].sort(), schedules: runs.length };
}

describe('the reduction', { timeout: 600_000 * SCALE }, () => {
  let folder: GuestFolder;
  beforeAll(() => {
    folder = new GuestFolder();
  });
  afterAll(() => folder.remove());

  test.each(TRIALS.filter(({ programs }) => programs > 0))(
    'loses nothing that recovery can find: $programs programs, $preemptions preemptions',
    async (trial) => {
      let all = 0;
      let reduced = 0;
      let ends = 0;
      for (let seed = 0; seed < trial.programs; seed++) {
        const random = new Random(4000 + seed);
        const program = await folder.program(`random${seed}`, text([randomBody(random), randomBody(random)]));
        const brute = endsOf(program, trial.preemptions, false);
        const less = endsOf(program, trial.preemptions, true);
        expect(less.ends, `program ${seed}`).toEqual(brute.ends);
        all += brute.schedules;
        reduced += less.schedules;
        ends += brute.ends.length;
      }
      expect(reduced).toBeLessThan(0.8 * all);
      console.info(`${ends} ends, ${all} schedules, ${reduced} with the reduction`);
    },
  );
});
