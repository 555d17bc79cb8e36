/** Does the module writer produce what WebAssembly engines accept and mean, and do expressions fold to the same values? */
import { describe, expect, it } from 'vitest';
import { ByteWriter } from './bytes.ts';
import { CodeWriter } from './code.ts';
import { bin, call, type Expr, emit, i32, i64, load, local, select, un } from './expression.ts';
import { ModuleWriter } from './module.ts';
import { F64, I32, I64, Op, resultType, type ValType } from './opcodes.ts';

type Exports = Record<string, (...args: never[]) => unknown>;

function instantiate(
  module: ModuleWriter,
  imports: Record<string, Record<string, (x: number) => number>> = {},
): Exports {
  return new WebAssembly.Instance(new WebAssembly.Module(module.finish()), imports).exports as Exports;
}

/** A function `f` of these parameters that computes an expression. */
function evaluate(e: Expr, parameters: readonly ValType[] = [], ...args: unknown[]): unknown {
  const module = new ModuleWriter();
  const w = new CodeWriter(parameters.length);
  emit(w, e);
  module.exportFunction('f', module.function(module.type(parameters, [e.type]), w));
  return instantiate(module)['f']!(...(args as never[]));
}

describe('byte writer', () => {
  const bytes = (write: (w: ByteWriter) => void): number[] => {
    const w = new ByteWriter(1);
    write(w);
    return [...w.bytes()];
  };

  it('writes LEB128 as the specification does', () => {
    expect(bytes((w) => w.uleb(624485))).toEqual([0xe5, 0x8e, 0x26]);
    expect(bytes((w) => w.uleb(0xffff_ffff))).toEqual([0xff, 0xff, 0xff, 0xff, 0x0f]);
    expect(bytes((w) => w.sleb32(-123456))).toEqual([0xc0, 0xbb, 0x78]);
    expect(bytes((w) => w.sleb32(64))).toEqual([0xc0, 0x00]);
    expect(bytes((w) => w.sleb64(-1n))).toEqual([0x7f]);
    expect(bytes((w) => w.sleb64(1n << 63n))).toEqual([
      0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f,
    ]);
  });

  it('writes numbers and bigints alike', () => {
    for (const value of [
      0,
      1,
      -1,
      63,
      64,
      -64,
      -65,
      2 ** 31,
      -(2 ** 31),
      2 ** 40 + 5,
      -(2 ** 40) - 5,
      2 ** 53 - 1,
    ]) {
      expect(bytes((w) => w.sleb64(value))).toEqual(bytes((w) => w.sleb64(BigInt(value))));
      expect(evaluate(i64(value))).toBe(BigInt(value));
    }
  });
});

describe('module writer', () => {
  it('joins imports, functions, tables, globals, memory, data and indirect calls', () => {
    const module = new ModuleWriter();
    const unary = module.type([I32], [I32]);
    const imported = module.importFunction('env', 'double', unary);
    module.memory({ min: 1 });
    module.table({ min: 4 });
    const counter = module.global(I32, true, 40);
    module.data(16, new Uint8Array([7, 0, 0, 0]));
    const w = new CodeWriter(1);
    w.localGet(0);
    w.call(imported);
    w.globalGet(counter);
    w.op(Op.i32Add);
    emit(w, load(Op.i32Load, i32(0), 16));
    w.op(Op.i32Add);
    const inner = module.function(unary, w);
    module.element(2, [inner]);
    w.restart(1);
    w.localGet(0);
    w.i32Const(2);
    w.callIndirect(unary);
    module.exportFunction('outer', module.function(unary, w));
    const exports = instantiate(module, { env: { double: (x: number) => 2 * x } });
    expect(exports['outer']!(5 as never)).toBe(57);
  });

  it('branches to absolute labels from any depth', () => {
    const module = new ModuleWriter();
    const w = new CodeWriter(1);
    const result = w.local(I32);
    const out = w.block();
    const labels = [w.block(), w.block(), w.block()];
    w.localGet(0);
    w.brTable(labels, out);
    for (const value of [30, 20, 10]) {
      w.end();
      w.i32Const(value);
      w.localSet(result);
      w.br(out);
    }
    w.end();
    w.localGet(result);
    module.exportFunction('f', module.function(module.type([I32], [I32]), w));
    const { f } = instantiate(module);
    expect([0, 1, 2, 3].map((i) => f!(i as never))).toEqual([10, 20, 30, 0]);
  });

  it('tail-calls without growing the stack', () => {
    const module = new ModuleWriter();
    const type = module.type([I32], [I32]);
    const w = new CodeWriter(1);
    const self = module.declare(type);
    w.localGet(0);
    w.op(Op.i32Eqz);
    w.if();
    w.i32Const(1);
    w.op(Op.return);
    w.end();
    emit(w, bin(Op.i32Sub, local(0, I32), i32(1)));
    w.returnCall(self);
    module.body(w);
    module.exportFunction('f', self);
    expect(instantiate(module)['f']!(1_000_000 as never)).toBe(1);
  });
});

describe('expressions', () => {
  const I64_OPS = [
    Op.i64Add,
    Op.i64Sub,
    Op.i64Mul,
    Op.i64And,
    Op.i64Or,
    Op.i64Xor,
    Op.i64Shl,
    Op.i64ShrS,
    Op.i64ShrU,
    Op.i64Eq,
    Op.i64Ne,
    Op.i64LtS,
    Op.i64LtU,
    Op.i64GeS,
    Op.i64GeU,
  ];
  const I32_OPS = [
    Op.i32Add,
    Op.i32Sub,
    Op.i32Mul,
    Op.i32And,
    Op.i32Or,
    Op.i32Xor,
    Op.i32Shl,
    Op.i32ShrS,
    Op.i32ShrU,
    Op.i32Eq,
    Op.i32Ne,
  ];
  const VALUES = [
    0n,
    1n,
    -1n,
    5n,
    63n,
    64n,
    -(1n << 63n),
    (1n << 63n) - 1n,
    0x1234_5678_9abc_def0n,
    1n << 32n,
  ];

  it('fold constants to what the engine computes', () => {
    for (const op of I64_OPS) {
      for (const a of VALUES) {
        for (const b of VALUES) {
          const folded = bin(op, i64(a), i64(b));
          const computed = bin(op, local(0, I64), local(1, I64));
          expect(evaluate(folded), `${op.toString(16)} ${a} ${b}`).toBe(evaluate(computed, [I64, I64], a, b));
        }
      }
    }
    for (const op of I32_OPS) {
      for (const a of [0, 1, -1, 31, 32, 0x7fff_ffff, -0x8000_0000]) {
        for (const b of [0, 1, -1, 31, 33, -0x8000_0000]) {
          const computed = evaluate(bin(op, local(0, I32), local(1, I32)), [I32, I32], a, b);
          expect(evaluate(bin(op, i32(a), i32(b)))).toBe(computed);
        }
      }
    }
  });

  it('drop operators that change nothing', () => {
    const x = local(0, I64);
    for (const op of [Op.i64Add, Op.i64Sub, Op.i64Or, Op.i64Xor, Op.i64Shl])
      expect(bin(op, x, i64(0))).toBe(x);
    expect(bin(Op.i64And, x, i64(-1))).toBe(x);
    expect(bin(Op.i64Add, i64(0), x)).toBe(x);
    const low = un(Op.i32WrapI64, x);
    expect(un(Op.i32WrapI64, un(Op.i64ExtendI32S, low))).toBe(low);
    expect(select(x, i64(1), i32(1))).toBe(x);
    expect(bin(Op.i64Eq, x, i64(0)).op).toBe(Op.i64Eqz);
  });

  it('know their types', () => {
    expect(resultType(Op.i64LtU)).toBe(I32);
    expect(resultType(Op.f64PromoteF32)).toBe(F64);
    expect(resultType(Op.i64TruncSatF64U)).toBe(I64);
    expect(call(0, F64, i32(1)).type).toBe(F64);
  });
});
