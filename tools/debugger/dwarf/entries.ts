/**
 * Debugging information entries (DWARF 4 and 5, sections 2 and 7.5): the units of .debug_info, each read into a tree when it
 * is first asked for. Split DWARF and type units are not read.
 */
import { AT, FORM } from '../../dwarf/constants.ts';
import { DwarfReader } from './reader.ts';

export type AttributeValue = number | bigint | string | boolean | Uint8Array;

export interface Attribute {
  readonly form: number;
  readonly value: AttributeValue;
}

export interface Entry {
  readonly unit: Unit;
  /** Offset in .debug_info: what references name. */
  readonly offset: number;
  readonly tag: number;
  readonly attributes: ReadonlyMap<number, Attribute>;
  readonly children: Entry[];
  readonly parent: Entry | undefined;
}

/** The sections of a file by name; a missing one is empty. */
export type Sections = (name: string) => Uint8Array;

interface Abbreviation {
  readonly tag: number;
  readonly hasChildren: boolean;
  /** Attribute, form, and the value of an implicit constant. */
  readonly attributes: readonly (readonly [number, number, bigint])[];
}

const UNIT_TYPE_COMPILE = 1;
const UNIT_TYPE_PARTIAL = 3;

export class Unit {
  private tree: Entry | undefined;
  private readonly byOffset = new Map<number, Entry>();

  constructor(
    private readonly sections: Sections,
    /** Offset of the unit's header. */
    readonly offset: number,
    readonly version: number,
    private readonly addressSize: number,
    private readonly abbreviationOffset: number,
    private readonly start: number,
    readonly end: number,
  ) {}

  /** The unit's own entry, with all others below it. */
  get root(): Entry {
    this.tree ??= this.read();
    return this.tree;
  }

  /** The entry at an offset of .debug_info inside this unit. */
  at(offset: number): Entry | undefined {
    if (this.tree === undefined) this.tree = this.read();
    return this.byOffset.get(offset);
  }

  private read(): Entry {
    const reader = new DwarfReader(this.sections('.debug_info'), this.start);
    const abbreviations = readAbbreviations(this.sections('.debug_abbrev'), this.abbreviationOffset);
    let root: Entry | undefined;
    let parent: Entry | undefined;
    while (reader.at < this.end) {
      const offset = reader.at;
      const code = reader.number();
      if (code === 0) {
        parent = parent?.parent;
        if (parent === undefined) break;
        continue;
      }
      const abbreviation = abbreviations.get(code);
      if (abbreviation === undefined) throw new RangeError(`abbreviation ${code} is not defined`);
      const attributes = new Map<number, Attribute>();
      for (const [name, form, constant] of abbreviation.attributes)
        attributes.set(name, this.value(reader, form, constant));
      const entry: Entry = { unit: this, offset, tag: abbreviation.tag, attributes, children: [], parent };
      this.byOffset.set(offset, entry);
      parent?.children.push(entry);
      root ??= entry;
      if (abbreviation.hasChildren) parent = entry;
      if (parent === undefined) break;
    }
    if (root === undefined) throw new RangeError('an empty unit');
    return root;
  }

  private value(reader: DwarfReader, form: number, constant: bigint): Attribute {
    switch (form) {
      case FORM.addr:
        return { form, value: reader.unsigned(this.addressSize) };
      case FORM.data1:
        return { form, value: reader.u8() };
      case FORM.data2:
        return { form, value: reader.u16() };
      case FORM.data4:
        return { form, value: reader.u32() };
      case FORM.data8:
      case FORM.refSig8:
        return { form, value: reader.u64() };
      case FORM.data16:
        return { form, value: reader.block(16) };
      case FORM.sdata:
        return { form, value: reader.sleb() };
      case FORM.udata:
        return { form, value: reader.uleb() };
      case FORM.implicitConst:
        return { form, value: constant };
      case FORM.string:
        return { form, value: reader.text() };
      case FORM.strp:
        return { form, value: new DwarfReader(this.sections('.debug_str'), reader.u32()).text() };
      case FORM.lineStrp:
        return { form, value: new DwarfReader(this.sections('.debug_line_str'), reader.u32()).text() };
      case FORM.flag:
        return { form, value: reader.u8() !== 0 };
      case FORM.flagPresent:
        return { form, value: true };
      case FORM.ref1:
        return { form, value: this.offset + reader.u8() };
      case FORM.ref2:
        return { form, value: this.offset + reader.u16() };
      case FORM.ref4:
        return { form, value: this.offset + reader.u32() };
      case FORM.ref8:
        return { form, value: this.offset + Number(reader.u64()) };
      case FORM.refUdata:
        return { form, value: this.offset + reader.number() };
      case FORM.refAddr:
      case FORM.secOffset:
      case FORM.refSup4:
      case FORM.strpSup:
        return { form, value: reader.u32() };
      case FORM.exprloc:
      case FORM.block:
        return { form, value: reader.block(reader.number()) };
      case FORM.block1:
        return { form, value: reader.block(reader.u8()) };
      case FORM.block2:
        return { form, value: reader.block(reader.u16()) };
      case FORM.block4:
        return { form, value: reader.block(reader.u32()) };
      case FORM.indirect:
        return this.value(reader, reader.number(), 0n);
      case FORM.strx:
      case FORM.addrx:
      case FORM.loclistx:
      case FORM.rnglistx:
        return { form, value: reader.number() };
      case FORM.strx1:
      case FORM.addrx1:
        return { form, value: reader.u8() };
      case FORM.strx2:
      case FORM.addrx2:
        return { form, value: reader.u16() };
      case FORM.strx3:
      case FORM.addrx3:
        return { form, value: reader.u16() + reader.u8() * 65536 };
      case FORM.strx4:
      case FORM.addrx4:
        return { form, value: reader.u32() };
      default:
        throw new RangeError(`form 0x${form.toString(16)} is not known`);
    }
  }
}

function readAbbreviations(bytes: Uint8Array, offset: number): Map<number, Abbreviation> {
  const reader = new DwarfReader(bytes, offset);
  const table = new Map<number, Abbreviation>();
  for (let code = reader.number(); code !== 0; code = reader.number()) {
    const tag = reader.number();
    const hasChildren = reader.u8() !== 0;
    const attributes: [number, number, bigint][] = [];
    for (;;) {
      const name = reader.number();
      const form = reader.number();
      const constant = form === FORM.implicitConst ? reader.sleb() : 0n;
      if (name === 0 && form === 0) break;
      attributes.push([name, form, constant]);
    }
    table.set(code, { tag, hasChildren, attributes });
  }
  return table;
}

/** The compile units of a file; what cannot be read is left out. */
export function readUnits(sections: Sections): Unit[] {
  const info = sections('.debug_info');
  const reader = new DwarfReader(info);
  const units: Unit[] = [];
  while (reader.at + 11 < info.length) {
    const offset = reader.at;
    const length = reader.u32();
    const end = reader.at + length;
    const version = reader.u16();
    let type = UNIT_TYPE_COMPILE;
    let addressSize = 8;
    let abbreviations = 0;
    if (version === 5) {
      type = reader.u8();
      addressSize = reader.u8();
      abbreviations = reader.u32();
    } else if (version <= 4) {
      abbreviations = reader.u32();
      addressSize = reader.u8();
    }
    if (version >= 2 && version <= 5 && (type === UNIT_TYPE_COMPILE || type === UNIT_TYPE_PARTIAL))
      units.push(new Unit(sections, offset, version, addressSize, abbreviations, reader.at, end));
    reader.at = end;
  }
  return units;
}

// ---- Attributes by what they mean ------------------------------------------------------------------------------------

export function textOf(entry: Entry, name: number): string | undefined {
  const value = entry.attributes.get(name)?.value;
  return typeof value === 'string' ? value : undefined;
}

export function numberOf(entry: Entry, name: number): number | undefined {
  const value = entry.attributes.get(name)?.value;
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : undefined;
}

export function addressOf(entry: Entry, name: number): bigint | undefined {
  const value = entry.attributes.get(name)?.value;
  return typeof value === 'bigint' ? value : undefined;
}

/** The entry that a reference names, in its own unit. */
export function entryOf(entry: Entry, name: number): Entry | undefined {
  const value = entry.attributes.get(name)?.value;
  return typeof value === 'number' ? entry.unit.at(value) : undefined;
}

/** One past the last address of a contiguous entry: DW_AT_high_pc is an address, or a length. */
export function highPc(entry: Entry): bigint | undefined {
  const low = addressOf(entry, AT.lowPc);
  const high = entry.attributes.get(AT.highPc);
  if (low === undefined || high === undefined) return undefined;
  return high.form === FORM.addr ? (high.value as bigint) : low + BigInt(high.value as number | bigint);
}
