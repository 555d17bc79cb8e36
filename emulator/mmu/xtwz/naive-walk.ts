/**
 * A second walker, for tests only: docs/xtwz.md §3–§5 written down as plainly as possible, in bigints, with its own
 * reads and none of the real walker's code or constants. It is slow and is meant to be compared with the page, line
 * by line; where the two walkers differ, the page decides who is wrong.
 */

/** 64-bit reads of physical memory; undefined where an S-mode load would fault. */
export interface NaiveMemory {
  read(pa: bigint): bigint | undefined;
  /** Stores a word; false where an S-mode store would fault. */
  write(pa: bigint, value: bigint): boolean;
}

export interface NaiveInput {
  readonly va: bigint;
  readonly access: 'fetch' | 'load' | 'store' | 'cbm';
  readonly priv: 'U' | 'S';
  readonly sum: boolean;
  readonly mxr: boolean;
  /** CSR values. */
  readonly satp: bigint;
  readonly stwzview: bigint;
  readonly stwzctx: bigint;
  readonly stwzfix: bigint;
}

export type NaiveResult =
  | { readonly kind: 'ok'; readonly pa: bigint }
  | { readonly kind: 'access fault' }
  | {
      readonly kind: 'fault';
      readonly cause: number;
      readonly stwzidlo: bigint;
      readonly stwzidhi: bigint;
      readonly stwzoff: bigint;
      readonly stwzinfo: bigint;
      readonly stwzdesc: bigint;
    };

const READ = 4n;
const WRITE = 8n;
const EXEC = 16n;

class Fault extends Error {
  readonly code: number;
  readonly reason: bigint;
  constructor(code: number, reason: bigint) {
    super('fault');
    this.code = code;
    this.reason = reason;
  }
}
class AccessFault extends Error {}

/** Bits h:l of a word. */
const bits = (word: bigint, h: number, l: number): bigint =>
  (word >> BigInt(l)) & ((1n << BigInt(h - l + 1)) - 1n);

/** The walk of §4. `setBits` false: leaves accessed and dirty bits alone. */
export function naiveWalk(memory: NaiveMemory, input: NaiveInput): NaiveResult {
  let step = 0n;
  let lo = 0n;
  let hi = 0n;
  let requested = 0n;
  let granted = 0n;
  let missing = 0n;
  let noEntry = 0n;
  let fix = 0n;
  let desc = 0n;
  let off = 0n;

  const read = (pa: bigint): bigint => {
    const word = memory.read(pa);
    if (word === undefined) throw new AccessFault();
    return word;
  };
  const treeEntry = (pa: bigint, level: number, absent: Fault): bigint => {
    const e = read(pa);
    if (bits(e, 0, 0) === 0n) throw absent;
    const leaf = bits(e, 1, 1) === 1n;
    let bad = bits(e, 63, 54) !== 0n || bits(e, 3, 3) !== 0n;
    if (level === 2 && leaf) bad = true;
    if (level === 0 && !leaf) bad = true;
    if (leaf && bits(e, 5, 4) === 3n) bad = true;
    if (level === 1 && leaf && bits(e, 18, 10) !== 0n) bad = true;
    if (bad) throw new Fault(31, 18n);
    return e;
  };
  const ppn = (e: bigint): bigint => bits(e, 53, 10) << 12n;
  const checkTable = (t: bigint): void => {
    const log2 = bits(t, 6, 1);
    if (bits(t, 63, 56) !== 0n || bits(t, 11, 7) !== 0n || log2 === 0n || log2 > 31n)
      throw new Fault(31, 18n);
  };
  const lookup = (t: bigint): bigint | undefined => {
    const table = bits(t, 55, 12) << 12n;
    const mask = (1n << bits(t, 6, 1)) - 1n;
    const b1 = lo & mask;
    let b2 = (hi ^ (lo >> 32n)) & mask;
    if (b2 === b1) b2 = b1 ^ 1n;
    for (const bucket of [b1, b2]) {
      for (let i = 0n; i < 8n; i++) {
        const at = table + bucket * 256n + i * 32n;
        const value = read(at + 16n);
        if (bits(value, 0, 0) === 0n) continue;
        if (read(at) === lo && read(at + 8n) === hi) return value;
      }
    }
    return undefined;
  };
  const readEntry = (at: bigint): boolean => {
    const flags = read(at + 24n);
    if (bits(flags, 12, 12) === 0n) return false;
    lo = read(at);
    hi = read(at + 8n);
    requested = flags & (READ | WRITE | EXEC);
    return true;
  };

  try {
    const { va, access, priv } = input;
    if (bits(va, 63, 47) === 0x1ffffn) {
      if (priv === 'U') throw new Fault(24, 2n);
      return { kind: 'ok', pa: bits(va, 46, 0) };
    }
    if (bits(va, 63, 47) !== 0n) throw new Fault(24, 1n);
    const slot = bits(va, 46, 30);
    const offset = bits(va, 29, 0);
    off = offset;
    if (priv === 'S' && access === 'fetch') throw new Fault(24, 4n);
    if (priv === 'S' && !input.sum) throw new Fault(24, 3n);
    if (offset < 0x1000n) throw new Fault(25, 5n);

    // View.
    step = 1n;
    let found = false;
    let index = -1n;
    if (slot >= 0x10000n && slot <= 0x1000fn) index = slot - 0x10000n;
    if (slot >= 0x1fff0n && slot <= 0x1ffffn) index = slot - 0x1fff0n + 16n;
    if (index >= 0n && bits(input.stwzfix, 0, 0) === 1n) {
      found = readEntry((bits(input.stwzfix, 55, 10) << 10n) + 32n * index);
      if (found) fix = 1n;
    }
    if (!found) {
      if (bits(input.stwzview, 0, 0) === 0n) throw new Fault(26, 6n);
      const at = 0x400000n + 32n * slot;
      const absent = new Fault(26, 7n);
      const root = treeEntry(bits(input.stwzview, 55, 6) << 6n, 2, absent);
      const e1 = treeEntry(ppn(root) + 8n * bits(at, 29, 21), 1, absent);
      let p: bigint;
      if (bits(e1, 1, 1) === 1n) p = ppn(e1) + bits(at, 20, 0);
      else p = ppn(treeEntry(ppn(e1) + 8n * bits(at, 20, 12), 0, absent)) + bits(at, 11, 0);
      if (!readEntry(p)) throw new Fault(26, 8n);
    }

    // Object.
    step = 2n;
    const t = read(bits(input.satp, 43, 0) << 12n);
    if (bits(t, 0, 0) === 0n) throw new Fault(27, 9n);
    checkTable(t);
    const value = lookup(t);
    if (value === undefined) throw new Fault(27, 10n);
    if (bits(value, 63, 56) !== 0n || bits(value, 5, 1) !== 0n) throw new Fault(31, 18n);
    desc = bits(value, 55, 6) << 6n;
    const root = treeEntry(desc, 2, new Fault(27, 11n));
    const attributes = read(desc + 8n);

    // Rights.
    step = 3n;
    let grants = 0n;
    let entryMissing = 1n;
    if (bits(input.stwzctx, 0, 0) === 1n) {
      const record = bits(input.stwzctx, 55, 6) << 6n;
      const policy = read(record + 8n);
      if (bits(policy, 9, 9) === 1n) {
        grants = 0x7cn;
        entryMissing = 0n;
      } else {
        const word = read(record);
        let entry: bigint | undefined;
        if (bits(word, 0, 0) === 1n) {
          checkTable(word);
          entry = lookup(word);
        }
        if (entry !== undefined) {
          grants = entry & 0x7cn;
          entryMissing = 0n;
        } else if (bits(policy, 8, 8) === 1n) grants = attributes & ~policy & 0x7cn;
      }
    }
    granted = grants;
    noEntry = entryMissing;
    const effective = requested & granted;
    let need = READ;
    if (access === 'fetch') need = EXEC;
    if (access === 'store') need = READ | WRITE;
    let lacks = need & ~effective;
    if (lacks !== 0n && input.mxr && (access === 'load' || access === 'cbm') && (effective & EXEC) !== 0n)
      lacks = 0n;
    if (lacks !== 0n) {
      missing = lacks;
      throw new Fault(28, (lacks & ~requested) !== 0n ? 12n : 13n);
    }

    // Page.
    step = 4n;
    const limit = bits(attributes, 50, 32);
    if (limit !== 0n && offset >> 12n >= limit) throw new Fault(29, 14n);
    let leafAt = ppn(root) + 8n * bits(offset, 29, 21);
    let leaf = treeEntry(leafAt, 1, new Fault(29, 15n));
    let cow = bits(root, 2, 2) | bits(leaf, 2, 2);
    let pa: bigint;
    if (bits(leaf, 1, 1) === 1n) pa = ppn(leaf) + bits(offset, 20, 0);
    else {
      leafAt = ppn(leaf) + 8n * bits(offset, 20, 12);
      leaf = treeEntry(leafAt, 0, new Fault(29, 16n));
      cow |= bits(leaf, 2, 2);
      pa = ppn(leaf) + bits(offset, 11, 0);
    }
    if (access === 'store' && cow === 1n) throw new Fault(30, 17n);
    if (bits(attributes, 9, 9) === 0n) {
      const want = leaf | 0x40n | (access === 'store' ? 0x80n : 0n);
      if (want !== leaf && !memory.write(leafAt, want)) throw new AccessFault();
    }
    return { kind: 'ok', pa };
  } catch (error) {
    if (error instanceof AccessFault) return { kind: 'access fault' };
    if (!(error instanceof Fault)) throw error;
    const accessCode = { fetch: 0n, load: 1n, store: 2n, cbm: 3n }[input.access];
    return {
      kind: 'fault',
      cause: error.code,
      stwzidlo: lo,
      stwzidhi: hi,
      stwzoff: off,
      stwzdesc: desc,
      stwzinfo:
        step |
        (accessCode << 4n) |
        ((input.priv === 'S' ? 1n : 0n) << 6n) |
        (missing << 8n) |
        (requested << 16n) |
        (granted << 24n) |
        (error.reason << 32n) |
        (noEntry << 40n) |
        (fix << 41n),
    };
  }
}
