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
import type { Hart } from '../../cpu/hart.ts';
import { Right } from '../../cpu/pmp.ts';
import { HART } from '../../cpu/state.ts';
import { DRAM_BASE } from '../../machine/config.ts';
import { ACCESS_FAULT, type TranslationMode, WALKED, type Walk } from '../translation.ts';
import { StepRecorder } from './explain.ts';
import { ACCESS, type Access, DESCRIPTOR, fixedIndex, MCFG, RIGHT, XTWZ_SATP_MODE } from './layout.ts';
import { dropPointers } from './pointers.ts';
import { readRoots, rootOf, XtwzSlot } from './registers.ts';
import { Outcome, type WalkRoots, XtwzWalker } from './walk.ts';

/** Owner numbers of TLB entries have 27 bits: descriptors that differ above are dropped together. */
const OWNERS = 2 ** 27;
/** Owner number of what came from the object of a descriptor. */
export const ownerOf = (descriptor: number): number => (descriptor / DESCRIPTOR.bytes) % OWNERS;

/** Roots that lie in memory are numbered from 1 by their place; 2^26 of them reach 4 GiB above DRAM_BASE. */
const ROOTS = 2 ** 26 + 1;
/**
 * Number of a view or context root. All that lie in no memory share 0: no walk through them succeeds, so nothing
 * is cached for them.
 */
function rootNumber(pa: number): number {
  const place = (pa - DRAM_BASE) / DESCRIPTOR.bytes;
  return place >= 0 && place < ROOTS - 1 ? place + 1 : 0;
}
/** The context key of a pair of roots. */
const keyOf = (view: number, context: number): number => rootNumber(view) * ROOTS + rootNumber(context);
/** Whether a context key is one of this view or, with `which` 1, of this context. */
export function keyHas(key: number, which: 0 | 1, pa: number): boolean {
  const number = which === 0 ? Math.floor(key / ROOTS) : key % ROOTS;
  return number === rootNumber(pa);
}

export class XtwzMode implements TranslationMode {
  readonly mode = XTWZ_SATP_MODE;
  readonly name = 'Xtwz';
  readonly fenceDropsAll = true;
  private readonly walker = new XtwzWalker();
  private readonly roots: WalkRoots = { space: 0, view: -1, context: -1, fixed: -1 };

  contextKey(hart: Hart): number {
    return keyOf(rootOf(hart, XtwzSlot.view), rootOf(hart, XtwzSlot.context));
  }

  /** Regimes whose translations depend on neither view nor context. */
  contextFree(privilege: number, sum: boolean): boolean {
    return privilege === Privilege.supervisor && !sum;
  }

  fence(hart: Hart): void {
    dropPointers(hart);
  }

  walk(walk: Walk): number {
    const { walker, roots } = this;
    readRoots(walk.hart, roots);
    const recorder = walk.trace === undefined ? undefined : new StepRecorder(walk.trace);
    const access: Access = walk.management ? ACCESS.cacheBlock : walk.access;
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
      this.page(walk);
      return WALKED;
    }
    if (outcome === Outcome.accessFault) return ACCESS_FAULT[walk.access];
    if (!walk.dry) this.leaveFault(walk.hart);
    return walker.cause;
  }

  /** Puts the translation found into `walk`. */
  private page(walk: Walk): void {
    const { walker } = this;
    const { effective } = walker;
    walk.frame = Math.floor(walker.pa / PAGE_SIZE);
    walk.level = 0;
    if (fixedIndex(walker.slot) >= 0) walk.hart.setScalar(HART.fixedCached, 1);
    walk.owner = walker.direct ? 0 : ownerOf(walker.descriptor);
    let rights = 0;
    if (effective & RIGHT.read || (walk.mxr && effective & RIGHT.exec)) rights |= Right.R;
    if (walker.storable) rights |= Right.W;
    if (effective & RIGHT.exec && (walker.direct || walk.privilege === Privilege.user)) rights |= Right.X;
    walk.rights = rights;
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
