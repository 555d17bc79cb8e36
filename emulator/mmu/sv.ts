/**
 * Page-based translation: Sv39, Sv48 and Sv57 (Privileged ISA §4.3.2, §4.4, §4.5). The hardware sets the accessed
 * and dirty bits, as QEMU's default CPU does.
 *
 *   entry:  0 (63:54) · PPN (53:10) · RSW (9:8) · D · A · G · U · X · W · R · V
 */

import { Privilege } from '../cpu/causes.ts';
import { Slot } from '../cpu/csr-numbers.ts';
import { Right } from '../cpu/pmp.ts';
import { ACCESS_FAULT, Access, PAGE_FAULT, type TranslationMode, WALKED, type Walk } from './translation.ts';

const V = 1;
const R = 2;
const W = 4;
const X = 8;
const U = 16;
const G = 32;
const A = 64;
const D = 128;
/** Bits 63:54 in the high word: Svnapot and Svpbmt are not implemented, so they must be zero. */
const RESERVED_HIGH = 0xffc0_0000 | 0;

/** Index into the table of `level`, from the halves of a virtual address. */
function indexOf(level: number, lo: number, hi: number): number {
  switch (level) {
    case 0:
      return (lo >>> 12) & 511;
    case 1:
      return (lo >>> 21) & 511;
    case 2:
      return ((lo >>> 30) | (hi << 2)) & 511;
    case 3:
      return (hi >>> 7) & 511;
    default:
      return (hi >>> 16) & 511;
  }
}

const PPN_HIGH = 2 ** 22;
const WORD = 2 ** 32;

/** Why a leaf does not allow an access, or undefined if it does. */
function refusal(walk: Walk, entry: number): string | undefined {
  if (walk.privilege === Privilege.user) {
    if ((entry & U) === 0) return 'a supervisor page, accessed from U-mode';
  } else if (entry & U) {
    if (walk.access === Access.fetch) return 'S-mode cannot execute a user page';
    if (!walk.sum) return 'a user page, accessed from S-mode with SUM = 0';
  }
  switch (walk.access) {
    case Access.fetch:
      return entry & X ? undefined : 'X = 0';
    case Access.load:
      if (entry & R || (walk.mxr && entry & X)) return undefined;
      return 'R = 0';
    default:
      return entry & W ? undefined : 'W = 0';
  }
}

class SvMode implements TranslationMode {
  readonly mode: number;
  readonly name: string;
  private readonly levels: number;
  /** Bits of the high word from here up must all equal the address's top bit. */
  private readonly signShift: number;

  constructor(mode: number, levels: number) {
    this.mode = mode;
    this.levels = levels;
    const bits = 12 + 9 * levels;
    this.name = `Sv${bits}`;
    this.signShift = bits - 1 - 32;
  }

  walk(walk: Walk): number {
    const { vaLo, vaHi, access } = walk;
    const sign = vaHi >> this.signShift;
    if (sign !== 0 && sign !== -1) {
      walk.trace?.push({ what: `${this.name} address`, verdict: 'fault: the upper bits are not all equal' });
      return PAGE_FAULT[access];
    }
    const { hart } = walk;
    const satpLo = hart.cell(Slot.satp);
    let table = ((hart.hi & 0xfff) * WORD + (satpLo >>> 0)) * 4096;
    for (let level = this.levels - 1; level >= 0; level--) {
      const at = table + 8 * indexOf(level, vaLo, vaHi);
      if (!walk.read(at)) {
        walk.trace?.push({
          what: `${this.name} level ${level}`,
          address: at,
          verdict: 'access fault: the entry cannot be read there',
        });
        return ACCESS_FAULT[access];
      }
      const { lo, hi } = walk;
      const pointer = (lo & V) !== 0 && (lo & (R | W | X)) === 0;
      const malformed =
        (lo & V) === 0
          ? 'V = 0'
          : hi & RESERVED_HIGH
            ? 'reserved bits 63:54 are set'
            : (lo & (R | W)) === W
              ? 'W without R is reserved'
              : pointer && lo & (A | D | U)
                ? 'A, D or U set in a pointer'
                : pointer && level === 0
                  ? 'a pointer at the last level'
                  : undefined;
      const ppn = (hi & 0x3f_ffff) * PPN_HIGH + (lo >>> 10);
      const verdict = malformed ?? (pointer ? undefined : this.leafProblem(walk, lo, ppn, level));
      if (walk.trace) explain(walk, this.name, level, at, lo, hi, ppn, pointer, verdict);
      if (verdict !== undefined) return PAGE_FAULT[access];
      if (!pointer) return this.finish(walk, at, lo, ppn, level);
      table = ppn * 4096;
    }
    return PAGE_FAULT[access]; // not reached: the last level is a leaf or malformed
  }

  private leafProblem(walk: Walk, lo: number, ppn: number, level: number): string | undefined {
    if (level > 0 && ppn % 512 ** level !== 0) return 'misaligned superpage';
    return refusal(walk, lo);
  }

  private finish(walk: Walk, at: number, lo: number, ppn: number, level: number): number {
    const wanted = walk.access === Access.store ? lo | A | D : lo | A;
    if (wanted !== lo && !walk.writeLow(at, wanted)) return ACCESS_FAULT[walk.access];
    walk.level = level;
    walk.owner = 0;
    let frame = ppn;
    for (let i = 0; i < level; i++) frame += indexOf(i, walk.vaLo, walk.vaHi) * 512 ** i;
    walk.frame = frame;
    let rights = 0;
    if (lo & R || (walk.mxr && lo & X)) rights |= Right.R;
    if (lo & X) rights |= Right.X;
    if (lo & W && wanted & D) rights |= Right.W;
    walk.rights = rights;
    return WALKED;
  }
}

function explain(
  walk: Walk,
  mode: string,
  level: number,
  at: number,
  lo: number,
  hi: number,
  ppn: number,
  pointer: boolean,
  problem: string | undefined,
): void {
  const flag = (bit: number, name: string): string => (lo & bit ? name : '-');
  const flags =
    flag(D, 'D') +
    flag(A, 'A') +
    flag(G, 'G') +
    flag(U, 'U') +
    flag(X, 'X') +
    flag(W, 'W') +
    flag(R, 'R') +
    flag(V, 'V');
  const next = pointer
    ? `next table at 0x${(ppn * 4096).toString(16)}`
    : `leaf: ${['4 KiB', '2 MiB', '1 GiB', '512 GiB', '256 TiB'][level]} page at 0x${(ppn * 4096).toString(16)}`;
  walk.trace?.push({
    what: `${mode} level ${level}`,
    address: at,
    raw: (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0),
    fields: { ppn: `0x${ppn.toString(16)}`, flags },
    verdict: problem === undefined ? next : `fault: ${problem}`,
  });
}

export const SV39: TranslationMode = new SvMode(8, 3);
export const SV48: TranslationMode = new SvMode(9, 4);
export const SV57: TranslationMode = new SvMode(10, 5);
export const STANDARD_MODES: readonly TranslationMode[] = [SV39, SV48, SV57];
