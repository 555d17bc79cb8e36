/**
 * Points at which other parts of the emulator take part in execution: persistence (cache-block operations, fences)
 * and instructions of extensions. Everything is called at an exact instruction, in guest order.
 */
import type { Hart } from '../cpu/hart.ts';

export type CacheBlockOperation = 'inval' | 'clean' | 'flush' | 'zero';

export interface MachineHooks {
  /**
   * A cache-block operation on memory is about to take effect. `pa` is the block's first byte. For `zero` the bytes
   * have not changed yet (its page's store handlers run as well).
   */
  cacheBlock?(operation: CacheBlockOperation, pa: number, hart: Hart): void;
  /** False: `cacheBlock` has nothing to do for a `zero` of DRAM, and engines make these themselves. Looked at when a run begins. */
  zeroesOfDramMatter?: boolean;
  /** A FENCE: predecessor and successor sets as in the encoding (bit 3 I, 2 O, 1 R, 0 W). */
  fence?(predecessor: number, successor: number, hart: Hart): void;
  /**
   * Whether `fence` has anything to do now; absent: always. Asked when a run begins and after each cache-block
   * operation and observed fence: while it says no, engines pass fences by.
   */
  fencesMatter?(): boolean;
  /**
   * A trap is about to be taken: exception or interrupt `cause`, on `hart`. Nothing has changed yet. True: it is
   * not taken, and the run stops before it; it comes again when the hart goes on.
   */
  trap?(hart: Hart, cause: number, interrupt: boolean): boolean;
  /**
   * Control state of a hart has changed: a CSR instruction that left the engine, a trap that has been taken, or a return
   * from one. Translated code accesses simple CSRs without leaving, but for those of `Machine.observeCsrs`.
   * @param written number of the CSR that a CSR instruction wrote, changed or not; -1 when it only read
   */
  control?(hart: Hart, what: 'csr' | 'trap' | 'return', written?: number): void;
}

/** What became of a custom instruction. */
export type CustomResult =
  /** Executed: the machine moves pc and counts it. */
  | 'done'
  /** Not an instruction, or not allowed here: illegal instruction. */
  | 'illegal'
  /** It raised an exception by `MachineServices.raise`, or moved pc itself. */
  | 'trapped';

/** Executes a System instruction of an extension; `word` is its bits. Undefined: not one of this extension. */
export type CustomInstruction = (hart: Hart, word: number) => CustomResult | undefined;
