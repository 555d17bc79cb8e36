/** Is a program the same, byte for byte, whether it is compiled alone or together with others that share its code? */
import { describe, expect, it } from 'vitest';
import { type CompileOptions, type CompileResult, compile, compileTogether } from '../compile.ts';
import type { SourceHost } from '../frontend/program.ts';

const LIBRARY = `
  /** Called once by each of two functions; which of them a program reaches must not matter. */
  function helper(x: u64): u64 { let s: u64 = 0; for (let i: u64 = 0; i < x; i++) s += i * x; return s + 3; }
  export function one(x: u64): u64 { return helper(x) * 2; }
  export function two(x: u64): u64 { return helper(x) * 3; }
  /** Functions that call each other: where the walk of the call graph begins must not matter. */
  export function even(n: u64): bool { if (n === 0) return true; return odd(n - 1); }
  export function odd(n: u64): bool { if (n === 0) return false; return even(n - 1); }
  /** Without names of their own. */
  const table: Slice<u64> = [1, 2, 3];
  const other: Slice<u64> = [4, 5, 6, 7];
  export function sum(): u64 { let s: u64 = 0; for (let i: u64 = 0; i < table.length; i++) s += table[i]; return s; }
  export function total(): u64 { let s: u64 = 0; for (let i: u64 = 0; i < other.length; i++) s += other[i]; return s; }
  export function apply(f: (x: u64) => u64, x: u64): u64 { return f(x); }
  export function doubled(x: u64): u64 { return apply((y) => y * 2, x) + apply((y) => y * 5, x); }
  export class Pair<T> { a: T; b: T; sum(): T { return this.a + this.b; } }
  /** @inline */
  export function text(which: bool): str { return which ? 'this' : 'that'; }`;

const entry = (body: string, names: string): string =>
  `import { ${names} } from './library.ts';\n/** @export _start */\nfunction start(): u64 { return main(); }\nfunction main(): u64 { ${body} }`;

const FILES: Readonly<Record<string, string>> = {
  '/p/library.ts': LIBRARY,
  '/p/a.ts': entry('return one(4) + sum() + u64(even(6)) + text(true).length;', 'one, sum, even, text'),
  '/p/b.ts': entry(
    'return two(5) + one(2) + total() + doubled(3) + u64(odd(7));',
    'two, one, total, doubled, odd',
  ),
  '/p/c.ts': entry(
    'const q = stack<Pair<u64>>(); q.a = 3; q.b = 1; return q.sum() + sum() + total() + text(false).length;',
    'Pair, sum, total, text',
  ),
  // Its panic is its own.
  '/p/d.ts': `${entry('return one(table[one(1)]);', 'one')}
    const table = zeroed<FixedArray<u64, 4>>();
    class Place { file: str; line: u32; column: u32; }
    /** @export */ function __panic_bounds(index: u64, length: u64, place: Place): never { for (;;) {} }`,
  '/p/e.ts': `${entry('return one(table[one(1)]);', 'one')}
    const table = zeroed<FixedArray<u64, 4>>();`,
  '/p/wrong.ts': entry('return 1 + nothing;', 'one'),
};
const host: SourceHost = { read: (path) => FILES[path] };
const options = (optimise: boolean): CompileOptions => ({ target: 'program', optimise, host, root: '/p' });
const elf = (result: CompileResult): Uint8Array => {
  if (!result.ok) throw new Error(JSON.stringify(result.diagnostics));
  return result.elf;
};

describe.each([false, true])('optimised: %s', (optimise) => {
  it.each([
    [['/p/a.ts', '/p/b.ts', '/p/c.ts']],
    [['/p/c.ts', '/p/b.ts', '/p/a.ts']],
    [['/p/b.ts', '/p/c.ts']],
    // What the compiler itself calls is not the same in these.
    [['/p/a.ts', '/p/d.ts', '/p/e.ts']],
  ])('is each of %s what it is alone?', (files) => {
    const together = compileTogether(files, options(optimise)).map(elf);
    for (const [i, file] of files.entries())
      expect(Buffer.compare(together[i]!, elf(compile(file, options(optimise)))), file).toBe(0);
  });
});

it('which sources is each made of?', () => {
  const [a, d] = compileTogether(['/p/a.ts', '/p/d.ts'], options(true));
  expect(a?.ok && a.sources).toEqual(['/p/a.ts', '/p/library.ts']);
  expect(d?.ok && d.sources).toEqual(['/p/d.ts', '/p/library.ts']);
});

it('is what is wrong with one of them said?', () => {
  const results = compileTogether(['/p/a.ts', '/p/wrong.ts'], options(true));
  for (const result of results)
    expect(!result.ok && result.diagnostics.map(({ file }) => file)).toEqual(['/p/wrong.ts']);
});
