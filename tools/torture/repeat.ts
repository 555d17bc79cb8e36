/**
 * Repeats a small campaign in ways that must not show in its report: with 1, 2 and 3 workers, in shards that are merged, and
 * resumed from a journal that was cut off anywhere. Run by repeat.test.ts as a bundle, because workers are started from one.
 *
 *   node repeat.mjs FOLDER REPETITIONS
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Random } from '../../emulator/random.ts';
import { assemble } from './assemble.ts';
import { CampaignJournal } from './journal.ts';
import { mergeReports } from './merge.ts';
import { exploreAll } from './parallel.ts';
import { undo } from './test-programs.ts';
import { runCalm } from './visit.ts';

const LIMITS = { maxRuns: 1000, samples: 100, seed: 0, depth: 2, reads: true };
const SHARDS = 3;
const PROGRAM = undo(true);
const CALM = runCalm(PROGRAM);

const [folder, count] = process.argv.slice(2);

async function whole(workers: number): Promise<string> {
  return JSON.stringify(
    assemble(PROGRAM, LIMITS, await exploreAll(PROGRAM, LIMITS, { workers, calm: CALM }), CALM),
  );
}

async function sharded(): Promise<string> {
  const shards = Array.from({ length: SHARDS }, (_, index) => ({ index, count: SHARDS }));
  const reports = await Promise.all(
    shards.map(async (shard) => {
      const options = { workers: 1 + shard.index, calm: CALM, shard };
      return assemble(PROGRAM, LIMITS, await exploreAll(PROGRAM, LIMITS, options), CALM, { shard });
    }),
  );
  return JSON.stringify(
    mergeReports(
      reports,
      shards.map(({ index }) => `shard ${index}`),
    ),
  );
}

/** Runs with a journal, which then is on disk. */
async function journalled(file: string, workers: number): Promise<string> {
  const journal = new CampaignJournal(file, PROGRAM, LIMITS);
  const done = (record: Parameters<CampaignJournal['add']>[0]): void => journal.add(record);
  const options = { workers, calm: CALM, known: journal.records, done };
  return JSON.stringify(assemble(PROGRAM, LIMITS, await exploreAll(PROGRAM, LIMITS, options), CALM));
}

/** Goes on from a journal of which only the beginning is there. */
function resumed(journal: string, random: Random, workers: number): Promise<string> {
  const file = join(folder!, 'cut');
  const firstLine = journal.indexOf('\n') + 1;
  writeFileSync(file, journal.slice(0, firstLine + random.below(journal.length - firstLine)));
  return journalled(file, workers);
}

const file = join(folder!, 'whole');
const first = await journalled(file, 1);
const journal = readFileSync(file, 'utf8');
const random = new Random(1);
for (let i = 0; i < Number(count); i++) {
  const workers = 1 + (Math.floor(i / 5) % 3);
  const ways = [
    () => whole(1),
    () => whole(2),
    () => whole(3),
    sharded,
    () => resumed(journal, random, workers),
  ];
  // Byte by byte.
  if ((await ways[i % ways.length]!()) !== first) throw new Error(`repetition ${i} is another report`);
  if (i % 100 === 99) console.log(`${i + 1} times the same report`);
}
console.log(first);
