/**
 * The list of sub-commands. Each module declares its options and loads what it needs only when it runs, so that
 * `licorice run` of a tiny program does not pay for the compiler or the debugger.
 */
import type { CommandModule } from 'yargs';
import { benchCommand } from './bench.ts';
import { bootCommand } from './boot.ts';
import { buildCommand } from './build.ts';
import { checkCommand } from './check.ts';
import { dapCommand } from './dap.ts';
import { debugCommand } from './debug.ts';
import { explainCommand } from './explain.ts';
import { imageCommand } from './image.ts';
import { newCommand } from './new.ts';
import { runCommand } from './run.ts';
import { tortureCommand } from './torture.ts';

// biome-ignore lint/suspicious/noExplicitAny: yargs types each command by its own options
export const commands: CommandModule<any, any>[] = [
  benchCommand,
  bootCommand,
  buildCommand,
  checkCommand,
  dapCommand,
  debugCommand,
  explainCommand,
  imageCommand,
  newCommand,
  runCommand,
  tortureCommand,
];
