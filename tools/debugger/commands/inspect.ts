/** Commands about translation and persistence: what only this debugger shows. */

import { xNumber } from '../../../emulator/cpu/isa/registers.ts';
import { UserError } from '../../../emulator/errors.ts';
import { pendingAccess } from '../access.ts';
import { stopText } from '../describe.ts';
import { lastLineChange, lastRegisterChange, lastStore } from '../history.ts';
import { formatFailure, formatPersistence, persistenceOf } from '../persistence.ts';
import { WHOLE_OBJECT } from '../stop-points.ts';
import {
  type AccessWord,
  formatTranslation,
  type Translatable,
  translatable,
  translate,
  translateAddress,
} from '../translation.ts';
import type { Command, Session } from './command.ts';

const ACCESSES: readonly string[] = ['fetch', 'load', 'store'];

/** `EXPRESSION [fetch|load|store]`; undefined: the access of the next instruction. */
export function translatableOf({ debugged }: Session, args: string): Translatable | undefined {
  const match = /^(.*?)(?:(?:^|\s+)(fetch|load|store))?$/s.exec(args)!;
  return match[1] === '' ? undefined : translatable(debugged, match[1]!, (match[2] ?? 'load') as AccessWord);
}

async function showTranslation(session: Session, args: string): Promise<string[]> {
  const { debugged } = session;
  await debugged.learnNearLines();
  const asked = translatableOf(session, args);
  if (asked !== undefined) return formatTranslation(translate(debugged, asked));
  const own = pendingAccess(debugged.frame);
  if (own === undefined) return formatTranslation(translateAddress(debugged, debugged.frame.pc, 'fetch'));
  return formatTranslation(translateAddress(debugged, own.va, own.access));
}

/** The memory that is meant: `@ID` for a whole object's pages, or an expression. */
function range({ debugged }: Session, text: string) {
  const whole = /^@([0-9a-f]{2,32})$/i.exec(text);
  if (!whole) return debugged.place(text);
  const { id } = debugged.objectNamed(whole[1]!.toLowerCase());
  return { place: { kind: 'object', object: { id, offset: 0 } } as const, length: WHOLE_OBJECT };
}

async function lines(session: Session, args: string): Promise<string[]> {
  const { debugged } = session;
  await debugged.mustLearnLines();
  if (args === '') return formatFailure(debugged);
  const [, expression, bytes] = /^(.*?)(?:,\s*(\w+))?$/s.exec(args)!;
  const { place, length } = range(session, expression!);
  if (place.kind === 'object' && length === WHOLE_OBJECT) {
    // Page by page: most of an object's pages are not there.
    const { descriptor } = debugged.objectNamed(place.object.id.toString(16).padStart(32, '0'));
    const out: string[] = [];
    for (const { offset, pa } of debugged.objects.pages(descriptor)) {
      const report = formatPersistence(persistenceOf(debugged, { kind: 'physical', address: pa }, 4096));
      out.push(`page 0x${offset.toString(16)}: ${report[0]}`, ...report.slice(1).map((line) => `  ${line}`));
    }
    return out.length > 0 ? out : ['the object has no pages'];
  }
  return formatPersistence(
    persistenceOf(debugged, place, bytes === undefined ? length : Number(debugged.number(bytes))),
  );
}

/** Goes back to where the FOT entry of a persistent pointer was made valid, or changed. */
async function lastForeignEntry({ debugged }: Session, text: string) {
  const { holder, bits } = debugged.evaluate(text);
  const entry = holder === undefined ? undefined : debugged.objects.foreign(holder, Number(bits >> 30n));
  if (entry === undefined || debugged.layouts === undefined)
    throw new UserError(`'${text}' is no persistent pointer through a foreign object table`);
  const flags = debugged.layouts.offset('FotEntry', 'flags');
  const place = { id: entry.place.id, offset: entry.place.offset + flags };
  return await lastStore(debugged, { kind: 'object', object: place }, 8);
}

async function last(session: Session, args: string): Promise<readonly string[]> {
  const { debugged, sources } = session;
  const register = /^\$(\w+)$/.exec(args.trim());
  const number = register ? xNumber(register[1]!) : undefined;
  if (number !== undefined) return stopText(debugged, await lastRegisterChange(debugged, number), sources);
  const foreign = /^fot\s+(.+)$/s.exec(args);
  if (foreign) return stopText(debugged, await lastForeignEntry(session, foreign[1]!), sources);
  const persistence = /^line\s+(.+)$/s.exec(args);
  const text = persistence ? persistence[1]! : args;
  if (text === '')
    throw new UserError(
      'last change of what? Write an expression, $register, line EXPRESSION or fot EXPRESSION',
    );
  const { place, length } = range(session, text);
  const stop = persistence
    ? await lastLineChange(debugged, place, length)
    : await lastStore(debugged, place, length);
  return stopText(debugged, stop, sources);
}

export const INSPECT: readonly Command[] = [
  {
    names: ['xlate', 't'],
    usage: '[EXPRESSION] [fetch|load|store]',
    help: 'Shows how an address or a persistent pointer is translated, step by step; by default the access of the next instruction.',
    group: 'translation',
    run: showTranslation,
    complete: () => ACCESSES,
  },
  {
    names: ['lines', 'pending'],
    usage: '[EXPRESSION[, BYTES] | @OBJECT]',
    help: 'Shows the cache lines of memory by state, with the stores that may be lost and their code; without an argument, what a power failure now could leave.',
    group: 'translation',
    run: lines,
  },
  {
    names: ['last', 'who'],
    usage: 'EXPRESSION | $REGISTER | line EXPRESSION | fot EXPRESSION',
    help: 'Goes back to who last wrote memory, a register or the FOT entry of a pointer, or changed the persistence of a line.',
    group: 'time',
    run: last,
  },
];
