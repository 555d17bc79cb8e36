/** Compound commands: `if`, `while`, `until`, `for`, `case`, `{ … }`, `( … )`. What is not to be run is read all the same, up to its end. */
import { addField, field, fieldCount, Mark, mark, release } from './arena.ts';
import { expandPatternWord, expandToText, expandWord, expansionFailed, matches } from './expand.ts';
import {
  again,
  endLoop,
  enterLoop,
  expect,
  failAt,
  goesOn,
  isWord,
  peek,
  runCondition,
  runList,
  Script,
  skipNewlines,
  skipSeparators,
  takes,
} from './interpret.ts';
import { Token, TokenKind } from './lexer.ts';
import { argumentsLeft, lastStatus, positionalAt, setStatus, setVariable } from './variables.ts';

/** Does a compound command begin with this token? */
export function beginsCompound(token: Token): bool {
  return (
    token.kind === TokenKind.open ||
    isWord(token, 'if') ||
    isWord(token, 'while') ||
    isWord(token, 'until') ||
    isWord(token, 'for') ||
    isWord(token, 'case') ||
    isWord(token, '{')
  );
}

/** Reads the compound command that begins here, and runs it if `run`. */
export function runCompound(script: Script, run: bool): void {
  if (takes(script, 'if')) runIf(script, run);
  else if (takes(script, 'while')) runWhile(script, run, true);
  else if (takes(script, 'until')) runWhile(script, run, false);
  else if (takes(script, 'for')) runFor(script, run);
  else if (takes(script, 'case')) runCase(script, run);
  else if (takes(script, '{')) {
    runList(script, run);
    expect(script, '}');
  } else {
    // In parentheses: a shell of its own runs it (pipeline.ts), and that one finds them too.
    script.at = peek(script).end;
    runList(script, run);
    expectKind(script, TokenKind.close);
  }
}

function expectKind(script: Script, kind: TokenKind): void {
  if (script.failed) return;
  const token = peek(script);
  if (token.kind === kind) script.at = token.end;
  else failAt(script, token);
}

function runIf(script: Script, run: bool): void {
  let done = false;
  do {
    runCondition(script, run && !done);
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

function runWhile(script: Script, run: bool, wanted: bool): void {
  const start = script.at;
  let status: u64 = 0;
  let going = run;
  if (run) enterLoop();
  do {
    script.at = start;
    runCondition(script, going);
    expect(script, 'do');
    going = going && goesOn() && (lastStatus() === 0) === wanted;
    runList(script, going);
    if (going) status = lastStatus();
    expect(script, 'done');
    // The last time round nothing is run; it finds the end.
    if (going && !again()) break;
  } while (going && !script.failed);
  if (!run) return;
  endLoop();
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
  // Without words it goes over the arguments.
  const overArguments = !isWord(peek(script), 'in');
  if (!overArguments) expect(script, 'in');
  const place = stack<Mark>();
  mark(place);
  const first = fieldCount();
  let usable = run;
  if (overArguments) for (let i: u64 = 1; usable && i <= argumentsLeft(); i++) addField(positionalAt(i));
  while (!script.failed && !overArguments && peek(script).kind === TokenKind.word) {
    const word = peek(script).text;
    script.at = peek(script).end;
    if (usable) usable = expandWord(word);
  }
  const last = fieldCount();
  skipSeparators(script);
  expect(script, 'do');
  const start = script.at;
  let next = first;
  if (run) {
    setStatus(usable ? 0 : 1);
    enterLoop();
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
  if (run) endLoop();
  release(place);
}

/** `case WORD in PATTERN | PATTERN) list ;; … esac`: the first that matches. */
function runCase(script: Script, run: bool): void {
  const token = peek(script);
  const word = token.text;
  if (token.kind !== TokenKind.word) {
    failAt(script, token);
    return;
  }
  script.at = token.end;
  const place = stack<Mark>();
  mark(place);
  const value = run ? expandToText(word) : '';
  let searching: bool = run && !expansionFailed();
  if (run) setStatus(searching ? 0 : 1);
  skipNewlines(script);
  expect(script, 'in');
  skipNewlines(script);
  while (!script.failed && !isWord(peek(script), 'esac')) {
    if (peek(script).kind === TokenKind.open) script.at = peek(script).end;
    const taken = readPatterns(script, value, searching);
    runList(script, taken && goesOn());
    if (taken) searching = false;
    if (peek(script).kind !== TokenKind.caseEnd) break;
    script.at = peek(script).end;
    skipNewlines(script);
  }
  expect(script, 'esac');
  release(place);
}

/** Reads the patterns of a branch. True: it is looked for, and one matches. */
function readPatterns(script: Script, value: str, searching: bool): bool {
  let found = false;
  for (;;) {
    const token = peek(script);
    if (token.kind !== TokenKind.word) {
      failAt(script, token);
      return false;
    }
    const pattern = token.text;
    script.at = token.end;
    if (searching && !found) {
      const place = stack<Mark>();
      mark(place);
      found = matches(expandPatternWord(pattern), value);
      release(place);
    }
    if (peek(script).kind !== TokenKind.pipe) break;
    script.at = peek(script).end;
  }
  expectKind(script, TokenKind.close);
  return found;
}
