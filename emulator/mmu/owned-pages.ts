/**
 * An index of the architectural TLB by owner and page of the owner, so that invalidating one page of an object need not look at
 * every translation. Chains of entries by hash, in both directions. It follows from the entries: after these were
 * replaced as a whole it is built anew when it is asked for.
 *
 * Entries are named by the index of their first word (tlb.ts has their format).
 */

/** Words of an entry. */
export const WORDS = 4;
/** The rights in an entry's first word; none: it is empty. */
export const RIGHTS = 7;
/** Owner numbers have 27 bits. */
export const OWNER_MASK = 0x7ff_ffff;

const HEADS = 2048;
const NONE = -1;

/** Chain of an owner's page: bits 29:12 of an address. */
const chainOf = (owner: number, offset: number): number =>
  (Math.imul(owner, 0x9e37_79b1) >>> 21) ^ ((offset >>> 12) & (HEADS - 1)) ^ ((offset >>> 23) & 0x7f);

export class OwnedPages {
  private readonly heads = new Int16Array(HEADS).fill(NONE);
  private readonly after: Int16Array;
  /** What comes before an entry in its chain: an entry, the complement of 1 + its chain for the first, or NONE: in no chain. */
  private readonly before: Int16Array;
  private built = true;

  constructor(private readonly entries: Int32Array) {
    this.after = new Int16Array(entries.length / WORDS).fill(NONE);
    this.before = new Int16Array(entries.length / WORDS).fill(NONE);
  }

  /** All entries were replaced, or emptied. */
  forget(): void {
    this.built = false;
  }

  /** The first entry that may be of an owner's page, or -1. */
  first(owner: number, offset: number): number {
    if (!this.built) this.build();
    return this.heads[chainOf(owner, offset)]! * WORDS;
  }

  /** The entry after one of these, or -1 and less. */
  next(at: number): number {
    return this.after[at / WORDS]! * WORDS;
  }

  /** Enters a translation that has an owner. */
  add(at: number): void {
    if (!this.built) return;
    const { heads, after, before, entries } = this;
    const entry = at / WORDS;
    const chain = chainOf((entries[at + 3]! >>> 4) & OWNER_MASK, entries[at]!);
    const first = heads[chain]!;
    after[entry] = first;
    if (first !== NONE) before[first] = entry;
    before[entry] = ~(chain + 1);
    heads[chain] = entry;
  }

  /** Takes a translation out, if it is in. */
  remove(at: number): void {
    const { heads, after, before } = this;
    const entry = at / WORDS;
    if (!this.built || before[entry] === NONE) return;
    const next = after[entry]!;
    const last = before[entry]!;
    if (last < 0) heads[~last - 1] = next;
    else after[last] = next;
    if (next !== NONE) before[next] = last;
    before[entry] = NONE;
  }

  private build(): void {
    this.built = true;
    this.heads.fill(NONE);
    this.before.fill(NONE);
    const { entries } = this;
    for (let at = 0; at < entries.length; at += WORDS)
      if ((entries[at]! & RIGHTS) !== 0 && ((entries[at + 3]! >>> 4) & OWNER_MASK) !== 0) this.add(at);
  }
}
