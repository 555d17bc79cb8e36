/**
 * Finds every outcome that recovery can have at a crash point. The lazy explorer runs recovery once for each
 * different course of what it reads: where a byte has several legal values, one run goes on with each. The brute
 * one runs it on every legal image, and is there to check the lazy one.
 *
 * Invariant (the certificate): the classes of an exhaustive exploration are disjoint, and their sizes add up to the
 * number of legal images. `checkCertificate` proves it anew from the decisions alone.
 */
import type { BlockNumber } from '../../emulator/nvdimm/dpa.ts';
import type { BlockImages } from '../../emulator/nvdimm/images.ts';
import { Random } from '../../emulator/random.ts';
import type { BlockSets, CrashPoint } from './crash.ts';
import type { Outcome } from './outcome.ts';
import { type Decision, type Node, type Path, type RecoveryMachine, singles } from './recovery.ts';

/** All legal images on which recovery reads the same. */
export interface PathClass {
  readonly decisions: readonly Decision[];
  /** Number of images. */
  readonly size: bigint;
  readonly sets: BlockSets;
  readonly outcome: Outcome;
  readonly output: string;
  readonly observed: bigint | undefined;
}

export interface Exploration {
  readonly classes: readonly PathClass[];
  /** Images that the classes stand for. */
  readonly covered: bigint;
  /** True when that is all of them, and the certificate was checked. */
  readonly exhaustive: boolean;
  /** Runs of recovery. */
  readonly runs: number;
}

export interface ExploreLimits {
  /** Runs of recovery at one crash point before it goes over to sampling. */
  readonly maxRuns: number;
  /** Runs to sample then. */
  readonly samples: number;
  readonly seed: number;
}

/** The number of images in a product of sets. */
export function countOf(sets: BlockSets): bigint {
  let product = 1n;
  for (const set of sets.values()) product *= set.count;
  return product;
}

const classOf = (path: Path): PathClass => ({ ...path, size: countOf(path.sets) });

/**
 * Instructions from a node to a fork from which on the fork gets a node of its own: copying the pages that changed since then
 * costs less than going there once for each further value.
 */
const NODE_DISTANCE = 2000;

/** Runs still to be made: from a node, with the values of the first decisions behind it. */
interface Task {
  readonly node: Node;
  readonly values: readonly number[];
}

/**
 * Explores a crash point lazily; the machine has been prepared for it.
 * @param distance see `NODE_DISTANCE`; the result is the same for all
 */
export function explore(
  machine: RecoveryMachine,
  point: CrashPoint,
  limits: ExploreLimits,
  distance = NODE_DISTANCE,
): Exploration {
  const classes: PathClass[] = [];
  const tasks: Task[] = [{ node: machine.root, values: [] }];
  while (tasks.length > 0 && classes.length < limits.maxRuns) {
    const { node: start, values: forced } = tasks.pop()!;
    let node = start;
    let given = 0;
    /** The values behind `node`. */
    let taken: number[] = [];
    const path = machine.run(start, (values) => {
      const known = forced[given++];
      const value = known ?? values[0]!;
      if (known === undefined) {
        const here = machine.distanceFrom(node) >= distance ? machine.nodeHere() : undefined;
        if (here) {
          node = here;
          taken = [];
        }
        for (const other of values.slice(1).reverse()) tasks.push({ node, values: [...taken, other] });
      }
      taken.push(value);
      return value;
    });
    classes.push(classOf(path));
  }
  const exhaustive = tasks.length === 0;
  const runs = classes.length + (exhaustive ? 0 : sample(machine, point, limits, classes));
  const covered = classes.reduce((sum, { size }) => sum + size, 0n);
  if (exhaustive) {
    const fault = checkCertificate(point.sets, classes, point.legal);
    if (fault) throw new Error(`the exploration of crash point ${point.index} is not complete: ${fault}`);
  }
  return { classes, covered, exhaustive, runs };
}

/** Adds the classes of images drawn uniformly, as far as they are new. Returns the number of runs. */
function sample(
  machine: RecoveryMachine,
  point: CrashPoint,
  limits: ExploreLimits,
  classes: PathClass[],
): number {
  const random = new Random(limits.seed ^ Math.imul(point.index + 1, 0x9e3779b1));
  const known = new Set(classes.map(keyOf));
  for (let i = 0; i < limits.samples; i++) {
    const path = machine.runWith(point.sets, (values, set, _block, offset) => {
      // By the number of images behind each value, so that every image has the same chance.
      let rest = random.belowBig(set.count);
      for (const value of values) {
        const count = set.restrict(offset, value).count;
        if (rest < count) return value;
        rest -= count;
      }
      throw new Error('the values of a byte do not cover its set');
    });
    const found = classOf(path);
    const key = keyOf(found);
    if (known.has(key)) continue;
    known.add(key);
    classes.push(found);
  }
  return limits.samples;
}

/** Recovery is deterministic: the values alone say which bytes they belong to. */
const keyOf = ({ decisions }: PathClass): string => decisions.map(({ value }) => value).join();

/**
 * Checks that classes are disjoint, have the sizes that they claim, and make up all legal images. It uses nothing of
 * the exploration but the decisions: they must form a tree in which every fork has all values.
 * @returns what is wrong, or undefined
 */
export function checkCertificate(
  sets: BlockSets,
  classes: readonly Pick<PathClass, 'decisions' | 'size'>[],
  legal: bigint,
): string | undefined {
  let sum = 0n;
  const visit = (
    at: Map<BlockNumber, BlockImages>,
    group: typeof classes,
    depth: number,
  ): string | undefined => {
    const next = group[0]?.decisions[depth];
    if (next === undefined) {
      if (group.length !== 1) return `${group.length} classes share all decisions of one`;
      const size = countOf(at);
      sum += size;
      return size === group[0]!.size ? undefined : `a class of ${size} images claims ${group[0]!.size}`;
    }
    const { block, offset } = next;
    const set = at.get(block);
    if (set === undefined) return `block ${block} was never undetermined`;
    if (group.some(({ decisions: d }) => d[depth]?.block !== block || d[depth]?.offset !== offset))
      return `the classes do not agree on decision ${depth}`;
    for (const value of new Set(group.map(({ decisions }) => decisions[depth]!.value))) {
      const rest = set.restrict(offset, value);
      if (rest.count === 0n) return `byte ${offset} of block ${block} can never be ${value}`;
      const subgroup = group.filter(({ decisions }) => decisions[depth]!.value === value);
      const fault = visit(new Map(at).set(block, rest), subgroup, depth + 1);
      if (fault) return fault;
    }
    return undefined;
  };
  const fault = visit(new Map(sets), classes, 0);
  if (fault) return fault;
  return sum === legal ? undefined : `the classes have ${sum} of ${legal} images`;
}

/** Runs recovery on one image: contents of the undetermined blocks. */
export function runImage(machine: RecoveryMachine, image: ReadonlyMap<BlockNumber, Uint8Array>): Path {
  return machine.runWith(singles(image), () => {
    throw new Error('a single content left something to decide');
  });
}

/** Runs recovery on every legal image. The caller bounds their number. */
export function* bruteForce(machine: RecoveryMachine, sets: BlockSets): Generator<Path> {
  const blocks = [...sets].map(([block, set]) => ({ block, contents: [...set] }));
  const place = blocks.map(() => 0);
  for (;;) {
    yield runImage(machine, new Map(blocks.map(({ block, contents }, i) => [block, contents[place[i]!]!])));
    let i = blocks.length - 1;
    while (i >= 0 && ++place[i]! === blocks[i]!.contents.length) place[i--] = 0;
    if (i < 0) return;
  }
}
