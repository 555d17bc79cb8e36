/**
 * The file of a campaign that may be stopped and resumed: a line of JSON about the campaign, then one for each crash
 * point as it is done. A last line that was cut off is left out.
 *
 * Values that JSON does not have are written as objects with one field: `$bigint` decimal, `$bytes` hexadecimal, `$map`
 * a list of pairs.
 */
import { appendFileSync, existsSync, readFileSync, truncateSync } from 'node:fs';
import { UserError } from '../../emulator/errors.ts';
import { writeFileAtomically } from '../output.ts';
import type { CampaignLimits, PointRecord } from './point.ts';
import { budgetOf, fencesOf, fingerprint, memoryOf, nvdimmOf, type Program } from './program.ts';
import { PREEMPTIONS } from './threads.ts';

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return { $bigint: value.toString() };
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('hex') };
  if (value instanceof Map) return { $map: [...value].map(plain) };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

function revive(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if ('$bigint' in value) return BigInt(String(value.$bigint));
  if ('$bytes' in value) return new Uint8Array(Buffer.from(String(value.$bytes), 'hex'));
  if ('$map' in value && Array.isArray(value.$map)) return new Map(value.$map as [unknown, unknown][]);
  return value;
}

export const recordText = (record: PointRecord): string => JSON.stringify(plain(record));
export const parseRecord = (text: string): PointRecord => JSON.parse(text, revive) as PointRecord;

/** What must be the same for records to belong together. */
function identityOf(program: Program, limits: CampaignLimits): string {
  const { maxRuns, samples, seed, depth, reads, certificates, preemptions } = limits;
  return JSON.stringify({
    torture: 1,
    fingerprint: fingerprint(program),
    machine: [memoryOf(program), nvdimmOf(program), budgetOf(program), program.harts ?? 1],
    fromPowerOn: program.fromPowerOn === true,
    fences: fencesOf(program),
    limits: [
      maxRuns,
      samples,
      seed,
      depth ?? 1,
      preemptions ?? PREEMPTIONS,
      reads === true,
      certificates === true,
    ],
  });
}

export class CampaignJournal {
  /** What earlier runs have done. */
  readonly records: readonly PointRecord[];

  /** Opens a file, or begins one. @throws UserError when it is of another campaign */
  constructor(
    private readonly path: string,
    program: Program,
    limits: CampaignLimits,
  ) {
    const identity = identityOf(program, limits);
    if (!existsSync(path)) {
      writeFileAtomically(path, `${identity}\n`);
      this.records = [];
      return;
    }
    const text = readFileSync(path, 'utf8');
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    const [first, ...lines] = whole.split('\n').slice(0, -1);
    if (first !== identity)
      throw new UserError(`${path}: is of another program, or of a campaign with other options`);
    if (whole.length < text.length) truncateSync(path, Buffer.byteLength(whole));
    try {
      this.records = lines.map(parseRecord);
    } catch (error) {
      throw new UserError(`${path}: is damaged (${error instanceof Error ? error.message : String(error)})`);
    }
  }

  add(record: PointRecord): void {
    appendFileSync(this.path, `${recordText(record)}\n`);
  }
}
