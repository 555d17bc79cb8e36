/** Do persistent classes store persistent pointers, translate them on load and store, and log stores in transactions? */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compileToIr } from '../compile.ts';
import { printModule } from '../ir/print.ts';
import { type LoadedProgram, unit } from './guest-unit.ts';

/** Counts what does not take the short way. */
const RUNTIME = `
  let slowLoads: u64 = 0;
  let slowStores: u64 = 0;
  /** @export */
  function __twz_ptr_load(pointer: u64, field: usize): usize { slowLoads++; return (pointer >> 30) * 0x1000 + (pointer & 0xfff); }
  /** @export */
  function __twz_ptr_store(target: usize, field: usize): u64 { slowStores++; return (target / 0x1000) << 30 | 0x1000 | target & 0xfff; }
  /** Keeps data off the null page of the "object". */
  const padding = zeroed<FixedArray<u8, 4096>>();
  function pad(): u8 { return padding[0]; }
  function counts(): u64 { return slowLoads * 100 + slowStores; }`;

/**
 * Two objects of 1 GiB would not fit into the memory of a test, but the machine's DRAM lies at a multiple of 1 GiB: all of it
 * is "one object" to the compiler, and addresses below it belong to another.
 */
const TREE = (tag: string): string => `
  ${tag} class Node { key: u64; left: Node | null; right: Node | null; readonly kids: FixedArray<Node | null, 2>; }
  const nodes = zeroed<FixedArray<Inline<Node>, 16>>();
  let root: Node | null = null;
  function insert(node: Node): void {
    if (root === null) { root = node; return; }
    let at: Node = root;
    for (;;) {
      const next = node.key < at.key ? at.left : at.right;
      if (next === null) break;
      at = next;
    }
    if (node.key < at.key) at.left = node;
    else at.right = node;
  }
  function sum(node: Node | null, depth: u64): u64 { if (node === null) return 0; return node.key * depth + sum(node.left, depth + 1) + sum(node.right, depth + 1); }
  function build(n: u64): u64 {
    root = null;
    for (let i: u64 = 0; i < n; i++) { const node = nodes[i]; node.key = i * 7 % 16; node.left = null; node.right = null; insert(node); }
    return sum(root, 1);
  }
  function raw(i: u64): u64 { return load<u64>(addressOf(nodes[i]), offsetof<Node>('right')); }
  function offsetOfNode(i: u64): u64 { return addressOf(nodes[i]) & 0x3fff_ffff; }
  function isNull(i: u64): bool { return nodes[i].left === null; }
  function foreign(): u64 { nodes[0].left = at<Node>(0x5000); return load<u64>(addressOf(nodes[0]), offsetof<Node>('left')); }
  function readForeign(): u64 { return addressOf(nodes[0].left); }
  function kids(): u64 { const n = nodes[3]; n.kids[1] = nodes[5]; n.kids[0] = null; let s: u64 = 0; for (const k of n.kids) if (k !== null) s += k.key; return s * 10 + u64(n.kids[1] === nodes[5]); }
  function swap(): u64 { const a = nodes[1]; const b = nodes[2]; a.left = b; b.left = a; const t = a.left; a.left = b.left; b.left = t; return u64(a.left === a) + u64(b.left === b) * 10; }
  ${RUNTIME}`;

describe.each([
  ['-O0', { optimise: false }],
  ['-O2', { optimise: true }],
  ['-O2 with Xtwzp', { optimise: true, xtwzp: true }],
])('persistent classes at %s', (_, options) => {
  it('does the same tree code work on volatile and persistent nodes?', () => {
    const plain = unit(TREE(''), options);
    const persistent = unit(TREE('@persistent'), options);
    const expected = plain.call('build', 12n);
    expect(persistent.call('build', 12n)).toBe(expected);
    expect(persistent.call('kids')).toBe(plain.call('kids'));
    expect(persistent.call('swap')).toBe(11n);
    expect(persistent.call('counts')).toBe(0n);
  });

  it('is a local reference stored as its offset, null as 0, and read back?', () => {
    const program = unit(TREE('@persistent'), options);
    program.call('build', 2n);
    expect(program.call('raw', 0n)).toBe(program.call('offsetOfNode', 1n));
    expect(program.call('raw', 1n)).toBe(0n);
    expect(program.call('isNull', 0n)).toBe(1n);
  });

  it('does a reference into another object go through the runtime, both ways?', () => {
    const program = unit(TREE('@persistent'), options);
    expect(program.call('foreign')).toBe((5n << 30n) | 0x1000n);
    expect(program.call('readForeign')).toBe(0x5000n);
    expect(program.call('counts')).toBe(101n);
  });

  it('are stores in the scope of a transaction logged, and is it committed on every way out?', () => {
    const program = unit(
      `${RUNTIME}
      @persistent class Item { count: u32; value: u64; next: Item | null; readonly inner: Inline<Data>; readonly list: FixedArray<u16, 4>; }
      class Data { a: u8; b: u64; }
      class Plain { x: u64; }
      let log: FixedArray<u64, 32> = zeroed();
      let logged: u64 = 0;
      let commits: u64 = 0;
      @transaction class Tx {
        id: u64;
        static begin(): Tx { logged = 0; return tx0; }
        record(address: usize, size: usize): void { log[logged] = address; log[logged + 1] = size; logged += 2; }
        [Symbol.dispose](): void { commits++; }
      }
      const tx0 = zeroed<Tx>();
      const item = zeroed<Item>();
      const other = zeroed<Item>();
      const plain = zeroed<Plain>();
      function change(): u64 {
        using tx = Tx.begin();
        item.count = 5;
        item.value += 7;
        item.next = other;
        item.inner.b = 9;
        item.list[2] = 3;
        plain.x = 1;
        return logged;
      }
      function entry(i: u64): u64 { return log[i * 2] - addressOf(item) + log[i * 2 + 1] * 1000; }
      function outside(): u64 { logged = 0; item.count = 6; return logged; }
      function helper(tx: Tx, i: Item): void { i.count++; }
      function passed(): u64 { using tx = Tx.begin(); helper(tx, item); return logged; }
      function copies(): u64 { using tx = Tx.begin(); item.next = item; assign(other, item); const n = other.next; return logged * 10 + u64(n === item); }
      function leaves(n: u64): u64 { for (let i: u64 = 0; i < 5; i++) { using tx = Tx.begin(); if (i === n) break; if (i === 1) continue; item.count = 1; } return commits; }
      function inner(): u64 { { using tx = Tx.begin(); item.count = 2; } logged = 0; item.count = 3; return logged; }`,
      options,
    );
    expect(program.call('change')).toBe(10n);
    expect([0n, 1n, 2n, 3n, 4n].map((i) => program.call('entry', i))).toEqual([
      4000n,
      8008n,
      8016n,
      8032n,
      2044n,
    ]);
    expect(program.call('outside')).toBe(0n);
    expect(program.call('passed')).toBe(2n);
    expect(program.call('copies')).toBe(41n);
    const before = program.call('leaves', 9n);
    expect(program.call('leaves', 2n)).toBe(before + 3n);
    expect(program.call('inner')).toBe(0n);
  });
});

describe('persistent pointers in the intermediate representation', () => {
  const ir = (body: string): string => {
    const source = `@persistent class N { key: u64; next: N | null; }\nfunction f(n: N, m: N): u64 { ${body} }`;
    const host = { read: (path: string) => (path === '/p/p.ts' ? source : undefined) };
    const result = compileToIr('/p/p.ts', {
      target: 'kernel',
      optimise: true,
      root: '/p',
      host,
      roots: ['f'],
    });
    if (!result.ok) throw new Error(JSON.stringify(result.diagnostics));
    return printModule(result.module);
  };

  it('does a comparison with null, or storing null, need no translation?', () => {
    const text = ir('if (n.next === null) return 1; n.next = null; return 2;');
    expect(text).not.toMatch(/\bpref\b/);
    expect(text).not.toMatch(/\bpptr\b/);
  });

  it('does each load and store otherwise have one?', () => {
    const text = ir('m.next = n.next; return 0;');
    expect(text.match(/\bpref\b/g)?.length).toBe(1);
    expect(text.match(/\bpptr\b/g)?.length).toBe(1);
  });
});

describe('the price of a persistent pointer at -O2', () => {
  const LIST = (tag: string): string => `${RUNTIME}
    ${tag} class Node { key: u64; next: Node | null; other: Node | null; readonly kids: FixedArray<Node | null, 2>; }
    ${tag} class Table { readonly items: FixedArray<Node | null, 200>; }
    const nodes = zeroed<FixedArray<Inline<Node>, 200>>();
    const table = zeroed<Table>();
    function link(n: u64): void {
      for (let i: u64 = 0; i < n; i++) {
        const node = nodes[i];
        node.key = i;
        node.next = i + 1 < n ? nodes[i + 1] : null;
        node.other = nodes[(i * 7 + 3) % n];
        node.kids[0] = node.next;
        node.kids[1] = node.other;
        table.items[i] = node;
      }
    }
    function walk(): u64 { let s: u64 = 0; for (let p: Node | null = nodes[0]; p !== null; p = p.next) s += p.key; return s; }
    function hop(): u64 { let p: Node = nodes[0]; let s: u64 = 0; for (let i: u64 = 0; i < 199; i++) { p = p.other!; s += p.key; } return s; }
    function kids(): u64 { let p: Node = nodes[0]; for (let i: u64 = 0; i < 199; i++) p = p.kids.ptr[i & 1]!; return p.key; }
    function known(table: Table): u64 { let s: u64 = 0; for (let i: u64 = 0; i < 199; i++) s += table.items.ptr[i]!.key; return s; }
    function known0(): u64 { return known(table); }
    function both(n: Node): u64 { return n.next!.key + n.other!.key; }
    function first(): u64 { return both(nodes[0]); }`;
  const plain = unit(LIST(''));
  const local = unit(LIST('@persistent'));
  const machine = unit(LIST('@persistent'), { xtwzp: true });
  for (const program of [plain, local, machine]) program.call('link', 200n);
  /** Instructions more than with a volatile class, for each of `loads` loads. */
  const extra = (program: LoadedProgram, name: string, loads: number): number => {
    expect(program.call(name)).toBe(plain.call(name));
    return (program.count(name) - plain.count(name)) / loads;
  };

  it.each(['walk', 'hop', 'kids'])(
    'is a load in %s at most three instructions dearer than a plain one?',
    (name) => {
      expect(extra(local, name, 199)).toBeLessThanOrEqual(3.1);
    },
  );

  it('is it at most two when the base of the object is known in the loop?', () => {
    expect(extra(local, 'known0', 199)).toBeLessThanOrEqual(2.1);
  });

  it.each(['hop', 'kids'])('is it one instruction with Xtwzp, in %s?', (name) => {
    expect(extra(machine, name, 199)).toBeGreaterThan(0);
    expect(extra(machine, name, 199)).toBeLessThanOrEqual(1.05);
  });

  it('is it one with Xtwzp when the base is known in the loop?', () => {
    expect(extra(machine, 'known0', 199)).toBeLessThanOrEqual(1.05);
  });

  it('is it none with Xtwzp where the loop tests for null?', () => {
    expect(extra(machine, 'walk', 200)).toBeLessThanOrEqual(0.1);
  });

  it('is the base of an object that several fields share computed once?', () => {
    // The base (two instructions), the bound (one), then a test and an addition for each of the two loads.
    expect(extra(local, 'first', 1)).toBeLessThanOrEqual(7);
  });
});

describe('a red-black tree in a persistent class', () => {
  const [source, persistent] = ['rbtree.ts', 'persistent/rbtree.ts'].map((file) =>
    readFileSync(join('guest/programs/bench', file), 'utf8').split('\n'),
  ) as [string[], string[]];

  it('does its source differ from the volatile one only in the tags of its classes?', () => {
    expect(persistent.filter((line) => line !== '@persistent')).toEqual(source);
    const tagged = persistent.flatMap((line, i) => (line === '@persistent' ? [persistent[i + 1]] : []));
    expect(tagged).toEqual(['class Node {', 'class Tree {']);
    // And nothing of it is about persistence: no pointer type, no call, no cast.
    expect(source.join('\n')).not.toMatch(/Ptr|changetype|load<|store</);
  });

  it('does it do the same, at what price?', () => {
    const count = (lines: readonly string[], xtwzp: boolean): [result: bigint, instructions: number] => {
      const program = unit(lines.join('\n') + RUNTIME, { xtwzp });
      const before = program.machine.instructions;
      const result = program.call('run', 1n);
      const instructions = program.machine.instructions - before;
      expect(program.call('counts')).toBe(0n);
      return [result, instructions];
    };
    const [result, plain] = count(source, false);
    const [software, withoutXtwzp] = count(persistent, false);
    const [hardware, withXtwzp] = count(persistent, true);
    expect([software, hardware]).toEqual([result, result]);
    expect(withXtwzp / plain).toBeLessThan(1.35);
    expect(withoutXtwzp / plain).toBeLessThan(1.8);
  });
});
