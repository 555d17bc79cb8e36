/**
 * Control and status registers: what a row of the CSR table says, and how an instruction's access goes through it
 * (Zicsr; Privileged ISA §2.1). The rows themselves are in csr-machine.ts, csr-supervisor.ts and csr-counters.ts;
 * an extension adds rows of its own to the list that `CsrFile` is made from.
 *
 * A row either names a slot, with a mask of the bits that software can write (then the register is *simple*: an
 * engine may read and write the slot itself), or gives functions. Which accesses are allowed follows from the
 * number (bits 9:8 lowest privilege, bits 11:10 = 3 read-only) and from the row's `guard`.
 */
import { Privilege } from './causes.ts';
import type { Hart } from './hart.ts';
import { HART } from './state.ts';

/** A 64-bit constant as [low, high] halves, signed or unsigned. */
export type Halves = readonly [lo: number, hi: number];

export interface CsrRow {
  readonly number: number;
  readonly name: string;
  /** Slot of the stored value. */
  readonly slot?: number;
  /** Bits that a write changes, others keep their value; default: all. Only for rows with a slot. */
  readonly mask?: Halves;
  /** Value after reset; default 0. Only for rows with a slot. */
  readonly reset?: Halves;
  /** Value: low half returned, high half in `hart.hi`. Default: the slot. */
  readonly read?: (hart: Hart) => number;
  /** Legalises and stores. Default: the slot under `mask`. */
  readonly write?: (hart: Hart, lo: number, hi: number) => void;
  /** False makes this access an illegal instruction, besides the rules that the number implies. */
  readonly guard?: (hart: Hart, write: boolean) => boolean;
  /** Section of the Privileged ISA (or of the extension's specification). */
  readonly section: string;
}

/** A row with everything filled in. */
interface Entry {
  readonly row: CsrRow;
  readonly privilege: number;
  readonly readOnly: boolean;
  readonly read: (hart: Hart) => number;
  readonly write: (hart: Hart, lo: number, hi: number) => void;
  readonly guard: ((hart: Hart, write: boolean) => boolean) | undefined;
}

/** What an engine needs to do a simple register's access by itself. */
export interface SimpleCsr {
  /** Byte offset of the i64 cell from the hart's base. */
  readonly offset: number;
  /** Lowest privilege mode that may access it. */
  readonly privilege: number;
  readonly mask: Halves;
}

export class CsrFile {
  private readonly entries: (Entry | undefined)[] = new Array<Entry | undefined>(4096).fill(undefined);
  readonly rows: readonly CsrRow[];

  constructor(rows: readonly CsrRow[]) {
    this.rows = rows;
    const slots = new Map<number, string>();
    for (const row of rows) {
      if (this.entries[row.number])
        throw new Error(`CSR 0x${row.number.toString(16)} is defined twice: ${row.name}`);
      if (row.slot !== undefined) {
        const other = slots.get(row.slot);
        // sstatus, sie and sip are views of M-mode registers and share their slots by functions, never by `slot`.
        if (other) throw new Error(`CSRs ${other} and ${row.name} share slot ${row.slot}`);
        slots.set(row.slot, row.name);
      }
      this.entries[row.number] = {
        row,
        privilege: (row.number >> 8) & 3,
        readOnly: row.number >> 10 === 3,
        read: row.read ?? slotReader(row),
        write: row.write ?? slotWriter(row),
        guard: row.guard,
      };
    }
  }

  /** Puts every stored register to its value after reset. */
  reset(hart: Hart): void {
    for (const row of this.rows) {
      if (row.slot !== undefined) hart.setCell(row.slot, row.reset?.[0] ?? 0, row.reset?.[1] ?? 0);
    }
  }

  /** The row of a number, if there is such a register. */
  row(number: number): CsrRow | undefined {
    return this.entries[number]?.row;
  }

  byName(name: string): CsrRow | undefined {
    return this.rows.find((row) => row.name === name);
  }

  /** How an engine can access a register by itself, when that is only a load and a store. */
  simple(number: number): SimpleCsr | undefined {
    const entry = this.entries[number];
    if (!entry || entry.readOnly) return undefined;
    const { slot, mask, read, write, guard } = entry.row;
    if (slot === undefined || read || write || guard) return undefined;
    return { offset: HART.csrs + 8 * slot, privilege: entry.privilege, mask: mask ?? [-1, -1] };
  }

  /**
   * Executes a Zicsr instruction at the hart's present privilege, all but moving pc.
   * @param raw the 32-bit instruction: csr[31:20] rs1/uimm[19:15] funct3[14:12] rd[11:7]
   * @returns false when the access is an illegal instruction (nothing has changed then)
   */
  execute(hart: Hart, raw: number): boolean {
    const entry = this.entries[raw >>> 20];
    if (entry === undefined || hart.privilege < entry.privilege) return false;
    const funct3 = (raw >> 12) & 7;
    const source = (raw >> 15) & 31;
    const rd = (raw >> 7) & 31;
    const operation = funct3 & 3;
    const writes = operation === 1 || source !== 0;
    if (writes && entry.readOnly) return false;
    if (entry.guard !== undefined && !entry.guard(hart, writes)) return false;
    let oldLo = 0;
    let oldHi = 0;
    if (operation !== 1 || rd !== 0) {
      oldLo = entry.read(hart);
      oldHi = hart.hi;
    }
    if (writes) {
      let lo = source;
      let hi = 0;
      if ((funct3 & 4) === 0) {
        lo = hart.x(source);
        hi = hart.hi;
      }
      if (operation === 2) {
        lo |= oldLo;
        hi |= oldHi;
      } else if (operation === 3) {
        lo = oldLo & ~lo;
        hi = oldHi & ~hi;
      }
      entry.write(hart, lo, hi);
    }
    hart.setX(rd, oldLo, oldHi);
    return true;
  }

  /** For tools: the value as M-mode reads it, unsigned, without access checks; undefined: no such register. */
  peek(hart: Hart, number: number): bigint | undefined {
    const entry = this.entries[number];
    if (!entry) return undefined;
    const lo = entry.read(hart);
    return (BigInt(hart.hi >>> 0) << 32n) | BigInt(lo >>> 0);
  }

  /** For tools: writes through the register's WARL rules, without access checks. False: no such register. */
  poke(hart: Hart, number: number, value: bigint): boolean {
    const entry = this.entries[number];
    if (!entry || entry.readOnly) return false;
    entry.write(hart, Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
    return true;
  }
}

function slotReader(row: CsrRow): (hart: Hart) => number {
  const { slot } = row;
  if (slot === undefined) throw new Error(`CSR ${row.name} has neither a slot nor a read function`);
  return (hart) => hart.cell(slot);
}

function slotWriter(row: CsrRow): (hart: Hart, lo: number, hi: number) => void {
  const { slot } = row;
  if (slot === undefined) return () => {}; // WARL with a single legal value, or read-only
  const [maskLo, maskHi] = row.mask ?? [-1, -1];
  if ((maskLo | 0) === -1 && (maskHi | 0) === -1) return (hart, lo, hi) => hart.setCell(slot, lo, hi);
  return (hart, lo, hi) => {
    const oldLo = hart.cell(slot);
    hart.setCell(slot, (oldLo & ~maskLo) | (lo & maskLo), (hart.hi & ~maskHi) | (hi & maskHi));
  };
}

/** A register that always reads as zero and ignores writes. */
export function zeroCsr(
  number: number,
  name: string,
  section: string,
  guard?: (hart: Hart, write: boolean) => boolean,
): CsrRow {
  const row: CsrRow = {
    number,
    name,
    section,
    read: (hart) => {
      hart.hi = 0;
      return 0;
    },
    write: () => {},
  };
  return guard ? { ...row, guard } : row;
}

/** Guards a user-level counter by mcounteren and scounteren (§3.1.11, §4.1.5). */
export function counterEnabled(hart: Hart, bit: number, mcounteren: number, scounteren: number): boolean {
  if (hart.privilege === Privilege.machine) return true;
  const mask = 1 << bit;
  if ((hart.cellLo(mcounteren) & mask) === 0) return false;
  return hart.privilege !== Privilege.user || (hart.cellLo(scounteren) & mask) !== 0;
}
