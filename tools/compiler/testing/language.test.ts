/** Does every feature of guest TypeScript do what its reference says, without and with optimisation? */
import { describe, expect, it } from 'vitest';
import { unit, unitOf } from './guest-unit.ts';
import { LANGUAGE_CASES } from './language-cases.ts';

describe.each([
  ['-O0', false],
  ['-O2', true],
])('the language at %s', (_, optimise) => {
  it.each(LANGUAGE_CASES.map((entry) => [entry.title, entry] as const))('%s', (_title, entry) => {
    const program = unit(entry.source, { optimise });
    for (const [name, args, result] of entry.calls) {
      const got = program.call(name, ...args.map(BigInt));
      expect(`${name}(${args.join(', ')}) = ${got}`).toBe(
        `${name}(${args.join(', ')}) = ${BigInt.asUintN(64, BigInt(result))}`,
      );
    }
  });

  it('do modules import names, namespaces and re-exports from each other?', () => {
    const sources = {
      '/m/main.ts': `
        import { twice as double, Shape, LIMIT } from './a.ts';
        import * as b from './lib/b.ts';
        import { again } from './lib/b.ts';
        export function all(): u64 { const s = stack<Shape>(); s.sides = 3; b.state++; return double(s.sides) * 1000 + b.thrice(4) * 10 + again(1) + LIMIT + b.read(); }`,
      '/m/a.ts': `export function twice(x: u64): u64 { return x * 2; } export class Shape { sides: u64; } export const LIMIT = 5;`,
      '/m/lib/b.ts': `import { twice } from '../a.ts'; export function thrice(x: u64): u64 { return twice(x) + x; } export { twice as again } from '../a.ts'; export * from './c.ts';`,
      '/m/lib/c.ts': `export let state: u64 = 7; export function read(): u64 { return state; }`,
    };
    const program = unitOf(sources, '/m/main.ts', { optimise });
    expect(program.call('all')).toBe(6000n + 120n + 2n + 5n + 8n);
  });

  it('does a failed bounds check panic with file, line, index and length?', () => {
    const program = unit(
      `class SourceLocation { file: str; line: u32; column: u32; }
      function print(s: str): void { for (const c of s.bytes) volatileStore<u8>(0x1000_0000, c); }
      function printNumber(n: u64): void { if (n >= 10) printNumber(n / 10); volatileStore<u8>(0x1000_0000, u8('0') + u8(n % 10)); }
      /** @export */
      function __panic(message: str, location: SourceLocation): never {
        print(location.file); print(':'); printNumber(u64(location.line)); print(': '); print(message);
        volatileStore<u32>(0x10_0000, 0x5555);
        for (;;) {}
      }
      /** @export */
      function __panic_bounds(index: u64, length: u64, location: SourceLocation): never {
        print('index '); printNumber(index); print(' of '); printNumber(length); print(' ');
        __panic('out of bounds', location);
      }
      let list: FixedArray<u32, 5> = zeroed();
      function get(i: u64): u32 {
        return list[i];
      }
      function check(i: u64): u64 {
        assert(i < 5, 'too big');
        return i;
      }
      function part(a: u64, b: u64): u64 { return list.subslice(a, b).length; }`,
      { optimise },
    );
    expect(program.call('get', 4n)).toBe(0n);
    expect(program.call('check', 4n)).toBe(4n);
    expect(program.call('part', 5n, 5n)).toBe(0n);
    expect(program.callUntilStop('get', 5n).kind).toBe('exit');
    expect(program.console).toBe('index 5 of 5 unit.ts:17: out of bounds');
    program.callUntilStop('check', 9n);
    expect(program.console).toContain('unit.ts:20: too big');
    program.callUntilStop('part', 3n, 2n);
    expect(program.console).toContain('index 3 of 3 unit.ts:23');
  });

  it('does a program for the bare machine start, print and end with its status?', () => {
    const program = unit(
      `/** @export */ function main(): i32 { for (const c of 'hi'.bytes) volatileStore<u8>(0x1000_0000, c); return 3; }`,
      { optimise },
    );
    expect(program.run()).toBe(3);
    expect(program.console).toBe('hi');
  });
});
