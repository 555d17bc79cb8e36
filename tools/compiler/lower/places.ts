/** Places: where values are read from and written to, in variables or memory, with persistent pointers translated. */
import type { Expr, PlaceExpr } from '../frontend/tree.ts';
import { isInPlace, isSpan, sizeOf, type Type } from '../frontend/types.ts';
import type { Var } from '../ir/builder.ts';
import type { Value } from '../ir/ir.ts';
import { Type as IrType, Mem, Op } from '../ir/types.ts';
import { value, values, widenIndex } from './expressions.ts';
import type { FunctionLowering } from './function.ts';
import { memOf, registerOf } from './ir-types.ts';

export type Place =
  | { readonly kind: 'vars'; readonly vars: readonly Var[] }
  | {
      readonly kind: 'memory';
      readonly address: Value;
      readonly offset: number;
      readonly storage: Type;
      readonly persistent: boolean;
      readonly isVolatile: boolean;
    };

/** Evaluates what a place expression depends on, once. */
export function lowerPlace(f: FunctionLowering, expr: PlaceExpr): Place {
  switch (expr.kind) {
    case 'local':
      return f.placeOf(expr.variable);
    case 'global':
      return memory(f.b.symAddr(f.module.globalOf(expr.global)), 0, expr.global.storage ?? expr.type);
    case 'field': {
      const { storage, persistent, isVolatile } = expr;
      const { address, offset } = addressParts(f, expr.object);
      return { kind: 'memory', address, offset: offset + expr.offset, storage, persistent, isVolatile };
    }
    case 'element':
      return elementPlace(f, expr);
  }
}

const memory = (address: Value, offset: number, storage: Type): Place => ({
  kind: 'memory',
  address,
  offset,
  storage,
  persistent: false,
  isVolatile: false,
});

/** A reference as address and constant offset, so that chains of fields in place become one offset. */
function addressParts(f: FunctionLowering, expr: Expr): { address: Value; offset: number } {
  if (expr.kind === 'field' && isInPlace(expr.storage)) {
    const { address, offset } = addressParts(f, expr.object);
    return { address, offset: offset + expr.offset };
  }
  if (expr.kind === 'element' && isInPlace(expr.storage)) {
    const place = elementPlace(f, expr);
    if (place.kind === 'memory') return { address: place.address, offset: place.offset };
  }
  if (expr.kind === 'retype' && registerOf(expr.operand.type) === IrType.I64 && !isSpan(expr.operand.type)) {
    return addressParts(f, expr.operand);
  }
  return { address: value(f, expr), offset: 0 };
}

function elementPlace(f: FunctionLowering, expr: PlaceExpr & { kind: 'element' }): Place {
  const { b } = f;
  const { sequence, storage, persistent, checked } = expr;
  const { type } = sequence;
  let address: Value;
  let offset = 0;
  let length: Value | undefined;
  if (isSpan(type)) {
    const [pointer, count] = values(f, sequence);
    address = pointer!;
    length = count;
  } else {
    ({ address, offset } = addressParts(f, sequence));
    if (type.kind === 'array' && checked) length = b.i64(type.count);
  }
  const size = sizeOf(storage);
  if (expr.index.kind === 'const' && !checked) {
    return {
      kind: 'memory',
      address,
      offset: offset + Number(expr.index.value) * size,
      storage,
      persistent,
      isVolatile: false,
    };
  }
  const index = widenIndex(f, expr.index);
  if (checked && length !== undefined) {
    b.bounds(index, length, f.module.runtime('__panic_bounds'), f.module.location(expr.node));
  }
  const scaled = size === 1 ? index : b.binary(Op.Mul, index, b.i64(size));
  return { kind: 'memory', address: b.add(address, scaled), offset, storage, persistent, isVolatile: false };
}

/** The address of a place in memory. */
export function addressOf(f: FunctionLowering, place: Place): Value {
  if (place.kind === 'vars') throw new Error('a variable in registers has no address');
  return f.b.addImm(place.address, place.offset);
}

export function readPlace(f: FunctionLowering, place: Place): readonly Value[] {
  const { b } = f;
  if (place.kind === 'vars') return place.vars.map((variable) => b.readVar(variable));
  const { address, offset, storage, persistent, isVolatile } = place;
  if (isInPlace(storage)) return [addressOf(f, place)];
  const access = { volatile: isVolatile };
  if (isSpan(storage)) {
    return [
      b.load(IrType.I64, Mem.I64, address, offset, access),
      b.load(IrType.I64, Mem.I64, address, offset + 8, access),
    ];
  }
  const loaded = b.load(registerOf(storage), memOf(storage), address, offset, access);
  return [persistent ? b.pref(loaded, addressOf(f, place), f.module.runtime('__twz_ptr_load')) : loaded];
}

/** The stored word of a persistent reference, untranslated: enough to compare it with null. */
export function readRaw(f: FunctionLowering, place: Place & { kind: 'memory' }): Value {
  return f.b.load(IrType.I64, Mem.I64, place.address, place.offset, { volatile: place.isVolatile });
}

export function writePlace(f: FunctionLowering, place: Place, value: readonly Value[]): void {
  const { b } = f;
  if (place.kind === 'vars') {
    place.vars.forEach((variable, index) => {
      b.writeVar(variable, value[index]!);
    });
    return;
  }
  const { address, offset, storage, persistent, isVolatile } = place;
  const access = { volatile: isVolatile };
  if (isSpan(storage)) {
    b.store(Mem.I64, address, value[0]!, offset, access);
    b.store(Mem.I64, address, value[1]!, offset + 8, access);
    return;
  }
  let stored = value[0]!;
  if (persistent && !(stored.op === Op.Const && stored.imm === 0n)) {
    stored = b.pptr(stored, addressOf(f, place), f.module.runtime('__twz_ptr_store'));
  }
  b.store(memOf(storage), address, stored, offset, access);
}

/** A zero of the type's register. */
export function zero(f: FunctionLowering, type: Type): Value {
  const register = registerOf(type);
  return register === IrType.F32 || register === IrType.F64
    ? f.b.constFloat(register, 0)
    : f.b.constInt(register, 0);
}
