/**
 * An assembly in progress: sections that grow statement by statement, symbols, directives, and, at the end, the
 * fixups that are distances within a section. The rest is left as relocations.
 */
import { ByteWriter } from '../../../wasm/bytes.ts';
import { compress } from '../encode.ts';
import { idOf } from '../table.ts';
import { parseExpression, parseString, type Value } from './expression.ts';
import { applyFixup, type Fixup, isRelative, type RelocationName } from './fixups.ts';
import { assembleInstruction, type CodeSink } from './instructions.ts';
import { assemblyError, type Place, type Statement } from './source.ts';

export interface AssembledSection {
  readonly name: string;
  /** Letters of the flags as in `.section`: a allocated, w writable, x executable. */
  readonly flags: string;
  /** Bytes; of `.bss`-like sections only `size` counts. */
  readonly bytes: Uint8Array;
  readonly size: number;
  readonly align: number;
  /** No bytes in a file. */
  readonly noBits: boolean;
}

export interface AssembledSymbol {
  readonly name: string;
  /** Undefined for a constant (`.equ`). */
  readonly section: string | undefined;
  /** Offset in the section, or the constant. */
  readonly value: bigint;
  readonly binding: 'local' | 'global' | 'weak';
  readonly type: string;
  readonly size: bigint;
}

export interface AssembledObject {
  readonly sections: readonly AssembledSection[];
  readonly symbols: readonly AssembledSymbol[];
  /** What is left for a linker. */
  readonly relocations: readonly Fixup[];
}

class Section {
  readonly out = new ByteWriter();
  align = 1;
  /** Size of a section without bytes. */
  reserved = 0;

  constructor(
    readonly name: string,
    readonly flags: string,
    readonly noBits: boolean,
  ) {}

  get size(): number {
    return this.noBits ? this.reserved : this.out.length;
  }
}

const DEFAULT_FLAGS: Record<string, string> = { '.text': 'ax', '.data': 'aw', '.rodata': 'a', '.bss': 'aw' };

function flagsOf(name: string): string {
  for (const [prefix, flags] of Object.entries(DEFAULT_FLAGS)) {
    if (name === prefix || name.startsWith(`${prefix}.`)) return flags;
  }
  return '';
}

interface Symbol {
  section: Section | undefined;
  value: bigint;
  defined: boolean;
}

const DATA_SIZES: Record<string, number> = {
  '.byte': 1,
  '.half': 2,
  '.short': 2,
  '.hword': 2,
  '.2byte': 2,
  '.word': 4,
  '.long': 4,
  '.4byte': 4,
  '.int': 4,
  '.dword': 8,
  '.quad': 8,
  '.8byte': 8,
};

/** Directives that say nothing to us. */
const IGNORED = /^\.(file|ident|attribute|cfi_\w+|loc|local|addrsig\w*|hidden|protected|internal)$/;

export class Assembler implements CodeSink {
  readonly sections = new Map<string, Section>();
  readonly symbols = new Map<string, Symbol>();
  readonly bindings = new Map<string, 'global' | 'weak'>();
  readonly types = new Map<string, string>();
  readonly sizes = new Map<string, Value>();
  readonly fixups: Fixup[] = [];
  private readonly constants = new Map<string, Value>();
  /** How often each numeric label has been defined so far. */
  private readonly numeric = new Map<string, number>();
  private labels = 0;
  private section: Section;
  private readonly sectionStack: Section[] = [];
  compress: boolean;
  private readonly optionStack: boolean[] = [];
  private place: Place;

  constructor(file: string, compressed: boolean) {
    this.compress = compressed;
    this.place = { file, line: 0 };
    this.section = this.open('.text', undefined, false);
  }

  readonly resolve = (name: string): Value | undefined => {
    const numeric = /^(\d+)([fb])$/.exec(name);
    if (numeric) {
      const seen = this.numeric.get(numeric[1]!) ?? 0;
      const which = numeric[2] === 'f' ? seen + 1 : seen;
      if (which === 0) throw assemblyError(this.place, `there is no label ${numeric[1]} before this`);
      return { constant: 0n, symbols: new Map([[numericName(numeric[1]!, which), 1]]) };
    }
    if (name === '.') {
      const label = this.localLabel();
      return { constant: 0n, symbols: new Map([[label, 1]]) };
    }
    return this.constants.get(name);
  };

  get offset(): number {
    return this.section.size;
  }

  private open(name: string, flags: string | undefined, noBits: boolean): Section {
    let section = this.sections.get(name);
    if (!section) {
      section = new Section(
        name,
        flags ?? flagsOf(name),
        noBits || name === '.bss' || name.startsWith('.bss.'),
      );
      this.sections.set(name, section);
    }
    return section;
  }

  private define(name: string, place: Place): void {
    const known = this.symbols.get(name);
    if (known?.defined) throw assemblyError(place, `${name} is defined twice`);
    this.symbols.set(name, { section: this.section, value: BigInt(this.section.size), defined: true });
  }

  localLabel(): string {
    const name = `.L$p${this.labels++}`;
    this.define(name, this.place);
    return name;
  }

  emit(word: number, length: 2 | 4): void {
    if (this.section.noBits) throw assemblyError(this.place, `${this.section.name} cannot hold code`);
    this.section.align = Math.max(this.section.align, 2);
    this.section.out.u8(word);
    this.section.out.u8(word >> 8);
    if (length === 4) {
      this.section.out.u8(word >> 16);
      this.section.out.u8(word >> 24);
    }
  }

  fixup(type: RelocationName, value: Value): void {
    const [symbol, ...more] = [...value.symbols];
    if (symbol === undefined) throw assemblyError(this.place, 'a symbol is needed here');
    if (symbol[1] !== 1 || more.length > 0) {
      throw assemblyError(this.place, 'only a symbol plus a number can be used here');
    }
    this.fixups.push({
      section: this.section.name,
      offset: this.offset,
      type,
      symbol: symbol[0],
      addend: value.constant,
      place: this.place,
    });
  }

  assemble(s: Statement): void {
    this.place = s;
    for (const label of s.labels) {
      if (/^\d+$/.test(label)) {
        const count = (this.numeric.get(label) ?? 0) + 1;
        this.numeric.set(label, count);
        this.define(numericName(label, count), s);
      } else this.define(label, s);
    }
    if (s.operation === '') return;
    if (s.operation.startsWith('.')) this.directive(s);
    else assembleInstruction(s, this);
  }

  private number(text: string | undefined, otherwise: number): number {
    if (text === undefined || text === '') return otherwise;
    const value = parseExpression(text, this.place, this.resolve);
    const constant = this.difference(value);
    if (constant === undefined) throw assemblyError(this.place, `"${text}" must be a number here`);
    return Number(constant);
  }

  /** The value, if it is a number already: a constant, or a distance in one section. */
  private difference(value: Value): bigint | undefined {
    let total = value.constant;
    const balance = new Map<Section | undefined, number>();
    for (const [name, count] of value.symbols) {
      const symbol = this.symbols.get(name);
      if (!symbol?.defined) return undefined;
      total += BigInt(count) * symbol.value;
      balance.set(symbol.section, (balance.get(symbol.section) ?? 0) + count);
    }
    for (const [section, count] of balance) if (section !== undefined && count !== 0) return undefined;
    return total;
  }

  private fill(count: number, byte: number): void {
    if (count < 0) throw assemblyError(this.place, `a size cannot be negative (${count})`);
    if (this.section.noBits) this.section.reserved += count;
    else for (let i = 0; i < count; i++) this.section.out.u8(byte);
  }

  private alignTo(boundary: number, fill: string | undefined): void {
    if (boundary < 1 || (boundary & (boundary - 1)) !== 0) {
      throw assemblyError(this.place, `an alignment must be a power of two, not ${boundary}`);
    }
    this.section.align = Math.max(this.section.align, boundary);
    let gap = -this.section.size & (boundary - 1);
    if (!this.section.flags.includes('x') || fill !== undefined) {
      this.fill(gap, this.number(fill, 0));
      return;
    }
    if (gap & 1) {
      this.fill(1, 0);
      gap--;
    }
    if (gap & 2) this.emit(compress(idOf('addi'), 0, 0, 0, 0), 2);
    for (let words = gap >> 2; words > 0; words--) this.emit(0x0000_0013, 4);
  }

  /** Data items: numbers now, symbols and differences when all is read. */
  private data(size: number, text: string): void {
    const value = parseExpression(text, this.place, this.resolve);
    if (value.symbols.size > 0) {
      const later = { section: this.section, offset: this.section.size, size, value, place: this.place };
      this.pending.push(later);
      this.fill(size, 0);
      return;
    }
    this.writeNumber(size, value.constant);
  }

  readonly pending: { section: Section; offset: number; size: number; value: Value; place: Place }[] = [];

  private writeNumber(size: number, value: bigint): void {
    const bits = BigInt(size * 8);
    if (value < -(1n << (bits - 1n)) || value >= 1n << bits) {
      throw assemblyError(this.place, `${value} does not fit ${size} byte${size === 1 ? '' : 's'}`);
    }
    for (let i = 0; i < size; i++) this.section.out.u8(Number((value >> BigInt(8 * i)) & 255n));
  }

  private directive(s: Statement): void {
    const { operation, operands } = s;
    const [first = '', second, third] = operands;
    const size = DATA_SIZES[operation];
    if (size !== undefined) {
      for (const text of operands) this.data(size, text);
      return;
    }
    if (IGNORED.test(operation)) return;
    switch (operation) {
      case '.text':
      case '.data':
      case '.bss':
      case '.rodata':
        this.section = this.open(operation, undefined, false);
        return;
      case '.section':
      case '.pushsection':
        if (operation === '.pushsection') this.sectionStack.push(this.section);
        this.section = this.open(
          first.replace(/^"|"$/g, ''),
          second?.replace(/"/g, ''),
          third === '@nobits' || third === '%nobits',
        );
        return;
      case '.popsection':
      case '.previous':
        this.section = this.sectionStack.pop() ?? this.section;
        return;
      case '.globl':
      case '.global':
      case '.weak':
        for (const name of operands) this.bindings.set(name, operation === '.weak' ? 'weak' : 'global');
        return;
      case '.type':
        this.types.set(first, (second ?? '').replace(/^[@%]/, ''));
        return;
      case '.size':
        this.sizes.set(first, parseExpression(second ?? '', s, this.resolve));
        return;
      case '.equ':
      case '.set':
      case '.equiv':
        this.constants.set(first, parseExpression(second ?? '', s, this.resolve));
        return;
      case '.align':
      case '.p2align':
        this.alignTo(2 ** this.number(first, 0), second);
        return;
      case '.balign':
        this.alignTo(this.number(first, 1), second);
        return;
      case '.zero':
      case '.space':
      case '.skip':
        this.fill(this.number(first, 0), this.number(second, 0));
        return;
      case '.fill': {
        const unit = this.number(second, 1);
        const value = BigInt(this.number(third, 0));
        for (let i = this.number(first, 0); i > 0; i--) this.writeNumber(unit, value);
        return;
      }
      case '.ascii':
      case '.asciz':
      case '.string':
        for (const text of operands) {
          this.section.out.raw(parseString(text, s));
          if (operation !== '.ascii') this.section.out.u8(0);
        }
        return;
      case '.float':
        for (const text of operands) this.section.out.f32(Number(text));
        return;
      case '.double':
        for (const text of operands) this.section.out.f64(Number(text));
        return;
      case '.comm':
      case '.lcomm':
        this.common(s, first, this.number(second, 0), this.number(third, 1), operation === '.comm');
        return;
      case '.insn': {
        const length = operands.length === 2 ? this.number(first, 4) : undefined;
        const word = this.number(operands.at(-1), 0);
        this.emit(word, (length ?? ((word & 3) === 3 ? 4 : 2)) as 2 | 4);
        return;
      }
      case '.option':
        this.option(s, first);
        return;
      default:
        throw assemblyError(s, `there is no directive "${operation}"`);
    }
  }

  private common(s: Statement, name: string, size: number, align: number, global: boolean): void {
    const saved = this.section;
    this.section = this.open('.bss', undefined, true);
    this.alignTo(align, undefined);
    this.define(name, s);
    this.fill(size, 0);
    this.section = saved;
    if (global) this.bindings.set(name, 'global');
  }

  private option(s: Statement, option: string): void {
    switch (option) {
      case 'rvc':
        this.compress = true;
        return;
      case 'norvc':
        this.compress = false;
        return;
      case 'push':
        this.optionStack.push(this.compress);
        return;
      case 'pop':
        this.compress = this.optionStack.pop() ?? this.compress;
        return;
      case 'relax':
      case 'norelax':
      case 'pic':
      case 'nopic':
      case 'arch':
        return;
      default:
        throw assemblyError(s, `there is no option "${option}"`);
    }
  }

  finish(): AssembledObject {
    const relocations: Fixup[] = [];
    this.finishData();
    for (const fixup of this.fixups) if (!this.applyLocal(fixup)) relocations.push(fixup);
    const symbols: AssembledSymbol[] = [];
    for (const [name, symbol] of this.symbols) {
      symbols.push({
        name,
        section: symbol.section?.name,
        value: symbol.value,
        binding: this.bindings.get(name) ?? 'local',
        type: this.types.get(name) ?? '',
        size: this.sizes.has(name) ? (this.difference(this.sizes.get(name)!) ?? 0n) : 0n,
      });
    }
    for (const [name, value] of this.constants) {
      const constant = this.difference(value);
      if (constant === undefined) continue;
      const binding = this.bindings.get(name) ?? 'local';
      symbols.push({ name, section: undefined, value: constant, binding, type: '', size: 0n });
    }
    const sections = [...this.sections.values()].map((section) => ({
      name: section.name,
      flags: section.flags,
      bytes: new Uint8Array(section.out.bytes()),
      size: section.size,
      align: section.align,
      noBits: section.noBits,
    }));
    return { sections, symbols, relocations };
  }

  private finishData(): void {
    for (const item of this.pending) {
      this.place = item.place;
      const { section, offset } = item;
      const known = this.difference(item.value);
      if (known !== undefined) {
        const bytes = section.out.buffer;
        for (let i = 0; i < item.size; i++) bytes[offset + i] = Number((known >> BigInt(8 * i)) & 255n);
        continue;
      }
      const added = [...item.value.symbols].filter(([, count]) => count === 1);
      if (item.value.symbols.size !== 1 || added.length !== 1 || item.size < 4) {
        throw assemblyError(item.place, 'this value cannot be known before linking');
      }
      this.fixups.push({
        section: section.name,
        offset,
        type: item.size === 8 ? 'R_RISCV_64' : 'R_RISCV_32',
        symbol: added[0]![0],
        addend: item.value.constant,
        place: item.place,
      });
    }
  }

  /** Applies a fixup that is a distance within its section. */
  private applyLocal(fixup: Fixup): boolean {
    if (!isRelative(fixup.type)) return false;
    const section = this.sections.get(fixup.section)!;
    const symbol = this.symbols.get(fixup.symbol);
    if (symbol?.section !== section || this.bindings.get(fixup.symbol) === 'weak') return false;
    let target = symbol.value + fixup.addend;
    if (fixup.type.startsWith('R_RISCV_PCREL_LO12')) {
      const high = this.fixups.find(
        (other) =>
          other.section === fixup.section &&
          BigInt(other.offset) === symbol.value &&
          other.type === 'R_RISCV_PCREL_HI20',
      );
      if (!high) throw assemblyError(fixup.place, `there is no %pcrel_hi at ${fixup.symbol}`);
      const aim = this.symbols.get(high.symbol);
      if (aim?.section !== section || this.bindings.get(high.symbol) === 'weak') return false;
      target = aim.value + high.addend - BigInt(high.offset);
    }
    applyFixup(viewOf(section), fixup, target, BigInt(fixup.offset));
    return true;
  }
}

const viewOf = (section: Section): DataView => new DataView(section.out.buffer.buffer);

/** The nth definition of a numeric label. */
const numericName = (label: string, count: number): string => `.L$n${label}.${count}`;
