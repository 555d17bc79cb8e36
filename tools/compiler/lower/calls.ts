/**
 * Calls and their two ends by the psABI: which registers carry parameters and results, and structs by value
 * (`Inline<C>` as a parameter or result), which travel in pieces or by reference. Inside of functions such a struct is a
 * frame area of its own, and the variable refers to it.
 */
import type * as ts from 'typescript';
import type { FunctionInstance } from '../frontend/entities.ts';
import type { Expr } from '../frontend/tree.ts';
import { alignOf, isSpan, sizeOf, type Type } from '../frontend/types.ts';
import { type AbiField, type AbiPiece, type AbiSignature, type AbiType, abiSignature } from '../ir/abi.ts';
import type { Sym, Value } from '../ir/ir.ts';
import { Type as IrType, Mem } from '../ir/types.ts';
import { values } from './expressions.ts';
import type { FunctionLowering } from './function.ts';
import { registersOf } from './ir-types.ts';

/** How a function with these parameter and result types is called; `this` comes first. */
export function signatureOf(params: readonly Type[], result: Type): AbiSignature {
  return abiSignature(params.flatMap(abiTypes), isSpan(result) ? SPAN : abiTypes(result)[0]);
}

/** A slice or text as a result: two words in two registers. */
const SPAN: AbiType = {
  kind: 'struct',
  size: 16,
  align: 8,
  fields: [0, 8].map((offset) => ({ offset, size: 8, isFloat: false })),
};

/** Parameter types with `this`, as they are passed. */
export const passedTypes = (instance: FunctionInstance): readonly Type[] => [
  ...(instance.thisVariable ? [instance.thisVariable.type] : []),
  ...instance.passed,
];

/** The types of the psABI for one type of the language: two scalars for slices as parameters. */
function abiTypes(type: Type): AbiType[] {
  if (type.kind === 'inline') {
    return [{ kind: 'struct', size: sizeOf(type), align: alignOf(type), fields: flatten(type, 0) }];
  }
  return registersOf(type).map((register) => ({ kind: 'scalar', type: register }));
}

/** All scalars of a struct, arrays element by element. */
function flatten(storage: Type, offset: number): AbiField[] {
  if (storage.kind === 'inline') {
    return storage.of.instance.layout().fields.flatMap((field) => flatten(field.type, offset + field.offset));
  }
  if (storage.kind === 'array') {
    const size = sizeOf(storage.elem);
    return Array.from({ length: storage.count }, (_, index) =>
      flatten(storage.elem, offset + index * size),
    ).flat();
  }
  const words = isSpan(storage) ? [0, 8] : [0];
  const size = isSpan(storage) ? 8 : sizeOf(storage);
  return words.map((word) => ({ offset: offset + word, size, isFloat: storage.kind === 'float' }));
}

// ------------------------------------------------------------------------------------------------------- callers

/** Calls a function of the program with checked arguments (`this` first). */
export function callInstance(
  f: FunctionLowering,
  target: FunctionInstance,
  args: readonly Expr[],
  node: ts.Node,
): readonly Value[] {
  const types = passedTypes(target);
  const passed = args.flatMap((arg, index) => passArgument(f, types[index]!, values(f, arg)));
  f.at(node);
  return callSymbol(f, f.module.symbolOf(target), target.result, passed);
}

/** Runs a constructor on a new object. */
export function callConstructor(
  f: FunctionLowering,
  target: FunctionInstance,
  object: Value,
  args: readonly Expr[],
  node: ts.Node,
): void {
  const passed = args.flatMap((arg, index) => passArgument(f, target.passed[index]!, values(f, arg)));
  f.at(node);
  callSymbol(f, f.module.symbolOf(target), target.result, [object, ...passed]);
}

/** Calls through a function value. */
export function callValue(
  f: FunctionLowering,
  callee: Value,
  params: readonly Type[],
  result: Type,
  args: readonly Expr[],
  node: ts.Node,
): readonly Value[] {
  const passed = args.flatMap((arg, index) => passArgument(f, params[index]!, values(f, arg)));
  f.at(node);
  const types = resultRegisters(result);
  const area = resultArea(f, result);
  const call = f.b.callIndirect(callee, types, area.byReference ? [area.address!, ...passed] : passed);
  return results(f, call, result, area);
}

/** Calls a symbol with values that are registers already; a call that never returns ends the block. */
export function callSymbol(
  f: FunctionLowering,
  symbol: Sym,
  result: Type,
  args: readonly Value[],
): readonly Value[] {
  const area = resultArea(f, result);
  const call = f.b.call(
    symbol,
    resultRegisters(result),
    area.byReference ? [area.address!, ...args] : [...args],
  );
  return results(f, call, result, area);
}

const resultRegisters = (result: Type): readonly IrType[] =>
  result.kind === 'inline' ? signatureOf([], result).resultTypes : registersOf(result);

/** Where the caller wants a struct that is returned. */
interface ResultArea {
  readonly address: Value | undefined;
  readonly byReference: boolean;
  readonly pieces: readonly AbiPiece[];
}

function resultArea(f: FunctionLowering, result: Type): ResultArea {
  if (result.kind !== 'inline') return { address: undefined, byReference: false, pieces: [] };
  const passing = signatureOf([], result).result!;
  const address = structArea(f, result);
  return passing.kind === 'reference'
    ? { address, byReference: true, pieces: [] }
    : { address, byReference: false, pieces: passing.pieces };
}

function results(f: FunctionLowering, call: Value, result: Type, area: ResultArea): readonly Value[] {
  const { b } = f;
  if (result.kind === 'never') {
    b.unreachable();
    return [];
  }
  const types = resultRegisters(result);
  const parts = types.map((type, index) => (index === 0 ? call : b.result2(call, type)));
  if (area.address === undefined) return parts;
  area.pieces.forEach((piece, index) => {
    storePiece(f, area.address!, piece, parts[index]!);
  });
  return [area.address];
}

/** The registers of one argument: a struct by value is taken apart, or copied and referred to. */
function passArgument(f: FunctionLowering, type: Type, parts: readonly Value[]): readonly Value[] {
  if (type.kind !== 'inline') return parts;
  const { b } = f;
  const copy = structArea(f, type);
  b.memcpy(copy, parts[0]!, b.i64(sizeOf(type)), alignOf(type));
  const [passing] = signatureOf([type], VOID_RESULT).params;
  if (passing === undefined || passing.kind === 'reference') return [copy];
  return passing.pieces.map((piece) => loadPiece(f, copy, piece));
}
const VOID_RESULT: Type = { kind: 'void' };

/** A frame area for a struct, rounded up so that whole registers can be stored into it. */
function structArea(f: FunctionLowering, type: Type): Value {
  const size = Math.max(8, Math.ceil(sizeOf(type) / 8) * 8);
  return f.b.slotAddr(f.b.func.newSlot(size, Math.max(8, alignOf(type))));
}

const pieceMem = (piece: AbiPiece): Mem => {
  if (piece.type === IrType.F32) return Mem.F32;
  if (piece.type === IrType.F64) return Mem.F64;
  // Words of structs are moved whole: areas are rounded up to them.
  if (piece.type === IrType.I64) return Mem.I64;
  return piece.size === 1 ? Mem.I8U : piece.size === 2 ? Mem.I16U : Mem.I32;
};
const loadPiece = (f: FunctionLowering, address: Value, piece: AbiPiece): Value =>
  f.b.load(piece.type, pieceMem(piece), address, piece.offset);
const storePiece = (f: FunctionLowering, address: Value, piece: AbiPiece, part: Value): void =>
  f.b.store(pieceMem(piece), address, part, piece.offset);

// ------------------------------------------------------------------------------------------------------- callees

/** The values of the parameters, `this` first; struct parameters are put into areas of their own. */
export function receiveParameters(f: FunctionLowering): readonly (readonly Value[])[] {
  const { b, instance } = f;
  const types = passedTypes(instance);
  let next = returnsByReference(instance) ? 1 : 0;
  return types.map((type) => {
    if (type.kind !== 'inline') return registersOf(type).map(() => b.param(next++));
    const [passing] = signatureOf([type], VOID_RESULT).params;
    // The caller made a copy for us.
    if (passing === undefined || passing.kind === 'reference') return [b.param(next++)];
    const area = structArea(f, type);
    for (const piece of passing.pieces) storePiece(f, area, piece, b.param(next++));
    return [area];
  });
}

const returnsByReference = (instance: FunctionInstance): boolean =>
  instance.result.kind === 'inline' && signatureOf([], instance.result).result?.kind === 'reference';

/** The registers that carry the result back. */
export function returnedValues(f: FunctionLowering, parts: readonly Value[]): readonly Value[] {
  const { b, instance } = f;
  const { result } = instance;
  if (result.kind !== 'inline') return parts;
  const passing = signatureOf([], result).result!;
  const size = b.i64(sizeOf(result));
  if (passing.kind === 'reference') {
    b.memcpy(b.param(0), parts[0]!, size, alignOf(result));
    return [];
  }
  const area = structArea(f, result);
  b.memcpy(area, parts[0]!, size, alignOf(result));
  return passing.pieces.map((piece) => loadPiece(f, area, piece));
}
