/** Expands intrinsics. Their names and types were checked in frontend/intrinsics.ts. */
import type { IntrinsicExpr, Logging } from '../frontend/tree.ts';
import {
  alignOf,
  BOOL,
  hasReferences,
  I32,
  intOf,
  isSpan,
  NEVER,
  pointee,
  sizeOf,
  type Type,
} from '../frontend/types.ts';
import type { Value } from '../ir/ir.ts';
import { Type as IrType, Op, Order } from '../ir/types.ts';
import { machine } from './asm.ts';
import { callSymbol } from './calls.ts';
import { narrow } from './conversions.ts';
import { branch, value, values } from './expressions.ts';
import type { FunctionLowering } from './function.ts';
import { isSigned, memOf, registerOf } from './ir-types.ts';
import { readPlace, writePlace } from './places.ts';

type Expander = (f: FunctionLowering, expr: IntrinsicExpr) => readonly Value[];

export function lowerIntrinsic(f: FunctionLowering, expr: IntrinsicExpr): readonly Value[] {
  return EXPANDERS[expr.name]!(f, expr);
}

const argument = (f: FunctionLowering, expr: IntrinsicExpr, index: number): Value =>
  value(f, expr.args[index]!);
const all = (f: FunctionLowering, expr: IntrinsicExpr): Value[] => expr.args.map((arg) => value(f, arg));

/** Calls `record` of the transaction before `size` bytes at `address` are written. */
export function recordStore(f: FunctionLowering, logging: Logging, address: Value, size: number): void {
  const [transaction] = f.readVariable(logging.transaction);
  const { record } = logging;
  callSymbol(f, f.module.symbolOf(record), record.result, [transaction!, address, f.b.i64(size)]);
}

// -------------------------------------------------------------------------------------------------------- memory

/** Address and constant offset of `load` and `store`. */
function addressOf(
  f: FunctionLowering,
  expr: IntrinsicExpr,
  offsetIndex: number,
): { address: Value; offset: number } {
  const address = argument(f, expr, 0);
  const offset = expr.args[offsetIndex]!;
  if (offset.kind === 'const') {
    const bytes = BigInt.asIntN(64, offset.value);
    if (bytes >= -0x40000000n && bytes < 0x40000000n) return { address, offset: Number(bytes) };
  }
  return { address: f.b.add(address, value(f, offset)), offset: 0 };
}

const load =
  (isVolatile: boolean): Expander =>
  (f, expr) => {
    const type = expr.typeArg!;
    const { address, offset } = addressOf(f, expr, 1);
    return [f.b.load(registerOf(type), memOf(type), address, offset, { volatile: isVolatile })];
  };

const store =
  (isVolatile: boolean): Expander =>
  (f, expr) => {
    const { address, offset } = addressOf(f, expr, 2);
    const stored = argument(f, expr, 1);
    f.b.store(memOf(expr.typeArg!), address, stored, offset, { volatile: isVolatile });
    return [];
  };

/** Copies a struct or array. Persistent pointers mean something else elsewhere, so they are translated one by one. */
const assign: Expander = (f, expr) => {
  const { b } = f;
  const target = argument(f, expr, 0);
  const source = argument(f, expr, 1);
  const storage = pointee(expr.typeArg!);
  const size = sizeOf(storage);
  if (expr.logging !== undefined) recordStore(f, expr.logging, target, size);
  const isPersistent =
    storage.kind === 'inline' && storage.of.instance.isPersistent && hasReferences(storage);
  if (!isPersistent || storage.kind !== 'inline') {
    b.memcpy(target, source, b.i64(size), alignOf(storage));
    return [];
  }
  for (const field of storage.of.instance.layout().fields)
    copyField(f, target, source, field.offset, field.type);
  return [];
};

/** Copies one field of a persistent class, elements of arrays one by one where they hold references. */
function copyField(f: FunctionLowering, target: Value, source: Value, offset: number, storage: Type): void {
  const { b } = f;
  if (storage.kind === 'array' && hasReferences(storage.elem)) {
    const size = sizeOf(storage.elem);
    for (let i = 0; i < storage.count; i++) copyField(f, target, source, offset + i * size, storage.elem);
  } else if (storage.kind === 'inline' && hasReferences(storage)) {
    for (const field of storage.of.instance.layout().fields) {
      copyField(f, target, source, offset + field.offset, field.type);
    }
  } else if (storage.kind === 'inline' || storage.kind === 'array' || isSpan(storage)) {
    b.memcpy(b.addImm(target, offset), b.addImm(source, offset), b.i64(sizeOf(storage)), alignOf(storage));
  } else {
    const persistent = storage.kind === 'class' || storage.kind === 'ptr';
    const place = (address: Value) =>
      ({ kind: 'memory', address, offset, storage, persistent, isVolatile: false }) as const;
    writePlace(f, place(target), readPlace(f, place(source)));
  }
}

// --------------------------------------------------------------------------------------------------------- panics

/** Ends the program; nothing comes after it. */
function panic(f: FunctionLowering, message: readonly Value[], node: IntrinsicExpr['node']): void {
  const location = f.b.symAddr(f.module.location(node));
  callSymbol(f, f.module.runtime('__panic'), NEVER, [...message, location]);
}

const assertion: Expander = (f, expr) => {
  const { b } = f;
  const [condition, message] = expr.args;
  if (condition!.kind === 'const' && condition!.value !== 0n) return [];
  const bad = b.newBlock();
  const good = b.newBlock();
  branch(f, condition!, good, bad);
  b.start(bad);
  bad.cold = true;
  panic(f, values(f, message!), expr.node);
  if (good.preds.length > 0) b.start(good);
  return [];
};

// ----------------------------------------------------------------------------------------------------- arithmetic

/** The unsigned reading of a narrow integer. */
function zeroExtended(f: FunctionLowering, x: Value, type: Type): Value {
  const bits = intOf(type)?.bits ?? 32;
  if (bits >= 32 || !isSigned(type)) return x;
  return f.b.unary(bits === 8 ? Op.ZExt8 : Op.ZExt16, x);
}

const bitCount =
  (op: Op): Expander =>
  (f, expr) => {
    const { b } = f;
    const bits = intOf(expr.type)!.bits;
    const x = zeroExtended(f, argument(f, expr, 0), expr.type);
    if (bits >= 32 || op === Op.Popcnt) return [b.unary(op, x)];
    if (op === Op.Clz) return [b.sub(b.unary(Op.Clz, x), b.i32(32 - bits))];
    // A bit above the value stops the count at its width.
    return [b.unary(Op.Ctz, b.binary(Op.Or, x, b.i32(1 << bits)))];
  };

const byteSwap: Expander = (f, expr) => {
  const { b } = f;
  const bits = intOf(expr.type)!.bits;
  const x = argument(f, expr, 0);
  if (bits === 8) return [x];
  if (bits >= 32) return [b.unary(Op.Bswap, x)];
  return [narrow(b, b.binary(Op.ShrU, b.unary(Op.Bswap, x), b.i32(16)), expr.type)];
};

const rotate =
  (left: boolean): Expander =>
  (f, expr) => {
    const { b } = f;
    const bits = intOf(expr.type)!.bits;
    const x = zeroExtended(f, argument(f, expr, 0), expr.type);
    const count = argument(f, expr, 1);
    if (bits >= 32) return [b.binary(left ? Op.Rotl : Op.Rotr, x, count)];
    const mask = b.constInt(count.type, bits - 1);
    const near = b.binary(Op.And, count, mask);
    const far = b.binary(Op.And, b.sub(b.constInt(count.type, bits), near), mask);
    const [up, down] = left ? [near, far] : [far, near];
    return [narrow(b, b.binary(Op.Or, b.binary(Op.Shl, x, up), b.binary(Op.ShrU, x, down)), expr.type)];
  };

const extreme =
  (signedOp: Op, unsignedOp: Op, floatOp: Op): Expander =>
  (f, expr) => {
    const [x, y] = all(f, expr);
    const op = expr.type.kind === 'float' ? floatOp : isSigned(expr.type) ? signedOp : unsignedOp;
    return [f.b.binary(op, x!, y!)];
  };

const absolute: Expander = (f, expr) => {
  const { b } = f;
  const x = argument(f, expr, 0);
  if (expr.type.kind === 'float') return [b.unary(Op.FAbs, x)];
  if (!isSigned(expr.type)) return [x];
  const negated = b.sub(b.constInt(x.type, 0), x);
  return [narrow(b, b.binary(Op.MaxS, x, negated), expr.type)];
};

const binaryOp =
  (op: Op): Expander =>
  (f, expr) => {
    const [x, y] = all(f, expr);
    return [f.b.binary(op, x!, y!)];
  };

// ------------------------------------------------------------------------------------------------ atomics, machine

const ORDER_BY_NUMBER = [Order.Relaxed, Order.Acquire, Order.Release, Order.AcqRel, Order.SeqCst];
/** Suffix of AMO, LR and SC instructions. */
const ORDER_SUFFIX = ['', '.aq', '.rl', '.aqrl', '.aqrl'];

const atomic =
  (signedOp: Op, unsignedOp = signedOp): Expander =>
  (f, expr) => {
    const op = isSigned(expr.typeArg!) ? signedOp : unsignedOp;
    const type = registerOf(expr.typeArg!);
    const call = f.b.atomic(op, type, ORDER_BY_NUMBER[expr.number]!, all(f, expr));
    return op === Op.AtomicStore ? [] : [call];
  };

const atomicSubtract: Expander = (f, expr) => {
  const { b } = f;
  const [address, amount] = all(f, expr);
  const negated = b.sub(b.constInt(amount!.type, 0), amount!);
  return [b.atomic(Op.AmoAdd, amount!.type, ORDER_BY_NUMBER[expr.number]!, [address!, negated])];
};

const width = (type: Type): string => (registerOf(type) === IrType.I32 ? 'w' : 'd');

const loadReserved: Expander = (f, expr) => {
  const type = expr.typeArg!;
  return [machine(f, `lr.${width(type)}${ORDER_SUFFIX[expr.number]} %0, (%1)`, all(f, expr), type)];
};
const storeConditional: Expander = (f, expr) => {
  const text = `sc.${width(expr.typeArg!)}${ORDER_SUFFIX[expr.number]} %0, %2, (%1)`;
  return [f.b.not(machine(f, text, all(f, expr), I32))];
};

const instruction =
  (template: string): Expander =>
  (f) => {
    machine(f, template, []);
    return [];
  };

const cacheBlock =
  (op: Op): Expander =>
  (f, expr) => {
    f.b.cacheBlock(op, argument(f, expr, 0));
    return [];
  };

const csr =
  (op: Op): Expander =>
  (f, expr) => {
    const [written] = all(f, expr);
    const result = f.b.csr(op, expr.number, written);
    return op === Op.CsrWrite ? [] : [result];
  };

const sfence: Expander = (f, expr) => {
  const operands = all(f, expr);
  machine(
    f,
    operands.length === 2
      ? 'sfence.vma %0, %1'
      : operands.length === 1
        ? 'sfence.vma %0, zero'
        : 'sfence.vma zero, zero',
    operands,
  );
  return [];
};

const runtimeCall =
  (name: string, result: Type): Expander =>
  (f, expr) =>
    callSymbol(
      f,
      f.module.runtime(name),
      result,
      expr.args.flatMap((arg) => [...values(f, arg)]),
    );

const symbolAddress: Expander = (f, expr) => {
  const name = expr.args[0]!.kind === 'str' ? new TextDecoder().decode(expr.args[0]!.bytes) : '';
  return [f.b.symAddr(f.module.named(name))];
};

const EXPANDERS: Record<string, Expander> = {
  load: load(false),
  volatileLoad: load(true),
  store: store(false),
  volatileStore: store(true),
  assign,
  'memory.copy': (f, expr) => {
    const [target, source, size] = all(f, expr);
    f.b.memmove(target!, source!, size!);
    return [];
  },
  'memory.fill': (f, expr) => {
    const [target, byte, size] = all(f, expr);
    f.b.memset(target!, byte!, size!);
    return [];
  },
  'memory.compare': runtimeCall('memcmp', I32),
  'str.equals': runtimeCall('__str_equals', BOOL),
  panic: (f, expr) => {
    panic(f, values(f, expr.args[0]!), expr.node);
    return [];
  },
  assert: assertion,
  unreachable: (f) => {
    f.b.unreachable();
    return [];
  },
  clz: bitCount(Op.Clz),
  ctz: bitCount(Op.Ctz),
  popcnt: bitCount(Op.Popcnt),
  bswap: byteSwap,
  rotl: rotate(true),
  rotr: rotate(false),
  min: extreme(Op.MinS, Op.MinU, Op.FMin),
  max: extreme(Op.MaxS, Op.MaxU, Op.FMax),
  abs: absolute,
  sqrt: (f, expr) => [f.b.unary(Op.FSqrt, argument(f, expr, 0))],
  select: (f, expr) => {
    const [condition, x, y] = all(f, expr);
    return [f.b.select(condition!, x!, y!)];
  },
  mulhu: binaryOp(Op.MulHU),
  mulh: binaryOp(Op.MulHS),
  'atomic.load': atomic(Op.AtomicLoad),
  'atomic.store': atomic(Op.AtomicStore),
  'atomic.add': atomic(Op.AmoAdd),
  'atomic.sub': atomicSubtract,
  'atomic.and': atomic(Op.AmoAnd),
  'atomic.or': atomic(Op.AmoOr),
  'atomic.xor': atomic(Op.AmoXor),
  'atomic.min': atomic(Op.AmoMinS, Op.AmoMinU),
  'atomic.max': atomic(Op.AmoMaxS, Op.AmoMaxU),
  'atomic.exchange': atomic(Op.AmoSwap),
  'atomic.compareExchange': atomic(Op.AtomicCas),
  'atomic.loadReserved': loadReserved,
  'atomic.storeConditional': storeConditional,
  fence: (f, expr) => {
    f.b.fence(expr.number >> 4, expr.number & 15);
    return [];
  },
  fenceTso: instruction('fence.tso'),
  fenceI: (f) => {
    f.b.fenceI();
    return [];
  },
  sfenceVma: sfence,
  compilerBarrier: instruction(''),
  'cbo.clean': cacheBlock(Op.CboClean),
  'cbo.flush': cacheBlock(Op.CboFlush),
  'cbo.inval': cacheBlock(Op.CboInval),
  'cbo.zero': cacheBlock(Op.CboZero),
  'csr.read': csr(Op.CsrRead),
  'csr.write': csr(Op.CsrWrite),
  'csr.swap': csr(Op.CsrSwap),
  'csr.set': csr(Op.CsrSet),
  'csr.clear': csr(Op.CsrClear),
  wfi: instruction('wfi'),
  pause: instruction('pause'),
  ebreak: instruction('ebreak'),
  symbolAddress,
};
