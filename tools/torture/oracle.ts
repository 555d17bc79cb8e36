/** Which states may be recovered at a crash point, by the values that the workload gave when nothing failed. */
import type { CrashPlace } from './crash.ts';
import type { Oracle } from './outcome.ts';
import type { WorkloadRun } from './workload.ts';

/** The state after the last acknowledged operation, that after the last begun one, and those between. */
export function oracleAt({ progress }: CrashPlace, { values }: Pick<WorkloadRun, 'values'>): Oracle {
  // Where operations overlap, the numbers of the last ones say little: the program's check knows.
  if (values.length === 0) return { allowed: undefined };
  const allowed: bigint[] = [];
  for (let operation = progress.acknowledged; operation <= progress.begun; operation++) {
    const value = values[operation];
    if (value === undefined) return { allowed: undefined };
    allowed.push(value);
  }
  return { allowed };
}
