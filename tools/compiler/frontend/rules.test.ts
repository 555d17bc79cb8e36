/** Does every rule of the dialect reject what it forbids, with its code, at its place, with its message and hint? */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkEverything } from './check.ts';
import { formatDiagnostic, RULES, type RuleCode } from './diagnostics.ts';
import { INTRINSIC_KEYS } from './intrinsics.ts';
import { Program } from './program.ts';
import { NAMED_TYPES } from './types.ts';

/** A source that breaks one rule, and `line,column: message` of what is said. */
type RuleCase = readonly [code: RuleCode, source: string, said: string];

const CLASSES = 'class P { x: u32; y: u32; } class Q { p: P | null; }';

const CASES: readonly RuleCase[] = [
  [1001, 'function f(): void { var x: u32 = 1; }', "1,22: 'var' is not available."],
  [1002, 'function f(): void { throw 1; }', '1,22: Exceptions are not available.'],
  [1002, 'function f(): void { try { } catch { } }', '1,22: Exceptions are not available.'],
  [1003, 'async function f(): void { }', '1,1: Generators and asynchronous functions are not available.'],
  [
    1004,
    'function f(a: Slice<u32>): void { const [x] = a; }',
    '1,41: Destructuring and spread are not available.',
  ],
  [1005, 'function f(a: u32): bool { return a == 1; }', "1,37: '==' is not available."],
  [
    1006,
    'function f(a: u32): void { for (const x in a) { } }',
    "1,28: 'for … in' statements are not available.",
  ],
  [1007, 'function f(a: u32): u64 { return a as u64; }', '1,34: Type assertions are not available.'],
  [1008, 'function f(a: u32): void { typeof a; }', "1,28: Operator 'typeof' is not available."],
  [1009, 'function f(): u64 { return 1n; }', '1,28: This kind of literal is not available.'],
  [1010, `${CLASSES} function f(q: Q): u32 { return q.p?.x; }`, "1,85: '?.' is not available."],
  [1011, 'function f(a: u32 | u64): void { }', "1,15: This type is not available: 'u32 | u64'."],
  [1012, 'function f(a: number): void { }', "1,15: 'number' has no size."],
  [1012, 'let x: any;', "1,8: 'any' has no size."],
  [
    1013,
    'function f(n: u64): u64 { const g = (x: u64): u64 => x + n; return g(1); }',
    "1,58: A function cannot use the local variable 'n' of the function around it.",
  ],
  [
    1014,
    `${CLASSES} function f(): void { const p: P = { x: 1, y: 2 }; }`,
    '1,88: An object or array literal can only stand in the initialiser of a top-level variable.',
  ],
  [1015, 'class C { [k: u32]: u32; }', '1,11: This class member is not available: [k: u32]: u32;.'],
  [1016, '@sealed class C { x: u32; }', "1,1: Decorator '@sealed' is not available."],
  [1017, 'function f() { }', "1,10: Function 'f' needs a result type."],
  [1018, 'function f(a): void { }', "1,12: 'a' needs a type."],
  [
    1019,
    'function f(...a: Slice<u32>): void { }',
    "1,12: Rest parameters, optional parameters, parameters named 'this' and overloads are not available.",
  ],
  [1020, 'function f(): void { } f();', '1,24: Statements that run are not available here.'],
  [
    1021,
    'function f(a: Slice<u32>): void { for (const of a) {} }',
    '1,40: The declaration is not complete: a name is missing.',
  ],
  [1021, 'class C extends { }', '1,9: The declaration is not complete: the name of a class is missing.'],
  [
    1021,
    'class C { raw: u32; set level() { this.raw = 1; } }',
    '1,21: The declaration is not complete: the one parameter of a set accessor is missing.',
  ],
  [
    1015,
    'class C { static get x(): u32 { return 1; } }',
    '1,11: This class member is not available: static accessor x.',
  ],
  [1015, 'class A { x?: u32; }', '1,11: This class member is not available: x?: u32;.'],
  [1018, 'let o = { a: 1 };', "1,9: 'object literal' needs a type."],
  [
    1019,
    'function f(this: u32): void { }',
    "1,12: Rest parameters, optional parameters, parameters named 'this' and overloads are not available.",
  ],
  [1020, 'export default function f(): void { }', '1,1: Default exports are not available here.'],
  [1020, 'declare global { }', '1,1: Declarations of other modules are not available here.'],
  [
    2016,
    'function g(a: u32 = 1, b: u32): void { } function f(): void { g(); }',
    '1,63: Expected 2 arguments, but got 0.',
  ],
  [
    2024,
    'function f(a: u32): void { switch (a) { default: default: } }',
    '1,50: A case must be a constant that occurs once.',
  ],
  [2030, 'let x: Slice<void>;', "1,14: A variable cannot have type 'void'."],
  [2030, 'let x: never;', "1,5: A variable cannot have type 'never'."],
  [2031, 'function f(): void { } function f(): u32 { return 1; }', "1,24: 'f' is declared twice."],
  [2031, 'class A { x: u32; x: u64; }', "1,19: 'x' is declared twice."],
  [
    2031,
    'class A { get x(): u32 { return 1; } set x(v: u32) { } x(): void { } }',
    "1,56: 'x' is declared twice.",
  ],
  [2031, 'function f(a: u32, a: u32): void { }', "1,20: 'a' is declared twice."],
  [2031, 'function f(): void { let x: u32 = 1; const x: u32 = 2; }', "1,44: 'x' is declared twice."],
  [2031, 'enum E { A, A }', "1,13: 'A' is declared twice."],
  [
    2032,
    'function f(): void { break; }',
    "1,22: There is nothing around this that 'break' could leave or repeat.",
  ],
  [
    2032,
    'function f(): void { a: for (;;) { continue b; } }',
    "1,36: There is nothing around this that 'continue b' could leave or repeat.",
  ],
  [
    3015,
    'let a: FixedArray<u64, 0x7fff_ffff>;',
    "1,8: 'FixedArray<u64, 2147483647>' is larger than 2^31 − 1 bytes.",
  ],
  [3015, 'class A { x: FixedArray<u8, 0x7fff_ffff>; y: u8; }', "1,7: 'A' is larger than 2^31 − 1 bytes."],
  [
    4001,
    '@persistent class A<T> { t: T; } let x: A<str>;',
    "1,26: Persistent class 'A<str>' cannot hold 'str' (it contains a raw address).",
  ],
  [
    5002,
    `function f(x: u64): void { asm\`mv a0, a\${x}1\`; }`,
    '1,28: Inline assembly: a digit cannot follow an operand.',
  ],
  [5006, '/** @export 1bad */ function f(): void { }', "1,5: The value of '@export' is wrong: '1bad'."],
  [2001, 'function f(): u32 { return missing; }', "1,28: Cannot find name 'missing'."],
  [2002, 'function g(): void { } function f(a: g): void { }', "1,38: 'g' is not a type."],
  [2003, `${CLASSES} function f(p: P): u32 { return p.z; }`, "1,85: 'P' has no member 'z'."],
  [2004, "import { a } from './nothing.ts';", "1,19: Module '/r/nothing.ts' does not exist."],
  [2005, `${CLASSES} function f(): void { const c = P; }`, "1,85: 'P' is not a value."],
  [2010, 'function f(a: u32): u64 { return a; }', "1,34: Type 'u32' is not assignable to type 'u64'."],
  [2010, 'function f(a: bool): u32 { return a; }', "1,35: Type 'bool' is not assignable to type 'u32'."],
  [
    2011,
    'function f(a: u32, b: u64): u64 { return a + b; }',
    "1,42: Operator '+' has operands of different types, 'u32' and 'u64'.",
  ],
  [
    2012,
    'function f(a: bool, b: bool): bool { return a + b; }',
    "1,45: Operator '+' cannot be applied to type 'bool'.",
  ],
  [2013, 'function f(a: u32): void { if (a) { } }', "1,32: A condition must be a bool, not 'u32'."],
  [2014, 'let x: u8 = 300;', "1,13: 300 does not fit into type 'u8' (0 to 255)."],
  [
    2014,
    'let x: u64 = 0x1_0000_0000_0000_0000;',
    "1,14: 18446744073709551616 does not fit into type 'u64' (0 to 18446744073709551615).",
  ],
  [2014, 'let x: u32 = -1;', "1,14: -1 does not fit into type 'u32' (0 to 4294967295)."],
  [2015, 'let x: u32 = 1.5;', "1,14: The constant 1.5 is not an integer, but type 'u32' is wanted."],
  [
    2016,
    'function g(a: u32): void { } function f(): void { g(); }',
    '1,51: Expected 1 arguments, but got 0.',
  ],
  [2017, 'function f(a: u32): void { a(); }', "1,28: Type 'u32' cannot be called."],
  [2018, 'function f(a: u32): u32 { return a[0]; }', "1,34: Type 'u32' cannot be indexed."],
  [
    2019,
    'function g<T>(): void { } function f(): void { g(); }',
    "1,48: The type argument 'T' cannot be inferred.",
  ],
  [2020, 'function f(a: Ptr<u8, u8>): void { }', '1,15: Expected 1 type arguments, but got 2.'],
  [
    2021,
    'function f(a: bool): u32 { if (a) return 1; }',
    "1,22: The function returns 'u32': a value is missing.",
  ],
  [
    2022,
    'class A { x: u64; get v(): u64 { return this.x; } set v(n: u64) { this.x = n; } }\nfunction f(g: () => A): void { g().v += 1; }',
    "2,32: 'g().v' cannot be assigned to.",
  ],
  [2022, 'const c: u32 = 1; function f(): void { c = 2; }', "1,40: 'c' cannot be assigned to."],
  [
    2022,
    'class O { readonly p: Inline<I>; } class I { x: u32; } function f(o: O, i: I): void { o.p = i; }',
    "1,87: 'o.p' cannot be assigned to.",
  ],
  [
    2023,
    'function f(a: str, b: str): bool { return a === b; }',
    "1,43: Values of type 'str' cannot be compared with 'str'.",
  ],
  [
    2024,
    'function f(a: u32): void { switch (a) { case 1: break; case 1: break; } }',
    '1,61: A case must be a constant that occurs once.',
  ],
  [
    2025,
    'class B<T> { x: T; } function g<T>(x: T, n: u32): void { const b = stack<B<T>>(); if (n > 0) g<B<T>>(b, n - 1); } function f(): void { g<u32>(1, 2); }',
    "1,94: 'g' is instantiated with ever deeper types.",
  ],
  [
    2026,
    'function f(a: u32): u32 { return a << 32; }',
    '1,39: The shift count 32 is not below the width 32.',
  ],
  [2027, 'function f(a: u32): u32 { return a / 0; }', '1,34: Division by the constant zero.'],
  [
    2028,
    'class C { x: u32; m(): void { } } function f(c: C): void { const g = c.m; }',
    "1,70: 'm' is a method: call it.",
  ],
  [2029, 'function g(): void;', "1,1: 'g' is not defined by this program, and its body is missing."],
  [
    2030,
    'function g(): void { } function f(): void { const x = g(); }',
    "1,51: A variable cannot have type 'void'.",
  ],
  [3001, 'function g(): u32 { return 1; } const c: u32 = g();', '1,48: This is not a constant.'],
  [3002, "static_assert(sizeof<u32>() === 8, 'width');", '1,1: static_assert failed: width.'],
  [
    3003,
    'const a: FixedArray<u32, 2> = [1, 2, 3];',
    "1,31: The literal has 3 elements, but 'FixedArray<u32, 2>' has 2.",
  ],
  [3004, 'class C { readonly c: Inline<C>; }', "1,7: 'C' contains itself by value."],
  [
    3005,
    `${CLASSES} function f(): void { const p = zeroed<P>(); }`,
    "1,85: 'zeroed' is static storage and stands only in the initialiser of a top-level variable.",
  ],
  [
    3006,
    'function f(): void { const p = stack<u32>(); }',
    "1,32: 'stack' needs a class or FixedArray as its type argument.",
  ],
  [
    3007,
    'function f(a: u32): void { ptrTo(a + 1); }',
    "1,28: 'ptrTo' needs a place in memory: a field, an element or a variable.",
  ],
  [
    3008,
    'function f(a: u32): u64 { return changetype<u64>(a); }',
    "1,34: 'changetype' from 'u32' to 'u64' changes the size.",
  ],
  [
    3009,
    `${CLASSES} function f(): void { load<Inline<P>>(4096); }`,
    "1,75: 'load' accesses numbers, references and pointers, not 'Inline<P>'.",
  ],
  [3010, 'const a: u32 = b + 1; const b: u32 = a + 1;', "1,38: The initialiser of 'a' depends on itself."],
  [
    3011,
    'let a: FixedArray<u32, 4>; function f(): u32 { return a[4]; }',
    '1,57: Index 4 is outside of the 4 elements.',
  ],
  [
    3012,
    'class C { x: Inline<u32>; }',
    "1,14: 'Inline' needs a class, and stands only in fields, elements, parameters and results.",
  ],
  [
    3013,
    'let a: FixedArray<u32, 0>;',
    '1,24: The length of a FixedArray must be a constant from 1 to 2^31 − 1.',
  ],
  [3014, 'function f(n: u64): u64 { return csr.read(n); }', '1,43: The argument must be a constant.'],
  [
    4001,
    '@persistent class N { next: V | null; } class V { x: u32; }',
    "1,23: Persistent class 'N' cannot hold 'V' ('V' is not persistent).",
  ],
  [
    4001,
    '@persistent class N { name: str; }',
    "1,23: Persistent class 'N' cannot hold 'str' (it contains a raw address).",
  ],
  [
    4001,
    '@persistent class N { p: Ptr<u8>; }',
    "1,23: Persistent class 'N' cannot hold 'Ptr<u8>' (a raw address).",
  ],
  [
    4001,
    '@persistent class N { f: () => void; }',
    "1,23: Persistent class 'N' cannot hold '() => void' (the address of code).",
  ],
  [
    4002,
    `${CLASSES} function f(p: P): void { using g = p; }`,
    "1,85: Class 'P' has no method '[Symbol.dispose](): void'.",
  ],
  [
    4003,
    '@transaction class T { x: u32; [Symbol.dispose](): void { } } function f(t: T): void { using u = t; }',
    "1,20: Transaction class 'T' needs 'record(address: usize, size: usize): void'.",
  ],
  [
    4004,
    'class B { p: B | null; } @persistent class D extends B { x: u32; }',
    "1,44: Persistent class 'D' extends 'B', which is not persistent and holds references.",
  ],
  [
    5001,
    "function f(): u64 { return csr.read('nonsense'); }",
    "1,37: Unknown control and status register 'nonsense'.",
  ],
  [
    5002,
    `function f(): void { asm\`nop \${clobber("zz")}\`; }`,
    "1,32: Inline assembly: 'zz' is not a register.",
  ],
  [
    5003,
    '/** @naked */ function f(): void { return; }',
    '1,24: The body of a naked function is one asm statement without operands.',
  ],
  [
    5004,
    'class C { b: u8; } function f(c: C): void { atomic.store(ptrTo(c.b), 1); }',
    "1,45: Atomic operations need a Ptr to a 32- or 64-bit integer or a reference, not 'Ptr<u8>'.",
  ],
  [5005, "function f(): void { fence('rx', 'w'); }", "1,28: 'rx' is not a set of the letters i, o, r, w."],
  [5006, '/** @trapframe tp */ function f(): void { }', "1,5: The value of '@trapframe' is wrong: 'tp'."],
  [5006, '/** @align 3 */ let x: u32 = 0;', "1,5: The value of '@align' is wrong: '3'."],
];

function check(source: string): Program {
  const program = new Program({
    host: { read: (path) => (path === '/r/unit.ts' ? source : undefined) },
    root: '/r',
    optimise: true,
  });
  program.load('/r/unit.ts');
  checkEverything(program);
  return program;
}

describe('rules of the dialect', () => {
  it.each(CASES)('is TW%i reported for: %s', (code, source, said) => {
    const [first, ...more] = check(source).diagnostics.sorted();
    expect(`${first?.code} ${first?.line},${first?.column}: ${first?.message}`).toBe(`TW${code} ${said}`);
    // One mistake, one message.
    expect(more.map((d) => `${d.code} ${d.message}`)).toEqual([]);
    expect(first?.hint?.length).toBeGreaterThan(10);
  });

  it('is there a case for every rule?', () => {
    const covered = new Set(CASES.map(([code]) => String(code)));
    expect(Object.keys(RULES).filter((code) => !covered.has(code))).toEqual([]);
  });

  it('does docs/guest-typescript-errors.md list every rule as it is?', () => {
    const page = readFileSync(new URL('../../../docs/guest-typescript-errors.md', import.meta.url), 'utf8');
    for (const [code, { message, hint }] of Object.entries(RULES)) {
      expect(page).toContain(`**TW${code}**`);
      expect(page).toContain(message);
      expect(page).toContain(hint);
    }
  });

  it('are the functions of guest.d.ts those that the compiler knows?', () => {
    const text = readFileSync(new URL('../../../guest/guest.d.ts', import.meta.url), 'utf8');
    const casts = new Set(NAMED_TYPES.keys());
    const declared = [...text.matchAll(/^declare function (\w+)/gm)].map((match) => match[1]!);
    for (const [, name, body] of text.matchAll(/^declare namespace (\w+) \{\n(.*?)^\}/gms)) {
      declared.push(...[...body!.matchAll(/function (\w+)/g)].map((match) => `${name}.${match[1]}`));
    }
    const special = new Set(['asm', 'persistent', 'transaction']);
    const functions = declared.filter((name) => !casts.has(name) && !special.has(name));
    expect([...new Set(functions)].sort()).toEqual([...INTRINSIC_KEYS].sort());
  });

  it('is the printed form the one of tsc, with a hint below?', () => {
    const [diagnostic] = check('function f(a: u32): u64 { return a; }').diagnostics.sorted();
    expect(formatDiagnostic(diagnostic!, (file) => file.slice(3))).toBe(
      "unit.ts(1,34): error TW2010: Type 'u32' is not assignable to type 'u64'.\n  Hint: Cast it: 'u64(…)'.",
    );
  });
});
