/**
 * The shell: reads commands from the console with line editing, or from a text (`sh -c TEXT [ARGUMENT…]`, `sh SCRIPT [ARGUMENT…]`), and runs them. The
 * language is described in docs/shell.md; its parts are in programs/shell.
 */
import '../libtwz/start.ts';
import { ObjectId } from '../abi/object.ts';
import { StreamTarget } from '../abi/program.ts';
import { attempt } from '../libtwz/attempt.ts';
import { errorText } from '../libtwz/errors.ts';
import { rememberLine } from '../libtwz/history.ts';
import { complain, flush, print, programArguments } from '../libtwz/io.ts';
import { LineEnd, lineText, readLine, setCompletion } from '../libtwz/line.ts';
import { parseId } from '../libtwz/number.ts';
import { dataOf, openObject, sizeOf } from '../libtwz/object.ts';
import { argument, argumentCount } from '../libtwz/program.ts';
import { reportSize } from '../libtwz/terminal.ts';
import { Mark, mark, release } from './shell/arena.ts';
import { readScript } from './shell/builtins.ts';
import { complete } from './shell/complete.ts';
import { openHistory } from './shell/history.ts';
import { forgetCommands, isUnfinished, runText } from './shell/interpret.ts';
import { reportEnded } from './shell/jobs.ts';
import { forgetInterrupt, joinForeground, keysForPrompt, keysForShell, takeKeys } from './shell/keys.ts';
import { allowLocals } from './shell/locals.ts';
import { leaveShell, runTraps } from './shell/traps.ts';
import { lastStatus, setPositional, setPositionalCount, setStatus } from './shell/variables.ts';

const EXIT_INTERRUPT = 130;
const MISUSE: u64 = 2;
const TEXT = 16384;

/** Lines of a command that goes on over several. */
const text = zeroed<FixedArray<u8, 16384>>();
let length: u64 = 0;

/** Takes the arguments from `first` on for `$0`, `$1` … */
function takeArguments(first: u64): void {
  const count = argumentCount();
  setPositionalCount(count > first ? count - first : 0);
  for (let i = first; i < count; i++) setPositional(i - first, argument(i));
}

function append(line: str): bool {
  if (length + line.length + 1 > TEXT) {
    complain('sh', '', 'the command is too long');
    return false;
  }
  if (length !== 0) {
    text[length] = 10;
    length++;
  }
  memory.copy(addressOf(text) + length, line.ptr.address, line.length);
  length += line.length;
  return true;
}

/** Reads a whole command, of one line or several. False: the input has ended. */
function readCommand(): bool {
  length = 0;
  for (;;) {
    const end = readLine(
      length !== 0 ? '> ' : lastStatus() === 0 ? '\x1b[32mlicorice\x1b[0m$ ' : '\x1b[31mlicorice\x1b[0m$ ',
    );
    if (end === LineEnd.end) {
      if (length === 0) return false;
      length = 0;
      return true;
    }
    if (end === LineEnd.interrupt) {
      length = 0;
      setStatus(EXIT_INTERRUPT);
      return true;
    }
    if (!append(lineText())) {
      length = 0;
      return true;
    }
    if (!isUnfinished(strOf(text.ptr, length))) return true;
  }
}

function remember(_argument: u64): i64 {
  rememberLine(strOf(text.ptr, length));
  return 0;
}

function runCommand(_argument: u64): i64 {
  runText(strOf(text.ptr, length));
  flush();
  return 0;
}

/** Runs the command; what the shell itself finds no right, no space or no page for ends the command, and not the shell. */
function runGuarded(): void {
  const own = programArguments();
  const input = stack<StreamTarget>();
  const output = stack<StreamTarget>();
  const place = stack<Mark>();
  assign(input, own.input);
  assign(output, own.output);
  mark(place);
  const result = attempt(runCommand, 0);
  if (result === 0) return;
  release(place);
  assign(own.input, input);
  assign(own.output, output);
  forgetCommands();
  complain('sh', strOf(text.ptr, length), errorText(result));
  setStatus(1);
}

function converse(): void {
  openHistory();
  setCompletion(complete);
  reportSize(true);
  takeKeys();
  for (;;) {
    forgetInterrupt();
    keysForPrompt();
    reportEnded();
    flush();
    if (!readCommand()) break;
    attempt(remember, 0);
    keysForShell();
    runGuarded();
    runTraps();
  }
  reportSize(false);
}

/** Runs the text of another shell (shell/subshell.ts), whose object ends with this program. */
function runHandedOver(): void {
  const id = stack<ObjectId>();
  if (!parseId(argument(2), id)) {
    setStatus(MISUSE);
    return;
  }
  takeArguments(3);
  joinForeground();
  allowLocals();
  const base = openObject(id);
  runText(strOf(at<Ptr<u8>>(dataOf(base)), sizeOf(base)));
}

/** @export */
function main(): u64 {
  if (argumentCount() > 1 && argument(1).equals('--help')) {
    print('sh [-c TEXT | SCRIPT] [ARGUMENT...]\nruns commands: typed, of a text, or of a script\n');
  } else if (argumentCount() > 1 && argument(1).equals('-c')) {
    if (argumentCount() === 2) {
      complain('usage', '', 'sh [-c TEXT | SCRIPT] [ARGUMENT...]');
      setStatus(MISUSE);
    } else {
      takeArguments(3);
      joinForeground();
      runText(argument(2));
    }
  } else if (argumentCount() > 2 && argument(1).equals('-s')) {
    runHandedOver();
  } else if (argumentCount() > 1) {
    takeArguments(1);
    joinForeground();
    setStatus(readScript(argument(1)));
  } else converse();
  leaveShell(lastStatus());
  return 0;
}
