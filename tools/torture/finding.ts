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
import { stepBack, type Wanted } from './backwards.ts';
import type { CrashPlace, CrashPoint } from './crash.ts';
import { type PathClass, runImage } from './explore.ts';
import type { NestedPoint } from './nested.ts';
import { isFailure, type Oracle, type Outcome, outcomeKey } from './outcome.ts';
import {
  contentAfter,
  type Prefixes,
  prefixText,
  type Reached,
  whole,
  within,
  zeroedBytes,
} from './reached.ts';
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
  const inner = oracle.expected ? oracle : { ...oracle, ...expectedAt(machines, point, oracle, image) };
  const machine = machines.recording(level);
  machine.prepare(point, oracle);
  let found: Run | undefined;
  machine.runImageVisiting(image, (nested) => {
    if (nested.index === indices[level])
      found = runChain(machines, nested, inner, indices, prefixes, level + 1);
  });
  return found && { path: found.path, levels: [images, ...found.levels] };
}

/** The state that recovery has when nothing befalls it: that after a failure of its own must be the same. */
function expectedAt(
  machines: Machines,
  point: CrashPoint,
  oracle: Oracle,
  image: ReadonlyMap<BlockNumber, Uint8Array>,
): Pick<Oracle, 'expected'> {
  machines.last.prepare(point, oracle);
  const { observed } = runImage(machines.last, image);
  return observed === undefined ? {} : { expected: [observed] };
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
 * @returns undefined when it does not fail
 */
function shrink(
  machines: Machines,
  point: CrashPoint,
  oracle: Oracle,
  indices: readonly number[],
  start: readonly Prefixes[],
): Case | undefined {
  let prefixes = start;
  const tried = new Map<string, Run | undefined>();
  const attempt = (next: readonly Prefixes[]): Run | undefined => {
    const key = next.map(prefixText).join('/');
    if (!tried.has(key)) {
      const run = runChain(machines, point, oracle, indices, next);
      tried.set(key, run && isFailure(run.path.outcome) ? run : undefined);
    }
    return tried.get(key);
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
      const most = mostOf(choice);
      if (stores >= most) continue;
      let [failing, passing] = [stores, most];
      if (tryWith(choice, whole(most))) failing = most;
      // Mostly whatever loses more than a failing image fails as well.
      while (passing - failing > 1) {
        const middle = Math.floor((failing + passing) / 2);
        if (tryWith(choice, whole(middle))) failing = middle;
        else passing = middle;
      }
      if (failing > stores) progress = true;
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

/**
 * Shrinks a failing class of a crash point of the workload. Where it passes without what a known case loses, it is that case.
 * @param known cases of this crash point
 */
export function minimise(
  machines: Machines,
  point: CrashPoint,
  oracle: Oracle,
  found: PathClass,
  known: readonly Case[],
): Case | undefined {
  const images = new PointImages(point);
  // Of what recovery did not read, everything has reached the media.
  const prefixes = new Map<BlockNumber, Reached>();
  for (const [block, set] of found.sets) {
    const read = found.decisions.some((decision) => decision.block === block);
    prefixes.set(block, read ? images.of(block, set.at(set.count - 1n)) : whole(images.most(block)));
  }
  for (const one of known) {
    if (one.lost.length === 0 || outcomeKey(one.outcome) !== outcomeKey(found.outcome)) continue;
    const [lost] = one.prefixes;
    if (![...lost!].every(([block, { stores }]) => prefixes.get(block)!.stores <= stores)) continue;
    const without = new Map(prefixes);
    for (const block of lost!.keys()) without.set(block, whole(images.most(block)));
    const run = runChain(machines, point, oracle, [], [without]);
    if (run && !isFailure(run.path.outcome)) return one;
    for (const [block, reached] of without) prefixes.set(block, reached);
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
  const prefixes: Map<BlockNumber, Reached>[] = [new Map(), ...chain.map(() => new Map())];
  const blocks = new Set([point, ...chain].flatMap(({ sets }) => [...sets.keys()]));
  for (const block of blocks) {
    // From the last failure back: what the block must have held after the one before.
    let wanted: Wanted = found.sets.get(block)?.cubes;
    for (let level = chain.length - 1; level >= 0; level--) {
      const { before, certain, stores, sets } = chain[level]!;
      const bases = before.get(block)?.cubes;
      if (bases === undefined || !sets.has(block)) {
        wanted = bases;
        continue;
      }
      const first = certain.get(block) ?? [];
      const units = [...first, ...(stores.get(block) ?? [])];
      const step = stepBack(bases, units, first.length, wanted);
      if (step === undefined) return undefined;
      prefixes[level + 1]!.set(block, step.reached);
      wanted = step.before;
    }
    const set = point.sets.get(block);
    if (set === undefined) continue;
    const base = { bytes: set.at(0n), freeLow: 0, freeHigh: 0 };
    const step = stepBack([base], point.stores.get(block)!, 0, wanted);
    if (step === undefined) return undefined;
    prefixes[0]!.set(block, step.reached);
  }
  const indices = chain.map(({ index }) => index);
  return shrink(machines, point, oracle, indices, prefixes);
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
