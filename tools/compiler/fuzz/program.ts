/**
 * Random programs as trees that can be printed in guest TypeScript and in C with the same meaning: integers of all
 * widths, floats, enums, structs by reference and by value, arrays and slices, loops with labels, switches, calls of functions and through
 * pointers, generic functions, recursion. What C leaves undefined (overflow, shifts, division by zero,
 * float to integer) is printed in C so that it means what the guest language defines.
 */

export type Int = 'u8' | 'u16' | 'u32' | 'u64' | 'i8' | 'i16' | 'i32' | 'i64';
export type Scalar = Int | 'f32' | 'f64';
export const INTS: readonly Int[] = ['u8', 'u16', 'u32', 'u64', 'i8', 'i16', 'i32', 'i64'];
export const isFloatType = (type: Scalar): type is 'f32' | 'f64' => type[0] === 'f';
export const bitsOf = (type: Scalar): number => Number(type.slice(1));

export type BinaryOp = '+' | '-' | '*' | '/' | '%' | '&' | '|' | '^' | '<<' | '>>' | '>>>';
export type CompareOp = '===' | '!==' | '<' | '<=' | '>' | '>=';

/** A place, spelled alike in both languages but for the arrow of C. */
export type Place =
  | { readonly kind: 'var'; readonly name: string }
  | { readonly kind: 'field'; readonly object: string; readonly path: string }
  /** `mask` + 1 is the length of the array. */
  | { readonly kind: 'element'; readonly array: Place; readonly index: Expr; readonly mask: number };

export type Expr =
  | { readonly kind: 'const'; readonly type: Int; readonly value: bigint }
  | { readonly kind: 'float'; readonly type: 'f32' | 'f64'; readonly value: number }
  | { readonly kind: 'place'; readonly type: Scalar; readonly place: Place }
  | {
      readonly kind: 'binary';
      readonly type: Scalar;
      readonly op: BinaryOp;
      readonly left: Expr;
      readonly right: Expr;
    }
  | { readonly kind: 'unary'; readonly type: Scalar; readonly op: '-' | '~'; readonly operand: Expr }
  | { readonly kind: 'cast'; readonly type: Scalar; readonly operand: Expr }
  | {
      readonly kind: 'choice';
      readonly type: Scalar;
      readonly condition: Condition;
      readonly yes: Expr;
      readonly no: Expr;
    }
  /** `clz`, `ctz`, `popcnt`, `bswap`, `rotl`, `rotr`, `min`, `max`, `abs`. */
  | { readonly kind: 'intrinsic'; readonly type: Int; readonly name: string; readonly args: readonly Expr[] };

export type Condition =
  | { readonly kind: 'compare'; readonly op: CompareOp; readonly left: Expr; readonly right: Expr }
  | { readonly kind: 'and' | 'or'; readonly left: Condition; readonly right: Condition }
  | { readonly kind: 'not'; readonly operand: Condition };

export type Stmt =
  | { readonly kind: 'let'; readonly type: Scalar; readonly name: string; readonly value: Expr }
  | { readonly kind: 'struct'; readonly name: string; readonly struct: string }
  | { readonly kind: 'array'; readonly name: string; readonly type: Scalar; readonly length: number }
  | {
      readonly kind: 'assign';
      readonly type: Scalar;
      readonly place: Place;
      readonly op: BinaryOp | undefined;
      readonly value: Expr;
    }
  | {
      readonly kind: 'call';
      readonly type: Scalar;
      readonly place: Place;
      readonly func: string;
      readonly args: readonly Arg[];
      /** Through a variable that holds the function. */
      readonly indirect: boolean;
    }
  /** Copies a struct. */
  | { readonly kind: 'copy'; readonly to: string; readonly from: string }
  | { readonly kind: 'if'; readonly condition: Condition; readonly yes: Stmt[]; readonly no: Stmt[] }
  /** `for (let name = 0; name < count; name++)` with a u32. */
  | {
      readonly kind: 'for';
      readonly name: string;
      readonly count: number;
      readonly body: Stmt[];
      readonly label: string | undefined;
    }
  /** Ends after `fuel` turns at the latest. */
  | {
      readonly kind: 'while';
      readonly fuelName: string;
      readonly fuel: number;
      readonly condition: Condition;
      readonly body: Stmt[];
      readonly label: string | undefined;
    }
  | {
      readonly kind: 'forOf';
      readonly name: string;
      readonly type: Scalar;
      readonly array: Place;
      readonly length: number;
      readonly body: Stmt[];
      readonly label: string | undefined;
    }
  | {
      readonly kind: 'switch';
      readonly value: Expr;
      /** In the guest the values are the members of an enum of this name. */
      readonly enumName: string | undefined;
      readonly cases: readonly {
        readonly value: bigint | undefined;
        readonly falls: boolean;
        readonly body: Stmt[];
      }[];
    }
  | { readonly kind: 'break' | 'continue'; readonly label: string | undefined }
  | { readonly kind: 'return'; readonly value: Expr };

/** An argument: a scalar, an array or struct by reference, or a struct by value. */
export type Arg =
  | Expr
  | { readonly kind: 'reference'; readonly name: string }
  | { readonly kind: 'byValue'; readonly name: string };

export type Param =
  | { readonly kind: 'scalar'; readonly name: string; readonly type: Scalar }
  | { readonly kind: 'struct'; readonly name: string; readonly struct: string; readonly byValue: boolean }
  /** `slice`: in the guest a slice, which knows its length only at run time. */
  | {
      readonly kind: 'array';
      readonly name: string;
      readonly type: Scalar;
      readonly length: number;
      readonly slice: boolean;
    };

export interface FuncDef {
  readonly name: string;
  /** In the guest the type of its first scalar parameter is a type parameter. */
  readonly generic: boolean;
  readonly params: readonly Param[];
  readonly result: Scalar;
  readonly body: Stmt[];
}

export type FieldDef =
  | { readonly kind: 'scalar'; readonly name: string; readonly type: Scalar }
  | { readonly kind: 'struct'; readonly name: string; readonly struct: string }
  | { readonly kind: 'array'; readonly name: string; readonly type: Scalar; readonly length: number };

export interface StructDef {
  readonly name: string;
  readonly fields: readonly FieldDef[];
}

export type GlobalDef =
  | { readonly kind: 'scalar'; readonly name: string; readonly type: Scalar; readonly value: Expr }
  | { readonly kind: 'array'; readonly name: string; readonly type: Scalar; readonly values: readonly Expr[] }
  | { readonly kind: 'struct'; readonly name: string; readonly struct: string };

/** All statements, those within others included. */
export function statementsOf(body: readonly Stmt[]): Stmt[] {
  return body.flatMap((s) => [s, ...innerBodies(s).flatMap(statementsOf)]);
}

export function innerBodies(s: Stmt): readonly Stmt[][] {
  switch (s.kind) {
    case 'if':
      return [s.yes, s.no];
    case 'for':
    case 'while':
    case 'forOf':
      return [s.body];
    case 'switch':
      return s.cases.map((clause) => clause.body);
    default:
      return [];
  }
}

/** The type that a generic function is used with. */
export function typeArgument(func: FuncDef): Scalar | undefined {
  if (!func.generic) return undefined;
  for (const param of func.params) if (param.kind === 'scalar') return param.type;
  return undefined;
}

/** Names of the functions that are called through pointers. */
export function indirectCallees(program: RandomProgram): ReadonlySet<string> {
  const calls = program.funcs.flatMap(({ body }) => statementsOf(body));
  return new Set(calls.flatMap((s) => (s.kind === 'call' && s.indirect ? [s.func] : [])));
}

/** One program: its last function, without parameters, computes; then all globals are mixed into the result. */
export interface RandomProgram {
  readonly seed: number;
  readonly structs: readonly StructDef[];
  readonly globals: readonly GlobalDef[];
  readonly funcs: readonly FuncDef[];
}
