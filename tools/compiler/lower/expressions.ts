/** Lowers expressions to IR values: one value, two for slices and text, none for void. */

import type {
  AssignExpr,
  BinaryExpr,
  BinaryOp,
  CompareExpr,
  CompareOp,
  Expr,
  NewExpr,
  SubsliceExpr,
} from '../frontend/tree.ts';
import { alignOf, intOf, sizeOf, type Type, U64 } from '../frontend/types.ts';
import type { Block, Value } from '../ir/ir.ts';
import { Type as IrType, Op, PREF_LAZY_NULL } from '../ir/types.ts';
import { lowerAsm } from './asm.ts';
import { callConstructor, callInstance, callSymbol, callValue } from './calls.ts';
import { cast, narrow, retype } from './conversions.ts';
import type { FunctionLowering } from './function.ts';
import { lowerIntrinsic, recordStore } from './intrinsics.ts';
import { isSigned, registerOf, registersOf } from './ir-types.ts';
import { addressOf, lowerPlace, readPlace, readRaw, writePlace } from './places.ts';

/** The single value of an expression of one word. */
export function value(f: FunctionLowering, expr: Expr): Value {
  const [first] = values(f, expr);
  if (first !== undefined) return first;
  // After a call that never returns there is nothing to compute with; the block is unreachable.
  return f.b.reachable ? f.b.undef(registerOf(expr.type)) : deadValue(f, expr.type);
}

/** Code after a call that does not return is emitted into a block that nothing leads to. */
function deadValue(f: FunctionLowering, type: Type): Value {
  f.b.start(f.b.newBlock());
  return f.b.undef(registerOf(type));
}

/** Evaluates for the effect only. */
export function effect(f: FunctionLowering, expr: Expr): void {
  values(f, expr);
}

export function values(f: FunctionLowering, expr: Expr): readonly Value[] {
  const { b } = f;
  if (!b.reachable) b.start(b.newBlock());
  switch (expr.kind) {
    case 'const':
      return expr.type.kind === 'void' ? [] : [b.constInt(registerOf(expr.type), expr.value)];
    case 'float':
      return [b.constFloat(registerOf(expr.type), expr.value)];
    case 'str':
      return [b.symAddr(f.module.string(expr.bytes)), b.i64(expr.bytes.length)];
    case 'field':
    case 'element': {
      const read = readPlace(f, lowerPlace(f, expr));
      if (expr.asserted === true && read[0]!.op === Op.PRef) read[0]!.off = PREF_LAZY_NULL;
      return read;
    }
    case 'local':
    case 'global':
      return readPlace(f, lowerPlace(f, expr));
    case 'unary':
      return [unary(f, expr.op, expr.operand)];
    case 'binary':
      return [binary(f, expr)];
    case 'compare':
      return [compare(f, expr)];
    case 'logical':
    case 'conditional':
      return choice(f, expr);
    case 'coalesce':
      return coalesce(f, expr.left, expr.right);
    case 'cast':
      return [cast(f.b, value(f, expr.operand), expr.operand.type, expr.type)];
    case 'retype':
      return retype(f.b, values(f, expr.operand), expr.operand.type, expr.type);
    case 'assign':
      return assign(f, expr);
    case 'call':
      return callInstance(f, expr.target, expr.args, expr.node);
    case 'indirectCall': {
      const { callee, args, node } = expr;
      if (callee.type.kind !== 'fn') throw new Error('only function values are called');
      return callValue(f, value(f, callee), callee.type.params, callee.type.result, args, node);
    }
    case 'function':
      return [b.symAddr(f.module.symbolOf(expr.target))];
    case 'intrinsic':
      return lowerIntrinsic(f, expr);
    case 'new':
      return [construct(f, expr)];
    case 'spanLength':
      return [values(f, expr.span)[1]!];
    case 'spanPointer':
      return [values(f, expr.span)[0]!];
    case 'makeSpan':
      return [value(f, expr.pointer), value(f, expr.length)];
    case 'subslice':
      return subslice(f, expr);
    case 'stack': {
      const size = sizeOf(expr.storage);
      const slot = b.func.newSlot(Math.max(1, size), alignOf(expr.storage));
      const address = b.slotAddr(slot);
      if (size > 0) b.memset(address, b.i32(0), b.i64(size), alignOf(expr.storage));
      return [address];
    }
    case 'address':
      return [addressOf(f, lowerPlace(f, expr.place))];
    case 'asm':
      return lowerAsm(f, expr);
    case 'aggregate':
    case 'error':
      throw new Error(`${f.instance.symbolName}: '${expr.kind}' cannot be lowered`);
  }
}

/** Pointer and length of a sequence. */
export function spanOf(f: FunctionLowering, expr: Expr): [Value, Value] {
  if (expr.type.kind === 'array') return [value(f, expr), f.b.i64(expr.type.count)];
  const [pointer, length] = values(f, expr);
  return [pointer!, length!];
}

/** An index as 64 bits: signed ones keep their sign, so that negative ones fail every check. */
export function widenIndex(f: FunctionLowering, index: Expr): Value {
  return cast(f.b, value(f, index), index.type, intOf(index.type)?.signed ? SIGNED : U64);
}
const SIGNED = { kind: 'int', name: 'i64', bits: 64, signed: true } as const;

function construct(f: FunctionLowering, expr: NewExpr): Value {
  const { b } = f;
  const { size, align } = expr.type.instance.layout();
  const object = callSymbol(f, f.module.runtime('__new'), U64, [b.i64(size), b.i64(align)])[0]!;
  const isPersistent = expr.type.instance.isPersistent;
  for (const { offset, storage, value: initial } of expr.initialisers) {
    const isPointer = storage.kind === 'class' || storage.kind === 'ptr';
    const persistent = isPersistent && isPointer;
    writePlace(
      f,
      { kind: 'memory', address: object, offset, storage, persistent, isVolatile: false },
      values(f, initial),
    );
  }
  if (expr.construct !== undefined) callConstructor(f, expr.construct, object, expr.args, expr.node);
  return object;
}

// ----------------------------------------------------------------------------------------------------- operators

function unary(f: FunctionLowering, op: '-' | '!' | '~', operand: Expr): Value {
  const { b } = f;
  const x = value(f, operand);
  if (op === '!') return b.not(x);
  if (operand.type.kind === 'float') return b.unary(Op.FNeg, x);
  const result = op === '-' ? b.sub(b.constInt(x.type, 0), x) : b.binary(Op.Xor, x, b.constInt(x.type, -1));
  return narrow(b, result, operand.type);
}

function binary(f: FunctionLowering, expr: BinaryExpr): Value {
  const left = value(f, expr.left);
  const right = value(f, expr.right);
  f.at(expr.node);
  return arithmetic(f, expr.op, expr.type, left, right);
}

/** `left op right` in `type`, wrapped to its width. */
export function arithmetic(f: FunctionLowering, op: BinaryOp, type: Type, left: Value, right: Value): Value {
  const { b } = f;
  if (type.kind === 'float') {
    const floatOps = { '+': Op.FAdd, '-': Op.FSub, '*': Op.FMul, '/': Op.FDiv } as const;
    return b.binary(floatOps[op as keyof typeof floatOps], left, right);
  }
  const bits = intOf(type)?.bits ?? 32;
  const signed = isSigned(type);
  switch (op) {
    case '<<':
    case '>>':
    case '>>>': {
      // Registers take the count modulo 32 or 64; narrower types do it here.
      const count = bits < 32 ? b.binary(Op.And, right, b.constInt(right.type, bits - 1)) : right;
      if (op === '<<') return narrow(b, b.binary(Op.Shl, left, count), type);
      if (op === '>>') return b.binary(signed ? Op.ShrS : Op.ShrU, left, count);
      const unsigned = bits < 32 && signed ? b.unary(bits === 8 ? Op.ZExt8 : Op.ZExt16, left) : left;
      return narrow(b, b.binary(Op.ShrU, unsigned, count), type);
    }
    case '&':
      return b.binary(Op.And, left, right);
    case '|':
      return b.binary(Op.Or, left, right);
    case '^':
      return b.binary(Op.Xor, left, right);
    case '+':
      return narrow(b, b.add(left, right), type);
    case '-':
      return narrow(b, b.sub(left, right), type);
    case '*':
      return narrow(b, b.binary(Op.Mul, left, right), type);
    case '/':
      return narrow(b, b.binary(signed ? Op.DivS : Op.DivU, left, right), type);
    case '%':
      return narrow(b, b.binary(signed ? Op.RemS : Op.RemU, left, right), type);
  }
}

/** For each comparison: operation for signed, unsigned, float; whether operands swap; whether the result flips. */
function compare(f: FunctionLowering, expr: CompareExpr): Value {
  const raw = compareStoredNull(f, expr);
  if (raw !== undefined) return raw;
  const left = value(f, expr.left);
  const right = value(f, expr.right);
  f.at(expr.node);
  return compareValues(f, expr.op, expr.left.type, left, right);
}

export function compareValues(
  f: FunctionLowering,
  op: CompareOp,
  type: Type,
  left: Value,
  right: Value,
): Value {
  const { b } = f;
  if (type.kind === 'float') {
    switch (op) {
      case '===':
        return b.binary(Op.FEq, left, right);
      case '!==':
        return b.not(b.binary(Op.FEq, left, right));
      case '<':
        return b.binary(Op.FLt, left, right);
      case '<=':
        return b.binary(Op.FLe, left, right);
      case '>':
        return b.binary(Op.FLt, right, left);
      case '>=':
        return b.binary(Op.FLe, right, left);
    }
  }
  const less = isSigned(type) ? Op.LtS : Op.LtU;
  const lessOrEqual = isSigned(type) ? Op.LeS : Op.LeU;
  switch (op) {
    case '===':
      return b.binary(Op.Eq, left, right);
    case '!==':
      return b.binary(Op.Ne, left, right);
    case '<':
      return b.binary(less, left, right);
    case '<=':
      return b.binary(lessOrEqual, left, right);
    case '>':
      return b.binary(less, right, left);
    case '>=':
      return b.binary(lessOrEqual, right, left);
  }
}

/** A persistent reference compared with null needs no translation. */
function compareStoredNull(f: FunctionLowering, expr: CompareExpr): Value | undefined {
  const { left, right, op } = expr;
  const isStored = (left.kind === 'field' || left.kind === 'element') && left.persistent;
  if (!isStored || right.kind !== 'const' || right.value !== 0n || (op !== '===' && op !== '!=='))
    return undefined;
  const place = lowerPlace(f, left);
  if (place.kind !== 'memory') return undefined;
  f.at(expr.node);
  return f.b.binary(op === '===' ? Op.Eq : Op.Ne, readRaw(f, place), f.b.i64(0));
}

/** Branches on a condition; `&&`, `||` and `!` become control flow. */
export function branch(f: FunctionLowering, expr: Expr, whenTrue: Block, whenFalse: Block): void {
  const { b } = f;
  if (!b.reachable) b.start(b.newBlock());
  if (expr.kind === 'unary' && expr.op === '!') {
    branch(f, expr.operand, whenFalse, whenTrue);
  } else if (expr.kind === 'logical') {
    const middle = b.newBlock();
    if (expr.op === '&&') branch(f, expr.left, middle, whenFalse);
    else branch(f, expr.left, whenTrue, middle);
    b.start(middle);
    branch(f, expr.right, whenTrue, whenFalse);
  } else if (expr.kind === 'const') {
    b.br(expr.value !== 0n ? whenTrue : whenFalse);
  } else {
    b.condBr(value(f, expr), whenTrue, whenFalse);
  }
}

/** `&&`, `||` and `?:` as values. */
function choice(f: FunctionLowering, expr: Expr & { kind: 'logical' | 'conditional' }): readonly Value[] {
  const { b } = f;
  const types = registersOf(expr.type);
  const result = f.temporary(types);
  const set = (parts: readonly Value[]): void => {
    result.forEach((variable, index) => {
      b.writeVar(variable, parts[index]!);
    });
  };
  const yes = b.newBlock();
  const no = b.newBlock();
  const end = b.newBlock();
  if (expr.kind === 'logical') {
    branch(f, expr, yes, no);
    for (const [block, constant] of [
      [yes, 1],
      [no, 0],
    ] as const) {
      b.start(block);
      set([b.i32(constant)]);
      b.br(end);
    }
  } else {
    branch(f, expr.condition, yes, no);
    for (const [block, part] of [
      [yes, expr.whenTrue],
      [no, expr.whenFalse],
    ] as const) {
      b.start(block);
      const parts = values(f, part);
      if (!b.reachable) continue;
      if (part.type.kind !== 'never') set(parts);
      b.br(end);
    }
  }
  if (end.preds.length === 0) return [];
  b.start(end);
  return result.map((variable) => b.readVar(variable));
}

function coalesce(f: FunctionLowering, left: Expr, right: Expr): readonly Value[] {
  const { b } = f;
  const result = b.newVar(IrType.I64);
  const first = value(f, left);
  b.writeVar(result, first);
  const otherwise = b.newBlock();
  const end = b.newBlock();
  b.condBr(first, end, otherwise);
  b.start(otherwise);
  const second = values(f, right);
  if (b.reachable) {
    b.writeVar(result, second[0]!);
    b.br(end);
  }
  b.start(end);
  return [b.readVar(result)];
}

// ---------------------------------------------------------------------------------------------------- assignment

/** The place is evaluated first, then the value, then the store. */
function assign(f: FunctionLowering, expr: AssignExpr): readonly Value[] {
  const place = lowerPlace(f, expr.place);
  if (expr.op === undefined) {
    const stored = values(f, expr.value);
    if (!f.b.reachable) return [];
    f.at(expr.node);
    if (expr.logging !== undefined && place.kind === 'memory') {
      recordStore(f, expr.logging, addressOf(f, place), sizeOf(place.storage));
    }
    writePlace(f, place, stored);
    return stored;
  }
  const before = readPlace(f, place)[0]!;
  const operand = value(f, expr.value);
  f.at(expr.node);
  const after = arithmetic(f, expr.op, expr.type, before, operand);
  if (expr.logging !== undefined && place.kind === 'memory') {
    recordStore(f, expr.logging, addressOf(f, place), sizeOf(place.storage));
  }
  writePlace(f, place, [after]);
  return [expr.postfix ? before : after];
}

function subslice(f: FunctionLowering, expr: SubsliceExpr): readonly Value[] {
  const { b } = f;
  const [pointer, length] = spanOf(f, expr.span);
  const start = value(f, expr.start);
  const end = expr.end === undefined ? length : value(f, expr.end);
  if (expr.checked) {
    const handler = f.module.runtime('__panic_bounds');
    const location = f.module.location(expr.node);
    // An end or start that is equal to what bounds it is fine, so the checks are against one more.
    if (expr.end !== undefined) b.bounds(end, b.addImm(length, 1), handler, location);
    b.bounds(start, b.addImm(end, 1), handler, location);
  }
  const size = expr.elemSize;
  const skipped = size === 1 ? start : b.binary(Op.Mul, start, b.i64(size));
  return [b.add(pointer, skipped), b.sub(end, start)];
}
