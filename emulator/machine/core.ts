/** One hart with its MMU: what the slow paths pass around. */
import type { Hart } from '../cpu/hart.ts';
import type { Mmu } from '../mmu/mmu.ts';

export interface Core {
  readonly hart: Hart;
  readonly mmu: Mmu;
  /** Counts for `--stats`. */
  readonly statistics: CoreStatistics;
}

export interface CoreStatistics {
  exceptions: number;
  interrupts: number;
  /** Exits from the engine, by `Exit`. */
  readonly exits: number[];
  /** Accesses that reached a device. */
  deviceAccesses: number;
}
