/**
 * An object file as assembly text for GNU as: `licorice build -S`. Assembled, it gives the same bytes, relocations and symbols
 * (without debugging information). Above the instructions of each source line stands the line, as a comment.
 */
import { decode } from '../../../emulator/cpu/isa/decode.ts';
import { disassemble } from '../../../emulator/cpu/isa/disassembler.ts';
import { Instruction } from '../../../emulator/cpu/isa/instruction.ts';
import { ROWS } from '../../../emulator/cpu/isa/table.ts';
import { R_RISCV, SHF, SHT, STB, STT } from '../../../emulator/elf/constants.ts';
import { ARCH } from './attributes.ts';
import {
  ANCHOR_NAME,
  type ObjectFile,
  type ObjectReloc,
  type ObjectSection,
  type ObjectSymbol,
} from './object.ts';

/** The text of a source line, or undefined. */
export type SourceLine = (file: string, line: number) => string | undefined;

const POINTER_BYTES = 8;
const BYTES_PER_LINE = 16;

export function writeAssembly(object: ObjectFile, sourceLine: SourceLine): string {
  const out = [
    '# Assembly of guest TypeScript: riscv64-unknown-elf-as understands it.',
    `\t.attribute arch, "${ARCH}"`,
    '\t.option norelax',
  ];
  for (const [n, section] of object.sections.entries()) {
    if ((section.flags & SHF.ALLOC) === 0) continue;
    out.push(...new SectionText(object, section, `.L${n}_`, sourceLine).write());
  }
  return `${out.join('\n')}\n`;
}

/** A symbol's name, in quotes where its characters need them. */
const nameOf = (symbol: ObjectSymbol): string =>
  /^[A-Za-z_.$][\w.$]*$/.test(symbol.name) ? symbol.name : JSON.stringify(symbol.name);

const hex = (value: number, digits: number): string =>
  `0x${(value >>> 0).toString(16).padStart(digits, '0')}`;

/** `symbol + addend`. */
function target({ symbol, addend }: ObjectReloc): string {
  const sum = addend === 0 ? '' : addend > 0 ? `+${addend}` : `${addend}`;
  return `${nameOf(symbol)}${sum}`;
}

class SectionText {
  private readonly out: string[] = [];
  private readonly symbols: readonly ObjectSymbol[];
  private readonly relocs = new Map<number, ObjectReloc>();
  /** Local labels by offset. */
  private readonly labels = new Map<number, string>();
  private readonly view: DataView;

  constructor(
    object: ObjectFile,
    private readonly section: ObjectSection,
    /** What its local labels begin with. */
    private readonly labelPrefix: string,
    private readonly sourceLine: SourceLine,
  ) {
    this.symbols = object.symbols
      .filter((symbol) => symbol.section === section && !isAnchor(symbol))
      .sort((a, b) => a.value - b.value);
    for (const reloc of section.relocs) this.relocs.set(reloc.offset, reloc);
    this.view = new DataView(section.data.buffer, section.data.byteOffset, section.data.length);
  }

  write(): string[] {
    const { section, out } = this;
    const isCode = (section.flags & SHF.EXECINSTR) !== 0;
    const flags = `a${(section.flags & SHF.WRITE) !== 0 ? 'w' : ''}${isCode ? 'x' : ''}`;
    const kind = section.type === SHT.NOBITS ? '@nobits' : '@progbits';
    out.push('', `\t.section ${section.name},"${flags}",${kind}`, `\t.balign ${section.align}`);
    if (isCode) this.code();
    else this.data();
    for (const symbol of this.symbols) {
      if (symbol.size > 0) out.push(`\t.size ${nameOf(symbol)}, ${symbol.size}`);
    }
    return out;
  }

  private symbolsAt(offset: number): void {
    for (const symbol of this.symbols) {
      if (symbol.value !== offset) continue;
      const name = nameOf(symbol);
      if (symbol.binding !== STB.LOCAL)
        this.out.push(`\t${symbol.binding === STB.WEAK ? '.weak' : '.globl'} ${name}`);
      if (symbol.type === STT.FUNC) this.out.push(`\t.type ${name}, @function`);
      else if (symbol.type === STT.OBJECT) this.out.push(`\t.type ${name}, @object`);
      this.out.push(`${name}:`);
    }
  }

  // Code.

  private code(): void {
    const { section, out } = this;
    const { words, lines } = section.listing ?? { words: [], lines: [] };
    const isWord = new Set(words);
    this.findLabels(isWord);
    const lineAt = new Map(lines.map((line) => [line.offset, line]));
    const starts = new Set(this.symbols.map((symbol) => symbol.value));
    for (let at = 0; at < section.size; ) {
      if (starts.has(at)) {
        out.push('');
        this.symbolsAt(at);
      }
      const line = lineAt.get(at);
      if (line !== undefined) out.push(this.comment(line.file, line.line));
      const label = this.labels.get(at);
      if (label !== undefined) out.push(`${label}:`);
      at = isWord.has(at) ? this.word(at) : this.instruction(at);
    }
  }

  private comment(file: string, line: number): string {
    const text = this.sourceLine(file, line)?.trim() ?? '';
    return `# ${file}:${line}${text === '' ? '' : `  ${text}`}`;
  }

  /** Gives a label to each place that a branch goes to and each upper half of an address. */
  private findLabels(isWord: ReadonlySet<number>): void {
    const targets = new Set<number>();
    const i = new Instruction();
    for (let at = 0; at < this.section.size; ) {
      if (isWord.has(at)) {
        at += 4;
        continue;
      }
      decode(this.wordAt(at), i);
      const reloc = this.relocs.get(at);
      if (reloc === undefined && i.id >= 0 && ROWS[i.id]!.operands.includes('target'))
        targets.add(at + i.imm);
      if (reloc?.type === R_RISCV.PCREL_HI20 && !this.isWholeAddress(at, reloc)) targets.add(at);
      at += i.length;
    }
    const sorted = [...targets].sort((a, b) => a - b);
    for (const [n, offset] of sorted.entries()) this.labels.set(offset, `${this.labelPrefix}${n}`);
  }

  private wordAt(at: number): number {
    return at + 4 <= this.view.byteLength ? this.view.getInt32(at, true) : this.view.getUint16(at, true);
  }

  private word(at: number): number {
    this.out.push(`\t.word ${hex(this.view.getUint32(at, true), 8)}`);
    return at + 4;
  }

  private instruction(at: number): number {
    const { out } = this;
    const i = decode(this.wordAt(at), new Instruction());
    const reloc = this.relocs.get(at);
    if (reloc !== undefined) return this.relocated(at, i, reloc);
    const text = disassemble(this.wordAt(at), 0n);
    const row = ROWS[i.id];
    if (row === undefined || row.extension === 'Xtwz' || text === 'pause') {
      // What GNU as does not know, or only by an extension that the file does not name.
      out.push(`\t.insn ${i.length}, ${hex(i.word, i.length * 2)}\t# ${text.replace('\t', ' ')}`);
    } else if (row.operands.includes('target')) {
      out.push(`\t${text.replace(/[^,\t]*$/, this.labels.get(at + i.imm)!)}`);
    } else if (row.operands.includes('csr')) {
      // Not every assembler knows every register by name.
      out.push(`\t${row.name}\t${csrOperands(i, row.operands)}\t# ${text.replace('\t', ' ')}`);
    } else out.push(`\t${text}`);
    return at + i.length;
  }

  /** Whether AUIPC and the next instruction are what `la` stands for. */
  private isWholeAddress(at: number, high: ObjectReloc): boolean {
    const low = this.relocs.get(at + 4);
    if (low?.type !== R_RISCV.PCREL_LO12_I || high.type !== R_RISCV.PCREL_HI20) return false;
    const upper = decode(this.wordAt(at), new Instruction());
    const rest = decode(this.wordAt(at + 4), new Instruction());
    return ROWS[rest.id]!.name === 'addi' && rest.rd === rest.rs1 && rest.rd === upper.rd;
  }

  private relocated(at: number, i: Instruction, reloc: ObjectReloc): number {
    const { out } = this;
    const row = ROWS[i.id]!;
    const text = disassemble(this.wordAt(at), 0n, { aliases: false });
    const withLast = (operand: string): string => `\t${text.replace(/[^,\t]*$/, operand)}`;
    switch (reloc.type) {
      case R_RISCV.JAL:
        // GNU as would take a shorter jump to a near function.
        out.push('\t.option push', '\t.option norvc', withLast(target(reloc)), '\t.option pop');
        return at + 4;
      case R_RISCV.CALL_PLT:
        out.push(i.rd === 1 ? `\tcall\t${target(reloc)}` : `\ttail\t${target(reloc)}`);
        return at + 8;
      case R_RISCV.PCREL_HI20:
        if (this.isWholeAddress(at, reloc)) {
          out.push(`\tlla\t${text.split('\t')[1]!.split(',')[0]!},${target(reloc)}`);
          return at + 8;
        }
        out.push(withLast(`%pcrel_hi(${target(reloc)})`));
        return at + 4;
      case R_RISCV.PCREL_LO12_I:
      case R_RISCV.PCREL_LO12_S: {
        const low = `%pcrel_lo(${this.labels.get(reloc.symbol.value)!})`;
        out.push(row.operands.includes('mem') ? withLast(`${low}(${base(text)})`) : withLast(low));
        return at + 4;
      }
      default:
        // Absolute halves in hand-written assembly.
        out.push(
          withLast(row.operands.includes('mem') ? `%lo(${target(reloc)})(${base(text)})` : absolute(reloc)),
        );
        return at + 4;
    }
  }

  // Data.

  private data(): void {
    const { section } = this;
    const cuts = new Set([...this.symbols.map((symbol) => symbol.value), ...this.relocs.keys()]);
    for (const offset of this.relocs.keys()) cuts.add(offset + POINTER_BYTES);
    const sorted = [...cuts].filter((cut) => cut > 0 && cut < section.size).sort((a, b) => a - b);
    let at = 0;
    for (const end of [...sorted, section.size]) {
      this.symbolsAt(at);
      const reloc = this.relocs.get(at);
      if (reloc !== undefined) this.out.push(`\t.dword ${target(reloc)}`);
      else this.bytes(at, end);
      at = end;
    }
  }

  private bytes(at: number, end: number): void {
    const bytes = this.section.data.subarray(at, end);
    if (bytes.every((byte) => byte === 0)) this.out.push(`\t.zero ${end - at}`);
    else if (bytes.every(isText)) this.out.push(`\t.ascii ${quoted(bytes)}`);
    else {
      for (let i = 0; i < bytes.length; i += BYTES_PER_LINE) {
        this.out.push(
          `\t.byte ${[...bytes.subarray(i, i + BYTES_PER_LINE)].map((byte) => hex(byte, 2)).join(', ')}`,
        );
      }
    }
  }
}

/** Anchors are the upper halves of addresses; here they are labels. */
const isAnchor = (symbol: ObjectSymbol): boolean => symbol.name === ANCHOR_NAME;

const base = (text: string): string => /\((\w+)\)$/.exec(text)![1]!;

function absolute(reloc: ObjectReloc): string {
  return reloc.type === R_RISCV.HI20 ? `%hi(${target(reloc)})` : `%lo(${target(reloc)})`;
}

/** Operands of a CSR instruction with the register's number. */
function csrOperands(i: Instruction, operands: readonly string[]): string {
  const source = operands.includes('zimm') ? `${i.rs1}` : `x${i.rs1}`;
  return `x${i.rd},${hex(i.imm, 3)},${source}`;
}

const NEWLINE = 10;
const TAB = 9;
const isText = (byte: number): boolean => (byte >= 0x20 && byte < 0x7f) || byte === NEWLINE || byte === TAB;

function quoted(bytes: Uint8Array): string {
  const text = String.fromCharCode(...bytes);
  return `"${text.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n').replace(/\t/g, '\\t')}"`;
}
