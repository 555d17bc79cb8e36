/**
 * Values with types: scalars, and structures and arrays that lie somewhere. A reference that is stored in a persistent structure
 * is a persistent pointer: it knows the object that holds it, and following it goes through that object's FOT.
 */

import { AddressSpace, type MemoryPlace, toNumber, virtualPlace } from './address-space.ts';
import type { ExpressionContext } from './dwarf/expression.ts';
import type { SourceType, StructType } from './dwarf/types.ts';
import { idText, type ObjectId } from './object-space.ts';

export type Place = MemoryPlace | { readonly kind: 'register'; readonly number: number };

export interface Value {
  /** Undefined: a number that nothing more is known of. */
  readonly type: SourceType | undefined;
  /** Where it lies, if it can be changed there. */
  readonly place?: Place;
  /** The raw bits of a scalar; 0 for a structure or an array. */
  readonly bits: bigint;
  /** A persistent pointer: the object that its FOT index is about. */
  readonly holder?: ObjectId;
  /** The bytes could not be read, or the variable is nowhere at this instruction. */
  readonly unavailable?: string;
}

export const numberValue = (bits: bigint, type?: SourceType): Value => ({
  type,
  bits: BigInt.asUintN(64, bits),
});

const hex = (value: bigint): string => `0x${value.toString(16)}`;

const isAggregate = (type: SourceType | undefined): boolean =>
  type?.kind === 'struct' || type?.kind === 'array';

/** Reads a value of a type at a place in memory. */
export function readValue(
  space: AddressSpace,
  place: MemoryPlace,
  type: SourceType | undefined,
  holder?: ObjectId,
): Value {
  const own = holder === undefined ? {} : { holder };
  if (isAggregate(type)) return { type, place, bits: 0n };
  const size = type === undefined || type.size === 0 ? 8 : type.size;
  const bytes = space.read(place, Math.min(size, 8));
  if (bytes.length < Math.min(size, 8))
    return { type, place, bits: 0n, unavailable: `nothing is mapped at ${placeText(place)}` };
  return { type, place, bits: toNumber(bytes), ...own };
}

/** A place as people write it. */
export function placeText(place: Place): string {
  switch (place.kind) {
    case 'virtual':
      return hex(place.address);
    case 'physical':
      return `physical 0x${place.address.toString(16)}`;
    case 'object':
      return `${idText(place.object.id).slice(0, 8)}:0x${place.object.offset.toString(16)}`;
    default:
      return `register x${place.number}`;
  }
}

/** Where a pointer leads; undefined for null and for what leads nowhere. */
export function target(space: AddressSpace, { bits, holder }: Value): MemoryPlace | undefined {
  if (holder === undefined) return bits === 0n ? undefined : virtualPlace(bits);
  const object = space.objects.follow(holder, bits);
  return object && { kind: 'object', object };
}

/** What a pointer points to. */
export function dereference(space: AddressSpace, value: Value): Value {
  if (value.unavailable !== undefined) return value;
  const to = value.type?.kind === 'pointer' ? value.type.to : undefined;
  const place = target(space, value);
  if (place === undefined) return { type: to, bits: 0n, unavailable: `${hex(value.bits)} leads nowhere` };
  return readValue(space, place, to);
}

/** A member of a structure, or of what a reference refers to. Undefined: there is none of that name. */
export function member(space: AddressSpace, value: Value, name: string): Value | undefined {
  if (value.unavailable !== undefined) return { type: undefined, bits: 0n, unavailable: value.unavailable };
  const struct = value.type?.kind === 'pointer' ? dereference(space, value) : value;
  if (struct.type?.kind !== 'struct') return undefined;
  const found = struct.type.members.find((one) => one.name === name);
  if (found === undefined) return undefined;
  if (struct.unavailable !== undefined)
    return { type: found.type, bits: 0n, unavailable: struct.unavailable };
  return memberOf(space, struct, found);
}

function memberOf(space: AddressSpace, struct: Value, found: StructType['members'][number]): Value {
  const { place } = struct;
  if (place === undefined || place.kind === 'register')
    return { type: found.type, bits: struct.bits >> BigInt(8 * found.offset) };
  const type = struct.type as StructType;
  const isPersistent = type.persistent && found.type.kind === 'pointer';
  const holder = isPersistent ? holderOf(space, place) : undefined;
  return readValue(space, AddressSpace.offset(place, found.offset), found.type, holder);
}

/** The object that a place is in. */
function holderOf(space: AddressSpace, place: MemoryPlace): ObjectId | undefined {
  if (place.kind === 'object') return place.object.id;
  return place.kind === 'virtual' ? space.objectOf(place.address)?.id : undefined;
}

/** Element `index` of an array, or of what a pointer points to. */
export function element(space: AddressSpace, value: Value, index: bigint): Value | undefined {
  const isArray = value.type?.kind === 'array';
  const of = isArray
    ? (value.type as { of: SourceType }).of
    : value.type?.kind === 'pointer'
      ? value.type.to
      : undefined;
  if (value.type?.kind === 'pointer' && of?.kind === 'array')
    return element(space, dereference(space, value), index);
  if (of === undefined) return undefined;
  const base = isArray ? value.place : target(space, value);
  if (base === undefined || base.kind === 'register')
    return { type: of, bits: 0n, unavailable: 'it lies nowhere' };
  return readValue(space, AddressSpace.offset(base, Number(index) * of.size), of);
}

export interface FormatOptions {
  /** How deep structures are shown. */
  readonly depth: number;
  readonly radix: 'natural' | 'hex' | 'decimal' | 'binary';
  /** Names an address, for pointers. */
  readonly symbol?: (address: bigint) => string | undefined;
}

const MOST_ELEMENTS = 16;
const MOST_TEXT = 200;

/** A value as text, on one line. */
export function formatValue(space: AddressSpace, value: Value, options: FormatOptions): string {
  const { type } = value;
  if (value.unavailable !== undefined) return `<${value.unavailable}>`;
  switch (type?.kind) {
    case undefined: {
      // Of no type: a register or an address. Large ones are read in hexadecimal only.
      const isLarge = options.radix === 'natural' && BigInt.asUintN(64, value.bits) >= 1n << 32n;
      return formatNumber(value.bits, 8, false, isLarge ? 'hex' : options.radix);
    }
    case 'base':
      return formatBase(value.bits, type, options);
    case 'enum': {
      const name = type.values.get(value.bits) ?? type.values.get(BigInt.asIntN(8 * type.size, value.bits));
      return name ?? formatNumber(value.bits, type.size, false, options.radix);
    }
    case 'pointer':
    case 'function':
      return formatPointer(space, value, options);
    case 'array':
      return formatArray(space, value, options);
    case 'struct':
      return formatStruct(space, value, options);
  }
}

function formatBase(
  bits: bigint,
  type: Extract<SourceType, { kind: 'base' }>,
  options: FormatOptions,
): string {
  if (type.encoding === 'boolean' && options.radix === 'natural') return bits === 0n ? 'false' : 'true';
  if (type.encoding === 'float') {
    const view = new DataView(new ArrayBuffer(8));
    view.setBigUint64(0, BigInt.asUintN(64, bits), true);
    return String(type.size === 4 ? view.getFloat32(0, true) : view.getFloat64(0, true));
  }
  const number = formatNumber(
    bits,
    type.size,
    type.encoding === 'signed' || type.encoding === 'char',
    options.radix,
  );
  const code = Number(bits & 0xffn);
  const isText = type.encoding === 'char' && options.radix === 'natural' && code >= 0x20 && code < 0x7f;
  return isText ? `${number} '${String.fromCharCode(code)}'` : number;
}

export function formatNumber(
  bits: bigint,
  size: number,
  isSigned: boolean,
  radix: FormatOptions['radix'],
): string {
  const width = 8 * Math.max(size, 1);
  const unsigned = BigInt.asUintN(width, bits);
  if (radix === 'hex') return hex(unsigned);
  if (radix === 'binary') return `0b${unsigned.toString(2)}`;
  return String(isSigned ? BigInt.asIntN(width, bits) : unsigned);
}

function formatPointer(space: AddressSpace, value: Value, options: FormatOptions): string {
  const { bits, holder } = value;
  if (holder === undefined) {
    if (bits === 0n) return 'null';
    const name = options.symbol?.(bits);
    return hex(bits) + (name === undefined ? '' : ` <${name}>`);
  }
  if ((bits & 0x3fff_ffffn) < 0x1000n) return 'null';
  const to = target(space, value);
  const raw = `${bits >> 30n}:${hex(bits & 0x3fff_ffffn)}`;
  return to === undefined ? `${raw} <leads nowhere>` : `${raw} → ${placeText(to)}`;
}

function formatArray(space: AddressSpace, value: Value, options: FormatOptions): string {
  const type = value.type as Extract<SourceType, { kind: 'array' }>;
  if (options.depth <= 0) return '[…]';
  const isText = type.of.kind === 'base' && type.of.size === 1 && type.of.encoding === 'char';
  if (isText && value.place && value.place.kind !== 'register') {
    const bytes = space.read(value.place, Math.min(type.count, MOST_TEXT));
    const end = bytes.indexOf(0);
    return JSON.stringify(Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('latin1'));
  }
  const shown: string[] = [];
  for (let i = 0; i < Math.min(type.count, MOST_ELEMENTS); i++) {
    const one = element(space, value, BigInt(i));
    if (one) shown.push(formatValue(space, one, { ...options, depth: options.depth - 1 }));
  }
  // Equal neighbours are told once.
  const parts: string[] = [];
  for (let i = 0; i < shown.length; ) {
    let end = i;
    while (end < shown.length && shown[end] === shown[i]) end++;
    const isRest = end === shown.length && end < type.count;
    parts.push(
      end - i > 3 ? `${shown[i]} × ${isRest ? `${end - i}…` : end - i}` : shown.slice(i, end).join(', '),
    );
    i = end;
  }
  return `[${parts.join(', ')}${type.count > MOST_ELEMENTS ? ', …' : ''}]`;
}

function formatStruct(space: AddressSpace, value: Value, options: FormatOptions): string {
  const type = value.type as StructType;
  const text = textOfSpan(space, value, type);
  if (text !== undefined) return JSON.stringify(text);
  if (options.depth <= 0) return `${type.name} {…}`;
  const inner = { ...options, depth: options.depth - 1 };
  const fields = type.members.map(
    (one) => `${one.name} = ${formatValue(space, memberOf(space, value, one), inner)}`,
  );
  return `${type.name} { ${fields.join(', ')} }`;
}

/** The text of guest TypeScript's `str`: pointer and length. */
function textOfSpan(space: AddressSpace, value: Value, type: StructType): string | undefined {
  if (type.name !== 'str') return undefined;
  const pointer = member(space, value, 'ptr');
  const length = member(space, value, 'length');
  if (pointer === undefined || length === undefined || length.bits > 65536n) return undefined;
  const bytes = space.read(virtualPlace(pointer.bits), Math.min(Number(length.bits), MOST_TEXT));
  return Buffer.from(bytes).toString();
}

/** What location expressions may ask, with registers of a frame. */
export function expressionContext(
  space: AddressSpace,
  register: (number: number) => bigint | undefined,
  bias: bigint,
  frame?: { readonly cfa: bigint | undefined; readonly base: () => bigint | undefined },
): ExpressionContext {
  return {
    register,
    memory: (address, size) => space.readNumber(virtualPlace(address), size),
    frameBase: frame?.base,
    cfa: frame && (() => frame.cfa),
    bias,
  };
}
