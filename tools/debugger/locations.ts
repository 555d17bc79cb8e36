/**
 * Places in code as people write them:
 *
 *   tree.ts:120, :120            a source line (of the file under the cursor)
 *   find, tree!find              a function, of any program or of one
 *   0xffff8000802035d0, *$ra     an address
 *   @3f2a:0x1198                 an offset in an object
 */
import { UserError } from '../../emulator/errors.ts';
import type { Modules } from './modules.ts';
import type { Program, SourceFunction } from './program.ts';
import type { CodeSpot } from './stop-points.ts';

export interface LocationContext {
  readonly modules: Modules;
  /** The program and file under the cursor. */
  readonly program: Program | undefined;
  readonly file: string | undefined;
  number(text: string): bigint;
  /** The object whose ID begins with `prefix`, and the slots in which it is mapped. */
  object(prefix: string): { readonly id: bigint; readonly slots: readonly number[] };
}

/** Reads a location. @throws UserError when nothing is there */
export function parseLocation(text: string, context: LocationContext): CodeSpot[] {
  const spec = text.trim();
  if (spec === '') throw new UserError('a place in the code is missing: FILE:LINE, FUNCTION or an address');
  const inObject = /^@([0-9a-f]{2,32}):(.+)$/i.exec(spec);
  if (inObject) {
    const { id, slots } = context.object(inObject[1]!.toLowerCase());
    const offset = context.number(inObject[2]!);
    // A program is in slot 0 of its own view, whatever is mapped now.
    const all = new Set([0, ...slots]);
    return [...all].map((slot) => ({ va: (BigInt(slot) << 30n) + offset, object: id }));
  }
  if (/^(\*|0x|\$)/.test(spec)) return [{ va: BigInt.asUintN(64, context.number(spec.replace(/^\*/, ''))) }];
  const line = /^(?:(?:(\w[\w-]*)!)?([^!]*[^!:])?:)?(\d+)$/.exec(spec);
  if (line && (line[2] === undefined || line[2].includes('.')))
    return lineSpots(line[2], Number(line[3]), chosen(context, line[1]), context);
  const named = /^(?:(\w[\w-]*)!)?([\w.$]+)$/.exec(spec);
  if (named) return functionSpots(named[2]!, chosen(context, named[1]));
  throw new UserError(
    `'${spec}' is no place in the code: write FILE:LINE, FUNCTION, PROGRAM!FUNCTION or an address`,
  );
}

/** The programs that are meant: the one that is named, or all, the one under the cursor first. */
function chosen({ modules, program }: LocationContext, name: string | undefined): readonly Program[] {
  if (name === undefined)
    return program ? [program, ...modules.all.filter((one) => one !== program)] : modules.all;
  const found = modules.all.filter((one) => one.name === name);
  if (found.length === 0) {
    const names = modules.all.map((one) => one.name).join(', ');
    throw new UserError(`there is no program '${name}'; there are ${names}`);
  }
  return found;
}

/** Where a place of a program runs: programs of objects lie in slot 0 of their views. */
const spot = (program: Program, address: bigint): CodeSpot => ({ va: address, program });

function lineSpots(
  file: string | undefined,
  line: number,
  programs: readonly Program[],
  context: LocationContext,
): CodeSpot[] {
  const wanted = file ?? context.file;
  if (wanted === undefined) throw new UserError(`line ${line} of which file? Write FILE:${line}`);
  const spots: CodeSpot[] = [];
  let isKnown = false;
  for (const program of programs)
    for (const path of program.filesNamed(wanted)) {
      isKnown = true;
      for (const address of program.addressesOfLine(path, line).addresses) spots.push(spot(program, address));
    }
  if (spots.length > 0) return spots;
  throw new UserError(
    isKnown ? `${wanted} has no code at or after line ${line}` : `no program has a file ${wanted}`,
  );
}

function functionSpots(name: string, programs: readonly Program[]): CodeSpot[] {
  const spots: CodeSpot[] = [];
  for (const program of programs) {
    const functions = program.functionsNamed(name);
    for (const one of functions) spots.push(spot(program, afterPrologue(program, one)));
    if (functions.length > 0) continue;
    const symbol = program.symbolNamed(name);
    if (symbol) spots.push(spot(program, symbol.address));
  }
  if (spots.length > 0) return spots;
  throw new UserError(
    `no program has a function '${name}' of its own (it may be inlined: break on its line instead)`,
  );
}

/** The first instruction of a function's body: where the second line begins. */
export function afterPrologue(program: Program, { ranges }: SourceFunction): bigint {
  const { low, high } = ranges[0]!;
  const first = program.lineAt(low);
  for (let at = low + 2n; at < high && at < low + 128n; at += 2n) {
    const row = program.lineAt(at);
    if (row !== undefined && row.address === at && row.address !== first?.address) return at;
  }
  return low;
}
