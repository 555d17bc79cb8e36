/**
 * The command language of the debugger: the same in the terminal debugger, in batch files and in the debug adapter's console.
 * A command is a word, or the beginning of one that no other command has, and its arguments; an empty line repeats
 * the last command that can be repeated.
 */
import { UserError } from '../../../emulator/errors.ts';
import type { Debugger } from '../debugger.ts';
import type { SourceFiles } from '../source.ts';
import type { Transcript } from '../transcript.ts';

/** What commands work with. */
export interface Session {
  readonly debugged: Debugger;
  readonly console: Transcript;
  readonly sources: SourceFiles;
  /** Set by `quit`. */
  ended: boolean;
}

export interface Command {
  /** The name, then abbreviations and other names. */
  readonly names: readonly string[];
  /** Arguments, for help: `[COUNT]`. */
  readonly usage: string;
  /** One sentence; `help NAME` shows all lines. */
  readonly help: string;
  /** Groups commands in the list of `help`. */
  readonly group: 'running' | 'stops' | 'data' | 'translation' | 'time' | 'session';
  /** An empty line makes it again. */
  readonly repeats?: boolean;
  /** Lines to print. @throws UserError */
  readonly run: (session: Session, args: string) => Promise<readonly string[]> | readonly string[];
  /** Possible words at the end of `args`. */
  readonly complete?: (session: Session, args: string) => readonly string[];
}

export class CommandLine {
  private last = '';

  constructor(
    readonly session: Session,
    readonly commands: readonly Command[],
  ) {}

  /** The command that a word means. @throws UserError */
  find(word: string): Command {
    const exact = this.commands.find(({ names }) => names.includes(word));
    if (exact) return exact;
    const found = this.commands.filter(({ names }) => names[0]!.startsWith(word));
    if (found.length === 1) return found[0]!;
    if (found.length > 1)
      throw new UserError(`'${word}' could be ${found.map(({ names }) => names[0]).join(', ')}`);
    throw new UserError(`there is no command '${word}'; 'help' lists them`);
  }

  /** Performs one line. @throws UserError */
  async execute(text: string): Promise<readonly string[]> {
    const line = text.trim() === '' ? this.last : text.trim();
    if (line === '' || line.startsWith('#')) return [];
    const { word, args } = split(line);
    const command = this.find(word);
    this.last = command.repeats ? line : '';
    return await command.run(this.session, args);
  }

  /** What may stand at the end of a line, as whole lines. */
  complete(line: string): string[] {
    const { word, args } = split(line.trimStart());
    if (!/\s/.test(line.trimStart())) {
      return this.commands
        .flatMap(({ names }) => names.filter((name) => name.length > 2 || name === word))
        .filter((name) => name.startsWith(word))
        .sort();
    }
    let command: Command;
    try {
      command = this.find(word);
    } catch {
      return [];
    }
    const start = args.slice(0, args.lastIndexOf(' ') + 1);
    const ending = args.slice(start.length);
    const words = command.complete?.(this.session, args) ?? [];
    return [...new Set(words)]
      .filter((one) => one.startsWith(ending))
      .sort()
      .slice(0, 100)
      .map((one) => `${word} ${start}${one}`);
  }
}

/** `x/16` is `x` with the argument `/16`. */
function split(line: string): { word: string; args: string } {
  const match = /^([A-Za-z][\w-]*)([\s\S]*)$/.exec(line);
  return match ? { word: match[1]!, args: match[2]!.trim() } : { word: line, args: '' };
}

/** A count, 1 when none is given. @throws UserError */
export function countOf(args: string): number {
  if (args === '') return 1;
  const count = /^\d+$/.test(args) ? Number(args) : Number.NaN;
  if (!Number.isSafeInteger(count) || count < 1) throw new UserError(`'${args}' is not a count`);
  return count;
}

/** Names of functions and files, for completion. */
export function codeNames({ debugged }: Session): string[] {
  return debugged.modules.all.flatMap((program) => [
    ...program.functions.map(({ name }) => name),
    ...program.files.map((file) => `${file.split('/').pop()}:`),
  ]);
}
