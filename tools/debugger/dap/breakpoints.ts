/**
 * Breakpoints as an editor keeps them: it sends the whole list of a kind each time, and gets back what became of each. Stop
 * points of the session that were made otherwise (in its console) are left alone.
 */
import { resolve } from 'node:path';
import { UserError } from '../../../emulator/errors.ts';
import type { MemoryPlace } from '../address-space.ts';
import type { Debugger } from '../debugger.ts';
import type { SourceFiles } from '../source.ts';
import type { CodeSpot, StopPoint, StopWhat } from '../stop-points.ts';
import { type JsonObject, listOf, numberOf, objectOf, textOf } from './messages.ts';
import type { Breakpoint } from './protocol.ts';

/** Traps that an editor offers to stop at. */
export const EXCEPTION_FILTERS = [
  { filter: 'fault', label: 'Faults', description: 'Exceptions other than calls', default: false },
  { filter: 'syscall', label: 'System calls', default: false },
  { filter: 'trap', label: 'All traps', description: 'Interrupts as well', default: false },
] as const;

const EXCEPTIONS: Readonly<Record<string, StopWhat>> = {
  fault: { kind: 'fault', causes: undefined },
  syscall: { kind: 'syscall', numbers: undefined },
  trap: { kind: 'trap' },
};

export class Breakpoints {
  /** Numbers of stop points by kind, and for lines by file. */
  private readonly owned = new Map<string, number[]>();

  constructor(
    private readonly debugged: Debugger,
    private readonly sources: SourceFiles,
  ) {}

  private clear(kind: string): void {
    for (const id of this.owned.get(kind) ?? []) this.debugged.remove(id);
    this.owned.set(kind, []);
  }

  /** Adds one; what is wrong with it is said in the answer. */
  private add(
    kind: string,
    text: string,
    from: JsonObject,
    what: () => StopWhat,
    line?: () => number,
  ): Breakpoint {
    try {
      const point = this.debugged.add(text, what(), { condition: textOf(from, 'condition') });
      ignoreHits(point, textOf(from, 'hitCondition'));
      this.owned.get(kind)!.push(point.id);
      return { id: point.id, verified: true, ...(line && { line: line() }) };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return { verified: false, message: error.message };
    }
  }

  setLines(args: JsonObject): Breakpoint[] {
    const path = textOf(objectOf(args, 'source'), 'path') ?? '';
    const kind = `lines of ${path}`;
    this.clear(kind);
    return listOf(args, 'breakpoints').map((one) => {
      const line = numberOf(one, 'line') ?? 0;
      return this.add(
        kind,
        `${path}:${line}`,
        one,
        () => ({ kind: 'code', spots: this.spotsOf(path, line) }),
        () => this.actualLine(path, line),
      );
    });
  }

  /** The names under which programs know a file of this host. */
  private namesOf(path: string): string[] {
    const all = new Set(this.debugged.modules.all.flatMap((program) => program.files));
    return [...all].filter((name) => {
      const here = this.sources.path(name);
      return here === undefined ? path.endsWith(`/${name}`) : resolve(here) === resolve(path);
    });
  }

  private spotsOf(path: string, line: number): CodeSpot[] {
    const names = this.namesOf(path);
    if (names.length === 0) throw new UserError(`no program was made from ${path}`);
    return names.flatMap((name) => this.debugged.locate(`${name}:${line}`));
  }

  private actualLine(path: string, line: number): number {
    for (const name of this.namesOf(path)) {
      for (const program of this.debugged.modules.all) {
        const found = program.addressesOfLine(name, line);
        if (found.addresses.length > 0) return found.line;
      }
    }
    return line;
  }

  setFunctions(args: JsonObject): Breakpoint[] {
    this.clear('functions');
    return listOf(args, 'breakpoints').map((one) => {
      const name = textOf(one, 'name') ?? '';
      return this.add('functions', name, one, () => ({ kind: 'code', spots: this.debugged.locate(name) }));
    });
  }

  setInstructions(args: JsonObject): Breakpoint[] {
    this.clear('instructions');
    return listOf(args, 'breakpoints').map((one) => {
      const address = BigInt(textOf(one, 'instructionReference') ?? 0) + BigInt(numberOf(one, 'offset') ?? 0);
      const text = `0x${address.toString(16)}`;
      return this.add('instructions', text, one, () => ({ kind: 'code', spots: [{ va: address }] }));
    });
  }

  /** What a watchpoint on an expression would watch, packed into the protocol's data ID. @throws UserError */
  describeData(expression: string): { readonly dataId: string; readonly description: string } {
    const { place, length } = this.debugged.place(expression);
    return { dataId: packPlace(place, length), description: `${expression} (${length} bytes)` };
  }

  setData(args: JsonObject): Breakpoint[] {
    this.clear('data');
    return listOf(args, 'breakpoints').map((one) => {
      const id = textOf(one, 'dataId') ?? '';
      const access = textOf(one, 'accessType') ?? 'write';
      return this.add('data', id, one, () => ({
        kind: 'watch',
        ...unpackPlace(id),
        loads: access !== 'write',
        stores: access !== 'read',
      }));
    });
  }

  setExceptions(args: JsonObject): Breakpoint[] {
    this.clear('exceptions');
    const filters = args['filters'];
    return (Array.isArray(filters) ? filters : []).map((filter) => {
      const what = EXCEPTIONS[String(filter)];
      return this.add('exceptions', String(filter), {}, () => {
        if (what === undefined) throw new UserError(`there is no exception filter '${String(filter)}'`);
        return what;
      });
    });
  }
}

/** `5` or `>= 5`: the hits before are passed by. @throws UserError */
function ignoreHits(point: StopPoint, condition: string | undefined): void {
  if (condition === undefined || condition.trim() === '') return;
  const match = /^\s*(>=?|==?)?\s*(\d+)\s*$/.exec(condition);
  if (match === null) throw new UserError(`'${condition}' is no hit count; write 5`);
  point.ignore = Math.max(Number(match[2]) - (match[1] === '>' ? 0 : 1), 0);
}

function packPlace(place: MemoryPlace, length: number): string {
  if (place.kind === 'object')
    return `object ${place.object.id.toString(16)} ${place.object.offset} ${length}`;
  return `${place.kind} ${place.address} ${length}`;
}

function unpackPlace(id: string): { readonly place: MemoryPlace; readonly length: number } {
  const [kind, ...rest] = id.split(' ');
  const length = Number(rest.at(-1));
  if (kind === 'virtual') return { place: { kind, address: BigInt(rest[0]!) }, length };
  if (kind === 'physical') return { place: { kind, address: Number(rest[0]) }, length };
  if (kind === 'object')
    return { place: { kind, object: { id: BigInt(`0x${rest[0]}`), offset: Number(rest[1]) } }, length };
  throw new UserError(`'${id}' names no data`);
}
