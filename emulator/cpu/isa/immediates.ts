/** Reads and writes the immediate of a 32-bit instruction word, by its kind (`ImmediateKind` has the layouts). */
import type { ImmediateKind } from './row.ts';

/** The immediate as a signed 32-bit number (csr and fence: unsigned). */
export function readImmediate(kind: ImmediateKind, word: number): number {
  switch (kind) {
    case 'none':
      return 0;
    case 'i':
      return word >> 20;
    case 's':
    case 'sPage':
      return kind === 's' ? ((word >> 25) << 5) | ((word >>> 7) & 0x1f) : (word >> 25) << 5;
    case 'b':
      return (
        ((word >> 31) << 12) |
        (((word >>> 7) & 1) << 11) |
        (((word >>> 25) & 0x3f) << 5) |
        (((word >>> 8) & 0xf) << 1)
      );
    case 'u':
      return word & ~0xfff;
    case 'j':
      return (
        ((word >> 31) << 20) |
        (((word >>> 12) & 0xff) << 12) |
        (((word >>> 20) & 1) << 11) |
        (((word >>> 21) & 0x3ff) << 1)
      );
    case 'shamt5':
      return (word >>> 20) & 0x1f;
    case 'shamt6':
      return (word >>> 20) & 0x3f;
    case 'csr':
    case 'fence':
      return word >>> 20;
    case 'aqrl':
      return (word >>> 25) & 3;
  }
}

/** The bits of the word that hold an immediate of this kind. */
export function immediateMask(kind: ImmediateKind): number {
  switch (kind) {
    case 'none':
      return 0;
    case 'i':
    case 'csr':
    case 'fence':
      return 0xfff << 20;
    case 's':
    case 'b':
      return (0x7f << 25) | (0x1f << 7);
    case 'sPage':
      return 0x7f << 25;
    case 'u':
    case 'j':
      return 0xfffff << 12;
    case 'shamt5':
      return 0x1f << 20;
    case 'shamt6':
      return 0x3f << 20;
    case 'aqrl':
      return 3 << 25;
  }
}

/** [smallest, largest, step] that the encoding of this kind can hold. */
export function immediateRange(kind: ImmediateKind): readonly [number, number, number] {
  switch (kind) {
    case 'none':
      return [0, 0, 1];
    case 'i':
    case 's':
      return [-2048, 2047, 1];
    case 'sPage':
      return [-2048, 2016, 32];
    case 'b':
      return [-4096, 4094, 2];
    case 'u':
      return [-0x8000_0000, 0x7fff_f000, 4096];
    case 'j':
      return [-0x10_0000, 0xf_fffe, 2];
    case 'shamt5':
      return [0, 31, 1];
    case 'shamt6':
      return [0, 63, 1];
    case 'csr':
    case 'fence':
      return [0, 4095, 1];
    case 'aqrl':
      return [0, 3, 1];
  }
}

/** The immediate's bits in place; the value must be in range. */
export function writeImmediate(kind: ImmediateKind, value: number): number {
  switch (kind) {
    case 'none':
      return 0;
    case 'i':
    case 'csr':
    case 'fence':
    case 'shamt5':
    case 'shamt6':
      return value << 20;
    case 's':
    case 'sPage':
      return ((value >> 5) << 25) | ((value & 0x1f) << 7);
    case 'b':
      return (
        (((value >> 12) & 1) << 31) |
        (((value >> 5) & 0x3f) << 25) |
        (((value >> 1) & 0xf) << 8) |
        (((value >> 11) & 1) << 7)
      );
    case 'u':
      return value & ~0xfff;
    case 'j':
      return (
        (((value >> 20) & 1) << 31) |
        (((value >> 1) & 0x3ff) << 21) |
        (((value >> 11) & 1) << 20) |
        (((value >> 12) & 0xff) << 12)
      );
    case 'aqrl':
      return value << 25;
  }
}
