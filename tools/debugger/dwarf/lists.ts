/**
 * Range lists and location lists, of DWARF 5 (.debug_rnglists, .debug_loclists; sections 2.17.3, 2.6.2) and of DWARF 4
 * (.debug_ranges, .debug_loc). Entries that need .debug_addr are not known.
 */
import { AT, FORM } from '../../dwarf/constants.ts';
import { addressOf, type Entry, highPc, type Sections } from './entries.ts';
import { DwarfReader } from './reader.ts';

export interface AddressRange {
  readonly low: bigint;
  /** One past the last address. */
  readonly high: bigint;
}

export interface LocationRange extends AddressRange {
  /** A location expression. */
  readonly expression: Uint8Array;
}

const ALL = 0xffff_ffff_ffff_ffffn;
const KIND = { end: 0, offsetPair: 4, baseAddress: 6, startEnd: 7, startLength: 8 } as const;
const RLE = { end: 0, offsetPair: 4, baseAddress: 5, startEnd: 6, startLength: 7 } as const;
const LLE_DEFAULT = 5;

const unitBase = (entry: Entry): bigint => addressOf(entry.unit.root, AT.lowPc) ?? 0n;

/** The addresses that an entry covers; empty when it does not say. */
export function rangesOf(entry: Entry, sections: Sections): AddressRange[] {
  const low = addressOf(entry, AT.lowPc);
  const high = highPc(entry);
  if (low !== undefined && high !== undefined) return [{ low, high }];
  const list = entry.attributes.get(AT.ranges);
  if (list === undefined || typeof list.value !== 'number') return [];
  try {
    if (entry.unit.version < 5) return oldRanges(sections('.debug_ranges'), list.value, unitBase(entry));
    const bytes = sections('.debug_rnglists');
    const offset =
      list.form === FORM.rnglistx ? indexed(entry, AT.rnglistsBase, bytes, list.value) : list.value;
    return newRanges(bytes, offset, unitBase(entry));
  } catch (error) {
    if (error instanceof RangeError) return [];
    throw error;
  }
}

/** The offset of entry `index` of an offset table. */
function indexed(entry: Entry, attribute: number, bytes: Uint8Array, index: number): number {
  const base = Number(entry.unit.root.attributes.get(attribute)?.value ?? 12);
  return base + new DwarfReader(bytes, base + 4 * index).u32();
}

function newRanges(bytes: Uint8Array, offset: number, base: bigint): AddressRange[] {
  const reader = new DwarfReader(bytes, offset);
  const ranges: AddressRange[] = [];
  for (;;) {
    const kind = reader.u8();
    if (kind === RLE.end) return ranges;
    if (kind === RLE.baseAddress) base = reader.u64();
    else if (kind === RLE.offsetPair) ranges.push({ low: base + reader.uleb(), high: base + reader.uleb() });
    else if (kind === RLE.startEnd) ranges.push({ low: reader.u64(), high: reader.u64() });
    else if (kind === RLE.startLength) {
      const low = reader.u64();
      ranges.push({ low, high: low + reader.uleb() });
    } else throw new RangeError(`range list entry ${kind}`);
  }
}

function oldRanges(bytes: Uint8Array, offset: number, base: bigint): AddressRange[] {
  const reader = new DwarfReader(bytes, offset);
  const ranges: AddressRange[] = [];
  for (;;) {
    const low = reader.u64();
    const high = reader.u64();
    if (low === 0n && high === 0n) return ranges;
    if (low === ALL) base = high;
    else ranges.push({ low: base + low, high: base + high });
  }
}

/** Where something is: one expression for all addresses, or a list of them. Undefined: nowhere. */
export function locationsOf(
  entry: Entry,
  attribute: number,
  sections: Sections,
): readonly LocationRange[] | undefined {
  const found = entry.attributes.get(attribute);
  if (found === undefined) return undefined;
  if (found.value instanceof Uint8Array) return [{ low: 0n, high: ALL, expression: found.value }];
  if (typeof found.value !== 'number') return undefined;
  try {
    if (entry.unit.version < 5) return oldLocations(sections('.debug_loc'), found.value, unitBase(entry));
    const bytes = sections('.debug_loclists');
    const offset =
      found.form === FORM.loclistx ? indexed(entry, AT.loclistsBase, bytes, found.value) : found.value;
    return newLocations(bytes, offset, unitBase(entry));
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function newLocations(bytes: Uint8Array, offset: number, base: bigint): LocationRange[] {
  const reader = new DwarfReader(bytes, offset);
  const ranges: LocationRange[] = [];
  for (;;) {
    const kind = reader.u8();
    let low = 0n;
    let high = ALL;
    if (kind === KIND.end) return ranges;
    if (kind === KIND.baseAddress) {
      base = reader.u64();
      continue;
    }
    if (kind === KIND.offsetPair) {
      low = base + reader.uleb();
      high = base + reader.uleb();
    } else if (kind === KIND.startEnd) {
      low = reader.u64();
      high = reader.u64();
    } else if (kind === KIND.startLength) {
      low = reader.u64();
      high = low + reader.uleb();
    } else if (kind !== LLE_DEFAULT) throw new RangeError(`location list entry ${kind}`);
    ranges.push({ low, high, expression: reader.block(reader.number()) });
  }
}

function oldLocations(bytes: Uint8Array, offset: number, base: bigint): LocationRange[] {
  const reader = new DwarfReader(bytes, offset);
  const ranges: LocationRange[] = [];
  for (;;) {
    const low = reader.u64();
    const high = reader.u64();
    if (low === 0n && high === 0n) return ranges;
    if (low === ALL) {
      base = high;
      continue;
    }
    ranges.push({ low: base + low, high: base + high, expression: reader.block(reader.u16()) });
  }
}
