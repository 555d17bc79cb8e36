/**
 * The TLBs of one hart. There are two of each (fetch, load, store): the *fast* one in linear memory, which engines
 * compare with (state.ts has its format), and the *architectural* one here, which remembers translations.
 *
 * Invariants: a fast entry exists only where the architectural one has the same tag, and only while the page
 * needs no slow path (no flag, no watchpoint). So fast entries can be dropped at any time without the guest being
 * able to tell, and what the guest can tell (a stale translation, an accessed bit not set again) depends only on the
 * architectural ones, which belong to the machine's state.
 *
 * Where in either TLB a page may be depends on its regime as well, so that address spaces and privileges
 * that use the same addresses do not displace each other's translations.
 *
 * Architectural entry, four words: tag low, tag high (as in state.ts, virtual page and regime), frame (number of the
 * physical page, below 2^32), info (bits 2:0 level, bits 30:4 owner). Empty: tag = -1, -1.
 */

import type { Hart } from '../cpu/hart.ts';
import {
  dataTlbIndex,
  HART,
  REGIME_SHIFT,
  REGIMES,
  TLB_ENTRIES,
  TLB_ENTRY_SIZE,
  TLB_SPREADS,
  tlbIndex,
} from '../cpu/state.ts';
import { Access } from './translation.ts';

const WORDS = 4;
/** Owner numbers have 27 bits. */
const OWNER_MASK = 0x7ff_ffff;
const FAST_WORD = [HART.fetchTlb >> 2, HART.loadTlb >> 2, HART.storeTlb >> 2] as const;
const FAST_STRIDE = TLB_ENTRY_SIZE >> 2;

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
  /** Architectural entries of the three accesses, one after the other. */
  readonly entries = new Int32Array(3 * TLB_ENTRIES * WORDS).fill(-1);
  readonly statistics: TlbStatistics = { refills: 0, walks: 0, flushes: 0, recycles: 0 };
  /** Bit 0: an entry of a superpage in the lower half of the address space exists; bit 1: in the upper half. */
  superpages = 0;
  /** Fast stores or loads were filled since they were last dropped; spares empty drops. */
  private fastFilled = [true, true, true];

  constructor(hart: Hart) {
    this.hart = hart;
    for (const access of [0, 1, 2] as const) this.dropFast(access);
  }

  /** Index into `entries` of a page's place. */
  private static place(access: Access, vaLo: number, vaHi: number, regime: number): number {
    return (access * TLB_ENTRIES + dataTlbIndex(vaLo, vaHi, regime)) * WORDS;
  }

  /** Word of the fast entry of a page. */
  private fastWord(access: Access, vaLo: number, vaHi: number, regime: number): number {
    const index = access === Access.fetch ? tlbIndex(vaLo, regime) : dataTlbIndex(vaLo, vaHi, regime);
    return this.hart.word + FAST_WORD[access] + index * FAST_STRIDE;
  }

  /** The physical frame of a page in `regime`, or -1 if it is not known. */
  lookup(access: Access, vaLo: number, vaHi: number, regime: number): number {
    const at = Tlb.place(access, vaLo, vaHi, regime);
    const { entries } = this;
    if (entries[at] !== ((vaLo & ~0xfff) | (regime << REGIME_SHIFT)) || entries[at + 1] !== vaHi) return -1;
    return entries[at + 2]! >>> 0;
  }

  /** Remembers a translation. `level` as in `Walk`. */
  insert(
    access: Access,
    vaLo: number,
    vaHi: number,
    regime: number,
    frame: number,
    level: number,
    owner: number,
  ): void {
    const at = Tlb.place(access, vaLo, vaHi, regime);
    const { entries } = this;
    this.clearFast(access, entries[at]!, entries[at + 1]!);
    entries[at] = (vaLo & ~0xfff) | (regime << REGIME_SHIFT);
    entries[at + 1] = vaHi;
    entries[at + 2] = frame | 0;
    entries[at + 3] = level | (owner << 4);
    if (level > 0) this.superpages |= vaHi < 0 ? 2 : 1;
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
    this.fastFilled[access] = true;
  }

  /** Index of the physical page in the fast fetch entry of an address in the present regime, or -1. */
  fastFetchPage(vaLo: number, vaHi: number): number {
    const { i32, word } = this.hart;
    const tagLo = (vaLo & ~0xfff) | i32[word + (HART.fetchRegime >> 2)]!;
    const at = this.fastWord(Access.fetch, vaLo, vaHi, regimeOfTag(tagLo));
    return i32[at] === tagLo && i32[at + 1] === vaHi ? i32[at + 3]! : -1;
  }

  /** Drops the fast entry with a tag, if there is one. */
  private clearFast(access: Access, tagLo: number, tagHi: number): void {
    const { i32 } = this.hart;
    const at = this.fastWord(access, tagLo, tagHi, regimeOfTag(tagLo));
    if (i32[at] !== tagLo || i32[at + 1] !== tagHi) return;
    i32[at] = -1;
    i32[at + 1] = -1;
  }

  /** Drops an architectural entry, and the fast one that rests on it. */
  private drop(access: Access, at: number): void {
    const { entries } = this;
    this.clearFast(access, entries[at]!, entries[at + 1]!);
    entries[at] = -1;
    entries[at + 1] = -1;
  }

  /** Drops the fast entries of one access. */
  dropFast(access: Access): void {
    if (!this.fastFilled[access]) return;
    const start = this.hart.word + FAST_WORD[access];
    this.hart.i32.fill(-1, start, start + TLB_ENTRIES * FAST_STRIDE);
    this.fastFilled[access] = false;
  }

  /** Puts back the architectural entries; the fast ones fill again by themselves. */
  restore(entries: Int32Array, superpages: number): void {
    this.entries.set(entries);
    this.superpages = superpages;
    for (const access of [0, 1, 2] as const) this.dropFast(access);
  }

  /** Drops everything. */
  dropAll(): void {
    this.entries.fill(-1);
    this.superpages = 0;
    for (const access of [0, 1, 2] as const) this.dropFast(access);
    this.statistics.flushes++;
  }

  /** Drops, in all regimes, the translations of one virtual page and of any superpage that contains it. */
  dropAddress(vaLo: number, vaHi: number): void {
    if (this.superpages & (vaHi < 0 ? 2 : 1)) {
      this.dropWhere((lo, hi, level) => {
        // Compare the virtual page numbers above the mapping's size.
        const shift = 9 * level + 12;
        if (shift < 32) return hi === vaHi && lo >>> shift === vaLo >>> shift;
        return hi >> (shift - 32) === vaHi >> (shift - 32);
      });
      return;
    }
    const { entries } = this;
    for (const access of [0, 1, 2] as const) {
      for (let spread = 0; spread < TLB_SPREADS; spread++) {
        const at = Tlb.place(access, vaLo, vaHi, spread);
        if (((entries[at]! ^ vaLo) & ~0xfff) === 0 && entries[at + 1] === vaHi) this.drop(access, at);
      }
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
    const { entries } = this;
    for (let at = 0; at < entries.length; at += WORDS) {
      if (((entries[at]! ^ offset) & 0x3fff_f000) !== 0) continue;
      if (((entries[at + 3]! >>> 4) & OWNER_MASK) !== owner) continue;
      this.drop(Math.floor(at / (TLB_ENTRIES * WORDS)) as Access, at);
    }
  }

  /** Drops the translations for which `predicate` holds: halves of the tag, level, owner. */
  dropWhere(predicate: (tagLo: number, tagHi: number, level: number, owner: number) => boolean): void {
    const { entries } = this;
    for (const access of [Access.fetch, Access.load, Access.store]) {
      for (let i = 0; i < TLB_ENTRIES; i++) {
        const at = (access * TLB_ENTRIES + i) * WORDS;
        const lo = entries[at]!;
        const hi = entries[at + 1]!;
        if (lo === -1 && hi === -1) continue;
        const info = entries[at + 3]!;
        if (predicate(lo, hi, info & 7, (info >>> 4) & OWNER_MASK)) this.drop(access, at);
      }
    }
  }
}

/** Regime number of a tag's low half. */
export const regimeOfTag = (tagLo: number): number => (tagLo >> REGIME_SHIFT) & (REGIMES - 1);
