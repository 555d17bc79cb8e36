/**
 * The slow path of loads, stores and atomics: what happens when an engine leaves with Exit.Load or Exit.Store. If
 * nothing but a TLB entry was missing it is filled and the engine tries again; otherwise (devices, watched or
 * recorded pages, misaligned accesses, PMP entries smaller than a page) the instruction is executed here.
 *
 * Misaligned loads and stores work, also across pages; misaligned atomics trap (docs/machine.md). A store
 * that faults on its second page has changed nothing.
 */
import { CACHE_BLOCK_SIZE, PAGE_SIZE } from '../addresses.ts';
import { Cause } from '../cpu/causes.ts';
import type { Hart } from '../cpu/hart.ts';
import { decode } from '../cpu/isa/decode.ts';
import { type Access as MemoryAccess, onlyLoads } from '../cpu/isa/emitter.ts';
import { Instruction } from '../cpu/isa/instruction.ts';
import { ROWS } from '../cpu/isa/table.ts';
import { Exit, fOffset, HART, PageFlag, REGIME_SHIFT } from '../cpu/state.ts';
import { FAULT } from '../mmu/mmu.ts';
import { Access } from '../mmu/translation.ts';
import { translateLoaded } from '../mmu/xtwz/pointers.ts';
import { amo } from './amo.ts';
import { type AccessSize, BUS_ERROR, type Bus } from './bus.ts';
import type { Core } from './core.ts';
import type { PhysicalMemory } from './memory.ts';
import type { Watchpoints } from './watchpoints.ts';

/** Raises an exception on a core: cause, and tval in halves. */
export type Raise = (core: Core, cause: number, tvalLo: number, tvalHi: number) => void;

const RESERVATION = HART.reservation >> 2;
const RESERVATION_VALUE = HART.reservationValue >> 2;

/** Entries of the decode cache, a power of two. */
const DECODE_ENTRIES = 256;

export class AccessUnit {
  private readonly memory: PhysicalMemory;
  private readonly bus: Bus;
  private readonly watch: Watchpoints;
  private readonly raise: Raise;
  private readonly decoded = new DecodeCache();
  /** The instruction being executed. */
  private instruction = new Instruction();
  /** High half of the value that `loadValue` returned. */
  private hi = 0;

  constructor(memory: PhysicalMemory, bus: Bus, watch: Watchpoints, raise: Raise) {
    this.memory = memory;
    this.bus = bus;
    this.watch = watch;
    this.raise = raise;
  }

  /** Handles Exit.Load or Exit.Store of the instruction at pc. */
  handle(core: Core, exit: Exit): void {
    const { hart, mmu } = core;
    const at = hart.word + (HART.exitValue >> 2);
    const vaLo = hart.i32[at]!;
    const vaHi = hart.i32[at + 1]!;
    const access = exit === Exit.Load ? Access.load : Access.store;
    let pa: number = FAULT;
    if ((vaLo & 7) === 0) {
      // Aligned for every width: all that may be missing is the TLB entry.
      pa = mmu.translate(vaLo, vaHi, access, 1);
      if (pa === FAULT) {
        this.raise(core, mmu.cause, vaLo, vaHi);
        return;
      }
      if (this.fill(core, access, vaLo, vaHi, pa)) return;
    }
    const whole = pa !== FAULT && mmu.cacheable;
    if (!this.fetchInstruction(core)) return;
    const row = ROWS[this.instruction.id];
    if (row?.access === undefined)
      throw new Error(`${row?.name ?? 'an illegal instruction'} made a memory exit`);
    const { access: what } = row;
    const plain = what.kind === 'load' || what.kind === 'store';
    if ((vaLo & (what.size - 1)) !== 0) {
      if (plain) this.misaligned(core, what, vaLo, vaHi);
      else this.raise(core, what.kind === 'lr' ? Cause.loadMisaligned : Cause.storeMisaligned, vaLo, vaHi);
      return;
    }
    if (!whole) {
      // Not translated yet, or only for one byte where PMP decides by width.
      pa = mmu.translate(vaLo, vaHi, access, what.size);
      if (pa === FAULT) {
        this.raise(core, mmu.cause, vaLo, vaHi);
        return;
      }
      if ((vaLo & 7) !== 0 && this.fill(core, access, vaLo, vaHi, pa)) return;
    }
    if (what.kind === 'load') this.load(core, what, vaLo, vaHi, pa);
    else if (what.kind === 'store') this.store(core, what, vaLo, vaHi, pa);
    else this.atomic(core, what, vaLo, vaHi, pa);
  }

  /** Fills the fast TLB if the page allows it now. */
  private fill(core: Core, access: Access, vaLo: number, vaHi: number, pa: number): boolean {
    if (!core.mmu.cacheable) return false;
    const { memory } = this;
    const page = memory.pageOf(pa);
    if (page < 0) return false;
    if (memory.flags(page) !== 0) {
      const left = memory.settle(page, pa, core.hart.index);
      if (access === Access.store && left !== 0) return false;
      if (left & PageFlag.loadSlow) return this.fillObserved(core, vaLo, vaHi, pa, page);
    }
    if (this.watch.active && this.watch.onPage(vaLo, vaHi)) return false;
    const host = memory.hostOf(pa);
    const regime = core.hart.scalar(HART.dataRegime) >> REGIME_SHIFT;
    core.mmu.tlb.fill(access, vaLo, vaHi, regime, host - (vaLo >>> 0), page);
    return true;
  }

  /** Makes loads from an observed page fast as far as nobody wants to see them. @returns whether this one is */
  private fillObserved(core: Core, vaLo: number, vaHi: number, pa: number, page: number): boolean {
    const { memory } = this;
    if (this.watch.active && this.watch.onPage(vaLo, vaHi)) return false;
    const regime = core.hart.scalar(HART.dataRegime) >> REGIME_SHIFT;
    const addend = memory.hostOf(pa) - (vaLo >>> 0);
    const observed = memory.observedBlocks(page);
    const { values, discarded } = observed;
    if ((values[0] | values[1] | discarded[0] | discarded[1]) === 0) {
      core.mmu.tlb.fill(Access.load, vaLo, vaHi, regime, addend, page);
      return true;
    }
    if ((values[0] & values[1] & discarded[0] & discarded[1]) === -1) return false;
    core.mmu.tlb.fillObserved(vaLo, vaHi, regime, addend, observed);
    const block = (vaLo & (PAGE_SIZE - 1)) / CACHE_BLOCK_SIZE;
    return ((values[block >> 5]! >>> (block & 31)) & 1) === 0;
  }

  /** Reads and decodes the instruction at pc. False: its fetch faulted, and the trap has been taken. */
  private fetchInstruction(core: Core): boolean {
    const word = this.instructionWord(core);
    if (word < 0) return false;
    this.instruction = this.decoded.get(word | 0);
    return true;
  }

  /** The bits at pc, unsigned (16 or 32 of them), or -1 after a fetch fault, which has then been raised. */
  instructionWord(core: Core): number {
    const { hart } = core;
    const lo = hart.pcLo;
    const hi = hart.pcHi;
    const page = core.mmu.tlb.fastFetchPage(lo, hi);
    if (page >= 0 && (lo & 0xfff) <= 0xffc) {
      const at = this.memory.hostOfPage(page) + (lo & 0xfff);
      const low = this.memory.view.getUint16(at, true);
      return (low & 3) !== 3 ? low : this.memory.view.getUint32(at, true);
    }
    const first = this.instructionHalf(core, lo, hi);
    if (first < 0 || (first & 3) !== 3) return first;
    const nextLo = (lo + 2) | 0;
    const second = this.instructionHalf(core, nextLo, nextLo === 0 ? hi + 1 : hi);
    return second < 0 ? -1 : first + second * 65536;
  }

  private instructionHalf(core: Core, lo: number, hi: number): number {
    const pa = core.mmu.translate(lo, hi, Access.fetch, 2);
    if (pa !== FAULT && this.memory.contains(pa, 2)) return this.memory.read16(pa);
    this.raise(core, pa === FAULT ? core.mmu.cause : Cause.fetchAccess, lo, hi);
    return -1;
  }

  private load(core: Core, what: MemoryAccess, vaLo: number, vaHi: number, pa: number): void {
    if (!this.readAt(core, pa, what.size, vaLo, vaHi, this.isDiscarded(what))) return;
    this.finishLoad(core, what, vaLo, vaHi, this.lo, this.hi);
  }

  private isDiscarded(what: MemoryAccess): boolean {
    return this.instruction.rd === 0 && onlyLoads(what);
  }

  private finishLoad(
    core: Core,
    what: MemoryAccess,
    vaLo: number,
    vaHi: number,
    lo: number,
    hi: number,
  ): void {
    if (this.watch.active) this.watch.check(vaLo, vaHi, what.size, 'load');
    const { hart } = core;
    if (what.pointer) hart.setX(this.instruction.rd, translateLoaded(hart, vaLo, vaHi, lo, hi), hart.hi);
    else writeResult(hart, what, this.instruction.rd, lo, hi);
    hart.retire(this.instruction.length);
  }

  /** A load or store that is not aligned: in one go within a page, byte by byte across two. */
  private misaligned(core: Core, what: MemoryAccess, vaLo: number, vaHi: number): void {
    const { size } = what;
    const within = PAGE_SIZE - (vaLo & 0xfff);
    const access = what.kind === 'load' ? Access.load : Access.store;
    if (within >= size) {
      const pa = core.mmu.translate(vaLo, vaHi, access, size);
      if (pa === FAULT) this.raise(core, core.mmu.cause, vaLo, vaHi);
      else if (what.kind === 'load') this.load(core, what, vaLo, vaHi, pa);
      else this.store(core, what, vaLo, vaHi, pa);
      return;
    }
    if (!this.crossPages(core, access, vaLo, vaHi, size, within)) return;
    if (what.kind === 'load') this.loadAcross(core, what, vaLo, vaHi, within);
    else this.storeAcross(core, what, vaLo, vaHi, within);
  }

  private loadAcross(core: Core, what: MemoryAccess, vaLo: number, vaHi: number, within: number): void {
    const view = new DataView(new ArrayBuffer(8));
    for (let i = 0; i < what.size; i++) {
      const pa = i < within ? this.firstPa + i : this.secondPa + i - within;
      if (!this.readAt(core, pa, 1, (vaLo + i) | 0, vaHi, this.isDiscarded(what))) return;
      view.setUint8(i, this.lo);
    }
    this.finishLoad(core, what, vaLo, vaHi, view.getInt32(0, true), view.getInt32(4, true));
  }

  private storeAcross(core: Core, what: MemoryAccess, vaLo: number, vaHi: number, within: number): void {
    const lo = this.storedLow(core, what);
    const hi = this.hi;
    for (let i = 0; i < what.size; i++) {
      const pa = i < within ? this.firstPa + i : this.secondPa + i - within;
      const byte = ((i < 4 ? lo : hi) >>> (8 * (i & 3))) & 0xff;
      if (!this.writeAt(core, pa, 1, byte, 0, (vaLo + i) | 0, vaHi)) return;
    }
    this.finishStore(core, what, vaLo, vaHi);
  }

  /** Result of `readAt`: low half; the high half is in `hi`. */
  private lo = 0;
  private firstPa = 0;
  private secondPa = 0;

  /** Translates both pages of an access, and checks both before anything happens. */
  private crossPages(
    core: Core,
    access: Access,
    vaLo: number,
    vaHi: number,
    size: number,
    within: number,
  ): boolean {
    const { mmu } = core;
    this.firstPa = mmu.translate(vaLo, vaHi, access, within);
    if (this.firstPa === FAULT) {
      this.raise(core, mmu.cause, vaLo, vaHi);
      return false;
    }
    const nextLo = (vaLo + within) | 0;
    const nextHi = nextLo === 0 ? vaHi + 1 : vaHi;
    this.secondPa = mmu.translate(nextLo, nextHi, access, size - within);
    if (this.secondPa === FAULT) {
      this.raise(core, mmu.cause, nextLo, nextHi);
      return false;
    }
    return true;
  }

  /**
   * Reads up to 8 bytes within a page, from memory or a device, into `lo` and `hi` (zero-extended).
   * @param discarded see `LoadHandler`
   * @returns false after raising an exception
   */
  private readAt(
    core: Core,
    pa: number,
    size: number,
    vaLo: number,
    vaHi: number,
    discarded = false,
  ): boolean {
    const { memory } = this;
    const host = memory.hostOf(pa);
    if (host < 0) return this.readDevice(core, pa, size, vaLo, vaHi);
    const page = memory.pageOf(pa);
    if (memory.flags(page) !== 0 && !memory.prepareLoad(page, pa, size, core.hart.index, discarded)) {
      this.raise(core, Cause.hardwareError, vaLo, vaHi);
      return false;
    }
    const { view } = memory;
    this.hi = 0;
    if (size === 8) {
      this.lo = view.getInt32(host, true);
      this.hi = view.getInt32(host + 4, true);
    } else if (size === 4) this.lo = view.getInt32(host, true);
    else this.lo = size === 2 ? view.getUint16(host, true) : view.getUint8(host);
    return true;
  }

  private readDevice(core: Core, pa: number, size: number, vaLo: number, vaHi: number): boolean {
    core.statistics.deviceAccesses++;
    const lo = pa % size === 0 ? this.bus.read(pa, (size === 8 ? 4 : size) as AccessSize) : BUS_ERROR;
    const hi = size === 8 && lo !== BUS_ERROR ? this.bus.read(pa + 4, 4) : 0;
    if (lo === BUS_ERROR || hi === BUS_ERROR) {
      this.raise(core, Cause.loadAccess, vaLo, vaHi);
      return false;
    }
    this.lo = lo | 0;
    this.hi = hi | 0;
    return true;
  }

  /** Low half of the register that a store stores; the high half goes to `hi`. */
  private storedLow(core: Core, what: MemoryAccess): number {
    const { hart } = core;
    const { rs2 } = this.instruction;
    const at = what.float ? hart.word + (fOffset(rs2) >> 2) : hart.word + 2 * rs2;
    this.hi = hart.i32[at + 1]!;
    return hart.i32[at]!;
  }

  private store(core: Core, what: MemoryAccess, vaLo: number, vaHi: number, pa: number): void {
    const lo = this.storedLow(core, what);
    if (this.writeAt(core, pa, what.size, lo, this.hi, vaLo, vaHi)) this.finishStore(core, what, vaLo, vaHi);
  }

  private finishStore(core: Core, what: MemoryAccess, vaLo: number, vaHi: number): void {
    if (this.watch.active) this.watch.check(vaLo, vaHi, what.size, 'store');
    core.hart.retire(this.instruction.length);
  }

  /** Writes up to 8 bytes within a page. False after raising an exception. */
  private writeAt(
    core: Core,
    pa: number,
    size: number,
    lo: number,
    hi: number,
    vaLo: number,
    vaHi: number,
  ): boolean {
    const { memory } = this;
    const host = memory.hostOf(pa);
    if (host < 0) {
      core.statistics.deviceAccesses++;
      const mask = size === 1 ? 0xff : size === 2 ? 0xffff : -1;
      let result =
        pa % size === 0
          ? this.bus.write(pa, (size === 8 ? 4 : size) as AccessSize, (lo & mask) >>> 0)
          : BUS_ERROR;
      if (size === 8 && result !== BUS_ERROR) result = this.bus.write(pa + 4, 4, hi >>> 0);
      if (result !== BUS_ERROR) return true;
      this.raise(core, Cause.storeAccess, vaLo, vaHi);
      return false;
    }
    memory.prepareStore(memory.pageOf(pa), pa, size, core.hart.index);
    const { view } = memory;
    if (size === 8) {
      view.setInt32(host, lo, true);
      view.setInt32(host + 4, hi, true);
    } else if (size === 4) view.setInt32(host, lo, true);
    else if (size === 2) view.setInt16(host, lo, true);
    else view.setInt8(host, lo);
    return true;
  }

  private atomic(core: Core, what: MemoryAccess, vaLo: number, vaHi: number, pa: number): void {
    const { hart } = core;
    const { size, kind } = what;
    const { rd, rs2 } = this.instruction;
    if (this.memory.hostOf(pa) < 0) {
      // Devices have neither reservations nor atomics (PMA, Privileged ISA §3.6.3).
      this.raise(core, kind === 'lr' ? Cause.loadAccess : Cause.storeAccess, vaLo, vaHi);
      return;
    }
    if (kind === 'sc') {
      this.storeConditional(core, size, vaLo, vaHi, pa);
      return;
    }
    if (!this.readAt(core, pa, size, vaLo, vaHi)) return;
    const lo = this.lo;
    const hi = size === 4 ? lo >> 31 : this.hi;
    if (kind === 'lr') {
      hart.setScalar(HART.reserved, 1);
      hart.i32[hart.word + RESERVATION] = vaLo;
      hart.i32[hart.word + RESERVATION + 1] = vaHi;
      hart.i32[hart.word + RESERVATION_VALUE] = lo;
      hart.i32[hart.word + RESERVATION_VALUE + 1] = hi;
      this.watch.check(vaLo, vaHi, size, 'load');
    } else {
      const operandLo = hart.x(rs2);
      const next = amo(ROWS[this.instruction.id]!.name, size, lo, hi, operandLo, hart.hi);
      if (!this.writeAt(core, pa, size, next.lo, next.hi, vaLo, vaHi)) return;
      this.watch.check(vaLo, vaHi, size, 'load');
      this.watch.check(vaLo, vaHi, size, 'store');
    }
    hart.setX(rd, lo, hi);
    hart.retire(this.instruction.length);
  }

  /** The engine leaves for an SC only if the reservation names this address. */
  private storeConditional(core: Core, size: number, vaLo: number, vaHi: number, pa: number): void {
    const { hart } = core;
    const { rd, rs2 } = this.instruction;
    if (!this.readAt(core, pa, size, vaLo, vaHi)) return;
    const hi = size === 4 ? this.lo >> 31 : this.hi;
    const same =
      hart.i32[hart.word + RESERVATION_VALUE] === this.lo &&
      hart.i32[hart.word + RESERVATION_VALUE + 1] === hi;
    if (same) {
      const lo = hart.x(rs2);
      if (!this.writeAt(core, pa, size, lo, hart.hi, vaLo, vaHi)) return;
      this.watch.check(vaLo, vaHi, size, 'store');
    }
    hart.setScalar(HART.reserved, 0);
    hart.setX(rd, same ? 0 : 1, 0);
    hart.retire(this.instruction.length);
  }
}

/** Instructions decoded lately, by their bits: slow accesses come from few places. */
class DecodeCache {
  private readonly words = new Int32Array(DECODE_ENTRIES);
  private readonly instructions: (Instruction | undefined)[] = new Array(DECODE_ENTRIES).fill(undefined);

  get(word: number): Instruction {
    const at = (word ^ (word >>> 8) ^ (word >>> 17)) & (DECODE_ENTRIES - 1);
    const known = this.instructions[at];
    if (known !== undefined && this.words[at] === word) return known;
    const instruction = decode(word);
    this.words[at] = word;
    this.instructions[at] = instruction;
    return instruction;
  }
}

/** Writes a loaded value, extended, to the destination register. `lo` is zero-extended from its width. */
function writeResult(hart: Hart, what: MemoryAccess, rd: number, lo: number, hi: number): void {
  const { size } = what;
  if (what.float) {
    const at = hart.word + (fOffset(rd) >> 2);
    hart.i32[at] = lo;
    hart.i32[at + 1] = size === 4 ? -1 : hi; // single precision is NaN-boxed
    hart.setScalar(HART.fs, 3);
    return;
  }
  if (size === 8) {
    hart.setX(rd, lo, hi);
    return;
  }
  const shift = 32 - 8 * size;
  const value = what.signed ? (lo << shift) >> shift : lo;
  hart.setX(rd, value, what.signed ? value >> 31 : 0);
}
