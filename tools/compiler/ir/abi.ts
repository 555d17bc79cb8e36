/**
 * The RISC-V psABI calling convention (LP64D) as far as types decide it: which scalars a parameter or result of the
 * source becomes in the IR. Integers travel in a0–a7, floats in fa0–fa7, then on the stack; a structure of at most
 * 16 bytes travels as one or two scalars, a larger one by reference (riscv-elf-psabi, "Procedure Calling Convention").
 */
import { Type } from './types.ts';

/** A scalar inside a flattened structure. */
export interface AbiField {
  /** Bytes from the start of the structure. */
  readonly offset: number;
  /** Bytes: 1, 2, 4 or 8. */
  readonly size: number;
  readonly isFloat: boolean;
}

/** A parameter or result: a scalar of an IR type, or a structure with all its scalar fields (arrays unrolled). */
export type AbiType =
  | { readonly kind: 'scalar'; readonly type: Type }
  | {
      readonly kind: 'struct';
      readonly size: number;
      readonly align: number;
      readonly fields: readonly AbiField[];
    };

/** One scalar that carries bytes [offset, offset + size) of the parameter. */
export interface AbiPiece {
  readonly type: Type;
  readonly offset: number;
  readonly size: number;
}

export type AbiPassing =
  /** As these scalars, one IR parameter each. */
  | { readonly kind: 'direct'; readonly pieces: readonly AbiPiece[] }
  /** As one i64: the address of a copy that the caller made. */
  | { readonly kind: 'reference' };

export interface AbiSignature {
  readonly params: readonly AbiPassing[];
  /** A result `reference` means a hidden first parameter with the address to write it to (and no IR result). */
  readonly result: AbiPassing | undefined;
  readonly paramTypes: readonly Type[];
  readonly resultTypes: readonly Type[];
}

const floatType = (size: number): Type => (size === 4 ? Type.F32 : Type.F64);

/** The pieces when the hardware floating-point convention applies to a structure, given the free registers. */
function floatPieces(
  fields: readonly AbiField[],
  freeInts: number,
  freeFloats: number,
): AbiPiece[] | undefined {
  if (fields.length === 0 || fields.length > 2 || !fields.some((field) => field.isFloat)) return undefined;
  const floats = fields.filter((field) => field.isFloat).length;
  const ints = fields.length - floats;
  if (floats > freeFloats || ints > freeInts) return undefined;
  return fields.map((field) => ({
    type: field.isFloat ? floatType(field.size) : field.size === 8 ? Type.I64 : Type.I32,
    offset: field.offset,
    size: field.size,
  }));
}

/** The pieces in integer registers: one or two words of 8 bytes. */
function wordPieces(size: number): AbiPiece[] {
  const pieces: AbiPiece[] = [];
  for (let offset = 0; offset < size; offset += 8) {
    pieces.push({ type: Type.I64, offset, size: Math.min(8, size - offset) });
  }
  return pieces;
}

/** How parameters and result of these types are passed. */
export function abiSignature(params: readonly AbiType[], result: AbiType | undefined): AbiSignature {
  let freeInts = 8;
  let freeFloats = 8;
  const paramTypes: Type[] = [];
  let resultPassing: AbiPassing | undefined;
  const resultTypes: Type[] = [];
  if (result !== undefined) {
    resultPassing = passOne(result, 2, 2);
    if (resultPassing.kind === 'reference') {
      paramTypes.push(Type.I64);
      freeInts--;
    } else {
      for (const piece of resultPassing.pieces) resultTypes.push(piece.type);
    }
  }
  const passings = params.map((param) => {
    const passing = passOne(param, freeInts, freeFloats);
    const types = passing.kind === 'reference' ? [Type.I64] : passing.pieces.map((piece) => piece.type);
    for (const type of types) {
      paramTypes.push(type);
      if ((type === Type.F32 || type === Type.F64) && freeFloats > 0) freeFloats--;
      else if (freeInts > 0) freeInts--;
    }
    return passing;
  });
  return { params: passings, result: resultPassing, paramTypes, resultTypes };
}

function passOne(type: AbiType, freeInts: number, freeFloats: number): AbiPassing {
  if (type.kind === 'scalar') {
    const size = type.type === Type.I64 || type.type === Type.F64 ? 8 : 4;
    return { kind: 'direct', pieces: [{ type: type.type, offset: 0, size }] };
  }
  const pieces = floatPieces(type.fields, freeInts, freeFloats);
  if (pieces !== undefined) return { kind: 'direct', pieces };
  if (type.size > 16) return { kind: 'reference' };
  return { kind: 'direct', pieces: wordPieces(type.size) };
}
