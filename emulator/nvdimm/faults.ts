/**
 * Faults that a user injects into an NVDIMM (docs/nvdimm.md, "Injecting faults"): what `--inject` means, and when
 * each fault is due in a run.
 */
import { UserError } from '../errors.ts';
import { Random } from '../random.ts';
import { blockOf, dpa } from './dpa.ts';
import type { ImageChoice, Nvdimm } from './nvdimm.ts';
import type { Failure } from './persistency.ts';

export type Fault =
  /** The power fails after `at` instructions; `seed` draws the image, without one it is the oldest. */
  | {
      readonly kind: 'power';
      readonly failure: Failure;
      readonly at: number;
      readonly seed: number | undefined;
    }
  /** The block at a physical address becomes unreadable after `at` instructions. */
  | { readonly kind: 'poison'; readonly address: number; readonly at: number }
  /** So many blocks have become unreadable while the power was off. */
  | { readonly kind: 'rot'; readonly seed: number; readonly count: number; readonly at: 0 }
  /** Lines wear out after about so many writes. */
  | { readonly kind: 'wear'; readonly seed: number; readonly writes: number; readonly at: 0 };

const SYNTAX =
  'write power@N[:SEED|:oldest], adr-fail@N[:SEED|:oldest], poison@ADDR[@N], rot@SEED:COUNT or wear@SEED:WRITES';
const UNITS: Readonly<Record<string, number>> = { '': 1, K: 1e3, M: 1e6, G: 1e9 };

/** Reads one `--inject`. @throws UserError */
export function parseFault(text: string): Fault {
  const bad = (): never => {
    throw new UserError(`--inject ${text}: ${SYNTAX}`);
  };
  const number = (part: string | undefined): number => {
    const match = /^(0x[0-9a-f_]+|[0-9_]+)([KMG]?)$/i.exec(part ?? '');
    const value = match
      ? Number(match[1]!.replaceAll('_', '')) * UNITS[match[2]!.toUpperCase()]!
      : Number.NaN;
    return Number.isSafeInteger(value) ? value : bad();
  };
  const [kind, first, second, ...rest] = text.split('@');
  if (first === undefined || rest.length > 0) return bad();
  const [head, tail, ...more] = first.split(':');
  if (more.length > 0 || (second !== undefined && kind !== 'poison')) return bad();
  switch (kind) {
    case 'power':
    case 'adr-fail': {
      const seed = tail === 'oldest' ? undefined : tail === undefined ? 0 : number(tail);
      return { kind: 'power', failure: kind === 'power' ? 'power' : 'adr-fail', at: number(head), seed };
    }
    case 'poison':
      if (tail !== undefined) return bad();
      return { kind, address: number(head), at: second === undefined ? 0 : number(second) };
    case 'rot':
      return { kind, seed: number(head), count: number(tail), at: 0 };
    case 'wear':
      return { kind, seed: number(head), writes: number(tail), at: 0 };
    default:
      return bad();
  }
}

/** The faults of one run, in order. */
export class FaultSchedule {
  private readonly faults: Fault[];

  constructor(faults: readonly Fault[]) {
    this.faults = [...faults].sort((a, b) => a.at - b.at);
  }

  /** True when the run must record stores. */
  get needsRecording(): boolean {
    return this.faults.some((fault) => fault.kind === 'power');
  }

  get needsDeep(): boolean {
    return this.faults.some((fault) => fault.kind === 'power' && fault.failure === 'adr-fail');
  }

  /** Instructions after which the next fault is due. */
  get next(): number {
    return this.faults[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  /**
   * Makes the faults happen that are due after so many instructions.
   * @returns what to tell the user when the power has failed: the run is over
   * @throws UserError for an address outside of the NVDIMM
   */
  apply(nvdimm: Nvdimm, instructions: number): string | undefined {
    while (this.next <= instructions) {
      const fault = this.faults.shift()!;
      if (fault.kind === 'power') return failPower(nvdimm, fault, instructions);
      const { base, size } = nvdimm.region;
      if (fault.kind === 'poison') {
        if (fault.address < base || fault.address >= base + size) {
          throw new UserError(
            `--inject poison@0x${fault.address.toString(16)}: the NVDIMM is at 0x${base.toString(16)} to 0x${(base + size - 1).toString(16)}`,
          );
        }
        nvdimm.errors.poison(blockOf(dpa(fault.address - base)));
      } else if (fault.kind === 'rot') nvdimm.errors.rot(fault.seed, fault.count, size);
      else nvdimm.errors.setWear({ seed: fault.seed, endurance: fault.writes });
    }
    return undefined;
  }
}

function failPower(nvdimm: Nvdimm, fault: Fault & { kind: 'power' }, instructions: number): string {
  const { engine } = nvdimm;
  const blocks = engine.undetermined(fault.failure).length;
  const images = engine.countImages(fault.failure);
  const choice: ImageChoice =
    fault.seed === undefined ? { kind: 'oldest' } : { kind: 'sample', random: new Random(fault.seed) };
  nvdimm.powerFail(choice, fault.failure);
  const which = fault.seed === undefined ? 'the oldest' : `drawn with seed ${fault.seed}`;
  const how = fault.failure === 'adr-fail' ? 'the power failed, and ADR with it,' : 'the power failed';
  return `${how} after instruction ${instructions}: ${blocks} blocks undetermined, ${images} legal images; the file has ${which}`;
}
