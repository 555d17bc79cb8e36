/**
 * What makes a failing image fail: the fewest stores whose loss is enough. Starting from a failing image, lost
 * stores are given back, one at a time, as long as recovery goes on failing.
 *
 * An image is given as *prefixes*: for each block how many of its pending stores reached the media; for nested failures, one such
 * map for each failure in turn.
 *
 * Invariant: a case is 1-minimal: giving back the oldest lost store of any one block makes recovery pass (a store
 * cannot reach the media before the older ones of its block). A `cbo.zero` is torn in a case only where recovery passes both with all and with
 * none of it.
 */
import type { BlockNumber } from '../../emulator/nvdimm/dpa.ts';
import { applyUnit, type StoreUnit } from '../../emulator/nvdimm/pending.ts';
import type { CrashPlace, CrashPoint } from './crash.ts';
import { type PathClass, runImage } from './explore.ts';
import type { NestedPoint } from './nested.ts';
import { isFailure, type Oracle, type Outcome } from './outcome.ts';
import { contentAfter, type Prefixes, type Reached, whole, within, zeroedBytes } from './reached.ts';
import type { Path, RecoveryMachine } from './recovery.ts';

/** A pending store of the failing image. Plain data. */
export interface CaseStore {
  readonly block: BlockNumber;
  readonly unit: StoreUnit;
  /** Had a cache-block operation written it back already? Then a fence is missing, not a flush. */
  readonly writtenBack: boolean;
  /** Bytes of a `cbo.zero` that reached the media all the same; 0: it was lost as a whole. */
  readonly torn: number;
  /** The failure that lost it: 0 the workload's, 1 the first one within recovery, … */
  readonly level: number;
}

/** A block in which the failing image differs from what the program saw, at the last failure. */
export interface CaseBlock {
  readonly block: BlockNumber;
  readonly failing: Uint8Array;
  readonly visible: Uint8Array;
}

/** A failing image in its smallest form. Plain data. */
export interface Case {
  readonly point: CrashPlace;
  /** Crash points within recovery, for nested failures. */
  readonly nested: readonly CrashPlace[];
  /** How recovery ends. */
  readonly outcome: Outcome;
  readonly output: string;
  /** Stores that did not reach the media. Empty: recovery fails although every store did. */
  readonly lost: readonly CaseStore[];
  /** Pending stores that did: without them in their block recovery passes. They came too early. */
  readonly early: readonly CaseStore[];
  /** For each failure, the blocks with lost stores. */
  readonly prefixes: readonly Prefixes[];
  readonly image: readonly CaseBlock[];
  /** Giving any one lost store back was seen to pass. */
  readonly minimal: boolean;
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

/** The images of a crash point whose blocks had one content each before their pending stores. */
class PointImages {
  private readonly contents: ReadonlyMap<BlockNumber, readonly Uint8Array[]>;
  readonly blocks: readonly BlockNumber[];

  constructor(readonly point: CrashPoint) {
    this.blocks = [...point.sets.keys()];
    this.contents = new Map(this.blocks.map((block) => [block, contentsOf(point, block)]));
  }

  most(block: BlockNumber): number {
    return this.point.stores.get(block)?.length ?? 0;
  }

  content(block: BlockNumber, prefixes: Prefixes): Uint8Array {
    const all = this.contents.get(block)!;
    const { stores, zeroed } = within(prefixes.get(block) ?? whole(all.length - 1), all.length - 1);
    return contentAfter(all[stores]!, [], { stores: 0, zeroed });
  }

  image(prefixes: Prefixes): Map<BlockNumber, Uint8Array> {
    return new Map(this.blocks.map((block) => [block, this.content(block, prefixes)]));
  }

  /** The largest prefix with this content. */
  of(block: BlockNumber, content: Uint8Array): Reached {
    const all = this.contents.get(block)!;
    for (let i = all.length - 1; i >= 0; i--) if (Buffer.compare(all[i]!, content) === 0) return whole(i);
    const stores = this.point.sets.get(block)!.cubeOf(content)?.prefix ?? 0;
    return { stores, zeroed: zeroedBytes(all[stores]!, content) };
  }
}

/** The machines for one chain of failures. */
export interface Machines {
  /** Runs the last recovery. */
  readonly last: RecoveryMachine;
  /** Recoveries that fail again: they record. */
  recording(level: number): RecoveryMachine;
}

/** What one run of a chain of failures was. */
interface Run {
  readonly path: Path;
  /** The images at each failure; the last one is where `path` recovered from. */
  readonly levels: readonly PointImages[];
}

/**
 * Runs a chain of failures: at `point` with the first prefixes, then within recovery at crash point `indices[0]` with the next
 * ones, and so on. Undefined when recovery does not get to such a crash point.
 */
function runChain(
  machines: Machines,
  point: CrashPoint,
  oracle: Oracle,
  indices: readonly number[],
  prefixes: readonly Prefixes[],
  level = 0,
): Run | undefined {
  const images = new PointImages(point);
  const image = images.image(prefixes[level] ?? new Map());
  if (level === indices.length) {
    machines.last.prepare(point, oracle);
    return { path: runImage(machines.last, image), levels: [images] };
  }
  const machine = machines.recording(level);
  machine.prepare(point, oracle);
  let found: Run | undefined;
  machine.runImageVisiting(image, (nested) => {
    if (nested.index === indices[level])
      found = runChain(machines, nested, oracle, indices, prefixes, level + 1);
  });
  return found && { path: found.path, levels: [images, ...found.levels] };
}

/** A store that may be given back: the failure that lost it, and its block. */
interface Choice {
  readonly level: number;
  readonly block: BlockNumber;
}

const changed = (prefixes: readonly Prefixes[], { level, block }: Choice, to: Reached): Prefixes[] =>
  prefixes.map((map, i) => (i === level ? new Map(map).set(block, to) : map));

/**
 * Shrinks a failing image to a 1-minimal case.
 * @returns undefined when it does not fail: at a failure within recovery, only a torn `cbo.zero` did
 */
function shrink(
  machines: Machines,
  point: CrashPoint,
  oracle: Oracle,
  indices: readonly number[],
  start: readonly Prefixes[],
): Case | undefined {
  let prefixes = start;
  const attempt = (next: readonly Prefixes[]): Run | undefined => {
    const run = runChain(machines, point, oracle, indices, next);
    return run && isFailure(run.path.outcome) ? run : undefined;
  };
  let run = attempt(prefixes);
  if (run === undefined) return undefined;
  const tryWith = (choice: Choice, to: Reached): boolean => {
    const next = changed(prefixes, choice, to);
    const failing = attempt(next);
    if (failing) {
      run = failing;
      prefixes = next;
    }
    return failing !== undefined;
  };
  const choices = (): Choice[] =>
    run!.levels.flatMap((images, level) => images.blocks.map((block) => ({ level, block })));
  const mostOf = ({ level, block }: Choice): number => run!.levels[level]?.most(block) ?? 0;
  const reachedOf = (choice: Choice): Reached => {
    const most = mostOf(choice);
    return within(prefixes[choice.level]?.get(choice.block) ?? whole(most), most);
  };
  const lostChoices = (): Choice[] => choices().filter((choice) => reachedOf(choice).stores < mostOf(choice));
  for (let progress = true; progress; ) {
    progress = false;
    for (const choice of lostChoices()) {
      const { stores, zeroed } = reachedOf(choice);
      if (stores >= mostOf(choice)) continue;
      if (tryWith(choice, whole(mostOf(choice))) || tryWith(choice, whole(stores + 1))) progress = true;
      // Not torn is simpler.
      else if (zeroed !== 0n) tryWith(choice, whole(stores));
    }
  }
  const minimal = lostChoices().every(
    (choice) => attempt(changed(prefixes, choice, whole(reachedOf(choice).stores + 1))) === undefined,
  );
  const storesOf = ({ level, block }: Choice, from: number, to: number): CaseStore[] => {
    const { stores, writtenBack } = run!.levels[level]!.point;
    const below = writtenBack.get(block) ?? 0;
    return (stores.get(block) ?? [])
      .slice(from, to)
      .map((unit) => ({ block, unit, writtenBack: unit.seq < below, torn: 0, level }));
  };
  const lost = lostChoices().flatMap((choice) => {
    const { stores, zeroed } = reachedOf(choice);
    const [first, ...rest] = storesOf(choice, stores, mostOf(choice));
    return [{ ...first!, torn: bitCount(zeroed) }, ...rest];
  });
  const early = choices().flatMap((choice) => {
    const { stores } = reachedOf(choice);
    if (stores === 0 || attempt(changed(prefixes, choice, whole(0)))) return [];
    return storesOf(choice, 0, stores);
  });
  const inOrder = (a: CaseStore, b: CaseStore): number => a.level - b.level || a.unit.seq - b.unit.seq;
  const last = run.levels[run.levels.length - 1]!;
  const lastPrefixes: Prefixes = prefixes[run.levels.length - 1] ?? new Map();
  const concerned = new Set([...lost, ...early].map(({ block }) => block));
  return {
    point: placeOf(point),
    nested: run.levels.slice(1).map((images) => placeOf(images.point)),
    outcome: run.path.outcome,
    output: run.path.output,
    lost: lost.sort(inOrder),
    early: early.sort(inOrder),
    prefixes: run.levels.map(
      (images, level) =>
        new Map(
          images.blocks
            .map((block) => [block, reachedOf({ level, block })] as const)
            .filter(([block, { stores }]) => stores < images.most(block)),
        ),
    ),
    image: last.blocks
      .filter((block) => concerned.has(block))
      .map((block) => ({
        block,
        failing: last.content(block, lastPrefixes),
        visible: last.content(block, new Map()),
      })),
    minimal,
  };
}

function bitCount(bits: bigint): number {
  let count = 0;
  for (let rest = bits; rest !== 0n; rest &= rest - 1n) count++;
  return count;
}

function placeOf({ index, kind, pc, instret, progress, origin }: CrashPlace): CrashPlace {
  return { index, kind, pc, instret, progress, ...(origin && { origin }) };
}

/** Shrinks a failing class of a crash point of the workload. */
export function minimise(
  machines: Machines,
  point: CrashPoint,
  oracle: Oracle,
  found: PathClass,
): Case | undefined {
  const images = new PointImages(point);
  // Of what recovery did not read, everything has reached the media.
  const prefixes = new Map<BlockNumber, Reached>();
  for (const [block, set] of found.sets) {
    const read = found.decisions.some((decision) => decision.block === block);
    prefixes.set(block, read ? images.of(block, set.at(set.count - 1n)) : whole(images.most(block)));
  }
  return shrink(machines, point, oracle, [], [prefixes]);
}

/** Shrinks a failing class of a crash point within recovery. */
export function minimiseNested(
  machines: Machines,
  point: CrashPoint,
  oracle: Oracle,
  chain: readonly NestedPoint[],
  found: PathClass,
): Case | undefined {
  const images = new PointImages(point);
  const prefixes: Map<BlockNumber, Reached>[] = [new Map(), ...chain.map(() => new Map())];
  // From the last failure back: a content there, and which content of the failure before it, with how many stores, gives it.
  for (const [block, set] of found.sets) {
    let wanted: (content: Uint8Array) => boolean = (content) => set.has(content);
    for (let level = chain.length - 1; level >= 0; level--) {
      const { before, certain, stores } = chain[level]!;
      const units = [...(certain.get(block) ?? []), ...(stores.get(block) ?? [])];
      const least = certain.get(block)?.length ?? 0;
      const bases = level === 0 ? basesOf(images, block) : [...(before.get(block) ?? [])];
      const known = before.get(block);
      const fits = fitting(bases, units, least, (base) => known === undefined || known.has(base), wanted);
      if (fits === undefined) break;
      prefixes[level + 1]!.set(block, whole(fits.count - least));
      const { base } = fits;
      wanted = (content) => Buffer.compare(content, base) === 0;
    }
    if (point.sets.has(block)) {
      const all = basesOf(images, block);
      for (let prefix = all.length - 1; prefix >= 0; prefix--)
        if (wanted(all[prefix]!)) {
          prefixes[0]!.set(block, whole(prefix));
          break;
        }
    }
  }
  return shrink(
    machines,
    point,
    oracle,
    chain.map(({ index }) => index),
    prefixes,
  );
}

/** The contents of a block by the number of stores that reached the media at the workload's failure. */
function basesOf(images: PointImages, block: BlockNumber): Uint8Array[] {
  if (!images.point.sets.has(block)) {
    const at = block * 64;
    return [images.point.visible.slice(at, at + 64)];
  }
  return Array.from({ length: images.most(block) + 1 }, (_, prefix) =>
    images.content(block, new Map([[block, whole(prefix)]])),
  );
}

/** A base and a number of units behind it that give a wanted content; as much as possible of both. */
function fitting(
  bases: readonly Uint8Array[],
  units: readonly StoreUnit[],
  least: number,
  legal: (base: Uint8Array) => boolean,
  wanted: (content: Uint8Array) => boolean,
): { readonly base: Uint8Array; readonly count: number } | undefined {
  for (const base of [...bases].reverse()) {
    if (!legal(base)) continue;
    for (let count = units.length; count >= least; count--) {
      const content = base.slice();
      for (const unit of units.slice(0, count)) applyUnit(content, unit);
      if (wanted(content)) return { base, count };
    }
  }
  return undefined;
}

/** Runs a chain of failures again. Undefined: recovery does not get there. */
export function replayChain(
  machines: Machines,
  point: CrashPoint,
  oracle: Oracle,
  indices: readonly number[],
  prefixes: readonly Prefixes[],
): Path | undefined {
  return runChain(machines, point, oracle, indices, prefixes)?.path;
}
