/**
 * The relocations of RISC-V (riscv-elf-psabi, "Relocations") as far as static linking needs them. Linker relaxation is not
 * done: R_RISCV_RELAX is a permission, and paddings for R_RISCV_ALIGN stay as they are.
 */
import { R_RISCV } from '../../../emulator/elf/constants.ts';
import { UserError } from '../../../emulator/errors.ts';
import type { ObjectReloc, ObjectSection, ObjectSymbol } from './object.ts';

export interface RelocContext {
  readonly fileName: string;
  /** The output section and the place of the input section in it. */
  readonly section: ObjectSection;
  readonly base: number;
  /** The output section's bytes. */
  readonly view: DataView;
  readonly input: ObjectSection;
  /** The definition that a symbol means, or undefined for a weak one that has none (address 0). */
  readonly target: (symbol: ObjectSymbol) => ObjectSymbol | undefined;
  readonly offsetOf: (section: ObjectSection) => number;
}

const address = (symbol: ObjectSymbol | undefined): bigint =>
  symbol === undefined ? 0n : (symbol.section?.address ?? 0n) + BigInt(symbol.value);

export function applyRelocation(cx: RelocContext, reloc: ObjectReloc): void {
  const { view } = cx;
  const at = cx.base + reloc.offset;
  // Most are addresses in debugging information.
  if (reloc.type === R_RISCV.R64) {
    const target = address(cx.target(reloc.symbol)) + BigInt(reloc.addend);
    view.setBigUint64(at, BigInt.asUintN(64, target), true);
    return;
  }
  const value = (): bigint => address(cx.target(reloc.symbol)) + BigInt(reloc.addend);
  const place = cx.section.address + BigInt(at);
  const relative = (): number => Number(BigInt.asIntN(64, value() - place));
  const fail = (what: string): never => {
    throw new UserError(
      `linking: in ${cx.fileName}, section ${cx.input.name}+0x${reloc.offset.toString(16)}: '${reloc.symbol.name}' ${what}`,
    );
  };
  const within = (n: number, bits: number): number => {
    const limit = 2 ** (bits - 1);
    if (n < -limit || n >= limit) fail(`is ${n} bytes away, which its instruction cannot reach`);
    return n;
  };
  const patch32 = (mask: number, bits: number): void => {
    view.setUint32(at, (view.getUint32(at, true) & ~mask) | (bits & mask), true);
  };
  const add = (size: number, sign: 1n | -1n): void => {
    const old = readInt(view, at, size);
    writeInt(view, at, size, old + sign * value());
  };
  switch (reloc.type) {
    case R_RISCV.NONE:
    case R_RISCV.RELAX:
    case R_RISCV.ALIGN:
      return;
    case R_RISCV.R32:
    case R_RISCV.SET32:
      view.setUint32(at, Number(BigInt.asUintN(32, value())), true);
      return;
    case R_RISCV.R32_PCREL:
      view.setInt32(at, within(relative(), 32), true);
      return;
    case R_RISCV.BRANCH:
      patch32(0xfe000f80 | 0, branchBits(within(relative(), 13)));
      return;
    case R_RISCV.JAL:
      patch32(0xfffff000 | 0, jumpBits(within(relative(), 21)));
      return;
    case R_RISCV.CALL:
    case R_RISCV.CALL_PLT: {
      const distance = within(relative(), 32);
      patch32(0xfffff000 | 0, upper(distance));
      const low = view.getUint32(at + 4, true) & 0xfffff;
      view.setUint32(at + 4, low | ((distance & 0xfff) << 20), true);
      return;
    }
    case R_RISCV.PCREL_HI20:
    case R_RISCV.GOT_HI20:
      if (reloc.type === R_RISCV.GOT_HI20) fail('is reached through a GOT: compile with -fno-pic');
      patch32(0xfffff000 | 0, upper(within(relative(), 32)));
      return;
    case R_RISCV.PCREL_LO12_I:
    case R_RISCV.PCREL_LO12_S: {
      const distance = pcrelOf(cx, reloc);
      if (reloc.type === R_RISCV.PCREL_LO12_I) patch32(0xfff00000 | 0, distance << 20);
      else patch32(0xfe000f80 | 0, storeBits(distance));
      return;
    }
    case R_RISCV.HI20:
      patch32(0xfffff000 | 0, upper(within(Number(BigInt.asIntN(64, value())), 32)));
      return;
    case R_RISCV.LO12_I:
      patch32(0xfff00000 | 0, Number(BigInt.asIntN(12, value())) << 20);
      return;
    case R_RISCV.LO12_S:
      patch32(0xfe000f80 | 0, storeBits(Number(BigInt.asIntN(12, value()))));
      return;
    case R_RISCV.RVC_BRANCH:
      view.setUint16(at, (view.getUint16(at, true) & 0xe383) | compressedBranch(within(relative(), 9)), true);
      return;
    case R_RISCV.RVC_JUMP:
      view.setUint16(at, (view.getUint16(at, true) & 0xe003) | compressedJump(within(relative(), 12)), true);
      return;
    case R_RISCV.ADD8:
    case R_RISCV.SUB8:
      add(1, reloc.type === R_RISCV.ADD8 ? 1n : -1n);
      return;
    case R_RISCV.ADD16:
    case R_RISCV.SUB16:
      add(2, reloc.type === R_RISCV.ADD16 ? 1n : -1n);
      return;
    case R_RISCV.ADD32:
    case R_RISCV.SUB32:
      add(4, reloc.type === R_RISCV.ADD32 ? 1n : -1n);
      return;
    case R_RISCV.ADD64:
    case R_RISCV.SUB64:
      add(8, reloc.type === R_RISCV.ADD64 ? 1n : -1n);
      return;
    case R_RISCV.SET8:
      view.setUint8(at, Number(BigInt.asUintN(8, value())));
      return;
    case R_RISCV.SET16:
      view.setUint16(at, Number(BigInt.asUintN(16, value())), true);
      return;
    case R_RISCV.SET6:
    case R_RISCV.SUB6: {
      const old = view.getUint8(at);
      const bits = reloc.type === R_RISCV.SET6 ? value() : BigInt(old & 0x3f) - value();
      view.setUint8(at, (old & 0xc0) | Number(BigInt.asUintN(6, bits)));
      return;
    }
    case R_RISCV.SET_ULEB128:
    case R_RISCV.SUB_ULEB128:
      patchUleb(view, at, (old) => (reloc.type === R_RISCV.SET_ULEB128 ? value() : old - value()));
      return;
    default:
      fail(`has relocation type ${reloc.type}, which this linker does not know`);
  }
}

/** The full distance of the AUIPC that a low part belongs to. */
function pcrelOf(cx: RelocContext, reloc: ObjectReloc): number {
  const anchor = reloc.symbol;
  // Symbols are already moved to output sections; the AUIPC is in the same input section.
  const offset = anchor.value - cx.base;
  const high = upperRelocs(cx.input).get(offset);
  if (high === undefined) {
    throw new UserError(
      `linking: in ${cx.fileName}, section ${cx.input.name}: a low part without its upper part`,
    );
  }
  const target = address(cx.target(high.symbol)) + BigInt(high.addend);
  return Number(BigInt.asIntN(64, target - (cx.section.address + BigInt(cx.base + offset))));
}

const upperCache = new WeakMap<ObjectSection, Map<number, ObjectReloc>>();

/** The upper-part relocations of a section by offset. */
function upperRelocs(section: ObjectSection): Map<number, ObjectReloc> {
  let map = upperCache.get(section);
  if (map === undefined) {
    map = new Map();
    for (const reloc of section.relocs) if (reloc.type === R_RISCV.PCREL_HI20) map.set(reloc.offset, reloc);
    upperCache.set(section, map);
  }
  return map;
}

/** Bits 31:12 for LUI or AUIPC, rounded for the signed low part. */
const upper = (n: number): number => (n + 0x800) & 0xfffff000;

const storeBits = (n: number): number => (((n >> 5) & 0x7f) << 25) | ((n & 0x1f) << 7);

const branchBits = (n: number): number =>
  (((n >> 12) & 1) << 31) | (((n >> 5) & 0x3f) << 25) | (((n >> 1) & 0xf) << 8) | (((n >> 11) & 1) << 7);

const jumpBits = (n: number): number =>
  (((n >> 20) & 1) << 31) | (((n >> 1) & 0x3ff) << 21) | (((n >> 11) & 1) << 20) | (((n >> 12) & 0xff) << 12);

/** C.BEQZ: offset 8|4:3 in bits 12:10, 7:6|2:1|5 in bits 6:2. */
const compressedBranch = (n: number): number =>
  (((n >> 8) & 1) << 12) |
  (((n >> 3) & 3) << 10) |
  (((n >> 6) & 3) << 5) |
  (((n >> 1) & 3) << 3) |
  (((n >> 5) & 1) << 2);

/** C.J: offset 11|4|9:8|10|6|7|3:1|5 in bits 12:2. */
const compressedJump = (n: number): number =>
  (((n >> 11) & 1) << 12) |
  (((n >> 4) & 1) << 11) |
  (((n >> 8) & 3) << 9) |
  (((n >> 10) & 1) << 8) |
  (((n >> 6) & 1) << 7) |
  (((n >> 7) & 1) << 6) |
  (((n >> 1) & 7) << 3) |
  (((n >> 5) & 1) << 2);

function readInt(view: DataView, at: number, size: number): bigint {
  let value = 0n;
  for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(view.getUint8(at + i));
  return value;
}

function writeInt(view: DataView, at: number, size: number, value: bigint): void {
  let rest = BigInt.asUintN(size * 8, value);
  for (let i = 0; i < size; i++) {
    view.setUint8(at + i, Number(rest & 0xffn));
    rest >>= 8n;
  }
}

/** Rewrites a ULEB128 number in place, keeping its length. */
function patchUleb(view: DataView, at: number, change: (old: bigint) => bigint): void {
  let length = 0;
  let old = 0n;
  for (;;) {
    const byte = view.getUint8(at + length);
    old |= BigInt(byte & 0x7f) << BigInt(7 * length);
    length++;
    if ((byte & 0x80) === 0) break;
  }
  let value = BigInt.asUintN(7 * length, change(old));
  for (let i = 0; i < length; i++) {
    view.setUint8(at + i, Number(value & 0x7fn) | (i < length - 1 ? 0x80 : 0));
    value >>= 7n;
  }
}
