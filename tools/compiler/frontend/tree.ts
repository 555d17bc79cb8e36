/**
 * The typed tree: what the checker makes of a function's body, and what lowering turns into the IR. Names are
 * resolved, types decided, constants typed, conversions explicit; nothing here refers to scopes. Every expression has a
 * type that is a value type (`types.ts`); `node` is the source it stems from, for positions.
 */
import type * as ts from 'typescript';
import type { FunctionInstance, GlobalVariable } from './entities.ts';
import type { ClassType, Type } from './types.ts';

/** A local variable or parameter. */
export interface LocalVariable {
  readonly name: string;
  readonly type: Type;
  readonly node: ts.Node;
  readonly isParam: boolean;
  readonly isConst: boolean;
  /** Lives in the frame because `ptrTo` was applied to it. */
  addressTaken: boolean;
}

export type BinaryOp = '+' | '-' | '*' | '/' | '%' | '&' | '|' | '^' | '<<' | '>>' | '>>>';
export type CompareOp = '===' | '!==' | '<' | '<=' | '>' | '>=';

interface ExprBase {
  readonly type: Type;
  readonly node: ts.Node;
}

/** An integer, bool, enum member or null pointer; `wraps`: came from `~` and may wrap into an unsigned type. */
export interface ConstExpr extends ExprBase {
  readonly kind: 'const';
  readonly value: bigint;
  readonly wraps: boolean;
}
export interface FloatExpr extends ExprBase {
  readonly kind: 'float';
  readonly value: number;
}
export interface StrExpr extends ExprBase {
  readonly kind: 'str';
  readonly bytes: Uint8Array;
}
export interface LocalExpr extends ExprBase {
  readonly kind: 'local';
  readonly variable: LocalVariable;
}
export interface GlobalExpr extends ExprBase {
  readonly kind: 'global';
  readonly global: GlobalVariable;
}
/** Storage at a constant offset from where a reference points. */
export interface FieldExpr extends ExprBase {
  readonly kind: 'field';
  readonly object: Expr;
  readonly offset: number;
  readonly storage: Type;
  /** A reference stored here is a persistent pointer. */
  readonly persistent: boolean;
  readonly isVolatile: boolean;
  /** The class is persistent: transactions log stores. */
  readonly logged: boolean;
  /** A persistent reference read with `!`: what it gives for null need only fault when it is used. */
  readonly asserted?: boolean;
}
/** An element of an array, slice, string or pointer. */
export interface ElementExpr extends ExprBase {
  readonly kind: 'element';
  readonly sequence: Expr;
  readonly index: Expr;
  readonly storage: Type;
  readonly persistent: boolean;
  readonly checked: boolean;
  readonly logged: boolean;
  /** A persistent reference read with `!`: what it gives for null need only fault when it is used. */
  readonly asserted?: boolean;
}
export interface UnaryExpr extends ExprBase {
  readonly kind: 'unary';
  readonly op: '-' | '!' | '~';
  readonly operand: Expr;
}
/** Arithmetic: operands and result have one type, except that a shift count may have any integer type. */
export interface BinaryExpr extends ExprBase {
  readonly kind: 'binary';
  readonly op: BinaryOp;
  readonly left: Expr;
  readonly right: Expr;
}
export interface CompareExpr extends ExprBase {
  readonly kind: 'compare';
  readonly op: CompareOp;
  readonly left: Expr;
  readonly right: Expr;
}
export interface LogicalExpr extends ExprBase {
  readonly kind: 'logical';
  readonly op: '&&' | '||';
  readonly left: Expr;
  readonly right: Expr;
}
export interface ConditionalExpr extends ExprBase {
  readonly kind: 'conditional';
  readonly condition: Expr;
  readonly whenTrue: Expr;
  readonly whenFalse: Expr;
}
/** `left ?? right`. */
export interface CoalesceExpr extends ExprBase {
  readonly kind: 'coalesce';
  readonly left: Expr;
  readonly right: Expr;
}
/** Conversion between numbers, from bool, from enums. */
export interface CastExpr extends ExprBase {
  readonly kind: 'cast';
  readonly operand: Expr;
}
/** The same bits with another type; both in one register. Between a float and an integer the bits move. */
export interface RetypeExpr extends ExprBase {
  readonly kind: 'retype';
  readonly operand: Expr;
}
/** What must happen before a store in a transaction. */
export interface Logging {
  readonly transaction: LocalVariable;
  readonly record: FunctionInstance;
}
export interface AssignExpr extends ExprBase {
  readonly kind: 'assign';
  readonly place: PlaceExpr;
  readonly value: Expr;
  /** Compound assignment. */
  readonly op: BinaryOp | undefined;
  /** The value of the expression is the one before: `x++`. */
  readonly postfix: boolean;
  readonly logging: Logging | undefined;
}
export interface CallExpr extends ExprBase {
  readonly kind: 'call';
  readonly target: FunctionInstance;
  readonly args: readonly Expr[];
}
export interface IndirectCallExpr extends ExprBase {
  readonly kind: 'indirectCall';
  readonly callee: Expr;
  readonly args: readonly Expr[];
}
export interface FunctionExpr extends ExprBase {
  readonly kind: 'function';
  readonly target: FunctionInstance;
}
/** An intrinsic by its ambient name; `typeArg` where it has one, `text` for constant strings (CSR, sets). */
export interface IntrinsicExpr extends ExprBase {
  readonly kind: 'intrinsic';
  readonly name: string;
  readonly args: readonly Expr[];
  readonly typeArg: Type | undefined;
  readonly number: number;
  readonly logging: Logging | undefined;
}
export interface NewExpr extends ExprBase {
  readonly kind: 'new';
  readonly type: ClassType;
  readonly initialisers: readonly { readonly offset: number; readonly storage: Type; readonly value: Expr }[];
  readonly construct: FunctionInstance | undefined;
  readonly args: readonly Expr[];
}
export interface SpanPartExpr extends ExprBase {
  readonly kind: 'spanLength' | 'spanPointer';
  readonly span: Expr;
}
export interface MakeSpanExpr extends ExprBase {
  readonly kind: 'makeSpan';
  readonly pointer: Expr;
  readonly length: Expr;
}
export interface SubsliceExpr extends ExprBase {
  readonly kind: 'subslice';
  readonly span: Expr;
  readonly start: Expr;
  readonly end: Expr | undefined;
  readonly elemSize: number;
  readonly checked: boolean;
}
/** A cleared area of the frame. */
export interface StackExpr extends ExprBase {
  readonly kind: 'stack';
  readonly storage: Type;
}
/** The address of a place. */
export interface AddressExpr extends ExprBase {
  readonly kind: 'address';
  readonly place: PlaceExpr;
}
/** Literals of constants: array and object. */
export interface AggregateExpr extends ExprBase {
  readonly kind: 'aggregate';
  readonly storage: Type;
  readonly parts: readonly { readonly offset: number; readonly storage: Type; readonly value: Expr }[];
}
export interface AsmOperandExpr {
  readonly constraint: string;
  readonly value: Expr;
}
export interface AsmExpr extends ExprBase {
  readonly kind: 'asm';
  /** GCC's form: `%0` … are outputs, then inputs. */
  readonly template: string;
  /** Variables written; `undefined` is the result of the expression. */
  readonly outputs: readonly {
    readonly constraint: string;
    readonly place: PlaceExpr | undefined;
    readonly type: Type;
  }[];
  readonly inputs: readonly AsmOperandExpr[];
  readonly clobbers: readonly string[];
}
/** After an error. */
export interface ErrorExpr extends ExprBase {
  readonly kind: 'error';
}

export type PlaceExpr = LocalExpr | GlobalExpr | FieldExpr | ElementExpr;
export type Expr =
  | ConstExpr
  | FloatExpr
  | StrExpr
  | PlaceExpr
  | UnaryExpr
  | BinaryExpr
  | CompareExpr
  | LogicalExpr
  | ConditionalExpr
  | CoalesceExpr
  | CastExpr
  | RetypeExpr
  | AssignExpr
  | CallExpr
  | IndirectCallExpr
  | FunctionExpr
  | IntrinsicExpr
  | NewExpr
  | SpanPartExpr
  | MakeSpanExpr
  | SubsliceExpr
  | StackExpr
  | AddressExpr
  | AggregateExpr
  | AsmExpr
  | ErrorExpr;

export const isPlace = (expr: Expr): expr is PlaceExpr =>
  expr.kind === 'local' || expr.kind === 'global' || expr.kind === 'field' || expr.kind === 'element';

/** What `break` and `continue` refer to. */
export interface JumpTarget {
  readonly label: string | undefined;
  readonly isLoop: boolean;
}

interface StmtBase {
  readonly node: ts.Node;
}
export interface BlockStmt extends StmtBase {
  readonly kind: 'block';
  readonly body: readonly Stmt[];
  /** A labelled block can be left with `break label`. */
  readonly target: JumpTarget | undefined;
}
export interface VariableStmt extends StmtBase {
  readonly kind: 'variable';
  readonly variable: LocalVariable;
  readonly initialiser: Expr | undefined;
}
export interface ExpressionStmt extends StmtBase {
  readonly kind: 'expression';
  readonly expr: Expr;
}
export interface IfStmt extends StmtBase {
  readonly kind: 'if';
  readonly condition: Expr;
  readonly whenTrue: Stmt;
  readonly whenFalse: Stmt | undefined;
}
export interface LoopStmt extends StmtBase {
  readonly kind: 'loop';
  readonly target: JumpTarget;
  /** `do … while` tests after the body. */
  readonly testFirst: boolean;
  readonly condition: Expr | undefined;
  readonly step: Expr | undefined;
  readonly body: Stmt;
}
export interface ForOfStmt extends StmtBase {
  readonly kind: 'forOf';
  readonly target: JumpTarget;
  readonly variable: LocalVariable;
  readonly sequence: Expr;
  readonly storage: Type;
  readonly persistent: boolean;
  readonly body: Stmt;
}
export interface SwitchStmt extends StmtBase {
  readonly kind: 'switch';
  readonly target: JumpTarget;
  readonly value: Expr;
  /** In order; `undefined` is `default`. */
  readonly clauses: readonly { readonly value: bigint | undefined; readonly body: readonly Stmt[] }[];
}
export interface JumpStmt extends StmtBase {
  readonly kind: 'break' | 'continue';
  readonly target: JumpTarget;
}
export interface ReturnStmt extends StmtBase {
  readonly kind: 'return';
  readonly value: Expr | undefined;
}
/** `using`: `body` is the rest of the scope, `dispose` runs on every way out of it. */
export interface UsingStmt extends StmtBase {
  readonly kind: 'using';
  readonly variable: LocalVariable;
  readonly initialiser: Expr;
  readonly dispose: FunctionInstance;
  readonly body: readonly Stmt[];
}
export type Stmt =
  | BlockStmt
  | VariableStmt
  | ExpressionStmt
  | IfStmt
  | LoopStmt
  | ForOfStmt
  | SwitchStmt
  | JumpStmt
  | ReturnStmt
  | UsingStmt;
