/** Pipelines: their words and redirections, the programs of their stages, the pipes between them. */
import { NameType } from '../../abi/name.ts';
import { DELETE, EXEC, ObjectId, READ, WRITE } from '../../abi/object.ts';
import { STREAM_EMPTY, STREAM_PIPE, StreamTarget } from '../../abi/program.ts';
import { SIGNAL_KILL } from '../../abi/signal.ts';
import { CREATE_VOLATILE, GROUP_NEW, StatResult } from '../../abi/syscall.ts';
import { attempt } from '../../libtwz/attempt.ts';
import { errorText } from '../../libtwz/errors.ts';
import { complain, flush, moveInText, programArguments } from '../../libtwz/io.ts';
import { Found, findProgram, lookup } from '../../libtwz/name.ts';
import { createObject, dataOf, deleteObject, openObject, statObject } from '../../libtwz/object.ts';
import { Child } from '../../libtwz/program.ts';
import { ByteStream } from '../../libtwz/stream.ts';
import { unmapObject } from '../../libtwz/view.ts';
import { isBuiltIn, isUtility } from '../utilities/names.ts';
import { field, fieldCount, Mark, mark, overflowed, release } from './arena.ts';
import { runBuiltIn } from './builtins.ts';
import { beginsCompound, runCompound } from './compound.ts';
import { expandLines, expandToText, expandWord, expansionFailed } from './expand.ts';
import { defineFunction, findFunction } from './functions.ts';
import { findDocument, isFound, isQuoted } from './here.ts';
import { failAt, failUnfinished, peek, runBlock, runFunction, Script, skipNewlines } from './interpret.ts';
import { announce, Job, MAX_STAGES, newJob, waitFor } from './jobs.ts';
import { hasJobControl } from './keys.ts';
import { TokenKind } from './lexer.ts';
import { openInput, openLines, openOutput } from './redirect.ts';
import { passState } from './subshell.ts';
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

/** A command of a pipeline after expansion. */
export class Stage {
  /** Its words: fields [first, last). */
  first: u64;
  last: u64;
  /** A compound command, as written; empty: it has words. */
  block: str;
  /** The compound command is in parentheses. */
  isSubshell: bool;
  /** Where its streams go; empty: nowhere else. */
  input: str;
  output: str;
  append: bool;
  /** The lines of a here-document, if it has one. */
  hasLines: bool;
  lines: str;
  /** The object that they are read from. */
  readonly linesObject: Inline<ObjectId>;
  /** What a shell of its own is given to run (subshell.ts). */
  readonly textObject: Inline<ObjectId>;
}

function isRedirection(kind: TokenKind): bool {
  return (
    kind === TokenKind.input ||
    kind === TokenKind.output ||
    kind === TokenKind.append ||
    kind === TokenKind.here
  );
}

function addPiece(script: Script, kind: TokenKind, text: str): void {
  if (pieceCount === PIECES) {
    if (!script.failed) complain('sh', '', 'too many words');
    script.failed = true;
    return;
  }
  pieces[pieceCount].kind = kind;
  pieces[pieceCount].text = text;
  pieceCount++;
}

/** Forgets the pipelines that were being read: what ran them was given up. */
export function forgetPipelines(): void {
  pieceCount = 0;
}

/** Reads a pipeline, and runs it if `run`. */
export function runPipeline(script: Script, run: bool): void {
  const first = pieceCount;
  const start = script.at;
  if (readDefinition(script, run)) return;
  for (;;) {
    readCommand(script);
    if (script.failed || peek(script).kind !== TokenKind.pipe) break;
    addPiece(script, TokenKind.pipe, '');
    script.at = peek(script).end;
    skipNewlines(script);
  }
  const background = peek(script).kind === TokenKind.background;
  if (run && !script.failed) execute(first, pieceCount, background, script.text.subslice(start, script.at));
  pieceCount = first;
}

/** Reads one command of a pipeline: words and redirections, or a compound command with redirections. */
function readCommand(script: Script): void {
  const token = peek(script);
  const start = token.end - token.text.length;
  let isEmpty = true;
  if (beginsCompound(token)) {
    const kind = token.kind === TokenKind.open ? TokenKind.subshell : TokenKind.block;
    const outer = pieceCount;
    runCompound(script, false);
    pieceCount = outer;
    addPiece(script, kind, script.text.subslice(start, script.at));
    isEmpty = false;
  }
  const isBlock = !isEmpty;
  while (!script.failed) {
    const next = peek(script);
    const kind = next.kind;
    if (isRedirection(kind)) {
      script.at = next.end;
      readTarget(script, kind);
    } else if (kind === TokenKind.word && !isBlock) {
      addPiece(script, kind, next.text);
      script.at = next.end;
    } else {
      if (isEmpty || kind === TokenKind.unfinished || kind === TokenKind.invalid) failAt(script, next);
      return;
    }
    isEmpty = false;
  }
}

/** Reads the word behind a redirection. */
function readTarget(script: Script, kind: TokenKind): void {
  const word = peek(script);
  if (word.kind !== TokenKind.word) {
    failAt(script, word);
    return;
  }
  const text = word.text;
  script.at = word.end;
  if (kind !== TokenKind.here) {
    addPiece(script, kind, text);
    return;
  }
  const lines = findDocument(script.text, script.at, text);
  if (isFound(script.text, script.at)) addPiece(script, isQuoted(text) ? TokenKind.hereQuoted : kind, lines);
  else failUnfinished(script, text);
}

/** `NAME() compound`: true if that is what stands here. */
function readDefinition(script: Script, run: bool): bool {
  const token = peek(script);
  const name = token.text;
  const start = script.at;
  if (token.kind !== TokenKind.word || beginsCompound(token)) return false;
  script.at = token.end;
  const isDefinition = takesKind(script, TokenKind.open);
  if (!isDefinition) {
    script.at = start;
    return false;
  }
  if (!takesKind(script, TokenKind.close)) {
    failAt(script, peek(script));
    return true;
  }
  skipNewlines(script);
  const body = peek(script);
  if (!beginsCompound(body)) {
    failAt(script, body);
    return true;
  }
  const from = body.end - body.text.length;
  runCompound(script, false);
  if (!run || script.failed) return true;
  defineFunction(name, script.text.subslice(from, script.at));
  setStatus(0);
  return true;
}

function takesKind(script: Script, kind: TokenKind): bool {
  if (peek(script).kind !== kind) return false;
  script.at = peek(script).end;
  return true;
}

function execute(first: u64, end: u64, background: bool, text: str): void {
  if (assignments(first, end)) return;
  const place = stack<Mark>();
  mark(place);
  const stages = stack<FixedArray<Inline<Stage>, 8>>();
  const count = expandStages(first, end, stages);
  if (count === 0) setStatus(1);
  else if (count === 1 && !background && isOwn(stages[0])) runAlone(stages[0]);
  else if (count !== NOTHING) runPrograms(stages, count, background, text);
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

/** A word that stood for nothing: its exit code is that of what it was expanded from. */
const NOTHING: u64 = ~u64(0);

/** Expands all commands of a pipeline; how many there are, 0 if it cannot be done, or NOTHING. */
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
      const piece = pieces[i];
      if (piece.kind === TokenKind.block || piece.kind === TokenKind.subshell) {
        stage.block = piece.text;
        stage.isSubshell = piece.kind === TokenKind.subshell;
      } else if (piece.kind === TokenKind.word) {
        if (!expandWord(piece.text)) return 0;
      } else if (!redirect(stage, piece.kind, piece.text)) return 0;
    }
    stage.last = fieldCount();
    if (overflowed()) return 0;
    count++;
    if (stage.block.length !== 0) continue;
    if (stage.last === stage.first && end - first === 1 && pieces[first].kind === TokenKind.word)
      return NOTHING;
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
  }
  return count;
}

function redirect(stage: Stage, kind: TokenKind, word: str): bool {
  if (kind === TokenKind.here || kind === TokenKind.hereQuoted) {
    stage.hasLines = true;
    stage.lines = kind === TokenKind.here ? expandLines(word) : word;
    return !expansionFailed();
  }
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

/** The shell's own commands know jobs, so it is `kill` itself that kills them. */
function isBuiltInStage(stage: Stage): bool {
  if (stage.block.length !== 0) return false;
  const name = nameOf(stage);
  const last = field(stage.last - 1);
  return isBuiltIn(name) || (name.equals('kill') && last.length !== 0 && last[0] === u8('%'));
}

/** Does the shell itself run this, rather than a program? */
function isOwn(stage: Stage): bool {
  if (stage.block.length !== 0) return !stage.isSubshell;
  return findFunction(nameOf(stage)) !== null || isBuiltInStage(stage);
}

function nameOf(stage: Stage): str {
  return field(stage.first);
}

// ------------------------------------------------------------------------------------------------------- running

function openStreams(stage: Stage, input: StreamTarget, output: StreamTarget): bool {
  if (stage.hasLines) {
    if (!openLines(stage.lines, input)) return false;
    assign(stage.linesObject, input.id);
  }
  if (stage.input.length !== 0 && !openInput(stage.input, input)) return false;
  return stage.output.length === 0 || openOutput(stage.output, stage.append, output);
}

function readTrial(address: u64): i64 {
  return i64(runBuiltIn(at<Stage>(address).first, at<Stage>(address).last));
}

/** `read`: what it reads may be lost. */
function readGuarded(stage: Stage): void {
  const status = attempt(readTrial, addressOf(stage));
  setStatus(status < 0 ? 1 : u64(status));
  if (status < 0) complain('sh', stage.input, errorText(status));
}

/** Runs a command in the shell itself. */
function runAlone(stage: Stage): void {
  const own = programArguments();
  const input = stack<StreamTarget>();
  const output = stack<StreamTarget>();
  flush();
  assign(input, own.input);
  assign(output, own.output);
  const isOpen = openStreams(stage, own.input, own.output);
  const redirected = stage.hasLines || stage.input.length !== 0;
  const position = redirected ? moveInText(0) : 0;
  if (!isOpen) setStatus(1);
  else if (stage.block.length !== 0) runBlock(stage.block);
  else if (findFunction(nameOf(stage)) !== null)
    runFunction(findFunction(nameOf(stage))!.body, stage.first, stage.last);
  else if (nameOf(stage).equals('read')) readGuarded(stage);
  else setStatus(runBuiltIn(stage.first, stage.last));
  flush();
  if (redirected) moveInText(position);
  if (isOpen && stage.hasLines) deleteObject(stage.linesObject);
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
  const isShell = stage.isSubshell || isOwn(stage);
  const name = isShell ? 'sh' : nameOf(stage);
  const found = stack<Found>();
  if (!findCommand(name, found)) {
    complain('sh', name, 'no such command (help lists them)');
    return NOT_FOUND;
  }
  const stat = stack<StatResult>();
  const isScript = found.type === NameType.text;
  if (!isScript && statObject(found.id, stat) === 0 && (stat.pFlags & EXEC) === 0) {
    complain('sh', name, 'is not a program');
    return NOT_FOUND - 1;
  }
  if (isScript && !findProgram('sh', found.id)) return NOT_FOUND;
  const result = child.prepare(found.id);
  if (result !== 0) {
    complain('sh', name, errorText(result));
    return NOT_FOUND - 1;
  }
  child.inherit();
  const args = child.arguments;
  let fits: bool = !isScript || child.addArgument('sh');
  if (isShell) fits = passState(child, stage);
  for (let i = stage.first; fits && !isShell && i < stage.last; i++) fits = child.addArgument(field(i));
  if (!fits) {
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

/** Runs a pipeline of programs. Of the shell's own commands the first runs in the shell itself, others in shells of their own. */
function runPrograms(stages: FixedArray<Inline<Stage>, 8>, count: u64, background: bool, text: str): void {
  const builtIn: bool = count > 1 && !background && isBuiltInStage(stages[0]);
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
    if (i === 0 && background && stages[0].input.length === 0 && !stages[0].hasLines) {
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
      complain('sh', '', errorText(result));
      return 1;
    }
    // What was made for this program alone ends with it.
    giveAway(child, stages[i].linesObject);
    giveAway(child, stages[i].textObject);
    job.count++;
    job.group = child.group;
    if (i > 0) child.hold(pipes[i]);
    if (i + 1 < count) child.hold(pipes[i + 1]);
  }
  if (builtIn) runIntoPipe(stages[0], pipes[1]);
  for (let i: u64 = 1; i < count; i++) deleteObject(pipes[i]);
  return 0;
}

function giveAway(child: Child, id: ObjectId): void {
  if (id.lo === 0) return;
  child.hold(id);
  deleteObject(id);
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
