/** Bytes of a debugging section under construction, with the relocations in them. */
import { R_RISCV, SHT, STT } from '../../../emulator/elf/constants.ts';
import { type ObjectReloc, ObjectSection, ObjectSymbol } from './object.ts';

/** Bytes of UTF-8 for one unit of UTF-16, at most. */
const UTF8_MOST = 3;

export class DebugBuffer {
  readonly section: ObjectSection;
  /** The start of the section, for references from other sections. */
  readonly symbol = new ObjectSymbol('');
  private bytes = new Uint8Array(4096);
  private view = new DataView(this.bytes.buffer);
  private readonly relocs: ObjectReloc[] = [];
  private readonly encoder = new TextEncoder();
  length = 0;

  constructor(name: string) {
    this.section = new ObjectSection(name, SHT.PROGBITS, 0, 1);
    this.symbol.section = this.section;
    this.symbol.type = STT.SECTION;
  }

  private reserve(count: number): number {
    const at = this.length;
    this.length += count;
    if (this.length > this.bytes.length) {
      const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.length));
      grown.set(this.bytes);
      this.bytes = grown;
      this.view = new DataView(grown.buffer);
    }
    return at;
  }

  u8(value: number): void {
    const at = this.reserve(1);
    this.bytes[at] = value;
  }

  u16(value: number): void {
    const at = this.reserve(2);
    this.view.setUint16(at, value, true);
  }

  u32(value: number): void {
    const at = this.reserve(4);
    this.view.setUint32(at, value, true);
  }

  u64(value: number): void {
    const at = this.reserve(8);
    this.view.setBigUint64(at, BigInt(value), true);
  }

  uleb(value: number): void {
    let rest = value;
    do {
      const low = rest % 128;
      rest = Math.floor(rest / 128);
      this.u8(rest > 0 ? low | 0x80 : low);
    } while (rest > 0);
  }

  sleb(value: number | bigint): void {
    let rest = BigInt(value);
    for (;;) {
      const low = Number(rest & 0x7fn);
      rest >>= 7n;
      const done = (rest === 0n && (low & 0x40) === 0) || (rest === -1n && (low & 0x40) !== 0);
      this.u8(done ? low : low | 0x80);
      if (done) return;
    }
  }

  /** A string with a zero byte at its end. */
  text(value: string): void {
    const at = this.reserve(UTF8_MOST * value.length + 1);
    const { written } = this.encoder.encodeInto(value, this.bytes.subarray(at));
    this.bytes[at + written] = 0;
    this.length = at + written + 1;
  }

  raw(values: readonly number[]): void {
    for (const value of values) this.u8(value);
  }

  /** The 8-byte address of a symbol plus `addend`. */
  address(symbol: ObjectSymbol, addend = 0): void {
    this.relocs.push({ offset: this.reserve(8), type: R_RISCV.R64, symbol, addend });
  }

  /** A 4-byte offset into another section. */
  offsetIn(target: DebugBuffer, offset: number): void {
    this.relocs.push({ offset: this.reserve(4), type: R_RISCV.R32, symbol: target.symbol, addend: offset });
  }

  /** Starts a unit with a 4-byte length; `endUnit` fills it in. */
  startUnit(): number {
    return this.reserve(4);
  }

  endUnit(start: number): void {
    this.view.setUint32(start, this.length - start - 4, true);
  }

  patchU8(at: number, value: number): void {
    this.bytes[at] = value;
  }

  patchU32(at: number, value: number): void {
    this.view.setUint32(at, value, true);
  }

  finish(): ObjectSection {
    this.section.data = this.bytes.slice(0, this.length);
    this.section.size = this.length;
    this.section.relocs = this.relocs;
    return this.section;
  }
}
