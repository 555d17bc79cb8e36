/**
 * The pairs of guest programs with a bug and without it (guest/torture/pairs). Both are one source, with a constant `BUGGY`; it says
 * of itself what the programs for the bare machine say (pairs.ts).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../emulator/errors.ts';
import { namesIn } from '../guest/files.ts';
import { packageRoot } from '../guest/layouts.ts';
import { buildSources } from '../guest/workloads.ts';
import { guestProgram } from './guest.ts';
import { type Pair, pairIn } from './pairs.ts';
import type { Program } from './program.ts';

const FOLDER = join('torture', 'pairs');
/** The line that makes a program the buggy one. */
const SWITCH = 'const BUGGY: bool = true;';

const sourceOf = (name: string): string =>
  readFileSync(join(packageRoot(), 'guest', FOLDER, `${name}.ts`), 'utf8');

/** The names of the pairs, sorted. */
export const guestPairNames = (): string[] => namesIn(packageRoot(), FOLDER);

/** @throws UserError when the source does not say what its bug is */
export const readGuestPair = (name: string): Pair => pairIn(`${name}.ts`, sourceOf(name));

export interface GuestPair {
  readonly name: string;
  readonly buggy: Program;
  readonly fixed: Program;
}

/** Builds both programs of each pair. @throws UserError that lists what the compiler found */
export async function buildGuestPairs(names: readonly string[]): Promise<GuestPair[]> {
  const sources = names.flatMap((name) => {
    const text = sourceOf(name);
    if (text.split(SWITCH).length !== 2) throw new UserError(`${name}.ts: wants one line '${SWITCH}'`);
    const file = join(FOLDER, `${name}.ts`);
    return [
      { name: `${name}-buggy`, file },
      { name: `${name}-fixed`, file, text: text.replace(SWITCH, SWITCH.replace('true', 'false')) },
    ];
  });
  const programs = (await buildSources(sources)).map((bytes, i) =>
    guestProgram({ name: `${sources[i]!.name}.elf`, bytes }),
  );
  return names.map((name, i) => ({ name, buggy: programs[2 * i]!, fixed: programs[2 * i + 1]! }));
}
