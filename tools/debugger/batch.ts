/** Batch mode: commands from a file, one a line, what they print on standard output. The first error ends it, exit code 1. */
import { readFileSync } from 'node:fs';
import { UserError } from '../../emulator/errors.ts';
import type { Session } from './commands/command.ts';
import { commandLine } from './commands/session.ts';

/**
 * Performs the commands of a file (`-`: standard input).
 * @returns the exit code
 */
export async function runBatch(
  session: Session,
  path: string,
  write: (text: string) => void,
): Promise<number> {
  let text: string;
  try {
    text = readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch (error) {
    throw new UserError(`${path}: cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  const line = commandLine(session);
  for (const [index, command] of text.split('\n').entries()) {
    if (command.trim() === '') continue;
    try {
      for (const output of await line.execute(command)) write(`${output}\n`);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      throw new UserError(`${path}:${index + 1}: ${error.message}`, 1);
    }
    if (session.ended) break;
  }
  return 0;
}
