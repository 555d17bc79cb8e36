/** How types of the source look in the IR: registers, memory accesses, debug information. */

import { intOf, isInPlace, isSpan, pointee, sizeOf, type Type, typeName, U8 } from '../frontend/types.ts';
import type { DebugStruct, DebugType } from '../ir/debug.ts';
import { Type as IrType, Mem, Op } from '../ir/types.ts';

/** The registers that carry a value: none, one, or pointer and length. */
export function registersOf(type: Type): readonly IrType[] {
  if (type.kind === 'void' || type.kind === 'never') return [];
  return isSpan(type) ? [IrType.I64, IrType.I64] : [registerOf(type)];
}

/** The register type of a value of one word. */
export function registerOf(type: Type): IrType {
  switch (type.kind) {
    case 'float':
      return type.bits === 32 ? IrType.F32 : IrType.F64;
    case 'bool':
      return IrType.I32;
    case 'int':
    case 'enum':
      return intOf(type)!.bits === 64 ? IrType.I64 : IrType.I32;
    default:
      return IrType.I64;
  }
}

/** The access that moves a scalar of this storage type. */
export function memOf(storage: Type): Mem {
  if (storage.kind === 'float') return storage.bits === 32 ? Mem.F32 : Mem.F64;
  if (storage.kind === 'bool') return Mem.I8U;
  const int = intOf(storage);
  if (int === undefined) return Mem.I64;
  switch (int.bits) {
    case 8:
      return int.signed ? Mem.I8S : Mem.I8U;
    case 16:
      return int.signed ? Mem.I16S : Mem.I16U;
    case 32:
      return Mem.I32;
    default:
      return Mem.I64;
  }
}

/** The operation that brings an `i32` into the range of an 8- or 16-bit type; undefined for wider types. */
export function narrowOp(type: Type): Op | undefined {
  const int = intOf(type);
  if (int === undefined || int.bits >= 32) return undefined;
  if (int.bits === 8) return int.signed ? Op.SExt8 : Op.ZExt8;
  return int.signed ? Op.SExt16 : Op.ZExt16;
}

export const isSigned = (type: Type): boolean => intOf(type)?.signed ?? false;

/** Types for debuggers, made once each. */
export class DebugTypes {
  private readonly known = new Map<Type, DebugType>();

  of(type: Type): DebugType {
    const known = this.known.get(type);
    if (known !== undefined) return known;
    if (type.kind === 'inline') return this.structOf(type);
    const made = this.make(type);
    this.known.set(type, made);
    return made;
  }

  private make(type: Type): DebugType {
    switch (type.kind) {
      case 'int':
        return {
          kind: 'base',
          name: type.name,
          size: type.bits / 8,
          encoding: type.signed ? 'signed' : 'unsigned',
        };
      case 'float':
        return { kind: 'base', name: type.name, size: type.bits / 8, encoding: 'float' };
      case 'bool':
        return { kind: 'base', name: 'bool', size: 1, encoding: 'boolean' };
      case 'enum':
        return { kind: 'enum', name: type.name, size: sizeOf(type), values: [...type.members] };
      case 'class':
        return this.reference(pointee(type));
      case 'array':
        return { kind: 'array', of: this.of(type.elem), count: type.count };
      case 'ptr':
        return { kind: 'pointer', to: this.of(type.elem) };
      case 'slice':
        return this.span(type, this.of(type.elem));
      case 'str':
        return this.span(type, this.of(U8));
      default:
        return { kind: 'pointer', to: undefined };
    }
  }

  /** A pointer whose target is filled in afterwards, because classes refer to themselves. */
  private reference(storage: Type): DebugType {
    const made: { kind: 'pointer'; to: DebugType | undefined } = { kind: 'pointer', to: undefined };
    if (storage.kind === 'inline') this.known.set(storage.of, made);
    made.to = this.of(storage);
    return made;
  }

  /** What a variable holds: arrays are referred to by address. */
  ofVariable(type: Type): DebugType {
    return isInPlace(type) ? { kind: 'pointer', to: this.of(type) } : this.of(type);
  }

  private structOf(storage: Type): DebugType {
    const known = this.known.get(storage);
    if (known !== undefined) return known;
    if (storage.kind !== 'inline') return this.of(storage);
    const { instance } = storage.of;
    const struct: DebugStruct = {
      kind: 'struct',
      name: instance.name,
      size: sizeOf(storage),
      members: [],
      ...(instance.isPersistent && { persistent: true }),
    };
    this.known.set(storage, struct);
    for (const field of instance.layout().fields) {
      struct.members.push({ name: field.name, type: this.of(field.type), offset: field.offset });
    }
    return struct;
  }

  private span(type: Type, elem: DebugType): DebugType {
    const length: DebugType = { kind: 'base', name: 'u64', size: 8, encoding: 'unsigned' };
    return {
      kind: 'struct',
      name: typeName(type),
      size: 16,
      members: [
        { name: 'ptr', type: { kind: 'pointer', to: elem }, offset: 0 },
        { name: 'length', type: length, offset: 8 },
      ],
    };
  }
}
