/**
 * Opens a case of a campaign for the debugger: the workload's computer, with every store recorded, and the instruction
 * at which the first store was made that the failure loses; or the computer that recovers from the failing image.
 */

import { CACHE_BLOCK_SIZE } from '../../emulator/addresses.ts';
import type { Computer } from '../../emulator/boot/computer.ts';
import { UserError } from '../../emulator/errors.ts';
import { booleanField, numberField } from '../../emulator/machine/fields.ts';
import type { StoreUnit } from '../../emulator/nvdimm/pending.ts';
import type { CrashPoint } from './crash.ts';
import { type Mark, NO_PROGRESS, type Progress, progressAfter } from './device.ts';
import { makeComputer, type Program } from './program.ts';
import { checkReached, contentAfter } from './reached.ts';
import { Preemptions } from './schedule.ts';
import { checkProgram, parseSeed, programOf, type Seed } from './seed.ts';
import { runWorkload } from './workload.ts';

/** A computer at its first instruction, and where to take it. */
export interface OpenedCase {
  readonly computer: Computer;
  /** Instructions to run to the place of interest: just before the first lost store, or the failure if none is lost. */
  readonly at: number;
  /** Instructions at which the power fails. */
  readonly failure: number;
  /** The stores that the failure loses, oldest first. */
  readonly lost: readonly StoreUnit[];
}

interface Found {
  readonly point: Omit<CrashPoint, 'visible'>;
  /** The failing image. */
  readonly image: Uint8Array;
  readonly lost: readonly StoreUnit[];
}

function find(program: Program, seed: Seed): Found {
  let found: Found | undefined;
  const visit = (point: CrashPoint): void => {
    if (point.index !== seed.crashPoint) return;
    const image = point.visible.slice();
    const lost: StoreUnit[] = [];
    for (const [block, reached] of seed.prefixes[0]!) {
      const stores = point.stores.get(block);
      checkReached(block, reached, stores);
      image.set(contentAfter(point.sets.get(block)!.at(0n), stores!, reached), block * CACHE_BLOCK_SIZE);
      lost.push(...stores!.slice(reached.stores));
    }
    lost.sort((a, b) => a.seq - b.seq);
    found = { point, image, lost };
  };
  runWorkload(program, { visit });
  if (found === undefined) throw new UserError(`the workload has no crash point ${seed.crashPoint}`);
  return found;
}

function sameMachine(program: Program, text: string): { readonly seed: Seed; readonly same: Program } {
  const seed = parseSeed(text);
  checkProgram(program, seed);
  return { seed, same: programOf(program, seed) };
}

/**
 * The workload of a case.
 * @param output where it prints
 * @throws UserError when the seed is not one, or not of this program
 */
export function openCase(program: Program, text: string, output: (text: string) => void): OpenedCase {
  const { seed, same } = sameMachine(program, text);
  const { point, lost } = find(same, seed);
  let progress: Progress = { ...NO_PROGRESS, ready: program.system === undefined };
  const mark = (one: Mark): void => {
    progress = progressAfter(progress, one);
    if (one.kind === 'finish') computer.machine.pause();
  };
  const host = { recovering: false, progress: () => progress, mark };
  const computer: Computer = makeComputer(same, { host, output, recording: true });
  if (same.system) new Preemptions(computer.machine).follow(same.schedule ?? []);
  computer.machine.stateful.push({
    name: 'torture',
    save: () => ({ ...progress }),
    restore: (state) => {
      progress = {
        ready: booleanField(state, 'ready'),
        begun: numberField(state, 'begun'),
        acknowledged: numberField(state, 'acknowledged'),
        begunSet: numberField(state, 'begunSet'),
        acknowledgedSet: numberField(state, 'acknowledgedSet'),
      };
    },
  });
  return { computer, at: lost[0]?.instret ?? point.instret, failure: point.instret, lost };
}

/**
 * The computer that comes up after the (first) failure of a case, on the failing image.
 * @throws UserError when the seed is not one, or not of this program
 */
export function openRecovery(program: Program, text: string, output: (text: string) => void): Computer {
  const { seed, same } = sameMachine(program, text);
  const { point, image } = find(same, seed);
  const mark = (one: Mark): void => {
    if (one.kind === 'finish') computer.machine.pause();
  };
  const host = { recovering: true, progress: () => point.progress, mark };
  const computer: Computer = makeComputer({ ...same, media: image }, { host, output, recording: true });
  return computer;
}
