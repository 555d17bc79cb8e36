/**
 * What the writer knows about registers at a point of a region: constants and 32-bit values behind the 64-bit
 * locals, and which ranges of addresses around a base register have been checked already. Facts follow a path
 * through blocks with one predecessor; a merge or a loop header starts with none.
 */
import type { Expr } from '../../wasm/expression.ts';

/** Bytes [lo, hi) around a register's value have passed the check for loads or for stores. */
export interface CheckedRange {
  readonly lo: number;
  readonly hi: number;
  /** Local (i32): the host address of register + lo, less `displacement`. */
  readonly address: number;
  /** Constant to add to the local's value: the memory offset of an access at register + lo. */
  readonly displacement: number;
  /** Alignment of register + lo that the check established, in bytes (a power of two). */
  readonly alignment: number;
}

export class Facts {
  /** A value equal to an integer register's: a constant, or a 32-bit local extended. */
  readonly known: (Expr | undefined)[] = new Array(32).fill(undefined);
  readonly loads: (CheckedRange | undefined)[] = new Array(32).fill(undefined);
  readonly stores: (CheckedRange | undefined)[] = new Array(32).fill(undefined);

  clear(): void {
    this.known.fill(undefined);
    this.loads.fill(undefined);
    this.stores.fill(undefined);
  }

  /** Forgets what depends on a register that changes. */
  kill(register: number): void {
    this.known[register] = undefined;
    this.loads[register] = undefined;
    this.stores[register] = undefined;
  }

  /** register `to` = register `from` + `distance`: its checked ranges are those of `from`, moved. */
  move(to: number, from: number, distance: number): void {
    this.loads[to] = moved(this.loads[from], distance);
    this.stores[to] = moved(this.stores[from], distance);
  }

  copy(): Facts {
    const copy = new Facts();
    copy.restore(this);
    return copy;
  }

  restore(other: Facts): void {
    for (let i = 0; i < 32; i++) {
      this.known[i] = other.known[i];
      this.loads[i] = other.loads[i];
      this.stores[i] = other.stores[i];
    }
  }
}

function moved(range: CheckedRange | undefined, distance: number): CheckedRange | undefined {
  return range && { ...range, lo: range.lo - distance, hi: range.hi - distance };
}
