/**
 * Shape of the control-flow graph: reverse postorder, dominator tree, loops. The dominator algorithm is that of Cooper,
 * Harvey and Kennedy, "A Simple, Fast Dominance Algorithm"; loops are natural loops, found by back edges.
 */
import { type Block, computePreds, type Func } from './ir.ts';

/** Reachable blocks in reverse postorder; sets `Block.order` to the position, -1 for the others. */
export function reversePostorder(func: Func): Block[] {
  for (const block of func.blocks) block.order = -1;
  const post: Block[] = [];
  const stack: Block[] = [func.entry];
  const nextEdge: number[] = [0];
  func.entry.order = 0;
  while (stack.length > 0) {
    const top = stack.length - 1;
    const block = stack[top]!;
    const succs = block.succs;
    if (nextEdge[top]! < succs.length) {
      // The last successor first, so that in the result the first one comes right after the block.
      const to = succs[succs.length - 1 - nextEdge[top]!]!.to;
      nextEdge[top]!++;
      if (to.order < 0) {
        to.order = 0;
        stack.push(to);
        nextEdge.push(0);
      }
    } else {
      post.push(block);
      stack.pop();
      nextEdge.pop();
    }
  }
  post.reverse();
  for (let i = 0; i < post.length; i++) post[i]!.order = i;
  return post;
}

export class DominatorTree {
  /** Preorder number and last preorder number in the subtree, by reverse-postorder position. */
  private readonly enter: Int32Array;
  private readonly leave: Int32Array;
  readonly children: Block[][];

  constructor(
    /** Reachable blocks in reverse postorder. */
    readonly order: readonly Block[],
    /** Immediate dominator's position by position; the entry's is 0. */
    readonly idom: Int32Array,
  ) {
    const count = order.length;
    this.children = order.map(() => []);
    for (let i = 1; i < count; i++) this.children[idom[i]!]!.push(order[i]!);
    this.enter = new Int32Array(count);
    this.leave = new Int32Array(count);
    let clock = 0;
    const stack: number[] = [0];
    const next: number[] = [0];
    this.enter[0] = clock++;
    while (stack.length > 0) {
      const top = stack.length - 1;
      const at = stack[top]!;
      const kids = this.children[at]!;
      if (next[top]! < kids.length) {
        const kid = kids[next[top]!++]!.order;
        this.enter[kid] = clock++;
        stack.push(kid);
        next.push(0);
      } else {
        this.leave[at] = clock;
        stack.pop();
        next.pop();
      }
    }
  }

  reachable(block: Block): boolean {
    return block.order >= 0;
  }

  /** Whether every path to `b` passes `a`; true for a = b. */
  dominates(a: Block, b: Block): boolean {
    if (a.order < 0 || b.order < 0) return false;
    const at = this.enter[b.order]!;
    return this.enter[a.order]! <= at && at < this.leave[a.order]!;
  }

  /** The immediate dominator, or undefined for the entry. */
  parent(block: Block): Block | undefined {
    return block.order === 0 ? undefined : this.order[this.idom[block.order]!];
  }
}

/** Computes predecessors, reverse postorder and the dominator tree. */
export function dominators(func: Func): DominatorTree {
  computePreds(func);
  const order = reversePostorder(func);
  const idom = new Int32Array(order.length).fill(-1);
  idom[0] = 0;
  for (let changed = true; changed; ) {
    changed = false;
    for (let i = 1; i < order.length; i++) {
      let best = -1;
      for (const pred of order[i]!.preds) {
        let p = pred.order;
        if (p < 0 || idom[p] === -1) continue;
        if (best === -1) {
          best = p;
          continue;
        }
        while (p !== best) {
          if (p > best) p = idom[p]!;
          else best = idom[best]!;
        }
      }
      if (idom[i] !== best) {
        idom[i] = best;
        changed = true;
      }
    }
  }
  return new DominatorTree(order, idom);
}

/** A natural loop. */
export interface Loop {
  readonly header: Block;
  /** The header included. */
  readonly blocks: Set<Block>;
  parent: Loop | undefined;
  /** 1 for an outermost loop. */
  depth: number;
}

/** Loops, outer ones before the loops inside them; sets `Block.depth`. Irreducible cycles are not loops. */
export function findLoops(func: Func, tree: DominatorTree): Loop[] {
  const byHeader = new Map<Block, Loop>();
  for (const block of tree.order) {
    block.depth = 0;
    for (const edge of block.succs) {
      if (!tree.dominates(edge.to, block)) continue;
      let loop = byHeader.get(edge.to);
      if (loop === undefined) {
        loop = { header: edge.to, blocks: new Set([edge.to]), parent: undefined, depth: 1 };
        byHeader.set(edge.to, loop);
      }
      const work = [block];
      while (work.length > 0) {
        const b = work.pop()!;
        if (loop.blocks.has(b)) continue;
        loop.blocks.add(b);
        for (const pred of b.preds) if (pred.order >= 0) work.push(pred);
      }
    }
  }
  for (const block of func.blocks) if (block.order < 0) block.depth = 0;
  const loops = [...byHeader.values()].sort(
    (a, b) => b.blocks.size - a.blocks.size || a.header.order - b.header.order,
  );
  const innermost = new Map<Block, Loop>();
  for (const loop of loops) {
    loop.parent = innermost.get(loop.header);
    loop.depth = (loop.parent?.depth ?? 0) + 1;
    for (const block of loop.blocks) {
      innermost.set(block, loop);
      block.depth = loop.depth;
    }
  }
  return loops;
}

/** Whether the function has loops. Its blocks must be in reverse postorder. */
export function hasLoops(func: Func): boolean {
  func.blocks.forEach((block, index) => {
    block.order = index;
  });
  return func.blocks.some((block) => block.succs.some((edge) => edge.to.order <= block.order));
}
