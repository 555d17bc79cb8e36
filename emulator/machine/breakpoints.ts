/**
 * Breakpoints at virtual addresses. They are placed into an engine's records when their page is mapped for fetches,
 * so they cost nothing elsewhere. A place may be mapped at other addresses as well, so a hit is checked against the
 * address.
 */
import type { Hart } from '../cpu/hart.ts';
import type { Engine } from './engine.ts';

const PAGE_MASK = ~0xfffn;

export class Breakpoints {
  private addresses: ReadonlySet<bigint> = new Set();
  /** Where they are placed: physical page * 2048 + halfword. */
  private readonly placed = new Set<number>();
  /** The breakpoint that a hart has reported and not passed yet: it must not stop there again. */
  private reported: { hart: number; pc: bigint; retired: number } | undefined;

  /** While true nothing stops: the run is on its way to a point that is known. */
  muted = false;

  get active(): boolean {
    return this.addresses.size > 0;
  }

  get all(): readonly bigint[] {
    return [...this.addresses];
  }

  /** Forgets what was reported: the run has been put somewhere else, and stops wherever a breakpoint is. */
  rearm(): void {
    this.reported = undefined;
  }

  /** The hart goes on from where it stands: a breakpoint there does not stop it this time. */
  pass({ index: hart, pc, retired }: Hart): void {
    this.reported = { hart, pc, retired };
  }

  /** Replaces the list. The caller drops the fast fetch TLBs, so that pages are placed anew. */
  set(engine: Engine, addresses: Iterable<bigint>): void {
    for (const place of this.placed) engine.setBreakpoint(place >>> 11, place & 2047, false);
    this.placed.clear();
    this.addresses = new Set([...addresses].map((address) => BigInt.asUintN(64, address)));
  }

  /** Places those of a virtual page that has been mapped to physical page `page`. */
  place(engine: Engine, vaLo: number, vaHi: number, page: number): void {
    const base = ((BigInt(vaHi >>> 0) << 32n) | BigInt(vaLo >>> 0)) & PAGE_MASK;
    for (const address of this.addresses) {
      if ((address & PAGE_MASK) !== base) continue;
      const half = Number(address & 0xfffn) >> 1;
      const place = page * 2048 + half;
      if (this.placed.has(place)) continue;
      this.placed.add(place);
      engine.setBreakpoint(page, half, true);
    }
  }

  /** Whether the hart, which met a breakpoint record, is to stop. */
  stopsAt(hart: Hart): boolean {
    const { pc, retired, index } = hart;
    if (this.muted || !this.addresses.has(pc)) return false;
    const { reported } = this;
    if (reported && reported.hart === index && reported.pc === pc && reported.retired === retired)
      return false;
    this.reported = { hart: index, pc, retired };
    return true;
  }
}
