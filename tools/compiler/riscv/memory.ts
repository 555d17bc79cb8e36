/**
 * Selection of loads, stores and block copies. Constant offsets, stack slots and symbols are folded into the access.
 */
import type { Value } from '../ir/ir.ts';
import { Mem, memSize, Op } from '../ir/types.ts';
import { M } from './mir.ts';
import { constOf, type Selector } from './selector.ts';

const loadOps: readonly M[] = [M.LB, M.LBU, M.LH, M.LHU, M.LW, M.LWU, M.LD, M.FLW, M.FLD];
const storeOps: readonly M[] = [M.SB, M.SB, M.SH, M.SH, M.SW, M.SW, M.SD, M.FSW, M.FSD];

/** The base and constant offset of an address, looking through additions of constants. */
export function splitAddress(address: Value, offset: number): [Value, number] {
  let base = address;
  let total = offset;
  while (base.op === Op.Add) {
    const c = constOf(base.args[1]!);
    if (c === undefined || c < -0x4000_0000n || c > 0x4000_0000n) break;
    total += Number(c);
    base = base.args[0]!;
  }
  return [base, total];
}

const fits = (offset: number): boolean => offset >= -2048 && offset <= 2047;

/** Emits `op` on `data` at the address; `data` is the register loaded to or stored from. */
function access(s: Selector, op: M, data: number, address: Value, offset: number): void {
  const isStore = op >= M.SB && op <= M.FSD;
  const [base, total] = splitAddress(address, offset);
  const rd = isStore ? -1 : data;
  const rs2 = isStore ? data : -1;
  if (base.op === Op.SlotAddr) {
    s.emit(op, rd, -1, rs2, total + base.off).slot = base.slot;
    return;
  }
  if (base.op === Op.SymAddr && s.uses[base.id]! <= 1 && s.block.depth === 0) {
    const needsTemp = isStore || op >= M.FLW;
    s.symAccess(op, data, base.sym!, base.off + total, needsTemp ? s.newInt() : data);
    return;
  }
  if (fits(total)) {
    s.emit(op, rd, s.use(base), rs2, total);
    return;
  }
  // Far offset: the upper part in a register, shared with neighbours that have the same.
  const low = ((total + 2048) & 0xfff) - 2048;
  const sum = s.newInt();
  s.emit(M.ADD, sum, s.use(base), s.intConstant(BigInt(total - low)));
  s.emit(op, rd, sum, rs2, low);
}

export function selectLoad(s: Selector, inst: Value): void {
  access(s, loadOps[inst.mem]!, s.result(inst), inst.args[0]!, inst.off);
}

/** The load of a persistent pointer, translated. */
export function selectPointerLoad(s: Selector, inst: Value): void {
  const rd = s.result(inst);
  const [base, total] = splitAddress(inst.args[0]!, inst.off);
  const low = fits(total) ? total : ((total + 2048) & 0xfff) - 2048;
  let address = s.use(base);
  if (low !== total) {
    address = s.newInt();
    s.emit(M.ADD, address, s.use(base), s.intConstant(BigInt(total - low)));
  }
  s.emit(M.PLoad, rd, address, -1, low).sym = inst.sym;
}

export function selectStore(s: Selector, inst: Value): void {
  const value = inst.args[1]!;
  const data = inst.mem <= Mem.I32U ? s.useLow32(value) : s.use(value);
  access(s, storeOps[inst.mem]!, data, inst.args[0]!, inst.off);
}

/** Most accesses that a block copy or fill is expanded into. */
const MAX_EXPANSION = 16;

/** [memory kind, offset] for each piece of an area of `length` bytes. */
function pieces(length: number, align: number): [Mem, number][] {
  const result: [Mem, number][] = [];
  let offset = 0;
  for (const [size, mem] of [
    [8, Mem.I64],
    [4, Mem.I32],
    [2, Mem.I16U],
    [1, Mem.I8U],
  ] as const) {
    if (size > align) continue;
    for (; offset + size <= length; offset += size) result.push([mem, offset]);
  }
  return result;
}

/** The accesses that a block operation is expanded into, or undefined when it is a call. */
function expansion(inst: Value): [Mem, number][] | undefined {
  const length = constOf(inst.args[2]!);
  if (length === undefined || length > 1024n || inst.op === Op.Memmove) return undefined;
  const parts = pieces(Number(length), inst.align);
  if (parts.length > MAX_EXPANSION) return undefined;
  const unknownFill = inst.op === Op.Memset && constOf(inst.args[1]!) === undefined;
  return unknownFill && parts.some(([mem]) => memSize[mem]! > 1) ? undefined : parts;
}

/** Whether an operation becomes a call, so that caller-saved registers change. */
export function becomesCall(inst: Value): boolean {
  switch (inst.op) {
    case Op.Call:
    case Op.CallInd:
      return true;
    case Op.Memcpy:
    case Op.Memmove:
    case Op.Memset:
      return expansion(inst) === undefined;
    default:
      return false;
  }
}

/** Memcpy, Memmove, Memset: expanded when short, else `call` of the library's function. */
export function selectBlockCopy(s: Selector, inst: Value, call: (name: string) => void): void {
  const [to, from] = inst.args as [Value, Value, Value];
  const parts = expansion(inst);
  if (parts === undefined) {
    call(inst.op === Op.Memcpy ? 'memcpy' : inst.op === Op.Memmove ? 'memmove' : 'memset');
    return;
  }
  if (inst.op === Op.Memcpy) {
    // Four loads, then four stores, to hide the latency of a load without needing many registers.
    for (let i = 0; i < parts.length; i += 4) {
      const group = parts.slice(i, i + 4).map(([mem, offset]) => ({ mem, offset, data: s.newInt() }));
      for (const { mem, offset, data } of group) access(s, loadOps[mem]!, data, from, offset);
      for (const { mem, offset, data } of group) access(s, storeOps[mem]!, data, to, offset);
    }
    return;
  }
  const fill = constOf(from);
  const pattern = BigInt.asIntN(64, ((fill ?? 0n) & 0xffn) * 0x0101_0101_0101_0101n);
  const data = fill === undefined ? s.use(from) : s.intConstant(pattern);
  for (const [mem, offset] of parts) access(s, storeOps[mem]!, data, to, offset);
}
