/**
 * The machine code of one function while it is being laid out: instructions with their registers, labels, references to
 * symbols, and marks for the debugger. `finish` chooses the lengths (compressed where possible, branches as short as their
 * distance allows) and gives bytes, relocations and the offsets of the marks.
 */
import { compress, encode } from '../../../emulator/cpu/isa/encode.ts';
import { findId } from '../../../emulator/cpu/isa/table.ts';
import { R_RISCV } from '../../../emulator/elf/constants.ts';
import type { Sym } from '../ir/ir.ts';
import { isPseudo, M, mnemonic } from './mir.ts';
import { X } from './registers.ts';

export interface CodeReloc {
  offset: number;
  /** An `R_RISCV`. */
  readonly type: number;
  /** For PcrelLo12: undefined, and `addend` is the offset of the AUIPC. */
  readonly sym: Sym | undefined;
  addend: number;
}

/** Something that happens at an offset: see the users of `mark`. */
export interface Mark<T> {
  offset: number;
  readonly what: T;
}

export interface FinishedCode {
  readonly bytes: Uint8Array;
  readonly relocs: CodeReloc[];
  /** Offsets of the entries of jump tables. */
  readonly words?: readonly number[];
}

enum Kind {
  Inst,
  Branch,
  Jump,
  Label,
  Call,
  /** AUIPC and a dependent instruction (ADDI, a load or a store) that completes the address of `sym`. */
  Address,
  /** AUIPC for a label of this function. */
  TableBase,
  /** Instruction whose immediate is the distance from a TableBase to its table. */
  TableLow,
  /** Four bytes: distance from a TableBase to a label. */
  Entry,
  AlignWord,
  Mark,
  Bytes,
}

class Item {
  size = 0;
  offset = 0;
  op: M = M.ADD;
  rd = 0;
  rs1 = 0;
  rs2 = 0;
  rs3 = 0;
  imm = 0;
  label = -1;
  other: Item | undefined;
  sym: Sym | undefined;
  onMark: ((offset: number) => void) | undefined;
  code: FinishedCode | undefined;
  word = 0;
  constructor(readonly kind: Kind) {}
}

/** Ids in the table of instructions by machine operation; -1 for what the table does not have. */
const ids: readonly number[] = Array.from({ length: M.Li }, (_, op) => findId(mnemonic(op)) ?? -1);

const field = (register: number): number => (register < 0 ? 0 : register & 31);

const RTZ_OPS_FIRST = M.FCVT_W_S;
const RTZ_OPS_LAST = M.FCVT_LU_D;

function inverse(op: M): M {
  // BEQ/BNE, BLT/BGE, BLTU/BGEU stand in pairs.
  return (M.BEQ + ((op - M.BEQ) ^ 1)) as M;
}

export interface CodeOptions {
  /** Calls by AUIPC and JALR, which reach ±2 GiB, instead of JAL, which reaches ±1 MiB. */
  readonly farCalls: boolean;
}

export class CodeBuffer {
  private readonly items: Item[] = [];
  private readonly labels: (Item | undefined)[] = [];

  constructor(private readonly options: CodeOptions) {}

  newLabel(): number {
    this.labels.push(undefined);
    return this.labels.length - 1;
  }

  private push(kind: Kind): Item {
    const item = new Item(kind);
    this.items.push(item);
    return item;
  }

  bind(label: number): void {
    this.labels[label] = this.push(Kind.Label);
  }

  /** Calls `onMark` with the offset of this place when it is known. */
  mark(onMark: (offset: number) => void): void {
    this.push(Kind.Mark).onMark = onMark;
  }

  /** A real instruction; registers by number 0–63. */
  inst(op: M, rd = -1, rs1 = -1, rs2 = -1, imm = 0, rs3 = -1): void {
    if (isPseudo(op)) throw new Error(`${M[op]} cannot be encoded`);
    const item = this.push(Kind.Inst);
    item.op = op;
    item.rd = field(rd);
    item.rs1 = field(rs1);
    item.rs2 = field(rs2);
    item.rs3 = field(rs3);
    item.imm = imm;
    const half = compress(ids[op]!, item.rd, item.rs1, item.rs2, imm);
    if (half >= 0) {
      item.size = 2;
      item.word = half;
    } else {
      item.size = 4;
      item.word = encodeItem(item);
    }
  }

  branch(op: M, rs1: number, rs2: number, label: number): void {
    const item = this.push(Kind.Branch);
    item.op = op;
    item.rs1 = rs1;
    item.rs2 = rs2;
    item.label = label;
    item.size = compress(ids[op]!, 0, rs1, rs2, 0) >= 0 ? 2 : 4;
    // A comparison with x0 on the left can be turned around.
    if (item.size === 4 && (op === M.BEQ || op === M.BNE) && rs1 === 0) {
      item.rs1 = rs2;
      item.rs2 = 0;
      item.size = compress(ids[op]!, 0, rs2, 0, 0) >= 0 ? 2 : 4;
    }
  }

  jump(label: number): void {
    const item = this.push(Kind.Jump);
    item.label = label;
    item.size = 2;
  }

  /** Call of a symbol, with `link` (ra unless said) as link register; x0 makes it a jump. */
  call(sym: Sym, link: number = X.ra): void {
    const item = this.push(Kind.Call);
    item.sym = sym;
    item.rd = link;
    item.size = this.options.farCalls ? 8 : 4;
  }

  /** rd = address of sym + offset. */
  address(rd: number, sym: Sym, offset: number): void {
    this.symAccess(M.ADDI, rd, rd, sym, offset);
  }

  /** `op` (ADDI, a load or a store) on `data` at sym + offset, the upper part of the address in `temp`. */
  symAccess(op: M, data: number, temp: number, sym: Sym, offset: number): void {
    const item = this.push(Kind.Address);
    item.op = op;
    item.rd = data;
    item.rs1 = temp;
    item.sym = sym;
    item.imm = offset;
    item.size = 8;
  }

  /** Jump through a table of labels: index in `index`, which is less than the length. */
  tableJump(
    base: number,
    offset: number,
    index: number,
    targets: readonly number[],
    atEnd: (() => void)[],
  ): void {
    const table = this.newLabel();
    const anchor = this.push(Kind.TableBase);
    anchor.rd = base;
    anchor.label = table;
    anchor.size = 4;
    this.inst(M.SH2ADD, offset, index, base);
    const load = this.push(Kind.TableLow);
    load.rd = offset;
    load.other = anchor;
    load.label = table;
    load.size = 4;
    this.inst(M.ADD, base, base, offset);
    this.inst(M.JALR, 0, base);
    atEnd.push(() => {
      this.push(Kind.AlignWord);
      this.bind(table);
      for (const target of targets) {
        const entry = this.push(Kind.Entry);
        entry.label = target;
        entry.other = anchor;
        entry.size = 4;
      }
    });
  }

  /** Ready-made code, such as assembled text. */
  raw(code: FinishedCode): void {
    const item = this.push(Kind.Bytes);
    item.code = code;
    item.size = code.bytes.length;
  }

  finish(): FinishedCode {
    this.relax();
    const last = this.items[this.items.length - 1];
    const bytes = new Uint8Array(last === undefined ? 0 : last.offset + last.size);
    const view = new DataView(bytes.buffer);
    const relocs: CodeReloc[] = [];
    for (const item of this.items) this.encode(item, view, relocs);
    const words = this.items.filter(({ kind }) => kind === Kind.Entry).map(({ offset }) => offset);
    return { bytes, relocs, words };
  }

  private place(): void {
    let offset = 0;
    for (const item of this.items) {
      if (item.kind === Kind.AlignWord) item.size = offset & 2;
      item.offset = offset;
      offset += item.size;
    }
  }

  /** Grows branches and jumps until all of them reach; lengths only ever grow, so this ends. */
  private relax(): void {
    for (let changed = true; changed; ) {
      changed = false;
      this.place();
      for (const item of this.items) {
        if (item.kind === Kind.Branch) {
          const distance = this.distance(item);
          let size = item.size;
          if (size === 2 && (distance < -256 || distance > 254)) size = 4;
          if (size === 4 && (distance < -4096 || distance > 4094)) size = 8;
          if (size !== item.size) {
            item.size = size;
            changed = true;
          }
        } else if (item.kind === Kind.Jump && item.size === 2) {
          const distance = this.distance(item);
          if (distance < -2048 || distance > 2046) {
            item.size = 4;
            changed = true;
          }
        }
      }
    }
  }

  private distance(item: Item): number {
    const label = this.labels[item.label];
    if (label === undefined) throw new Error('jump to a label that was not bound');
    return label.offset - item.offset;
  }

  private encode(item: Item, view: DataView, relocs: CodeReloc[]): void {
    const at = item.offset;
    const put = (offset: number, word: number): void => view.setUint32(offset, word, true);
    switch (item.kind) {
      case Kind.Inst:
        if (item.size === 2) view.setUint16(at, item.word, true);
        else put(at, item.word);
        return;
      case Kind.Branch: {
        const distance = this.distance(item);
        if (item.size === 2) {
          view.setUint16(at, compress(ids[item.op]!, 0, item.rs1, item.rs2, distance), true);
        } else if (item.size === 4) {
          put(at, encode(ids[item.op]!, 0, item.rs1, item.rs2, distance));
        } else {
          put(at, encode(ids[inverse(item.op)]!, 0, item.rs1, item.rs2, 8));
          put(at + 4, encode(ids[M.JAL]!, 0, 0, 0, distance - 4));
        }
        return;
      }
      case Kind.Jump: {
        const distance = this.distance(item);
        if (item.size === 2) view.setUint16(at, compress(ids[M.JAL]!, 0, 0, 0, distance), true);
        else put(at, encode(ids[M.JAL]!, 0, 0, 0, distance));
        return;
      }
      case Kind.Call:
        if (item.size === 4) {
          put(at, encode(ids[M.JAL]!, item.rd));
          relocs.push({ offset: at, type: R_RISCV.JAL, sym: item.sym, addend: 0 });
        } else {
          // The link register holds the upper part until the jump; a tail call uses t1.
          const temp = item.rd === 0 ? X.t1 : item.rd;
          put(at, encode(ids[M.AUIPC]!, temp));
          put(at + 4, encode(ids[M.JALR]!, item.rd, temp));
          relocs.push({ offset: at, type: R_RISCV.CALL_PLT, sym: item.sym, addend: 0 });
        }
        return;
      case Kind.Address: {
        put(at, encode(ids[M.AUIPC]!, item.rs1));
        relocs.push({ offset: at, type: R_RISCV.PCREL_HI20, sym: item.sym, addend: item.imm });
        const isStore = item.op >= M.SB && item.op <= M.FSD;
        const data = item.rd & 31;
        put(
          at + 4,
          isStore ? encode(ids[item.op]!, 0, item.rs1, data) : encode(ids[item.op]!, data, item.rs1),
        );
        relocs.push({
          offset: at + 4,
          type: isStore ? R_RISCV.PCREL_LO12_S : R_RISCV.PCREL_LO12_I,
          sym: undefined,
          addend: at,
        });
        return;
      }
      case Kind.TableBase: {
        const distance = this.distance(item);
        put(at, encode(ids[M.AUIPC]!, item.rd, 0, 0, (distance + 0x800) & ~0xfff));
        return;
      }
      case Kind.TableLow: {
        const distance = this.labels[item.label]!.offset - item.other!.offset;
        put(at, encode(ids[M.LW]!, item.rd, item.rd, 0, (distance << 20) >> 20));
        return;
      }
      case Kind.Entry:
        // Relative to the upper part that AUIPC gave, which the code adds.
        view.setInt32(
          at,
          this.labels[item.label]!.offset - item.other!.offset - this.tableHigh(item.other!),
          true,
        );
        return;
      case Kind.Bytes:
        new Uint8Array(view.buffer).set(item.code!.bytes, at);
        for (const { offset, type, sym, addend } of item.code!.relocs) {
          // A low part names the offset of its upper part, which moved along.
          relocs.push({ offset: at + offset, type, sym, addend: sym === undefined ? at + addend : addend });
        }
        return;
      case Kind.Mark:
        item.onMark!(at);
        return;
      default:
    }
  }

  private tableHigh(anchor: Item): number {
    return (this.distance(anchor) + 0x800) & ~0xfff;
  }
}

function encodeItem(item: Item): number {
  const { op, rd, rs1, rs2, rs3, imm } = item;
  if (op >= RTZ_OPS_FIRST && op <= RTZ_OPS_LAST) return encode(ids[op]!, rd, rs1, rs2, 0, rs3, imm);
  return encode(ids[op]!, rd, rs1, rs2, imm, rs3);
}
