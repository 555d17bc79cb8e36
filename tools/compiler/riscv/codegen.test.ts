/** Does the code generator get its hard cases right: pressure, far branches, large frames, cycles, tables, cold calls? */
import { describe, expect, test } from 'vitest';
import { FunctionBuilder } from '../ir/builder.ts';
import { Func, Module, type Value } from '../ir/ir.ts';
import { parseModule } from '../ir/parse.ts';
import { Op, Type } from '../ir/types.ts';
import { buildObject } from '../link/build-object.ts';
import { writeExecutable } from '../link/elf-writer.ts';
import { LAYOUTS, link } from '../link/linker.ts';
import { optimise } from '../opt/optimise.ts';
import { LoadedProgram } from '../testing/guest-unit.ts';
import { ModuleCode } from './compile.ts';
import { constantSteps } from './constants.ts';
import { M } from './mir.ts';

function load(module: Module, entry: string): LoadedProgram {
  const object = buildObject(new ModuleCode(module, { farCalls: false }), 'test', { debug: true });
  const image = link([object], { ...LAYOUTS.bare, entry });
  return new LoadedProgram(writeExecutable(image.sections, image.symbols, image.entry, image.segments));
}

/** Runs `@f` of IR text with and without the optimiser; both must agree. */
function run(text: string, ...args: bigint[]): bigint {
  const [plain, optimised] = [false, true].map((pass) => {
    const module = parseModule(text);
    if (pass) optimise(module, { check: true });
    return load(module, 'f').call('f', ...args);
  });
  expect(optimised).toBe(plain);
  return plain!;
}

/** Builds `f` of `count` i64 parameters. */
function build(count: number, body: (b: FunctionBuilder, params: Value[]) => void): LoadedProgram {
  const module = new Module();
  const func = module.addFunc(new Func('f', new Array<Type>(count).fill(Type.I64), [Type.I64]));
  func.linkage = 'global';
  const b = new FunctionBuilder(module, func, { optimise: true });
  body(b, func.params);
  b.finish();
  return load(module, 'f');
}

test('are forty values that live at once kept apart?', () => {
  const program = build(1, (b, [x]) => {
    const values = Array.from({ length: 40 }, (_, i) => b.binary(Op.Mul, x!, b.i64(2 * i + 3)));
    // Each is used again, in the opposite order, after all of them exist.
    let sum = b.i64(0);
    for (const value of [...values].reverse()) {
      sum = b.binary(Op.Xor, b.binary(Op.Rotl, sum, b.i32(5)), value);
    }
    b.ret([sum]);
  });
  const x = 0x1234_5678_9abc_def1n;
  let expected = 0n;
  for (let i = 39; i >= 0; i--) {
    const value = BigInt.asUintN(64, x * BigInt(2 * i + 3));
    expected = (BigInt.asUintN(64, expected << 5n) | (expected >> 59n)) ^ value;
  }
  expect(program.call('f', x)).toBe(expected);
});

test('do branches reach over more than 4 KiB, and tables and jumps over more?', () => {
  const program = build(1, (b, [x]) => {
    const [far, near, done] = [b.newBlock(), b.newBlock(), b.newBlock()];
    const result = b.newVar(Type.I64);
    b.condBr(b.binary(Op.LtU, x!, b.i64(10)), far, near);
    b.start(near);
    let sum = x!;
    for (let i = 0; i < 3000; i++) sum = b.binary(Op.Xor, b.add(sum, x!), b.i64(i & 1023));
    b.writeVar(result, sum);
    b.br(done);
    b.start(far);
    b.writeVar(result, b.i64(77));
    b.br(done);
    b.start(done);
    b.ret([b.readVar(result)]);
  });
  expect(program.call('f', 3n)).toBe(77n);
  let expected = 1000n;
  for (let i = 0; i < 3000; i++) expected = (expected + 1000n) ^ BigInt(i & 1023);
  expect(program.call('f', 1000n)).toBe(BigInt.asUintN(64, expected));
});

test('are parts of a large frame reached?', () => {
  const text = `global func @f(i64 %0) -> i64 {
  slot $0 size=40000 align=16
  slot $1 size=8 align=8
b0:
  %1 = slotaddr i64 $0
  store %1, %0 off=39992 mem=i64
  store %1, %0 off=8 mem=i32
  %2 = slotaddr i64 $1
  store %2, %1 mem=i64
  %3 = load i64 %2 mem=i64
  %4 = load i64 %3 off=39992 mem=i64
  %5 = load i64 %3 off=8 mem=i32u
  %6 = add i64 %4, %5
  ret %6
}`;
  expect(run(text, 0x1_0000_0005n)).toBe(0x1_0000_000an);
});

test('do values that change places in a loop keep their meaning?', () => {
  const text = `global func @f(i64 %0, i64 %1, i64 %2) -> i64 {
b0:
  %3 = const i64 0
  br [b1(%0, %1, %2, %3)]
b1(i64 %4, i64 %5, i64 %6, i64 %7):
  %8 = const i64 1
  %9 = add i64 %7, %8
  %10 = const i64 7
  %11 = ltu i32 %9, %10
  condbr %11 [b1(%5, %6, %4, %9), b2]
b2:
  %12 = const i64 16
  %13 = mul i64 %4, %12
  %14 = add i64 %13, %5
  %15 = mul i64 %14, %12
  %16 = add i64 %15, %6
  ret %16
}`;
  // Six rotations are none.
  expect(run(text, 1n, 2n, 3n)).toBe(0x123n);
});

test('does a jump table lead to its cases and nowhere else?', () => {
  const text = `global func @f(i32 %0) -> i32 {
b0:
  %1 = const i32 10
  %2 = const i32 11
  %3 = const i32 12
  %4 = const i32 13
  %5 = const i32 14
  %6 = const i32 -1
  switch %0 [b1(%6), -2: b1(%1), -1: b1(%2), 1: b1(%3), 2: b1(%4), 3: b1(%5)]
b1(i32 %7):
  ret %7
}`;
  const minusOne = 2n ** 64n - 1n;
  const expected: [bigint, bigint][] = [
    [2n ** 64n - 3n, minusOne],
    [2n ** 64n - 2n, 10n],
    [minusOne, 11n],
    [0n, minusOne],
    [1n, 12n],
    [2n, 13n],
    [3n, 14n],
    [4n, minusOne],
    [0x7fff_ffffn, minusOne],
  ];
  for (const [x, result] of expected) expect(run(text, x)).toBe(result);
});

test('are ten integers and nine floats passed, and the rest on the stack?', () => {
  const ints = Array.from({ length: 10 }, (_, i) => `i64 %${i}`);
  const floats = Array.from({ length: 9 }, (_, i) => `f64 %${10 + i}`);
  const lines: string[] = [];
  let next = 100;
  let sum = '%0';
  for (let i = 1; i < 10; i++) {
    lines.push(`  %${next} = rotl i64 ${sum}, %99`, `  %${next + 1} = add i64 %${next}, %${i}`);
    sum = `%${next + 1}`;
    next += 2;
  }
  for (let i = 0; i < 9; i++) {
    lines.push(
      `  %${next} = ftos i64 %${10 + i}`,
      `  %${next + 1} = rotl i64 ${sum}, %99`,
      `  %${next + 2} = add i64 %${next}, %${next + 1}`,
    );
    sum = `%${next + 2}`;
    next += 3;
  }
  const callee = `local func @g(${[...ints, ...floats].join(', ')}) -> i64 inline=never {
b0:
  %99 = const i32 3
${lines.join('\n')}
  ret ${sum}
}`;
  const args: string[] = [];
  const setup: string[] = [];
  for (let i = 0; i < 19; i++) {
    setup.push(`  %${20 + 3 * i} = const i64 ${i + 1}`, `  %${21 + 3 * i} = mul i64 %0, %${20 + 3 * i}`);
    if (i >= 10) setup.push(`  %${22 + 3 * i} = ffroms f64 %${21 + 3 * i}`);
    args.push(`%${(i >= 10 ? 22 : 21) + 3 * i}`);
  }
  const caller = `global func @f(i64 %0) -> i64 {
b0:
${setup.join('\n')}
  %1 = call i64 @g, ${args.join(', ')}
  ret %1
}`;
  const x = 1001n;
  let expected = x;
  for (let i = 1; i < 19; i++) {
    const rotated = BigInt.asUintN(64, expected << 3n) | (expected >> 61n);
    expected = BigInt.asUintN(64, rotated + x * BigInt(i + 1));
  }
  expect(run(`${callee}\n${caller}`, x)).toBe(expected);
});

test('are registers around a call in a cold block preserved?', () => {
  const module = parseModule(`global global @hits size=8 align=8
local func @cold(i64 %0) -> i64 inline=never {
b0:
  %1 = symaddr i64 @hits
  store %1, %0 mem=i64
  %2 = const i64 1000
  %3 = mul i64 %0, %2
  ret %3
}
global func @f(i64 %0, i64 %1, i64 %2) -> i64 {
b0:
  %3 = const i64 5
  %4 = ltu i32 %0, %3
  condbr %4 [b1, b2(%1)]
b1:
  %5 = call i64 @cold, %0
  br [b2(%5)]
b2(i64 %6):
  %7 = mul i64 %6, %2
  %8 = add i64 %7, %1
  ret %8
}`);
  module.funcs[1]!.blocks[1]!.cold = true;
  const program = load(module, 'f');
  expect(program.call('f', 9n, 3n, 10n)).toBe(33n);
  expect(program.call('f', 4n, 3n, 10n)).toBe(40_003n);
});

describe('constants', () => {
  /** What the steps compute. */
  function evaluate(value: bigint): bigint {
    let x = 0n;
    for (const { op, imm } of constantSteps(value)) {
      const i = BigInt(imm);
      if (op === M.ADDI) x += i;
      else if (op === M.ADDIW) x = BigInt.asIntN(32, x + i);
      else if (op === M.LUI) x = i;
      else if (op === M.SLLI) x <<= i;
      else if (op === M.SRLI) x = BigInt.asUintN(64, x) >> i;
      else if (op === M.BSETI) x |= 1n << i;
      else x ^= i;
      x = BigInt.asIntN(64, x);
    }
    return x;
  }

  test('do the steps build every shape of constant?', () => {
    const shapes = new Set<bigint>([0n]);
    for (let bit = 0n; bit < 64n; bit++) {
      for (const around of [-2n, -1n, 0n, 1n, 2047n, 2048n, -2049n]) {
        shapes.add(BigInt.asIntN(64, (1n << bit) + around));
        shapes.add(BigInt.asIntN(64, -(1n << bit) + around));
        shapes.add(BigInt.asIntN(64, (0x9e37_79b9_7f4a_7c15n >> bit) + around));
        shapes.add(BigInt.asIntN(64, 0xffff_ffffn << bit));
      }
    }
    for (const value of shapes) expect(evaluate(value)).toBe(value);
  });

  test('are the common ones short?', () => {
    expect(constantSteps(5n).length).toBe(1);
    expect(constantSteps(-1n << 30n).length).toBe(1);
    expect(constantSteps(1n << 40n).length).toBe(1);
    expect(constantSteps(0xffff_ffffn).length).toBe(2);
    expect(constantSteps((1n << 51n) - 1n).length).toBe(2);
  });
});
