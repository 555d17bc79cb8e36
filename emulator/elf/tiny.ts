/**
 * Writes the smallest ELF64 RISC-V executable that holds given memory pieces: a header, one program header per
 * piece, the bytes. For tests and generated programs that need no sections or symbols; the compiler has its own
 * writer.
 */
import {
  EF,
  EHDR,
  EHDR_SIZE,
  ELF_MAGIC,
  ELFCLASS64,
  ELFDATA2LSB,
  EM_RISCV,
  ET,
  EV_CURRENT,
  PF,
  PHDR,
  PHDR_SIZE,
  PT,
} from './constants.ts';

/** Bytes to be loaded at a physical address. */
export interface Piece {
  readonly address: bigint;
  readonly data: Uint8Array;
  /** Bytes in memory, default the length of `data`; the rest is zero. */
  readonly memorySize?: bigint;
}

/** An executable of `pieces` that starts at `entry`, by default at the first piece. */
export function tinyElf(pieces: readonly Piece[], entry = pieces[0]?.address ?? 0n): Uint8Array<ArrayBuffer> {
  const headers = EHDR_SIZE + pieces.length * PHDR_SIZE;
  const bytes = new Uint8Array(pieces.reduce((size, piece) => size + piece.data.length, headers));
  const view = new DataView(bytes.buffer);
  view.setUint32(EHDR.magic, ELF_MAGIC, true);
  bytes[EHDR.class] = ELFCLASS64;
  bytes[EHDR.data] = ELFDATA2LSB;
  bytes[EHDR.identVersion] = EV_CURRENT;
  view.setUint16(EHDR.type, ET.EXEC, true);
  view.setUint16(EHDR.machine, EM_RISCV, true);
  view.setUint32(EHDR.version, EV_CURRENT, true);
  view.setBigUint64(EHDR.entry, entry, true);
  view.setBigUint64(EHDR.phoff, BigInt(EHDR_SIZE), true);
  view.setUint32(EHDR.flags, EF.RISCV_RVC | EF.RISCV_FLOAT_ABI_DOUBLE, true);
  view.setUint16(EHDR.ehsize, EHDR_SIZE, true);
  view.setUint16(EHDR.phentsize, PHDR_SIZE, true);
  view.setUint16(EHDR.phnum, pieces.length, true);
  let offset = headers;
  pieces.forEach((piece, index) => {
    const at = EHDR_SIZE + index * PHDR_SIZE;
    view.setUint32(at + PHDR.type, PT.LOAD, true);
    view.setUint32(at + PHDR.flags, PF.R | PF.W | PF.X, true);
    view.setBigUint64(at + PHDR.offset, BigInt(offset), true);
    view.setBigUint64(at + PHDR.vaddr, piece.address, true);
    view.setBigUint64(at + PHDR.paddr, piece.address, true);
    view.setBigUint64(at + PHDR.filesz, BigInt(piece.data.length), true);
    view.setBigUint64(at + PHDR.memsz, piece.memorySize ?? BigInt(piece.data.length), true);
    bytes.set(piece.data, offset);
    offset += piece.data.length;
  });
  return bytes;
}
