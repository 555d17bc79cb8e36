/** The shell's own commands: those that change the shell itself. */
import { NameType } from '../../abi/name.ts';
import { ObjectId, READ } from '../../abi/object.ts';
import { STREAM_CONSOLE } from '../../abi/program.ts';
import { SIGNAL_TERMINATE } from '../../abi/signal.ts';
import { ENOENT, EPERM } from '../../abi/syscall.ts';
import { readError } from '../../libtwz/attempt.ts';
import { errorText, lookupText } from '../../libtwz/errors.ts';
import { historyLine } from '../../libtwz/history.ts';
import { complain, print, printColumn, printLine, programArguments, read } from '../../libtwz/io.ts';
import { Found, isBin, lookup, nameIn, openNamespace, rootNamespace } from '../../libtwz/name.ts';
import { dataOf, openObject, rightsTo, sameId, sizeOf } from '../../libtwz/object.ts';
import { BUILTINS, Utility } from '../utilities/names.ts';
import { field } from './arena.ts';
import { readInteger } from './arithmetic.ts';
import { testCondition } from './condition.ts';
import { forgetFunction } from './functions.ts';
import { leaveCapture, leaveFunction, leaveLoop, runText } from './interpret.ts';
import { announce, continueJob, findJob, Job, listJobs, waitFor, waitForAll } from './jobs.ts';
import { forgetInterrupt } from './keys.ts';
import { setLocals } from './locals.ts';
import { leaveShell, setTraps } from './traps.ts';
import {
  isVariableName,
  lastStatus,
  setExitsOnError,
  setVariable,
  shiftArguments,
  unsetVariable,
  variableAt,
  variableCount,
} from './variables.ts';

const MISUSE: u64 = 2;
const PAGE = 4096;
/** Namespaces inside each other that `pwd` shows. */
const MAX_DEPTH = 32;

function usage(name: str): u64 {
  for (const builtIn of BUILTINS) if (builtIn.name.equals(name)) complain('usage', '', builtIn.usage);
  return MISUSE;
}

function help(builtIn: Utility): u64 {
  printLine(builtIn.usage);
  printLine(builtIn.what);
  return 0;
}

/** Runs the built-in command of fields [from, to); its exit code. */
export function runBuiltIn(from: u64, to: u64): u64 {
  const name = field(from);
  const count = to - from;
  if (count === 2 && field(from + 1).equals('--help')) {
    for (const builtIn of BUILTINS) if (builtIn.name.equals(name)) return help(builtIn);
  }
  if (name.equals('test')) return testCondition(from + 1, to);
  if (name.equals('[')) {
    if (field(to - 1).equals(']')) return testCondition(from + 1, to - 1);
    complain('[', '', "a ']' is missing at the end");
    return MISUSE;
  }
  if (name.equals('true') || name.equals(':')) return 0;
  if (name.equals('false')) return 1;
  if (name.equals('unset')) {
    for (let i = from + 1; i < to; i++) {
      unsetVariable(field(i));
      forgetFunction(field(i));
    }
    return 0;
  }
  if (name.equals('return')) return count <= 2 ? leaveWith(name, from, to) : usage(name);
  if (name.equals('set') && count === 2) return setOption(field(from + 1));
  if (name.equals('.')) return count === 2 ? readScript(field(from + 1)) : usage(name);
  if (name.equals('fg')) return count <= 2 ? foreground(count === 2 ? field(from + 1) : '') : usage(name);
  if (name.equals('bg')) return count <= 2 ? background(count === 2 ? field(from + 1) : '') : usage(name);
  if (name.equals('kill')) return killJob(from + 1, to);
  if (name.equals('exit')) return count <= 2 ? leaveWith(name, from, to) : usage(name);
  if (name.equals('cd'))
    return count <= 2 ? changeDirectory(count === 2 ? field(from + 1) : '/') : usage(name);
  if (name.equals('local')) return setLocals(from + 1, to);
  if (name.equals('trap')) return setTraps(from + 1, to);
  if (name.equals('read')) return count >= 2 ? readVariables(from + 1, to) : usage(name);
  if (count !== 1) return usage(name);
  return runWithoutArguments(name);
}

function runWithoutArguments(name: str): u64 {
  if (name.equals('pwd')) return showDirectory();
  if (name.equals('jobs')) listJobs();
  else if (name.equals('wait')) return waitForAll();
  else if (name.equals('set')) showVariables();
  else if (name.equals('history')) showHistory();
  else if (name.equals('shift')) return shiftArguments() ? 0 : 1;
  else if (!leaveLoop(name.equals('continue'))) {
    complain('sh', name, 'there is no loop');
    return MISUSE;
  }
  return 0;
}

/** `exit [CODE]` and `return [CODE]`. */
function leaveWith(name: str, from: u64, to: u64): u64 {
  const code = stack<FixedArray<i64, 1>>();
  code[0] = i64(lastStatus());
  if (to - from === 2 && !readInteger(field(from + 1), code.ptr)) return usage(name);
  const status = u64(code[0]) & 255;
  if (name.equals('return')) leaveFunction();
  else if (!leaveCapture()) leaveShell(status);
  return status;
}

/** `set -e`, `set +e`. */
function setOption(option: str): u64 {
  if (!option.equals('-e') && !option.equals('+e')) return usage('set');
  setExitsOnError(option[0] === u8('-'));
  return 0;
}

function showVariables(): void {
  for (let i: u64 = 0; i < variableCount(); i++) {
    print(variableAt(i).name);
    print('=');
    printLine(variableAt(i).value);
  }
}

function showHistory(): void {
  for (let i: u64 = 0; historyLine(i).length !== 0; i++) {
    printColumn(i + 1, 4);
    print('  ');
    printLine(historyLine(i));
  }
}

function changeDirectory(path: str): u64 {
  const found = stack<Found>();
  const result = lookup(path, found);
  if (result !== 0) {
    complain('cd', path, lookupText(result));
    return 1;
  }
  if (found.type !== NameType.namespace) {
    complain('cd', path, 'is not a namespace');
    return 1;
  }
  const closed = isBin(found.id) ? 0 : readError(dataOf(openObject(found.id)));
  if (closed !== 0) {
    complain('cd', path, closed === -EPERM ? 'you have not the right to read it' : errorText(closed));
    return 1;
  }
  assign(programArguments().directory, found.id);
  return 0;
}

/** Prints the path from the root to a namespace; its parents know its names. */
function showPath(id: ObjectId, depth: u64): void {
  const root = stack<ObjectId>();
  const namespace = openNamespace(id);
  if ((rootNamespace(root) && sameId(root, id)) || namespace === null || depth === MAX_DEPTH) return;
  showPath(namespace.parent, depth + 1);
  print('/');
  print(nameIn(namespace.parent, id));
}

function showDirectory(): u64 {
  const own = programArguments().directory;
  const root = stack<ObjectId>();
  if (rootNamespace(root) && sameId(root, own)) print('/');
  else if (isBin(own)) print('/bin');
  else showPath(own, 0);
  printLine('');
  return 0;
}

function isBlank(byte: u8): bool {
  return byte === u8(' ') || byte === 9;
}

function afterBlanks(text: str, start: u64): u64 {
  let i = start;
  while (i < text.length && isBlank(text[i])) i++;
  return i;
}

const line = zeroed<FixedArray<u8, 1024>>();

/** Reads a line of the input into variables, a word into each and the rest into the last; 1 at the end of the input. */
function readVariables(from: u64, to: u64): u64 {
  for (let i = from; i < to; i++) if (!isVariableName(field(i))) return usage('read');
  let length: u64 = 0;
  if (programArguments().input.kind === STREAM_CONSOLE) length = read(addressOf(line), 1024);
  else {
    // Byte by byte: the rest belongs to whoever reads next.
    while (length < 1024 && read(addressOf(line) + length, 1) === 1) {
      length++;
      if (line[length - 1] === 10) break;
    }
  }
  if (length === 0) return 1;
  const text = strOf(line.ptr, line[length - 1] === 10 ? length - 1 : length);
  let start = afterBlanks(text, 0);
  for (let i = from; i < to; i++) {
    let end = start;
    if (i + 1 === to) end = text.length;
    else while (end < text.length && !isBlank(text[end])) end++;
    setVariable(field(i), text.subslice(start, end));
    start = afterBlanks(text, end);
  }
  return 0;
}

/** The job that `%2`, `2`, or nothing names. */
function jobOf(text: str): Job | null {
  const number = stack<FixedArray<i64, 1>>();
  const digits = text.length !== 0 && text[0] === u8('%') ? text.subslice(1) : text;
  if (digits.length !== 0 && !readInteger(digits, number.ptr)) return null;
  return findJob(u64(number[0]));
}

function foreground(text: str): u64 {
  const job = jobOf(text);
  if (job === null) {
    complain('fg', text, 'no such job (jobs lists them)');
    return 1;
  }
  printLine(strOf(job.text.ptr, job.length));
  forgetInterrupt();
  continueJob(job);
  return waitFor(job);
}

/** `kill [-SIGNAL] %JOB`. */
function killJob(from: u64, to: u64): u64 {
  const signal = stack<FixedArray<i64, 1>>();
  const hasSignal = to - from === 2 && field(from)[0] === u8('-');
  signal[0] = SIGNAL_TERMINATE;
  if (
    to - from > 2 ||
    (to - from === 2 && !(hasSignal && readInteger(field(from).subslice(1), signal.ptr)))
  ) {
    complain('usage', '', 'kill [-SIGNAL] %JOB');
    return MISUSE;
  }
  const job = jobOf(field(to - 1));
  if (job === null) {
    complain('kill', field(to - 1), 'no such job (jobs lists them)');
    return 1;
  }
  job.signal(u64(signal[0]) & 63);
  return 0;
}

function background(text: str): u64 {
  const job = jobOf(text);
  if (job === null) {
    complain('bg', text, 'no such job (jobs lists them)');
    return 1;
  }
  continueJob(job);
  announce(job);
  return 0;
}

/** Why a byte of an object's data cannot be read, as −Errno; 0: all can. */
function firstError(base: usize, size: u64): i64 {
  for (let offset: u64 = 0; offset < size; offset += PAGE) {
    const error = readError(dataOf(base) + offset);
    if (error !== 0) return error;
  }
  return 0;
}

/** Runs the lines of a text object in this shell. */
export function readScript(path: str): u64 {
  const found = stack<Found>();
  const result = lookup(path, found);
  if (result !== 0 || found.type !== NameType.text) {
    complain('sh', path, result === 0 || result === -ENOENT ? 'no such script' : lookupText(result));
    return 127;
  }
  if ((rightsTo(found.id) & READ) === 0) {
    complain('sh', path, 'you have not the right to read it');
    return 126;
  }
  const base = openObject(found.id);
  const lost = firstError(base, sizeOf(base));
  if (lost !== 0) {
    complain('sh', path, errorText(lost));
    return 126;
  }
  runText(strOf(at<Ptr<u8>>(dataOf(base)), sizeOf(base)));
  return lastStatus();
}
