/**
 * What the debugger will be told: source positions, variables and the types of the source language. The front end
 * fills these; only the DWARF writer reads them. None of it changes the code that is generated at -O2.
 */

/** A position in the source; `line` and `column` count from 1, `file` indexes `Module.files`. */
export interface SourceLoc {
  readonly file: number;
  readonly line: number;
  readonly column: number;
  /** The position lies in a function that was inlined; absent: in the function that the instruction belongs to. */
  readonly inlined?: InlinedCall;
}

/** A call in whose place the callee's body stands. */
export interface InlinedCall {
  readonly callee: { readonly name: string; readonly sourceName?: string | undefined; readonly loc: number };
  /** Index into `Module.locs` of the call: inlined itself, perhaps. */
  readonly at: number;
}

/** A type as the debugger sees it. References between types may be cyclic: members are filled in later. */
export type DebugType =
  | { readonly kind: 'base'; readonly name: string; readonly size: number; readonly encoding: BaseEncoding }
  | { readonly kind: 'pointer'; readonly to: DebugType | undefined }
  | { readonly kind: 'array'; readonly of: DebugType; readonly count: number }
  | {
      readonly kind: 'enum';
      readonly name: string;
      readonly size: number;
      readonly values: [string, bigint][];
    }
  | DebugStruct;

export interface DebugStruct {
  readonly kind: 'struct';
  readonly name: string;
  size: number;
  members: DebugMember[];
  /** References in it are persistent pointers. */
  readonly persistent?: boolean;
}

export interface DebugMember {
  readonly name: string;
  readonly type: DebugType;
  /** Bytes from the start of the structure. */
  readonly offset: number;
}

export type BaseEncoding = 'signed' | 'unsigned' | 'float' | 'boolean' | 'char';

/** A local variable or parameter. Where it is, is found by the code generator. */
export interface DebugVar {
  readonly name: string;
  readonly type: DebugType;
  /** True for a parameter of the function. */
  readonly isParam: boolean;
  /** Index into `Module.locs` of the declaration. */
  readonly loc: number;
}
