/**
 * The random instructions of a program, one atom at a time: every row of the table that QEMU 7.2 has too, plus the
 * sequences without which some of them would do nothing (pointers for atomics, LR/SC pairs, addresses for returns
 * from traps, code that changes itself), and words that are no instruction at all.
 */

import { Csr } from '../../emulator/cpu/csr-numbers.ts';
import { decode } from '../../emulator/cpu/isa/decode.ts';
import { encode } from '../../emulator/cpu/isa/encode.ts';
import { immediateRange } from '../../emulator/cpu/isa/immediates.ts';
import { Instruction } from '../../emulator/cpu/isa/instruction.ts';
import type { InstructionRow, Operand } from '../../emulator/cpu/isa/row.ts';
import { idOf, ROWS } from '../../emulator/cpu/isa/table.ts';
import type { Random } from '../../emulator/random.ts';
import type { Code, Operands } from './code.ts';
import { COUNTER, GP, MODE, type Setting, SP } from './setting.ts';

/** Rows that QEMU 7.2 does not have, or that are ours. */
export const NOT_IN_QEMU = new Set(
  ROWS.filter((row) => ['Zicbom', 'Zicboz', 'Xtwz'].includes(row.extension)).map((row) => row.name),
);
/** Rows that need a sequence of their own. */
const SEQUENCES = new Set([
  'jal',
  'jalr',
  'mret',
  'sret',
  'wfi',
  'ecall',
  'ebreak',
  'fence',
  'fence.i',
  'sfence.vma',
  'lui',
  'auipc',
]);

const usable = ROWS.filter((row) => !NOT_IN_QEMU.has(row.name) && !SEQUENCES.has(row.name));
const has = (row: InstructionRow, ...operands: Operand[]) =>
  operands.some((operand) => row.operands.includes(operand));
const isFloat = (row: InstructionRow) => row.extension === 'F' || row.extension === 'D';
const CSR_ROWS = usable.filter((row) => row.extension === 'Zicsr').map((row) => row.name);
const ATOMICS = usable.filter((row) => row.extension === 'A' && row.access?.kind === 'amo');
const BRANCHES = usable.filter((row) => has(row, 'target')).map((row) => row.name);
const INTEGER_ACCESS = usable.filter((row) => row.access && !isFloat(row) && row.extension !== 'A');
const FLOAT_ACCESS = usable.filter((row) => row.access && isFloat(row));
const FLOAT = usable.filter((row) => isFloat(row) && !row.access);
const INTEGER = usable.filter(
  (row) => !row.access && !isFloat(row) && row.extension !== 'Zicsr' && !has(row, 'target'),
);

const FIXED = new Set([SP, GP, COUNTER]);
const TARGETS = Array.from({ length: 32 }, (_, index) => index).filter((index) => !FIXED.has(index));
const COMPACT = [8, 9, 10, 11, 12, 13, 14, 15];
const STATIC_ROUNDING = [0, 1, 2, 3, 4, 7, 7, 7];

/** A CSR that programs touch, with the bits that they may set and clear (all, when absent). */
interface CsrChoice {
  readonly number: number;
  /** Lowest mode that may be asked to use it. */
  readonly from: number;
  readonly bits?: number;
  /** It has the field FS, which is set to Dirty or cleared to Off now and then. (QEMU sets Dirty later than others.) */
  readonly float?: boolean;
}
const SUPERVISOR_INTERRUPTS = 0x222;
const FS_DIRTY = 3 << 13;
const CSRS: readonly CsrChoice[] = [
  { number: Csr.fflags, from: MODE.U },
  { number: Csr.frm, from: MODE.U },
  { number: Csr.fcsr, from: MODE.U },
  { number: Csr.sstatus, from: MODE.S, bits: 0xc_0122, float: true },
  { number: Csr.sie, from: MODE.S, bits: SUPERVISOR_INTERRUPTS },
  { number: Csr.sip, from: MODE.S, bits: SUPERVISOR_INTERRUPTS },
  { number: Csr.scause, from: MODE.S, bits: 0xf },
  { number: Csr.stval, from: MODE.S },
  { number: Csr.sepc, from: MODE.S, bits: ~1 },
  { number: Csr.scounteren, from: MODE.S, bits: 7 },
  { number: Csr.senvcfg, from: MODE.S, bits: 1 },
  { number: Csr.mcause, from: MODE.M, bits: 0xf },
  { number: Csr.mtval, from: MODE.M },
  { number: Csr.mepc, from: MODE.M, bits: ~1 },
  { number: Csr.mie, from: MODE.M, bits: SUPERVISOR_INTERRUPTS },
  { number: Csr.mip, from: MODE.M, bits: SUPERVISOR_INTERRUPTS },
  { number: Csr.mstatus, from: MODE.M, bits: 0x7c_01aa, float: true },
  { number: Csr.medeleg, from: MODE.M, bits: 0xb1ff },
  { number: Csr.mideleg, from: MODE.M, bits: SUPERVISOR_INTERRUPTS },
  { number: Csr.mcounteren, from: MODE.M, bits: 7 },
  { number: Csr.menvcfg, from: MODE.M, bits: 1 },
  { number: Csr.misa, from: MODE.M, bits: 0 },
];
/** CSRs whose values depend on time: only whether they may be read is compared. */
const COUNTERS = [Csr.cycle, Csr.time, Csr.instret];
/** CSRs that neither machine has. */
const ABSENT = [0x004, 0x10b, 0x200, 0x3ef, 0x5a0, 0x8ff, 0xfff];

export class Body {
  constructor(
    private readonly random: Random,
    private readonly code: Code,
    private readonly setting: Setting,
  ) {}

  /** Appends one atom. */
  atom(): void {
    if (this.setting.translatedData && this.random.chance(0.04)) {
      this.translateAs();
      this.code.cut();
      return;
    }
    const choice = this.random.below(100);
    if (choice < 26) this.integer();
    else if (choice < 40) this.access(INTEGER_ACCESS);
    else if (choice < 58) this.float();
    else if (choice < 65) this.access(FLOAT_ACCESS);
    else if (choice < 70) this.atomic();
    else if (choice < 77) this.branch();
    else if (choice < 80) this.call();
    else if (choice < 87) this.csr();
    else if (choice < 90) this.system();
    else if (choice < 96) this.anyBits();
    else if (choice < 98) this.refresh();
    else this.rare();
    this.code.cut();
  }

  private integer(): void {
    const row = this.random.pick(INTEGER);
    if (row.name === 'ctzw') {
      // QEMU 7.2 counts on into the upper half when the lower one is zero.
      const register = this.random.pick(COMPACT);
      this.code.emit('bseti', { rd: register, rs1: register, imm: 31 });
      this.code.emit('ctzw', { rd: this.target(), rs1: register });
      return;
    }
    this.code.emit(row.name, this.operands(row));
  }

  private float(): void {
    if (this.random.chance(0.04)) {
      // A rounding mode in frm, legal or (rarely) not: then every dynamic instruction is illegal until the next one.
      const mode = this.random.chance(0.9) ? this.random.below(5) : 5 + this.random.below(3);
      this.code.emit('csrrwi', { rd: this.target(), rs1: mode, imm: Csr.frm });
      return;
    }
    const row = this.random.pick(FLOAT);
    this.code.emit(row.name, this.operands(row));
  }

  /** A load or store relative to a data pointer, of any alignment, sometimes through a computed pointer. */
  private access(rows: readonly InstructionRow[]): void {
    const row = this.random.pick(rows);
    const operands = this.operands(row);
    if (this.random.chance(0.5)) {
      operands.rs1 = this.random.chance(0.5) ? GP : SP;
      operands.imm = this.displacement(operands.rs1, row.access!.size);
    } else {
      operands.rs1 = this.random.pick(COMPACT);
      this.code.emit('addi', { rd: operands.rs1, rs1: GP, imm: this.displacement(GP, row.access!.size) });
      operands.imm = this.random.below(16) * row.access!.size;
      if (this.random.chance(0.5)) {
        if (row.access!.kind === 'load') operands.rd = this.random.pick(COMPACT);
        else operands.rs2 = this.random.pick(COMPACT);
      }
    }
    this.code.emit(row.name, operands);
  }

  private atomic(): void {
    const pointer = this.random.pick(COMPACT);
    const misaligned = this.random.chance(0.08) ? this.random.below(8) : 0;
    this.code.emit('addi', { rd: pointer, rs1: GP, imm: -1024 + 8 * this.random.below(256) + misaligned });
    if (this.random.chance(0.3)) {
      this.reservation(pointer);
      return;
    }
    const row = this.random.pick(ATOMICS);
    this.code.emit(row.name, { ...this.operands(row), rs1: pointer, imm: this.random.below(4) });
  }

  /** LR and SC: together, with something between them, or SC alone. */
  private reservation(pointer: number): void {
    const suffix = this.random.pick(['w', 'd']);
    const loaded = this.random.pick(TARGETS.filter((register) => register !== pointer));
    if (this.random.chance(0.8)) {
      this.code.emit(`lr.${suffix}`, { rd: loaded, rs1: pointer, imm: this.random.below(4) });
      if (this.random.chance(0.3))
        this.code.emit('sw', { rs1: GP, rs2: this.source(), imm: 4 * this.random.below(64) });
      if (this.random.chance(0.3)) this.code.emit('addi', { rd: loaded, rs1: loaded, imm: 1 });
    }
    this.code.emit(`sc.${suffix}`, {
      rd: this.target(),
      rs1: pointer,
      rs2: this.source(),
      imm: this.random.below(4),
    });
  }

  private branch(): void {
    const name = this.random.pick(BRANCHES);
    const operands = { rs1: this.source(), rs2: this.random.chance(0.3) ? 0 : this.source() };
    this.code.jump(name, operands, 1 + this.random.below(4));
  }

  /** jal, jalr and auipc: to a later atom, or to where nothing can be fetched. */
  private call(): void {
    if (this.random.chance(0.4)) {
      this.code.jump('jal', { rd: this.target() }, 1 + this.random.below(4));
    } else if (this.random.chance(0.15)) {
      // Nothing lies in the first and last 2 KiB; the handler goes on behind the jump, where x1 points.
      this.code.emit('jalr', { rd: 1, rs1: 0, imm: -2048 + this.random.below(4096) });
    } else {
      const pointer = this.random.pick(TARGETS.filter((register) => register !== 0));
      const odd = this.random.below(2);
      this.code.emit('auipc', { rd: pointer, imm: 0 });
      // Skips itself, sometimes one 4-byte instruction more.
      const skip = this.random.chance(0.5);
      this.code.emit('jalr', { rd: this.target(), rs1: pointer, imm: (skip ? 12 : 8) + odd }, false);
      if (skip) this.code.emit('xori', { rd: this.target(), rs1: this.source(), imm: 1365 }, false);
    }
  }

  private csr(): void {
    const random = this.random;
    const name = random.pick(CSR_ROWS);
    const immediate = name.endsWith('i');
    if (random.chance(0.03)) {
      // Read-only.
      this.code.emit('csrrs', { rd: this.target(), rs1: 0, imm: Csr.mhartid });
      return;
    }
    if (random.chance(0.1)) {
      // Whether a counter may be read: csrrs with x0 twice, so that no value is kept.
      this.code.emit('csrrs', { rd: 0, rs1: 0, imm: random.pick(COUNTERS) });
      return;
    }
    if (random.chance(0.1)) {
      this.code.emit(name, { rd: this.target(), rs1: random.below(32), imm: random.pick(ABSENT) });
      return;
    }
    // Now and then one that this mode may not touch.
    const allowed = CSRS.filter((choice) => choice.from <= this.setting.mode);
    const choice = random.pick(random.chance(0.1) ? CSRS : allowed);
    if (choice.bits === undefined) {
      this.code.emit(name, { rd: this.target(), rs1: random.below(32), imm: choice.number });
      return;
    }
    const bits = choice.bits === SUPERVISOR_INTERRUPTS ? this.setting.interrupt : choice.bits;
    const value = (random.u32() & bits) | (choice.float && random.chance(0.2) ? FS_DIRTY : 0);
    const change = name.replace('csrrw', random.pick(['csrrs', 'csrrc']));
    if (immediate) {
      this.code.emit(change, { rd: this.target(), rs1: value & 31, imm: choice.number });
    } else {
      const register = random.pick(TARGETS.filter((target) => target !== 0));
      this.code.constant(register, value | 0);
      this.code.emit(change, { rd: this.target(), rs1: register, imm: choice.number });
    }
  }

  private system(): void {
    const random = this.random;
    switch (random.below(8)) {
      case 0:
        this.code.emit('ecall');
        break;
      case 1:
        this.code.emit('ebreak');
        break;
      case 2:
        this.code.emit('fence', { imm: random.below(256) });
        break;
      case 3:
        this.code.emit('fence.i');
        break;
      case 4:
        this.code.emit('sfence.vma', random.chance(0.5) ? {} : { rs1: this.source(), rs2: this.source() });
        break;
      case 5:
        // In M- and S-mode a WFI that is allowed would wait for an interrupt that never comes.
        if (this.setting.mode === MODE.U) this.code.emit('wfi');
        break;
      case 6:
        this.returnFromTrap();
        break;
      default:
        this.code.emit(
          random.pick(
            ['mret', 'sret']
              .filter(
                (name) => this.setting.mode === MODE.U || (name === 'mret' && this.setting.mode === MODE.S),
              )
              .concat('ebreak'),
          ),
        );
    }
  }

  /** mret or sret to the next atom, in the same mode. */
  private returnFromTrap(): void {
    const { mode } = this.setting;
    if (mode === MODE.U) return;
    const [first, second] = [5, 6];
    const machine = mode === MODE.M;
    // Trapped in S-mode (TSR), sret is stepped over like any other instruction.
    this.code.emit('auipc', { rd: first, imm: 0 });
    const previous = machine ? 3 << 11 : 1 << 8;
    this.code.emit('lui', { rd: second, imm: machine ? 0x2000 : 0 }, false);
    this.code.emit('addi', { rd: second, rs1: second, imm: machine ? previous - 0x2000 : previous }, false);
    this.code.emit('csrrs', { rd: 0, rs1: second, imm: machine ? Csr.mstatus : Csr.sstatus });
    this.code.emit('addi', { rd: first, rs1: first, imm: this.setting.translatedData ? 32 : 28 }, false);
    this.code.emit('csrrw', { rd: this.target(), rs1: first, imm: machine ? Csr.mepc : Csr.sepc });
    // For QEMU, which keeps translations made under MPRV over a change of MPP by mret.
    if (this.setting.translatedData) this.code.emit('sfence.vma');
    this.code.emit(machine ? 'mret' : 'sret');
  }

  /** Random bits that decode to something harmless, or to nothing. */
  private anyBits(): void {
    const random = this.random;
    for (let attempt = 0; attempt < 20; attempt++) {
      const bits = random.chance(0.7) ? random.u32() & 0xffff : random.u32() | 3;
      const instruction = new Instruction();
      decode(bits, instruction);
      if (!this.harmless(instruction, bits)) continue;
      if (instruction.id >= 0) {
        const row = ROWS[instruction.id]!;
        if (row.access) {
          // Compressed loads and stores: give them a pointer to data.
          if (!FIXED.has(instruction.rs1)) {
            this.code.emit('addi', { rd: instruction.rs1, rs1: GP, imm: 8 * random.below(64) });
          }
        }
        this.code.uses.set(row.name, (this.code.uses.get(row.name) ?? 0) + 1);
      }
      this.code.raw(bits);
      return;
    }
  }

  private harmless(instruction: Instruction, bits: number): boolean {
    // No instruction: both machines must say so. Leave out what one of the two has as an extension.
    if (instruction.id < 0) return (bits & 3) !== 3 || !OTHER_EXTENSIONS.has(bits & 0x7f);
    if (instruction.length === 4) return false;
    const row = ROWS[instruction.id]!;
    if (row.operands.includes('target') || row.name === 'jalr' || row.extension === 'S') return false;
    const writesInteger = row.operands.includes('rd');
    if (writesInteger && FIXED.has(instruction.rd)) return false;
    if (row.access && (instruction.rs1 === COUNTER || instruction.rs1 === 0)) return false;
    return true;
  }

  /** Gives registers useful values again. */
  private refresh(): void {
    const random = this.random;
    const choice = random.below(4);
    if (choice < 2) this.code.constant(this.target(), random.pick([0, 1, -1, 0x7fffffff, random.u32() | 0]));
    else if (choice === 2) this.code.emit('lui', { rd: this.target(), imm: (random.u32() & ~0xfff) | 0 });
    else this.code.emit('auipc', { rd: this.target(), imm: 0 });
  }

  private rare(): void {
    const random = this.random;
    const choice = random.below(3);
    if (choice === 0) {
      // No memory, no mapping. Aligned: QEMU rounds the address of a misaligned access to no memory down (docs/qemu-differences.md).
      const row = random.pick(random.chance(0.5) ? INTEGER_ACCESS : FLOAT_ACCESS);
      const { size } = row.access!;
      this.code.emit(row.name, {
        ...this.operands(row),
        rs1: 0,
        imm: -2048 + size * random.below(3900 / size),
      });
    } else if (choice === 1) {
      // A pointer that is not canonical.
      const register = random.pick(COMPACT);
      // QEMU reports the load of an AMO to no memory.
      const atomic = this.setting.paged && random.chance(0.5);
      const row = random.pick(atomic ? ATOMICS : INTEGER_ACCESS);
      this.code.emit('addi', { rd: register, rs1: 0, imm: 1 });
      this.code.emit('slli', { rd: register, rs1: register, imm: 57 + random.below(7) });
      const imm = row.extension === 'A' ? 0 : row.access!.size * (random.below(64) - 32);
      this.code.emit(row.name, { ...this.operands(row), rs1: register, imm });
    } else if (!this.setting.translatedData) {
      // QEMU lets a store under MPRV use the translation of a fetch.
      this.modifyCode();
    }
  }

  /** In M-mode: loads and stores as S or U from here on, until a trap makes it U again. */
  private translateAs(): void {
    const register = this.random.pick(COMPACT);
    this.code.constant(register, 3 << 11);
    this.code.emit('csrrc', { rd: 0, rs1: register, imm: Csr.mstatus });
    this.code.constant(register, this.random.pick([0, 1 << 11]));
    this.code.emit('csrrs', { rd: 0, rs1: register, imm: Csr.mstatus });
  }

  /** Stores an instruction into the code right behind a fence.i (where the code is writable, else that traps). */
  private modifyCode(): void {
    const register = this.random.pick(COMPACT.filter((candidate) => candidate !== 8));
    const word = encode(idOf('addi'), register, register, 0, this.random.below(2048));
    this.code.constant(8, word | 0);
    const pointer = this.random.pick(
      COMPACT.filter((candidate) => candidate !== 8 && candidate !== register),
    );
    this.code.emit('auipc', { rd: pointer, imm: 0 });
    this.code.emit('sw', { rs1: pointer, rs2: 8, imm: 12 }, false);
    this.code.emit('fence.i');
    this.code.emit('xori', { rd: register, rs1: register, imm: 99 }, false);
  }

  private operands(row: InstructionRow): Operands {
    const random = this.random;
    const operands: Operands = {};
    const compact = random.chance(0.4);
    const register = (): number => (compact ? random.pick(COMPACT) : random.below(32));
    for (const operand of row.operands) {
      switch (operand) {
        case 'rd':
          operands.rd = compact ? random.pick(COMPACT) : this.target();
          break;
        case 'fd':
          operands.rd = register();
          break;
        case 'rs1':
        case 'fs1':
        case 'mem':
        case 'addr':
        case 'zimm':
          // Two-operand forms compress only when source and destination are the same.
          operands.rs1 =
            compact && operands.rd !== undefined && random.chance(0.6) ? operands.rd : register();
          break;
        case 'rs2':
        case 'fs2':
          operands.rs2 = register();
          break;
        case 'fs3':
          operands.rs3 = register();
          break;
        case 'rm':
        case 'rm0':
          operands.rm = random.chance(0.01) ? 5 + random.below(2) : random.pick(STATIC_ROUNDING);
          break;
      }
    }
    if (row.immediate !== 'none') {
      const [low, high, step] = immediateRange(row.immediate);
      const small = random.chance(0.4);
      const from = small ? Math.max(low, -16 * step) : low;
      const to = small ? Math.min(high, 15 * step) : high;
      operands.imm = from + step * random.below(Math.floor((to - from) / step) + 1);
    }
    return operands;
  }

  /**
   * Offset from a data pointer: mostly aligned to `size`, sometimes not. Under PMP always: a misaligned access may be
   * checked whole, as by QEMU, or in parts.
   */
  private displacement(pointer: number, size: number): number {
    const range = pointer === SP ? 512 : 2048;
    const aligned = Math.floor(this.random.below(range) / size) * size;
    const offset = pointer === SP ? aligned : aligned - this.random.pick([0, 2048]);
    return !this.setting.protected && this.random.chance(0.15)
      ? Math.min(offset + this.random.below(8), 2047)
      : offset;
  }

  /** A register that may be overwritten. */
  private target(): number {
    return this.random.pick(TARGETS);
  }

  private source(): number {
    return this.random.below(32);
  }
}

/** Major opcodes in which QEMU 7.2 or this machine has extensions that the other one lacks: custom-0 to custom-3, MISC-MEM, OP-V, and the reserved ones that vendors use. */
const OTHER_EXTENSIONS = new Set([0x0b, 0x2b, 0x5b, 0x7b, 0x0f, 0x57, 0x77, 0x1f, 0x3f, 0x5f, 0x7f]);
