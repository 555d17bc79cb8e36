/**
 * The instructions of docs/xtwz.md §8 and §10 that change what is cached: invalidations, and filling and emptying the
 * persistent-pointer lookaside. (`xtwz.pptr` is done by the engines.) One unit serves all harts of a machine.
 */
import { Privilege } from '../../cpu/causes.ts';
import type { Hart } from '../../cpu/hart.ts';
import { HART } from '../../cpu/state.ts';
import type { Mmu } from '../mmu.ts';
import type { Space } from '../regimes.ts';
import { regimeOfTag } from '../tlb.ts';
import { translationAllowed } from './csrs.ts';
import { ADDRESS, CFG, DESCRIPTOR, fixedIndex, LARGE_PAGE, OPCODE, VIEW, XTWZ_SATP_MODE } from './layout.ts';
import { keyHasContext, keyHasView, ownerOf } from './mode.ts';
import {
  fillPointer,
  invalidateObjectPointers,
  invalidatePointers,
  invalidateViewPointers,
  slotOf,
} from './pointers.ts';
import { rootOf, XtwzSlot } from './registers.ts';
import { dropSlots } from './slot-cache.ts';

/** No particular slot, descriptor, context: all. */
const ALL = -1;
const MODE_SHIFT = 28;

/** A space of this mode that depends on view and context. */
const isObjectSpace = (space: Space): boolean =>
  space.satpHi >>> MODE_SHIFT === XTWZ_SATP_MODE && space.context >= 0;

export class XtwzInstructions {
  private readonly mmus: readonly Mmu[];
  private readonly harts: readonly Hart[];

  /** @param mmus and @param harts of the machine, by hart index */
  constructor(harts: readonly Hart[], mmus: readonly Mmu[]) {
    this.harts = harts;
    this.mmus = mmus;
  }

  /**
   * Executes an instruction of the extension, all but moving pc.
   * @param word its 32 bits
   * @returns false when it is illegal here; undefined when it is not one of the extension
   */
  execute(hart: Hart, word: number): boolean | undefined {
    if ((word & 0x7f) !== OPCODE.major) return undefined;
    const rd = (word >>> 7) & 31;
    if (rd !== 0) return false;
    const rs1 = (word >>> 15) & 31;
    const rs2 = (word >>> 20) & 31;
    switch ((word >>> 12) & 7) {
      case OPCODE.funct3.invalidate:
        return this.invalidate(hart, word >>> 25, rs1, rs2);
      case OPCODE.funct3.pointer:
        if (word >>> 25 !== OPCODE.pointer.invalidate) return false;
        this.invalidatePointer(hart, rs1, rs2);
        return true;
      case OPCODE.funct3.fill:
        if ((word >>> 25) & 3) return false;
        fillPointer(hart, rs1, rs2, word >>> 27);
        return true;
      default:
        return false;
    }
  }

  /** Drops a hart's translations of the fixed slots: what a changing write of stwzfix does. */
  fixedChanged(hart: Hart): void {
    dropSlots(hart);
    if (hart.scalar(HART.fixedCached) === 0) return;
    hart.setScalar(HART.fixedCached, 0);
    this.mmus[hart.index]!.dropWhere((lo, hi) => {
      const slot = slotOf(lo, hi);
      return slot >= 0 && fixedIndex(slot) >= 0;
    });
  }

  private invalidate(hart: Hart, funct7: number, rs1: number, rs2: number): boolean {
    const what = funct7 & ~OPCODE.invalidate.global;
    if (what > OPCODE.invalidate.page) return false;
    if (hart.privilege === Privilege.user) {
      const allowed = (hart.cellLo(XtwzSlot.config) & CFG.userInvalidate) !== 0;
      if (!allowed || what !== OPCODE.invalidate.view || rs2 !== 0) return false;
    } else if (!translationAllowed(hart)) return false;
    const lo = hart.x(rs1);
    const { hi } = hart;
    const first = address(lo, hi);
    const targets = funct7 & OPCODE.invalidate.global ? this.harts : [hart];
    for (const target of targets) target.setScalar(HART.reserved, 0);
    switch (what) {
      case OPCODE.invalidate.view: {
        const view = rs2 === 0 ? rootOf(hart, XtwzSlot.view) : root(hart, rs2);
        const slot = rs1 === 0 ? ALL : slotOf(lo, hi);
        if (rs1 !== 0 && slot < 0) return true; // names nothing that could be cached
        for (const target of targets) this.dropView(target, view, slot);
        return true;
      }
      case OPCODE.invalidate.object: {
        const context = rs2 === 0 ? ALL : root(hart, rs2);
        for (const target of targets) this.dropObject(target, rs1 === 0 ? ALL : first, context);
        return true;
      }
      default: {
        const offset = hart.x(rs2);
        for (const target of targets) this.dropPage(target, first, offset);
        return true;
      }
    }
  }

  private dropView(hart: Hart, view: number, slot: number): void {
    dropSlots(hart);
    const mmu = this.mmus[hart.index]!;
    const ofView = (space: Space): boolean => isObjectSpace(space) && keyHasView(space.context, view);
    if (slot === ALL) {
      mmu.forget(ofView);
      this.fixedChanged(hart);
    } else {
      // A fixed slot's translation may have been made under any view.
      const selected = fixedIndex(slot) >= 0 ? undefined : mmu.regimes.select(ofView);
      mmu.dropWhere(
        (lo, hi) => slotOf(lo, hi) === slot && (selected === undefined || selected[regimeOfTag(lo)] === 1),
      );
    }
    invalidateViewPointers(hart, view, slot);
  }

  private dropObject(hart: Hart, descriptor: number, context: number): void {
    dropSlots(hart);
    const mmu = this.mmus[hart.index]!;
    const ofContext = (space: Space): boolean =>
      isObjectSpace(space) && (context === ALL || keyHasContext(space.context, context));
    invalidateObjectPointers(hart, descriptor, context);
    if (descriptor === ALL) {
      mmu.forget(ofContext);
      return;
    }
    const owner = ownerOf(descriptor);
    const selected = context === ALL ? undefined : mmu.regimes.select(ofContext);
    mmu.dropWhere(
      (lo, _hi, _level, of) => of === owner && (selected === undefined || selected[regimeOfTag(lo)] === 1),
    );
    this.forgetView(mmu, descriptor);
  }

  /** Bit 0 of `offset`: the whole 2 MiB around it. */
  private dropPage(hart: Hart, descriptor: number, offset: number): void {
    const mmu = this.mmus[hart.index]!;
    const owner = ownerOf(descriptor);
    const large = (offset & 1) !== 0;
    const size = large ? LARGE_PAGE : 4096;
    const start = (offset & (ADDRESS_MASK & ~(size - 1))) >>> 0;
    if (large)
      mmu.dropWhere(
        (lo, _hi, _level, of) => of === owner && (lo & ADDRESS_MASK & ~(LARGE_PAGE - 1)) >>> 0 === start,
      );
    else mmu.dropOwnerPage(owner, start);
    if (start + size > VIEW.tableOffset && start < VIEW.tableOffset + VIEW.tableBytes) {
      dropSlots(hart);
      this.forgetView(mmu, descriptor);
    }
  }

  /** If an object is a view, drops what came from its entries. */
  private forgetView(mmu: Mmu, descriptor: number): void {
    const ofView = (space: Space): boolean => isObjectSpace(space) && keyHasView(space.context, descriptor);
    if (mmu.regimes.select(ofView).includes(1)) mmu.forget(ofView);
  }

  private invalidatePointer(hart: Hart, rs1: number, rs2: number): void {
    const baseLo = hart.x(rs1);
    const slot = slotOf(baseLo, hart.hi);
    if (rs1 !== 0 && slot < 0) return;
    const pointerLo = hart.x(rs2);
    // The pointer's bits 63:30; 34 bits, so not an integer of bit operations.
    const index = (hart.hi >>> 0) * 4 + (pointerLo >>> 30);
    for (const target of this.harts)
      invalidatePointers(target, rs1 === 0 ? ALL : slot, rs2 === 0 ? ALL : index);
  }
}

const ADDRESS_MASK = 2 ** ADDRESS.offsetBits - 1;

/** A physical address in a register, aligned to a descriptor. */
const address = (lo: number, hi: number): number =>
  (hi >>> 0) * 2 ** 32 + ((lo & ~(DESCRIPTOR.bytes - 1)) >>> 0);

/** A register in the form of stwzview or stwzctx: its address. */
function root(hart: Hart, register: number): number {
  const lo = hart.x(register);
  return address(lo, hart.hi);
}
