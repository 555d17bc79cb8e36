/**
 * The types of guest TypeScript and their layout in memory.
 *
 * A *storage type* describes bytes in memory; a *value type* describes what an expression has. They differ in one
 * place: `Inline<C>` is storage only, and reading it gives a reference of type `C`. A `FixedArray` is storage when
 * it stands in a field or element, and a reference to that storage as a value. Types are compared by identity: every
 * constructor here interns. `T | null` is `T`: null checks are left to `tsc`, whose flow analysis does them well.
 */
import type * as ts from 'typescript';
import type { ClassInstance } from './entities.ts';

export interface IntType {
  readonly kind: 'int';
  readonly name: string;
  readonly bits: 8 | 16 | 32 | 64;
  readonly signed: boolean;
}
export interface FloatType {
  readonly kind: 'float';
  readonly name: string;
  readonly bits: 32 | 64;
}
export interface EnumType {
  readonly kind: 'enum';
  readonly name: string;
  readonly underlying: IntType;
  readonly members: Map<string, bigint>;
}
/** A reference to an instance of a class. */
export interface ClassType {
  readonly kind: 'class';
  readonly instance: ClassInstance;
}
/** Storage only: the struct in place. */
export interface InlineType {
  readonly kind: 'inline';
  readonly of: ClassType;
}
export interface ArrayType {
  readonly kind: 'array';
  readonly elem: Type;
  readonly count: number;
  /** Reference elements are stored as persistent pointers. */
  readonly persistent: boolean;
}
export interface SliceType {
  readonly kind: 'slice';
  readonly elem: Type;
  readonly persistent: boolean;
}
export interface PtrType {
  readonly kind: 'ptr';
  readonly elem: Type;
  readonly persistent: boolean;
}
export interface FnType {
  readonly kind: 'fn';
  readonly params: readonly Type[];
  readonly result: Type;
}
/** Types without parts: `untypedInt` and `untypedFloat` are constants that still take the type of their surroundings. */
export interface SimpleType {
  readonly kind: 'bool' | 'str' | 'void' | 'never' | 'null' | 'untypedInt' | 'untypedFloat' | 'error';
}
export type Type =
  | IntType
  | FloatType
  | EnumType
  | ClassType
  | InlineType
  | ArrayType
  | SliceType
  | PtrType
  | FnType
  | SimpleType;

const int = (name: string, bits: 8 | 16 | 32 | 64, signed: boolean): IntType => ({
  kind: 'int',
  name,
  bits,
  signed,
});
export const U8 = int('u8', 8, false);
export const U16 = int('u16', 16, false);
export const U32 = int('u32', 32, false);
export const U64 = int('u64', 64, false);
export const I8 = int('i8', 8, true);
export const I16 = int('i16', 16, true);
export const I32 = int('i32', 32, true);
export const I64 = int('i64', 64, true);
export const F32: FloatType = { kind: 'float', name: 'f32', bits: 32 };
export const F64: FloatType = { kind: 'float', name: 'f64', bits: 64 };
export const BOOL: SimpleType = { kind: 'bool' };
export const STR: SimpleType = { kind: 'str' };
export const VOID: SimpleType = { kind: 'void' };
export const NEVER: SimpleType = { kind: 'never' };
export const NULL: SimpleType = { kind: 'null' };
export const UNTYPED_INT: SimpleType = { kind: 'untypedInt' };
export const UNTYPED_FLOAT: SimpleType = { kind: 'untypedFloat' };
/** Stands for a type after an error was reported; fits everything, so that one mistake gives one message. */
export const ERROR: SimpleType = { kind: 'error' };

/** Types that the language names with one word. */
export const NAMED_TYPES: ReadonlyMap<string, Type> = new Map<string, Type>([
  ...[U8, U16, U32, U64, I8, I16, I32, I64, F32, F64].map((t): [string, Type] => [t.name, t]),
  ['usize', U64],
  ['isize', I64],
  ['bool', BOOL],
  ['str', STR],
]);

const ids = new WeakMap<object, number>();
let nextId = 0;
/** A number for the identity of a type, for intern keys. */
function idOf(type: Type): number {
  let id = ids.get(type);
  if (id === undefined) ids.set(type, (id = nextId++));
  return id;
}

type Interned = Map<string, Type>;
/** Types made of the language's own: they live as long as the compiler. */
const common: Interned = new Map();
/** Types made of what a program declares, by the class or enum that they mention: they go when their program goes. */
const declared = new WeakMap<Type, Interned>();

/** The first class or enum that a type mentions: what it must not outlive. */
function declarationIn(type: Type): Type | undefined {
  switch (type.kind) {
    case 'class':
    case 'enum':
      return type;
    case 'inline':
      return type.of;
    case 'array':
    case 'slice':
    case 'ptr':
      return declarationIn(type.elem);
    case 'fn':
      return declarationAmong([...type.params, type.result]);
    default:
      return undefined;
  }
}

function declarationAmong(types: readonly Type[]): Type | undefined {
  for (const type of types) {
    const found = declarationIn(type);
    if (found !== undefined) return found;
  }
  return undefined;
}

function intern<T extends Type>(key: string, parts: readonly Type[], make: () => T): T {
  const owner = declarationAmong(parts);
  let table = common;
  if (owner !== undefined) {
    const known = declared.get(owner);
    table = known ?? new Map();
    if (known === undefined) declared.set(owner, table);
  }
  let type = table.get(key) as T | undefined;
  if (type === undefined) table.set(key, (type = make()));
  return type;
}

export const inlineOf = (of: ClassType): InlineType => intern('inline', [of], () => ({ kind: 'inline', of }));
/** Persistence matters only where elements hold references; elsewhere it is dropped, so that types stay equal. */
const keepPersistent = (elem: Type, persistent: boolean): boolean => persistent && hasReferences(elem);
export function arrayOf(elem: Type, count: number, persistent = false): ArrayType {
  const p = keepPersistent(elem, persistent);
  return intern(`array ${idOf(elem)} ${count} ${p}`, [elem], () => ({
    kind: 'array',
    elem,
    count,
    persistent: p,
  }));
}
export function sliceOf(elem: Type, persistent = false): SliceType {
  const p = keepPersistent(elem, persistent);
  return intern(`slice ${idOf(elem)} ${p}`, [elem], () => ({ kind: 'slice', elem, persistent: p }));
}
/** `persistent` is kept here whatever the element: a `PersistentPtr<u8>` differs from a `Ptr<u8>` as a field. */
export const ptrOf = (elem: Type, persistent = false): PtrType =>
  intern(`ptr ${idOf(elem)} ${persistent}`, [elem], () => ({ kind: 'ptr', elem, persistent }));
export function fnOf(params: readonly Type[], result: Type): FnType {
  const key = `fn ${params.map(idOf).join(',')} ${idOf(result)}`;
  return intern(key, [...params, result], () => ({ kind: 'fn', params, result }));
}

export const isInteger = (type: Type): type is IntType => type.kind === 'int';
export const isNumber = (type: Type): boolean => type.kind === 'int' || type.kind === 'float';
/** Integers and enums: what is an integer in a register. */
export const intOf = (type: Type): IntType | undefined =>
  type.kind === 'int' ? type : type.kind === 'enum' ? type.underlying : undefined;
/** One machine word that may be null. */
export const isReference = (type: Type): boolean =>
  type.kind === 'class' || type.kind === 'array' || type.kind === 'ptr' || type.kind === 'fn';
/** Is `null` a value of it? Arrays in place are never null. */
export const isNullable = (type: Type): boolean =>
  type.kind === 'class' || type.kind === 'ptr' || type.kind === 'fn' || type.kind === 'array';
/** Two words: pointer and length. */
export const isSpan = (type: Type): boolean => type.kind === 'slice' || type.kind === 'str';
export const isUntyped = (type: Type): boolean => type.kind === 'untypedInt' || type.kind === 'untypedFloat';

/** The value type of what a storage type holds. */
export const valueType = (storage: Type): Type => (storage.kind === 'inline' ? storage.of : storage);
/** Is it stored in place, so that the value is the address? */
export const isInPlace = (storage: Type): boolean => storage.kind === 'inline' || storage.kind === 'array';

/** Does the storage hold anything that is an address: reference, pointer, slice, function? */
export function hasReferences(storage: Type): boolean {
  switch (storage.kind) {
    case 'class':
    case 'ptr':
    case 'fn':
    case 'slice':
    case 'str':
      return true;
    case 'array':
      return hasReferences(storage.elem);
    case 'inline':
      return storage.of.instance.layout().fields.some((field) => hasReferences(field.type));
    default:
      return false;
  }
}

/** Bytes of storage. */
export function sizeOf(storage: Type): number {
  switch (storage.kind) {
    case 'int':
    case 'float':
      return storage.bits / 8;
    case 'bool':
      return 1;
    case 'enum':
      return storage.underlying.bits / 8;
    case 'class':
    case 'ptr':
    case 'fn':
      return 8;
    case 'slice':
    case 'str':
      return 16;
    case 'array':
      return storage.count * sizeOf(storage.elem);
    case 'inline':
      return storage.of.instance.layout().size;
    default:
      return 0;
  }
}

/** Alignment of storage in bytes. */
export function alignOf(storage: Type): number {
  switch (storage.kind) {
    case 'slice':
    case 'str':
      return 8;
    case 'array':
      return alignOf(storage.elem);
    case 'inline':
      return storage.of.instance.layout().align;
    default:
      return Math.max(1, sizeOf(storage));
  }
}

/** The storage that a reference of this type points at: what `sizeof<T>()` measures. */
export const pointee = (type: Type): Type => (type.kind === 'class' ? inlineOf(type) : type);

/** A type as its source would spell it. */
export function typeName(type: Type): string {
  switch (type.kind) {
    case 'int':
    case 'float':
    case 'enum':
      return type.name;
    case 'class':
      return type.instance.name;
    case 'inline':
      return `Inline<${type.of.instance.name}>`;
    case 'array':
      return `FixedArray<${typeName(type.elem)}, ${type.count}>`;
    case 'slice':
      return `Slice<${typeName(type.elem)}>`;
    case 'ptr':
      return `${type.persistent ? 'PersistentPtr' : 'Ptr'}<${typeName(type.elem)}>`;
    case 'fn':
      return `(${type.params.map(typeName).join(', ')}) => ${typeName(type.result)}`;
    case 'untypedInt':
      return 'integer constant';
    case 'untypedFloat':
      return 'float constant';
    default:
      return type.kind;
  }
}

/** Smallest and largest value of an integer type. */
export function intRange(type: IntType): [bigint, bigint] {
  const bits = BigInt(type.bits);
  return type.signed ? [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n] : [0n, (1n << bits) - 1n];
}
/** `value` modulo 2^bits, in the type's range. */
export const wrapInt = (type: IntType, value: bigint): bigint =>
  type.signed ? BigInt.asIntN(type.bits, value) : BigInt.asUintN(type.bits, value);

/** One field of a class. */
export interface Field {
  readonly name: string;
  readonly type: Type;
  readonly offset: number;
  readonly isVolatile: boolean;
  readonly declaration: ts.PropertyDeclaration;
}
export interface Layout {
  readonly size: number;
  readonly align: number;
  /** Those of base classes first. */
  readonly fields: readonly Field[];
}
