/**
 * The interface between the meanings of instructions and the engines that run them. A meaning is built once per
 * table row by the interpreter (operands come from a decoded record) and once per translated instruction by the
 * translator (operands are constants and locals); it asks its emitter for operands and tells it the effects.
 *
 * Order matters: every effect (`setRd`, `store`, `branch`, `let` …) happens when it is called, and the
 * expressions read before it may be invalid after it, so a meaning that needs a value later binds it with `let`.
 * Everything that can leave the engine (an access that misses, a slow float case) comes before the first change of
 * state, so that an instruction either happens completely or not at all.
 */
import type { CodeWriter } from '../../wasm/code.ts';
import type { Expr } from '../../wasm/expression.ts';
import type { ValType } from '../../wasm/opcodes.ts';

/** Bytes of a memory access. */
export type AccessSize = 1 | 2 | 4 | 8;

/**
 * What a memory instruction does, for the engines and for the slow paths in JavaScript: `load` and `store` at
 * rs1 + imm; `amo`, `lr` and `sc` at rs1, naturally aligned or else a trap.
 */
export interface Access {
  readonly kind: 'load' | 'store' | 'lr' | 'sc' | 'amo';
  readonly size: AccessSize;
  /** Loads: extend the sign. */
  readonly signed: boolean;
  /** The register loaded or stored is a floating-point one; 4-byte values are NaN-boxed. */
  readonly float: boolean;
  /** Loads: what is loaded is a persistent pointer, to be translated (docs/xtwz.md §10). */
  readonly pointer?: true;
}

/**
 * Whether nothing but a value in a register comes of an access to an integer register: it is then only made for its
 * exceptions when that is x0 (Unprivileged ISA §2.6).
 */
export const onlyLoads = ({ kind, float, pointer }: Access): boolean => kind === 'load' && !float && !pointer;

/** A pure function too long to repeat in every instruction that uses it; engines put it into their modules. */
export interface Helper {
  readonly name: string;
  /** One to three. */
  readonly parameters: readonly ValType[];
  readonly result: ValType;
  /** Writes the body; the parameters are locals 0, 1 and 2. */
  write(w: CodeWriter): void;
}

export interface Emitter {
  /** Integer operands, i64. */
  rs1(): Expr;
  rs2(): Expr;
  /** The immediate, sign-extended, i64; for shifts the shift amount. */
  imm(): Expr;
  /** Floating-point operands as raw register bits, i64. */
  fs1(): Expr;
  fs2(): Expr;
  fs3(): Expr;
  /** The virtual address of this instruction, and of the one that follows it in memory; i64. */
  pc(): Expr;
  nextPc(): Expr;

  /** Computes a value now and returns an expression that may be used any number of times. */
  let(value: Expr): Expr;
  /** A call of a helper. */
  invoke(helper: Helper, a: Expr, b?: Expr, c?: Expr): Expr;
  /** Runs `body` only if `condition` (i32) is not zero. */
  when(condition: Expr, body: () => void): void;

  /**
   * The i64 cell of the hart's state (cpu/state.ts) at byte `offset` (i32) plus `at`, for cells that no engine keeps
   * elsewhere while it runs.
   */
  stateCell(offset: Expr, at: number): Expr;

  /** Notes in the trace, if there is one, whether the pointer just loaded is one to another object (i32). */
  noteForeign(condition: Expr): void;

  /** Writes the destination register; a write to x0 goes nowhere. */
  setRd(value: Expr): void;
  /** Writes the floating-point destination (raw bits, i64) and marks the floating-point state dirty. */
  setFd(value: Expr): void;

  /** Loads at rs1 + imm; the value extended to i64. Leaves the engine on a miss. */
  load(access: Access): Expr;
  /** Stores the low bytes of `value` at rs1 + imm. */
  store(access: Access, value: Expr): void;
  /** Loads at rs1 and takes the reservation; the value sign-extended. */
  loadReserved(access: Access): Expr;
  /** Stores `value` at rs1 if the reservation holds; i64 0 if it did, else 1. Drops the reservation. */
  storeConditional(access: Access, value: Expr): Expr;
  /** Replaces the value at rs1 by `combine(old)`; the old value, sign-extended. */
  amo(access: Access, combine: (old: Expr) => Expr): Expr;

  /**
   * Zeroes the cache block that rs1 points into. Leaves with Exit.System unless it lies in the direct window and its page has no
   * flags: JavaScript does it then.
   */
  zeroBlock(): void;

  /** Goes to pc + imm if `condition` (i32) is not zero. Ends the instruction. */
  branch(condition: Expr): void;
  /** Goes to pc + imm. Ends the instruction. */
  jump(): void;
  /** Goes to a computed address (i64, bit 0 clear). Ends the instruction. */
  jumpTo(target: Expr): void;

  /** Leaves with Exit.Illegal if floating point is off. The first thing that a floating-point meaning calls. */
  requireFloat(): void;
  /** Leaves with Exit.System if `condition` (i32) is not zero. */
  systemIf(condition: Expr): void;
  /** Leaves with Exit.FloatSlow if `condition` (i32) is not zero. */
  slowIf(condition: Expr): void;
  /** The rounding mode in effect (0–7, static or dynamic; 5 and up are invalid), i32. */
  roundingMode(): Expr;
  /** The accrued exception flags, i32. */
  flags(): Expr;
  /** Accrues exception flags (i32). */
  raise(flags: Expr): void;
}

/** Builds what an instruction does. Rows without one are System instructions: done in JavaScript. */
export type Meaning = (e: Emitter) => void;
