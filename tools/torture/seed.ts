/**
 * Seeds: one line that replays a case, on any host.
 *
 *   T1[h].CRASHPOINT.PROGRAM.MEMORY-NVDIMM-BUDGET[oOPERATIONS][-HARTS-SCHEDULE].BLOCK=STORES,BLOCK=STORES…[/CRASHPOINT.BLOCK=STORES,…]…
 *
 * `T1h`: under the fences of the hardware (fences.ts). PROGRAM is the beginning of the SHA-256 of program and media; for each block with lost stores, STORES of its pending
 * ones reached the media; `3zff` says that of the fourth one, a `cbo.zero`, bytes 0–7 did as well. A part behind a slash is a failure within recovery.
 */
import { UserError } from '../../emulator/errors.ts';
import { blockNumber } from '../../emulator/nvdimm/dpa.ts';
import type { FenceModel } from './fences.ts';
import type { Case } from './finding.ts';
import { budgetOf, fencesOf, fingerprint, memoryOf, nvdimmOf, type Program } from './program.ts';
import { type Prefixes, parseReached, prefixText } from './reached.ts';
import { parseSchedule, type Schedule } from './schedule.ts';

/** What a seed names. */
export interface Seed {
  readonly crashPoint: number;
  readonly fingerprint: string;
  readonly memory: number;
  readonly nvdimm: number;
  readonly budget: number;
  readonly fences: FenceModel;
  /** How many a guest workload was asked for. */
  readonly operations: number | undefined;
  readonly harts: number;
  /** On several harts; the crash point is one of the run under it. */
  readonly schedule: Schedule | undefined;
  /** Crash points within recovery. */
  readonly nested: readonly number[];
  /** For the workload's failure, and each within recovery. */
  readonly prefixes: readonly Prefixes[];
}

const HEAD = 'T1';
const HEAD_HARDWARE = `${HEAD}h`;

/** The line that replays a case. */
export function seedOf(program: Program, { point, nested, prefixes }: Case): string {
  const operations = program.operations === undefined ? '' : `o${program.operations}`;
  const machine = `${memoryOf(program)}-${nvdimmOf(program)}-${budgetOf(program)}${operations}`;
  const { origin } = point;
  const order = origin === undefined ? '' : `-${program.harts ?? 1}-${origin.schedule}`;
  const index = origin?.index ?? point.index;
  const head = fencesOf(program) === 'hardware' ? HEAD_HARDWARE : HEAD;
  const first = `${head}.${index}.${fingerprint(program)}.${machine}${order}.${prefixText(prefixes[0]!)}`;
  return [first, ...nested.map(({ index }, i) => `${index}.${prefixText(prefixes[i + 1]!)}`)].join('/');
}

const REACHED = String.raw`\d+=\d+(?:z[0-9a-f]{1,16})?`;
const PREFIXES = `(?:${REACHED}(?:,${REACHED})*)?`;
const SEED = new RegExp(
  String.raw`^(T1h?)\.(\d+)\.([0-9a-f]{8})\.(\d+)-(\d+)-(\d+)(?:o(\d+))?(?:-(\d+)-([\dx_]*))?\.(${PREFIXES})((?:/\d+\.${PREFIXES})*)$`,
);

function prefixesFrom(text: string): Prefixes {
  const items = text.split(',').filter((item) => item !== '');
  return new Map(
    items.map((item) => {
      const [block, reached] = item.split('=');
      return [blockNumber(Number(block)), parseReached(reached!)] as const;
    }),
  );
}

/** @throws UserError for what is not a seed */
export function parseSeed(text: string): Seed {
  const match = SEED.exec(text.trim());
  if (!match) throw new UserError(`'${text}' is not a seed of licorice torture; they begin with T1.`);
  const nested = match[11]!
    .split('/')
    .filter((part) => part !== '')
    .map((part) => part.split('.') as [string, string]);
  return {
    crashPoint: Number(match[2]),
    fingerprint: match[3]!,
    memory: Number(match[4]),
    nvdimm: Number(match[5]),
    budget: Number(match[6]),
    operations: match[7] === undefined ? undefined : Number(match[7]),
    fences: match[1] === HEAD_HARDWARE ? 'hardware' : 'own',
    harts: Number(match[8] ?? 1),
    schedule: match[9] === undefined ? undefined : parseSchedule(match[9]),
    nested: nested.map(([index]) => Number(index)),
    prefixes: [prefixesFrom(match[10]!), ...nested.map(([, prefixes]) => prefixesFrom(prefixes))],
  };
}

/** The program on the machine, and under the schedule, of a seed. */
export function programOf(
  program: Program,
  { memory, nvdimm, budget, operations, fences, harts, schedule }: Seed,
): Program {
  return {
    ...program,
    memory,
    nvdimm,
    budget,
    fences,
    harts,
    ...(operations !== undefined && { operations }),
    ...(schedule && { schedule }),
  };
}

/** @throws UserError when a seed was made from another program or other media */
export function checkProgram(program: Program, seed: Seed): void {
  const now = fingerprint(programOf(program, seed));
  if (now !== seed.fingerprint)
    throw new UserError(
      `${program.elf.name}: not the program (or media image) of this seed (${now}, the seed has ${seed.fingerprint})`,
    );
}
