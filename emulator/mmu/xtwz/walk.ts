/**
 * The walk of docs/xtwz.md §4: virtual address → view → object → rights → page. The one walker: TLB fills use it, and so do debuggers
 * and `licorice explain`, which pass an observer to see every word that it reads.
 *
 * Results stand in the walker's fields until the next walk, and no walk allocates or makes a bigint: a TLB miss
 * costs a few dozen word reads. 64-bit words are two unsigned 32-bit halves. Addresses are numbers; those of 2^53
 * and above lose low bits, which does not matter because no memory lies there.
 */
import { PAGE_SIZE } from '../../addresses.ts';
import {
  ACCESS,
  type Access,
  ALL_RIGHTS,
  CAUSE,
  CONTEXT,
  DESCRIPTOR,
  ENTRY,
  fixedIndex,
  HASH,
  INFO,
  OBJECT_VALUE,
  REASON,
  REQUESTABLE,
  RIGHT,
  SPACE,
  STEP,
  TABLE_WORD,
  VALID,
  VIEW,
} from './layout.ts';

/** Physical memory as the walker sees it: S-mode data accesses that obey PMP and PMAs (§9). `Walk` is one. */
export interface TableMemory {
  /** Reads the 8-byte word at `pa` (8-aligned) into `lo` and `hi`; false: access fault. */
  read(pa: number): boolean;
  readonly lo: number;
  readonly hi: number;
  /** Writes the low half of the word just read there (accessed and dirty bits); false: access fault. */
  writeLow(pa: number, lo: number): boolean;
}

/** What the walk takes from the hart's CSRs: physical addresses, -1 where V = 0. */
export interface WalkRoots {
  /** satp.PPN × 4096: the object space page. */
  space: number;
  view: number;
  context: number;
  fixed: number;
}

/** What was read, for observers: the name of the entry's format in §3. */
export type Reading =
  | 'fixed entry'
  | 'view root'
  | 'view level 1'
  | 'view level 0'
  | 'view entry'
  | 'object table'
  | 'object entry'
  | 'descriptor root'
  | 'descriptor attributes'
  | 'context table'
  | 'context policy'
  | 'rights entry'
  | 'level 1'
  | 'level 0'
  | 'set accessed/dirty';

/** Sees the walk. `words` are 64-bit words as (low, high) pairs, in order of address from `pa`. */
export interface WalkObserver {
  read(what: Reading, pa: number, words: readonly number[]): void;
  /** A hashed table was searched: buckets and entries compared, and the table's size. */
  searched(what: Reading, table: number, log2: number, first: number, second: number, compared: number): void;
}

/** How a walk ended. Access faults have the standard cause of the access; the trap code knows it. */
export const Outcome = { ok: 0, fault: 1, accessFault: 2 } as const;
export type Outcome = (typeof Outcome)[keyof typeof Outcome];

export class XtwzWalker {
  // Result of a walk that ended well.
  /** Physical address. */
  pa = 0;
  /** The translation is the supervisor window's. */
  direct = false;
  /** Rights in effect: requested and granted, by RIGHT. */
  effective = 0;
  /** Stores may be made without a walk: WRITE in effect, no copy-on-write, dirty already set or not kept. */
  storable = false;
  /** The leaf was a 2-MiB page. */
  large = false;
  /** What of the object steps 1 to 3 found, and `walkPage` needs again: level-1 table, LIMIT, root's C, not NOAD. */
  tree = 0;
  limit = 0;
  rootCopyOnWrite = false;
  keepsBits = false;

  // Result of every walk, as far as it came.
  cause = 0;
  reason = 0;
  step = 0;
  missing = 0;
  requested = 0;
  granted = 0;
  noEntry = false;
  /** The view entry came from the fixed table. */
  fromFixed = false;
  /** Object ID as four unsigned 32-bit words, low first. */
  id0 = 0;
  id1 = 0;
  id2 = 0;
  id3 = 0;
  /** Physical address of the object's descriptor, or 0. */
  descriptor = 0;
  offset = 0;
  slot = 0;
  /** Where an access fault was met. */
  accessFaultAt = 0;
  private access: Access = ACCESS.load;
  private supervisor = false;

  /** The halves of the word last read. */
  private lo = 0;
  private hi = 0;
  private observer: WalkObserver | undefined;

  private memory!: TableMemory;

  /** stwzinfo, low half, of the walk's fault. */
  get infoLo(): number {
    return (
      ((this.step << INFO.step) |
        (this.access << INFO.access) |
        ((this.supervisor ? 1 : 0) << INFO.privilege) |
        (this.missing << INFO.missing) |
        (this.requested << INFO.requested) |
        (this.granted << INFO.granted)) >>>
      0
    );
  }

  /** stwzinfo, high half. */
  get infoHi(): number {
    return (
      (this.reason << INFO.reasonHi) |
      ((this.noEntry ? 1 : 0) << INFO.noEntryHi) |
      ((this.fromFixed ? 1 : 0) << INFO.fixedHi)
    );
  }

  /**
   * Translates one address.
   * @param vaHi bits 63:32 of the address, unsigned
   * @param vaLo bits 31:0, unsigned
   * @param supervisor effective privilege: S, otherwise U
   * @param update set accessed and dirty bits, as an access does; a tool that only looks passes false
   */
  walk(
    memory: TableMemory,
    roots: WalkRoots,
    vaHi: number,
    vaLo: number,
    access: Access,
    supervisor: boolean,
    sum: boolean,
    mxr: boolean,
    update = true,
    observer?: WalkObserver,
  ): Outcome {
    this.memory = memory;
    this.observer = observer;
    this.access = access;
    this.supervisor = supervisor;
    this.cause = this.reason = this.missing = this.requested = this.granted = 0;
    this.step = STEP.address;
    this.noEntry = this.fromFixed = this.direct = this.storable = this.large = false;
    this.id0 = this.id1 = this.id2 = this.id3 = 0;
    this.descriptor = this.offset = this.slot = this.effective = 0;

    // Address.
    const top = vaHi >>> 15;
    if (top === 0x1ffff) {
      if (!supervisor) return this.fault(CAUSE.address, REASON.user);
      this.direct = true;
      this.storable = true;
      this.effective = REQUESTABLE;
      this.pa = (vaHi & 0x7fff) * 2 ** 32 + vaLo;
      return Outcome.ok;
    }
    if (top !== 0) return this.fault(CAUSE.address, REASON.hole);
    const offset = vaLo & 0x3fff_ffff;
    const slot = ((vaHi << 2) | (vaLo >>> 30)) & 0x1_ffff;
    this.offset = offset;
    this.slot = slot;
    if (supervisor && access === ACCESS.fetch) return this.fault(CAUSE.address, REASON.supervisorFetch);
    if (supervisor && !sum) return this.fault(CAUSE.address, REASON.sum);
    if (offset < PAGE_SIZE) return this.fault(CAUSE.null, REASON.nullPage);

    let outcome = this.viewStep(roots, slot);
    if (outcome !== Outcome.ok) return outcome;
    outcome = this.objectStep(roots);
    if (outcome !== Outcome.ok) return outcome;
    return this.rightsAndPage(roots, offset, mxr, update);
  }

  /** Step 1: finds the view entry of `slot`; leaves ID and requested rights. */
  private viewStep(roots: WalkRoots, slot: number): Outcome {
    this.step = STEP.view;
    const fixed = fixedIndex(slot);
    if (fixed >= 0 && roots.fixed >= 0) {
      const outcome = this.viewEntry('fixed entry', roots.fixed + fixed * VIEW.entryBytes);
      if (outcome !== Outcome.ok) return outcome;
      if (this.requested >= 0) {
        this.fromFixed = true;
        this.step = STEP.object;
        return Outcome.ok;
      }
      this.requested = 0;
    }
    if (roots.view < 0) return this.fault(CAUSE.view, REASON.noView);
    // The entry's place, through the view object's own page tree.
    const at = VIEW.tableOffset + slot * VIEW.entryBytes;
    if (!this.read('view root', roots.view + DESCRIPTOR.root)) return Outcome.accessFault;
    if ((this.lo & ENTRY.valid) === 0) return this.fault(CAUSE.view, REASON.viewPage);
    if (malformedEntry(this.lo, this.hi, 2)) return this.malformed();
    const level1 = frame(this.lo, this.hi) + (at >>> 21) * ENTRY.bytes;
    if (!this.read('view level 1', level1)) return Outcome.accessFault;
    if ((this.lo & ENTRY.valid) === 0) return this.fault(CAUSE.view, REASON.viewPage);
    if (malformedEntry(this.lo, this.hi, 1)) return this.malformed();
    let pa: number;
    if (this.lo & ENTRY.leaf) {
      pa = frame(this.lo, this.hi) + (at & 0x1f_ffff);
    } else {
      const level0 = frame(this.lo, this.hi) + ((at >>> 12) & 511) * ENTRY.bytes;
      if (!this.read('view level 0', level0)) return Outcome.accessFault;
      if ((this.lo & ENTRY.valid) === 0) return this.fault(CAUSE.view, REASON.viewPage);
      if (malformedEntry(this.lo, this.hi, 0)) return this.malformed();
      pa = frame(this.lo, this.hi) + (at & 0xfff);
    }
    const outcome = this.viewEntry('view entry', pa);
    if (outcome !== Outcome.ok) return outcome;
    if (this.requested < 0) {
      this.requested = 0;
      return this.fault(CAUSE.view, REASON.entry);
    }
    this.step = STEP.object;
    return Outcome.ok;
  }

  /** Reads a view entry: flags first, then, if VALID, the ID. `requested` is -1 when it is not VALID. */
  private viewEntry(what: Reading, pa: number): Outcome {
    if (!this.word(pa + VIEW.flags)) return Outcome.accessFault;
    const flags = this.lo;
    const res1 = this.hi;
    let outcome: Outcome = Outcome.ok;
    this.requested = -1;
    if (flags & VIEW.valid) {
      this.requested = flags & REQUESTABLE;
      outcome = this.readId(pa);
    }
    if (this.observer !== undefined && outcome === Outcome.ok)
      this.observer.read(what, pa, [this.id0, this.id1, this.id2, this.id3, 0, 0, flags, res1]);
    return outcome;
  }

  private readId(pa: number): Outcome {
    if (!this.word(pa + VIEW.idLo)) {
      this.requested = 0;
      return Outcome.accessFault;
    }
    this.id0 = this.lo;
    this.id1 = this.hi;
    if (!this.word(pa + VIEW.idHi)) {
      this.requested = 0;
      return Outcome.accessFault;
    }
    this.id2 = this.lo;
    this.id3 = this.hi;
    return Outcome.ok;
  }

  /** Step 2: object table; leaves the descriptor's address. */
  private objectStep(roots: WalkRoots): Outcome {
    if (!this.read('object table', roots.space + SPACE.objectTable)) return Outcome.accessFault;
    if ((this.lo & VALID) === 0) return this.fault(CAUSE.object, REASON.noTable);
    if (malformedTable(this.lo, this.hi)) return this.malformed();
    const found = this.lookup('object entry');
    if (found !== Found.yes)
      return found === Found.no ? this.fault(CAUSE.object, REASON.unknown) : Outcome.accessFault;
    if ((this.lo & OBJECT_VALUE.reservedLo) !== 0 || (this.hi & OBJECT_VALUE.reservedHi) !== 0)
      return this.malformed();
    this.descriptor =
      (this.hi & OBJECT_VALUE.addressHi) * 2 ** 32 + ((this.lo & OBJECT_VALUE.addressLo) >>> 0);
    return Outcome.ok;
  }

  /** Steps 3 and 4. */
  private rightsAndPage(roots: WalkRoots, offset: number, mxr: boolean, update: boolean): Outcome {
    if (!this.read('descriptor root', this.descriptor + DESCRIPTOR.root)) return Outcome.accessFault;
    if ((this.lo & ENTRY.valid) === 0) return this.fault(CAUSE.object, REASON.notReady);
    if (malformedEntry(this.lo, this.hi, 2)) return this.malformed();
    this.rootCopyOnWrite = (this.lo & ENTRY.copyOnWrite) !== 0;
    this.tree = frame(this.lo, this.hi);
    if (!this.read('descriptor attributes', this.descriptor + DESCRIPTOR.attributes))
      return Outcome.accessFault;
    const attributes = this.lo;
    this.limit = this.hi & DESCRIPTOR.limitHi;
    this.keepsBits = (attributes & DESCRIPTOR.noAccessedDirty) === 0;

    this.step = STEP.rights;
    const outcome = this.grant(roots, attributes);
    if (outcome !== Outcome.ok) return outcome;
    this.effective = this.requested & this.granted;
    const missing = this.lacking(mxr);
    if (missing !== 0) {
      this.missing = missing;
      return this.fault(CAUSE.rights, missing & ~this.requested ? REASON.notRequested : REASON.notGranted);
    }
    return this.pageStep(offset, update);
  }

  /** Rights that the access needs and that are not in effect. */
  private lacking(mxr: boolean): number {
    const { access, effective } = this;
    const need =
      access === ACCESS.fetch ? RIGHT.exec : access === ACCESS.store ? RIGHT.read | RIGHT.write : RIGHT.read;
    if (mxr && need === RIGHT.read && effective & RIGHT.exec) return 0;
    return need & ~effective;
  }

  /**
   * Step 4 alone, for an address whose steps 1 to 3 are known from a walk that succeeded (`tree`, `limit`,
   * `rootCopyOnWrite`, `keepsBits`, `effective`, `descriptor` and `slot` are set). Anything but ok must be followed
   * by a whole walk, since no fault comes from a cache (§7, rule 1).
   * @param offset 29:0 of the address, at least 0x1000
   */
  walkPage(memory: TableMemory, offset: number, access: Access, mxr: boolean): Outcome {
    this.memory = memory;
    this.observer = undefined;
    this.access = access;
    this.direct = this.storable = this.large = false;
    if (this.lacking(mxr) !== 0) return Outcome.fault;
    return this.pageStep(offset, true);
  }

  private pageStep(offset: number, update: boolean): Outcome {
    const { access, effective, limit } = this;
    this.step = STEP.page;
    if (limit !== 0 && offset >>> 12 >= limit) return this.fault(CAUSE.page, REASON.limit);
    let copyOnWrite = this.rootCopyOnWrite ? ENTRY.copyOnWrite : 0;
    let at = this.tree + (offset >>> 21) * ENTRY.bytes;
    if (!this.read('level 1', at)) return Outcome.accessFault;
    if ((this.lo & ENTRY.valid) === 0) return this.fault(CAUSE.page, REASON.absentLarge);
    if (malformedEntry(this.lo, this.hi, 1)) return this.malformed();
    copyOnWrite |= this.lo & ENTRY.copyOnWrite;
    if (this.lo & ENTRY.leaf) {
      this.large = true;
      this.pa = frame(this.lo, this.hi) + (offset & 0x1f_ffff);
    } else {
      at = frame(this.lo, this.hi) + ((offset >>> 12) & 511) * ENTRY.bytes;
      if (!this.read('level 0', at)) return Outcome.accessFault;
      if ((this.lo & ENTRY.valid) === 0) return this.fault(CAUSE.page, REASON.absent);
      if (malformedEntry(this.lo, this.hi, 0)) return this.malformed();
      copyOnWrite |= this.lo & ENTRY.copyOnWrite;
      this.pa = frame(this.lo, this.hi) + (offset & 0xfff);
    }
    if (copyOnWrite && access === ACCESS.store) return this.fault(CAUSE.copyOnWrite, REASON.copyOnWrite);
    const keep = this.keepsBits;
    const wanted = access === ACCESS.store ? ENTRY.accessed | ENTRY.dirty : ENTRY.accessed;
    // Harts take turns, so nothing can come between the read and this write: together they are the compare-and-swap.
    if (keep && update && (this.lo & wanted) !== wanted) {
      const lo = (this.lo | wanted) >>> 0;
      if (!this.memory.writeLow(at, lo)) {
        this.accessFaultAt = at;
        return Outcome.accessFault;
      }
      this.lo = lo;
      this.observer?.read('set accessed/dirty', at, [lo, this.hi]);
    }
    const both = RIGHT.read | RIGHT.write;
    this.storable = (effective & both) === both && !copyOnWrite && (!keep || (this.lo & ENTRY.dirty) !== 0);
    return Outcome.ok;
  }

  /** Leaves what the current context grants to the object, §3.5. */
  private grant(roots: WalkRoots, attributes: number): Outcome {
    if (roots.context < 0) {
      this.noEntry = true;
      return Outcome.ok;
    }
    if (!this.read('context policy', roots.context + CONTEXT.policy)) return Outcome.accessFault;
    const policy = this.lo;
    if (policy & CONTEXT.all) {
      this.granted = ALL_RIGHTS;
      return Outcome.ok;
    }
    if (!this.read('context table', roots.context + CONTEXT.table)) return Outcome.accessFault;
    let found: Found = Found.no;
    if (this.lo & VALID) {
      if (malformedTable(this.lo, this.hi)) return this.malformed();
      found = this.lookup('rights entry');
    }
    if (found === Found.fault) return Outcome.accessFault;
    if (found === Found.yes) {
      this.granted = this.lo & ALL_RIGHTS;
      return Outcome.ok;
    }
    this.noEntry = true;
    if (policy & CONTEXT.useDefaults)
      this.granted = attributes & DESCRIPTOR.defaultRights & ~(policy & CONTEXT.mask);
    return Outcome.ok;
  }

  /** Looks the object's ID up in the table whose word is in `lo`, `hi`; leaves the value word there. */
  private lookup(what: Reading): Found {
    const table = (this.hi & TABLE_WORD.addressHi) * 2 ** 32 + ((this.lo & TABLE_WORD.addressLo) >>> 0);
    const log2 = (this.lo >>> TABLE_WORD.log2Shift) & TABLE_WORD.log2Mask;
    const mask = 2 ** log2 - 1;
    const first = (this.id0 & mask) >>> 0;
    let second = ((this.id2 ^ this.id1) & mask) >>> 0;
    if (second === first) second = (second ^ 1) >>> 0;
    let bucket = first;
    for (let compared = 0; compared < 2 * HASH.bucketEntries; compared++) {
      if (compared === HASH.bucketEntries) bucket = second;
      const entry = table + bucket * HASH.bucketBytes + (compared % HASH.bucketEntries) * HASH.entryBytes;
      if (!this.word(entry + HASH.value)) return Found.fault;
      const { lo, hi } = this;
      if ((lo & VALID) === 0) continue;
      if (!this.word(entry + HASH.idLo)) return Found.fault;
      if (this.lo !== this.id0 || this.hi !== this.id1) continue;
      if (!this.word(entry + HASH.idHi)) return Found.fault;
      if (this.lo !== this.id2 || this.hi !== this.id3) continue;
      this.lo = lo;
      this.hi = hi;
      if (this.observer !== undefined) {
        this.observer.searched(what, table, log2, first, second, compared + 1);
        this.observer.read(what, entry, [this.id0, this.id1, this.id2, this.id3, lo, hi]);
      }
      return Found.yes;
    }
    this.observer?.searched(what, table, log2, first, second, 2 * HASH.bucketEntries);
    return Found.no;
  }

  /** Reads a word into `lo`, `hi`, shown to the observer. */
  private read(what: Reading, pa: number): boolean {
    if (!this.word(pa)) return false;
    this.observer?.read(what, pa, [this.lo, this.hi]);
    return true;
  }

  private word(pa: number): boolean {
    const { memory } = this;
    if (!memory.read(pa)) {
      this.accessFaultAt = pa;
      return false;
    }
    this.lo = memory.lo >>> 0;
    this.hi = memory.hi >>> 0;
    return true;
  }

  private fault(cause: number, reason: number): Outcome {
    this.cause = cause;
    this.reason = reason;
    return Outcome.fault;
  }

  private malformed(): Outcome {
    return this.fault(CAUSE.table, REASON.malformed);
  }
}

const Found = { no: 0, yes: 1, fault: 2 } as const;
type Found = (typeof Found)[keyof typeof Found];

/** Physical address in a page-tree entry: PPN in bits 53:10, so bits 55:12 of the address. */
export function frame(lo: number, hi: number): number {
  return (hi & 0x3f_ffff) * 2 ** 34 + (lo >>> 10) * PAGE_SIZE;
}

/** A table word with V = 1 that §3.1 forbids. */
export function malformedTable(lo: number, hi: number): boolean {
  const log2 = (lo >>> TABLE_WORD.log2Shift) & TABLE_WORD.log2Mask;
  return (
    (lo & TABLE_WORD.reservedLo) !== 0 ||
    (hi & TABLE_WORD.reservedHi) !== 0 ||
    log2 < TABLE_WORD.minLog2 ||
    log2 > TABLE_WORD.maxLog2
  );
}

/** A page-tree entry with V = 1 that §3.6 forbids at its level (2 root, 1, 0). */
export function malformedEntry(lo: number, hi: number, level: 0 | 1 | 2): boolean {
  if ((lo & ENTRY.reservedLo) !== 0 || (hi & ENTRY.reservedHi) !== 0) return true;
  if ((lo & ENTRY.leaf) === 0) return level === 0;
  if (level === 2) return true;
  if ((lo & ENTRY.typeMask) >>> ENTRY.typeShift === ENTRY.typeReserved) return true;
  return level === 1 && (lo & ENTRY.largeLowPpn) !== 0;
}
