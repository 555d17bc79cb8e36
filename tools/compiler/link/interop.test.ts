/** Do our files work with other people's tools: GCC's objects, ld, objdump, readelf, nm? */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeWith, GCC, OBJDUMP } from '../../../test/oracles.ts';
import { compile } from '../compile.ts';
import { LoadedProgram } from '../testing/guest-unit.ts';
import { readObject } from './elf-object.ts';
import { LAYOUTS, linkExecutable } from './linker.ts';

const GUEST = `
class Pair {
  a: i32;
  b: f64;
  c: u8;
  readonly list: FixedArray<i16, 3>;
}

declare function c_mix(a: i32, x: f64, b: u8, y: f32, p: Pair): f64;
declare function c_sum(text: str): u64;
declare function c_many(a: i64, b: i64, c: i64, d: i64, e: i64, f: i64, g: i64, h: i64, i: i64, j: i32): i64;
declare function c_call(f: (x: i64) => i64, x: i64): i64;

function triple(x: i64): i64 {
  return x * 3;
}

/** @export */
export function g_mix(a: i32, x: f64, b: u8, y: f32, p: Pair): f64 {
  p.list[1] += 5;
  return f64(a) * x + f64(b) - f64(y) * p.b + f64(p.list[1]);
}

/** @export */
export function g_sum(text: str): u64 {
  let sum: u64 = 0;
  for (const byte of text.bytes) sum = sum * 7 + u64(byte);
  return sum;
}

/** @export */
export function g_many(a: i64, b: i64, c: i64, d: i64, e: i64, f: i64, g: i64, h: i64, i: i64, j: i32): i64 {
  return a - b + c * d - e + f * g - h + i * 100 + i64(j) * 1000;
}

/** @export */
export function from_guest(p: Pair): u64 {
  const mixed = c_mix(-3, 2.5, 200, 0.25, p);
  const many = c_many(1, 2, 3, 4, 5, 6, 7, 8, 9, -10);
  return u64(i64(mixed * 1000.0)) + c_sum('hello, C') + u64(many) + u64(c_call(triple, 14));
}
`;

const C = `
#include <stdint.h>
struct pair { int32_t a; double b; uint8_t c; int16_t list[3]; };
struct text { const uint8_t *start; uint64_t length; };
extern double g_mix(int32_t, double, uint8_t, float, struct pair *);
extern uint64_t g_sum(struct text);
extern int64_t g_many(int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int32_t);
extern uint64_t from_guest(struct pair *);
double c_mix(int32_t a, double x, uint8_t b, float y, struct pair *p) {
  p->list[1] += 5;
  return a * x + b - y * p->b + p->list[1];
}
uint64_t c_sum(struct text t) {
  uint64_t sum = 0;
  for (uint64_t i = 0; i < t.length; i++) sum = sum * 7 + t.start[i];
  return sum;
}
int64_t c_many(int64_t a, int64_t b, int64_t c, int64_t d, int64_t e, int64_t f, int64_t g, int64_t h, int64_t i,
               int32_t j) {
  return a - b + c * d - e + f * g - h + i * 100 + (int64_t)j * 1000;
}
int64_t c_call(int64_t (*f)(int64_t), int64_t x) { return f(x) + f(x + 1); }
static struct pair one = {1, 1.5, 2, {3, 4, 5}}, two = {1, 1.5, 2, {3, 4, 5}};
uint64_t from_c(void) {
  double mixed = g_mix(-3, 2.5, 200, 0.25f, &one);
  int64_t many = g_many(1, 2, 3, 4, 5, 6, 7, 8, 9, -10);
  struct text t = {(const uint8_t *)"hello, C", 8};
  return (uint64_t)(int64_t)(mixed * 1000.0) + g_sum(t) + (uint64_t)many + 42 + 45;
}
uint64_t from_guest_of_c(void) { return from_guest(&two); }
`;

describeWith([GCC, OBJDUMP], 'guest TypeScript and C', () => {
  const folder = mkdtempSync(join(tmpdir(), 'licorice-interop-'));
  const at = (name: string): string => join(folder, name);
  const run = (program: string, ...args: string[]): string =>
    execFileSync(`riscv64-unknown-elf-${program}`, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });

  beforeAll(() => {
    writeFileSync(at('unit.ts'), GUEST);
    writeFileSync(at('c.c'), C);
    const flags = [
      '-march=rv64gc',
      '-mabi=lp64d',
      '-mcmodel=medany',
      '-ffreestanding',
      '-ffp-contract=off',
      '-g',
    ];
    run('gcc', ...flags, '-O2', '-c', at('c.c'), '-o', at('c.o'));
    for (const optimise of [false, true]) {
      const result = compile(at('unit.ts'), { target: 'bare', optimise, relocatable: true, root: folder });
      if (!result.ok) throw new Error(result.diagnostics.map((d) => d.message).join('\n'));
      writeFileSync(at(optimise ? 'unit-O2.o' : 'unit-O0.o'), result.elf);
    }
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  describe.each(['unit-O0.o', 'unit-O2.o'])('%s', (unit) => {
    const check = (elf: Uint8Array): void => {
      const program = new LoadedProgram(elf);
      const [c, guest] = [program.call('from_c'), program.call('from_guest_of_c')];
      expect(guest).toBe(c);
      expect(c).not.toBe(0n);
    };

    test('do they call each other, linked by us?', () => {
      const objects = [unit, 'c.o'].map((name) => readObject(readFileSync(at(name)), name));
      check(linkExecutable(objects, { ...LAYOUTS.bare, entry: 'from_c' }));
    });

    test('do they call each other, linked by GNU ld?', () => {
      const elf = at(`${unit}.elf`);
      run('ld', '--no-relax', '-Ttext=0x80000000', '-e', 'from_c', at(unit), at('c.o'), '-o', elf);
      check(readFileSync(elf));
    });

    test('do objdump, readelf and nm read the object without complaint?', () => {
      const complaints = (program: string, ...args: string[]): string =>
        execFileSync('sh', ['-c', `riscv64-unknown-elf-${program} "$@" 2>&1 >/dev/null`, 'sh', ...args], {
          encoding: 'utf8',
        });
      const file = at(unit);
      expect(complaints('readelf', '-a', '-w', file)).toBe('');
      expect(complaints('objdump', '-dSr', file)).toBe('');
      expect(complaints('nm', file)).toBe('');
      expect(run('nm', file)).toMatch(/ T g_mix\n/);
      // objdump finds the source lines through our line table.
      expect(run('objdump', '-dS', file)).toContain('return x * 3;');
    });
  });

  test('is the same source compiled to the same bytes?', () => {
    const build = (): Uint8Array => {
      const result = compile(at('unit.ts'), {
        target: 'bare',
        optimise: true,
        relocatable: true,
        root: folder,
      });
      return result.ok ? result.elf : new Uint8Array(0);
    };
    expect(Buffer.compare(Buffer.from(build()), Buffer.from(build()))).toBe(0);
  });

  test('what is said when a symbol is missing, or defined twice?', () => {
    const object = (): ReturnType<typeof readObject> => readObject(readFileSync(at('unit-O2.o')), 'unit.o');
    const layout = { ...LAYOUTS.bare, entry: 'g_sum' };
    expect(() => linkExecutable([object()], layout)).toThrow(
      "linking: 'c_mix' is used in unit.o and defined nowhere",
    );
    expect(() => linkExecutable([object(), object()], layout)).toThrow(/'g_mix' is defined twice/);
  });
});
