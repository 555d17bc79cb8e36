/**
 * The MMU of one hart: keeps the regimes and the direct window in the hart's state up to date, translates addresses
 * for the slow paths, and explains walks to tools. What a page needs besides translation (flags, watchpoints,
 * engines) is the machine's affair (machine/access.ts).
 */
import { PAGE_SIZE } from '../addresses.ts';
import { Privilege } from '../cpu/causes.ts';
import { Envcfg } from '../cpu/csr-machine.ts';
import { Mstatus, Slot } from '../cpu/csr-numbers.ts';
import type { Hart } from '../cpu/hart.ts';
import { MIXED, NEEDED_RIGHT, Pmp, Right } from '../cpu/pmp.ts';
import {
  CboEnable,
  DATA_TLB_ENTRIES,
  FETCH_TLB_ENTRIES,
  HART,
  REGIME_SHIFT,
  TLB_ENTRY_SIZE,
  tlbSpread,
} from '../cpu/state.ts';
import type { PhysicalMemory } from '../machine/memory.ts';
import { Regimes, type RegimesState, type Space } from './regimes.ts';
import { Tlb, type TlbCopy } from './tlb.ts';
import { ACCESS_FAULT, Access, type TranslationMode, WALKED, Walk, type WalkStep } from './translation.ts';

/** MPP (12:11), MPRV, SUM and MXR (19:17) of mstatus, shifted so that the privilege fits below. */
const MODE_FIELDS = Mstatus.MPP | Mstatus.MPRV | Mstatus.SUM | Mstatus.MXR;
const MODE_SHIFT = 9;
const KNOWN_ENTRIES = (MODE_FIELDS >> MODE_SHIFT) + 4;
const KNOWN_WORDS = 8;

/** Where physical address 0 is with translation off. */
const BARE_MAP = [0, 0] as const;

/** A translation that faults. */
export const FAULT = -1;

/** What an explained translation found. */
export interface Explanation {
  readonly va: bigint;
  readonly mode: string;
  readonly steps: readonly WalkStep[];
  /** Physical address, if the access would succeed. */
  readonly pa?: number;
  /** Exception code, if it would fault. */
  readonly cause?: number;
}

export class Mmu {
  readonly tlb: Tlb;
  readonly pmp: Pmp;
  readonly regimes: Regimes;
  /** Exception code of the last translation that gave FAULT. */
  cause = 0;
  /** After a translation: whether the whole page may be cached with the right of the access. */
  cacheable = false;
  /** True while load watchpoints or observed DRAM pages forbid the direct window. */
  private windowForbidden = false;

  private readonly hart: Hart;
  private readonly memory: PhysicalMemory;
  private readonly modes: (TranslationMode | undefined)[] = new Array(16).fill(undefined);
  /** Modes that want to know of every sfence.vma. */
  private readonly special: readonly TranslationMode[];
  private readonly walker: Walk;
  /** Memory is accessed for a translation now: for those who observe accesses. */
  walking = false;
  /** The space found last, valid while the regimes' version is this. */
  private space: Space | undefined;
  private spaceVersion = -1;
  /** Counts the calls of `update`. */
  private generation = 1;
  /**
   * What `switchMode` writes, for each privilege and MPP, MPRV, SUM, MXR: generation that it is of, fetch regime, data
   * regime, size of the direct window, cache-block permissions, version of the regimes, base of the direct window.
   */
  private readonly known = new Int32Array(KNOWN_ENTRIES * KNOWN_WORDS);
  /** By effective privilege: PMP gives all rights over all of DRAM. */
  private readonly dramFree = [false, false, false, false];

  constructor(hart: Hart, memory: PhysicalMemory, modes: readonly TranslationMode[]) {
    this.hart = hart;
    this.memory = memory;
    this.pmp = new Pmp(hart);
    this.tlb = new Tlb(hart);
    this.regimes = new Regimes((taken) => {
      this.tlb.dropRegimes(taken);
      this.fetchesDropped();
    });
    this.walker = new Walk(hart, memory, this.pmp);
    for (const mode of modes) {
      if (this.modes[mode.mode]) throw new Error(`satp.MODE ${mode.mode} is defined twice`);
      this.modes[mode.mode] = mode;
    }
    this.special = modes.filter((mode) => mode.fence || mode.fenceDropsAll);
    const dram = memory.regions[0]!;
    hart.setScalar(HART.directHost, dram.host | 0);
  }

  hasMode(mode: number): boolean {
    return this.modes[mode] !== undefined;
  }

  /** The mode that satp selects, or undefined when translation is off for S and U. */
  get mode(): TranslationMode | undefined {
    return this.modes[this.hart.cellHi(Slot.satp) >>> 28];
  }

  /** Privilege of loads and stores, under MPRV. */
  get dataPrivilege(): number {
    const mstatus = this.hart.cellLo(Slot.mstatus);
    const { privilege } = this.hart;
    return mstatus & Mstatus.MPRV && privilege === Privilege.machine
      ? (mstatus & Mstatus.MPP) >>> Mstatus.MPP_SHIFT
      : privilege;
  }

  /** Computes regimes, direct window and cache-block permissions after anything that they depend on. */
  update(): void {
    this.generation++;
    this.switchMode();
  }

  /**
   * As `update`, when nothing but privilege, mstatus and what `update` has seen already can have changed: traps and
   * returns come here, so the results for each combination are kept.
   */
  switchMode(): void {
    const { hart, known } = this;
    const { i32, word } = hart;
    const at = (hart.privilege | ((hart.cellLo(Slot.mstatus) & MODE_FIELDS) >> MODE_SHIFT)) * KNOWN_WORDS;
    if (known[at] !== this.generation || known[at + 5] !== this.regimes.version) this.compute(at);
    const fetch = known[at + 1]!;
    const data = known[at + 2]!;
    this.regimes.touch(fetch, data);
    i32[word + (HART.fetchRegime >> 2)] = fetch << REGIME_SHIFT;
    i32[word + (HART.dataRegime >> 2)] = data << REGIME_SHIFT;
    i32[word + (HART.fetchPlace >> 2)] = hart.base ^ (tlbSpread(fetch, FETCH_TLB_ENTRIES) * TLB_ENTRY_SIZE);
    i32[word + (HART.dataPlace >> 2)] = hart.base ^ (tlbSpread(data, DATA_TLB_ENTRIES) * TLB_ENTRY_SIZE);
    i32[word + (HART.directSize >> 2)] = known[at + 3]!;
    i32[word + (HART.directBase >> 2)] = known[at + 6]!;
    i32[word + (HART.directBase >> 2) + 1] = known[at + 7]!;
    i32[word + (HART.cboEnable >> 2)] = known[at + 4]!;
  }

  /** Fills the entry of `known` for the present privilege and mstatus. */
  private compute(at: number): void {
    const { hart, known } = this;
    const mstatus = hart.cellLo(Slot.mstatus);
    const { privilege } = hart;
    const data = this.dataPrivilege;
    const translating = hart.cellHi(Slot.satp) >>> 28 !== 0;
    const dataBare = !translating || data === Privilege.machine;
    known[at + 1] =
      translating && privilege !== Privilege.machine
        ? this.regimeOf(privilege, false, 0)
        : this.regimes.ofBare(privilege);
    if (dataBare) known[at + 2] = this.regimes.ofBare(data);
    else {
      const sum = data === Privilege.supervisor && (mstatus & Mstatus.SUM) !== 0;
      known[at + 2] = this.regimeOf(data, sum, mstatus & Mstatus.MXR ? 4 : 0);
    }
    const dram = this.memory.regions[0]!;
    // With translation off the window is where memory is; a mode may have a direct map of its own.
    const map = dataBare ? BARE_MAP : this.mode?.directMap?.(data);
    const open = map !== undefined && this.dramFree[data]! && !this.windowForbidden;
    const [mapLo, mapHi] = map ?? BARE_MAP;
    const baseLo = (mapLo >>> 0) + dram.base;
    known[at + 6] = baseLo | 0;
    known[at + 7] = mapHi + Math.floor(baseLo / 2 ** 32);
    // The engines take unaligned loads in the window: the last must end in it.
    known[at + 3] = open ? dram.size - 7 : 0;
    known[at + 4] = this.cacheBlockPermissions();
    known[at + 5] = this.regimes.version;
    known[at] = this.generation;
  }

  /** Number of the regime at a privilege, with SUM and MXR (0 or 4) as they are. */
  private regimeOf(privilege: number, sum: boolean, mxr: number): number {
    const { hart } = this;
    const lo = hart.cell(Slot.satp);
    const { hi } = hart;
    const mode = this.modes[hi >>> 28];
    const free = mode?.contextFree?.(privilege, sum) === true;
    const context = free ? -1 : (mode?.contextKey?.(hart) ?? 0);
    let space = this.space;
    if (
      space === undefined ||
      this.spaceVersion !== this.regimes.version ||
      space.satpLo !== lo ||
      space.satpHi !== hi ||
      space.context !== context
    ) {
      space = this.regimes.space(lo, hi, context);
      this.space = space;
      this.spaceVersion = this.regimes.version;
    }
    return this.regimes.of(space, privilege | (sum ? 2 : 0) | mxr);
  }

  private cacheBlockPermissions(): number {
    const { hart } = this;
    if (hart.privilege === Privilege.machine) return CboEnable.cleanFlush | CboEnable.zero | (3 << 2);
    let config = hart.cellLo(Slot.menvcfg);
    let inval = (config & Envcfg.CBIE) >> Envcfg.CBIE_SHIFT;
    if (hart.privilege === Privilege.user) {
      const user = hart.cellLo(Slot.senvcfg);
      const userInval = (user & Envcfg.CBIE) >> Envcfg.CBIE_SHIFT;
      config &= user;
      inval = inval === 0 || userInval === 0 ? 0 : inval & userInval;
    }
    return (
      (config & Envcfg.CBCFE ? CboEnable.cleanFlush : 0) |
      (config & Envcfg.CBZE ? CboEnable.zero : 0) |
      (inval << CboEnable.INVAL_SHIFT)
    );
  }

  /** After a change of a PMP register: everything cached may be wrong. */
  protectionChanged(): void {
    this.pmp.update();
    this.openDram();
    this.dropAll();
  }

  private openDram(): void {
    const dram = this.memory.regions[0]!;
    for (const privilege of [Privilege.user, Privilege.supervisor, Privilege.machine])
      this.dramFree[privilege] = this.pmp.page(dram.base, privilege, dram.size) === Right.all;
    this.walker.open = this.dramFree[Privilege.supervisor]!;
  }

  /** Forbids or allows the direct window (load watchpoints, observed pages). */
  forbidWindow(forbidden: boolean): void {
    if (this.windowForbidden === forbidden) return;
    this.windowForbidden = forbidden;
    this.update();
  }

  /** Drops every translation. */
  dropAll(): void {
    this.tlb.dropAll();
    this.regimes.reset();
    this.space = undefined;
    this.update();
    this.fetchesDropped();
  }

  /** Puts back what the architectural TLB and the regimes held (saved states, snapshots). */
  restoreTranslations(translations: TlbCopy, regimes: RegimesState): void {
    this.pmp.update();
    this.openDram();
    this.tlb.restore(translations);
    this.regimes.restore(regimes);
    this.space = undefined;
    this.update();
    this.fetchesDropped();
  }

  /** Told when fetch translations were dropped or regime numbers given anew. */
  fetchesDropped: () => void = () => {};

  /** Forgets the spaces for which `predicate` holds, with all their translations. */
  forget(predicate: (space: Space) => boolean): void {
    this.regimes.forget(predicate);
    this.update();
    this.fetchesDropped();
  }

  /** Drops the translations for which `predicate` holds: halves of the tag, level, owner. */
  dropWhere(predicate: Parameters<Tlb['dropWhere']>[0]): void {
    this.tlb.dropWhere(predicate);
    this.fetchesDropped();
  }

  /** Drops an owner's translations of one page, as `Tlb.dropOwnerPage`. */
  dropOwnerPage(owner: number, offset: number): void {
    this.tlb.dropOwnerPage(owner, offset);
    this.fetchesDropped();
  }

  private fenceSpecial(): void {
    for (const mode of this.special) mode.fence?.(this.hart);
    this.regimes.forget((space) => this.modes[space.satpHi >>> 28]?.fenceDropsAll === true);
    this.space = undefined;
    this.update();
  }

  /**
   * sfence.vma. Undefined operands stand for x0.
   * @param asid address space whose translations to drop; global ones may stay
   */
  fence(vaLo: number, vaHi: number, hasAddress: boolean, asid: number, hasAsid: boolean): void {
    if (this.special.length > 0) this.fenceSpecial();
    if (hasAddress) {
      this.tlb.dropAddress(vaLo, vaHi); // of all address spaces: more than asked for is allowed
      this.fetchesDropped();
      return;
    }
    if (hasAsid) this.regimes.forget((space) => (space.satpHi >>> 12) % 65536 === (asid & 0xffff));
    else this.regimes.forgetSpaces();
    this.space = undefined;
    this.update();
  }

  /**
   * Translates one address (not across a page) and checks PMP for `length` bytes there. Uses and fills the
   * architectural TLB.
   * @param management the access is a cache-block management instruction (`Walk.management`)
   * @returns the physical address, or FAULT with `cause`; `cacheable` tells whether the page may be made fast
   */
  translate(vaLo: number, vaHi: number, access: Access, length: number, management = false): number {
    const { hart } = this;
    const privilege = access === Access.fetch ? hart.privilege : this.dataPrivilege;
    const offset = vaLo & 0xfff;
    if (privilege === Privilege.machine || hart.cellHi(Slot.satp) >>> 28 === 0) {
      const pa = (vaHi >>> 0) * 2 ** 32 + (vaLo >>> 0);
      return this.protect(pa, offset, length, access, privilege);
    }
    const tag = hart.i32[hart.word + ((access === Access.fetch ? HART.fetchRegime : HART.dataRegime) >> 2)]!;
    const regime = tag >> REGIME_SHIFT;
    const known = this.tlb.lookup(access, vaLo, vaHi, regime);
    if (known >= 0) {
      this.tlb.statistics.refills++;
      this.cacheable = true;
      return known * PAGE_SIZE + offset;
    }
    const walk = this.walker;
    walk.vaLo = vaLo;
    walk.vaHi = vaHi;
    walk.access = access;
    walk.privilege = privilege;
    walk.management = management;
    const mstatus = hart.cellLo(Slot.mstatus);
    // Fetches know neither, and what they fill serves loads without them.
    const data = access !== Access.fetch;
    walk.sum = data && (mstatus & Mstatus.SUM) !== 0;
    walk.mxr = data && (mstatus & Mstatus.MXR) !== 0;
    this.tlb.statistics.walks++;
    this.walking = true;
    const cause = this.mode!.walk(walk);
    this.walking = false;
    if (cause !== WALKED) {
      this.cause = cause;
      return FAULT;
    }
    const { frame } = walk;
    const pa = this.protect(frame * PAGE_SIZE + offset, offset, length, access, privilege);
    if (pa < 0) return FAULT;
    const rights = walk.rights & this.pageRights;
    if (this.cacheable && rights & NEEDED_RIGHT[access] && frame < 2 ** 32)
      this.tlb.insert(vaLo, vaHi, regime, frame, rights, walk.level, walk.owner);
    else this.cacheable = false;
    return pa;
  }

  /** What PMP allows with the whole page of the last `protect`, if it is `cacheable`. */
  private pageRights = 0;

  /** Applies PMP to `length` bytes at `pa`, which is `offset` bytes into its page. */
  private protect(pa: number, offset: number, length: number, access: Access, privilege: number): number {
    const right = NEEDED_RIGHT[access];
    const rights = this.pmp.page(pa - offset, privilege);
    if (rights !== MIXED) {
      this.cacheable = true;
      this.pageRights = rights;
      if (rights & right) return pa;
    } else {
      this.cacheable = false;
      if (this.pmp.allows(pa, length, right, privilege)) return pa;
    }
    this.cause = ACCESS_FAULT[access];
    return FAULT;
  }

  /** For tools: what an access would do now, step by step, without any effect. */
  explain(va: bigint, access: Access, privilege = this.dataPrivilege): Explanation {
    const vaLo = Number(BigInt.asIntN(32, va));
    const vaHi = Number(BigInt.asIntN(32, va >> 32n));
    const { mode } = this;
    if (mode === undefined || privilege === Privilege.machine) {
      const pa = this.protect(Number(BigInt.asUintN(64, va)), vaLo & 0xfff, 1, access, privilege);
      const steps = [{ what: 'address', verdict: 'translation is off: the physical address is the same' }];
      return pa < 0 ? { va, mode: 'Bare', steps, cause: this.cause } : { va, mode: 'Bare', steps, pa };
    }
    const walk = new Walk(this.hart, this.memory, this.pmp);
    const mstatus = this.hart.cellLo(Slot.mstatus);
    const steps: WalkStep[] = [];
    Object.assign(walk, { vaLo, vaHi, access, privilege, trace: steps, dry: true });
    walk.sum = (mstatus & Mstatus.SUM) !== 0;
    walk.mxr = (mstatus & Mstatus.MXR) !== 0;
    const cause = mode.walk(walk);
    if (cause !== WALKED) return { va, mode: mode.name, steps, cause };
    const offset = vaLo & 0xfff;
    const pa = this.protect(walk.frame * PAGE_SIZE + offset, offset, 1, access, privilege);
    return pa < 0 ? { va, mode: mode.name, steps, cause: this.cause } : { va, mode: mode.name, steps, pa };
  }

  /** For tools: the physical address of a virtual one as the hart would load from it now, or undefined. */
  peek(va: bigint, access: Access = Access.load): number | undefined {
    return this.explain(va, access).pa;
  }
}
