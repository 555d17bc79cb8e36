/**
 * Puts one file, an ELF or a raw image, into guest memory. Everything is checked before the first byte is written:
 * a segment that lies outside of memory, or on top of another one or of an image loaded before, is a `UserError`
 * that names the file and the addresses.
 */
import { MiB, PAGE_SIZE } from '../addresses.ts';
import { ET, PT } from '../elf/constants.ts';
import { type ElfFile, isElf, readElf } from '../elf/reader.ts';
import { UserError } from '../errors.ts';
import { Initiator, type PhysicalMemory } from '../machine/memory.ts';

/** A file as the host gave it. */
export interface ImageFile {
  /** What messages call it, usually its path. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** An image in memory. */
export interface LoadedImage {
  readonly name: string;
  /** Physical address of the first instruction. */
  readonly entry: number;
  /** Lowest address used, and one past the highest. */
  readonly start: number;
  readonly end: number;
  /** The file's symbols and sections, if it was an ELF. */
  readonly elf?: ElfFile;
}

/** A piece of an image before it is written. */
interface Piece {
  readonly what: string;
  readonly address: number;
  readonly data: Uint8Array;
  /** Bytes in memory; what `data` does not fill is zero. */
  readonly size: number;
}

const hex = (value: number | bigint): string => `0x${value.toString(16)}`;

/** The images of one machine; keeps them from overlapping. */
export class ImageLoader {
  private readonly taken: { readonly start: number; readonly end: number; readonly what: string }[] = [];

  constructor(private readonly memory: PhysicalMemory) {}

  /** Loads a file: an ELF where it says, anything else as it is at `rawAddress`. */
  load(file: ImageFile, rawAddress: number): LoadedImage {
    return isElf(file.bytes) ? this.loadElf(readElf(file.bytes, file.name)) : this.loadRaw(file, rawAddress);
  }

  /** Loads a file as it is at `address`. */
  loadRaw(file: ImageFile, address: number): LoadedImage {
    if (file.bytes.length === 0) throw new UserError(`${file.name}: the file is empty`);
    const piece = { what: file.name, address, data: file.bytes, size: file.bytes.length };
    this.place([piece]);
    return { name: file.name, entry: address, start: address, end: address + piece.size };
  }

  private loadElf(elf: ElfFile): LoadedImage {
    if (elf.type === ET.REL) {
      throw new UserError(`${elf.name}: an object file (ET_REL), not an executable; link it first`);
    }
    const pieces: Piece[] = [];
    elf.segments.forEach((segment, index) => {
      if (segment.type !== PT.LOAD || segment.memorySize === 0n) return;
      const end = segment.paddr + segment.memorySize;
      if (end > BigInt(Number.MAX_SAFE_INTEGER)) {
        throw new UserError(
          `${elf.name}: segment ${index} ends at ${hex(end)}, outside of the address space`,
        );
      }
      const skip = segment.offset === 0n ? this.headerBytes(Number(segment.paddr), Number(end)) : 0;
      pieces.push({
        what: `${elf.name}: segment ${index}`,
        address: Number(segment.paddr) + skip,
        data: segment.data.subarray(skip),
        size: Number(segment.memorySize) - skip,
      });
    });
    if (pieces.length === 0) throw new UserError(`${elf.name}: no segment to load`);
    const loadsEntry = elf.segments.some(
      (segment) =>
        segment.type === PT.LOAD &&
        elf.entry >= segment.vaddr &&
        elf.entry < segment.vaddr + segment.memorySize,
    );
    if (!loadsEntry) throw new UserError(`${elf.name}: the entry point ${hex(elf.entry)} lies in no segment`);
    this.place(pieces);
    return {
      name: elf.name,
      entry: physicalEntry(elf),
      start: Math.min(...pieces.map((piece) => piece.address)),
      end: Math.max(...pieces.map((piece) => piece.address + piece.size)),
      elf,
    };
  }

  /**
   * Linkers like to put the file's own headers into memory, before the first section: `-Ttext=0x80000000` makes a
   * segment that begins a page below DRAM. Bytes to leave out of a segment that begins with the headers.
   */
  private headerBytes(start: number, end: number): number {
    const base = this.memory.regions[0]!.base;
    return start < base && base < end && base - start <= PAGE_SIZE ? base - start : 0;
  }

  private place(pieces: readonly Piece[]): void {
    for (const piece of pieces) {
      const end = piece.address + piece.size;
      if (!this.memory.contains(piece.address, piece.size)) {
        const regions = this.memory.regions.map(
          (region) => `${region.name} ${hex(region.base)}–${hex(region.base + region.size)}`,
        );
        throw new UserError(
          `${piece.what} needs memory at ${hex(piece.address)}–${hex(end)} (${Math.ceil(piece.size / MiB)} MiB), ` +
            `but the machine has ${regions.join(', ')}; is --mem too small?`,
        );
      }
      const other = this.taken.find((range) => piece.address < range.end && range.start < end);
      if (other) {
        throw new UserError(
          `${piece.what} at ${hex(piece.address)}–${hex(end)} overlaps ${other.what} at ` +
            `${hex(other.start)}–${hex(other.end)}`,
        );
      }
      this.taken.push({ start: piece.address, end, what: piece.what });
    }
    for (const piece of pieces) {
      this.memory.writeBytes(piece.address, piece.data, Initiator.host);
      const rest = piece.size - piece.data.length;
      if (rest > 0) this.memory.fill(piece.address + piece.data.length, rest, 0, Initiator.host);
    }
  }
}

/** Where the entry point lies physically: segments may be linked at other addresses than they are loaded at. */
function physicalEntry(elf: ElfFile): number {
  for (const segment of elf.segments) {
    if (segment.type !== PT.LOAD) continue;
    if (elf.entry >= segment.vaddr && elf.entry < segment.vaddr + segment.memorySize) {
      return Number(elf.entry - segment.vaddr + segment.paddr);
    }
  }
  throw new Error(`${elf.name}: no segment holds the entry point`);
}
