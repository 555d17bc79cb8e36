/** How a run of recovery ended, and whether that is good. */
import type { FindingKind } from './format.ts';
import type { RunEnd } from './hang.ts';

/** The end of recovery. Plain data. */
export type Outcome =
  | { readonly kind: 'pass' }
  /** The program's check found something wrong. */
  | { readonly kind: 'check'; readonly code: number }
  /** The recovered state is none that the operations allow. */
  | { readonly kind: 'prefix'; readonly observed: bigint }
  /** A state other than the one that recovery had without a failure of its own. */
  | { readonly kind: 'idempotence'; readonly observed: bigint; readonly expected: bigint }
  | { readonly kind: 'crash'; readonly how: string }
  /** `pc`: of the loop that it is in, if it is a short one. */
  | { readonly kind: 'hang'; readonly how: string; readonly pc?: bigint };

/** What a recovered state must be. */
export interface Oracle {
  /** The values of the states that are allowed; undefined: any. */
  readonly allowed: readonly bigint[] | undefined;
  /** The values that recovery had without a failure of its own; for nested failures. */
  readonly expected?: readonly bigint[];
}

/** What a program said in its recovery. */
export interface Said {
  readonly guest: boolean;
  /** Guest programs: the code that they finished with. */
  readonly finished: number | undefined;
  readonly observed: bigint | undefined;
}

export function judge(reason: RunEnd, said: Said, oracle: Oracle): Outcome {
  const code = said.guest ? said.finished : reason.kind === 'exit' ? reason.code : undefined;
  if (code === undefined) return judgeStop(reason);
  if (code !== 0) return { kind: 'check', code };
  const { observed } = said;
  if (observed === undefined) return { kind: 'pass' };
  if (oracle.allowed && !oracle.allowed.includes(observed)) return { kind: 'prefix', observed };
  if (oracle.expected && !oracle.expected.includes(observed))
    return { kind: 'idempotence', observed, expected: oracle.expected[0]! };
  return { kind: 'pass' };
}

function judgeStop(reason: RunEnd): Outcome {
  switch (reason.kind) {
    case 'exit':
      return { kind: 'crash', how: `switched the machine off (code ${reason.code}) without a verdict` };
    case 'reset':
      return { kind: 'crash', how: 'asked for a reset' };
    case 'stuck':
      return {
        kind: 'crash',
        how: `trapped for ever (cause ${reason.cause}, handler at 0x${reason.pc.toString(16)})`,
      };
    case 'budget':
      return { kind: 'hang', how: 'did not end within its budget of instructions' };
    case 'loop':
      return { kind: 'hang', how: 'goes round in a loop for ever', pc: reason.pc };
    case 'idle':
    case 'sleep':
      return { kind: 'hang', how: 'waits for an interrupt that never comes' };
    default:
      return { kind: 'crash', how: `stopped (${reason.kind})` };
  }
}

/** Recovery and its check are content only when they pass. */
export const isFailure = (outcome: Outcome): boolean => outcome.kind !== 'pass';

/** The end in words, to follow "recovery". */
export function describeOutcome(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'pass':
      return 'passed';
    case 'check':
      return `ended with code ${outcome.code}`;
    case 'prefix':
      return `found a state (0x${outcome.observed.toString(16)}) that no allowed number of operations leaves`;
    case 'idempotence':
      return `found another state (0x${outcome.observed.toString(16)}) than without a failure of its own (0x${outcome.expected.toString(16)})`;
    default:
      return outcome.how;
  }
}

/** Equal for ends that are the same finding. */
export function outcomeKey(outcome: Outcome): string {
  return outcome.kind === 'check' ? `check ${outcome.code}` : outcome.kind;
}

/** The kind of finding that a bad end is. */
export function findingKind(outcome: Outcome): FindingKind {
  if (outcome.kind === 'pass') throw new Error('a run that passed is no finding');
  return outcome.kind;
}
