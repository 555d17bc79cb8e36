/**
 * Threads and frames as an editor knows them: harts are threads, and so are the guest's threads that no hart runs. Frames have numbers,
 * valid until the guest runs.
 */
import { resolve } from 'node:path';
import { UserError } from '../../../emulator/errors.ts';
import type { Frame } from '../backtrace.ts';
import type { Debugger } from '../debugger.ts';
import { hex } from '../describe.ts';
import type { SourceFiles } from '../source.ts';
import { type JsonObject, numberOf } from './messages.ts';
import type { ResponseBodies, StackFrame, Thread } from './protocol.ts';

/** Threads of the guest that no hart runs have these numbers and up. */
const GUEST_THREADS = 1000;

export class ThreadList {
  /** Frames by the number that the editor knows them by: thread and level. */
  private readonly frames: { readonly thread: number; readonly level: number }[] = [];

  constructor(
    private readonly debugged: Debugger,
    private readonly sources: SourceFiles,
  ) {}

  /** The guest has run: all numbers are void. */
  clear(): void {
    this.frames.length = 0;
  }

  list(): Thread[] {
    const { debugged } = this;
    const harts = debugged.machine.cores.map(({ hart }) => {
      const thread = debugged.threads.current(debugged.machine.cores[hart.index]!);
      return { id: hart.index + 1, name: `hart ${hart.index}${thread ? `: thread ${thread.number}` : ''}` };
    });
    const waiting = debugged.threads
      .list()
      .filter(({ hart }) => hart === undefined)
      .map(({ number, state }) => ({ id: GUEST_THREADS + number, name: `thread ${number} (${state})` }));
    return [...harts, ...waiting];
  }

  /** Puts the cursor on a hart; threads that wait have none. */
  select(id: number): void {
    if (id < GUEST_THREADS && id !== this.debugged.core.hart.index + 1) this.debugged.selectHart(id - 1);
  }

  private framesOf(thread: number): readonly Frame[] {
    if (thread >= GUEST_THREADS) return this.debugged.framesOfThread(thread - GUEST_THREADS);
    this.select(thread);
    return this.debugged.frames;
  }

  stackTrace(args: JsonObject): ResponseBodies['stackTrace'] {
    const thread = numberOf(args, 'threadId') ?? 1;
    const all = this.framesOf(thread);
    const start = numberOf(args, 'startFrame') ?? 0;
    const levels = numberOf(args, 'levels') || all.length;
    const stackFrames = all.slice(start, start + levels).map((frame) => {
      const id = this.frames.push({ thread, level: frame.level });
      return { id, ...this.frameRow(frame) };
    });
    return { stackFrames, totalFrames: all.length };
  }

  private frameRow({ name, trap, kind, pc, source, code }: Frame): Omit<StackFrame, 'id'> {
    const path = source && this.sources.path(source.file);
    return {
      name: `${name}${kind === 'inlined' ? ' [inlined]' : ''}${trap === undefined ? '' : ` <${trap}>`}`,
      line: source?.line ?? 0,
      column: source === undefined ? 0 : 1,
      instructionPointerReference: hex(pc),
      ...(code && { moduleId: code.program.name }),
      ...(source && {
        source: {
          name: source.file.split('/').at(-1)!,
          ...(path === undefined ? { presentationHint: 'deemphasize' } : { path: resolve(path) }),
        },
      }),
    };
  }

  /** Puts the cursor on a frame that the editor was told of. @throws UserError when it is of a moment that is past */
  selectFrame(id: number | undefined): Frame {
    if (id === undefined) return this.debugged.frame;
    const known = this.frames[id - 1];
    if (known === undefined) throw new UserError('that frame belongs to a moment that is past');
    if (known.thread >= GUEST_THREADS) return this.framesOf(known.thread)[known.level]!;
    this.select(known.thread);
    this.debugged.selectFrame(known.level);
    return this.debugged.frame;
  }
}
