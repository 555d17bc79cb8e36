/**
 * The ambient functions of guest.d.ts: what they take and give. Each is checked here and expanded in
 * lower-intrinsics.ts. Those whose result is known at compile time become constants on the spot.
 */
import * as ts from 'typescript';
import { csrNumber } from '../../../emulator/cpu/isa/csr-names.ts';
import { constant, nothing } from './constants.ts';
import type { Context } from './context.ts';
import { coerce, retype, withDefaultType } from './convert.ts';
import {
  checkAs,
  checkCondition,
  checkExpression,
  checkValue,
  isFlexible,
  skipParentheses,
} from './expressions.ts';
import { resolveType } from './resolve-types.ts';
import { type Expr, isPlace } from './tree.ts';
import {
  alignOf,
  BOOL,
  ERROR,
  I32,
  I64,
  intOf,
  isInPlace,
  isSpan,
  isUntyped,
  NEVER,
  pointee,
  ptrOf,
  STR,
  sizeOf,
  sliceOf,
  type Type,
  typeName,
  U8,
  U64,
  VOID,
} from './types.ts';

type Checker = (cx: Context, node: ts.CallExpression, want: Type | undefined) => Expr;

export const isIntrinsic = (name: string): boolean => TABLE.has(name);

export function checkIntrinsic(
  cx: Context,
  node: ts.CallExpression,
  name: string,
  want: Type | undefined,
): Expr {
  return TABLE.get(name)!(cx, node, want);
}

// ------------------------------------------------------------------------------------------------------- helpers

const failed = (node: ts.Node): Expr => ({ kind: 'error', node, type: ERROR });

function make(node: ts.Node, name: string, type: Type, args: Expr[], typeArg?: Type, number = 0): Expr {
  const bad = args.find((arg) => arg.type.kind === 'error');
  if (bad !== undefined) return bad;
  return { kind: 'intrinsic', node, type, name, args, typeArg, number, logging: undefined };
}

/** Reports a wrong number of arguments; false then. */
function counts(cx: Context, node: ts.CallExpression, least: number, most = least): boolean {
  const { length } = node.arguments;
  if (length >= least && length <= most) return true;
  cx.report(2016, node, least === most ? least : `${least} to ${most}`, length);
  return false;
}

/** The one type argument, or the type that is wanted. */
function typeArgument(cx: Context, node: ts.CallExpression, want: Type | undefined): Type | undefined {
  const argument = node.typeArguments?.[0];
  if (argument !== undefined) {
    const type = resolveType(cx.program, cx.scope, argument, true);
    return type.kind === 'error' ? undefined : type;
  }
  if (want !== undefined && want.kind !== 'void') return want;
  cx.report(2019, node, 'T', node.expression.getText());
  return undefined;
}

/** Parameters of fixed types. */
const fixed =
  (name: string, params: readonly Type[], result: Type): Checker =>
  (cx, node) => {
    if (!counts(cx, node, params.length)) return failed(node);
    return make(
      node,
      name,
      result,
      node.arguments.map((argument, index) => checkAs(cx, argument, params[index]!)),
    );
  };

/** Operands of one number type, which is the result's. */
const numeric =
  (name: string, count: number, kinds: 'int' | 'float' | 'number'): Checker =>
  (cx, node, want) => {
    if (!counts(cx, node, count)) return failed(node);
    const hint = want?.kind === 'int' || want?.kind === 'float' ? want : undefined;
    let args = node.arguments.map((argument) => checkExpression(cx, argument, hint));
    const bad = args.find((arg) => arg.type.kind === 'error');
    if (bad !== undefined) return bad;
    const typed = args.find((arg) => arg.type.kind === 'int' || arg.type.kind === 'float');
    const type = typed?.type ?? hint ?? withDefaultType(cx, args[0]!).type;
    args = args.map((arg) => coerce(cx, arg, type));
    if (kinds === 'number' ? type.kind !== 'int' && type.kind !== 'float' : type.kind !== kinds) {
      return cx.fail(
        2012,
        node,
        name,
        typeName(type),
        kinds === 'int' ? 'It takes integers.' : 'It takes numbers.',
      );
    }
    return make(node, name, type, args);
  };

const rotate =
  (name: string): Checker =>
  (cx, node, want) => {
    if (!counts(cx, node, 2)) return failed(node);
    const hint = want?.kind === 'int' ? want : undefined;
    const value = withDefaultType(cx, checkExpression(cx, node.arguments[0]!, hint));
    const count = checkValue(cx, node.arguments[1]!);
    for (const operand of [value, count]) {
      if (operand.type.kind === 'error') return operand;
      if (operand.type.kind !== 'int')
        return cx.fail(2012, operand.node, name, typeName(operand.type), 'It takes integers.');
    }
    return make(node, name, value.type, [value, count]);
  };

const addressPlusOffset = (cx: Context, node: ts.CallExpression, index: number): Expr =>
  node.arguments[index] === undefined ? constant(node, U64, 0n) : checkAs(cx, node.arguments[index], U64);

/** Types that one load or store moves. */
const isScalar = (type: Type): boolean => !isInPlace(type) && !isSpan(type) && sizeOf(type) > 0;

const loadOf =
  (name: string): Checker =>
  (cx, node, want) => {
    const type = typeArgument(cx, node, want);
    if (type === undefined || !counts(cx, node, 1, 2)) return failed(node);
    if (!isScalar(type)) return cx.fail(3009, node, name, typeName(type));
    return make(
      node,
      name,
      type,
      [checkAs(cx, node.arguments[0]!, U64), addressPlusOffset(cx, node, 1)],
      type,
    );
  };

const storeOf =
  (name: string): Checker =>
  (cx, node) => {
    if (!counts(cx, node, 2, 3)) return failed(node);
    const [address, value] = node.arguments;
    const given = node.typeArguments?.[0];
    const type = given ? resolveType(cx.program, cx.scope, given, true) : checkValue(cx, value!).type;
    if (type.kind === 'error') return failed(node);
    if (!isScalar(type)) return cx.fail(3009, node, name, typeName(type));
    const args = [checkAs(cx, address!, U64), checkAs(cx, value!, type), addressPlusOffset(cx, node, 2)];
    return make(node, name, VOID, args, type);
  };

const sizeLike =
  (measure: (storage: Type) => number): Checker =>
  (cx, node) => {
    const type = typeArgument(cx, node, undefined);
    return type === undefined ? failed(node) : constant(node, U64, BigInt(measure(pointee(type))));
  };

const offsetOf: Checker = (cx, node) => {
  const type = typeArgument(cx, node, undefined);
  if (type === undefined || !counts(cx, node, 1)) return failed(node);
  const name = checkExpression(cx, node.arguments[0]!);
  if (type.kind !== 'class') return cx.fail(3006, node, 'offsetof');
  const text = name.kind === 'str' ? new TextDecoder().decode(name.bytes) : '';
  const field = type.instance.field(text);
  return field === undefined
    ? cx.fail(2003, node, type.instance.name, text)
    : constant(node, U64, BigInt(field.offset));
};

const atAddress: Checker = (cx, node, want) => {
  const type = typeArgument(cx, node, want);
  if (type === undefined || !counts(cx, node, 1)) return failed(node);
  if (type.kind !== 'class' && type.kind !== 'array' && type.kind !== 'ptr') return cx.fail(3006, node, 'at');
  return retype(checkAs(cx, node.arguments[0]!, U64), type);
};

const stackArea: Checker = (cx, node, want) => {
  const type = typeArgument(cx, node, want);
  if (type === undefined || !counts(cx, node, 0)) return failed(node);
  if (cx.func === undefined) return cx.fail(3001, node);
  if (type.kind !== 'class' && type.kind !== 'array') return cx.fail(3006, node, 'stack');
  return { kind: 'stack', node, type, storage: pointee(type) };
};

const addressOfReference: Checker = (cx, node) => {
  if (!counts(cx, node, 1)) return failed(node);
  const value = checkExpression(cx, node.arguments[0]!);
  const { kind } = value.type;
  if (kind === 'class' || kind === 'array' || kind === 'ptr' || kind === 'fn') return retype(value, U64);
  if (kind === 'null') return constant(node, U64, 0n);
  return kind === 'error'
    ? value
    : cx.fail(2010, node, typeName(value.type), 'object', "For a field or variable use 'ptrTo(place)'.");
};

const pointerTo: Checker = (cx, node) => {
  if (!counts(cx, node, 1)) return failed(node);
  const place = checkExpression(cx, node.arguments[0]!);
  if (place.kind === 'error') return place;
  if (!isPlace(place)) return cx.fail(3007, node);
  if (place.kind === 'local') place.variable.addressTaken = true;
  const storage = place.kind === 'field' || place.kind === 'element' ? place.storage : place.type;
  const persistent = (place.kind === 'field' || place.kind === 'element') && place.persistent;
  const elem = place.kind === 'global' ? (place.global.storage ?? storage) : storage;
  return { kind: 'address', node, type: ptrOf(elem, persistent), place };
};

const changeType: Checker = (cx, node, want) => {
  const type = typeArgument(cx, node, want);
  if (type === undefined || !counts(cx, node, 1)) return failed(node);
  const argument = node.arguments[0]!;
  // What an operation or a choice is made of has a type of its own, unless it is literals.
  const inner = skipParentheses(argument);
  const isOperation =
    ts.isConditionalExpression(inner) || ts.isBinaryExpression(inner) || ts.isPrefixUnaryExpression(inner);
  const wanted = isOperation && !isFlexible(cx, inner) ? undefined : type;
  const value = withDefaultType(cx, checkExpression(cx, argument, wanted));
  if (value.type.kind === 'error' || value.type === type) return value;
  if (sizeOf(wordOf(value.type)) !== sizeOf(wordOf(type)) || isSpan(type) !== isSpan(value.type)) {
    return cx.fail(3008, node, typeName(value.type), typeName(type));
  }
  return retype(value, type);
};
/** As a value an array is its address. */
const wordOf = (type: Type): Type =>
  type.kind === 'array' || type.kind === 'inline' || type.kind === 'null' ? U64 : type;

const assignStruct: Checker = (cx, node) => {
  if (!counts(cx, node, 2)) return failed(node);
  const target = checkExpression(cx, node.arguments[0]!);
  if (target.type.kind === 'error') return target;
  if (target.type.kind !== 'class' && target.type.kind !== 'array') return cx.fail(3006, node, 'assign');
  const source = checkAs(cx, node.arguments[1]!, target.type);
  if (source.type.kind === 'error') return source;
  const isPersistent = target.type.kind === 'class' && target.type.instance.isPersistent;
  return {
    kind: 'intrinsic',
    node,
    type: VOID,
    name: 'assign',
    args: [target, source],
    typeArg: target.type,
    number: 0,
    logging: isPersistent ? cx.logging : undefined,
  };
};

const uncheckedPlace: Checker = (cx, node, want) => {
  if (!counts(cx, node, 1)) return failed(node);
  const before = cx.unchecked;
  cx.unchecked = true;
  const value = checkExpression(cx, node.arguments[0]!, want);
  cx.unchecked = before;
  return value;
};

const assertion: Checker = (cx, node) => {
  if (!counts(cx, node, 1, 2)) return failed(node);
  const condition = checkCondition(cx, node.arguments[0]!);
  const message: Expr =
    node.arguments[1] === undefined
      ? { kind: 'str', node, type: STR, bytes: new TextEncoder().encode('assertion failed') }
      : checkAs(cx, node.arguments[1], STR);
  return make(node, 'assert', VOID, [condition, message]);
};

const staticAssert: Checker = (cx, node) => {
  if (!counts(cx, node, 1, 2)) return failed(node);
  const condition = checkCondition(cx, node.arguments[0]!);
  if (condition.kind === 'error') return condition;
  if (condition.kind !== 'const') return cx.fail(3001, node.arguments[0]!);
  const message = node.arguments[1] && checkExpression(cx, node.arguments[1]);
  const text = message?.kind === 'str' ? `: ${new TextDecoder().decode(message.bytes)}` : '';
  if (condition.value === 0n) return cx.fail(3002, node, text);
  return nothing(node);
};

const selectValue: Checker = (cx, node, want) => {
  if (!counts(cx, node, 3)) return failed(node);
  const condition = checkCondition(cx, node.arguments[0]!);
  const first = checkExpression(cx, node.arguments[1]!, want);
  const second = checkExpression(cx, node.arguments[2]!, isUntyped(first.type) ? want : first.type);
  const typed = isUntyped(first.type) ? withDefaultType(cx, second) : first;
  const a = coerce(cx, first, typed.type);
  const b = coerce(cx, second, typed.type);
  if (isSpan(a.type)) return cx.fail(2012, node, 'select', typeName(a.type), 'It takes one word.');
  return make(node, 'select', typed.type, [condition, a, b]);
};

const makeSpan =
  (isText: boolean): Checker =>
  (cx, node) => {
    if (!counts(cx, node, 2)) return failed(node);
    const pointer = checkExpression(cx, node.arguments[0]!, isText ? ptrOf(U8) : undefined);
    const length = checkAs(cx, node.arguments[1]!, U64);
    if (pointer.type.kind === 'error') return pointer;
    if (pointer.type.kind !== 'ptr' || (isText && pointer.type.elem !== U8)) {
      return cx.fail(
        2010,
        pointer.node,
        typeName(pointer.type),
        isText ? 'Ptr<u8>' : 'Ptr<T>',
        "Use 'at<Ptr<T>>(address)'.",
      );
    }
    const type = isText ? STR : sliceOf(pointer.type.elem, pointer.type.persistent);
    return { kind: 'makeSpan', node, type, pointer, length };
  };

// -------------------------------------------------------------------------------------------- atomics and machine

const ORDERS = ['relaxed', 'acquire', 'release', 'acq_rel', 'seq_cst'];

/** `Order.acquire`, by default the strongest; reports anything that is not a constant. */
function orderOf(cx: Context, node: ts.Expression | undefined): number {
  if (node === undefined) return 4;
  if (ts.isPropertyAccessExpression(node) && node.expression.getText() === 'Order') {
    const index = ORDERS.indexOf(node.name.text);
    if (index >= 0) return index;
  }
  cx.report(3014, node);
  return 4;
}

const atomicOp =
  (name: string, values: number, result: 'value' | 'void' | 'bool'): Checker =>
  (cx, node) => {
    if (!counts(cx, node, 1 + values, 2 + values)) return failed(node);
    const place = checkExpression(cx, node.arguments[0]!);
    if (place.type.kind === 'error') return place;
    const elem = place.type.kind === 'ptr' ? place.type.elem : ERROR;
    const int = intOf(elem);
    const isWord =
      int !== undefined ? int.bits >= 32 : elem.kind === 'class' || elem.kind === 'ptr' || elem.kind === 'fn';
    if (!isWord || (place.type.kind === 'ptr' && place.type.persistent))
      return cx.fail(5004, node, typeName(place.type));
    const args = node.arguments.slice(1, 1 + values).map((argument) => checkAs(cx, argument, elem));
    const type = result === 'value' ? elem : result === 'bool' ? BOOL : VOID;
    return make(node, name, type, [place, ...args], elem, orderOf(cx, node.arguments[1 + values]));
  };

/** FENCE's sets: the letters in the order of the instruction's bits. */
function fenceSet(cx: Context, node: ts.Expression | undefined): number {
  if (node === undefined) return 15;
  const expr = checkExpression(cx, node);
  const letters = expr.kind === 'str' ? new TextDecoder().decode(expr.bytes) : '?';
  if (!/^[iorw]{1,4}$/.test(letters)) {
    cx.report(5005, node, letters);
    return 15;
  }
  return [...letters].reduce(
    (bits, letter) => bits | { i: 8, o: 4, r: 2, w: 1 }[letter as 'i' | 'o' | 'r' | 'w'],
    0,
  );
}

const fenceOf: Checker = (cx, node) => {
  if (!counts(cx, node, 0, 2)) return failed(node);
  const sets = (fenceSet(cx, node.arguments[0]) << 4) | fenceSet(cx, node.arguments[1]);
  return make(node, 'fence', VOID, [], undefined, sets);
};

const csrOp =
  (name: string, hasValue: boolean, result: Type): Checker =>
  (cx, node) => {
    if (!counts(cx, node, hasValue ? 2 : 1)) return failed(node);
    const register = checkExpression(cx, node.arguments[0]!);
    if (register.kind === 'error') return register;
    const text = register.kind === 'str' ? new TextDecoder().decode(register.bytes) : '';
    const number = register.kind === 'const' ? Number(register.value) : csrNumber(text);
    if (register.kind !== 'const' && register.kind !== 'str') return cx.fail(3014, node.arguments[0]!);
    if (number === undefined || number < 0 || number > 4095)
      return cx.fail(5001, node.arguments[0]!, text || number!);
    const args = hasValue ? [checkAs(cx, node.arguments[1]!, U64)] : [];
    return make(node, name, result, args, undefined, number);
  };

const sfence: Checker = (cx, node) => {
  if (!counts(cx, node, 0, 2)) return failed(node);
  return make(
    node,
    'sfenceVma',
    VOID,
    node.arguments.map((argument) => checkAs(cx, argument, U64)),
  );
};

const symbolAddress: Checker = (cx, node) => {
  if (!counts(cx, node, 1)) return failed(node);
  const name = checkExpression(cx, node.arguments[0]!);
  if (name.kind !== 'str') return cx.fail(3014, node.arguments[0]!);
  return make(node, 'symbolAddress', U64, [name]);
};

const onlyInAsm: Checker = (cx, node) =>
  cx.fail(5002, node, `'${node.expression.getText()}' stands only in an asm template`);

const zeroedElsewhere: Checker = (cx, node) => cx.fail(3005, node);

const TABLE: ReadonlyMap<string, Checker> = new Map<string, Checker>([
  ['sizeof', sizeLike(sizeOf)],
  ['alignof', sizeLike(alignOf)],
  ['offsetof', offsetOf],
  ['at', atAddress],
  ['stack', stackArea],
  ['zeroed', zeroedElsewhere],
  ['addressOf', addressOfReference],
  ['ptrTo', pointerTo],
  ['changetype', changeType],
  ['load', loadOf('load')],
  ['store', storeOf('store')],
  ['volatileLoad', loadOf('volatileLoad')],
  ['volatileStore', storeOf('volatileStore')],
  ['assign', assignStruct],
  ['unchecked', uncheckedPlace],
  ['sliceOf', makeSpan(false)],
  ['strOf', makeSpan(true)],
  ['memory.copy', fixed('memory.copy', [U64, U64, U64], VOID)],
  ['memory.fill', fixed('memory.fill', [U64, U8, U64], VOID)],
  ['memory.compare', fixed('memory.compare', [U64, U64, U64], I32)],
  ['panic', fixed('panic', [STR], NEVER)],
  ['assert', assertion],
  ['static_assert', staticAssert],
  ['unreachable', fixed('unreachable', [], NEVER)],
  ['clz', numeric('clz', 1, 'int')],
  ['ctz', numeric('ctz', 1, 'int')],
  ['popcnt', numeric('popcnt', 1, 'int')],
  ['bswap', numeric('bswap', 1, 'int')],
  ['rotl', rotate('rotl')],
  ['rotr', rotate('rotr')],
  ['min', numeric('min', 2, 'number')],
  ['max', numeric('max', 2, 'number')],
  ['abs', numeric('abs', 1, 'number')],
  ['sqrt', numeric('sqrt', 1, 'float')],
  ['select', selectValue],
  ['mulhu', fixed('mulhu', [U64, U64], U64)],
  ['mulh', fixed('mulh', [I64, I64], I64)],
  ['atomic.load', atomicOp('atomic.load', 0, 'value')],
  ['atomic.store', atomicOp('atomic.store', 1, 'void')],
  ['atomic.add', atomicOp('atomic.add', 1, 'value')],
  ['atomic.sub', atomicOp('atomic.sub', 1, 'value')],
  ['atomic.and', atomicOp('atomic.and', 1, 'value')],
  ['atomic.or', atomicOp('atomic.or', 1, 'value')],
  ['atomic.xor', atomicOp('atomic.xor', 1, 'value')],
  ['atomic.min', atomicOp('atomic.min', 1, 'value')],
  ['atomic.max', atomicOp('atomic.max', 1, 'value')],
  ['atomic.exchange', atomicOp('atomic.exchange', 1, 'value')],
  ['atomic.compareExchange', atomicOp('atomic.compareExchange', 2, 'value')],
  ['atomic.loadReserved', atomicOp('atomic.loadReserved', 0, 'value')],
  ['atomic.storeConditional', atomicOp('atomic.storeConditional', 1, 'bool')],
  ['fence', fenceOf],
  ['fenceTso', fixed('fenceTso', [], VOID)],
  ['fenceI', fixed('fenceI', [], VOID)],
  ['sfenceVma', sfence],
  ['compilerBarrier', fixed('compilerBarrier', [], VOID)],
  ['cbo.clean', fixed('cbo.clean', [U64], VOID)],
  ['cbo.flush', fixed('cbo.flush', [U64], VOID)],
  ['cbo.inval', fixed('cbo.inval', [U64], VOID)],
  ['cbo.zero', fixed('cbo.zero', [U64], VOID)],
  ['csr.read', csrOp('csr.read', false, U64)],
  ['csr.write', csrOp('csr.write', true, VOID)],
  ['csr.swap', csrOp('csr.swap', true, U64)],
  ['csr.set', csrOp('csr.set', true, U64)],
  ['csr.clear', csrOp('csr.clear', true, U64)],
  ['wfi', fixed('wfi', [], VOID)],
  ['pause', fixed('pause', [], VOID)],
  ['ebreak', fixed('ebreak', [], VOID)],
  ['symbolAddress', symbolAddress],
  ['out', onlyInAsm],
  ['inReg', onlyInAsm],
  ['outReg', onlyInAsm],
  ['clobber', onlyInAsm],
]);

/** All names that the ambient declarations give a meaning as a function or namespace. */
export const INTRINSIC_NAMES: ReadonlySet<string> = new Set([
  ...[...TABLE.keys()].map((name) => name.split('.')[0]!),
  'asm',
  'result',
  'Order',
]);
/** Keys such as `atomic.add`, for the test that compares them with guest.d.ts. */
export const INTRINSIC_KEYS: readonly string[] = [...TABLE.keys()];
