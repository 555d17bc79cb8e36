/**
 * The TLBs of one hart: the *fast* ones in linear memory, for fetches, loads and stores, which engines compare with
 * (state.ts has their format), and the *architectural* one here, which remembers translations for all three.
 *
 * Invariants: a fast entry exists only where the architectural TLB has the same tag with the right of the access, and
 * only while the page needs no slow path (no flag, no watchpoint). So fast entries can be dropped at any time without
 * the guest being able to tell, and what the guest can tell (a stale translation, an accessed bit not set again)
 * depends only on the architectural entries, which belong to the machine's state.
 *
 * Where in either TLB a page may be depends on its regime as well, so that address spaces, contexts and privileges
 * that use the same addresses do not displace each other's translations.
 *
 * The architectural TLB has WAYS entries in a set; when all are in use, bits of the new page's address say which makes
 * room, but never one for the instruction at pc. An entry, four words: tag low (as in state.ts, virtual page and regime, but with the rights that may be cached, `Right`, in
 * bits 2:0), tag high, frame (number of the physical page, below 2^32), info (bits 2:0 level, bits 30:4 owner). Empty:
 * no rights.
 */

import type { Hart } from '../cpu/hart.ts';
import { NEEDED_RIGHT } from '../cpu/pmp.ts';
import {
  DATA_TLB_ENTRIES,
  dataTlbIndex,
  FETCH_TLB_ENTRIES,
  fetchTlbIndex,
  HART,
  OBSERVED_BLOCKS,
  OBSERVED_DISCARDED,
  OBSERVED_ENTRY_SIZE,
  OBSERVED_TLB_ENTRIES,
  REGIME_SHIFT,
  REGIMES,
  TLB_ENTRY_SIZE,
} from '../cpu/state.ts';
import type { ObservedBlocks } from '../machine/memory.ts';
import { OWNER_MASK, OwnedPages, RIGHTS, WORDS } from './owned-pages.ts';
import { Access } from './translation.ts';

const SETS = 2048;
const WAYS = 4;
const SET_WORDS = WAYS * WORDS;
/** Low and high word of the tag of an empty entry: no page has these bits and rights. */
const EMPTY_LO = ~RIGHTS;
const EMPTY_HI = -1;

/** By access: the fast TLB's first word and its entries. */
const FAST = [
  { word: HART.fetchTlb >> 2, entries: FETCH_TLB_ENTRIES },
  { word: HART.loadTlb >> 2, entries: DATA_TLB_ENTRIES },
  { word: HART.storeTlb >> 2, entries: DATA_TLB_ENTRIES },
] as const;
const FAST_STRIDE = TLB_ENTRY_SIZE >> 2;
/** Fills that are remembered one by one, so that a drop soon after the last one need not write the whole table. */
const JOURNAL = 256;

/** Level of a page of 1 GiB. */
const LEVEL_1G = 2;
/** Bits 34:30 of an address. */
const gigabyteOf = (vaLo: number, vaHi: number): number => ((vaLo >>> 30) | (vaHi << 2)) & 31;

/** Words of the table that are copied together: a chunk. */
const CHUNK = 1024;
const CHUNKS = (SETS * SET_WORDS) / CHUNK;

/** What snapshots keep of the architectural TLB. Immutable; copies share the chunks in which they are the same. */
export interface TlbCopy {
  readonly chunks: readonly Int32Array[];
  readonly superpages: number;
  readonly regimeLimit: number;
}

/** Which entry of a full set makes room for a page: bits that do not choose the set. */
const victimOf = (vaLo: number, vaHi: number, regime: number): number =>
  ((vaLo >>> 23) ^ (vaLo >>> 25) ^ (vaHi >>> 9) ^ regime) & (WAYS - 1);

/** Counts for `--stats`. */
export interface TlbStatistics {
  /** Fast misses that the architectural TLB answered. */
  refills: number;
  /** Walks. */
  walks: number;
  /** Times that everything was dropped. */
  flushes: number;
  /** Times that regime numbers were taken back and their entries dropped. */
  recycles: number;
}

export class Tlb {
  private readonly hart: Hart;
  private readonly entries = new Int32Array(SETS * SET_WORDS);
  private readonly owned = new OwnedPages(this.entries);
  /** The copy that was made or put back last, and 1 for each chunk that has changed since. */
  private copied: readonly Int32Array[] = [];
  private readonly changed = new Uint8Array(CHUNKS).fill(1);
  readonly statistics: TlbStatistics = { refills: 0, walks: 0, flushes: 0, recycles: 0 };
  /** Where superpages may have entries: a bit for each value of bits 34:30 of the address. */
  private superpages = 0;
  /** Regimes below this may have entries. */
  private regimeLimit = 0;
  /** By access: words of the fast entries filled since the last drop, and how many fills there were. */
  private readonly journals = [0, 1, 2].map(() => new Int32Array(JOURNAL));
  private readonly fills = new Int32Array(3).fill(JOURNAL + 1);

  /** Whether the TLB of observed pages has had entries since the last drop. */
  private observed = true;

  constructor(hart: Hart) {
    this.hart = hart;
    this.empty();
  }

  /** Index into `entries` of a page's set. */
  private static set(vaLo: number, vaHi: number, regime: number): number {
    return dataTlbIndex(vaLo, vaHi, regime, SETS) * SET_WORDS;
  }

  /** Word of the fast entry of a page. */
  private fastWord(access: Access, vaLo: number, vaHi: number, regime: number): number {
    const index = access === Access.fetch ? fetchTlbIndex(vaLo, regime) : dataTlbIndex(vaLo, vaHi, regime);
    return this.hart.word + FAST[access].word + index * FAST_STRIDE;
  }

  /** The physical frame of a page in `regime`, or -1 if it is not known with the right of the access. */
  lookup(access: Access, vaLo: number, vaHi: number, regime: number): number {
    const { entries } = this;
    const tag = (vaLo & ~0xfff) | (regime << REGIME_SHIFT);
    const set = Tlb.set(vaLo, vaHi, regime);
    for (let at = set; at < set + SET_WORDS; at += WORDS) {
      if (((entries[at]! ^ tag) & ~RIGHTS) !== 0 || entries[at + 1] !== vaHi) continue;
      return entries[at]! & NEEDED_RIGHT[access] ? entries[at + 2]! >>> 0 : -1;
    }
    return -1;
  }

  /** Remembers a translation. `rights` (`Right` bits, not 0), `level` and `owner` as in `Walk`. */
  insert(
    vaLo: number,
    vaHi: number,
    regime: number,
    frame: number,
    rights: number,
    level: number,
    owner: number,
  ): void {
    const { entries } = this;
    const tag = (vaLo & ~0xfff) | (regime << REGIME_SHIFT);
    const at = this.placeFor(tag, vaHi, Tlb.set(vaLo, vaHi, regime));
    // Fast entries stay if they rest on the new translation as well as they did on the old one.
    const old = entries[at]!;
    const same = ((old ^ tag) & ~RIGHTS) === 0 && entries[at + 1] === vaHi;
    if (!same || entries[at + 2] !== (frame | 0) || (old & ~tag & ~rights & RIGHTS) !== 0)
      this.clearFast(old, entries[at + 1]!);
    this.owned.remove(at);
    this.changed[(at / CHUNK) | 0] = 1;
    entries[at] = tag | rights;
    entries[at + 1] = vaHi;
    entries[at + 2] = frame | 0;
    entries[at + 3] = level | (owner << 4);
    if (owner !== 0) this.owned.add(at);
    if (level > 0) this.superpages |= level > LEVEL_1G ? -1 : 1 << gigabyteOf(vaLo, vaHi);
    if (regime >= this.regimeLimit) this.regimeLimit = regime + 1;
  }

  /** The entry for a new translation: that of the same page, else an empty one, else a victim. */
  private placeFor(tag: number, vaHi: number, set: number): number {
    const { entries } = this;
    let empty = -1;
    for (let at = set; at < set + SET_WORDS; at += WORDS) {
      if (((entries[at]! ^ tag) & ~RIGHTS) === 0 && entries[at + 1] === vaHi) return at;
      if ((entries[at]! & RIGHTS) === 0) empty = at;
    }
    if (empty >= 0) return empty;
    let way = victimOf(tag, vaHi, regimeOfTag(tag));
    // The page that is being executed stays: an instruction and the data that it needs could displace each other for ever.
    while (this.isExecuted(entries[set + way * WORDS]!, entries[set + way * WORDS + 1]!))
      way = (way + 1) % WAYS;
    return set + way * WORDS;
  }

  /** Does an entry belong to a page of the instruction at pc, which may lie in two? */
  private isExecuted(tag: number, vaHi: number): boolean {
    const { pcLo, pcHi } = this.hart;
    const endLo = (pcLo + 2) | 0;
    const endHi = endLo >>> 0 < 2 ? (pcHi + 1) | 0 : pcHi;
    const isIn = (lo: number, hi: number): boolean => ((tag ^ lo) & ~0xfff) === 0 && vaHi === hi;
    return isIn(pcLo, pcHi) || isIn(endLo, endHi);
  }

  /**
   * Makes a page fast for loads or stores (`addend` = host address of the page minus the low half of its virtual
   * address) or for fetches (`addend` = host address of its records, `aux` = page index).
   */
  fill(access: Access, vaLo: number, vaHi: number, regime: number, addend: number, aux: number): void {
    const { i32 } = this.hart;
    const at = this.fastWord(access, vaLo, vaHi, regime);
    i32[at] = (vaLo & ~0xfff) | (regime << REGIME_SHIFT);
    i32[at + 1] = vaHi;
    i32[at + 2] = addend | 0;
    i32[at + 3] = aux;
    const count = this.fills[access]!;
    if (count < JOURNAL) this.journals[access]![count] = at;
    if (count <= JOURNAL) this.fills[access] = count + 1;
  }

  /** Word of the entry of a page in the TLB of observed pages. */
  private observedWord(vaLo: number, vaHi: number, regime: number): number {
    const index = dataTlbIndex(vaLo, vaHi, regime) & (OBSERVED_TLB_ENTRIES - 1);
    return this.hart.word + ((HART.observedTlb + index * OBSERVED_ENTRY_SIZE) >> 2);
  }

  /** Makes loads from an observed page fast but for those of the given blocks. */
  fillObserved(
    vaLo: number,
    vaHi: number,
    regime: number,
    addend: number,
    { values, discarded }: ObservedBlocks,
  ): void {
    const { i32 } = this.hart;
    const at = this.observedWord(vaLo, vaHi, regime);
    i32[at] = (vaLo & ~0xfff) | (regime << REGIME_SHIFT);
    i32[at + 1] = vaHi;
    i32[at + 2] = addend | 0;
    i32.set(values, at + (OBSERVED_BLOCKS >> 2));
    i32.set(discarded, at + (OBSERVED_DISCARDED >> 2));
    this.observed = true;
  }

  private dropObserved(): void {
    if (!this.observed) return;
    this.observed = false;
    const { i32, word } = this.hart;
    const start = word + (HART.observedTlb >> 2);
    i32.fill(-1, start, start + ((OBSERVED_TLB_ENTRIES * OBSERVED_ENTRY_SIZE) >> 2));
  }

  /** Index of the physical page in the fast fetch entry of an address in the present regime, or -1. */
  fastFetchPage(vaLo: number, vaHi: number): number {
    const { i32, word } = this.hart;
    const tagLo = (vaLo & ~0xfff) | i32[word + (HART.fetchRegime >> 2)]!;
    const at = this.fastWord(Access.fetch, vaLo, vaHi, regimeOfTag(tagLo));
    return i32[at] === tagLo && i32[at + 1] === vaHi ? i32[at + 3]! : -1;
  }

  /** Drops the fast entries of a page, given by the words of its architectural tag, if there are any. */
  private clearFast(tagLo: number, tagHi: number): void {
    const { i32 } = this.hart;
    const tag = tagLo & ~RIGHTS;
    const regime = regimeOfTag(tagLo);
    for (let access: Access = 0; access < 3; access++) {
      if ((tagLo & NEEDED_RIGHT[access as Access]) === 0) continue;
      const at = this.fastWord(access as Access, tagLo, tagHi, regime);
      if (i32[at] !== tag || i32[at + 1] !== tagHi) continue;
      i32[at] = -1;
      i32[at + 1] = -1;
    }
    if (!this.observed) return;
    const at = this.observedWord(tagLo, tagHi, regime);
    if (i32[at] !== tag || i32[at + 1] !== tagHi) return;
    i32[at] = -1;
    i32[at + 1] = -1;
  }

  /** Drops an architectural entry, and the fast ones that rest on it. */
  private drop(at: number): void {
    const { entries } = this;
    this.clearFast(entries[at]!, entries[at + 1]!);
    this.owned.remove(at);
    this.changed[(at / CHUNK) | 0] = 1;
    entries[at] = EMPTY_LO;
    entries[at + 1] = EMPTY_HI;
  }

  /** Drops the fast entries of one access. */
  dropFast(access: Access): void {
    const { i32, word } = this.hart;
    if (access === Access.load) this.dropObserved();
    const count = this.fills[access]!;
    this.fills[access] = 0;
    if (count > JOURNAL) {
      const start = word + FAST[access].word;
      i32.fill(-1, start, start + FAST[access].entries * FAST_STRIDE);
      return;
    }
    const journal = this.journals[access]!;
    for (let i = 0; i < count; i++) {
      i32[journal[i]!] = -1;
      i32[journal[i]! + 1] = -1;
    }
  }

  /** All architectural entries, for snapshots. */
  copy(): TlbCopy {
    const { entries, superpages, regimeLimit, copied, changed } = this;
    const chunks: Int32Array[] = [];
    for (let i = 0; i < CHUNKS; i++)
      chunks.push(changed[i] ? entries.slice(i * CHUNK, (i + 1) * CHUNK) : copied[i]!);
    changed.fill(0);
    this.copied = chunks;
    return { chunks, superpages, regimeLimit };
  }

  /** The architectural entries that are not empty, each as its place and its words, for saved states. */
  save(): Int32Array {
    const { entries } = this;
    const list: number[] = [];
    for (let at = 0; at < entries.length; at += WORDS)
      if (entries[at]! & RIGHTS) list.push(at, ...entries.subarray(at, at + WORDS));
    return Int32Array.from(list);
  }

  /** From what `save` gave to what `restore` takes. */
  static expand(saved: Int32Array): TlbCopy {
    const entries = emptied(new Int32Array(SETS * SET_WORDS));
    for (let i = 0; i + WORDS < saved.length; i += WORDS + 1)
      entries.set(saved.subarray(i + 1, i + 1 + WORDS), saved[i]! & (entries.length - WORDS));
    // As if superpages were everywhere, and all regimes in use: `dropAddress` looks at more than it must.
    const chunks = Array.from({ length: CHUNKS }, (_, i) => entries.subarray(i * CHUNK, (i + 1) * CHUNK));
    return { chunks, superpages: -1, regimeLimit: REGIMES };
  }

  /** Puts back the architectural entries; the fast ones fill again by themselves. */
  restore({ chunks, superpages, regimeLimit }: TlbCopy): void {
    const { entries, copied, changed } = this;
    for (let i = 0; i < CHUNKS; i++)
      if (changed[i] || copied[i] !== chunks[i]) entries.set(chunks[i]!, i * CHUNK);
    changed.fill(0);
    this.copied = chunks;
    this.owned.forget();
    this.superpages = superpages;
    this.regimeLimit = regimeLimit;
    for (const access of [0, 1, 2] as const) this.dropFast(access);
  }

  /** Drops everything. */
  dropAll(): void {
    this.empty();
    this.statistics.flushes++;
  }

  private empty(): void {
    emptied(this.entries);
    this.changed.fill(1);
    this.owned.forget();
    this.superpages = 0;
    this.regimeLimit = 0;
    for (const access of [0, 1, 2] as const) this.dropFast(access);
  }

  /** Drops, in all regimes, the translations of one virtual page and of any superpage that contains it. */
  dropAddress(vaLo: number, vaHi: number): void {
    if (this.superpages & (1 << gigabyteOf(vaLo, vaHi))) {
      this.dropWhere((lo, hi, level) => {
        // Compare the virtual page numbers above the mapping's size.
        const shift = 9 * level + 12;
        if (shift < 32) return hi === vaHi && lo >>> shift === vaLo >>> shift;
        return hi >> (shift - 32) === vaHi >> (shift - 32);
      });
      return;
    }
    const { entries } = this;
    for (let regime = 0; regime < this.regimeLimit; regime++) {
      const set = Tlb.set(vaLo, vaHi, regime);
      for (let at = set; at < set + SET_WORDS; at += WORDS)
        if (((entries[at]! ^ vaLo) & ~0xfff) === 0 && entries[at + 1] === vaHi) this.drop(at);
    }
  }

  /** Drops the translations of the regimes whose byte in `selected` is 1. */
  dropRegimes(selected: Uint8Array): void {
    this.dropWhere((lo) => selected[regimeOfTag(lo)] === 1);
    this.statistics.recycles++;
  }

  /**
   * Drops the translations that an owner has at one page offset of its own: bits 29:12 of the virtual address (for
   * modes whose owners are mapped at multiples of 1 GiB).
   */
  dropOwnerPage(owner: number, offset: number): void {
    const { entries, owned } = this;
    for (let at = owned.first(owner, offset); at >= 0; ) {
      const next = owned.next(at);
      const same = ((entries[at]! ^ offset) & 0x3fff_f000) === 0;
      if (same && ((entries[at + 3]! >>> 4) & OWNER_MASK) === owner) this.drop(at);
      at = next;
    }
  }

  /** Drops the translations for which `predicate` holds: halves of the tag, level, owner. */
  dropWhere(predicate: (tagLo: number, tagHi: number, level: number, owner: number) => boolean): void {
    const { entries } = this;
    for (let at = 0; at < entries.length; at += WORDS) {
      const lo = entries[at]!;
      if ((lo & RIGHTS) === 0) continue;
      const info = entries[at + 3]!;
      if (predicate(lo, entries[at + 1]!, info & 7, (info >>> 4) & OWNER_MASK)) this.drop(at);
    }
  }
}

function emptied(entries: Int32Array): Int32Array {
  entries.fill(-1);
  for (let at = 0; at < entries.length; at += WORDS) entries[at] = EMPTY_LO;
  return entries;
}

/** Regime number of a tag's low half. */
export const regimeOfTag = (tagLo: number): number => (tagLo >> REGIME_SHIFT) & (REGIMES - 1);
