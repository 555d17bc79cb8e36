/** Do C compiled by GCC and guest TypeScript call each other by the psABI: integers, floats, structs by value and by reference? */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWith, findOracle, GCC } from '../../../test/oracles.ts';
import { type LoadedProgram, unit } from './guest-unit.ts';

const C = `
typedef unsigned char u8; typedef unsigned short u16; typedef unsigned u32; typedef unsigned long u64; typedef long i64; typedef int i32; typedef signed char i8;
struct pair { u32 a, b; };
struct mixed { i32 n; double x; };
struct floats { float x, y; };
struct large { u64 v[5]; };
struct odd { u8 a; u16 b; u32 c; u8 d; };
struct three { u64 a; u32 b; };
u64 c_sum(u8 a, i8 b, u16 c, i32 d, u64 e, u32 f, i64 g, u64 h, u64 i, i32 j) { return a + b + c + d + e + f + g + h + i * 2 + j * 3; }
double c_scale(double x, float y, i32 n) { return x * y + n; }
struct pair c_pair(struct pair p, u32 k) { struct pair r = { p.b + k, p.a * k }; return r; }
struct mixed c_mixed(struct mixed m) { struct mixed r = { m.n * 2, m.x + 0.5 }; return r; }
struct floats c_floats(struct floats f) { struct floats r = { f.y, f.x }; return r; }
struct large c_large(struct large l, u64 k) { for (int i = 0; i < 5; i++) l.v[i] *= k; return l; }
u64 c_odd(struct odd o, u64 k) { return o.a + o.b * 10 + o.c * 100 + o.d * 1000 + k; }
struct three c_three(u64 k) { struct three r = { k, (u32)k + 1 }; return r; }
u64 c_reference(struct large *l) { return l->v[0] + l->v[4]; }
u64 c_apply(u64 (*f)(u64, u64), u64 x) { return f(x, 3) + f(x, 4); }
extern u64 ts_sum(u8, i8, u16, i32, u64, u32, i64, u64, u64, i32);
extern double ts_scale(double, float, i32);
extern struct pair ts_pair(struct pair, u32);
extern struct mixed ts_mixed(struct mixed);
extern struct floats ts_floats(struct floats);
extern struct large ts_large(struct large, u64);
extern u64 ts_odd(struct odd, u64);
extern struct three ts_three(u64);
u64 c_calls(void) {
  u64 bad = 0;
  if (ts_sum(255, -1, 65535, -5, 10, 0xffffffffu, -7, 8, 9, -3) != c_sum(255, -1, 65535, -5, 10, 0xffffffffu, -7, 8, 9, -3)) bad |= 1;
  if (ts_scale(1.5, 2.5f, 3) != c_scale(1.5, 2.5f, 3)) bad |= 2;
  struct pair p = ts_pair((struct pair){ 3, 4 }, 5), q = c_pair((struct pair){ 3, 4 }, 5);
  if (p.a != q.a || p.b != q.b) bad |= 4;
  struct mixed m = ts_mixed((struct mixed){ -7, 2.25 }), n = c_mixed((struct mixed){ -7, 2.25 });
  if (m.n != n.n || m.x != n.x) bad |= 8;
  struct floats f = ts_floats((struct floats){ 1.5f, -2 });
  if (f.x != -2 || f.y != 1.5f) bad |= 16;
  struct large l = ts_large((struct large){ { 1, 2, 3, 4, 5 } }, 6);
  if (l.v[0] != 6 || l.v[4] != 30) bad |= 32;
  if (ts_odd((struct odd){ 1, 2, 3, 4 }, 5) != c_odd((struct odd){ 1, 2, 3, 4 }, 5)) bad |= 64;
  struct three t = ts_three(0x123456789aul);
  if (t.a != 0x123456789aul || t.b != 0x3456789bu) bad |= 128;
  return bad;
}
`;

const GUEST = `
class Pair { a: u32; b: u32; }
class Mixed { n: i32; x: f64; }
class Floats { x: f32; y: f32; }
class Large { readonly v: FixedArray<u64, 5>; }
class Odd { a: u8; b: u16; c: u32; d: u8; }
class Three { a: u64; b: u32; }
declare function c_sum(a: u8, b: i8, c: u16, d: i32, e: u64, f: u32, g: i64, h: u64, i: u64, j: i32): u64;
declare function c_scale(x: f64, y: f32, n: i32): f64;
declare function c_pair(p: Inline<Pair>, k: u32): Inline<Pair>;
declare function c_mixed(m: Inline<Mixed>): Inline<Mixed>;
declare function c_floats(f: Inline<Floats>): Inline<Floats>;
declare function c_large(l: Inline<Large>, k: u64): Inline<Large>;
declare function c_odd(o: Inline<Odd>, k: u64): u64;
declare function c_three(k: u64): Inline<Three>;
declare function c_reference(l: Large): u64;
declare function c_apply(f: (x: u64, y: u64) => u64, x: u64): u64;
declare function c_calls(): u64;
/** @export */
function ts_sum(a: u8, b: i8, c: u16, d: i32, e: u64, f: u32, g: i64, h: u64, i: u64, j: i32): u64 { return u64(a) + u64(b) + u64(c) + u64(d) + e + u64(f) + u64(g) + h + i * 2 + u64(j * 3); }
/** @export */
function ts_scale(x: f64, y: f32, n: i32): f64 { return x * f64(y) + f64(n); }
/** @export */
function ts_pair(p: Inline<Pair>, k: u32): Inline<Pair> { const r = stack<Pair>(); r.a = p.b + k; r.b = p.a * k; p.a = 0; return r; }
/** @export */
function ts_mixed(m: Inline<Mixed>): Inline<Mixed> { m.n *= 2; m.x += 0.5; return m; }
/** @export */
function ts_floats(f: Inline<Floats>): Inline<Floats> { const t = f.x; f.x = f.y; f.y = t; return f; }
/** @export */
function ts_large(l: Inline<Large>, k: u64): Inline<Large> { for (let i = 0; i < 5; i++) l.v[i] *= k; return l; }
/** @export */
function ts_odd(o: Inline<Odd>, k: u64): u64 { return u64(o.a) + u64(o.b) * 10 + u64(o.c) * 100 + u64(o.d) * 1000 + k; }
/** @export */
function ts_three(k: u64): Inline<Three> { const t = stack<Three>(); t.a = k; t.b = u32(k) + 1; return t; }
function fromC(): u64 { return c_calls(); }
function scalars(): u64 { return c_sum(255, -1, 65535, -5, 10, 0xffffffff, -7, 8, 9, -3); }
function floats(): i64 { return i64(c_scale(1.5, 2.5, 3) * 100.0); }
function pair(): u64 { const p = stack<Pair>(); p.a = 3; p.b = 4; const r = c_pair(p, 5); return u64(r.a) * 1000 + u64(r.b) * 10 + u64(p.a); }
function mixed(): i64 { const m = stack<Mixed>(); m.n = -7; m.x = 2.25; const r = c_mixed(m); return i64(r.n) * 1000 + i64(r.x * 100.0); }
function swapped(): i64 { const f = stack<Floats>(); f.x = 1.5; f.y = -2.0; const r = c_floats(f); return i64(r.x * 10.0) * 1000 + i64(r.y * 10.0); }
function large(): u64 { const l = stack<Large>(); for (let i: u64 = 0; i < 5; i++) l.v[i] = i + 1; const r = c_large(l, 6); return r.v[4] * 100 + l.v[4] * 10 + c_reference(l); }
function odd(): u64 { const o = stack<Odd>(); o.a = 1; o.b = 2; o.c = 3; o.d = 4; return c_odd(o, 5); }
function three(): u64 { const t = c_three(41); return t.a * 100 + u64(t.b); }
function callback(): u64 { return c_apply((x, y) => x * y, 10); }
`;

describeWith([GCC], 'C and guest TypeScript', () => {
  const compiled = (level: string): { name: string; bytes: Uint8Array } => {
    const folder = mkdtempSync(join(tmpdir(), 'licorice-interop-'));
    try {
      writeFileSync(join(folder, 'twin.c'), C);
      const flags = [
        '-c',
        level,
        '-march=rv64gc',
        '-mabi=lp64d',
        '-mcmodel=medany',
        '-ffreestanding',
        '-ffp-contract=off',
      ];
      execFileSync(findOracle(GCC)!, [...flags, '-o', join(folder, 'twin.o'), join(folder, 'twin.c')]);
      return { name: 'twin.o', bytes: readFileSync(join(folder, 'twin.o')) };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
  const signed = (value: bigint): bigint => BigInt.asIntN(64, value);

  it.each([
    ['-O0', false],
    ['-O2', true],
  ])('do they agree on every kind of parameter and result at %s?', (level, optimise) => {
    const program: LoadedProgram = unit(GUEST, { optimise, objects: [compiled(level)] });
    // Each bit is one kind that C found wrong.
    expect(program.call('fromC')).toBe(0n);
    expect(program.call('scalars')).toBe(255n - 1n + 65535n - 5n + 10n + 0xffffffffn - 7n + 8n + 18n - 9n);
    expect(program.call('floats')).toBe(675n);
    expect(program.call('pair')).toBe(9n * 1000n + 150n + 3n);
    expect(signed(program.call('mixed'))).toBe(-14n * 1000n + 275n);
    expect(signed(program.call('swapped'))).toBe(-20n * 1000n + 15n);
    expect(program.call('large')).toBe(3000n + 50n + 6n);
    expect(program.call('odd')).toBe(4326n);
    expect(program.call('three')).toBe(4142n);
    expect(program.call('callback')).toBe(70n);
  });
});
