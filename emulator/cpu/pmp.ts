/**
 * Physical memory protection (Privileged ISA §3.7): 16 entries for each hart, granularity 4 bytes. The registers
 * lie in the hart's state; `Pmp` keeps them decoded as address ranges, and decides accesses for the slow paths,
 * page walks and TLB fills.
 *
 *   pmpcfg byte:  L (7) · 0 (6:5) · A (4:3: 0 off, 1 TOR, 2 NA4, 3 NAPOT) · X (2) · W (1) · R (0)
 *   pmpaddr:      bits 55:2 of the address, in bits 53:0
 */
import { PAGE_SIZE } from '../addresses.ts';
import { Privilege } from './causes.ts';
import type { CsrRow } from './csr.ts';
import { Csr, Slot } from './csr-numbers.ts';
import type { Hart } from './hart.ts';
import { HART } from './state.ts';

export const PMP_ENTRIES = 16;

/** Rights, as in the low bits of a pmpcfg byte. */
export const Right = { R: 1, W: 2, X: 4, all: 7 } as const;
/** The right that an access needs, by `Access` (0 fetch, 1 load, 2 store). */
export const NEEDED_RIGHT = [Right.X, Right.R, Right.W] as const;

const LOCKED = 0x80;
const CFG_MASK = 0x9f;
const TOR = 1;
const NA4 = 2;

/** Result of `Pmp.page` when parts of the page differ. */
export const MIXED = -1;

interface Range {
  /** First address, and the address after the last. */
  readonly start: number;
  readonly end: number;
  readonly rights: number;
  readonly locked: boolean;
}

export class Pmp {
  private readonly hart: Hart;
  private ranges: Range[] = [];
  /**
   * True when M-mode may do anything: no entry is locked, and none begins or ends inside of a page. (An access of
   * which an entry matches only some bytes fails in M-mode too, locked or not.)
   */
  machineFree = true;

  constructor(hart: Hart) {
    this.hart = hart;
  }

  /** Decodes the registers again; must follow every change of them. */
  update(): void {
    const ranges: Range[] = [];
    let free = true;
    for (let i = 0; i < PMP_ENTRIES; i++) {
      const config = readConfig(this.hart, i);
      const address = readAddress(this.hart, i);
      const previous = i === 0 ? 0 : readAddress(this.hart, i - 1);
      const range = decodeRange(config, address, previous, trailingOnes(this.hart, i));
      if (config & LOCKED) free = false;
      if (!range) continue;
      ranges.push(range);
      if (range.start % PAGE_SIZE !== 0 || range.end % PAGE_SIZE !== 0) free = false;
    }
    this.ranges = ranges;
    this.machineFree = free;
  }

  /** Whether an access of `length` bytes at `pa` is allowed (an entry must match all of its bytes). */
  allows(pa: number, length: number, right: number, privilege: number): boolean {
    if (privilege === Privilege.machine && this.machineFree) return true;
    const end = pa + length;
    for (const range of this.ranges) {
      if (end <= range.start || pa >= range.end) continue;
      if (pa < range.start || end > range.end) return false;
      if (privilege === Privilege.machine && !range.locked) return true;
      return (range.rights & right) !== 0;
    }
    return privilege === Privilege.machine;
  }

  /** The rights over a whole area (default: a page), or MIXED when an entry covers only a part of it. */
  page(pa: number, privilege: number, length = PAGE_SIZE): number {
    if (privilege === Privilege.machine && this.machineFree) return Right.all;
    const end = pa + length;
    for (const range of this.ranges) {
      if (end <= range.start || pa >= range.end) continue;
      if (pa < range.start || end > range.end) return MIXED;
      return privilege === Privilege.machine && !range.locked ? Right.all : range.rights;
    }
    return privilege === Privilege.machine ? Right.all : 0;
  }
}

/** Byte `entry` of the configuration registers. */
function readConfig(hart: Hart, entry: number): number {
  return hart.view.getUint8(hart.base + HART.csrs + 8 * Slot.pmpcfg + entry);
}

/**
 * pmpaddr `entry` as a physical address. The register's top bit, bit 55 of the address, is left out: without it the
 * value is exact as a number (all ones, which software writes to mean everything, too), and nothing lies there.
 */
function readAddress(hart: Hart, entry: number): number {
  const lo = hart.cell(Slot.pmpaddr + entry);
  return ((lo >>> 0) + (hart.hi & 0x1f_ffff) * 2 ** 32) * 4;
}

/** Ones below the lowest zero of pmpaddr `entry` (0–54). */
function trailingOnes(hart: Hart, entry: number): number {
  const zeros = ~hart.cell(Slot.pmpaddr + entry);
  if (zeros !== 0) return 31 - Math.clz32(zeros & -zeros);
  const high = ~hart.hi;
  return 63 - Math.clz32(high & -high);
}

/** @param ones the trailing ones of pmpaddr: a double does not hold all of an address above 2^53 */
function decodeRange(config: number, address: number, previous: number, ones: number): Range | undefined {
  const rights = config & 7;
  const locked = (config & LOCKED) !== 0;
  switch ((config >> 3) & 3) {
    case TOR:
      return previous < address ? { start: previous, end: address, rights, locked } : undefined;
    case NA4:
      return { start: address, end: address + 4, rights, locked };
    case 0:
      return undefined;
    default: {
      // NAPOT: k trailing ones in pmpaddr make a range of 2^(k+3) bytes.
      const size = 2 ** (ones + 3);
      const start = Math.floor(address / size) * size;
      return { start, end: start + size, rights, locked };
    }
  }
}

/** The legal value of a configuration byte: W without R is reserved, and loses W. */
const legalConfig = (value: number): number =>
  (value & 3) === Right.W ? value & CFG_MASK & ~Right.W : value & CFG_MASK;

function writeConfig(hart: Hart, first: number, lo: number, hi: number): void {
  for (let i = 0; i < 8; i++) {
    const byte = ((i < 4 ? lo : hi) >>> (8 * (i & 3))) & 0xff;
    if (readConfig(hart, first + i) & LOCKED) continue;
    hart.view.setUint8(hart.base + HART.csrs + 8 * Slot.pmpcfg + first + i, legalConfig(byte));
  }
  hart.environment.protectionChanged(hart);
}

/** Locked: by its own entry, or as the base of a locked TOR entry above. */
function addressLocked(hart: Hart, entry: number): boolean {
  if (readConfig(hart, entry) & LOCKED) return true;
  if (entry + 1 >= PMP_ENTRIES) return false;
  const next = readConfig(hart, entry + 1);
  return (next & LOCKED) !== 0 && ((next >> 3) & 3) === TOR;
}

export const PMP_CSRS: readonly CsrRow[] = [
  ...[0, 1].map(
    (i): CsrRow => ({
      number: Csr.pmpcfg0 + 2 * i,
      name: `pmpcfg${2 * i}`,
      section: '§3.7.1',
      slot: Slot.pmpcfg + i,
      write: (hart, lo, hi) => writeConfig(hart, 8 * i, lo, hi),
    }),
  ),
  ...Array.from(
    { length: PMP_ENTRIES },
    (_, i): CsrRow => ({
      number: Csr.pmpaddr0 + i,
      name: `pmpaddr${i}`,
      section: '§3.7.1',
      slot: Slot.pmpaddr + i,
      write: (hart, lo, hi) => {
        if (addressLocked(hart, i)) return;
        hart.setCell(Slot.pmpaddr + i, lo, hi & 0x3f_ffff);
        hart.environment.protectionChanged(hart);
      },
    }),
  ),
];
