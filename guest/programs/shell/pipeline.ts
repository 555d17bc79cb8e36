/** Pipelines: their words and redirections, the programs of their stages, the pipes between them. */
import { NameType } from '../../abi/name.ts';
import { DELETE, ObjectId, READ, WRITE } from '../../abi/object.ts';
import { STREAM_EMPTY, STREAM_PIPE, StreamTarget } from '../../abi/program.ts';
import { SIGNAL_KILL } from '../../abi/signal.ts';
import { CREATE_VOLATILE, GROUP_NEW } from '../../abi/syscall.ts';
import { errorText } from '../../libtwz/errors.ts';
import { complain, flush, programArguments } from '../../libtwz/io.ts';
import { Found, findProgram, lookup } from '../../libtwz/name.ts';
import { createObject, dataOf, deleteObject, openObject } from '../../libtwz/object.ts';
import { Child } from '../../libtwz/program.ts';
import { ByteStream } from '../../libtwz/stream.ts';
import { unmapObject } from '../../libtwz/view.ts';
import { isBuiltIn, isUtility } from '../utilities/names.ts';
import { field, fieldCount, Mark, mark, overflowed, release } from './arena.ts';
import { runBuiltIn } from './builtins.ts';
import { expandToText, expandWord, expansionFailed } from './expand.ts';
import { failAt, Script } from './interpret.ts';
import { announce, Job, MAX_STAGES, newJob, waitFor } from './jobs.ts';
import { hasJobControl } from './keys.ts';
import { readToken, Token, TokenKind } from './lexer.ts';
import { openInput, openOutput } from './redirect.ts';
import { assignmentName, setStatus, setVariable } from './variables.ts';

const PIECES = 2048;
/** Exit code of a command that is not there. */
const NOT_FOUND = 127;

/** A word, a redirection or a pipe, as written. */
class Piece {
  kind: TokenKind;
  text: str;
}

/** Pieces of the pipelines that are being run, the innermost last. */
const pieces = zeroed<FixedArray<Inline<Piece>, 2048>>();
let pieceCount: u64 = 0;

/** A command of a pipeline after expansion: fields [first, last), and where its streams go; empty: nowhere else. */
class Stage {
  first: u64;
  last: u64;
  input: str;
  output: str;
  append: bool;
}

function isRedirection(kind: TokenKind): bool {
  return kind === TokenKind.input || kind === TokenKind.output || kind === TokenKind.append;
}

/** Reads a pipeline, and runs it if `run`. */
export function runPipeline(script: Script, run: bool): void {
  const first = pieceCount;
  const token = stack<Token>();
  const start = script.at;
  let wantsWord = false;
  let commandBegins = true;
  for (;;) {
    readToken(script.text, script.at, token);
    if (token.kind === TokenKind.newline && commandBegins && pieceCount > first) {
      script.at = token.end;
      continue;
    }
    const isWord = token.kind === TokenKind.word;
    const isPipe = token.kind === TokenKind.pipe;
    if (!isWord && (wantsWord || (isPipe && commandBegins))) break;
    if (!isWord && !isPipe && !isRedirection(token.kind)) break;
    if (pieceCount === PIECES) {
      complain('sh', '', 'too many words');
      script.failed = true;
      break;
    }
    pieces[pieceCount].kind = token.kind;
    pieces[pieceCount].text = token.text;
    pieceCount++;
    script.at = token.end;
    wantsWord = isRedirection(token.kind);
    commandBegins = isPipe;
  }
  const incomplete = wantsWord || commandBegins || token.kind === TokenKind.unfinished;
  if (incomplete || token.kind === TokenKind.invalid) failAt(script, token);
  else if (run && !script.failed) {
    const end = pieceCount;
    execute(first, end, token.kind === TokenKind.background, script.text.subslice(start, script.at));
  }
  pieceCount = first;
}

function execute(first: u64, end: u64, background: bool, text: str): void {
  if (assignments(first, end)) return;
  const place = stack<Mark>();
  mark(place);
  const stages = stack<FixedArray<Inline<Stage>, 8>>();
  const count = expandStages(first, end, stages);
  if (count === 0) setStatus(1);
  else if (count === 1 && isOwn(stages[0])) runAlone(stages[0]);
  else runPrograms(stages, count, background, text);
  release(place);
}

/** A pipeline of nothing but `NAME=value` sets variables. */
function assignments(first: u64, end: u64): bool {
  for (let i = first; i < end; i++) {
    if (pieces[i].kind !== TokenKind.word || assignmentName(pieces[i].text) === 0) return false;
  }
  setStatus(0);
  for (let i = first; i < end; i++) {
    const word = pieces[i].text;
    const length = assignmentName(word);
    const place = stack<Mark>();
    mark(place);
    const value = expandToText(word.subslice(length + 1));
    if (expansionFailed()) setStatus(1);
    else setVariable(word.subslice(0, length), value);
    release(place);
  }
  return true;
}

/** Expands all commands of a pipeline; how many there are, 0 if it cannot be done. */
function expandStages(first: u64, end: u64, stages: FixedArray<Inline<Stage>, 8>): u64 {
  let count: u64 = 0;
  for (let i = first; i < end; i++) {
    if (count === MAX_STAGES) {
      complain('sh', '', 'a pipeline has at most 8 commands');
      return 0;
    }
    const stage = stages[count];
    stage.first = fieldCount();
    for (; i < end && pieces[i].kind !== TokenKind.pipe; i++) {
      if (pieces[i].kind === TokenKind.word) {
        if (!expandWord(pieces[i].text)) return 0;
      } else if (!redirect(stage, pieces[i].kind, pieces[i + 1].text)) return 0;
      else i++;
    }
    stage.last = fieldCount();
    if (overflowed()) return 0;
    if (stage.last === stage.first) {
      complain('sh', '', 'a redirection needs a command');
      return 0;
    }
    if (assignmentName(field(stage.first)) !== 0) {
      complain(
        'sh',
        field(stage.first),
        'set a variable in a command of its own: programs have no environment',
      );
      return 0;
    }
    count++;
  }
  return count;
}

function redirect(stage: Stage, kind: TokenKind, word: str): bool {
  const path = expandToText(word);
  if (expansionFailed()) return false;
  if (path.length === 0) {
    complain('sh', word, 'a redirection needs a name');
    return false;
  }
  if (kind === TokenKind.input) stage.input = path;
  else {
    stage.output = path;
    stage.append = kind === TokenKind.append;
  }
  return true;
}

/** Is this the shell's own command? It knows jobs, so it is the one that kills them. */
function isOwn(stage: Stage): bool {
  const name = nameOf(stage);
  const last = field(stage.last - 1);
  return isBuiltIn(name) || (name.equals('kill') && last.length !== 0 && last[0] === u8('%'));
}

function nameOf(stage: Stage): str {
  return field(stage.first);
}

// ------------------------------------------------------------------------------------------------------- running

function openStreams(stage: Stage, input: StreamTarget, output: StreamTarget): bool {
  if (stage.input.length !== 0 && !openInput(stage.input, input)) return false;
  return stage.output.length === 0 || openOutput(stage.output, stage.append, output);
}

/** Runs a built-in command in the shell itself. */
function runAlone(stage: Stage): void {
  const own = programArguments();
  const input = stack<StreamTarget>();
  const output = stack<StreamTarget>();
  flush();
  assign(input, own.input);
  assign(output, own.output);
  if (openStreams(stage, own.input, own.output)) setStatus(runBuiltIn(stage.first, stage.last));
  else setStatus(1);
  flush();
  assign(own.input, input);
  assign(own.output, output);
}

/** Finds the program of a command, or a text, which is for the shell to run. */
function findCommand(name: str, found: Found): bool {
  if (findProgram(isUtility(name) ? 'utils' : name, found.id)) {
    found.type = NameType.object;
    return true;
  }
  for (const byte of name.bytes) {
    if (byte === u8('/')) return lookup(name, found) === 0 && found.type !== NameType.namespace;
  }
  return false;
}

/** Makes the program of a stage ready to start. The exit code of what went wrong, 0 if nothing did. */
function prepare(child: Child, stage: Stage): u64 {
  const name = nameOf(stage);
  const found = stack<Found>();
  if (!findCommand(name, found)) {
    complain('sh', name, 'no such command (help lists them)');
    return NOT_FOUND;
  }
  const isScript = found.type === NameType.text;
  if (isScript && !findProgram('sh', found.id)) return NOT_FOUND;
  const result = child.prepare(found.id);
  if (result !== 0) {
    complain('sh', name, errorText(result));
    return NOT_FOUND - 1;
  }
  child.inherit();
  const args = child.arguments;
  if (isScript) child.addArgument('sh');
  for (let i = stage.first; i < stage.last; i++) {
    if (child.addArgument(field(i))) continue;
    complain('sh', name, 'too many arguments');
    return 1;
  }
  return openStreams(stage, args.input, args.output) ? 0 : 1;
}

/** A pipe from one program to the next. */
function connect(from: Child | null, to: Child, pipe: ObjectId): bool {
  if (createObject(pipe, READ | WRITE | DELETE | CREATE_VOLATILE) !== 0) {
    complain('sh', '', 'no memory for a pipe');
    return false;
  }
  if (from !== null) {
    from.arguments.output.kind = STREAM_PIPE;
    assign(from.arguments.output.id, pipe);
    from.arguments.closesOutput = 1;
  }
  to.arguments.input.kind = STREAM_PIPE;
  assign(to.arguments.input.id, pipe);
  to.arguments.closesInput = 1;
  return true;
}

/** Runs a pipeline of programs; a built-in command may only be its first one. */
function runPrograms(stages: FixedArray<Inline<Stage>, 8>, count: u64, background: bool, text: str): void {
  const builtIn = isOwn(stages[0]);
  for (let i: u64 = 1; i < count; i++) {
    if (!isOwn(stages[i])) continue;
    complain('sh', nameOf(stages[i]), "is the shell's own and can only stand at the beginning of a pipeline");
    setStatus(2);
    return;
  }
  const job = newJob();
  if (job === null) {
    setStatus(1);
    return;
  }
  const status = start(job, stages, count, builtIn, background);
  job.setText(text);
  if (status !== 0) {
    for (let i = job.count; i < MAX_STAGES; i++) job.programs[i].discard();
    job.signal(SIGNAL_KILL);
    waitFor(job);
    setStatus(status);
  } else if (background) {
    announce(job);
    setStatus(0);
  } else setStatus(waitFor(job));
}

/** Starts the programs of a pipeline as `job`. The exit code of what went wrong, 0 if nothing did. */
function start(
  job: Job,
  stages: FixedArray<Inline<Stage>, 8>,
  count: u64,
  builtIn: bool,
  background: bool,
): u64 {
  const pipes = stack<FixedArray<Inline<ObjectId>, 8>>();
  const first: u64 = builtIn ? 1 : 0;
  for (let i = first; i < count; i++) {
    const status = prepare(job.programs[i - first], stages[i]);
    if (status !== 0) return status;
    if (i === 0 && background && stages[0].input.length === 0) {
      job.programs[0].arguments.input.kind = STREAM_EMPTY;
    }
    if (i > 0 && !connect(i > first ? job.programs[i - first - 1] : null, job.programs[i - first], pipes[i]))
      return 1;
  }
  flush();
  for (let i = first; i < count; i++) {
    const child = job.programs[i - first];
    const wanted: u64 = job.group === 0 && hasJobControl() ? GROUP_NEW : job.group;
    const result = child.startIn(wanted);
    if (result !== 0) {
      complain('sh', nameOf(stages[i]), errorText(result));
      return 1;
    }
    job.count++;
    job.group = child.group;
    if (i > 0) child.hold(pipes[i]);
    if (i + 1 < count) child.hold(pipes[i + 1]);
  }
  if (builtIn) runIntoPipe(stages[0], pipes[1]);
  for (let i: u64 = 1; i < count; i++) deleteObject(pipes[i]);
  return 0;
}

/** Runs a built-in command whose output the next program reads. */
function runIntoPipe(stage: Stage, pipe: ObjectId): void {
  const output = programArguments().output;
  const saved = stack<StreamTarget>();
  assign(saved, output);
  output.kind = STREAM_PIPE;
  assign(output.id, pipe);
  runBuiltIn(stage.first, stage.last);
  flush();
  assign(output, saved);
  const base = openObject(pipe);
  at<ByteStream>(dataOf(base)).close();
  unmapObject(base);
}
