/**
 * `local`: variables of a function. One is the shell's variable of that name with another value, until the function ends; what it calls sees it as well. The value
 * that it hides is kept here.
 */
import { complain } from '../../libtwz/io.ts';
import { field } from './arena.ts';
import {
  assignmentName,
  isVariableName,
  setVariable,
  swapVariable,
  unsetVariable,
  Variable,
} from './variables.ts';

const LOCALS = 512;
const MISUSE: u64 = 2;

class Hidden {
  /** The value that is hidden, with its memory; later the memory of a local one, for the next. */
  readonly outer: Inline<Variable>;
  /** There was a variable of this name. */
  wasSet: bool;
}

const hidden = zeroed<FixedArray<Inline<Hidden>, 512>>();
let count: u64 = 0;
/** Those from here on are of the function that runs. */
let first: u64 = 0;
/** A function runs, or a part of one in a shell of its own. */
let inFunction = false;

/** What `endLocals` needs to know. */
export class Scope {
  first: u64;
  inFunction: bool;
}

/** A function begins. */
export function beginLocals(scope: Scope): void {
  scope.first = first;
  scope.inFunction = inFunction;
  first = count;
  inFunction = true;
}

/** It ends: its variables are what they were. */
export function endLocals(scope: Scope): void {
  while (count > first) {
    count--;
    const one = hidden[count];
    swapVariable(one.outer.name, one.outer);
    if (!one.wasSet) unsetVariable(one.outer.name);
  }
  first = scope.first;
  inFunction = scope.inFunction;
}

/** All functions have been given up in the middle. */
export function forgetLocals(): void {
  const scope = stack<Scope>();
  scope.first = 0;
  scope.inFunction = false;
  first = 0;
  endLocals(scope);
}

/** A shell that runs a part of a function: what it has is its own. */
export function allowLocals(): void {
  inFunction = true;
}

/** Hides a variable; it is empty from here on. False: too many are hidden. */
function hide(name: str): bool {
  for (let i = first; i < count; i++) if (hidden[i].outer.name.equals(name)) return true;
  if (count === LOCALS) {
    complain('local', name, 'too many local variables');
    return false;
  }
  const one = hidden[count];
  one.outer.value = strOf(one.outer.value.ptr, 0);
  one.wasSet = swapVariable(name, one.outer);
  count++;
  return true;
}

/** The name in `NAME` or `NAME=VALUE`. */
function nameIn(word: str): str {
  const length = assignmentName(word);
  return length === 0 ? word : word.subslice(0, length);
}

/** `local NAME[=VALUE]...` of fields [from, to); its exit code. */
export function setLocals(from: u64, to: u64): u64 {
  for (let i = from; i < to; i++) {
    if (isVariableName(nameIn(field(i)))) continue;
    complain('usage', '', 'local NAME[=VALUE]...');
    return MISUSE;
  }
  if (!inFunction) {
    complain('local', '', 'there is no function');
    return 1;
  }
  for (let i = from; i < to; i++) {
    const word = field(i);
    const name = nameIn(word);
    if (!hide(name)) return 1;
    if (name.length !== word.length) setVariable(name, word.subslice(name.length + 1));
  }
  return 0;
}
