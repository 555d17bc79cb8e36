/** Does structured control flow visit the same nodes as the graph it was made from, whatever the graph? */
import { describe, expect, it } from 'vitest';
import { randomNumbers } from '../isa/random-operands.ts';
import { Structure, type StructureWriter } from './structure.ts';

/** What a structure writes, as a tree to walk. */
type Statement =
  | { kind: 'loop' | 'block'; label: number; body: Statement[] }
  | { kind: 'br'; label: number }
  | { kind: 'select'; selector: number }
  | { kind: 'dispatch'; labels: readonly number[] }
  | { kind: 'node'; node: number; ways: Statement[][] };

class Recorder implements StructureWriter {
  readonly root: Statement[] = [];
  private readonly open: Statement[][] = [this.root];
  private labels = 0;
  structure!: Structure;

  constructor(private readonly graph: readonly (readonly number[])[]) {}

  private add(statement: Statement): void {
    this.open[this.open.length - 1]!.push(statement);
  }
  private begin(kind: 'loop' | 'block'): number {
    const body: Statement[] = [];
    const label = this.labels++;
    this.add({ kind, label, body });
    this.open.push(body);
    return label;
  }
  loop(): number {
    return this.begin('loop');
  }
  block(): number {
    return this.begin('block');
  }
  end(): void {
    this.open.pop();
  }
  br(label: number): void {
    this.add({ kind: 'br', label });
  }
  select(selector: number): void {
    this.add({ kind: 'select', selector });
  }
  dispatch(_node: number, labels: readonly number[]): void {
    this.add({ kind: 'dispatch', labels });
  }
  node(node: number): void {
    const ways: Statement[][] = [];
    this.add({ kind: 'node', node, ways });
    for (const next of this.graph[node]!) {
      const way: Statement[] = [];
      ways.push(way);
      this.open.push(way);
      this.structure.branch(node, next, this);
      this.open.pop();
    }
  }
}

/** Walks the tree, choosing ways by `choose`, and returns the nodes visited. */
function walk(root: Statement[], choose: (ways: number) => number, steps: number): number[] {
  const visited: number[] = [];
  let selector = -1;
  /** Runs statements; the label to go on at, or -1 at the end of the list, or -2 when the walk is over. */
  const run = (list: Statement[]): number => {
    for (const statement of list) {
      let to = -1;
      switch (statement.kind) {
        case 'loop':
          do to = run(statement.body);
          while (to === statement.label);
          break;
        case 'block':
          to = run(statement.body);
          if (to === statement.label) to = -1;
          break;
        case 'br':
          return statement.label;
        case 'select':
          selector = statement.selector;
          break;
        case 'dispatch':
          return statement.labels[statement.labels.length === 1 ? 0 : selector]!;
        case 'node':
          visited.push(statement.node);
          if (visited.length >= steps || statement.ways.length === 0) return -2;
          to = run(statement.ways[choose(statement.ways.length)]!);
          if (to === -1) throw new Error(`node ${statement.node}: a way has no end`);
          break;
      }
      if (to !== -1) return to;
    }
    return -1;
  };
  run(root);
  return visited;
}

function randomGraph(next: () => number): number[][] {
  const count = 2 + (next() % 14);
  const graph = Array.from({ length: count }, (_, node) => {
    const list = Array.from({ length: next() % 4 }, () => 1 + (next() % (count - 1)));
    // A chain keeps every node reachable.
    if (node + 1 < count) list.push(node + 1);
    return [...new Set(list)];
  });
  graph[0] = [1];
  return graph;
}

describe('structure', () => {
  it('walks every random graph, reducible or not, as the graph itself', () => {
    let dispatchers = 0;
    for (let seed = 0; seed < 400; seed++) {
      const graph = randomGraph(randomNumbers(seed));
      const recorder = new Recorder(graph);
      const writes = randomNumbers(seed + 2000);
      const structure = new Structure(graph, seed % 2 ? graph.map(() => 1 << (writes() % 6)) : undefined);
      recorder.structure = structure;
      structure.write(recorder);
      dispatchers += structure.count - graph.length;
      const choices = randomNumbers(seed + 1000);
      const taken: number[] = [];
      const visited = walk(
        recorder.root,
        (ways) => {
          taken.push(choices() % ways);
          return taken[taken.length - 1]!;
        },
        60,
      );
      const expected = [0];
      for (let i = 0; expected.length < visited.length; i++) {
        expected.push(graph[expected[expected.length - 1]!]![taken[i]!]!);
      }
      expect(visited, `seed ${seed}`).toEqual(expected);
    }
    expect(dispatchers).toBeGreaterThan(50);
  });
});
