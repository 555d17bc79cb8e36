/** The arithmetic of atomics (Unprivileged ISA §8.4) for the slow path, on halves. */

const toBig = (lo: number, hi: number): bigint => (BigInt(hi) << 32n) | BigInt(lo >>> 0);

const pick = (old: bigint, operand: bigint, keep: boolean): bigint => (keep ? old : operand);

/** By mnemonic without its width; operands are signed. */
const OPERATIONS: Readonly<Record<string, (old: bigint, operand: bigint) => bigint>> = {
  amoswap: (_old, operand) => operand,
  amoadd: (old, operand) => old + operand,
  amoxor: (old, operand) => old ^ operand,
  amoand: (old, operand) => old & operand,
  amoor: (old, operand) => old | operand,
  amomin: (old, operand) => pick(old, operand, old < operand),
  amomax: (old, operand) => pick(old, operand, old > operand),
  amominu: (old, operand) => pick(old, operand, BigInt.asUintN(64, old) < BigInt.asUintN(64, operand)),
  amomaxu: (old, operand) => pick(old, operand, BigInt.asUintN(64, old) > BigInt.asUintN(64, operand)),
};

/**
 * The value that an AMO stores. Makes bigints: only AMOs on pages that need the slow path come here.
 * @param name mnemonic, `amoadd.w` …
 * @param size 4 or 8
 */
export function amo(
  name: string,
  size: number,
  oldLo: number,
  oldHi: number,
  operandLo: number,
  operandHi: number,
): { lo: number; hi: number } {
  const operation = OPERATIONS[name.slice(0, name.indexOf('.'))];
  if (!operation) throw new Error(`no atomic ${name}`);
  const operand = size === 4 ? BigInt(operandLo) : toBig(operandLo, operandHi);
  const result = operation(toBig(oldLo, oldHi), operand);
  return { lo: Number(BigInt.asIntN(32, result)), hi: Number(BigInt.asIntN(32, result >> 32n)) };
}
