/**
 * The small utilities, one function each (guest/programs/utilities). The name a user calls decides which one runs.
 */
import '../libtwz/start.ts';
import { KsoList } from '../abi/kso.ts';
import { ObjectId, READ } from '../abi/object.ts';
import { ROOT_ARCHIVE, SYS_ROOT } from '../abi/syscall.ts';
import { complain, print, printLine } from '../libtwz/io.ts';
import { archiveName } from '../libtwz/name.ts';
import { dataOf } from '../libtwz/object.ts';
import { argument, argumentCount } from '../libtwz/program.ts';
import { syscall } from '../libtwz/syscall.ts';
import { mapObject } from '../libtwz/view.ts';
import { runCap } from './utilities/capability.ts';
import { runContext } from './utilities/contexts.ts';
import { showHexdump, showStat } from './utilities/inspect.ts';
import { BUILTINS, UTILITIES, Utility } from './utilities/names.ts';
import {
  copyNamed,
  linkName,
  listNames,
  makeNamespace,
  moveName,
  removeNames,
} from './utilities/namespace.ts';
import { runObj, showFot, showView } from './utilities/objects.ts';
import { killThreads, panicKernel, powerOff, reboot, runSleep, showThreads } from './utilities/process.ts';
import { recover, showDf, showFree, showUname } from './utilities/system.ts';
import { runCat, runEcho, runGrep, runWc } from './utilities/text.ts';
import { showDate } from './utilities/time.ts';

/** What a utility's name stands for; `run` returns the exit code, or −1 for wrong usage. */
class Entry {
  readonly name: str;
  readonly run: () => i64;
}

const ENTRIES: FixedArray<Inline<Entry>, 29> = [
  { name: 'cap', run: runCap },
  { name: 'cat', run: runCat },
  { name: 'cp', run: copyNamed },
  { name: 'ctx', run: runContext },
  { name: 'date', run: showDate },
  { name: 'df', run: showDf },
  { name: 'echo', run: runEcho },
  { name: 'fot', run: showFot },
  { name: 'free', run: showFree },
  { name: 'grep', run: runGrep },
  { name: 'help', run: showHelp },
  { name: 'hexdump', run: showHexdump },
  { name: 'kill', run: killThreads },
  { name: 'ln', run: linkName },
  { name: 'ls', run: listNames },
  { name: 'mkdir', run: makeNamespace },
  { name: 'mv', run: moveName },
  { name: 'obj', run: runObj },
  { name: 'panic', run: panicKernel },
  { name: 'poweroff', run: powerOff },
  { name: 'ps', run: showThreads },
  { name: 'reboot', run: reboot },
  { name: 'recover', run: recover },
  { name: 'rm', run: removeNames },
  { name: 'sleep', run: runSleep },
  { name: 'stat', run: showStat },
  { name: 'uname', run: showUname },
  { name: 'view', run: showView },
  { name: 'wc', run: runWc },
];

/** Prints the usage line of a utility; the exit code of wrong usage. */
function usageOf(utility: Utility): u64 {
  complain('usage', '', utility.usage);
  return 2;
}

/** Columns of `help`'s headings, and of a line. */
const HEADING: u64 = 10;
const LINE: u64 = 78;

let column: u64 = 0;

function heading(text: str): void {
  if (column !== 0) printLine('');
  print(text);
  for (column = text.length; column < HEADING; column++) print(' ');
}

/** A name in the list under a heading. */
function listName(name: str): void {
  if (column + name.length + 1 > LINE) heading('');
  print(' ');
  print(name);
  column += name.length + 1;
}

/** Is there anything to say about this entry of /bin? */
function isProgram(name: str): bool {
  return name[0] !== u8('.') && !name.equals('init') && !name.equals('utils');
}

function showAll(): void {
  heading('Utilities');
  for (const utility of UTILITIES) listName(utility.name);
  heading('Programs');
  const archive = stack<ObjectId>();
  if (syscall(SYS_ROOT, ROOT_ARCHIVE, addressOf(archive), 0, 0, 0) === 0) {
    const base = mapObject(archive.lo, archive.hi, READ);
    const list = at<KsoList>(dataOf(base));
    for (let i: u64 = 0; i < list.count; i++) {
      if (isProgram(archiveName(base, i))) listName(archiveName(base, i));
    }
  }
  heading('Shell');
  for (const builtIn of BUILTINS) listName(builtIn.name);
  heading('Keys');
  printLine(' Tab completes, Up and Down recall, Ctrl-C ends, Ctrl-Z stops, Ctrl-D leaves');
  printLine('help NAME or NAME --help tells what a command does; docs/shell.md has the rest.');
}

function showOne(utility: Utility): void {
  printLine(utility.usage);
  print('    ');
  printLine(utility.what);
}

function showHelp(): i64 {
  if (argumentCount() === 1) showAll();
  let status: i64 = 0;
  for (let i: u64 = 1; i < argumentCount(); i++) {
    let known = false;
    for (const utility of UTILITIES) {
      if (!utility.name.equals(argument(i))) continue;
      showOne(utility);
      known = true;
    }
    for (const builtIn of BUILTINS) {
      if (!builtIn.name.equals(argument(i))) continue;
      showOne(builtIn);
      known = true;
    }
    if (known) continue;
    complain('help', argument(i), 'is neither a utility nor a command of the shell (programs take --help)');
    status = 1;
  }
  return status;
}

/** Runs a utility; −1 stands for wrong usage. */
function run(name: str): i64 {
  for (const entry of ENTRIES) if (entry.name.equals(name)) return entry.run();
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
      // Some have more to say.
      if (name.equals('obj') || name.equals('cap') || name.equals('ctx')) run(name);
      return 0;
    }
    const result = run(name);
    return result < 0 ? usageOf(utility) : u64(result);
  }
  complain('utils', name, 'no such utility');
  return 127;
}
