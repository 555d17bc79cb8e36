/**
 * Conversion of short skips: a branch around a few register operations becomes those operations, made always, and a
 * choice of old or new values (a conditional move on the host), because a branch on data that nobody can predict costs
 * more than three operations. Nothing that is converted can trap, so the counts are exact with a choice as well.
 */
import { ROWS } from '../isa/table.ts';
import { type Block, successors, type Terminator } from './block.ts';

/** Instructions that may be made although they are skipped. */
const LIMIT = 3;

/** Whether a block is nothing but register operations that cannot trap, and goes on in one place. */
function isPlain({ instructions, terminator }: Block): boolean {
  if (terminator.kind !== 'goto' || instructions.length === 0 || instructions.length > LIMIT) return false;
  return instructions.every(({ id }) => {
    const { extension, operands, access, immediate } = ROWS[id]!;
    const simple = extension === 'I' || extension === 'Zba' || extension === 'Zbb' || extension === 'Zbs';
    return simple && operands[0] === 'rd' && access === undefined && immediate !== 'j' && !isJalr(id);
  });
}

const isJalr = (id: number): boolean => ROWS[id]!.name === 'jalr';

/** The branch as a skip, if it goes around a plain block that nothing else leads to. */
function skipOf(
  { terminator }: Block,
  blockAt: ReadonlyMap<number, Block>,
  arrivals: ReadonlyMap<number, number>,
): Terminator | undefined {
  if (terminator.kind !== 'branch') return undefined;
  const { taken, next } = terminator;
  for (const [start, around, whenTaken] of [
    [next, taken, false],
    [taken, next, true],
  ] as const) {
    const skipped = blockAt.get(start);
    if (skipped === undefined || arrivals.get(start) !== 1 || !isPlain(skipped)) continue;
    if (skipped.terminator.kind === 'goto' && skipped.terminator.next === around)
      return { kind: 'skip', skipped, whenTaken, next: around };
  }
  return undefined;
}

/**
 * Converts the skips of a region.
 * @param blocks the root's first
 * @param samePage whether two deltas lie in one page: control that crosses into another must look it up
 */
export function convertSkips(
  blocks: readonly Block[],
  samePage: (a: number, b: number) => boolean,
): readonly Block[] {
  const blockAt = new Map(blocks.map((block) => [block.start, block]));
  const arrivals = new Map<number, number>([[blocks[0]!.start, 2]]);
  for (const { terminator } of blocks)
    for (const next of successors(terminator)) arrivals.set(next, (arrivals.get(next) ?? 0) + 1);
  const gone = new Set<number>();
  const converted = blocks.map((block) => {
    const terminator = skipOf(block, blockAt, arrivals);
    if (terminator?.kind !== 'skip' || !samePage(block.start, terminator.skipped.start)) return block;
    gone.add(terminator.skipped.start);
    return { ...block, terminator };
  });
  return converted.filter(({ start }) => !gone.has(start));
}
