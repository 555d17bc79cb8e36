/**
 * Joins object files into an executable: resolves symbols, lays sections out by a `Layout`, applies relocations. Sections
 * of one kind are placed in the order of the files; `.text.start` comes first, so a kernel begins with its entry code.
 *
 * Symbols provided besides those of the files: `__text_start`, `__text_end`, `__rodata_start`, `__rodata_end`,
 * `__data_start`, `__data_end`, `__bss_start`, `__bss_end`, `_end`, `__stack_top`, `__global_pointer$`.
 */

import { PF, PT, SHF, SHT, STB, STT } from '../../../emulator/elf/constants.ts';
import { UserError } from '../../../emulator/errors.ts';
import { type Segment, writeExecutable } from './elf-writer.ts';
import { type ObjectFile, ObjectSection, ObjectSymbol } from './object.ts';
import { applyRelocation, type RelocContext } from './relocate.ts';

/** Where and how an executable is laid out: what a linker script would say. */
export interface Layout {
  /** Address of the first section. */
  readonly base: bigint;
  /** Where a machine without translation loads the first section; `base` when left out. */
  readonly physicalBase?: bigint;
  /** Symbol at which execution starts. */
  readonly entry: string;
  /** Bytes reserved after .bss for a stack, whose end is `__stack_top`; 0 for none. */
  readonly stackSize: number;
  /** Whether text, read-only and writable data each start at a page of their own. */
  readonly pageAligned: boolean;
}

export const LAYOUTS = {
  /** A program for the bare machine: loaded at the start of memory, with its own stack. */
  bare: { base: 0x8000_0000n, entry: '_start', stackSize: 0x1_0000, pageAligned: true },
  /** The kernel: in the supervisor window (docs/xtwz.md §1), loaded where the firmware of the `virt` machine jumps to. */
  kernel: {
    base: 0xffff_8000_8020_0000n,
    physicalBase: 0x8020_0000n,
    entry: '_start',
    stackSize: 0,
    pageAligned: true,
  },
  /** A program in an object: its text starts behind the null page. */
  program: { base: 0x1000n, entry: '_start', stackSize: 0, pageAligned: true },
} as const satisfies Record<string, Layout>;

export interface LinkedImage {
  readonly sections: readonly ObjectSection[];
  readonly symbols: readonly ObjectSymbol[];
  readonly entry: bigint;
  readonly segments: readonly Segment[];
}

const PAGE = 0x1000n;

/** Order of sections in memory: text, read-only, writable, zeros; what is not in memory has rank -1. */
function rankOf(section: ObjectSection): number {
  if ((section.flags & SHF.ALLOC) === 0) return -1;
  if ((section.flags & SHF.EXECINSTR) !== 0) return 0;
  if ((section.flags & SHF.WRITE) === 0) return 1;
  return section.type === SHT.NOBITS ? 3 : 2;
}

/** Sections of other compilers that mean nothing in the result. */
const isDropped = (section: ObjectSection): boolean =>
  section.type === SHT.RISCV_ATTRIBUTES || section.name === '.comment' || section.name.startsWith('.note');

/** Name of the output section for an input section. */
function outputName(section: ObjectSection): string {
  const rank = rankOf(section);
  if (rank < 0) return section.name;
  const usual = ['.text', '.rodata', '.data', '.bss'][rank]!;
  for (const prefix of ['.text', '.rodata', '.srodata', '.data', '.sdata', '.bss', '.sbss']) {
    if (section.name === prefix || section.name.startsWith(`${prefix}.`)) return usual;
  }
  return section.name;
}

export function link(objects: readonly ObjectFile[], layout: Layout): LinkedImage {
  return new Linker(objects, layout).run();
}

/** Links and writes the file. */
export function linkExecutable(objects: readonly ObjectFile[], layout: Layout): Uint8Array {
  const image = link(objects, layout);
  return writeExecutable(image.sections, image.symbols, image.entry, image.segments);
}

interface Output {
  readonly section: ObjectSection;
  readonly rank: number;
  readonly inputs: ObjectSection[];
}

class Linker {
  private readonly globals = new Map<string, ObjectSymbol>();
  /** Output section and offset of each input section. */
  private readonly placed = new Map<ObjectSection, { output: ObjectSection; offset: number }>();
  private readonly provided: ObjectSymbol[] = [];

  constructor(
    private readonly objects: readonly ObjectFile[],
    private readonly layout: Layout,
  ) {}

  run(): LinkedImage {
    this.resolveSymbols();
    const outputs = this.collect();
    const segments = this.place(outputs);
    this.rebaseSymbols();
    this.relocate();
    const entry = this.globals.get(this.layout.entry);
    if (entry?.isDefined !== true)
      throw new UserError(`linking: no symbol '${this.layout.entry}' to start at`);
    return {
      sections: outputs.map((output) => output.section),
      symbols: this.outputSymbols(),
      entry: addressOf(entry),
      segments,
    };
  }

  private resolveSymbols(): void {
    for (const object of this.objects) {
      const commons = object.symbols.filter((symbol) => symbol.commonAlign > 0);
      for (const symbol of commons) allotCommon(object, symbol);
      for (const symbol of object.symbols) {
        if (symbol.binding === STB.LOCAL || !symbol.isDefined) continue;
        const known = this.globals.get(symbol.name);
        if (known === undefined || (known.binding === STB.WEAK && symbol.binding === STB.GLOBAL)) {
          this.globals.set(symbol.name, symbol);
        } else if (known.binding === STB.GLOBAL && symbol.binding === STB.GLOBAL) {
          throw new UserError(
            `linking: '${symbol.name}' is defined twice, the second time in ${object.name}`,
          );
        }
      }
    }
    for (const name of PROVIDED) {
      if (this.globals.has(name)) continue;
      const symbol = new ObjectSymbol(name);
      symbol.binding = STB.GLOBAL;
      this.provided.push(symbol);
      this.globals.set(name, symbol);
    }
  }

  private collect(): Output[] {
    const byName = new Map<string, Output>();
    const inputs: ObjectSection[] = [];
    for (const object of this.objects) {
      for (const section of object.sections) {
        if (!isDropped(section) && (section.size > 0 || section.data.length > 0)) inputs.push(section);
      }
    }
    // Entry code first; otherwise the order of the files.
    inputs.sort((a, b) => Number(b.name === '.text.start') - Number(a.name === '.text.start'));
    for (const section of inputs) {
      const name = outputName(section);
      const rank = rankOf(section);
      const key = `${name} ${rank}`;
      let output = byName.get(key);
      if (output === undefined) {
        output = { section: new ObjectSection(name, section.type, section.flags, 1), rank, inputs: [] };
        byName.set(key, output);
      }
      output.inputs.push(section);
    }
    const outputs = [...byName.values()];
    const order = (output: Output): number => (output.rank < 0 ? 4 : output.rank);
    outputs.sort((a, b) => order(a) - order(b));
    for (const output of outputs) this.concatenate(output);
    return outputs;
  }

  private concatenate({ section, inputs }: Output): void {
    let size = 0;
    for (const input of inputs) {
      const align = Math.max(input.align, 1);
      section.align = Math.max(section.align, align);
      size = (size + align - 1) & -align;
      this.placed.set(input, { output: section, offset: size });
      size += input.size;
    }
    section.size = size;
    if (section.type === SHT.NOBITS) return;
    section.data = new Uint8Array(size);
    for (const input of inputs) section.data.set(input.data, this.placed.get(input)!.offset);
  }

  private place(outputs: readonly Output[]): Segment[] {
    const loaded = outputs.filter((output) => output.rank >= 0);
    const segments: Segment[] = [];
    const physicalOffset = (this.layout.physicalBase ?? this.layout.base) - this.layout.base;
    const flags = [PF.R | PF.X, PF.R, PF.R | PF.W];
    const bounds = [0, 1, 2, 3].map(() => ({ start: 0n, end: 0n }));
    let address = this.layout.base;
    for (const rank of [0, 1, 2, 3]) {
      if (this.layout.pageAligned && rank < 3) address = (address + PAGE - 1n) & -PAGE;
      bounds[rank]!.start = address;
      for (const { section } of loaded.filter((output) => output.rank === rank)) {
        const align = BigInt(section.align);
        address = (address + align - 1n) & -align;
        section.address = address;
        address += BigInt(section.size);
      }
      bounds[rank]!.end = address;
    }
    for (const [index, ranks] of [[0], [1], [2, 3]].entries()) {
      const sections = loaded.filter((output) => ranks.includes(output.rank)).map((output) => output.section);
      if (sections.length > 0)
        segments.push({ type: PT.LOAD, flags: flags[index]!, sections, physicalOffset });
    }
    const end = (address + 15n) & -16n;
    const values: Record<(typeof PROVIDED)[number], bigint> = {
      __text_start: bounds[0]!.start,
      __text_end: bounds[0]!.end,
      __rodata_start: bounds[1]!.start,
      __rodata_end: bounds[1]!.end,
      __data_start: bounds[2]!.start,
      __data_end: bounds[2]!.end,
      __bss_start: bounds[3]!.start,
      __bss_end: bounds[3]!.end,
      _end: end,
      __stack_top: end + BigInt(this.layout.stackSize),
      __global_pointer$: bounds[2]!.start + 0x800n,
    };
    const anchor = loaded[0]?.section;
    for (const symbol of this.provided) {
      // As an offset from the first section, so that code reaches it relative to itself.
      symbol.section = anchor;
      symbol.value = Number(values[symbol.name as keyof typeof values] - (anchor?.address ?? 0n));
    }
    return segments;
  }

  /** Moves symbols from input to output sections. */
  private rebaseSymbols(): void {
    for (const object of this.objects) {
      for (const symbol of object.symbols) {
        const place = symbol.section === undefined ? undefined : this.placed.get(symbol.section);
        if (place === undefined) continue;
        symbol.section = place.output;
        symbol.value += place.offset;
      }
    }
  }

  private target(symbol: ObjectSymbol, object: ObjectFile): ObjectSymbol | undefined {
    if (symbol.binding === STB.LOCAL && symbol.isDefined) return symbol;
    const found = this.globals.get(symbol.name);
    if (found !== undefined) return found;
    if (symbol.isDefined) return symbol;
    if (symbol.binding === STB.WEAK) return undefined;
    throw new UserError(`linking: '${symbol.name}' is used in ${object.name} and defined nowhere`);
  }

  private relocate(): void {
    for (const object of this.objects) {
      for (const input of object.sections) {
        const place = this.placed.get(input);
        if (place === undefined || input.relocs.length === 0) continue;
        const context: RelocContext = {
          fileName: object.name,
          section: place.output,
          base: place.offset,
          view: new DataView(place.output.data.buffer, place.output.data.byteOffset),
          input,
          target: (symbol) => this.target(symbol, object),
          offsetOf: (section) => this.placed.get(section)?.offset ?? 0,
        };
        for (const reloc of input.relocs) applyRelocation(context, reloc);
      }
    }
  }

  private outputSymbols(): ObjectSymbol[] {
    const result: ObjectSymbol[] = [];
    for (const object of this.objects) {
      for (const symbol of object.symbols) {
        if (!symbol.isDefined || symbol.type === STT.SECTION || symbol.name === '') continue;
        if (symbol.binding !== STB.LOCAL && this.globals.get(symbol.name) !== symbol) continue;
        result.push(symbol);
      }
    }
    return [...result, ...this.provided];
  }
}

const PROVIDED = [
  '__text_start',
  '__text_end',
  '__rodata_start',
  '__rodata_end',
  '__data_start',
  '__data_end',
  '__bss_start',
  '__bss_end',
  '_end',
  '__stack_top',
  '__global_pointer$',
] as const;

/** Address of a symbol after placement. */
export const addressOf = (symbol: ObjectSymbol): bigint =>
  (symbol.section?.address ?? 0n) + BigInt(symbol.value);

/** Gives a common symbol its place in a section of zeros. */
function allotCommon(object: ObjectFile, symbol: ObjectSymbol): void {
  const section = new ObjectSection('.bss', SHT.NOBITS, SHF.ALLOC | SHF.WRITE, symbol.commonAlign);
  section.size = symbol.size;
  object.sections.push(section);
  symbol.section = section;
  symbol.value = 0;
  symbol.commonAlign = 0;
}
