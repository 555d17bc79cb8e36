/**
 * The vocabulary of the intermediate representation: value types, memory access kinds, and the table of operations.
 * Everything that must know what an operation is (printer, parser, verifier, interpreter, optimiser, selection)
 * reads this table; an operation is added here and nowhere else first.
 *
 * Value types are what a register can hold. Narrow integers exist in memory only: an 8- or 16-bit value lives in an
 * `i32`, and whoever computes with it wraps the result with `sext8`, `zext8`, `sext16` or `zext16`. A truth value is
 * an `i32` that is 0 or 1. A pointer is an `i64`.
 */

export enum Type {
  Void = 0,
  I32 = 1,
  I64 = 2,
  F32 = 3,
  F64 = 4,
}

export const typeNames: readonly string[] = ['void', 'i32', 'i64', 'f32', 'f64'];

export const isInt = (type: Type): boolean => type === Type.I32 || type === Type.I64;
export const isFloat = (type: Type): boolean => type === Type.F32 || type === Type.F64;
/** Width in bits. */
export const bitsOf = (type: Type): number => (type === Type.I32 || type === Type.F32 ? 32 : 64);

/** How a load or store touches memory: width, and for a load the extension to the value type. */
export enum Mem {
  I8S = 0,
  I8U = 1,
  I16S = 2,
  I16U = 3,
  /** 32 bits; into an `i64` it is sign-extended. */
  I32 = 4,
  /** 32 bits, zero-extended into an `i64`. */
  I32U = 5,
  I64 = 6,
  F32 = 7,
  F64 = 8,
}

export const memNames: readonly string[] = ['i8s', 'i8u', 'i16s', 'i16u', 'i32', 'i32u', 'i64', 'f32', 'f64'];
/** Bytes accessed, by `Mem`. */
export const memSize: readonly number[] = [1, 1, 2, 2, 4, 4, 8, 4, 8];

/** Memory order of an atomic operation, in the terms of RVWMO's aq and rl bits. */
export enum Order {
  Relaxed = 0,
  Acquire = 1,
  Release = 2,
  AcqRel = 3,
  SeqCst = 4,
}
export const orderNames: readonly string[] = ['relaxed', 'acquire', 'release', 'acqrel', 'seqcst'];

/** Bits of a fence's predecessor and successor sets, as in the instruction (ISA manual vol. I, FENCE). */
export const FENCE = { W: 1, R: 2, O: 4, I: 8, RW: 3, All: 15 } as const;

/**
 * Operations. Operand and result types are given by the `type` of the value unless said otherwise.
 * Integer division and shifts have RISC-V's results: x / 0 = all ones, x % 0 = x, min / -1 = min; the shift amount
 * (an i32 or an i64) is taken modulo the width.
 */
export enum Op {
  // Leaves.
  /** Constant; `imm` holds the integer (canonical signed) or the IEEE bit pattern. */
  Const,
  /** Function parameter number `off`. */
  Param,
  /** Parameter of a block. */
  Phi,
  /** Address of `sym` plus `off`. */
  SymAddr,
  /** Address of stack slot `slot` plus `off`. */
  SlotAddr,
  /** No defined value: any bits will do. */
  Undef,

  // Integer arithmetic, i32 and i64, wrapping.
  Add,
  Sub,
  Mul,
  /** Upper half of the signed, unsigned product. */
  MulHS,
  MulHU,
  DivS,
  DivU,
  RemS,
  RemU,
  And,
  Or,
  Xor,
  Shl,
  ShrS,
  ShrU,
  Rotl,
  Rotr,
  MinS,
  MaxS,
  MinU,
  MaxU,
  Clz,
  Ctz,
  Popcnt,
  /** Byte reversal. */
  Bswap,

  // Comparisons: operands of one integer type, result i32 0 or 1.
  Eq,
  Ne,
  LtS,
  LeS,
  LtU,
  LeU,

  // Integer conversions.
  /** Low 8 or 16 bits, extended within the same type. */
  SExt8,
  ZExt8,
  SExt16,
  ZExt16,
  /** i32 to i64. */
  SExt32,
  ZExt32,
  /** i64 to i32: the low half. */
  Trunc,

  // Floating point, f32 and f64, round to nearest even.
  FAdd,
  FSub,
  FMul,
  FDiv,
  /** args a, b, c: a * b + c, rounded once. */
  FMA,
  FMin,
  FMax,
  FCopysign,
  FNeg,
  FAbs,
  FSqrt,
  /** Comparisons: false when an operand is a NaN; result i32. */
  FEq,
  FLt,
  FLe,
  /** Integer (i32 or i64, signed or unsigned) to float. */
  FFromS,
  FFromU,
  /** Float to integer, towards zero; out of range saturates, NaN gives the largest (RISC-V FCVT). */
  FToS,
  FToU,
  /** f32 to f64, f64 to f32. */
  FPromote,
  FDemote,
  /** Moves of the bit pattern between an integer and a float of one width. */
  FToBits,
  FFromBits,

  /** args condition, a, b: condition ≠ 0 ? a : b. */
  Select,

  // Memory. Address operand plus `off` bytes; `mem` says how.
  Load,
  /** args address, value. */
  Store,
  /** args destination, source, length in bytes (i64); the areas do not overlap. `align` is known of both. */
  Memcpy,
  /** args destination, source, length; may overlap. */
  Memmove,
  /** args destination, byte value (i32), length. */
  Memset,

  // Atomics; `mem` is I32 or I64, `order` the order. Address is args[0]; no offset.
  AtomicLoad,
  AtomicStore,
  AmoSwap,
  AmoAdd,
  AmoAnd,
  AmoOr,
  AmoXor,
  AmoMinS,
  AmoMaxS,
  AmoMinU,
  AmoMaxU,
  /** args address, expected, new: the value found (equal to expected when it was replaced). */
  AtomicCas,
  /** Fence: `imm` = predecessor set << 4 | successor set, sets as in `FENCE`. */
  Fence,
  FenceI,

  // Cache-block operations on the block that holds address args[0].
  CboClean,
  CboFlush,
  CboInval,
  CboZero,
  PrefetchR,
  PrefetchW,

  // Control and status registers: number in `off`, i64. The result is the old value.
  CsrRead,
  CsrWrite,
  /** Write and give the old value. */
  CsrSwap,
  CsrSet,
  CsrClear,
  /** Inline assembly: `asm` describes it. The result, if any, is its first output. */
  Asm,

  // Calls.
  /** `sym` is called with args. */
  Call,
  /** args[0] is the function's address. */
  CallInd,
  /** Second result of the call or asm args[0]; stands directly after it. */
  Result2,

  /**
   * Bounds check: args index, length of one type. When index ≥ length (unsigned), `sym`(index, length, address of
   * `sym2` + `off`) is called, which does not return. Nothing is known of later code otherwise.
   */
  Bounds,
  /** When args[0] ≠ 0, `sym`(address of `sym2` + `off`) is called, which does not return. */
  TrapIf,

  /**
   * Persistent pointer to reference: args stored pointer (i64), address of the cell it was read from. 0 gives 0, a
   * pointer into the same object gives its address, any other `sym`(pointer, cell).
   * Expanded by the optimiser (opt/persistent.ts): args stored pointer, object's base, limit. `off`: PREF_LAZY_NULL when what comes out for null need
   * only fault when it is used.
   */
  PRef,
  /** Reference to persistent pointer: args reference, address of the cell that will hold it; else as PRef. */
  PPtr,
  /**
   * Load and PRef in one, where the machine has an instruction for it (opt/pointer-loads.ts): the reference for the persistent
   * pointer at args[0] + `off`; what the machine cannot translate is given to `sym`(pointer, cell).
   */
  PLoad,

  /** Debugging: from here on variable `off` of the function has the value args[0]. */
  DbgValue,

  // Terminators.
  Br,
  /** args condition; succs then, else. `likely`: 1 then, -1 else, 0 unknown. */
  CondBr,
  /** args value; succs[0] is the default, succs[i + 1] is for `cases[i]`. */
  Switch,
  /** args: no, one or two results. */
  Ret,
  Unreachable,
}

/** `off` of a PRef: null may come out as the base of the object, or must come out as 0. */
export const PREF_LAZY_NULL = 1;
export const PREF_EXACT_NULL = 2;

/** What the optimiser and verifier may assume of an operation. */
export enum OpFlag {
  None = 0,
  /** The result depends on operands only; may be duplicated, moved, dropped. */
  Pure = 1,
  Commutative = 2,
  /** Reads memory that stores may change. */
  Reads = 4,
  /** Writes memory. */
  Writes = 8,
  /** May not be dropped, even when its result is not used. */
  Effect = 16,
  Terminator = 32,
  /** Result type is i32 whatever the operands. */
  Compare = 64,
  /** The type is written by the operands (no result). */
  NoResult = 128,
}

export interface OpInfo {
  readonly op: Op;
  readonly name: string;
  /** Number of operands, or -1 when it varies. */
  readonly arity: number;
  readonly flags: number;
}

const P = OpFlag.Pure;
const C = OpFlag.Pure | OpFlag.Commutative;
const R = OpFlag.Reads;
const RWE = OpFlag.Reads | OpFlag.Writes | OpFlag.Effect;
const E = OpFlag.Effect;
const N = OpFlag.NoResult;
const T = OpFlag.Terminator | OpFlag.Effect | OpFlag.NoResult;
const CMP = OpFlag.Pure | OpFlag.Compare;

const table: readonly [Op, string, number, number][] = [
  [Op.Const, 'const', 0, P],
  [Op.Param, 'param', 0, P],
  [Op.Phi, 'phi', 0, P],
  [Op.SymAddr, 'symaddr', 0, P],
  [Op.SlotAddr, 'slotaddr', 0, P],
  [Op.Undef, 'undef', 0, P],
  [Op.Add, 'add', 2, C],
  [Op.Sub, 'sub', 2, P],
  [Op.Mul, 'mul', 2, C],
  [Op.MulHS, 'mulhs', 2, C],
  [Op.MulHU, 'mulhu', 2, C],
  [Op.DivS, 'divs', 2, P],
  [Op.DivU, 'divu', 2, P],
  [Op.RemS, 'rems', 2, P],
  [Op.RemU, 'remu', 2, P],
  [Op.And, 'and', 2, C],
  [Op.Or, 'or', 2, C],
  [Op.Xor, 'xor', 2, C],
  [Op.Shl, 'shl', 2, P],
  [Op.ShrS, 'shrs', 2, P],
  [Op.ShrU, 'shru', 2, P],
  [Op.Rotl, 'rotl', 2, P],
  [Op.Rotr, 'rotr', 2, P],
  [Op.MinS, 'mins', 2, C],
  [Op.MaxS, 'maxs', 2, C],
  [Op.MinU, 'minu', 2, C],
  [Op.MaxU, 'maxu', 2, C],
  [Op.Clz, 'clz', 1, P],
  [Op.Ctz, 'ctz', 1, P],
  [Op.Popcnt, 'popcnt', 1, P],
  [Op.Bswap, 'bswap', 1, P],
  [Op.Eq, 'eq', 2, CMP | OpFlag.Commutative],
  [Op.Ne, 'ne', 2, CMP | OpFlag.Commutative],
  [Op.LtS, 'lts', 2, CMP],
  [Op.LeS, 'les', 2, CMP],
  [Op.LtU, 'ltu', 2, CMP],
  [Op.LeU, 'leu', 2, CMP],
  [Op.SExt8, 'sext8', 1, P],
  [Op.ZExt8, 'zext8', 1, P],
  [Op.SExt16, 'sext16', 1, P],
  [Op.ZExt16, 'zext16', 1, P],
  [Op.SExt32, 'sext32', 1, P],
  [Op.ZExt32, 'zext32', 1, P],
  [Op.Trunc, 'trunc', 1, P],
  [Op.FAdd, 'fadd', 2, C],
  [Op.FSub, 'fsub', 2, P],
  [Op.FMul, 'fmul', 2, C],
  [Op.FDiv, 'fdiv', 2, P],
  [Op.FMA, 'fma', 3, P],
  [Op.FMin, 'fmin', 2, C],
  [Op.FMax, 'fmax', 2, C],
  [Op.FCopysign, 'fcopysign', 2, P],
  [Op.FNeg, 'fneg', 1, P],
  [Op.FAbs, 'fabs', 1, P],
  [Op.FSqrt, 'fsqrt', 1, P],
  [Op.FEq, 'feq', 2, CMP | OpFlag.Commutative],
  [Op.FLt, 'flt', 2, CMP],
  [Op.FLe, 'fle', 2, CMP],
  [Op.FFromS, 'ffroms', 1, P],
  [Op.FFromU, 'ffromu', 1, P],
  [Op.FToS, 'ftos', 1, P],
  [Op.FToU, 'ftou', 1, P],
  [Op.FPromote, 'fpromote', 1, P],
  [Op.FDemote, 'fdemote', 1, P],
  [Op.FToBits, 'ftobits', 1, P],
  [Op.FFromBits, 'ffrombits', 1, P],
  [Op.Select, 'select', 3, P],
  [Op.Load, 'load', 1, R],
  [Op.Store, 'store', 2, OpFlag.Writes | E | N],
  [Op.Memcpy, 'memcpy', 3, RWE | N],
  [Op.Memmove, 'memmove', 3, RWE | N],
  [Op.Memset, 'memset', 3, OpFlag.Writes | E | N],
  [Op.AtomicLoad, 'atomic.load', 1, RWE],
  [Op.AtomicStore, 'atomic.store', 2, RWE | N],
  [Op.AmoSwap, 'amo.swap', 2, RWE],
  [Op.AmoAdd, 'amo.add', 2, RWE],
  [Op.AmoAnd, 'amo.and', 2, RWE],
  [Op.AmoOr, 'amo.or', 2, RWE],
  [Op.AmoXor, 'amo.xor', 2, RWE],
  [Op.AmoMinS, 'amo.mins', 2, RWE],
  [Op.AmoMaxS, 'amo.maxs', 2, RWE],
  [Op.AmoMinU, 'amo.minu', 2, RWE],
  [Op.AmoMaxU, 'amo.maxu', 2, RWE],
  [Op.AtomicCas, 'atomic.cas', 3, RWE],
  [Op.Fence, 'fence', 0, RWE | N],
  [Op.FenceI, 'fence.i', 0, RWE | N],
  [Op.CboClean, 'cbo.clean', 1, RWE | N],
  [Op.CboFlush, 'cbo.flush', 1, RWE | N],
  [Op.CboInval, 'cbo.inval', 1, RWE | N],
  [Op.CboZero, 'cbo.zero', 1, RWE | N],
  [Op.PrefetchR, 'prefetch.r', 1, E | N],
  [Op.PrefetchW, 'prefetch.w', 1, E | N],
  [Op.CsrRead, 'csr.read', 0, RWE],
  [Op.CsrWrite, 'csr.write', 1, RWE | N],
  [Op.CsrSwap, 'csr.swap', 1, RWE],
  [Op.CsrSet, 'csr.set', 1, RWE],
  [Op.CsrClear, 'csr.clear', 1, RWE],
  [Op.Asm, 'asm', -1, RWE],
  [Op.Call, 'call', -1, RWE],
  [Op.CallInd, 'callind', -1, RWE],
  [Op.Result2, 'result2', 1, E],
  [Op.Bounds, 'bounds', 2, E | N],
  [Op.TrapIf, 'trapif', 1, E | N],
  [Op.PRef, 'pref', -1, P],
  [Op.PPtr, 'pptr', -1, E],
  [Op.PLoad, 'pload', 1, R],
  [Op.DbgValue, 'dbgvalue', 1, E | N],
  [Op.Br, 'br', 0, T],
  [Op.CondBr, 'condbr', 1, T],
  [Op.Switch, 'switch', 1, T],
  [Op.Ret, 'ret', -1, T],
  [Op.Unreachable, 'unreachable', 0, T],
];

/** Facts about each operation, indexed by `Op`. */
export const opInfo: readonly OpInfo[] = table.map(([op, name, arity, flags], index) => {
  if (op !== index) throw new Error(`operation table out of order at ${name}`);
  return { op, name, arity, flags };
});

/** Operation flags by `Op`, apart from the table so that passes index one flat array. */
export const opFlags: readonly number[] = opInfo.map((info) => info.flags);

export const opByName: ReadonlyMap<string, Op> = new Map(opInfo.map((info) => [info.name, info.op]));
