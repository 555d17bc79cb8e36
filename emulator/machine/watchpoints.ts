/**
 * Watchpoints on virtual addresses. A page that holds one never enters a fast TLB, so every access to it comes
 * through the slow path, which asks here. Hits are collected until the machine's loop looks.
 */
export interface Watchpoint {
  readonly address: bigint;
  /** Bytes. */
  readonly length: number;
  readonly loads: boolean;
  readonly stores: boolean;
}

/** An access that touched a watchpoint. */
export interface WatchHit {
  readonly watchpoint: Watchpoint;
  readonly access: 'load' | 'store';
  readonly address: bigint;
}

const PAGE_MASK = ~0xfffn;

export class Watchpoints {
  private list: readonly Watchpoint[] = [];
  /** The first hit of the instruction that has just been executed. */
  hit: WatchHit | undefined;

  get active(): boolean {
    return this.list.length > 0;
  }

  get all(): readonly Watchpoint[] {
    return this.list;
  }

  set(list: readonly Watchpoint[]): void {
    this.list = list;
    this.hit = undefined;
  }

  /** True when the page of a virtual address must stay slow. */
  onPage(vaLo: number, vaHi: number): boolean {
    const page = toBigInt(vaLo, vaHi) & PAGE_MASK;
    return this.list.some(
      ({ address, length }) => (address & PAGE_MASK) <= page && address + BigInt(length) > page,
    );
  }

  /** Notes an access if it touches a watchpoint. */
  check(vaLo: number, vaHi: number, length: number, access: 'load' | 'store'): void {
    const address = toBigInt(vaLo, vaHi);
    const watchpoint = this.list.find(
      (w) =>
        (access === 'load' ? w.loads : w.stores) &&
        address < w.address + BigInt(w.length) &&
        w.address < address + BigInt(length),
    );
    if (watchpoint) this.hit ??= { watchpoint, access, address };
  }
}

const toBigInt = (lo: number, hi: number): bigint => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
