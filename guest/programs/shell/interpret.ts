/**
 * Runs the shell's language straight from its text: lists, `&&`, `||`, `!`, pipelines, `if`, `while`, `until`, `for`. What is not to be run is read
 * all the same, so the same functions tell whether a text is complete, and find the end of a branch that is not taken.
 */
import { DELETE, ObjectId, READ, WRITE } from '../../abi/object.ts';
import { STREAM_TEXT, StreamTarget } from '../../abi/program.ts';
import { CREATE_VOLATILE } from '../../abi/syscall.ts';
import { complain, flush, programArguments } from '../../libtwz/io.ts';
import { createObject, dataOf, deleteObject, openObject, setSize, sizeOf } from '../../libtwz/object.ts';
import { objectAt, unmapAll } from '../../libtwz/view.ts';
import { field, fieldCount, Mark, mark, release } from './arena.ts';
import { expandWord } from './expand.ts';
import { interrupted } from './keys.ts';
import { readToken, Token, TokenKind } from './lexer.ts';
import { runPipeline } from './pipeline.ts';
import { lastStatus, setStatus, setVariable } from './variables.ts';

/** Why commands are skipped until the loop, or the whole text, is over. */
enum Leaving {
  no,
  breakLoop,
  continueLoop,
}

let leaving = Leaving.no;
/** Loops around the command that runs. */
let loops: u64 = 0;
/** Substitutions and scripts inside each other. */
let depth: u64 = 0;
const MAX_DEPTH = 16;

/** A text and how far it has been read. */
export class Script {
  text: str;
  at: u64;
  /** It cannot be understood. */
  failed: bool;
  /** It is a beginning: more lines are wanted. */
  unfinished: bool;
}

/** Runs a text; its last exit code is `lastStatus()`. */
export function runText(text: str): void {
  const script = stack<Script>();
  script.text = text;
  // All of it is read before any of it is run.
  runList(script, false);
  if (!script.failed && peek(script).kind !== TokenKind.end) failAt(script, ahead);
  if (script.failed) {
    setStatus(2);
    return;
  }
  script.at = 0;
  if (depth === MAX_DEPTH) {
    complain('sh', '', 'scripts are nested too deeply');
    setStatus(2);
    return;
  }
  depth++;
  const outerLoops = loops;
  loops = 0;
  runList(script, true);
  if (interrupted()) setStatus(130);
  loops = outerLoops;
  leaving = Leaving.no;
  depth--;
}

/** Is the text only the beginning of something: an open quote, an `if` without `fi`? */
export function isUnfinished(text: str): bool {
  const script = stack<Script>();
  script.text = text;
  quiet = true;
  runList(script, false);
  quiet = false;
  return script.unfinished;
}

/** Leaves the innermost loop, or goes on to its next round. False: there is no loop. */
export function leaveLoop(goesOn: bool): bool {
  if (loops === 0) return false;
  leaving = goesOn ? Leaving.continueLoop : Leaving.breakLoop;
  return true;
}

/** The output of a command; the address of the object (mapped) that holds it as text, 0 if there is none. */
export function capture(command: str): usize {
  const own = programArguments().output;
  const saved = stack<StreamTarget>();
  const id = stack<ObjectId>();
  if (createObject(id, READ | WRITE | DELETE | CREATE_VOLATILE) !== 0) {
    complain('sh', '', 'no memory for the output of a command');
    return 0;
  }
  flush();
  const base = openObject(id);
  setSize(base, 0);
  assign(saved, own);
  own.kind = STREAM_TEXT;
  assign(own.id, id);
  const place = stack<Mark>();
  mark(place);
  runText(command);
  flush();
  release(place);
  assign(own, saved);
  return base;
}

/** The text of what was captured. */
export function capturedText(base: usize): str {
  return strOf(at<Ptr<u8>>(dataOf(base)), sizeOf(base));
}

/** Gives back what `capture` returned. */
export function releaseCapture(base: usize): void {
  const id = stack<ObjectId>();
  objectAt(base, id);
  unmapAll(base);
  deleteObject(id);
}

// ------------------------------------------------------------------------------------------------------ reading

/** Nothing is complained about: the text is only looked at. */
let quiet = false;
const ahead = zeroed<Token>();

function peek(script: Script): Token {
  readToken(script.text, script.at, ahead);
  return ahead;
}

function fail(script: Script, what: str, message: str): void {
  if (!script.failed && !quiet) complain('sh', what, message);
  script.failed = true;
}

/** Says that a token cannot stand where it stands. */
export function failAt(script: Script, token: Token): void {
  if (token.kind === TokenKind.end) {
    script.unfinished = true;
    fail(script, '', 'the command is not complete');
  } else if (token.kind === TokenKind.unfinished) {
    script.unfinished = true;
    fail(script, '', 'a quote is not closed');
  } else fail(script, token.kind === TokenKind.newline ? 'end of line' : token.text, 'not expected here');
}

function skipNewlines(script: Script): void {
  while (peek(script).kind === TokenKind.newline) script.at = ahead.end;
}

function skipSeparators(script: Script): void {
  for (;;) {
    const kind = peek(script).kind;
    if (kind !== TokenKind.newline && kind !== TokenKind.semicolon && kind !== TokenKind.background) return;
    script.at = ahead.end;
  }
}

function isWord(token: Token, text: str): bool {
  return token.kind === TokenKind.word && token.text.equals(text);
}

/** A word that ends a list. */
function isClosing(token: Token): bool {
  return (
    isWord(token, 'then') ||
    isWord(token, 'elif') ||
    isWord(token, 'else') ||
    isWord(token, 'fi') ||
    isWord(token, 'do') ||
    isWord(token, 'done') ||
    isWord(token, '}')
  );
}

/** Takes the keyword `word`; fails if something else comes. */
function expect(script: Script, word: str): void {
  if (script.failed) return;
  const token = peek(script);
  if (isWord(token, word)) script.at = token.end;
  else if (token.kind === TokenKind.end || token.kind === TokenKind.unfinished) failAt(script, token);
  else {
    fail(script, word, 'missing');
  }
}

function takes(script: Script, word: str): bool {
  if (script.failed || !isWord(peek(script), word)) return false;
  script.at = ahead.end;
  return true;
}

// ------------------------------------------------------------------------------------------------------ running

function goesOn(): bool {
  return leaving === Leaving.no && !interrupted();
}

function runList(script: Script, run: bool): void {
  for (;;) {
    skipSeparators(script);
    if (script.failed) return;
    const token = peek(script);
    if (token.kind === TokenKind.end || isClosing(token)) return;
    runAndOr(script, run && goesOn());
    if (script.failed) return;
    switch (peek(script).kind) {
      case TokenKind.end:
      case TokenKind.newline:
      case TokenKind.semicolon:
      case TokenKind.background:
        continue;
    }
    if (!isClosing(ahead)) {
      failAt(script, ahead);
      return;
    }
    // After a pipeline a closing word is an argument; here it follows `fi` or `done`.
  }
}

function runAndOr(script: Script, run: bool): void {
  runNegated(script, run);
  while (!script.failed) {
    const kind = peek(script).kind;
    if (kind !== TokenKind.and && kind !== TokenKind.or) return;
    script.at = ahead.end;
    skipNewlines(script);
    if (peek(script).kind === TokenKind.end) {
      failAt(script, ahead);
      return;
    }
    runNegated(script, run && goesOn() && (kind === TokenKind.and) === (lastStatus() === 0));
  }
}

function runNegated(script: Script, run: bool): void {
  const negated = takes(script, '!');
  runCommand(script, run);
  if (negated && run) setStatus(lastStatus() === 0 ? 1 : 0);
}

function runCommand(script: Script, run: bool): void {
  if (takes(script, 'if')) runIf(script, run);
  else if (takes(script, 'while')) runWhile(script, run, true);
  else if (takes(script, 'until')) runWhile(script, run, false);
  else if (takes(script, 'for')) runFor(script, run);
  else if (takes(script, '{')) {
    runList(script, run);
    expect(script, '}');
  } else {
    runPipeline(script, run && goesOn());
    return;
  }
  const kind = peek(script).kind;
  if (!script.failed && (kind === TokenKind.pipe || kind === TokenKind.output || kind === TokenKind.append))
    fail(script, ahead.text, 'a pipe or redirection cannot follow a block; write: sh -c "…" | …');
}

function runIf(script: Script, run: bool): void {
  let done = false;
  do {
    runList(script, run && !done);
    expect(script, 'then');
    const taken: bool = run && !done && goesOn() && lastStatus() === 0;
    runList(script, taken);
    done = done || taken;
  } while (takes(script, 'elif'));
  if (takes(script, 'else')) {
    runList(script, run && !done && goesOn());
    done = true;
  }
  expect(script, 'fi');
  if (run && !done) setStatus(0);
}

/** After the body of a loop: does it go round again? */
function again(): bool {
  const left = leaving === Leaving.breakLoop;
  leaving = Leaving.no;
  return !left && !interrupted();
}

function runWhile(script: Script, run: bool, wanted: bool): void {
  const start = script.at;
  let status: u64 = 0;
  let going = run;
  if (run) loops++;
  do {
    script.at = start;
    runList(script, going);
    expect(script, 'do');
    going = going && goesOn() && (lastStatus() === 0) === wanted;
    runList(script, going);
    if (going) status = lastStatus();
    expect(script, 'done');
    // The last time round nothing is run; it finds the end.
    if (going && !again()) break;
  } while (going && !script.failed);
  if (!run) return;
  loops--;
  setStatus(status);
}

function runFor(script: Script, run: bool): void {
  const token = peek(script);
  const name = token.text;
  if (token.kind !== TokenKind.word) {
    failAt(script, token);
    return;
  }
  script.at = token.end;
  expect(script, 'in');
  const place = stack<Mark>();
  mark(place);
  const first = fieldCount();
  let usable = run;
  while (!script.failed && peek(script).kind === TokenKind.word) {
    const word = ahead.text;
    script.at = ahead.end;
    if (usable) usable = expandWord(word);
  }
  const last = fieldCount();
  skipSeparators(script);
  expect(script, 'do');
  const start = script.at;
  let next = first;
  if (run) {
    setStatus(usable ? 0 : 1);
    loops++;
  }
  do {
    script.at = start;
    const going = usable && next < last;
    if (going) setVariable(name, field(next));
    next++;
    runList(script, going);
    expect(script, 'done');
    if (going && !again()) break;
  } while (usable && next < last && !script.failed);
  if (run) loops--;
  release(place);
}
