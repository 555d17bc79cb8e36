#!/usr/bin/env node
/**
 * The `licorice` command: parses the command line and hands over to one module per sub-command (tools/commands).
 * Exit codes: 0 good, 1 a finding or a guest failure, 2 wrong usage or bad input. A `UserError` is printed as one
 * line; anything else that escapes is a bug of ours and keeps its stack trace.
 */
import yargs from 'yargs';
import { UserError } from '../emulator/errors.ts';
import { commands } from './commands/index.ts';

const words = process.argv.slice(2);

const parser = yargs(words)
  .scriptName('licorice')
  .usage('$0 <command> [options]')
  .command(commands)
  .demandCommand(1, 'name a command; `licorice --help` lists them')
  .strict()
  .help()
  .alias('h', 'help')
  .version(false)
  .wrap(Math.min(110, process.stdout.columns ?? 80))
  .fail((message, error) => {
    // yargs spreads some messages over several lines.
    throw error ?? new UserError(message.trim().replace(/\s*\n\s*/g, ' '));
  });

/** What yargs has and does not declare. */
interface YargsInternals {
  getInternalMethods(): { getUsageInstance(): { cacheHelpMessage(): void } };
}
// yargs lays out the whole help text before it runs a command, in case something asks for it later: nothing does here, and it costs
// a short run a tenth of its time. `--help` itself does not go this way.
(parser as unknown as YargsInternals).getInternalMethods().getUsageInstance().cacheHelpMessage = () => {};

/** What yargs itself throws for a command line that it cannot take apart is the user's to read. */
const readable = (error: unknown): unknown =>
  error instanceof Error && error.name === 'YError' ? new UserError(error.message) : error;

try {
  await parser.parseAsync();
} catch (thrown) {
  const error = readable(thrown);
  if (!(error instanceof UserError)) throw error;
  process.stderr.write(`licorice: ${error.message}\n`);
  process.exitCode = error.exitCode;
}
