/**
 * What makes a failing image fail: the fewest stores whose loss is enough. Starting from a failing image, lost
 * stores are given back, one at a time, as long as recovery goes on failing.
 *
 * Invariant: a case is 1-minimal: giving back the oldest lost store of any one block makes recovery pass (a store
 * cannot reach the media before the older ones of its block).
 */
import { UserError } from '../../emulator/errors.ts';
import { type BlockNumber, blockNumber } from '../../emulator/nvdimm/dpa.ts';
import { applyUnit, type StoreUnit } from '../../emulator/nvdimm/pending.ts';
import type { CrashPlace, CrashPoint } from './crash.ts';
import { type PathClass, runImage } from './explore.ts';
import { isFailure, type Outcome } from './outcome.ts';
import { budgetOf, fingerprint, memoryOf, nvdimmOf, type Program } from './program.ts';
import type { Path, RecoveryMachine } from './recovery.ts';

/** A pending store of the failing image. */
export interface CaseStore {
  readonly block: BlockNumber;
  readonly unit: StoreUnit;
  /** Had a cache-block operation written it back already? Then a fence is missing, not a flush. */
  readonly writtenBack: boolean;
}

/** A failing image in its smallest form. */
export interface Case {
  readonly point: CrashPlace;
  /** How recovery ends. */
  readonly outcome: Outcome;
  readonly output: string;
  /** Stores that did not reach the media. Empty: recovery fails although every store did. */
  readonly lost: readonly CaseStore[];
  /** Pending stores that did: without them in their block recovery passes. They came too early. */
  readonly early: readonly CaseStore[];
  /** For each block with lost stores: how many of its pending stores reached the media. */
  readonly prefixes: ReadonlyMap<BlockNumber, number>;
}

/** The contents of a block after 0, 1, … of its pending stores. */
function contentsOf(point: CrashPoint, block: BlockNumber): Uint8Array[] {
  const content = point.sets.get(block)!.at(0n);
  const all = [content.slice()];
  for (const unit of point.stores.get(block)!) {
    applyUnit(content, unit);
    all.push(content.slice());
  }
  return all;
}

/** An image as the number of stores that reached each block. */
class Prefixes {
  private readonly contents: ReadonlyMap<BlockNumber, readonly Uint8Array[]>;
  readonly blocks: readonly BlockNumber[];

  constructor(
    private readonly machine: RecoveryMachine,
    private readonly point: CrashPoint,
  ) {
    this.blocks = [...point.sets.keys()];
    this.contents = new Map(this.blocks.map((block) => [block, contentsOf(point, block)]));
  }

  most(block: BlockNumber): number {
    return this.point.stores.get(block)!.length;
  }

  /** The largest prefix with this content; of a torn `cbo.zero`, the one before it. */
  of(block: BlockNumber, content: Uint8Array): number {
    const all = this.contents.get(block)!;
    for (let i = all.length - 1; i >= 0; i--) if (Buffer.compare(all[i]!, content) === 0) return i;
    return this.point.sets.get(block)!.cubeOf(content)?.prefix ?? 0;
  }

  /** Runs recovery with these prefixes; blocks that are not named have everything. */
  run(prefixes: ReadonlyMap<BlockNumber, number>): Path {
    const image = this.blocks.map((block) => {
      const all = this.contents.get(block)!;
      return [block, all[prefixes.get(block) ?? all.length - 1]!] as const;
    });
    return runImage(this.machine, new Map(image));
  }
}

/**
 * Shrinks a failing class to a 1-minimal case; the machine has been prepared for the point.
 * @returns undefined when only a torn `cbo.zero` fails, which no prefix of whole stores is
 */
export function minimise(machine: RecoveryMachine, point: CrashPoint, found: PathClass): Case | undefined {
  const images = new Prefixes(machine, point);
  // Of what recovery did not read, everything has reached the media.
  const prefixes = new Map<BlockNumber, number>();
  for (const [block, set] of found.sets) {
    const read = found.decisions.some((decision) => decision.block === block);
    prefixes.set(block, read ? images.of(block, set.at(set.count - 1n)) : images.most(block));
  }
  let path = images.run(prefixes);
  if (!isFailure(path.outcome)) return undefined;
  const tryWith = (block: BlockNumber, prefix: number): boolean => {
    const next = images.run(new Map(prefixes).set(block, prefix));
    if (!isFailure(next.outcome)) return false;
    prefixes.set(block, prefix);
    path = next;
    return true;
  };
  for (let progress = true; progress; ) {
    progress = false;
    for (const block of images.blocks) {
      const most = images.most(block);
      const now = prefixes.get(block)!;
      if (now < most && (tryWith(block, most) || tryWith(block, now + 1))) progress = true;
    }
  }
  const storesOf = (block: BlockNumber, from: number, to: number): CaseStore[] =>
    point.stores
      .get(block)!
      .slice(from, to)
      .map((unit) => ({ block, unit, writtenBack: unit.seq < point.writtenBack.get(block)! }));
  const lost = images.blocks.flatMap((block) => storesOf(block, prefixes.get(block)!, images.most(block)));
  const early = images.blocks.flatMap((block) => {
    const reached = prefixes.get(block)!;
    if (reached === 0) return [];
    const without = images.run(new Map(prefixes).set(block, 0));
    return isFailure(without.outcome) ? [] : storesOf(block, 0, reached);
  });
  const bySeq = (a: CaseStore, b: CaseStore): number => a.unit.seq - b.unit.seq;
  const { index, kind, pc, instret, progress } = point;
  return {
    point: { index, kind, pc, instret, progress },
    outcome: path.outcome,
    output: path.output,
    lost: lost.sort(bySeq),
    early: early.sort(bySeq),
    prefixes: new Map([...prefixes].filter(([block, prefix]) => prefix < images.most(block))),
  };
}

/** True when giving back the oldest lost store of any one block makes recovery pass. For tests. */
export function isMinimal(machine: RecoveryMachine, point: CrashPoint, found: Case): boolean {
  const images = new Prefixes(machine, point);
  return [...found.prefixes].every(
    ([block, prefix]) => !isFailure(images.run(new Map(found.prefixes).set(block, prefix + 1)).outcome),
  );
}

// ---- Seeds: T1.CRASHPOINT.PROGRAM.MEMORY-NVDIMM-BUDGET.BLOCK=STORES,BLOCK=STORES… -------------------------------

/** What a seed names. */
export interface Seed {
  readonly crashPoint: number;
  /** The first 8 hexadecimal digits of the SHA-256 of the program and of its media's image. */
  readonly fingerprint: string;
  readonly memory: number;
  readonly nvdimm: number;
  readonly budget: number;
  readonly prefixes: ReadonlyMap<BlockNumber, number>;
}

/** The line that replays a case. */
export function seedOf(program: Program, { point, prefixes }: Case): string {
  const lost = [...prefixes].map(([block, prefix]) => `${block}=${prefix}`).join(',');
  return `T1.${point.index}.${fingerprint(program)}.${memoryOf(program)}-${nvdimmOf(program)}-${budgetOf(program)}.${lost}`;
}

/** @throws UserError for what is not a seed */
export function parseSeed(text: string): Seed {
  const match = /^T1\.(\d+)\.([0-9a-f]{8})\.(\d+)-(\d+)-(\d+)\.((?:\d+=\d+(?:,\d+=\d+)*)?)$/.exec(
    text.trim(),
  );
  if (!match) throw new UserError(`'${text}' is not a seed of licorice torture; they begin with T1.`);
  const lost = match[6]!.split(',').filter((item) => item !== '');
  return {
    crashPoint: Number(match[1]),
    fingerprint: match[2]!,
    memory: Number(match[3]),
    nvdimm: Number(match[4]),
    budget: Number(match[5]),
    prefixes: new Map(
      lost.map((item) => {
        const [block, prefix] = item.split('=').map(Number);
        return [blockNumber(block!), prefix!] as const;
      }),
    ),
  };
}

/** Runs the image of a seed, at a crash point that the machine has been prepared for. */
export function replayImage(machine: RecoveryMachine, point: CrashPoint, seed: Seed): Path {
  for (const [block, prefix] of seed.prefixes) {
    const stores = point.stores.get(block);
    if (stores === undefined || prefix > stores.length)
      throw new UserError(
        `the seed does not fit the program: block ${block} has no ${prefix} pending stores`,
      );
  }
  return new Prefixes(machine, point).run(seed.prefixes);
}

/** @throws UserError when a seed was made from another program or other media */
export function checkProgram(program: Program, seed: Seed): void {
  const now = fingerprint(program);
  if (now !== seed.fingerprint)
    throw new UserError(
      `${program.elf.name}: not the program (or media image) of this seed (${now}, the seed has ${seed.fingerprint})`,
    );
}
