/**
 * The small utilities, one function each (guest/programs/utilities). The name a user calls decides which one runs.
 */
import '../libtwz/start.ts';
import { complain, print, printLine } from '../libtwz/io.ts';
import { argument, argumentCount } from '../libtwz/program.ts';
import { showFot, showHexdump, showStat } from './utilities/inspect.ts';
import { UTILITIES, Utility } from './utilities/names.ts';
import {
  copyNamed,
  linkName,
  listNames,
  makeNamespace,
  moveName,
  removeNames,
} from './utilities/namespace.ts';
import { showDf, showFree, showUname } from './utilities/system.ts';
import { runCat, runEcho, runWc } from './utilities/text.ts';

/** Prints the usage line of a utility; the exit code of wrong usage. */
function usageOf(utility: Utility): u64 {
  complain('usage', '', utility.usage);
  return 2;
}

function showHelp(): u64 {
  for (const utility of UTILITIES) {
    print(utility.usage);
    for (let i = utility.usage.length; i < 36; i++) print(' ');
    printLine(utility.what);
  }
  printLine("cd, exit, history, poweroff, reboot, set, wait and NAME=VALUE are the shell's own.");
  return 0;
}

/** Runs a utility; −1 stands for wrong usage. */
function run(name: str): i64 {
  if (name.equals('cat')) return runCat();
  if (name.equals('cp')) return copyNamed();
  if (name.equals('df')) return showDf();
  if (name.equals('echo')) return runEcho();
  if (name.equals('fot')) return showFot();
  if (name.equals('free')) return showFree();
  if (name.equals('help')) return i64(showHelp());
  if (name.equals('hexdump')) return showHexdump();
  if (name.equals('ln')) return linkName();
  if (name.equals('ls')) return listNames();
  if (name.equals('mkdir')) return makeNamespace();
  if (name.equals('mv')) return moveName();
  if (name.equals('rm')) return removeNames();
  if (name.equals('stat')) return showStat();
  if (name.equals('uname')) return showUname();
  if (name.equals('wc')) return runWc();
  return -1;
}

/** @export */
function main(): u64 {
  const name = argument(0);
  for (const utility of UTILITIES) {
    if (!utility.name.equals(name)) continue;
    if (argumentCount() === 2 && argument(1).equals('--help')) {
      printLine(utility.usage);
      printLine(utility.what);
      return 0;
    }
    const result = run(name);
    return result < 0 ? usageOf(utility) : u64(result);
  }
  complain('utils', name, 'no such utility');
  return 127;
}
