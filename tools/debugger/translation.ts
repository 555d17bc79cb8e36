/**
 * The way from a pointer to a byte, step by step: for a persistent pointer the FOT entry and the slot in which the view has
 * the object, then the MMU's own walk (view entry, object, descriptor, rights, page) and what lies at its end. For the
 * translation pane, `xlate` and the debug adapter.
 */

import { UserError } from '../../emulator/errors.ts';
import { explainAccess } from '../../emulator/machine/explain.ts';
import { formatRights } from '../../emulator/mmu/xtwz/explain.ts';
import { ADDRESS } from '../../emulator/mmu/xtwz/layout.ts';
import { ACCESS_WORDS, describePlace } from '../explain/format.ts';
import type { Debugger } from './debugger.ts';
import { idText, type ObjectId } from './object-space.ts';

export interface TranslationStep {
  readonly what: string;
  /** Where the entry was read, and what it held. */
  readonly raw?: string;
  readonly decoded?: string;
  readonly verdict: string;
  /** The step at which the access fails. */
  readonly failed: boolean;
}

export interface Translation {
  readonly title: string;
  readonly steps: readonly TranslationStep[];
  /** The physical address, if the access would succeed. */
  readonly pa: number | undefined;
}

export type AccessWord = (typeof ACCESS_WORDS)[number];

const hex = (value: number | bigint, digits = 0): string => `0x${value.toString(16).padStart(digits, '0')}`;

/** The walk of an address, as the code under the cursor would make it. */
export function translateAddress(debugged: Debugger, va: bigint, access: AccessWord): Translation {
  const { machine, core, frame, objects, computer } = debugged;
  const index = ACCESS_WORDS.indexOf(access) as 0 | 1 | 2;
  const inObjects = objects.isOn(core) && va >> BigInt(ADDRESS.offsetBits + ADDRESS.slotBits) === 0n;
  // In the kernel, an address of the object window is the thread's: it is judged as the thread's access.
  const own = index === 0 ? core.hart.privilege : core.mmu.dataPrivilege;
  const privilege = inObjects && frame.level >= 0 ? 0 : own;
  const explained = explainAccess(machine, core, va, index, privilege, computer.nvdimm);
  const failed = explained.pa === undefined;
  const steps = explained.steps.map((step, i): TranslationStep => {
    const at = step.address === undefined ? '' : `[${hex(step.address)}]`;
    const raw = step.raw === undefined ? at : `${at} = ${hex(step.raw, 16)}`;
    const fields = Object.entries(step.fields ?? {}).map(([name, value]) => `${name} ${value}`);
    return {
      what: step.what,
      ...(raw !== '' && { raw }),
      ...(fields.length > 0 && { decoded: fields.join(', ') }),
      verdict: step.verdict,
      failed: failed && i >= explained.steps.length - 2,
    };
  });
  if (explained.place) {
    const { place } = explained;
    steps.push({
      what: place.block === undefined ? 'memory' : 'line',
      verdict: describePlace(place),
      failed: place.kind === 'nothing',
    });
  } else if (failed)
    steps.push({ what: 'exception', verdict: `${explained.cause}: ${explained.fault}`, failed: true });
  const title = `${access} at ${hex(va, 16)}, ${explained.mode}`;
  return { title, steps, pa: explained.pa };
}

/**
 * The way of a persistent pointer that is stored in an object: through the object's FOT to another object, to the slot where
 * the view has it, and on as an address.
 */
export function translatePointer(
  debugged: Debugger,
  holder: ObjectId,
  pointer: bigint,
  access: AccessWord,
): Translation {
  const { objects, frame, layouts } = debugged;
  const index = Number(pointer >> BigInt(ADDRESS.offsetBits));
  const offset = Number(pointer & ((1n << BigInt(ADDRESS.offsetBits)) - 1n));
  const steps: TranslationStep[] = [
    {
      what: 'pointer',
      raw: hex(pointer, 16),
      decoded: `FOT index ${index}, offset ${hex(offset)}`,
      verdict: index === 0 ? 'in the object that holds it' : `through the FOT of ${idText(holder)}`,
      failed: false,
    },
  ];
  const title = `persistent pointer ${index}:${hex(offset)} of object ${idText(holder).slice(0, 8)}`;
  const fail = (what: string, verdict: string): Translation => ({
    title,
    steps: [...steps, { what, verdict, failed: true }],
    pa: undefined,
  });
  if (offset < ADDRESS.nullBytes) return fail('null', 'offsets below 0x1000 are null');
  let id = holder;
  if (index !== 0) {
    const entry = objects.foreign(holder, index);
    if (entry === undefined || layouts === undefined)
      return fail('FOT entry', `entry ${index} cannot be read: its page is absent`);
    id = (entry.hi << 64n) | entry.lo;
    const valid = (entry.flags & layouts.constant('FE_VALID')) !== 0n;
    steps.push({
      what: 'FOT entry',
      raw: `[${idText(entry.place.id).slice(0, 8)}:${hex(entry.place.offset)}] = ${hex(entry.flags, 16)}`,
      decoded: `id ${idText(id)}, ${formatRights(Number(entry.flags & 0x7cn))}${valid ? ', valid' : ''}`,
      verdict: valid ? 'names the object' : 'not valid: the entry is not made yet',
      failed: !valid,
    });
    if (!valid) return { title, steps, pa: undefined };
  }
  const mapped = objects.slots(frame.space.view).find(({ entry }) => entry.id === id);
  if (mapped === undefined)
    return fail('slot', 'the view has the object in no slot: libtwz maps it when the pointer is followed');
  const va = (BigInt(mapped.slot) << BigInt(ADDRESS.offsetBits)) + BigInt(offset);
  steps.push({
    what: 'slot',
    raw: `slot ${hex(mapped.slot)}`,
    verdict: `the view has the object there: address ${hex(va)}`,
    failed: false,
  });
  const rest = translateAddress(debugged, va, access);
  return { title, steps: [...steps, ...rest.steps], pa: rest.pa };
}

/** Something whose translation can be looked at again, at another time and in another frame. */
export interface Translatable {
  /** As it was written. */
  readonly text: string;
  /** An address; for a persistent pointer, the object that holds it as well. */
  readonly bits: bigint;
  readonly holder?: ObjectId;
  readonly access: AccessWord;
}

/** What an expression means: a persistent pointer, or an address. @throws UserError */
export function translatable(debugged: Debugger, text: string, access: AccessWord): Translatable {
  const value = debugged.evaluate(text);
  if (value.unavailable !== undefined && value.place === undefined) throw new UserError(value.unavailable);
  if (value.holder !== undefined) return { text, access, bits: value.bits, holder: value.holder };
  if (value.place?.kind === 'object') {
    const { id, offset } = value.place.object;
    return { text, access, bits: BigInt(offset), holder: id };
  }
  return { text, access, bits: debugged.number(text) };
}

export function translate(debugged: Debugger, { bits, holder, access }: Translatable): Translation {
  return holder === undefined
    ? translateAddress(debugged, bits, access)
    : translatePointer(debugged, holder, bits, access);
}

/** A translation as plain lines. */
export function formatTranslation({ title, steps }: Translation): string[] {
  const width = Math.max(...steps.map(({ what }) => what.length));
  const lines = [title];
  for (const { what, raw, decoded, verdict, failed } of steps) {
    const mark = failed ? '!' : ' ';
    lines.push(`${mark} ${what.padEnd(width)}  ${raw ?? `→ ${verdict}`}`);
    const indent = ' '.repeat(width + 4);
    if (decoded !== undefined) lines.push(indent + decoded);
    if (raw !== undefined) lines.push(`${indent}→ ${verdict}`);
  }
  return lines;
}
