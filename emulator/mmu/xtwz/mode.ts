/**
 * Xtwz as a translation mode of the machine's MMU (docs/xtwz.md): feeds the walker from a hart's CSRs, turns its result
 * into a page with rights, and leaves the fault CSRs. One object serves all harts of a machine and has no state of
 * its own.
 *
 * What a translation depends on besides satp, privilege, SUM and MXR is the pair of view and context: `contextKey`.
 * S-mode without SUM sees only the supervisor window, which depends on neither, so those regimes are shared by all.
 */
import { PAGE_SIZE } from '../../addresses.ts';
import { Privilege } from '../../cpu/causes.ts';
import { Slot } from '../../cpu/csr-numbers.ts';
import type { Hart } from '../../cpu/hart.ts';
import { Right } from '../../cpu/pmp.ts';
import { HART } from '../../cpu/state.ts';
import { DRAM_BASE } from '../../machine/config.ts';
import { ACCESS_FAULT, type TranslationMode, WALKED, type Walk } from '../translation.ts';
import { StepRecorder } from './explain.ts';
import {
  ACCESS,
  type Access,
  ADDRESS,
  DESCRIPTOR,
  fixedIndex,
  MCFG,
  RIGHT,
  XTWZ_SATP_MODE,
} from './layout.ts';
import { dropPointers, slotOf } from './pointers.ts';
import { readRoots, rootOf, XtwzSlot } from './registers.ts';
import { dropSlots, findSlot, keepSlot } from './slot-cache.ts';
import { Outcome, type WalkRoots, XtwzWalker } from './walk.ts';

/** Owner numbers of TLB entries have 27 bits and are not 0: descriptors that differ above are dropped together. */
const OWNERS = 2 ** 27 - 1;
/** Owner number of what came from the object of a descriptor. */
export const ownerOf = (descriptor: number): number => 1 + ((descriptor / DESCRIPTOR.bytes) % OWNERS);

/**
 * Views and contexts are numbered by their place above DRAM_BASE, from 1: a view's number has 27 bits (8 GiB), a
 * context's 26 (4 GiB), so that a pair is exact as a number. Nothing is cached for those beyond, or for none: 0.
 */
const VIEW_NUMBERS = 2 ** 27;
const CONTEXT_NUMBERS = 2 ** 26;
function rootNumber(pa: number, numbers: number): number {
  const place = (pa - DRAM_BASE) / DESCRIPTOR.bytes;
  return place >= 0 && place < numbers - 1 ? place + 1 : 0;
}
const UNNUMBERED = -1;
/** Words of stwzview, stwzctx and stwzfix, whose slots are consecutive. */
const ROOT_WORDS = 6;
/** Whether a context key is one of this view. */
export const keyHasView = (key: number, view: number): boolean =>
  Math.floor(key / CONTEXT_NUMBERS) === rootNumber(view, VIEW_NUMBERS);
/** Whether a context key is one of this security context. */
export const keyHasContext = (key: number, context: number): boolean =>
  key % CONTEXT_NUMBERS === rootNumber(context, CONTEXT_NUMBERS);

/** Halves of the first address of the supervisor window. */
const SUPERVISOR_WINDOW = [
  Number(BigInt.asIntN(32, ADDRESS.supervisorBase)),
  Number(BigInt.asIntN(32, ADDRESS.supervisorBase >> 32n)),
] as const;

export class XtwzMode implements TranslationMode {
  readonly mode = XTWZ_SATP_MODE;
  readonly name = 'Xtwz';
  readonly fenceDropsAll = true;
  private readonly walker = new XtwzWalker();
  private readonly roots: WalkRoots = { space: 0, view: -1, context: -1, fixed: -1 };
  /** The context key of the roots, or UNNUMBERED when nothing may be kept for them. */
  private key = UNNUMBERED;
  /** The words of satp and of the three pointer CSRs that `roots` and `key` are of. */
  private readonly seen = new Int32Array(2 + ROOT_WORDS).fill(-1);

  contextKey(hart: Hart): number {
    const view = rootNumber(rootOf(hart, XtwzSlot.view), VIEW_NUMBERS);
    return view * CONTEXT_NUMBERS + rootNumber(rootOf(hart, XtwzSlot.context), CONTEXT_NUMBERS);
  }

  /** Regimes whose translations depend on neither view nor context. */
  contextFree(privilege: number, sum: boolean): boolean {
    return privilege === Privilege.supervisor && !sum;
  }

  /** The supervisor window. */
  directMap(privilege: number): readonly [number, number] | undefined {
    return privilege === Privilege.supervisor ? SUPERVISOR_WINDOW : undefined;
  }

  fence(hart: Hart): void {
    dropPointers(hart);
    dropSlots(hart);
  }

  walk(walk: Walk): number {
    const { walker, roots } = this;
    this.findRoots(walk.hart);
    const recorder = walk.trace === undefined ? undefined : new StepRecorder(walk.trace);
    const access: Access = walk.management ? ACCESS.cacheBlock : walk.access;
    const key = walk.dry ? UNNUMBERED : this.key;
    if (key !== UNNUMBERED && this.fromSlotCache(walk, access, key)) return WALKED;
    recorder?.begin(walk.va);
    const outcome = walker.walk(
      walk,
      roots,
      walk.vaHi >>> 0,
      walk.vaLo >>> 0,
      access,
      walk.privilege === Privilege.supervisor,
      walk.sum,
      walk.mxr,
      !walk.dry,
      recorder,
    );
    recorder?.finish(walker, outcome, access);
    if (outcome === Outcome.ok) {
      if (key !== UNNUMBERED && !walker.direct) keepSlot(walk.hart, roots.space, key, walker);
      this.page(walk, key !== UNNUMBERED);
      return WALKED;
    }
    if (outcome === Outcome.accessFault) return ACCESS_FAULT[walk.access];
    if (!walk.dry) this.leaveFault(walk.hart);
    return walker.cause;
  }

  /** Tries to translate by step 4 alone, from what an earlier walk found of the slot. */
  private fromSlotCache(walk: Walk, access: Access, key: number): boolean {
    const { walker, roots } = this;
    const user = walk.privilege === Privilege.user;
    if (!user && (!walk.sum || access === ACCESS.fetch)) return false;
    const slot = slotOf(walk.vaLo, walk.vaHi);
    const offset = walk.vaLo & (2 ** ADDRESS.offsetBits - 1);
    if (slot < 0 || offset < ADDRESS.nullBytes) return false;
    if (!findSlot(walk.hart, roots.space, key, slot, walker)) return false;
    if (walker.walkPage(walk, offset, access, walk.mxr) !== Outcome.ok) return false;
    this.page(walk, true);
    return true;
  }

  /** Puts the translation found into `walk`. `cacheable`: view and context have numbers of their own. */
  private page(walk: Walk, cacheable: boolean): void {
    const { walker } = this;
    const { effective } = walker;
    walk.frame = Math.floor(walker.pa / PAGE_SIZE);
    walk.level = 0;
    if (fixedIndex(walker.slot) >= 0) walk.hart.setScalar(HART.fixedCached, 1);
    walk.owner = walker.direct ? 0 : ownerOf(walker.descriptor);
    let rights = 0;
    walk.rights = rights;
    if (!walker.direct && !cacheable) return;
    if (effective & RIGHT.read || (walk.mxr && effective & RIGHT.exec)) rights |= Right.R;
    if (walker.storable) rights |= Right.W;
    if (effective & RIGHT.exec && (walker.direct || walk.privilege === Privilege.user)) rights |= Right.X;
    walk.rights = rights;
  }

  /** Sets `roots` and `key` from the hart's CSRs, which seldom change between two walks. */
  private findRoots(hart: Hart): void {
    const { seen } = this;
    const { i32 } = hart;
    const csrs = hart.word + (HART.csrs >> 2);
    const satp = csrs + 2 * Slot.satp;
    const first = csrs + 2 * XtwzSlot.view;
    let same = i32[satp] === seen[0] && i32[satp + 1] === seen[1];
    for (let i = 0; i < ROOT_WORDS; i++) same &&= i32[first + i] === seen[2 + i];
    if (same) return;
    seen[0] = i32[satp]!;
    seen[1] = i32[satp + 1]!;
    for (let i = 0; i < ROOT_WORDS; i++) seen[2 + i] = i32[first + i]!;
    const { roots } = this;
    readRoots(hart, roots);
    const view = rootNumber(roots.view, VIEW_NUMBERS);
    const context = rootNumber(roots.context, CONTEXT_NUMBERS);
    this.key = view === 0 || context === 0 ? UNNUMBERED : view * CONTEXT_NUMBERS + context;
  }

  /** Writes the fault CSRs of the level that will take the fault. */
  private leaveFault(hart: Hart): void {
    const { walker } = this;
    const supervisor =
      hart.privilege !== Privilege.machine && (hart.cellLo(XtwzSlot.machineConfig) & MCFG.delegate) !== 0;
    const first = supervisor ? XtwzSlot.supervisorFault : XtwzSlot.machineFault;
    hart.setCell(first, walker.id0 | 0, walker.id1 | 0);
    hart.setCell(first + 1, walker.id2 | 0, walker.id3 | 0);
    hart.setCell(first + 2, walker.offset, 0);
    hart.setCell(first + 3, walker.infoLo | 0, walker.infoHi);
    hart.setCell(first + 4, walker.descriptor | 0, Math.floor(walker.descriptor / 2 ** 32));
  }
}
