/**
 * The order of blocks in memory. Chains are grown along edges, first those of unconditional jumps (each one saved is an
 * instruction), the most frequent first, then along branches; this also turns loops around, so that an iteration
 * ends with its only branch. Cold blocks go to the end.
 */
import { M, type MBlock, type MFunc } from './mir.ts';

/** Makes jumps and branches skip blocks that only jump on. */
export function threadJumps(func: MFunc, isEmpty: (block: MBlock) => boolean): void {
  const final = (block: MBlock): MBlock => {
    let at = block;
    for (let steps = 0; steps < 100 && isEmpty(at); steps++) at = at.insts[at.insts.length - 1]!.target!;
    return at;
  };
  for (const block of func.blocks) {
    const last = block.insts[block.insts.length - 1]!;
    if (last.target !== undefined) last.target = final(last.target);
    if (last.otherwise !== undefined) last.otherwise = final(last.otherwise);
    if (last.targets !== undefined) last.targets = last.targets.map(final);
    block.succs = successors(block);
  }
  const reached = new Set<MBlock>([func.blocks[0]!]);
  for (const block of reached) for (const succ of block.succs) reached.add(succ);
  func.blocks = func.blocks.filter((block) => reached.has(block));
}

function successors(block: MBlock): MBlock[] {
  const last = block.insts[block.insts.length - 1]!;
  if (last.op === M.Jump) return [last.target!];
  if (last.op === M.Branch) return [last.target!, last.otherwise!];
  if (last.op === M.TableJump) return [...new Set([...last.targets!, last.otherwise!])];
  return [];
}

interface LayoutEdge {
  readonly from: MBlock;
  readonly to: MBlock;
  readonly weight: number;
  readonly isJump: boolean;
}

/** Puts `func.blocks` into the order of emission. */
export function layoutBlocks(func: MFunc): void {
  const index = new Map(func.blocks.map((block, i) => [block, i]));
  const edges: LayoutEdge[] = [];
  for (const block of func.blocks) {
    const last = block.insts[block.insts.length - 1]!;
    if (last.op === M.Jump) {
      edges.push({ from: block, to: last.target!, weight: block.frequency, isJump: true });
    } else if (last.op === M.Branch) {
      const [then, otherwise] = [last.target!, last.otherwise!];
      const weigh = (to: MBlock, expected: boolean): number => {
        const likely = last.likely === 0 ? 1 : expected ? 2 : 0.2;
        return Math.min(block.frequency, to.frequency) * likely;
      };
      edges.push({ from: block, to: otherwise, weight: weigh(otherwise, last.likely < 0), isJump: false });
      edges.push({ from: block, to: then, weight: weigh(then, last.likely > 0), isJump: false });
    }
  }
  edges.sort((a, b) => Number(b.isJump) - Number(a.isJump) || b.weight - a.weight);
  const chainOf = new Map<MBlock, MBlock[]>(func.blocks.map((block) => [block, [block]]));
  const entry = func.blocks[0]!;
  for (const { from, to } of edges) {
    const a = chainOf.get(from)!;
    const b = chainOf.get(to)!;
    if (a === b || to === entry || a[a.length - 1] !== from || b[0] !== to || from.cold !== to.cold) continue;
    a.push(...b);
    for (const block of b) chainOf.set(block, a);
  }
  const chains = [...new Set(func.blocks.map((block) => chainOf.get(block)!))];
  const first = chainOf.get(entry)!;
  const rank = (chain: MBlock[]): number => (chain === first ? -1 : Number(chain[0]!.cold));
  const firstIndex = (chain: MBlock[]): number => Math.min(...chain.map((block) => index.get(block)!));
  const keyed = chains.map((chain) => ({ chain, rank: rank(chain), index: firstIndex(chain) }));
  keyed.sort((a, b) => a.rank - b.rank || a.index - b.index);
  func.blocks = keyed.flatMap(({ chain }) => chain);
}
