/** Explained accesses as text: one line for each step, its raw bits and fields below the address that it was read from. */
import { PRIVILEGE_LETTER } from '../../emulator/cpu/causes.ts';
import type { ExplainedAccess, Place } from '../../emulator/machine/explain.ts';

export const ACCESS_WORDS = ['fetch', 'load', 'store'] as const;

const hex = (value: number | bigint, digits = 0): string => `0x${value.toString(16).padStart(digits, '0')}`;

/** Where an access ends, in words. */
export function describePlace(place: Place): string {
  if (place.kind === 'nothing') return 'nothing is there: an access fault';
  const at = `${place.name} + ${hex(place.offset)}`;
  if (place.block === undefined) return at;
  const state =
    place.lineState === undefined
      ? ''
      : `, ${place.lineState}${place.pendingStores ? `, ${place.pendingStores} stores may be lost` : ''}`;
  return `${at}, cache block ${hex(place.block)}${state}`;
}

/** The explanation, as lines. */
export function formatExplanation(explained: ExplainedAccess): string[] {
  const { va, mode, steps, access, privilege, pa, place, cause, fault } = explained;
  const lines = [`${ACCESS_WORDS[access]} at ${hex(va, 16)} in ${PRIVILEGE_LETTER[privilege]}-mode, ${mode}`];
  const width = Math.max(...steps.map((step) => step.what.length));
  for (const step of steps) {
    const read = step.address === undefined ? '' : `[${hex(step.address)}]`;
    const raw = step.raw === undefined ? '' : `= ${hex(step.raw, 16)}`;
    const source = [read, raw].filter((part) => part !== '').join(' ');
    lines.push(`  ${step.what.padEnd(width)}  ${source === '' ? step.verdict : source}`);
    const indent = ' '.repeat(width + 4);
    if (step.fields) {
      const fields = Object.entries(step.fields).map(([name, value]) => `${name} ${value}`);
      if (fields.length > 0) lines.push(indent + fields.join(', '));
    }
    if (source !== '') lines.push(`${indent}→ ${step.verdict}`);
  }
  if (pa !== undefined) lines.push(`physical ${hex(pa)}${place ? `: ${describePlace(place)}` : ''}`);
  else lines.push(`exception ${cause}: ${fault}`);
  return lines;
}

/** The explanation for programs: bigints as hexadecimal strings. */
export function explanationAsJson(explained: ExplainedAccess): string {
  return JSON.stringify(
    {
      ...explained,
      access: ACCESS_WORDS[explained.access],
      privilege: PRIVILEGE_LETTER[explained.privilege],
    },
    (_key, value) => (typeof value === 'bigint' ? hex(value) : value),
    2,
  );
}
