/**
 * The shell: reads commands from the console with line editing, or from a text (`sh -c TEXT [ARGUMENT…]`, `sh SCRIPT [ARGUMENT…]`), and runs them. The
 * language is described in docs/shell.md; its parts are in programs/shell.
 */
import '../libtwz/start.ts';
import { complain, flush, print } from '../libtwz/io.ts';
import { LineEnd, lineText, readLine, rememberLine, setCompletion } from '../libtwz/line.ts';
import { argument, argumentCount } from '../libtwz/program.ts';
import { reportSize } from '../libtwz/terminal.ts';
import { readScript } from './shell/builtins.ts';
import { complete } from './shell/complete.ts';
import { openHistory } from './shell/history.ts';
import { isUnfinished, runText } from './shell/interpret.ts';
import { reportEnded } from './shell/jobs.ts';
import {
  forgetInterrupt,
  giveKeysBack,
  joinForeground,
  keysForPrompt,
  keysForShell,
  takeKeys,
} from './shell/keys.ts';
import { lastStatus, setPositional, setPositionalCount, setStatus } from './shell/variables.ts';

const EXIT_INTERRUPT = 130;
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
    const command = strOf(text.ptr, length);
    rememberLine(command);
    keysForShell();
    runText(command);
    flush();
  }
  reportSize(false);
}

/** @export */
function main(): u64 {
  if (argumentCount() > 1 && argument(1).equals('--help')) {
    print('sh [-c TEXT | SCRIPT] [ARGUMENT...]\nruns commands: typed, of a text, or of a script\n');
  } else if (argumentCount() > 1 && argument(1).equals('-c')) {
    if (argumentCount() === 2) {
      complain('usage', '', 'sh [-c TEXT | SCRIPT] [ARGUMENT...]');
      setStatus(2);
    } else {
      takeArguments(3);
      joinForeground();
      runText(argument(2));
    }
  } else if (argumentCount() > 1) {
    takeArguments(1);
    joinForeground();
    setStatus(readScript(argument(1)));
  } else converse();
  giveKeysBack();
  return lastStatus();
}
