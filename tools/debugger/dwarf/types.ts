/** Types of the source language as DWARF describes them, made on demand: structures refer to themselves. */
import { AT, ENCODING, TAG } from '../../dwarf/constants.ts';
import { type Entry, entryOf, numberOf, textOf } from './entries.ts';

export type SourceType =
  | { readonly kind: 'base'; readonly name: string; readonly size: number; readonly encoding: BaseEncoding }
  | { readonly kind: 'pointer'; readonly name: string; readonly size: 8; readonly to: SourceType | undefined }
  | {
      readonly kind: 'array';
      readonly name: string;
      readonly size: number;
      readonly of: SourceType;
      readonly count: number;
    }
  | {
      readonly kind: 'enum';
      readonly name: string;
      readonly size: number;
      readonly values: ReadonlyMap<bigint, string>;
    }
  | StructType
  | { readonly kind: 'function'; readonly name: string; readonly size: 0 };

export type BaseEncoding = 'signed' | 'unsigned' | 'float' | 'boolean' | 'char';

export interface StructType {
  readonly kind: 'struct';
  readonly name: string;
  readonly size: number;
  /** Its references are stored as persistent pointers. */
  readonly persistent: boolean;
  readonly members: readonly Member[];
}

export interface Member {
  readonly name: string;
  /** Bytes from the start of the structure. */
  readonly offset: number;
  readonly type: SourceType;
}

export const U64: SourceType = { kind: 'base', name: 'u64', size: 8, encoding: 'unsigned' };
export const U8: SourceType = { kind: 'base', name: 'u8', size: 1, encoding: 'unsigned' };

const BASE: Readonly<Record<number, BaseEncoding>> = {
  [ENCODING.boolean]: 'boolean',
  [ENCODING.float]: 'float',
  [ENCODING.signed]: 'signed',
  [ENCODING.signedChar]: 'char',
  [ENCODING.unsignedChar]: 'char',
};

export class TypeReader {
  private readonly known = new Map<Entry, SourceType>();

  /** The type that an entry's DW_AT_type names; undefined is void, or unknown. */
  ofEntry(entry: Entry): SourceType | undefined {
    const named = entryOf(entry, AT.type);
    return named && this.type(named);
  }

  type(entry: Entry): SourceType | undefined {
    const known = this.known.get(entry);
    if (known !== undefined) return known;
    const made = this.make(entry);
    if (made !== undefined) this.known.set(entry, made);
    return made;
  }

  private make(entry: Entry): SourceType | undefined {
    const name = textOf(entry, AT.name) ?? '';
    const size = numberOf(entry, AT.byteSize) ?? 0;
    switch (entry.tag) {
      case TAG.baseType: {
        const encoding = BASE[numberOf(entry, AT.encoding) ?? 0] ?? 'unsigned';
        // Guest TypeScript's u8 is a number: only C's characters are characters.
        const isChar = encoding === 'char' && name.includes('char');
        const plain = encoding === 'char' && !isChar ? 'unsigned' : encoding;
        return { kind: 'base', name, size, encoding: plain };
      }
      case TAG.pointerType:
      case TAG.referenceType:
        return this.pointer(entry);
      case TAG.arrayType:
        return this.array(entry);
      case TAG.enumerationType: {
        const values = new Map<bigint, string>();
        for (const child of entry.children) {
          const value = child.attributes.get(AT.constValue)?.value;
          if (typeof value === 'bigint' || typeof value === 'number')
            values.set(BigInt(value), textOf(child, AT.name) ?? '');
        }
        return { kind: 'enum', name, size: size || 4, values };
      }
      case TAG.structureType:
      case TAG.classType:
      case TAG.unionType:
        return this.struct(entry, name, size);
      case TAG.typedef: {
        const of = this.ofEntry(entry);
        return of?.kind === 'struct' && of.name === '' ? { ...of, name } : of;
      }
      case TAG.constType:
      case TAG.volatileType:
      case TAG.restrictType:
      case TAG.atomicType:
        return this.ofEntry(entry);
      case TAG.subroutineType:
        return { kind: 'function', name: name || 'function', size: 0 };
      default:
        return undefined;
    }
  }

  private pointer(entry: Entry): SourceType {
    const reader = this;
    const target = entryOf(entry, AT.type);
    return {
      kind: 'pointer',
      size: 8,
      get name() {
        return `${this.to?.name ?? 'void'}*`;
      },
      get to() {
        return target && reader.type(target);
      },
    };
  }

  private array(entry: Entry): SourceType | undefined {
    let of = this.ofEntry(entry);
    if (of === undefined) return undefined;
    const counts = entry.children
      .filter(({ tag }) => tag === TAG.subrangeType)
      .map((range) => numberOf(range, AT.count) ?? (numberOf(range, AT.upperBound) ?? -1) + 1);
    for (const count of counts.reverse())
      of = { kind: 'array', name: `${of.name}[${count}]`, size: of.size * count, of, count };
    return of;
  }

  private struct(entry: Entry, name: string, size: number): SourceType {
    const reader = this;
    let members: Member[] | undefined;
    return {
      kind: 'struct',
      name,
      size,
      persistent: entry.attributes.get(AT.licoricePersistent)?.value === true,
      get members() {
        members ??= entry.children
          .filter(({ tag }) => tag === TAG.member)
          .map((child) => ({
            name: textOf(child, AT.name) ?? '',
            offset: numberOf(child, AT.dataMemberLocation) ?? 0,
            type: reader.ofEntry(child) ?? U64,
          }));
        return members;
      },
    };
  }
}
