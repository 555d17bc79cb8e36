/**
 * Page tables of a random program: Sv39, Sv48 or Sv57, with the code and the data of the program mapped somewhere,
 * the harness mapped one to one for its S-mode handler, and page table entries of the data that are now and then
 * without rights, not accessed or dirty, misaligned or reserved. Source: privileged manual, "Sv39" to "Sv57".
 */
import type { Random } from '../../emulator/random.ts';
import { CODE, CODE_PAGES, DATA, DATA_PAGES, HARNESS_BASE, TABLE_PAGES, TABLES } from './layout.ts';

const PTE = { V: 1, R: 2, W: 4, X: 8, U: 16, G: 32, A: 64, D: 128 } as const;
/** satp.MODE and number of levels. */
export const PAGING = [
  { name: 'Sv39', mode: 8n, levels: 3 },
  { name: 'Sv48', mode: 9n, levels: 4 },
  { name: 'Sv57', mode: 10n, levels: 5 },
] as const;
export type Paging = (typeof PAGING)[number];

/** Virtual addresses of the code and of the data. Below 64 GiB and in its own gigapage, so nothing else is hit. */
export interface Mapping {
  readonly satp: bigint;
  readonly code: bigint;
  readonly data: bigint;
}

/** Fills the page tables of the program whose header is at `base`; `memory` is its whole region. */
export function buildTables(
  random: Random,
  paging: Paging,
  user: boolean,
  base: number,
  memory: Uint8Array,
): Mapping {
  const view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  let pages = 0;
  const newTable = (): number => {
    if (pages === TABLE_PAGES) throw new Error('out of page-table pages');
    return TABLES + 0x1000 * pages++;
  };
  const root = newTable();
  const entryOf = (physical: number, flags: number): bigint =>
    ((BigInt(physical) >> 12n) << 10n) | BigInt(flags);

  /** Maps the page at `va` with a leaf at `level`; `entry` is the leaf. */
  const map = (va: bigint, level: number, entry: bigint) => {
    let table = root;
    for (let at = paging.levels - 1; ; at--) {
      const slot = table + 8 * Number((va >> BigInt(12 + 9 * at)) & 0x1ffn);
      if (at === level) {
        view.setBigUint64(slot, entry, true);
        return;
      }
      const old = view.getBigUint64(slot, true);
      if (old & 1n) {
        table = Number((old >> 10n) << 12n) - base;
      } else {
        table = newTable();
        view.setBigUint64(slot, entryOf(base + table, PTE.V), true);
      }
    }
  };

  // The harness, for its handler in S-mode: a gigapage mapped one to one.
  map(BigInt(HARNESS_BASE), 2, entryOf(HARNESS_BASE, PTE.V | PTE.R | PTE.W | PTE.X | PTE.A | PTE.D | PTE.G));

  const code =
    (BigInt(64 + random.below(8)) << 30n) |
    (BigInt(random.below(511)) << 21n) |
    (BigInt(random.below(510)) << 12n);
  const u = user ? PTE.U : 0;
  for (let page = 0; page < CODE_PAGES; page++) {
    const flags = PTE.V | PTE.X | u | (random.chance(0.5) ? PTE.R : 0) | (random.chance(0.7) ? PTE.A : 0);
    map(code + BigInt(page * 0x1000), 0, entryOf(base + CODE + page * 0x1000, flags));
  }

  const high = random.chance(0.5);
  let data =
    (BigInt(80 + random.below(8)) << 30n) |
    (BigInt(random.below(511)) << 21n) |
    (BigInt(random.below(500)) << 12n);
  if (high) data |= -1n << BigInt(12 + 9 * paging.levels - 1);
  data = BigInt.asUintN(64, data);
  if (random.chance(0.2)) {
    // A megapage: the program sees its data at the same offset in 2 MiB as it has physically.
    const physical = base + DATA;
    data = (data & ~0x1fffffn) | BigInt(physical & 0x1fffff);
    let leaf = entryOf(physical & ~0x1fffff, dataFlags(random, u));
    if (random.chance(0.1)) leaf |= 1n << BigInt(10 + random.below(9));
    map(data, 1, leaf);
    // The data may cross into the next megapage.
    const last = data + BigInt(DATA_PAGES * 0x1000 - 1);
    if (last >> 21n !== data >> 21n)
      map(last, 1, entryOf((physical & ~0x1fffff) + 0x200000, dataFlags(random, u)));
  } else {
    for (let page = 0; page < DATA_PAGES; page++) {
      let leaf = entryOf(base + DATA + page * 0x1000, dataFlags(random, u));
      // Reserved bits, N and PBMT: without Svnapot and Svpbmt they must be zero.
      if (random.chance(0.03)) leaf |= 1n << BigInt(54 + random.below(10));
      map(data + BigInt(page * 0x1000), 0, leaf);
    }
  }
  return { satp: (paging.mode << 60n) | BigInt((base + root) / 0x1000), code, data };
}

/** Mostly everything allowed, so that the program gets somewhere; else random. */
function dataFlags(random: Random, user: number): number {
  if (random.chance(0.3)) return random.below(256);
  const flags = PTE.V | PTE.R | PTE.W | user;
  return flags | (random.chance(0.6) ? PTE.A : 0) | (random.chance(0.5) ? PTE.D : 0);
}
