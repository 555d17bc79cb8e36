/**
 * Random programs as trees that can be printed in guest TypeScript and in C with the same meaning: integers of all
 * widths, floats, structs, arrays, loops, switches, calls. What C leaves undefined (overflow, shifts, division by zero,
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
    }
  | { readonly kind: 'if'; readonly condition: Condition; readonly yes: Stmt[]; readonly no: Stmt[] }
  /** `for (let name = 0; name < count; name++)` with a u32. */
  | { readonly kind: 'for'; readonly name: string; readonly count: number; readonly body: Stmt[] }
  /** Ends after `fuel` turns at the latest. */
  | {
      readonly kind: 'while';
      readonly fuelName: string;
      readonly fuel: number;
      readonly condition: Condition;
      readonly body: Stmt[];
    }
  | {
      readonly kind: 'forOf';
      readonly name: string;
      readonly type: Scalar;
      readonly array: Place;
      readonly length: number;
      readonly body: Stmt[];
    }
  | {
      readonly kind: 'switch';
      readonly value: Expr;
      readonly cases: readonly {
        readonly value: bigint | undefined;
        readonly falls: boolean;
        readonly body: Stmt[];
      }[];
    }
  | { readonly kind: 'break' | 'continue' }
  | { readonly kind: 'return'; readonly value: Expr };

/** An argument: a scalar, or a struct or array by reference. */
export type Arg = Expr | { readonly kind: 'reference'; readonly name: string };

export type Param =
  | { readonly kind: 'scalar'; readonly name: string; readonly type: Scalar }
  | { readonly kind: 'struct'; readonly name: string; readonly struct: string }
  | { readonly kind: 'array'; readonly name: string; readonly type: Scalar; readonly length: number };

export interface FuncDef {
  readonly name: string;
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

/** One program: its last function, without parameters, computes; then all globals are mixed into the result. */
export interface RandomProgram {
  readonly seed: number;
  readonly structs: readonly StructDef[];
  readonly globals: readonly GlobalDef[];
  readonly funcs: readonly FuncDef[];
}
