/**
 * Call frame information (.debug_frame and .eh_frame; DWARF 5, section 6.4): at an instruction, how to find the frame of
 * the function (its CFA) and where the caller's registers are saved.
 */

import { CFA } from '../../dwarf/constants.ts';
import { upperBound } from '../../search.ts';
import { DwarfReader } from './reader.ts';

/** How to find the caller's value of a register. */
export type RegisterRule =
  /** Saved at CFA + offset. */
  | { readonly kind: 'offset'; readonly offset: bigint }
  /** Is CFA + offset. */
  | { readonly kind: 'value'; readonly offset: bigint }
  | { readonly kind: 'register'; readonly number: number }
  /** Saved at the address of an expression, or its value. */
  | { readonly kind: 'expression'; readonly expression: Uint8Array; readonly isValue: boolean }
  | { readonly kind: 'undefined' };

export interface FrameRules {
  /** The CFA: a register plus an offset, or an expression. */
  readonly cfa: { readonly register: number; readonly offset: bigint } | Uint8Array;
  readonly registers: ReadonlyMap<number, RegisterRule>;
  readonly returnRegister: number;
  /** The frame of a trap handler or signal: its pc is the instruction itself, not the one after a call. */
  readonly isSignal: boolean;
}

interface CommonInformation {
  readonly codeAlignment: bigint;
  readonly dataAlignment: bigint;
  readonly returnRegister: number;
  readonly pointerEncoding: number;
  readonly hasAugmentation: boolean;
  readonly isSignal: boolean;
  readonly instructions: Uint8Array;
}

interface Description {
  readonly common: CommonInformation;
  readonly low: bigint;
  readonly high: bigint;
  readonly instructions: Uint8Array;
}

/** DW_EH_PE: the low bits' format, and what it is relative to. */
const EH = {
  absolute: 0x00,
  uleb: 0x01,
  u2: 0x02,
  u4: 0x03,
  u8: 0x04,
  s4: 0x0b,
  s8: 0x0c,
  pcRelative: 0x10,
} as const;

/** Rows that `remember_state` saves. */
interface Row {
  cfa: FrameRules['cfa'];
  registers: Map<number, RegisterRule>;
}

export class Frames {
  private readonly descriptions: Description[] = [];

  /**
   * @param address where the section lies in memory: what .eh_frame's pointers are relative to
   */
  constructor(debugFrame: Uint8Array, ehFrame: Uint8Array, address: bigint) {
    for (const [bytes, isEh] of [
      [debugFrame, false],
      [ehFrame, true],
    ] as const) {
      try {
        this.read(bytes, isEh, address);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
      }
    }
    this.descriptions.sort((a, b) => (a.low < b.low ? -1 : a.low > b.low ? 1 : 0));
  }

  private read(bytes: Uint8Array, isEh: boolean, sectionAddress: bigint): void {
    const reader = new DwarfReader(bytes);
    const commons = new Map<number, CommonInformation>();
    while (reader.at + 8 <= bytes.length) {
      const start = reader.at;
      const length = reader.u32();
      if (length === 0) break;
      const idAt = reader.at;
      const end = idAt + length;
      const id = reader.u32();
      if (id === (isEh ? 0 : 0xffff_ffff)) commons.set(start, readCommon(reader, end));
      else {
        const common = commons.get(isEh ? idAt - id : id);
        if (common !== undefined) {
          const low = readPointer(reader, isEh ? common.pointerEncoding : EH.u8, sectionAddress);
          const size = readPointer(reader, isEh ? common.pointerEncoding & 0x0f : EH.u8, 0n);
          if (common.hasAugmentation) reader.skip(reader.number());
          const instructions = bytes.subarray(reader.at, end);
          this.descriptions.push({ common, low, high: low + size, instructions });
        }
      }
      reader.at = end;
    }
  }

  /** The rules at an instruction; undefined where there is no information. */
  at(pc: bigint): FrameRules | undefined {
    return this.rows(pc, pc).at(-1);
  }

  /**
   * The rules of the function that `pc` lies in, from its first instruction on, each time that they change; those for addresses beyond `last` are
   * left out.
   */
  rows(pc: bigint, last?: bigint): FrameRules[] {
    const found = this.descriptions[upperBound(this.descriptions, ({ low }) => low <= pc) - 1];
    if (found === undefined || pc >= found.high) return [];
    try {
      return rulesUpTo(found, last);
    } catch (error) {
      if (error instanceof RangeError) return [];
      throw error;
    }
  }
}

function readCommon(reader: DwarfReader, end: number): CommonInformation {
  const version = reader.u8();
  const augmentation = reader.text();
  if (version >= 4) reader.skip(2);
  const codeAlignment = reader.uleb();
  const dataAlignment = reader.sleb();
  const returnRegister = version === 1 ? reader.u8() : reader.number();
  let pointerEncoding: number = EH.u8;
  const hasAugmentation = augmentation.startsWith('z');
  if (hasAugmentation) {
    const dataEnd = reader.number() + reader.at;
    for (const letter of augmentation.slice(1)) {
      if (letter === 'R') pointerEncoding = reader.u8();
      else if (letter === 'P') readPointer(reader, reader.u8(), 0n);
      else if (letter === 'L') reader.skip(1);
    }
    reader.at = dataEnd;
  }
  const instructions = reader.bytes.subarray(reader.at, end);
  const isSignal = augmentation.includes('S');
  return {
    codeAlignment,
    dataAlignment,
    returnRegister,
    pointerEncoding,
    hasAugmentation,
    isSignal,
    instructions,
  };
}

function readPointer(reader: DwarfReader, encoding: number, sectionAddress: bigint): bigint {
  const at = BigInt(reader.at);
  let value: bigint;
  switch (encoding & 0x0f) {
    case EH.absolute:
    case EH.u8:
    case EH.s8:
      value = reader.u64();
      break;
    case EH.uleb:
      value = reader.uleb();
      break;
    case EH.u2:
      value = BigInt(reader.u16());
      break;
    case EH.u4:
      value = BigInt(reader.u32());
      break;
    case EH.s4:
      value = BigInt(reader.i32());
      break;
    default:
      throw new RangeError(`pointer encoding ${encoding}`);
  }
  return BigInt.asUintN(64, encoding & EH.pcRelative ? value + sectionAddress + at : value);
}

function rulesUpTo({ common, low, instructions }: Description, last: bigint | undefined): FrameRules[] {
  const initial: Row = { cfa: { register: 2, offset: 0n }, registers: new Map() };
  const start = execute(common, common.instructions, initial, low).at(-1)!;
  const { returnRegister, isSignal } = common;
  return execute(common, instructions, start, low, last, start.registers).map(({ cfa, registers }) => ({
    cfa,
    registers,
    returnRegister,
    isSignal,
  }));
}

/** Executes call frame instructions until those for addresses beyond `last`: the row of each address that they name, at least one. */
function execute(
  common: CommonInformation,
  bytes: Uint8Array,
  start: Row,
  low: bigint,
  last?: bigint,
  initial?: ReadonlyMap<number, RegisterRule>,
): Row[] {
  const reader = new DwarfReader(bytes);
  const rows: Row[] = [];
  const saved: Row[] = [];
  let row: Row = { cfa: start.cfa, registers: new Map(start.registers) };
  let location = low;
  const offsetRule = (offset: bigint): RegisterRule => ({
    kind: 'offset',
    offset: offset * common.dataAlignment,
  });
  const restore = (register: number): void => {
    const rule = initial?.get(register);
    if (rule) row.registers.set(register, rule);
    else row.registers.delete(register);
  };
  const cfaOffset = (offset: bigint): void => {
    if (!(row.cfa instanceof Uint8Array)) row.cfa = { ...row.cfa, offset };
  };
  while (!reader.done) {
    const op = reader.u8();
    const low6 = op & 0x3f;
    let advance: bigint | undefined;
    if ((op & 0xc0) === CFA.advance) advance = BigInt(low6);
    else if ((op & 0xc0) === CFA.offset) row.registers.set(low6, offsetRule(reader.uleb()));
    else if ((op & 0xc0) === CFA.restore) restore(low6);
    else
      switch (op) {
        case CFA.nop:
          break;
        case CFA.setLoc:
          location = reader.u64();
          break;
        case CFA.advance1:
          advance = BigInt(reader.u8());
          break;
        case CFA.advance2:
          advance = BigInt(reader.u16());
          break;
        case CFA.advance4:
          advance = BigInt(reader.u32());
          break;
        case CFA.offsetExtended: {
          const register = reader.number();
          row.registers.set(register, offsetRule(reader.uleb()));
          break;
        }
        case CFA.restoreExtended:
          restore(reader.number());
          break;
        case CFA.undefined:
          row.registers.set(reader.number(), { kind: 'undefined' });
          break;
        case CFA.sameValue:
          row.registers.delete(reader.number());
          break;
        case CFA.register: {
          const register = reader.number();
          row.registers.set(register, { kind: 'register', number: reader.number() });
          break;
        }
        case CFA.rememberState:
          saved.push({ cfa: row.cfa, registers: new Map(row.registers) });
          break;
        case CFA.restoreState:
          row = saved.pop() ?? row;
          break;
        case CFA.defCfa:
          row.cfa = { register: reader.number(), offset: reader.uleb() };
          break;
        case CFA.defCfaRegister:
          if (!(row.cfa instanceof Uint8Array)) row.cfa = { ...row.cfa, register: reader.number() };
          else reader.uleb();
          break;
        case CFA.defCfaOffset:
          cfaOffset(reader.uleb());
          break;
        case CFA.defCfaExpression:
          row.cfa = reader.block(reader.number());
          break;
        case CFA.expression:
        case CFA.valExpression: {
          const register = reader.number();
          const expression = reader.block(reader.number());
          row.registers.set(register, { kind: 'expression', expression, isValue: op === CFA.valExpression });
          break;
        }
        case CFA.offsetExtendedSigned: {
          const register = reader.number();
          row.registers.set(register, offsetRule(reader.sleb()));
          break;
        }
        case CFA.defCfaSigned:
          row.cfa = { register: reader.number(), offset: reader.sleb() * common.dataAlignment };
          break;
        case CFA.defCfaOffsetSigned:
          cfaOffset(reader.sleb() * common.dataAlignment);
          break;
        case CFA.valOffset: {
          const register = reader.number();
          row.registers.set(register, { kind: 'value', offset: reader.uleb() * common.dataAlignment });
          break;
        }
        case CFA.gnuArgsSize:
          reader.uleb();
          break;
        default:
          throw new RangeError(`call frame instruction 0x${op.toString(16)}`);
      }
    if (advance !== undefined) {
      rows.push({ cfa: row.cfa, registers: new Map(row.registers) });
      location += advance * common.codeAlignment;
      if (last !== undefined && location > last) return rows;
    }
  }
  rows.push(row);
  return rows;
}
