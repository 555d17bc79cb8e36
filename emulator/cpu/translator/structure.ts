/**
 * From a control-flow graph to WebAssembly's structured control flow. Loops become `loop`, forward merges become
 * `block`s, both nested after the dominator tree (N. Ramsey, "Beyond Relooper", ICFP 2022). What is irreducible
 * (a strongly connected part that is entered at several nodes, as when a callee's body is shared by several call
 * sites) is first made reducible with a *dispatcher*: a new loop header that branches on a local to the node meant.
 *
 * A node that heads an inner loop and the loop around it (as when a region begins in an inner loop) gets a header of its
 * own for the outer one, a dispatcher to that node alone, so that whoever allocates registers sees two loops. Which back edges are
 * the inner loop's is guessed from what changes on the way: those along which less is written (as LLVM does).
 *
 * The graph's nodes are 0 … n-1, node 0 is the entry, every node is reachable. Dispatchers get numbers from n on.
 */

import { reversePostorder, stronglyConnected } from './graph.ts';

/** An edge's way: to a node, or to a dispatcher after setting the selector to `selector`. */
export interface Route {
  readonly target: number;
  /** -1 when the edge goes directly to its node. */
  readonly selector: number;
}

/** Writes the code; called in the order of the nesting. */
export interface StructureWriter {
  /** Opens a loop or a block and returns its label. */
  loop(): number;
  block(): number;
  end(): void;
  /** Writes a node's code and its terminator, which must leave over `branch` of the structure on each way out. */
  node(node: number): void;
  /** Writes a dispatcher: a switch on the selector over these labels. */
  dispatch(node: number, labels: readonly number[]): void;
  /** Sets the selector and goes to a label, or only one of them. */
  select(selector: number): void;
  br(label: number): void;
}

export class Structure {
  /** Number of nodes, dispatchers included. */
  readonly count: number;
  /** Nodes that begin a loop (dispatchers always do). */
  readonly isHeader: Uint8Array;
  /** Nodes that are reached by a `br` (not inlined at their only predecessor). */
  readonly isLabel: Uint8Array;
  /** Position in reverse postorder. */
  readonly order: Int32Array;
  /** Nodes in reverse postorder. */
  readonly sequence: readonly number[];
  /** Successors after routing, by node. */
  readonly successors: number[][];
  /** The only forward predecessor of a node that is not a label; -1 for others. */
  readonly parent: Int32Array;
  private readonly routes = new Map<number, Route>();
  private readonly dispatchTargets = new Map<number, number[]>();
  /** Children in the dominator tree, by node. */
  readonly dominatorChildren: readonly (readonly number[])[];
  private readonly labels: Int32Array;

  /** @param writes by node: a bit for each thing that it changes; absent: shared headers are not split */
  constructor(
    graph: readonly (readonly number[])[],
    private readonly writes?: readonly number[],
  ) {
    this.nodes = graph.length;
    this.successors = graph.map((list) => [...new Set(list)]);
    this.makeReducible();
    this.count = this.successors.length;
    this.sequence = reversePostorder(this.successors);
    this.order = new Int32Array(this.count).fill(-1);
    this.sequence.forEach((node, at) => {
      this.order[node] = at;
    });
    this.isHeader = new Uint8Array(this.count);
    this.isLabel = new Uint8Array(this.count);
    this.parent = new Int32Array(this.count).fill(-1);
    this.labels = new Int32Array(this.count).fill(-1);
    const forward = new Int32Array(this.count);
    for (const node of this.sequence) {
      for (const next of this.successors[node]!) {
        if (this.order[next]! <= this.order[node]!) this.isHeader[next] = 1;
        else {
          this.parent[next] = forward[next]! === 0 ? node : -1;
          forward[next]!++;
        }
      }
    }
    for (const node of this.sequence) if (forward[node]! > 1) this.isLabel[node] = 1;
    for (const targets of this.dispatchTargets.values()) for (const node of targets) this.isLabel[node] = 1;
    for (let node = 0; node < this.count; node++) if (this.isLabel[node]) this.parent[node] = -1;
    this.dominatorChildren = this.dominatorTree();
  }

  private readonly nodes: number;

  /** The nodes that the dispatcher `node` chooses from, by selector; undefined if it is an ordinary node. */
  targetsOf(node: number): readonly number[] | undefined {
    return this.dispatchTargets.get(node);
  }

  /** Where the edge from `from` to `to` of the original graph goes. */
  route(from: number, to: number): Route {
    return this.routes.get(from * this.nodes + to) ?? { target: to, selector: -1 };
  }

  /**
   * Whether the edge's end is inlined at the branch (its code follows), rather than jumped to.
   */
  inlines(from: number, to: number): boolean {
    const { target } = this.route(from, to);
    return !this.isLabel[target] && this.order[target]! > this.order[from]!;
  }

  /** The label to branch to for an edge that `inlines` denies; set the selector first if the route has one. */
  labelOf(from: number, to: number): number {
    return this.labels[this.route(from, to).target]!;
  }

  /** Writes everything, from the entry. */
  write(writer: StructureWriter): void {
    this.writeTree(0, writer);
  }

  /** Writes the way along an edge: a jump, or the target's whole subtree. */
  branch(from: number, to: number, writer: StructureWriter): void {
    const { target, selector } = this.route(from, to);
    if (selector >= 0) writer.select(selector);
    if (this.isLabel[target] || this.order[target]! <= this.order[from]!) writer.br(this.labels[target]!);
    else this.writeTree(target, writer);
  }

  private writeTree(node: number, writer: StructureWriter): void {
    const outer = this.labels[node]!;
    const header = this.isHeader[node] === 1;
    if (header) this.labels[node] = writer.loop();
    const merges = this.dominatorChildren[node]!.filter((child) => this.isLabel[child]);
    merges.sort((a, b) => this.order[b]! - this.order[a]!);
    for (const merge of merges) this.labels[merge] = writer.block();
    const targets = this.dispatchTargets.get(node);
    if (targets) {
      writer.dispatch(
        node,
        targets.map((target) => this.labels[target]!),
      );
    } else {
      writer.node(node);
    }
    merges.reverse();
    for (const merge of merges) {
      writer.end();
      this.writeTree(merge, writer);
    }
    if (header) {
      writer.end();
      this.labels[node] = outer;
    }
  }

  /** Adds dispatchers until every strongly connected part has one entry, at every level of nesting. */
  private makeReducible(): void {
    const pending: { nodes: number[]; entry: number }[] = [
      { nodes: this.successors.map((_, i) => i), entry: 0 },
    ];
    // Edges into a header do not count when its loop's inside is looked at.
    const removed = new Set<number>();
    while (pending.length > 0) {
      const { nodes, entry } = pending.pop()!;
      const inside = new Set(nodes);
      const next = (node: number): number[] =>
        this.successors[node]!.filter((to) => inside.has(to) && !removed.has(node * 0x10000 + to));
      for (const part of stronglyConnected(nodes, next)) {
        if (part.length === 1 && !next(part[0]!).includes(part[0]!)) continue;
        const members = new Set(part);
        const entries = new Set<number>();
        if (members.has(entry)) entries.add(entry);
        for (const node of nodes) {
          if (members.has(node)) continue;
          for (const to of next(node)) if (members.has(to)) entries.add(to);
        }
        let header: number;
        let all = part;
        if (entries.size === 1) {
          header = [...entries][0]!;
          const outside = this.outerEdges(part, header, next);
          if (outside.size > 0) {
            for (const node of nodes) if (!members.has(node)) outside.add(node);
            header = this.addDispatcher([header], outside);
            all = [...part, header];
          }
        } else {
          header = this.addDispatcher(
            [...entries].sort((a, b) => a - b),
            inside,
          );
          all = [...part, header];
        }
        for (const node of all)
          if (this.successors[node]!.includes(header)) removed.add(node * 0x10000 + header);
        pending.push({ nodes: all, entry: header });
      }
    }
  }

  /**
   * The nodes of a loop whose edges to its header belong to an outer loop: those on whose ways from the header more is
   * written than on the way of the shortest. Empty when the loop is one.
   */
  private outerEdges(part: readonly number[], header: number, next: (node: number) => number[]): Set<number> {
    const { writes } = this;
    const outer = new Set<number>();
    if (writes === undefined) return outer;
    const latches = part.filter((node) => next(node).includes(header));
    if (latches.length < 2) return outer;
    const before = new Map<number, number[]>(part.map((node) => [node, []]));
    for (const node of part) for (const to of next(node)) before.get(to)?.push(node);
    const bodies = latches.map((latch) => {
      const body = new Set([header, latch]);
      const queue = [latch];
      for (let node = queue.pop(); node !== undefined; node = queue.pop()) {
        if (node === header) continue;
        for (const from of before.get(node)!) {
          if (body.has(from)) continue;
          body.add(from);
          queue.push(from);
        }
      }
      let written = 0;
      for (const node of body) written |= writes[node] ?? 0;
      return { latch, size: body.size, written };
    });
    const inner = bodies.reduce((a, b) => (b.size < a.size ? b : a)).written;
    for (const { latch, written } of bodies) if ((written & ~inner) !== 0) outer.add(latch);
    return outer;
  }

  /** Redirects every edge (from the nodes of `inside`) to one of `targets` over a new node. */
  private addDispatcher(targets: number[], inside: ReadonlySet<number>): number {
    const dispatcher = this.successors.length;
    const redirect = new Set(targets);
    for (const from of inside) {
      const list = this.successors[from]!;
      if (!list.some((to) => redirect.has(to))) continue;
      for (const to of list) {
        if (!redirect.has(to)) continue;
        const selector = targets.length === 1 ? -1 : targets.indexOf(to);
        this.routes.set(from * this.nodes + to, { target: dispatcher, selector });
      }
      const dispatched = this.dispatchTargets.get(from);
      if (dispatched)
        this.dispatchTargets.set(
          from,
          dispatched.map((to) => (redirect.has(to) ? dispatcher : to)),
        );
      this.successors[from] = [...new Set(list.map((to) => (redirect.has(to) ? dispatcher : to)))];
    }
    this.successors.push([...targets]);
    this.dispatchTargets.set(dispatcher, targets);
    return dispatcher;
  }

  /** Children in the dominator tree, by node (K. Cooper et al., "A Simple, Fast Dominance Algorithm"). */
  private dominatorTree(): number[][] {
    const { sequence, order } = this;
    const predecessors: number[][] = Array.from({ length: this.count }, () => []);
    for (const node of sequence) for (const next of this.successors[node]!) predecessors[next]!.push(node);
    const dominator = new Int32Array(this.count).fill(-1);
    dominator[0] = 0;
    for (let changed = true; changed; ) {
      changed = false;
      for (const node of sequence) {
        if (node === sequence[0]) continue;
        let common = -1;
        for (const before of predecessors[node]!) {
          if (dominator[before] === -1) continue;
          if (common === -1) {
            common = before;
            continue;
          }
          let a = before;
          let b = common;
          while (a !== b) {
            while (order[a]! > order[b]!) a = dominator[a]!;
            while (order[b]! > order[a]!) b = dominator[b]!;
          }
          common = a;
        }
        if (dominator[node] !== common) {
          dominator[node] = common;
          changed = true;
        }
      }
    }
    const children: number[][] = Array.from({ length: this.count }, () => []);
    for (const node of sequence) if (node !== sequence[0]) children[dominator[node]!]!.push(node);
    return children;
  }
}
