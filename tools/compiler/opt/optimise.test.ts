/** Does each optimisation do its work, seen in the IR that is left? */
import { expect, test } from 'vitest';
import { parseModule } from '../ir/parse.ts';
import { Op, opInfo } from '../ir/types.ts';
import { optimise } from './optimise.ts';

/** Names of the operations that are left in `@f`, constants aside. */
function left(text: string): string[] {
  const module = parseModule(text);
  optimise(module, { check: true });
  const func = module.funcs.find((f) => f.name === 'f')!;
  return func.blocks.flatMap((block) =>
    block.insts.filter((inst) => inst.op !== Op.Const).map((inst) => opInfo[inst.op]!.name),
  );
}

const count = (ops: readonly string[], name: string): number => ops.filter((op) => op === name).length;

test('does a structure on the stack become registers?', () => {
  const ops = left(`global func @f(i64 %0, i64 %1) -> i64 {
  slot $0 size=16 align=8
b0:
  %2 = slotaddr i64 $0
  store %2, %0 mem=i64
  store %2, %1 off=8 mem=i64
  %3 = load i64 %2 mem=i64
  %4 = load i64 %2 off=8 mem=i64
  %5 = add i64 %3, %4
  ret %5
}`);
  expect(ops).toEqual(['add', 'ret']);
});

test('is a small function inlined, and its constant condition decided?', () => {
  const ops = left(`local func @g(i64 %0, i32 %1) -> i64 {
b0:
  condbr %1 [b1, b2]
b1:
  %2 = const i64 3
  %3 = mul i64 %0, %2
  ret %3
b2:
  ret %0
}
global func @f(i64 %0) -> i64 {
b0:
  %1 = const i32 0
  %2 = call i64 @g, %0, %1
  ret %2
}`);
  expect(ops).toEqual(['ret']);
});

test('is a value that was computed or loaded before taken again?', () => {
  const ops = left(`global func @f(i64 %0, i64 %1) -> i64 {
b0:
  %2 = add i64 %0, %1
  %3 = load i64 %2 mem=i64
  %4 = add i64 %1, %0
  %5 = load i64 %4 mem=i64
  %6 = sub i64 %3, %5
  %7 = add i64 %6, %2
  ret %7
}`);
  expect(ops).toEqual(['add', 'ret']);
});

test('does a store between two loads keep the second one, unless it is to another field?', () => {
  const text = (alias: number): string => `global func @f(i64 %0, i64 %1, i64 %2) -> i64 {
b0:
  %3 = load i64 %0 mem=i64 alias=1
  store %1, %2 mem=i64 alias=${alias}
  %4 = load i64 %0 mem=i64 alias=1
  %5 = mul i64 %3, %4
  ret %5
}`;
  expect(count(left(text(0)), 'load')).toBe(2);
  expect(count(left(text(2)), 'load')).toBe(1);
});

const LOOP = (limit: string, index: string): string => `extern func @panic

global func @f(i64 %0, i64 %1) -> i64 {
b0:
  %2 = const i64 0
  %3 = const i64 1
  %4 = const i64 101
  %20 = const i64 50
  br [b1(%2, %2)]
b1(i64 %5, i64 %6):
  %7 = ltu i32 %5, ${limit}
  condbr %7 [b2, b3]
b2:
  %21 = add i64 %5, ${index}
  bounds @panic, %21, %4
  %8 = const i64 3
  %9 = shl i64 %21, %8
  %10 = add i64 %0, %9
  %11 = load i64 %10 mem=i64
  %12 = add i64 %6, %11
  %13 = add i64 %5, %3
  br [b1(%13, %12)]
b3:
  ret %6
}`;

test('does a bounds check go where the loop says enough, and only there?', () => {
  expect(count(left(LOOP('%4', '%2')), 'bounds')).toBe(0);
  expect(count(left(LOOP('%20', '%20')), 'bounds')).toBe(0);
  expect(count(left(LOOP('%4', '%3')), 'bounds')).toBe(1);
  expect(count(left(LOOP('%1', '%2')), 'bounds')).toBe(1);
});

test('does the loop step a pointer, without the counter?', () => {
  const ops = left(LOOP('%4', '%2'));
  // Sum, step of the pointer, and the end of the array before the loop.
  expect(ops.filter((op) => op !== 'br')).toEqual(['add', 'load', 'add', 'add', 'ne', 'condbr', 'ret']);
});

test('does what a loop repeats move out of it?', () => {
  const module = parseModule(`global func @f(i64 %0, i64 %1) -> i64 {
b0:
  %2 = const i64 0
  %3 = const i64 1
  br [b1(%2, %2)]
b1(i64 %4, i64 %5):
  %6 = ltu i32 %4, %1
  condbr %6 [b2, b3]
b2:
  %7 = mul i64 %0, %1
  %8 = load i64 %0 mem=i64
  %9 = add i64 %7, %8
  %10 = xor i64 %5, %9
  %11 = add i64 %4, %3
  br [b1(%11, %10)]
b3:
  ret %5
}`);
  optimise(module, { check: true });
  const func = module.funcs[0]!;
  const loop = func.blocks.find((block) => block.succs.some((edge) => edge.to === block))!;
  expect(loop.insts.map((inst) => opInfo[inst.op]!.name)).toEqual(['xor', 'add', 'ltu', 'condbr']);
});

test('does an element stay in the loop when only a condition makes its index good?', () => {
  const module = parseModule(`global global @table size=64 align=8
global func @f(i32 %0, i64 %1, i32 %2) -> i64 {
b0:
  %3 = const i64 0
  %4 = const i64 1
  %5 = zext32 i64 %0
  %6 = const i64 3
  %7 = shl i64 %5, %6
  %8 = symaddr i64 @table
  %9 = add i64 %8, %7
  br [b1(%3, %3)]
b1(i64 %10, i64 %11):
  condbr %2 [b2, b3(%11)]
b2:
  %12 = load i64 %9 mem=i64
  br [b3(%12)]
b3(i64 %13):
  %14 = add i64 %13, %10
  %15 = add i64 %10, %4
  %16 = ltu i32 %15, %1
  condbr %16 [b1(%15, %14), b4]
b4:
  ret %14
}`);
  optimise(module, { check: true });
  const func = module.funcs[0]!;
  expect(func.entry.insts.some((inst) => inst.op === Op.Load)).toBe(false);
  const load = func.blocks.flatMap((block) => block.insts).find((inst) => inst.op === Op.Load)!;
  expect(load.block.preds.length).toBe(1);
  expect(load.block.preds[0]!.term.op).toBe(Op.CondBr);
});

test('do atomics, fences, volatile accesses and calls all stay, in order?', () => {
  const ops = left(`extern func @g

global func @f(i64 %0) -> i64 {
b0:
  %1 = load i64 %0 mem=i64 volatile
  %2 = load i64 %0 mem=i64 volatile
  fence sets=51
  %3 = amo.add i64 %0, %2 mem=i64 order=acqrel
  call @g
  store %0, %2 mem=i64
  cbo.flush %0
  fence sets=17
  store %0, %2 mem=i64
  ret %2
}`);
  expect(ops).toEqual([
    'load',
    'load',
    'fence',
    'amo.add',
    'call',
    'store',
    'cbo.flush',
    'fence',
    'store',
    'ret',
  ]);
});

test('what does a persistent reference cost when it is tested for null?', () => {
  const ops = left(`extern func @slow

global func @f(i64 %0) -> i64 {
b0:
  %1 = load i64 %0 off=8 mem=i64
  %2 = const i64 8
  %3 = add i64 %0, %2
  %4 = pref i64 @slow, %1, %3
  %5 = const i64 0
  %6 = ne i32 %4, %5
  condbr %6 [b1, b2]
b1:
  %7 = load i64 %4 off=16 mem=i64
  ret %7
b2:
  ret %5
}`);
  // The base, the translation (a test and an addition), and the test for null on the stored word.
  expect(ops).toEqual(['load', 'and', 'pref', 'condbr', 'load', 'ret', 'ret']);
});

/** A loop that adds up the bytes from %0 (or from the global) to an end, tested by `test`. */
const summing = (start: string, end: string, test: string): string => `global global @g size=64 align=8
global func @f(i64 %0) -> i32 {
b0:
  %1 = const i64 1
  %2 = const i32 0
${start}
${end}
  br [b1(%3, %2)]
b1(i64 %5, i32 %6):
  %7 = load i32 %5 mem=i8u
  %8 = add i32 %6, %7
  %9 = add i64 %5, %1
  %10 = ${test} i32 %9, %4
  condbr %10 [b1(%9, %8), b2(%8)]
b2(i32 %11):
  ret %11
}`;
const after = (base: string, bytes: number): string =>
  `  %12 = const i64 ${bytes}\n  %4 = add i64 ${base}, %12`;
const same = '  %13 = const i64 0\n  %3 = add i64 %0, %13';

test('does a loop of a constant number of rounds do several at a time?', () => {
  expect(count(left(summing(same, after('%0', 40), 'ne')), 'load')).toBe(4);
  expect(count(left(summing(same, after('%0', 9), 'ne')), 'load')).toBe(3);
  expect(count(left(summing(same, after('%0', 11), 'ne')), 'load')).toBe(1);
  expect(count(left(summing('  %3 = symaddr i64 @g', after('%3', 40), 'ltu')), 'load')).toBe(4);
});

test('does a loop of few rounds disappear?', () => {
  const ops = left(summing(same, after('%0', 5), 'ne'));
  expect(count(ops, 'load')).toBe(5);
  expect(count(ops, 'condbr')).toBe(0);
});

test('is a loop left alone whose rounds are not known?', () => {
  // An address that may be near the end of the address space: the comparison may fail at once.
  expect(count(left(summing(same, after('%0', 40), 'ltu')), 'load')).toBe(1);
  expect(count(left(summing('  %3 = symaddr i64 @g', '  %4 = add i64 %0, %1', 'ne')), 'load')).toBe(1);
});
