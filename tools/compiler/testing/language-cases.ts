/**
 * The language, feature by feature: programs with the results that docs/guest-typescript.md promises. Each is compiled
 * without and with optimisation and run on the machine (language.test.ts).
 */

/** A call of a function with arguments, and what a0 holds afterwards (as an unsigned 64-bit number). */
export type Call = readonly [name: string, args: readonly (bigint | number)[], result: bigint | number];

export interface LanguageCase {
  readonly title: string;
  readonly source: string;
  readonly calls: readonly Call[];
}

/** A 32-bit or narrower result as the calling convention extends it: by sign. */
const s32 = (value: bigint): bigint => BigInt.asUintN(64, BigInt.asIntN(32, value));
const neg = (value: bigint): bigint => BigInt.asUintN(64, -value);

export const LANGUAGE_CASES: readonly LanguageCase[] = [
  {
    title: 'does arithmetic wrap at the width of the type?',
    source: `
      function add8(a: u8, b: u8): u8 { return a + b; }
      function addi8(a: i8, b: i8): i8 { return a + b; }
      function sub16(a: u16, b: u16): u16 { return a - b; }
      function mul32(a: u32, b: u32): u32 { return a * b; }
      function muli32(a: i32, b: i32): i32 { return a * b; }
      function mul64(a: u64, b: u64): u64 { return a * b; }
      function not8(a: u8): u8 { return ~a; }
      function neg8(a: i8): i8 { return -a; }
      function inc16(a: u16): u16 { let x = a; x++; return x; }
      function shl8(a: u8, n: u32): u8 { return a << n; }
      function shr8(a: i8, n: u32): i8 { return a >> n; }
      function ushr8(a: i8, n: u32): i8 { return a >>> n; }
      function shl32(a: u32, n: u64): u32 { return a << n; }
      function sar64(a: i64, n: u8): i64 { return a >> n; }
      function wide(a: u32, b: u32): u64 { return u64(a) * u64(b); }`,
    calls: [
      ['add8', [200n, 100n], 44n],
      ['addi8', [100n, 100n], neg(56n)],
      ['sub16', [1n, 2n], 0xffffn],
      ['mul32', [0xffffffffn, 0xffffffffn], 1n],
      ['muli32', [0x7fffffffn, 2n], s32(-2n)],
      ['mul64', [0xffffffffffffffffn, 3n], neg(3n)],
      ['not8', [0x0fn], 0xf0n],
      ['neg8', [neg(128n)], neg(128n)],
      ['inc16', [0xffffn], 0n],
      ['shl8', [0x81n, 1n], 2n],
      ['shl8', [0x81n, 9n], 2n],
      ['shr8', [neg(128n), 3n], neg(16n)],
      ['ushr8', [neg(128n), 1n], 0x40n],
      ['shl32', [1n, 31n], s32(0x80000000n)],
      ['shl32', [1n, 32n], 1n],
      ['sar64', [neg(8n), 65n], neg(4n)],
      ['wide', [s32(0xffffffffn), s32(0xffffffffn)], 0xfffffffe00000001n],
    ],
  },
  {
    title: 'does changetype take a choice of typed values, of literals, and of null?',
    source: `
      /** @underlying u8 */ enum Colour { Red, Green, Blue }
      function colour(a: bool, x: u8, y: u8): u64 { const c = changetype<Colour>(a ? x : y); return c === Colour.Blue ? 1 : 0; }
      function literal(a: bool): u64 { return changetype<u64>(a ? 1 : 0xffff_ffff_ffff_ffff); }
      function masked(a: bool, x: u8, y: u8): u64 { return changetype<Colour>((a ? x : y) & 3) === Colour.Green ? 1 : 0; }
      class P { x: u32; }
      function nothing(a: bool, p: P): u64 { return changetype<u64>(a ? p : null); }`,
    calls: [
      ['colour', [1, 2, 1], 1],
      ['colour', [0, 2, 1], 0],
      ['literal', [1], 1],
      ['literal', [0], 0xffffffffffffffffn],
      ['masked', [1, 0xfd, 0], 1],
      ['nothing', [0, 0x1234], 0],
      ['nothing', [1, 0x1234], 0x1234],
    ],
  },
  {
    title: 'does division give what RISC-V gives, without a mathematical result too?',
    source: `
      function div(a: i32, b: i32): i32 { return a / b; }
      function rem(a: i32, b: i32): i32 { return a % b; }
      function div64(a: i64, b: i64): i64 { return a / b; }
      function udiv8(a: u8, b: u8): u8 { return a / b; }
      function idiv8(a: i8, b: i8): i8 { return a / b; }
      function urem64(a: u64, b: u64): u64 { return a % b; }
      function by10(a: u64): u64 { return a / 10; }
      function by7(a: i32): i32 { return a / 7; }
      function mod8(a: i32): i32 { return a % 8; }`,
    calls: [
      ['div', [neg(7n), 2n], neg(3n)],
      ['rem', [neg(7n), 2n], neg(1n)],
      ['div', [7n, 0n], neg(1n)],
      ['rem', [7n, 0n], 7n],
      ['div', [neg(0x80000000n), neg(1n)], s32(0x80000000n)],
      ['div64', [0x8000000000000000n, neg(1n)], 0x8000000000000000n],
      ['udiv8', [7n, 0n], 255n],
      ['idiv8', [neg(128n), neg(1n)], neg(128n)],
      ['urem64', [0xffffffffffffffffn, 10n], 5n],
      ['by10', [0xffffffffffffffffn], 0x1999999999999999n],
      ['by7', [neg(50n)], neg(7n)],
      ['mod8', [neg(9n)], neg(1n)],
    ],
  },
  {
    title: 'do casts truncate, extend, round and saturate as documented?',
    source: `
      function a(x: i8): u64 { return u64(x); }
      function b(x: u64): i8 { return i8(x); }
      function c(x: i8): u16 { return u16(x); }
      function d(x: u32): i64 { return i64(x); }
      function e(x: i32): u64 { return u64(x); }
      function f(x: i64): i64 { return i64(f64(x) / 4.0); }
      function g(x: u64): u32 { return u32(f64(x) * 4294967296.0); }
      function h(x: u64): u8 { return u8(f32(x) + f32(0.75)); }
      function nan(x: f64): i32 { return i32((x - x) / (x - x)); }
      function k(x: u64): u32 { return u32(x === 5); }
      function l(x: i64): u64 { return u64(f64(x)); }
      function m(): u8 { return u8('A'); }`,
    calls: [
      ['a', [neg(1n)], neg(1n)],
      ['b', [0x1ffn], neg(1n)],
      ['c', [neg(1n)], 0xffffn],
      ['d', [s32(0xffffffffn)], 0xffffffffn],
      ['e', [neg(2n)], neg(2n)],
      ['f', [neg(10n)], neg(2n)],
      ['g', [5n], s32(0xffffffffn)],
      ['h', [3n], 3n],
      ['nan', [], 0x7fffffffn],
      ['k', [5n], 1n],
      ['k', [6n], 0n],
      ['l', [neg(5n)], 0n],
      ['m', [], 65n],
    ],
  },
  {
    title: 'are 64-bit literals and constant expressions exact?',
    source: `
      const BIG: u64 = 0xfedc_ba98_7654_3210;
      const SHIFT = 12;
      const SIZE = 1 << SHIFT;
      const MASK: u64 = ~(SIZE - 1);
      const NEGATIVE: i64 = -9223372036854775808;
      const DERIVED = BIG / 16 + 1;
      const THIRD: f64 = 1.0 / 3.0;
      enum Color { Red = 1, Green, Blue = 10, Last = Blue + 5 }
      /** @underlying u8 */
      enum Small { A = 200, B }
      function big(): u64 { return BIG; }
      function mask(x: u64): u64 { return x & ~(SIZE - 1); }
      function mask2(): u64 { return MASK; }
      function negative(): i64 { return NEGATIVE; }
      function derived(): u64 { return DERIVED; }
      function third(): u64 { return changetype<u64>(THIRD); }
      function last(): i32 { const c: Color = Color.Last; return i32(c); }
      function small(): u64 { return sizeof<Small>() * 1000 + u64(Small.B); }
      function member(x: u64): u64 { return x + Color.Green; }
      function ones(): u32 { return 0xffffffff; }`,
    calls: [
      ['big', [], 0xfedcba9876543210n],
      ['mask', [0x12345n], 0x12000n],
      ['mask2', [], 0xfffffffffffff000n],
      ['negative', [], 0x8000000000000000n],
      ['derived', [], 0xfedcba987654321n + 1n],
      ['third', [], 0x3fd5555555555555n],
      ['last', [], 15n],
      ['small', [], 1201n],
      ['member', [40n], 42n],
      ['ones', [], s32(-1n)],
    ],
  },
  {
    title: 'do comparisons follow the sign of the type?',
    source: `
      function lt(a: i32, b: i32): bool { return a < b; }
      function ltu(a: u32, b: u32): bool { return a < b; }
      function ge64(a: i64, b: i64): bool { return a >= b; }
      function geu64(a: u64, b: u64): bool { return a >= b; }
      function ne8(a: u8, b: u8): bool { return a !== b; }
      function flt(a: i64, b: i64): bool { return f64(a) < f64(b); }
      function both(a: i32): bool { return a > 3 && a <= 7 || a === 100; }
      function not(a: bool): bool { return !a; }
      function between(a: u64): u64 { return a < 10 ? 1 : a < 20 ? 2 : 3; }`,
    calls: [
      ['lt', [neg(1n), 1n], 1n],
      ['ltu', [neg(1n), 1n], 0n],
      ['ge64', [neg(1n), 1n], 0n],
      ['geu64', [neg(1n), 1n], 1n],
      ['ne8', [3n, 3n], 0n],
      ['flt', [neg(3n), 2n], 1n],
      ['both', [3n], 0n],
      ['both', [7n], 1n],
      ['both', [100n], 1n],
      ['not', [0n], 1n],
      ['between', [5n], 1n],
      ['between', [15n], 2n],
      ['between', [25n], 3n],
    ],
  },
  {
    title: 'do all kinds of loops, breaks and labels go where they should?',
    source: `
      function whiles(n: u32): u32 { let s: u32 = 0; let i: u32 = 0; while (i < n) { s += i; i++; } return s; }
      function dos(n: u32): u32 { let c: u32 = 0; do { c++; } while (c < n); return c; }
      function fors(n: u32): u32 { let s: u32 = 0; for (let i: u32 = 0; i < n; i++) { if (i % 3 === 0) continue; if (i > 10) break; s += i; } return s; }
      function labels(n: i32): i32 {
        let hits = 0;
        outer: for (let i = 0; i < n; i++) {
          for (let j = 0; j < n; j++) {
            if (j > i) continue outer;
            if (i * j > 20) break outer;
            hits++;
          }
        }
        return hits;
      }
      function block(n: i32): i32 { let r = 0; found: { if (n > 5) break found; r = 1; } return r + 10; }
      function cases(n: u64): u64 {
        let r: u64 = 0;
        switch (n) {
          case 1: r += 1;
          case 2: r += 2; break;
          case 0x1_0000_0000: return 99;
          default: r = 50;
          case 7: r += 7;
        }
        return r;
      }
      function inLoop(n: i32): i32 { let s = 0; for (let i = 0; i < n; i++) { switch (i) { case 2: continue; case 4: break; default: s += 10; } s++; } return s; }
      function endless(n: u32): u32 { let i: u32 = 0; for (;;) { if (i === n) return i * 2; i++; } }
      function commas(n: u32): u32 { let a: u32 = 0, b: u32 = n; for (; a < b; ) { a++; b--; } return a; }`,
    calls: [
      ['whiles', [10n], 45n],
      ['dos', [0n], 1n],
      ['dos', [5n], 5n],
      ['fors', [100n], 37n],
      ['labels', [4n], 10n],
      ['labels', [10n], 20n],
      ['block', [3n], 11n],
      ['block', [6n], 10n],
      ['cases', [1n], 3n],
      ['cases', [2n], 2n],
      ['cases', [0x100000000n], 99n],
      ['cases', [7n], 7n],
      ['cases', [8n], 57n],
      ['inLoop', [6n], 45n],
      ['endless', [21n], 42n],
      ['commas', [9n], 5n],
    ],
  },
  {
    title: 'are classes C structs with references, in-place fields, inheritance and methods?',
    source: `
      class Vec { x: i32; y: i32; add(o: Vec): void { this.x += o.x; this.y += o.y; } get sum(): i32 { return this.x + this.y; } set both(v: i32) { this.x = v; this.y = v; } }
      class Odd { a: u8; b: u64; c: u16; readonly v: Inline<Vec>; d: bool; }
      class Base { kind: u32; name(): u32 { return this.kind * 10; } static make(k: u32, at_: usize): Base { const b = at<Base>(at_); b.kind = k; return b; } }
      class Derived extends Base { extra: u64; name(): u32 { return super.name() + 1; } }
      static_assert(sizeof<Odd>() === 32, 'Odd');
      static_assert(offsetof<Odd>('v') === 20);
      static_assert(alignof<Odd>() === 8);
      const one = zeroed<Odd>();
      const list = zeroed<FixedArray<Inline<Vec>, 4>>();
      class Counter { static count: u32 = 5; static next(): u32 { Counter.count++; return Counter.count; } }
      function fields(): i32 { const o = one; o.v.x = 3; o.v.y = 4; o.v.add(o.v); return o.v.sum + i32(o.a); }
      function setter(): i32 { const v = stack<Vec>(); v.both = 21; return v.sum; }
      function elements(): i32 { for (let i = 0; i < 4; i++) list[i].x = i * i; let s = 0; for (const v of list) s += v.x; return s; }
      function derived(): u32 { const d = stack<Derived>(); d.kind = 7; const b: Base = d; return d.name() * 1000 + b.name(); }
      function made(): u32 { const s = stack<Derived>(); return Base.make(3, addressOf(s)).kind + u32(sizeof<Derived>()); }
      function statics(): u32 { Counter.next(); return Counter.next(); }
      function copies(): i32 { const a = stack<Vec>(); const b = stack<Vec>(); a.x = 5; a.y = 6; assign(b, a); a.x = 0; return b.x * 10 + b.y; }
      function fresh(n: i32): i32 { let s = 0; for (let i = 0; i < n; i++) { const v = stack<Vec>(); s += v.x; v.x = 9; } return s; }`,
    calls: [
      ['fields', [], 14n],
      ['setter', [], 42n],
      ['elements', [], 14n],
      ['derived', [], 71_070n],
      ['made', [], 19n],
      ['statics', [], 7n],
      ['copies', [], 56n],
      ['fresh', [3n], 0n],
    ],
  },
  {
    title: 'do references to objects form lists, compare, and test for null?',
    source: `
      class Node { key: u64; next: Node | null; }
      const nodes = zeroed<FixedArray<Inline<Node>, 10>>();
      let head: Node | null = null;
      function push(i: u64): void { const n = nodes[i]; n.key = i + 1; n.next = head; head = n; }
      function build(n: u64): u64 { head = null; for (let i: u64 = 0; i < n; i++) push(i); let s: u64 = 0; for (let p = head; p !== null; p = p.next) s = s * 10 + p.key; return s; }
      function reverse(): u64 { let prev: Node | null = null; let p = head; while (p) { const next = p.next; p.next = prev; prev = p; p = next; } head = prev; return head!.key; }
      function same(): bool { const a: Node | null = nodes[0]; return a === nodes[0] && a !== nodes[1]; }
      function orElse(use: bool): u64 { const a: Node | null = use ? nodes[2] : null; return (a ?? nodes[3]).key; }`,
    calls: [
      ['build', [5n], 54321n],
      ['reverse', [], 1n],
      ['same', [], 1n],
      ['orElse', [1n], 3n],
      ['orElse', [0n], 4n],
    ],
  },
  {
    title: 'do arrays, slices, pointers and text work in variables, fields, parameters and constants?',
    source: `
      const primes: FixedArray<u16, 6> = [2, 3, 5, 7, 11, 13];
      const rows: FixedArray<FixedArray<u8, 3>, 2> = [[1, 2, 3], [4, 5, 6]];
      const words: Slice<str> = ['alpha', 'be', ''];
      class Entry { name: str; value: u32; fn: (x: u32) => u32; }
      function twice(x: u32): u32 { return x * 2; }
      const table: FixedArray<Inline<Entry>, 2> = [
        { name: 'twice', value: 21, fn: twice },
        { name: 'plus', value: 5, fn: (x) => x + 100 },
      ];
      let buffer: FixedArray<u64, 8> = zeroed();
      class Holder { items: Slice<u64>; text: str; ptr: Ptr<u64>; }
      const holder = zeroed<Holder>();
      function sum(s: Slice<u64>): u64 { let t: u64 = 0; for (const x of s) t += x; return t; }
      function total(): u32 { let t: u32 = 0; for (const p of primes) t += u32(p); return t; }
      function matrix(i: u32, j: u32): u8 { return rows[i][j]; }
      function lengths(): u64 { let t: u64 = 0; for (const w of words) t = t * 10 + w.length; return t; }
      function byte(i: u64): u8 { return 'hello'[i]; }
      function lookup(name: u64): u32 { const s = name === 0 ? 'twice' : 'plus'; for (const e of table) if (e.name.equals(s)) return e.fn(e.value); return 0; }
      function slices(): u64 { for (let i: u64 = 0; i < buffer.length; i++) buffer[i] = i * 10; return sum(buffer) * 1000 + sum(buffer.subslice(2, 5)); }
      function hold(): u64 { holder.items = buffer.subslice(1); holder.text = 'four'; holder.ptr = buffer.ptr; return holder.items.length * 100 + holder.text.length * 10 + holder.ptr.add(3)[0] / 10; }
      function pointers(): u64 { const p = buffer.ptr; p[2] = 7; p.add(3)[-1] += 1; return buffer[2] + unchecked(buffer[2]); }
      function utf8(): u64 { return 'é€'.length; }
      function bytes(): u32 { let t: u32 = 0; for (const b of 'AB'.bytes) t = t * 256 + u32(b); return t; }
      function local(): u32 { const a = stack<FixedArray<u32, 4>>(); a[1] = 5; a[3] = 6; let t: u32 = 0; for (const x of a) t += x; return t; }`,
    calls: [
      ['total', [], 41n],
      ['matrix', [1n, 2n], 6n],
      ['lengths', [], 520n],
      ['byte', [1n], 101n],
      ['lookup', [0n], 42n],
      ['lookup', [1n], 105n],
      ['slices', [], 280_090n],
      ['hold', [], 743n],
      ['pointers', [], 16n],
      ['utf8', [], 5n],
      ['bytes', [], 0x4142n],
      ['local', [], 11n],
    ],
  },
  {
    title: 'are functions values, with defaults, recursion and generics?',
    source: `
      type Op = (a: i64, b: i64) => i64;
      function plus(a: i64, b: i64): i64 { return a + b; }
      const ops: FixedArray<Op, 3> = [plus, (a, b) => a - b, function (a: i64, b: i64): i64 { return a * b; }];
      function apply(op: Op, a: i64, b: i64): i64 { return op(a, b); }
      function table(i: u32, a: i64, b: i64): i64 { return apply(ops[i], a, b); }
      function fib(n: u32): u32 { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
      function defaults(a: u64, b: u64 = 10, c: u64 = 100): u64 { return a + b + c; }
      function some(): u64 { return defaults(1) * 1000 + defaults(1, 2); }
      function even(n: u32): bool { return n === 0 ? true : odd(n - 1); }
      function odd(n: u32): bool { return n === 0 ? false : even(n - 1); }
      function biggest<T>(a: T, b: T): T { return a > b ? a : b; }
      function generic(): i64 { const a: u8 = biggest(u8(3), 200); return i64(a) + biggest<i64>(-5, -7); }
      class List<T> { readonly items: FixedArray<T, 8>; length: u32; push(x: T): void { this.items[this.length] = x; this.length++; } map<U>(f: (x: T) => U, out: List<U>): void { for (let i: u32 = 0; i < this.length; i++) out.push(f(this.items[i])); } }
      function lists(): u64 { const a = stack<List<u8>>(); const b = stack<List<u64>>(); a.push(200); a.push(55); a.map((x) => u64(x) * 2, b); return b.items[0] + b.items[1]; }
      function many(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64, i: u64, j: u64): u64 { return a + b * 2 + c * 3 + d * 4 + e * 5 + f * 6 + g * 7 + h * 8 + i * 9 + j * 10; }
      function calls(): u64 { return many(1, 1, 1, 1, 1, 1, 1, 1, 1, 2); }
      function spans(s: str, t: str, n: u64): u64 { return s.length * 100 + t.length * 10 + n; }
      function longest(a: str, b: str): str { return a.length >= b.length ? a : b; }
      function texts(): u64 { return spans(longest('ab', 'abc'), 'x', 7) + u64(longest('q', '')[0]); }`,
    calls: [
      ['table', [0n, 5n, 3n], 8n],
      ['table', [1n, 5n, 3n], 2n],
      ['table', [2n, 5n, 3n], 15n],
      ['fib', [15n], 610n],
      ['some', [], 111_103n],
      ['even', [10n], 1n],
      ['generic', [], 195n],
      ['lists', [], 510n],
      ['calls', [], 65n],
      ['texts', [], 317n + 113n],
    ],
  },
  {
    title: 'do floating-point operations give IEEE results?',
    source: `
      function bits(x: f64): u64 { return changetype<u64>(x); }
      function bits32(x: f32): u32 { return changetype<u32>(x); }
      function calc(a: i64, b: i64): u64 { return bits((f64(a) + 0.5) * f64(b) / 3.0 - 1.0); }
      function single(a: i32): u32 { return bits32(f32(a) / 3.0); }
      function root(a: u64): u64 { return u64(sqrt(f64(a))); }
      function minmax(a: i64): i64 { return i64(max(f64(a), -2.5) + min(f64(a), 1.5)); }
      function negate(a: i64): i64 { return i64(-f64(a)); }
      function compare(a: i64): u64 { const x = f64(a); let r: u64 = 0; if (x > 1.5) r += 1; if (x <= 2.0) r += 10; if (x !== 2.0) r += 100; return r; }
      let stored: f32 = 1.5;
      function store32(): u64 { stored *= 2.0; return u64(f64(stored) * 10.0); }`,
    calls: [
      ['calc', [2n, 4n], 0x4002aaaaaaaaaaaan + 1n],
      ['single', [1n], 0x3eaaaaabn],
      ['root', [144n], 12n],
      ['minmax', [neg(9n)], neg(11n)],
      ['negate', [5n], neg(5n)],
      ['compare', [2n], 11n],
      ['compare', [3n], 101n],
      ['store32', [], 30n],
    ],
  },
  {
    title: 'do bit intrinsics, loads and stores, atomics and block operations work?',
    source: `
      let cell: u64 = 0;
      let small: u32 = 0;
      let area: FixedArray<u8, 64> = zeroed();
      function counts(x: u64): u64 { return clz(x) * 10000 + ctz(x) * 100 + popcnt(x); }
      function counts8(x: u8): u32 { return u32(clz(x)) * 10000 + u32(ctz(x)) * 100 + u32(popcnt(x)); }
      function rot(x: u32, n: u32): u32 { return rotl(x, n); }
      function rot8(x: u8, n: u32): u8 { return rotr(x, n); }
      function swap(x: u64): u64 { return bswap(x); }
      function swap16(x: u16): u16 { return bswap(x); }
      function high(a: u64, b: u64): u64 { return mulhu(a, b); }
      function extremes(a: i32, b: i32): i32 { return max(a, b) * 100 + min(a, b) + abs(a - b); }
      function pick(c: bool): u64 { return select(c, u64(7), 9); }
      function raw(): u64 { const p = area.ptr.address; store<u32>(p, 0x01020304); store<u16>(p, 0xffff, 4); return load<u64>(p) * 2 + u64(load<i16>(p, 4) === -1); }
      function atomics(): u64 { atomic.store(ptrTo(cell), 5); const a = atomic.add(ptrTo(cell), 3, Order.relaxed); const b = atomic.exchange(ptrTo(cell), 100); const c = atomic.compareExchange(ptrTo(cell), 100, 7); const d = atomic.compareExchange(ptrTo(cell), 100, 9); atomic.sub(ptrTo(cell), 2); return a * 1000000 + b * 100000 + c * 100 + d * 10 + atomic.load(ptrTo(cell)); }
      function atomics32(): u32 { atomic.store(ptrTo(small), 12); atomic.or(ptrTo(small), 3); atomic.and(ptrTo(small), 14); atomic.max(ptrTo(small), 20); atomic.min(ptrTo(small), 17); atomic.xor(ptrTo(small), 1); return small; }
      function reserved(): u64 { for (;;) { const old = atomic.loadReserved(ptrTo(cell)); if (atomic.storeConditional(ptrTo(cell), old + 1)) return cell - old; } }
      function blocks(): i32 { memory.fill(area.ptr.address, 0xab, 40); memory.copy(area.ptr.address + 8, area.ptr.address, 16); area[3] = 1; memory.copy(area.ptr.address + 1, area.ptr.address, 8); return i32(area[4]) * 1000 + memory.compare(area.ptr.address + 20, area.ptr.address + 30, 10); }
      function fences(): u64 { fence(); fence('rw', 'w'); fenceI(); fenceTso(); compilerBarrier(); return 1; }`,
    calls: [
      ['counts', [0x0ff0n], 520_408n],
      ['counts', [0n], 646_400n],
      ['counts8', [0x10n], 30_401n],
      ['counts8', [0n], 80_800n],
      ['rot', [0x80000001n, 4n], 0x18n],
      ['rot8', [0x01n, 1n], 0x80n],
      ['swap', [0x0102030405060708n], 0x0807060504030201n],
      ['swap16', [0x1234n], 0x3412n],
      ['high', [0xffffffffffffffffn, 0xffffffffffffffffn], 0xfffffffffffffffen],
      ['extremes', [neg(3n), 4n], 404n],
      ['pick', [1n], 7n],
      ['pick', [0n], 9n],
      ['raw', [], 0x0000ffff01020304n * 2n + 1n],
      ['atomics', [], 5n * 1000000n + 8n * 100000n + 100n * 100n + 7n * 10n + 5n],
      ['atomics32', [], 16n],
      ['reserved', [], 1n],
      ['blocks', [], 1000n],
      ['fences', [], 1n],
    ],
  },
  {
    title: 'do inline assembly, naked functions, CSRs and sections do what they say?',
    source: `
      function add(a: u64, b: u64): u64 { return asm<u64>\`add \${result}, \${a}, \${b}\`; }
      function two(a: u64): u64 { let high: u64 = 0; const low = asm<u64>\`slli \${result}, \${a}, 1
        addi \${out(high)}, zero, 5\`; return high * 1000 + low; }
      function fixed(a: u64): u64 { let r: u64 = 0; asm\`addi a7, a0, 1\${inReg('a0', a)}\${outReg('a7', r)}\`; return r; }
      function clobbers(a: u64): u64 { asm\`li t0, 99
        li t1, 99\${clobber('t0 t1 memory')}\`; return a; }
      /** @naked */
      function naked(a: u64, b: u64): u64 { asm\`sub a0, a0, a1
        ret\`; }
      function callsNaked(): u64 { return naked(50, 8); }
      function hart(): u64 { return csr.read('mhartid'); }
      function scratch(): u64 { csr.write('mscratch', 0xf0); const a = csr.set('mscratch', 0x0f); const b = csr.clear(0x340, 0xf0); const c = csr.swap('mscratch', 1); return a * 1000000 + b * 1000 + c; }
      /** @section .special
       * @align 64 */
      let special: u64 = 42;
      function aligned(): u64 { return addressOf(ptrTo(special)) % 64 + special; }`,
    calls: [
      ['add', [40n, 2n], 42n],
      ['two', [21n], 5042n],
      ['fixed', [41n], 42n],
      ['clobbers', [7n], 7n],
      ['callsNaked', [], 42n],
      ['hart', [], 0n],
      ['scratch', [], 240n * 1000000n + 255n * 1000n + 15n],
      ['aligned', [], 42n],
    ],
  },
  {
    title: 'does using run its cleanup on every way out, innermost first?',
    source: `
      let log: u64 = 0;
      class Guard { id: u64; static open(at_: Guard, id: u64): Guard { at_.id = id; return at_; } [Symbol.dispose](): void { log = log * 10 + this.id; } }
      function nested(n: u64): u64 {
        log = 0;
        const r = body(n);
        return log * 100 + r;
      }
      function body(n: u64): u64 {
        using a = Guard.open(stack<Guard>(), 1);
        if (n === 0) return 10;
        for (let i: u64 = 0; i < 3; i++) {
          using b = Guard.open(stack<Guard>(), 2);
          if (i === n) break;
          if (n === 7) continue;
          if (n === 8) return log;
        }
        return 20;
      }`,
    calls: [
      ['nested', [0n], 110n],
      ['nested', [1n], 22_120n],
      ['nested', [7n], 222_120n],
      ['nested', [8n], 2_100n],
    ],
  },
  {
    title: 'do allocation, constructors and field initialisers work?',
    source: `
      let next: usize = 0;
      const heap = zeroed<FixedArray<u64, 64>>();
      /** @export */
      function __new(size: usize, align: usize): usize { if (next === 0) next = addressOf(heap); next = (next + align - 1) & ~(align - 1); const p = next; next += size; return p; }
      class Animal { legs: u32 = 4; weight: u64; constructor(w: u64) { this.weight = w; } heavy(): bool { return this.weight > 100; } }
      class Bird extends Animal { wings: u32 = 2; constructor(w: u64) { super(w * 2); this.legs = 2; } }
      class Plain { a: u32 = 7; b: Animal | null = null; }
      class Box<T> { value: T; constructor(v: T) { this.value = v; } }
      function make(): u64 { const a = new Animal(50); const b = new Bird(60); return u64(a.legs) * 10000 + u64(b.legs) * 1000 + u64(b.wings) * 100 + u64(b.heavy()) * 10 + u64(a.heavy()); }
      function plain(): u32 { const p = new Plain(); p.b = new Animal(1); return p.a * 10 + p.b.legs; }
      function boxes(): u64 { const b = new Box<u16>(77); return u64(b.value) + sizeof<Box<u16>>(); }`,
    calls: [
      ['make', [], 42_210n],
      ['plain', [], 74n],
      ['boxes', [], 79n],
    ],
  },
  {
    title: 'are variables, their addresses and evaluation order right?',
    source: `
      let trace: u64 = 0;
      function step(n: u64): u64 { trace = trace * 10 + n; return n; }
      function order(): u64 { trace = 0; const x = step(1) + step(2) * step(3); return trace * 100 + x; }
      function shortCircuit(): u64 { trace = 0; if (step(1) === 2 && step(2) === 2) trace = 0; if (step(3) === 3 || step(4) === 4) trace = trace * 10 + 9; return trace; }
      function addressed(): u64 { let x: u64 = 5; const p = ptrTo(x); p[0] = 7; x += 1; return p[0] * 10 + x; }
      function shadows(a: u64): u64 { let x = a; { let x: u64 = 100; x++; } for (let x: u64 = 0; x < 3; x++) {} return x; }
      function values(): u64 { let i: u64 = 5; const a = i++; const b = ++i; const c = (i += 3); const d = i--; return a * 1000000 + b * 10000 + c * 100 + d + i; }
      const arr = zeroed<FixedArray<u64, 4>>();
      function index(): u64 { let i: u64 = 0; arr[i++] = 5; arr[i++] += 6; arr[i] = i; return arr[0] * 100 + arr[1] * 10 + arr[2] + i; }
      function swap(n: u64): u64 { let a: u64 = 1; let b: u64 = 2; for (let i: u64 = 0; i < n; i++) { const t = a; a = b; b = t; } return a * 10 + b; }
      function chained(): u64 { let a: u64 = 0; let b: u64 = 0; a = b = 7; return a + b; }`,
    calls: [
      ['order', [], 123n * 100n + 7n],
      ['shortCircuit', [], 139n],
      ['addressed', [], 88n],
      ['shadows', [9n], 9n],
      ['values', [], 5n * 1000000n + 7n * 10000n + 10n * 100n + 10n + 9n],
      ['index', [], 564n],
      ['swap', [5n], 21n],
      ['chained', [], 14n],
    ],
  },
  {
    title: 'do namespaces, nested functions, type aliases and volatile fields work?',
    source: `
      namespace Pages { export const SIZE = 4096; export function round(x: u64): u64 { return (x + SIZE - 1) & ~(SIZE - 1); } export namespace Inner { export enum E { A = 3 } export class C { v: u32; } } }
      type Index = u32;
      type Pair<T> = FixedArray<T, 2>;
      class Device { /** @volatile */ status: u32; /** @volatile */ data: u8; }
      const device = zeroed<Device>();
      function rounded(x: u64): u64 { return Pages.round(x) + Pages.SIZE; }
      function inner(): u32 { const c = stack<Pages.Inner.C>(); c.v = 5; const e: Pages.Inner.E = Pages.Inner.E.A; return c.v + u32(e); }
      function nested(n: u64): u64 { function helper(x: u64): u64 { return x * 3; } const again = (x: u64): u64 => helper(x) + 1; return again(n); }
      function aliases(): u32 { const p = stack<Pair<Index>>(); p[1] = 8; return p[1] + u32(sizeof<Pair<Index>>()); }
      function device2(): u32 { device.status = 5; device.status = 6; device.data = 3; return device.status + u32(device.data); }
      function text(): u64 { const n = 3; return \`a\${n}b\`.length; }`,
    calls: [
      ['rounded', [1n], 8192n],
      ['inner', [], 8n],
      ['nested', [5n], 16n],
      ['aliases', [], 16n],
      ['device2', [], 9n],
      ['text', [], 3n],
    ],
  },
  {
    title: 'do += and ++ work through accessors, which are called once each?',
    source: `
      let reads: u64 = 0;
      let writes: u64 = 0;
      class Gauge {
        private raw: u64;
        get level(): u64 { reads++; return this.raw + 1; }
        set level(value: u64) { writes++; this.raw = value * 2; }
      }
      class Panel { readonly left: Inline<Gauge>; }
      const panel = zeroed<Panel>();
      function change(): u64 {
        const gauge = panel.left;
        gauge.level = 5;
        gauge.level += 1;
        gauge.level <<= 1;
        panel.left.level++;
        --panel.left.level;
        return gauge.level;
      }
      function calls(): u64 { return reads * 10 + writes; }`,
    calls: [
      ['change', [], 409n],
      ['calls', [], 55n],
    ],
  },
  {
    title: 'does a tag belong to what follows it on its line?',
    source: `
      class Packed { a: u8; /** @align 64 */ b: u8; }
      let zero: u64 = 0; /** @align 4096 */ let page: u64 = 1;
      function layout(): u64 { return sizeof<Packed>() * 1000 + offsetof<Packed>('b'); }
      function place(): u64 { return (addressOfPage() & 4095) + zero; }
      function addressOfPage(): usize { return ptrTo(page).address; }`,
    calls: [
      ['layout', [], 128064n],
      ['place', [], 0n],
    ],
  },
  {
    title: 'may a naked function have a result?',
    source: `
      /** @naked */
      function plus3(x: u64): u64 { return asm<u64>\`addi a0, a0, 3\n ret\`; }
      function twice(x: u64): u64 { return plus3(plus3(x)); }`,
    calls: [['twice', [4n], 10n]],
  },
];
