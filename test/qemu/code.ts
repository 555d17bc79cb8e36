/**
 * Code of a random program while it is being made: a list of atoms, each a few words that belong together and are
 * never entered in the middle. Jumps go to the beginning of a later atom and are resolved when the code is laid out.
 */

import { compress, encode } from '../../emulator/cpu/isa/encode.ts';
import { idOf, ROWS } from '../../emulator/cpu/isa/table.ts';
import type { Random } from '../../emulator/random.ts';

/** One instruction; `jump` is the number of atoms from its own to the target. */
interface Word {
  readonly bits: number;
  readonly size: 2 | 4;
  readonly jump?: {
    readonly id: number;
    readonly rd: number;
    readonly rs1: number;
    readonly rs2: number;
    readonly atoms: number;
  };
}

export interface Operands {
  rd?: number;
  rs1?: number;
  rs2?: number;
  rs3?: number;
  imm?: number;
  rm?: number;
}

export class Code {
  private readonly atoms: Word[][] = [];
  private current: Word[] = [];
  /** Names of the rows used, as often as they were. */
  readonly uses = new Map<string, number>();
  /** Number of instructions. */
  length = 0;

  constructor(private readonly random: Random) {}

  /** Ends the atom. */
  cut(): void {
    if (this.current.length > 0) this.atoms.push(this.current);
    this.current = [];
  }

  /** Appends an instruction, sometimes in its compressed form if it has one. */
  emit(name: string, operands: Operands = {}, mayCompress = true): void {
    const id = idOf(name);
    const { rd = 0, rs1 = 0, rs2 = 0, imm = 0, rs3 = 0, rm } = operands;
    const short = mayCompress && this.random.chance(0.6) ? compress(id, rd, rs1, rs2, imm) : -1;
    this.use(name);
    if (short >= 0) this.current.push({ bits: short, size: 2 });
    else this.current.push({ bits: encode(id, rd, rs1, rs2, imm, rs3, rm), size: 4 });
  }

  /** Appends raw bits, 16 or 32 of them. */
  raw(bits: number): void {
    this.length++;
    this.current.push({ bits, size: (bits & 3) === 3 ? 4 : 2 });
  }

  /** Appends a branch or jal to the beginning of the atom that is `atoms` after this one (0: this one). */
  jump(name: string, operands: Operands, atoms: number): void {
    const { rd = 0, rs1 = 0, rs2 = 0 } = operands;
    this.use(name);
    this.current.push({ bits: 0, size: 4, jump: { id: idOf(name), rd, rs1, rs2, atoms } });
  }

  /** `rd` = a signed 32-bit constant, in one or two instructions. */
  constant(rd: number, value: number): void {
    const low = (value << 20) >> 20;
    const high = (value - low) | 0;
    if (high !== 0) this.emit('lui', { rd, imm: high });
    if (low !== 0 || high === 0)
      this.emit(high === 0 ? 'addi' : 'addiw', { rd, rs1: high === 0 ? 0 : rd, imm: low });
  }

  /** The number of atoms so far, the one under construction included. */
  get count(): number {
    return this.atoms.length + (this.current.length > 0 ? 1 : 0);
  }

  /** Appends `jal`/branch back to atom `index`. */
  jumpBack(name: string, operands: Operands, index: number): void {
    this.jump(name, operands, index - this.atoms.length);
  }

  /** Lays the code out and resolves its jumps; none goes beyond atom `last`. */
  assemble(last: number): { readonly bytes: Uint8Array; readonly starts: readonly number[] } {
    this.cut();
    const starts: number[] = [];
    let size = 0;
    for (const atom of this.atoms) {
      starts.push(size);
      for (const word of atom) size += word.size;
    }
    starts.push(size);
    const view = new DataView(new ArrayBuffer(size));
    let at = 0;
    this.atoms.forEach((atom, index) => {
      for (const word of atom) {
        let bits = word.bits;
        if (word.jump) {
          const { id, rd, rs1, rs2, atoms } = word.jump;
          const target = starts[Math.min(index + atoms, last)]!;
          bits = encode(id, rd, rs1, rs2, target - at);
        }
        if (word.size === 2) view.setUint16(at, bits, true);
        else view.setUint32(at, bits, true);
        at += word.size;
      }
    });
    return { bytes: new Uint8Array(view.buffer), starts };
  }

  private use(name: string): void {
    this.length++;
    this.uses.set(name, (this.uses.get(name) ?? 0) + 1);
  }
}

/** The rows of the table by their names. */
export const rowNamed = (name: string) => ROWS[idOf(name)]!;
