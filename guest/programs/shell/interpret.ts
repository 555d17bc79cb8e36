/**
 * Runs the shell's language straight from its text: lists, `&&`, `||`, `!`; pipelines are in pipeline.ts, `if` and its like in compound.ts. What is not to be run is read
 * all the same, so the same functions tell whether a text is complete, and find the end of a branch that is not taken.
 */
import { DELETE, ObjectId, READ, WRITE } from '../../abi/object.ts';
import { STREAM_TEXT, StreamTarget } from '../../abi/program.ts';
import { CREATE_VOLATILE } from '../../abi/syscall.ts';
import { complain, flush, programArguments } from '../../libtwz/io.ts';
import { createObject, dataOf, deleteObject, openObject, setSize, sizeOf } from '../../libtwz/object.ts';
import { objectAt, unmapAll } from '../../libtwz/view.ts';
import { field, Mark, mark, release } from './arena.ts';
import { runCompound } from './compound.ts';
import { forgetDocuments } from './here.ts';
import { interrupted } from './keys.ts';
import { readToken, Token, TokenKind } from './lexer.ts';
import { beginLocals, endLocals, forgetLocals, Scope } from './locals.ts';
import { forgetPipelines, runPipeline } from './pipeline.ts';
import { leaveShell, runTraps } from './traps.ts';
import {
  isExitOnError,
  lastStatus,
  Positional,
  positionals,
  setPositional,
  setPositionalCount,
  setStatus,
} from './variables.ts';

/** Why commands are skipped until the loop, or the whole text, is over. */
enum Leaving {
  no,
  breakLoop,
  continueLoop,
  /** `return`: until the function or script is over. */
  leaveFunction,
  /** `exit` in `$(…)`: until that text is over. */
  leaveCapture,
}

let leaving = Leaving.no;
/** Loops around the command that runs. */
let loops: u64 = 0;
/** Substitutions and scripts inside each other. */
let depth: u64 = 0;
const MAX_DEPTH = 64;
/** Captures around the command that runs. */
let captures: u64 = 0;

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
  forgetDocuments(text);
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
  if (leaving !== Leaving.leaveCapture) leaving = Leaving.no;
  depth--;
}

/** Runs a function: a compound command, with fields [from, to) as its name and arguments. */
export function runFunction(body: str, from: u64, to: u64): void {
  if (depth === MAX_DEPTH) {
    complain('sh', field(from), 'functions are nested too deeply');
    setStatus(2);
    return;
  }
  const outer = stack<Positional>();
  const outerLoops = loops;
  assign(outer, positionals());
  setPositionalCount(to - from);
  for (let i: u64 = 1; i < to - from; i++) setPositional(i, field(from + i));
  const scope = stack<Scope>();
  beginLocals(scope);
  depth++;
  loops = 0;
  runBlock(body);
  loops = outerLoops;
  depth--;
  endLocals(scope);
  if (leaving === Leaving.leaveFunction) leaving = Leaving.no;
  assign(positionals(), outer);
}

/** Runs a compound command that has been read before. */
export function runBlock(text: str): void {
  const script = stack<Script>();
  script.text = text;
  setStatus(0);
  runCompound(script, true);
}

/** Leaves the function or script that runs; at the outermost level that is the text. */
export function leaveFunction(): void {
  leaving = Leaving.leaveFunction;
}

/** Leaves the text whose output is captured. False: none is. */
export function leaveCapture(): bool {
  if (captures === 0) return false;
  leaving = Leaving.leaveCapture;
  return true;
}

/** Begins anew after a command that was given up in the middle. */
export function forgetCommands(): void {
  depth = 0;
  loops = 0;
  captures = 0;
  conditions = 0;
  leaving = Leaving.no;
  forgetLocals();
  forgetPipelines();
}

/** Is the text only the beginning of something: an open quote, an `if` without `fi`? */
export function isUnfinished(text: str): bool {
  forgetDocuments(text);
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
  captures++;
  conditions++;
  runText(command);
  conditions--;
  captures--;
  leaving = Leaving.no;
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

export function peek(script: Script): Token {
  readToken(script.text, script.at, ahead);
  return ahead;
}

export function fail(script: Script, what: str, message: str): void {
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

/** Says that the end of a here-document is not there. */
export function failUnfinished(script: Script, word: str): void {
  script.unfinished = true;
  fail(script, word, 'the lines of a here-document end with it, and it is not there');
}

export function skipNewlines(script: Script): void {
  while (peek(script).kind === TokenKind.newline) script.at = ahead.end;
}

export function skipSeparators(script: Script): void {
  for (;;) {
    const kind = peek(script).kind;
    if (kind !== TokenKind.newline && kind !== TokenKind.semicolon && kind !== TokenKind.background) return;
    script.at = ahead.end;
  }
}

export function isWord(token: Token, text: str): bool {
  return token.kind === TokenKind.word && token.text.equals(text);
}

/** Something that ends a list. */
export function isClosing(token: Token): bool {
  return (
    isWord(token, 'then') ||
    isWord(token, 'elif') ||
    isWord(token, 'else') ||
    isWord(token, 'fi') ||
    isWord(token, 'do') ||
    isWord(token, 'done') ||
    isWord(token, 'esac') ||
    isWord(token, '}') ||
    token.kind === TokenKind.close ||
    token.kind === TokenKind.caseEnd
  );
}

/** Takes the keyword `word`; fails if something else comes. */
export function expect(script: Script, word: str): void {
  if (script.failed) return;
  const token = peek(script);
  if (isWord(token, word)) script.at = token.end;
  else if (token.kind === TokenKind.end || token.kind === TokenKind.unfinished) failAt(script, token);
  else {
    fail(script, word, 'missing');
  }
}

export function takes(script: Script, word: str): bool {
  if (script.failed || !isWord(peek(script), word)) return false;
  script.at = ahead.end;
  return true;
}

// ------------------------------------------------------------------------------------------------------ running

/** Conditions around the command that runs: there `set -e` does not count. */
let conditions: u64 = 0;

/** Runs a list whose exit code is looked at. */
export function runCondition(script: Script, run: bool): void {
  conditions++;
  runList(script, run);
  conditions--;
}

export function goesOn(): bool {
  return leaving === Leaving.no && !interrupted();
}

export function runList(script: Script, run: bool): void {
  for (;;) {
    skipSeparators(script);
    if (script.failed) return;
    const token = peek(script);
    if (token.kind === TokenKind.end || isClosing(token)) return;
    runAndOr(script, run && goesOn());
    if (run && leaving === Leaving.no) runTraps();
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

function isJunction(kind: TokenKind): bool {
  return kind === TokenKind.and || kind === TokenKind.or;
}

function runAndOr(script: Script, run: bool): void {
  let runs = run;
  let decides = runNegated(script, run);
  while (!script.failed) {
    const kind = peek(script).kind;
    if (!isJunction(kind)) break;
    script.at = ahead.end;
    skipNewlines(script);
    if (peek(script).kind === TokenKind.end) {
      failAt(script, ahead);
      return;
    }
    runs = run && goesOn() && (kind === TokenKind.and) === (lastStatus() === 0);
    decides = runNegated(script, runs);
  }
  // Of a chain only the failure of its last command counts.
  if (runs && decides && conditions === 0 && isExitOnError() && lastStatus() !== 0 && goesOn())
    leaveShell(lastStatus());
}

/** True: the exit code is that of a command, and not its opposite, and the command is followed by nothing that looks at it. */
function runNegated(script: Script, run: bool): bool {
  const negated = takes(script, '!');
  // Whether `&&` follows is known only behind the command: what is in it is taken to be looked at only by what is in it.
  if (negated) conditions++;
  runPipeline(script, run && goesOn());
  if (!negated) return !isJunction(peek(script).kind);
  conditions--;
  if (run) setStatus(lastStatus() === 0 ? 1 : 0);
  return false;
}

// -------------------------------------------------------------------------------------------------------- loops

export function enterLoop(): void {
  loops++;
}

export function endLoop(): void {
  loops--;
}

/** After the body of a loop: does it go round again? */
export function again(): bool {
  const left = leaving !== Leaving.no && leaving !== Leaving.continueLoop;
  if (leaving === Leaving.breakLoop || leaving === Leaving.continueLoop) leaving = Leaving.no;
  return !left && !interrupted();
}
