/**
 * The shell: lines of commands with quotes, variables, pipes, redirection to text objects, `;`, `&&`, `||` and `&`. A command is a built-in, a
 * program of /bin, a utility, or the path of a program. `sh -c TEXT` runs TEXT; `sh OBJECT` runs a script.
 */
import '../libtwz/start.ts';
import { NameType } from '../abi/name.ts';
import { DELETE, ObjectId, READ, USE, WRITE } from '../abi/object.ts';
import { STREAM_PIPE, STREAM_TEXT } from '../abi/program.ts';
import {
  CREATE_PERSIST,
  CREATE_TIED,
  CREATE_VOLATILE,
  POWER_OFF,
  POWER_REBOOT,
  SYS_POWER,
} from '../abi/syscall.ts';
import { allocate } from '../libtwz/heap.ts';
import {
  complain,
  flush,
  print,
  printColumn,
  printLine,
  printNumber,
  programArguments,
} from '../libtwz/io.ts';
import { historyLine, LineEnd, lineText, readLine } from '../libtwz/line.ts';
import { assignName, Found, findProgram, lookup } from '../libtwz/name.ts';
import { createObject, dataOf, openObject, setSize, sizeOf } from '../libtwz/object.ts';
import { argument, argumentCount, Child } from '../libtwz/program.ts';
import { exit } from '../libtwz/start.ts';
import { syscall } from '../libtwz/syscall.ts';
import { isUtility } from './utilities/names.ts';

const MAX_WORDS = 64;
const MAX_STAGES = 8;
const MAX_JOBS = 16;

/** A word of a command, or an operator. */
class Word {
  text: str;
  /** Written without quotes: may be an operator. */
  plain: bool;
}

const words = zeroed<FixedArray<Inline<Word>, 64>>();
let wordCount: u64 = 0;

/** Text that words are put together in; reused for each line. */
const scratch = zeroed<FixedArray<u8, 8192>>();
let scratchUsed: u64 = 0;

class Variable {
  name: str;
  value: str;
}

const variables = zeroed<FixedArray<Inline<Variable>, 64>>();
let variableCount: u64 = 0;
let lastStatus: u64 = 0;

const jobs = zeroed<FixedArray<Inline<Child>, 16>>();
const jobUsed = zeroed<FixedArray<bool, 16>>();
const stages = zeroed<FixedArray<Inline<Child>, 8>>();

/** A copy of text that lasts. */
function keep(text: str): str {
  const address = allocate(max<u64>(text.length, 1), 1);
  memory.copy(address, text.ptr.address, text.length);
  return strOf(at<Ptr<u8>>(address), text.length);
}

function findVariable(name: str): Variable | null {
  for (let i: u64 = 0; i < variableCount; i++) if (variables[i].name.equals(name)) return variables[i];
  return null;
}

function setVariable(name: str, value: str): void {
  const known = findVariable(name);
  if (known !== null) {
    known.value = keep(value);
    return;
  }
  if (variableCount === 64) {
    complain('sh', name, 'too many variables');
    return;
  }
  variables[variableCount].name = keep(name);
  variables[variableCount].value = keep(value);
  variableCount++;
}

function putScratch(byte: u8): void {
  if (scratchUsed < 8192) {
    scratch[scratchUsed] = byte;
    scratchUsed++;
  }
}

function putText(text: str): void {
  for (const byte of text.bytes) putScratch(byte);
}

function isNameByte(byte: u8): bool {
  const lower = byte | 0x20;
  return (lower >= u8('a') && lower <= u8('z')) || (byte >= u8('0') && byte <= u8('9')) || byte === u8('_');
}

function putDecimal(value: u64): void {
  if (value >= 10) putDecimal(value / 10);
  putScratch(u8('0') + u8(value % 10));
}

/** Expands the variable whose name starts at `start`; returns the index after it. */
function expand(line: str, start: u64): u64 {
  if (start < line.length && line[start] === u8('?')) {
    putDecimal(lastStatus);
    return start + 1;
  }
  let end = start;
  while (end < line.length && isNameByte(line[end])) end++;
  if (end === start) {
    putScratch(u8('$'));
    return start;
  }
  const variable = findVariable(line.subslice(start, end));
  if (variable !== null) putText(variable.value);
  return end;
}

function isOperatorByte(byte: u8): bool {
  return byte === u8('|') || byte === u8('>') || byte === u8('<') || byte === u8(';') || byte === u8('&');
}

function addWord(from: u64, plain: bool): bool {
  if (wordCount === MAX_WORDS) {
    complain('sh', '', 'too many words');
    return false;
  }
  words[wordCount].text = strOf(scratch.ptr.add(i64(from)), scratchUsed - from);
  words[wordCount].plain = plain;
  wordCount++;
  return true;
}

/** Does an operator end a pipeline? */
function endsPipeline(index: u64): bool {
  return (
    isOperator(index, ';') || isOperator(index, '&&') || isOperator(index, '||') || isOperator(index, '&')
  );
}

/** Where the text after the pipeline that was split last begins. */
let splitEnd: u64 = 0;

/**
 * Splits the pipeline that starts at `start` into words and operators, the operator that ends it included. Variables get the values that
 * they have now. False: it cannot be understood.
 */
function split(line: str, start: u64): bool {
  wordCount = 0;
  scratchUsed = 0;
  let i = start;
  splitEnd = line.length;
  while (i < line.length) {
    const byte = line[i];
    if (byte === u8(' ') || byte === 9 || byte === 10 || byte === 13) {
      i++;
      continue;
    }
    if (byte === u8('#')) break;
    const from = scratchUsed;
    if (isOperatorByte(byte)) {
      putScratch(byte);
      i++;
      if (i < line.length && line[i] === byte && byte !== u8('<') && byte !== u8(';')) {
        putScratch(byte);
        i++;
      }
      if (!addWord(from, true)) return false;
      if (endsPipeline(wordCount - 1)) {
        splitEnd = i;
        return true;
      }
      continue;
    }
    let plain = true;
    while (
      i < line.length &&
      line[i] !== u8(' ') &&
      line[i] !== 9 &&
      line[i] !== 10 &&
      !isOperatorByte(line[i])
    ) {
      const c = line[i];
      i++;
      if (c === u8("'") || c === u8('"')) {
        plain = false;
        while (i < line.length && line[i] !== c) {
          if (c === u8('"') && line[i] === u8('$')) i = expand(line, i + 1);
          else {
            putScratch(line[i]);
            i++;
          }
        }
        if (i === line.length) {
          complain('sh', '', 'a quote is not closed');
          return false;
        }
        i++;
      } else if (c === u8('\\') && i < line.length) {
        putScratch(line[i]);
        i++;
      } else if (c === u8('$')) i = expand(line, i);
      else putScratch(c);
    }
    if (!addWord(from, plain && scratchUsed !== from)) return false;
  }
  return true;
}

function isOperator(index: u64, text: str): bool {
  return words[index].plain && words[index].text.equals(text);
}

function isAnyOperator(index: u64): bool {
  return words[index].plain && words[index].text.length !== 0 && isOperatorByte(words[index].text[0]);
}

// ---------------------------------------------------------------------------------------------------- running

/** Finds the program of a command: in /bin, a utility, or by path. */
function findCommand(name: str, id: ObjectId): bool {
  if (findProgram(name, id)) return true;
  if (isUtility(name)) return findProgram('utils', id);
  const found = stack<Found>();
  for (const byte of name.bytes) {
    if (byte !== u8('/')) continue;
    if (lookup(name, found) !== 0 || found.type !== NameType.object) return false;
    assign(id, found.id);
    return true;
  }
  return false;
}

/** Finds or makes the text object that output goes to; `append`: keeps what it has. */
function openOutput(path: str, append: bool, id: ObjectId): bool {
  const found = stack<Found>();
  const result = lookup(path, found);
  if (result === 0 && found.type !== NameType.text) {
    complain('sh', path, 'is not a text object');
    return false;
  }
  if (result === 0 && append) {
    assign(id, found.id);
    return true;
  }
  if (result !== 0 && found.name.length === 0) {
    complain('sh', path, 'no such namespace');
    return false;
  }
  let made = createObject(id, READ | WRITE | DELETE | USE | CREATE_PERSIST);
  if (made !== 0) made = createObject(id, READ | WRITE | DELETE | USE | CREATE_VOLATILE);
  if (made !== 0) {
    complain('sh', path, 'no space for an object');
    return false;
  }
  setSize(openObject(id), 0);
  if (assignName(found.parent, found.name, id, NameType.text, true) === 0) return true;
  complain('sh', path, 'cannot be named there');
  return false;
}

/** Prepares the program of words [from, to) as stage `index` of a pipeline. */
function prepareStage(index: u64, from: u64, to: u64): bool {
  const child = stages[index];
  memory.fill(addressOf(child), 0, sizeof<Child>());
  const program = stack<ObjectId>();
  const name = words[from].text;
  if (!findCommand(name, program)) {
    complain('sh', name, 'no such command (help lists them)');
    return false;
  }
  if (child.prepare(program) !== 0) {
    complain('sh', name, 'no memory to run it');
    return false;
  }
  const own = programArguments();
  assign(child.arguments.root, own.root);
  assign(child.arguments.directory, own.directory);
  for (let i = from; i < to; i++) {
    if (isAnyOperator(i)) {
      if (i + 1 === to) {
        complain('sh', '', 'a name is missing after a redirection');
        return false;
      }
      const target = words[i + 1].text;
      if (isOperator(i, '<')) {
        const found = stack<Found>();
        if (lookup(target, found) !== 0 || found.type !== NameType.text) {
          complain('sh', target, 'no such text object');
          return false;
        }
        child.arguments.input.kind = STREAM_TEXT;
        assign(child.arguments.input.id, found.id);
      } else {
        const id = stack<ObjectId>();
        if (!openOutput(target, isOperator(i, '>>'), id)) return false;
        child.arguments.output.kind = STREAM_TEXT;
        assign(child.arguments.output.id, id);
      }
      i++;
    } else if (!child.addArgument(words[i].text)) {
      complain('sh', name, 'too many arguments');
      return false;
    }
  }
  return true;
}

/** Runs the pipeline of words [from, to). */
function runPipeline(from: u64, to: u64, background: bool): void {
  if (from === to) return;
  if (runBuiltIn(from, to)) return;
  let count: u64 = 0;
  let start = from;
  lastStatus = 1;
  for (let i = from; i <= to; i++) {
    if (i < to && !isOperator(i, '|')) continue;
    if (i === start || count === MAX_STAGES) {
      complain('sh', '', 'this pipeline cannot be understood');
      return;
    }
    if (!prepareStage(count, start, i)) {
      lastStatus = 127;
      return;
    }
    count++;
    start = i + 1;
  }
  for (let i: u64 = 0; i + 1 < count; i++) {
    const pipe = stack<ObjectId>();
    if (createObject(pipe, READ | WRITE | DELETE | CREATE_VOLATILE | CREATE_TIED) !== 0) {
      complain('sh', '', 'no memory for a pipe');
      return;
    }
    const output = stages[i].arguments.output;
    const input = stages[i + 1].arguments.input;
    output.kind = STREAM_PIPE;
    assign(output.id, pipe);
    input.kind = STREAM_PIPE;
    assign(input.id, pipe);
  }
  flush();
  for (let i: u64 = 0; i < count; i++) {
    if (stages[i].start() !== 0) {
      complain('sh', '', 'cannot start a thread');
      return;
    }
  }
  if (background) {
    keepJob(stages[count - 1]);
    lastStatus = 0;
    return;
  }
  for (let i: u64 = 0; i < count; i++) lastStatus = stages[i].wait();
}

function keepJob(child: Child): void {
  for (let i: u64 = 0; i < MAX_JOBS; i++) {
    if (jobUsed[i]) continue;
    jobUsed[i] = true;
    assign(jobs[i], child);
    print('[');
    printNumber(i + 1);
    printLine(']');
    return;
  }
  complain('sh', '', 'too many jobs; it runs on by itself');
}

/** Runs a whole line, pipeline by pipeline. */
function runLine(line: str): void {
  let start: u64 = 0;
  let skip = false;
  while (start < line.length) {
    if (!split(line, start)) {
      lastStatus = 2;
      return;
    }
    start = splitEnd;
    const ended = wordCount > 0 && endsPipeline(wordCount - 1);
    const last = wordCount - 1;
    if (!skip) runPipeline(0, ended ? last : wordCount, ended && isOperator(last, '&'));
    if (ended && isOperator(last, '&&')) skip = lastStatus !== 0;
    else if (ended && isOperator(last, '||')) skip = lastStatus === 0;
    else skip = false;
  }
}

// --------------------------------------------------------------------------------------------------- built-ins

function runBuiltIn(from: u64, to: u64): bool {
  const name = words[from].text;
  const count = to - from;
  if (count === 1 && words[from].plain && assignment(name)) return true;
  if (name.equals('cd')) {
    lastStatus = changeDirectory(count > 1 ? words[from + 1].text : '/');
    return true;
  }
  if (name.equals('exit')) {
    exit(count > 1 ? parseNumber(words[from + 1].text) : lastStatus);
  }
  if (name.equals('poweroff') || name.equals('reboot')) {
    flush();
    const code = count > 1 ? parseNumber(words[from + 1].text) : 0;
    syscall(SYS_POWER, name.equals('reboot') ? POWER_REBOOT : POWER_OFF, code, 0, 0, 0);
    complain('sh', name, 'not permitted');
    lastStatus = 1;
    return true;
  }
  if (name.equals('history')) {
    for (let i: u64 = 0; historyLine(i).length !== 0; i++) {
      printColumn(i + 1, 4);
      print('  ');
      printLine(historyLine(i));
    }
    lastStatus = 0;
    return true;
  }
  if (name.equals('set')) {
    for (let i: u64 = 0; i < variableCount; i++) {
      print(variables[i].name);
      print('=');
      printLine(variables[i].value);
    }
    lastStatus = 0;
    return true;
  }
  if (name.equals('wait')) {
    for (let i: u64 = 0; i < MAX_JOBS; i++) {
      if (!jobUsed[i]) continue;
      lastStatus = jobs[i].wait();
      jobUsed[i] = false;
    }
    return true;
  }
  return false;
}

/** `NAME=value` sets a variable. */
function assignment(word: str): bool {
  for (let i: u64 = 0; i < word.length; i++) {
    if (word[i] === u8('=') && i > 0) {
      setVariable(word.subslice(0, i), word.subslice(i + 1));
      lastStatus = 0;
      return true;
    }
    if (!isNameByte(word[i])) return false;
  }
  return false;
}

function parseNumber(text: str): u64 {
  let value: u64 = 0;
  for (const byte of text.bytes) {
    if (byte < u8('0') || byte > u8('9')) return 2;
    value = value * 10 + u64(byte - u8('0'));
  }
  return value;
}

function changeDirectory(path: str): u64 {
  const found = stack<Found>();
  if (lookup(path, found) !== 0 || found.type !== NameType.namespace) {
    complain('cd', path, 'no such namespace');
    return 1;
  }
  assign(programArguments().directory, found.id);
  return 0;
}

/** Runs the lines of a text object. */
function runScript(path: str): u64 {
  const found = stack<Found>();
  if (lookup(path, found) !== 0 || found.type !== NameType.text) {
    complain('sh', path, 'no such script');
    return 127;
  }
  const base = openObject(found.id);
  runText(strOf(at<Ptr<u8>>(dataOf(base)), sizeOf(base)));
  return lastStatus;
}

function runText(text: str): void {
  let start: u64 = 0;
  for (let i: u64 = 0; i <= text.length; i++) {
    if (i < text.length && text[i] !== 10) continue;
    runLine(text.subslice(start, i));
    start = i + 1;
  }
}

/** @export */
function main(): u64 {
  if (argumentCount() > 2 && argument(1).equals('-c')) {
    runText(argument(2));
    return lastStatus;
  }
  if (argumentCount() > 1) return runScript(argument(1));
  for (;;) {
    const end = readLine(lastStatus === 0 ? '\x1b[32mlicorice\x1b[0m$ ' : '\x1b[31mlicorice\x1b[0m$ ');
    if (end === LineEnd.end) return lastStatus;
    if (end === LineEnd.line) runLine(lineText());
    flush();
  }
}
