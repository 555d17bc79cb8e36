/**
 * From a word as it was written to the fields that a command gets: quotes, backslashes, `$NAME ${NAME} $? $$ $# $0…$9 $@`, `$(command)`, `$((expression))`,
 * splitting of what came unquoted from an expansion, and patterns (`*`, `?`, `[a-z]`) that stand for names.
 *
 * While a field is put together, every byte that must not be taken for a part of a pattern is preceded by a backslash.
 */
import { NameEntry, NameType } from '../../abi/name.ts';
import { OBJ_NULLPAGE } from '../../abi/object.ts';
import { ThreadRepr } from '../../abi/thread.ts';
import { SLOT_THREAD, slotAddress } from '../../abi/view.ts';
import { readError } from '../../libtwz/attempt.ts';
import { complain } from '../../libtwz/io.ts';
import { Found, isUsed, lookup, nameOf, openNamespace } from '../../libtwz/name.ts';
import { dataOf, openObject } from '../../libtwz/object.ts';
import {
  addField,
  byteAt,
  cut,
  field,
  fieldCount,
  put,
  putText,
  setByte,
  setField,
  textSince,
  top,
} from './arena.ts';
import { arithmeticFailed, evaluate } from './arithmetic.ts';
import { capture, capturedText, releaseCapture } from './interpret.ts';
import { afterBrace, afterSubstitution } from './lexer.ts';
import { argumentsLeft, isNameByte, lastStatus, positionalAt, variable } from './variables.ts';

/** Where the field that is being put together starts. */
let start: u64 = 0;
/** There is a field, although it may be empty: `""`. */
let present = false;
/** It has a pattern character that is not quoted. */
let pattern = false;
let failed = false;

/** Expands a word into fields. False: it cannot be done, and that has been said. */
export function expandWord(word: str): bool {
  failed = false;
  begin();
  expandText(word, true);
  endField();
  return !failed;
}

/** Expands a word into one text, without splitting and patterns: values of assignments, redirections. */
export function expandToText(word: str): str {
  failed = false;
  begin();
  expandText(word, false);
  const from = start;
  removeBackslashes();
  return textSince(from);
}

/** Expands a word of `case` into a pattern, in which backslashes precede what was quoted. */
export function expandPatternWord(word: str): str {
  failed = false;
  begin();
  expandText(word, false);
  return textSince(start);
}

/** Expands the lines of a here-document: only `$`, and backslashes before it. */
export function expandLines(text: str): str {
  failed = false;
  begin();
  let i: u64 = 0;
  while (i < text.length && !failed) {
    const byte = text[i];
    i++;
    if (byte === u8('\\') && i < text.length && (text[i] === u8('$') || text[i] === u8('\\'))) {
      putQuoted(text[i]);
      i++;
    } else if (byte === u8('$')) i = expandDollar(text, i, true, false);
    else putQuoted(byte);
  }
  removeBackslashes();
  return textSince(start);
}

export function expansionFailed(): bool {
  return failed;
}

function begin(): void {
  start = top();
  present = false;
  pattern = false;
}

function isPatternByte(byte: u8): bool {
  return byte === u8('*') || byte === u8('?') || byte === u8('[') || byte === u8('\\');
}

function putQuoted(byte: u8): void {
  if (isPatternByte(byte)) put(u8('\\'));
  put(byte);
  present = true;
}

function putPlain(byte: u8): void {
  if (byte === u8('\\')) put(byte);
  else if (isPatternByte(byte)) pattern = true;
  put(byte);
  present = true;
}

function putValue(text: str, quoted: bool, splits: bool): void {
  for (const byte of text.bytes) {
    if (quoted) putQuoted(byte);
    else if (splits && (byte === u8(' ') || byte === 9 || byte === 10)) endField();
    else putPlain(byte);
  }
}

function expandText(word: str, splits: bool): void {
  let i: u64 = 0;
  let quoted = false;
  while (i < word.length && !failed) {
    const byte = word[i];
    i++;
    if (byte === u8('"')) {
      quoted = !quoted;
      present = true;
    } else if (byte === u8("'") && !quoted) {
      present = true;
      for (; i < word.length && word[i] !== u8("'"); i++) putQuoted(word[i]);
      i++;
    } else if (byte === u8('\\') && i < word.length && (!quoted || escapesInQuotes(word[i]))) {
      putQuoted(word[i]);
      i++;
    } else if (byte === u8('$')) i = expandDollar(word, i, quoted, splits);
    else if (quoted) putQuoted(byte);
    else putPlain(byte);
  }
}

function escapesInQuotes(byte: u8): bool {
  return byte === u8('"') || byte === u8('$') || byte === u8('\\');
}

/** Expands what follows a `$` at `from`; returns the index after it. */
function expandDollar(word: str, from: u64, quoted: bool, splits: bool): u64 {
  if (from < word.length && word[from] === u8('(')) return expandParenthesis(word, from + 1, quoted, splits);
  const braced = from < word.length && word[from] === u8('{');
  const first = braced ? from + 1 : from;
  let end = first;
  if (first < word.length && isNameByte(word[first]) && word[first] > u8('9')) {
    while (end < word.length && isNameByte(word[end])) end++;
  } else if (first < word.length && isSpecial(word[first])) end++;
  if (
    braced &&
    first < word.length &&
    word[first] === u8('#') &&
    first + 1 < word.length &&
    word[first + 1] !== u8('}')
  )
    return expandLength(word, first + 1, quoted, splits);
  if (braced && end > first && end + 1 < word.length && word[end] === u8(':') && word[end + 1] === u8('-'))
    return expandDefault(word, first, end, quoted, splits);
  if (braced && (end === word.length || word[end] !== u8('}') || end === first)) {
    complain('sh', word, 'a name in braces is wanted after $');
    failed = true;
    return word.length;
  }
  if (end === first) {
    putQuoted(u8('$'));
    return from;
  }
  expandName(word.subslice(first, end), quoted, splits);
  return braced ? end + 1 : end;
}

/** `${NAME:-text}`: the text where the variable is empty. Returns the index after it. */
function expandDefault(word: str, first: u64, end: u64, quoted: bool, splits: bool): u64 {
  // The lexer has seen that it is closed.
  const close = afterBrace(word, end);
  if (valueOf(word.subslice(first, end)).length !== 0) expandName(word.subslice(first, end), quoted, splits);
  else if (!quoted) expandWords(word.subslice(end + 2, close - 1), splits);
  else expandQuoted(word.subslice(end + 2, close - 1));
  return close;
}

/** Words with blanks between, which part fields if `splits`. */
function expandWords(text: str, splits: bool): void {
  let from: u64 = 0;
  let quote: u8 = 0;
  for (let i: u64 = 0; i <= text.length; i++) {
    const byte: u8 = i < text.length ? text[i] : u8(' ');
    if (quote !== 0) {
      if (byte === quote) quote = 0;
    } else if (byte === u8("'") || byte === u8('"')) quote = byte;
    else if (byte === u8(' ') || byte === 9) {
      expandText(text.subslice(from, i), splits);
      if (i === text.length) return;
      if (splits) endField();
      else putQuoted(byte);
      from = i + 1;
    }
  }
  expandText(text.subslice(from), splits);
}

/** Text within quotes: `$` means something, blanks and patterns do not. */
function expandQuoted(text: str): void {
  let i: u64 = 0;
  while (i < text.length && !failed) {
    const byte = text[i];
    i++;
    if (byte === u8('$')) i = expandDollar(text, i, true, false);
    else putQuoted(byte);
  }
}

/** `${#NAME}`: how many bytes it has. */
function expandLength(word: str, first: u64, quoted: bool, splits: bool): u64 {
  let end = first;
  while (word[end] !== u8('}')) end++;
  putValue(decimal(i64(valueOf(word.subslice(first, end)).length)), quoted, splits);
  return end + 1;
}

/** The value of a variable or of an argument. */
function valueOf(name: str): str {
  if (name.length === 1 && name[0] >= u8('0') && name[0] <= u8('9'))
    return positionalAt(u64(name[0] - u8('0')));
  return variable(name);
}

function isSpecial(byte: u8): bool {
  return (
    (byte >= u8('0') && byte <= u8('9')) ||
    byte === u8('?') ||
    byte === u8('#') ||
    byte === u8('@') ||
    byte === u8('*') ||
    byte === u8('$')
  );
}

const digits = zeroed<FixedArray<u8, 20>>();

function decimal(value: i64): str {
  let rest = value < 0 ? u64(-value) : u64(value);
  let length: u64 = 0;
  do {
    length++;
    digits[20 - length] = u8('0') + u8(rest % 10);
    rest /= 10;
  } while (rest !== 0);
  if (value < 0) {
    length++;
    digits[20 - length] = u8('-');
  }
  return strOf(digits.ptr.add(i64(20 - length)), length);
}

function expandName(name: str, quoted: bool, splits: bool): void {
  const byte = name[0];
  if (byte === u8('?')) putValue(decimal(i64(lastStatus())), quoted, splits);
  else if (byte === u8('$')) {
    const self = at<ThreadRepr>(slotAddress(SLOT_THREAD, OBJ_NULLPAGE));
    putValue(decimal(i64(self.number)), quoted, splits);
  } else if (byte === u8('#')) putValue(decimal(i64(argumentsLeft())), quoted, splits);
  else if (byte === u8('@') || byte === u8('*')) {
    // In quotes each argument is a field of its own, or all are one.
    for (let i: u64 = 1; i <= argumentsLeft(); i++) {
      if (i > 1) {
        if (splits && !(quoted && byte === u8('*'))) endField();
        else putQuoted(u8(' '));
      }
      putValue(positionalAt(i), quoted, splits);
      if (quoted) present = true;
    }
  } else if (byte >= u8('0') && byte <= u8('9')) putValue(positionalAt(u64(byte - u8('0'))), quoted, splits);
  else putValue(variable(name), quoted, splits);
}

/** `$(command)` and `$((expression))`. */
function expandParenthesis(word: str, from: u64, quoted: bool, splits: bool): u64 {
  const end = afterSubstitution(word, from);
  const inner = word.subslice(from, end - 1);
  if (inner.length > 1 && inner[0] === u8('(') && inner[inner.length - 1] === u8(')')) {
    const expression = inner.subslice(1, inner.length - 1);
    const fieldStart = start;
    const wasPresent = present;
    const wasPattern = pattern;
    const end0 = top();
    const value = evaluate(expandToText(expression));
    cut(end0);
    start = fieldStart;
    present = wasPresent;
    pattern = wasPattern;
    if (failed) return end;
    if (arithmeticFailed()) {
      complain('sh', expression, 'cannot be computed');
      failed = true;
    } else putValue(decimal(value), quoted, splits);
    return end;
  }
  const fieldStart = start;
  const wasPresent = present;
  const wasPattern = pattern;
  const captured = capture(inner);
  start = fieldStart;
  present = wasPresent;
  pattern = wasPattern;
  failed = captured === 0;
  if (failed) return end;
  const text = capturedText(captured);
  let length = text.length;
  // The line feed at the end belongs to the output, not to the value.
  while (length > 0 && text[length - 1] === 10) length--;
  putValue(text.subslice(0, length), quoted, splits);
  releaseCapture(captured);
  return end;
}

/** Turns `\x` into `x` in the field at hand. */
function removeBackslashes(): void {
  const end = top();
  let to = start;
  for (let from = start; from < end; from++) {
    if (byteAt(from) === u8('\\') && from + 1 < end) from++;
    setByte(to, byteAt(from));
    to++;
  }
  cut(to);
}

/** The field at hand is complete. */
function endField(): void {
  if (present) {
    if (!pattern || !expandPattern(textSince(start))) {
      removeBackslashes();
      addField(textSince(start));
    }
  }
  begin();
}

// ----------------------------------------------------------------------------------------------------- patterns

/** Does `name` match `wanted`? In the pattern a backslash takes the next byte for itself. */
export function matches(wanted: str, name: str): bool {
  let p: u64 = 0;
  let n: u64 = 0;
  // Where to go on when the last `*` has to take one byte more.
  let star = ~u64(0);
  let starName: u64 = 0;
  while (n < name.length || p < wanted.length) {
    if (p < wanted.length && wanted[p] === u8('*')) {
      star = p;
      starName = n;
      p++;
      continue;
    }
    if (p < wanted.length && n < name.length) {
      const next = matchOne(wanted, p, name[n]);
      if (next !== 0) {
        p = next;
        n++;
        continue;
      }
    }
    if (star === ~u64(0) || starName >= name.length) return false;
    starName++;
    n = starName;
    p = star + 1;
  }
  return true;
}

/** Index after the element of the pattern at `p` if it matches the byte, else 0. */
function matchOne(wanted: str, p: u64, byte: u8): u64 {
  if (wanted[p] === u8('?')) return p + 1;
  if (wanted[p] === u8('\\') && p + 1 < wanted.length) return wanted[p + 1] === byte ? p + 2 : 0;
  if (wanted[p] !== u8('[')) return wanted[p] === byte ? p + 1 : 0;
  let i = p + 1;
  let found = false;
  const negated = i < wanted.length && wanted[i] === u8('!');
  if (negated) i++;
  while (i < wanted.length && wanted[i] !== u8(']')) {
    const low = wanted[i];
    const range = i + 2 < wanted.length && wanted[i + 1] === u8('-') && wanted[i + 2] !== u8(']');
    const high = range ? wanted[i + 2] : low;
    if (byte >= low && byte <= high) found = true;
    i += range ? 3 : 1;
  }
  if (i >= wanted.length) return wanted[p] === byte ? p + 1 : 0;
  return found !== negated ? i + 1 : 0;
}

/** Adds the names that match as fields, sorted. False: there is none. */
function expandPattern(path: str): bool {
  let slash: u64 = 0;
  for (let i: u64 = 0; i < path.length; i++) if (path[i] === u8('/')) slash = i + 1;
  const folder = path.subslice(0, slash);
  const wanted = path.subslice(slash);
  const found = stack<Found>();
  if (lookup(slash === 0 ? '.' : folder, found) !== 0 || found.type !== NameType.namespace) return false;
  if (readError(dataOf(openObject(found.id))) !== 0) return false;
  const namespace = openNamespace(found.id);
  if (namespace === null) return false;
  const first = fieldCount();
  // The pattern stays below the names that it stands for; all of it goes when the command is over.
  for (let i: u64 = 0; i < namespace.count; i++) {
    const entry: NameEntry = namespace.entries.ptr[i];
    if (!isUsed(entry)) continue;
    const name = nameOf(entry);
    if ((name[0] === u8('.') && wanted[0] !== u8('.')) || !matches(wanted, name)) continue;
    const from = top();
    putText(folder);
    putText(name);
    addField(textSince(from));
  }
  sortFields(first);
  return fieldCount() > first;
}

function isBefore(a: str, b: str): bool {
  const order = memory.compare(a.ptr.address, b.ptr.address, min<u64>(a.length, b.length));
  return order < 0 || (order === 0 && a.length < b.length);
}

function sortFields(first: u64): void {
  for (let i = first + 1; i < fieldCount(); i++) {
    const moving = field(i);
    let to = i;
    for (; to > first && isBefore(moving, field(to - 1)); to--) setField(to, field(to - 1));
    setField(to, moving);
  }
}
