/** Does the IR survive its text form, does the builder make right SSA, and does the verifier see what is wrong? */
import { describe, expect, test } from 'vitest';
import { FunctionBuilder } from './builder.ts';
import { Func, Module, type Value } from './ir.ts';
import { parseModule } from './parse.ts';
import { printFunc, printModule } from './print.ts';
import { Mem, Op, Type } from './types.ts';
import { verify } from './verify.ts';

const EVERYTHING = `extern func @puts

extern data @"odd name"

local const @text size=3 align=1 section=".rodata.text" data=616263

global global @table size=16 align=8 data=00000000000000000000000000000000 reloc=8:@text:1

global func @sum(i64 %0, i32 %1) -> i64 align=4 inline=never {
  slot $0 size=16 align=8
b0:
  %2 = const i64 -5
  %3 = slotaddr i64 $0 off=8
  store %3, %2 mem=i64
  br [b1(%2)]
b1(i64 %4):
  %5 = load i64 %0 off=4 mem=i32u volatile alias=7
  %6 = add i64 %4, %5
  %7 = ltu i32 %6, %0
  condbr %7 likely=-1 [b2, b1(%6)]
b2:
  switch %1 [b3, 1: b3, -2: b4]
b3:
  call @puts, %6
  %8 = atomic.cas i32 %0, %1, %1 mem=i32 order=acqrel
  fence sets=17
  %9 = asm i64 %0 text="ecall" outs="a0:i64,a1:i64" ins="a0" clobbers="a2"
  %10 = result2 i64 %9
  ret %10
b4:
  bounds %1, %1 off=3, @puts
}
`;

test('does printing give back what was parsed?', () => {
  const text = EVERYTHING.replace(
    '  bounds %1, %1 off=3, @puts\n',
    '  bounds @puts, %1, %1 off=3\n  unreachable\n',
  );
  const once = printModule(parseModule(text));
  expect(once).toBe(text);
  for (const func of parseModule(text).funcs) verify(func);
});

test.each([
  ['local func @f() {\nb0:\n  %0 = frob i32\n}', "line 3: 'frob' is not an operation"],
  ['local func @f() {\nb0:\n  %0 = add i32 %1, %1\n}', 'line 3: %1 is not defined'],
  ['local func @f() {\nb0:\n  call @g\n}', 'line 3: @g is not declared'],
  ['local func @f() {\nb0:\n  %0 = add i99\n}', "line 3: 'i99' is not a type"],
  ['local func @f(', 'line 1: the line ends too early'],
  ['local func @f() {\n', 'line 1: the function has no closing brace'],
])('which line is wrong in %j?', (text, message) => {
  expect(() => parseModule(text)).toThrow(message);
});

/** sum = 0; for (i = 0; i < n; i++) if (i & 1) sum += i; return sum. */
function buildLoop(optimise: boolean): Func {
  const module = new Module();
  const func = module.addFunc(new Func('odds', [Type.I32], [Type.I32]));
  const b = new FunctionBuilder(module, func, { optimise });
  const i32 = { kind: 'base', name: 'i32', size: 4, encoding: 'signed' } as const;
  const sum = b.newVar(Type.I32, { name: 'sum', type: i32, isParam: false, loc: 0 });
  const i = b.newVar(Type.I32);
  b.writeVar(sum, b.i32(0));
  b.writeVar(i, b.i32(0));
  const [head, body, odd, next, done] = [
    b.newBlock(),
    b.newBlock(),
    b.newBlock(),
    b.newBlock(),
    b.newBlock(),
  ];
  b.br(head);
  b.setBlock(head);
  b.condBr(b.binary(Op.LtS, b.readVar(i), b.param(0)), body, done);
  b.start(body);
  b.condBr(b.binary(Op.And, b.readVar(i), b.i32(1)), odd, next);
  b.start(odd);
  b.writeVar(sum, b.add(b.readVar(sum), b.readVar(i)));
  b.br(next);
  b.start(next);
  b.writeVar(i, b.add(b.readVar(i), b.i32(1)));
  b.br(head);
  b.seal(head);
  b.start(done);
  b.ret([b.readVar(sum)]);
  return b.finish();
}

describe('the builder', () => {
  test('does a loop get parameters only where values differ?', () => {
    const func = buildLoop(true);
    verify(func);
    const shape = func.blocks.map((block) => block.params.length);
    // Loop header: i and sum; the join after the `if`: sum only.
    expect(shape).toEqual([0, 2, 0, 0, 1, 0]);
  });

  test('do variables that the debugger knows live in slots without optimisation?', () => {
    const func = buildLoop(false);
    verify(func);
    expect(func.slots.map((slot) => slot.variable)).toEqual([0]);
    // i is no variable of the source, so it is in SSA form even now.
    expect(func.blocks.map((block) => block.params.length)).toEqual([0, 1, 0, 0, 0, 0]);
  });

  test('is the variable noted wherever it changes?', () => {
    const notes = buildLoop(true).blocks.map(
      (block) => block.insts.filter((v) => v.op === Op.DbgValue).length,
    );
    expect(notes).toEqual([1, 1, 0, 1, 1, 0]);
  });
});

describe('the verifier', () => {
  const broken = (change: (func: Func, loop: Value[]) => void): (() => void) => {
    const func = buildLoop(true);
    change(func, func.blocks[1]!.insts);
    return () => verify(func);
  };
  test('does it see a use before its definition?', () => {
    expect(
      broken((func) => {
        const late = func.blocks[3]!.insts.find((v) => v.op === Op.Add)!;
        func.blocks[5]!.term.args[0] = late;
      }),
    ).toThrow('add of b3 does not dominate its use in b5');
  });
  test('does it see operands of the wrong type?', () => {
    expect(
      broken((func, insts) => {
        const address = func.newValue(Op.Load, Type.I32, [func.params[0]!]);
        address.mem = Mem.I32;
        address.block = func.blocks[1]!;
        insts.unshift(address);
      }),
    ).toThrow('the address is not an i64');
  });
  test('does it see a missing argument?', () => {
    expect(broken((_, insts) => insts.push(insts.shift()!))).toThrow('terminator in the wrong place');
    expect(
      broken((func) => {
        func.blocks[0]!.term.succs[0]!.args.pop();
      }),
    ).toThrow('b0 to b1: argument count');
  });
  test('does printing still work on what it refuses?', () => {
    expect(printFunc(buildLoop(true))).toContain('condbr');
  });
});
