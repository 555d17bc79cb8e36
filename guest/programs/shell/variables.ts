/** What the shell remembers between commands: variables, the arguments of the script, the last exit code. */
import { allocate } from '../../libtwz/heap.ts';
import { complain } from '../../libtwz/io.ts';

const VARIABLES = 256;
/** Room for a value is a multiple of this, so that a counter does not take new memory at each step. */
const GRANULE: u64 = 32;

export class Variable {
  name: str;
  value: str;
  /** Bytes at `value`. */
  room: u64;
}

const variables = zeroed<FixedArray<Inline<Variable>, 256>>();
let count: u64 = 0;
let status: u64 = 0;

/** `$0` to `$63`: names texts that live at least as long as they can be asked for. */
export class Positional {
  count: u64;
  readonly texts: FixedArray<str, 64>;
}

const positional = zeroed<Positional>();

/** `set -e`: a command that fails ends the shell. */
let exitsOnError = false;

export function setExitsOnError(on: bool): void {
  exitsOnError = on;
}

export function isExitOnError(): bool {
  return exitsOnError;
}

/** Exit code of the last command, `$?`. */
export function lastStatus(): u64 {
  return status;
}

export function setStatus(value: u64): void {
  status = value;
}

function copy(text: str, variable: Variable): void {
  if (text.length > variable.room) {
    variable.room = (text.length + GRANULE - 1) & ~(GRANULE - 1);
    variable.value = strOf(at<Ptr<u8>>(allocate(variable.room, 1)), 0);
  }
  memory.copy(variable.value.ptr.address, text.ptr.address, text.length);
  variable.value = strOf(variable.value.ptr, text.length);
}

function find(name: str): Variable | null {
  for (let i: u64 = 0; i < count; i++) if (variables[i].name.equals(name)) return variables[i];
  return null;
}

/** The value of a variable; empty if it is not set. */
export function variable(name: str): str {
  const known = find(name);
  return known === null ? '' : known.value;
}

export function setVariable(name: str, value: str): void {
  const known = find(name);
  if (known !== null) {
    copy(value, known);
    return;
  }
  if (count === VARIABLES) {
    complain('sh', name, 'too many variables');
    return;
  }
  const fresh = variables[count];
  // A variable that was unset has left its memory here.
  copy(name, fresh);
  fresh.name = fresh.value;
  fresh.room = 0;
  copy(value, fresh);
  count++;
}

/**
 * Gives a variable the value and the memory of `other`, which gets its own, and its name. True: there was such a variable; otherwise there is one now.
 */
export function swapVariable(name: str, other: Variable): bool {
  const known = find(name);
  if (known === null) setVariable(name, '');
  const own = find(name);
  if (own === null) return false;
  const value = own.value;
  const room = own.room;
  own.value = other.value;
  own.room = other.room;
  other.value = value;
  other.room = room;
  other.name = own.name;
  return known !== null;
}

export function unsetVariable(name: str): void {
  for (let i: u64 = 0; i < count; i++) {
    if (!variables[i].name.equals(name)) continue;
    count--;
    assign(variables[i], variables[count]);
    variables[count].room = 0;
    return;
  }
}

export function variableCount(): u64 {
  return count;
}

export function variableAt(index: u64): Variable {
  return variables[index];
}

export function isNameByte(byte: u8): bool {
  const lower = byte | 0x20;
  return (lower >= u8('a') && lower <= u8('z')) || (byte >= u8('0') && byte <= u8('9')) || byte === u8('_');
}

/** Can a variable have this name? */
export function isVariableName(word: str): bool {
  for (const byte of word.bytes) if (!isNameByte(byte)) return false;
  return word.length !== 0 && word[0] > u8('9');
}

/** Length of the name that `NAME=value` sets; 0 if the word is no assignment. */
export function assignmentName(word: str): u64 {
  for (let i: u64 = 0; i < word.length; i++) {
    if (word[i] === u8('=')) return i;
    if (!isNameByte(word[i]) || (i === 0 && word[0] <= u8('9'))) return 0;
  }
  return 0;
}

/** The arguments of the script or function that runs: to be kept while another one has its own. */
export function positionals(): Positional {
  return positional;
}

export function setPositional(index: u64, text: str): void {
  if (index < 64) positional.texts[index] = text;
}

export function setPositionalCount(value: u64): void {
  positional.count = min<u64>(value, 64);
}

/** `$0`, `$1` … */
export function positionalAt(index: u64): str {
  return index < positional.count ? positional.texts[index] : '';
}

/** `$#`: arguments, the script's own name not counted. */
export function argumentsLeft(): u64 {
  return positional.count === 0 ? 0 : positional.count - 1;
}

/** Drops `$1`, and `$2` takes its place. False: there is none. */
export function shiftArguments(): bool {
  if (positional.count < 2) return false;
  for (let i: u64 = 1; i + 1 < positional.count; i++) positional.texts[i] = positional.texts[i + 1];
  positional.count--;
  return true;
}
