/**
 * A line editor for the console: insertion, deletion, cursor keys, words, history, completion, paste. A line may be longer than the terminal is
 * wide; it is then drawn over several rows. Text is UTF-8, and the cursor moves by characters.
 */
import { findInHistory, hasEntry, historyEnd, historyEntry, LINE_MAX } from './history.ts';
import { consoleReady, writeConsole } from './io.ts';
import { Key, readKey } from './keyboard.ts';
import { terminalColumns } from './terminal.ts';
import { characterLength, characterWidth, clusterAfter, clusterBefore } from './utf8.ts';

const line = zeroed<FixedArray<u8, 1024>>();
let length: u64 = 0;
let cursor: u64 = 0;
let prompt: str = '';
/** Row of the terminal's cursor, counted from the row of the prompt. */
let cursorRow: u64 = 0;

function noCompletion(_line: str): void {}

let completion: (line: str) => void = noCompletion;

/** Sets what the Tab key calls, with the line up to the cursor. */
export function setCompletion(complete: (line: str) => void): void {
  completion = complete;
}

// ------------------------------------------------------------------------------------------------------- drawing

const output = zeroed<FixedArray<u8, 8192>>();
let outputUsed: u64 = 0;

function send(): void {
  if (outputUsed !== 0) writeConsole(addressOf(output), outputUsed);
  outputUsed = 0;
}

function put(text: str): void {
  if (outputUsed + text.length > 8192) send();
  memory.copy(addressOf(output) + outputUsed, text.ptr.address, text.length);
  outputUsed += text.length;
}

function putNumber(value: u64): void {
  if (value >= 10) putNumber(value / 10);
  const digit = stack<FixedArray<u8, 1>>();
  digit[0] = u8('0') + u8(value % 10);
  put(strOf(digit.ptr, 1));
}

/** Moves the terminal's cursor `count` places; `direction` is A (up), B (down) or C (right). */
function move(count: u64, direction: str): void {
  if (count === 0) return;
  put('\x1b[');
  putNumber(count);
  put(direction);
}

/** Columns of a prompt: its escape sequences take none. */
function promptWidth(): u64 {
  let width: u64 = 0;
  let i: u64 = 0;
  while (i < prompt.length) {
    if (prompt[i] === 27) {
      while (i < prompt.length && prompt[i] !== u8('m')) i++;
      i++;
      continue;
    }
    width++;
    i += characterLength(prompt[i]);
  }
  return width;
}

/** Where on the terminal the line is before its byte `end`: row and column. */
class Place {
  row: u64;
  column: u64;

  find(end: u64): void {
    const columns = terminalColumns();
    this.row = 0;
    this.column = promptWidth();
    let i: u64 = 0;
    while (i < end) {
      const width = characterWidth(strOf(line.ptr.add(i64(i)), length - i));
      if (this.column + width > columns) {
        this.row++;
        this.column = 0;
      }
      this.column += width;
      i += characterLength(line[i]);
    }
    if (this.column >= columns) {
      this.row++;
      this.column = 0;
    }
  }
}

function rowOf(end: u64): u64 {
  const place = stack<Place>();
  place.find(end);
  return place.row;
}

/** Shows the bytes [from, to) of the line; a line feed that was pasted is shown as an arrow. */
function putLine(from: u64, to: u64): void {
  let start = from;
  for (let i = from; i < to; i++) {
    if (line[i] !== 10) continue;
    put(strOf(line.ptr.add(i64(start)), i - start));
    put('↵');
    start = i + 1;
  }
  put(strOf(line.ptr.add(i64(start)), to - start));
}

/** Draws prompt and line anew, and puts the terminal's cursor where the line's is. */
function redraw(): void {
  const end = stack<Place>();
  const at0 = stack<Place>();
  end.find(length);
  at0.find(cursor);
  move(cursorRow, 'A');
  put('\r\x1b[J');
  put(prompt);
  putLine(0, length);
  // A terminal wraps at the next character only.
  if (end.column === 0 && length !== 0) put(' \r');
  if (cursor !== length) {
    move(end.row - at0.row, 'A');
    put('\r');
    move(at0.column, 'C');
  }
  cursorRow = at0.row;
  send();
}

/** The terminal's cursor goes below the line. */
function leave(): void {
  const end = stack<Place>();
  end.find(length);
  move(end.row - cursorRow, 'B');
  put('\x1b[?2004l\n');
  send();
}

// ------------------------------------------------------------------------------------------------------- editing

function moveLeft(): void {
  cursor = clusterBefore(strOf(line.ptr, length), cursor);
}

function moveRight(): void {
  if (cursor !== length) cursor = clusterAfter(strOf(line.ptr, length), cursor);
}

function isSpace(index: u64): bool {
  return line[index] === u8(' ') || line[index] === 10;
}

function moveWordLeft(): void {
  while (cursor > 0 && isSpace(cursor - 1)) cursor--;
  while (cursor > 0 && !isSpace(cursor - 1)) cursor--;
}

function moveWordRight(): void {
  while (cursor < length && isSpace(cursor)) cursor++;
  while (cursor < length && !isSpace(cursor)) cursor++;
}

/** Removes what lies between the cursor and where it was. */
function eraseTo(before: u64): void {
  const from = min<u64>(before, cursor);
  const to = max<u64>(before, cursor);
  memory.copy(addressOf(line) + from, addressOf(line) + to, length - to);
  length -= to - from;
  cursor = from;
}

function insert(byte: u8): void {
  if (length === LINE_MAX) return;
  memory.copy(addressOf(line) + cursor + 1, addressOf(line) + cursor, length - cursor);
  line[cursor] = byte;
  length++;
  cursor++;
}

/** Puts text in at the cursor; for completion. */
export function insertText(text: str): void {
  for (const byte of text.bytes) insert(byte);
}

let choiceColumn: u64 = 0;

/** Before the first `showChoice`. */
export function startChoices(): void {
  const end = stack<Place>();
  end.find(length);
  move(end.row - cursorRow, 'B');
  put('\n');
  choiceColumn = 0;
}

/** Lists a name below the line; an empty one ends the list. */
export function showChoice(name: str, isNamespace: bool): void {
  const width = name.length + (isNamespace ? 1 : 0);
  if (name.length === 0 || (choiceColumn !== 0 && choiceColumn + width > terminalColumns())) {
    put('\n');
    choiceColumn = 0;
    if (name.length === 0) {
      cursorRow = 0;
      return;
    }
  }
  put(name);
  if (isNamespace) put('/');
  let padding: u64 = 16 - (width & 15);
  choiceColumn += width + padding;
  for (; padding > 0; padding--) put(' ');
}

function replaceLine(text: str): void {
  length = text.length;
  memory.copy(addressOf(line), text.ptr.address, length);
  cursor = length;
}

/** Which entry of the history is shown; its count for the line being written. */
let shown: u64 = 0;

function showHistory(up: bool): void {
  const count = historyEnd();
  if (up ? !hasEntry(shown - 1) : shown === count) return;
  shown = up ? shown - 1 : shown + 1;
  replaceLine(shown === count ? '' : historyEntry(shown));
}

/** What ended a line. */
export enum LineEnd {
  line = 0,
  /** Ctrl-C: the line was given up. */
  interrupt = 1,
  /** Ctrl-D on an empty line. */
  end = 2,
  /** Not ended yet. */
  none = 3,
}

/** Takes in what is pasted, line feeds and all, until the terminal says that it is over. */
function paste(): void {
  for (;;) {
    const key = readKey();
    if (key === u32(Key.pasteEnd)) break;
    if (key === 13) insert(10);
    else if (key === 9) insert(u8(' '));
    else if (key === 10 || (key >= 32 && key < 256 && key !== 127)) insert(u8(key));
  }
  // A line feed at the end would only be in the way.
  while (cursor === length && length > 0 && line[length - 1] === 10) {
    length--;
    cursor--;
  }
}

/** Keys that change the line or move in it. */
function edit(key: u32): void {
  const before = cursor;
  switch (key) {
    case 1:
    case u32(Key.home):
      cursor = 0;
      break;
    case 5:
    case u32(Key.end):
      cursor = length;
      break;
    case 2:
    case u32(Key.left):
      moveLeft();
      break;
    case 6:
    case u32(Key.right):
      moveRight();
      break;
    case u32(Key.wordLeft):
      moveWordLeft();
      break;
    case u32(Key.wordRight):
      moveWordRight();
      break;
    case 8:
    case 127:
      moveLeft();
      eraseTo(before);
      break;
    case 4:
    case u32(Key.delete):
      moveRight();
      eraseTo(before);
      break;
    case 11:
      cursor = length;
      eraseTo(before);
      break;
    case 21:
      cursor = 0;
      eraseTo(before);
      break;
    case 23:
      moveWordLeft();
      eraseTo(before);
      break;
    case u32(Key.wordDelete):
      moveWordRight();
      eraseTo(before);
      break;
    case 16:
    case u32(Key.up):
      showHistory(true);
      break;
    case 14:
    case u32(Key.down):
      showHistory(false);
      break;
    case 9:
      completion(strOf(line.ptr, cursor));
      break;
    case 12:
      put('\x1b[H\x1b[2J');
      cursorRow = 0;
      break;
    case u32(Key.pasteStart):
      paste();
      break;
    case u32(Key.resized):
      // The terminal has broken the lines anew.
      cursorRow = rowOf(cursor);
      break;
    default:
      if (key >= 32 && key < 256) insert(u8(key));
  }
}

/** A character at the end of a line that does not wrap needs no more than itself. */
function drawAppended(key: u32): bool {
  if (key < 32 || key >= 127 || cursor !== length) return false;
  const place = stack<Place>();
  place.find(length);
  if (place.row !== cursorRow || place.column === 0) return false;
  put(strOf(line.ptr.add(i64(length - 1)), 1));
  send();
  return true;
}

// -------------------------------------------------------------------------------------------------------- search

const SEARCH = 18;
const GIVE_UP = 7;
const PATTERN_MAX: u64 = 64;

const pattern = zeroed<FixedArray<u8, 64>>();
let patternLength: u64 = 0;
/** The prompt while searching: `(search) PATTERN: `. */
const searchPrompt = zeroed<FixedArray<u8, 96>>();

function promptForSearch(found: bool): str {
  const head = found ? '(search) ' : '(nothing) ';
  memory.copy(addressOf(searchPrompt), head.ptr.address, head.length);
  memory.copy(addressOf(searchPrompt) + head.length, addressOf(pattern), patternLength);
  searchPrompt[head.length + patternLength] = u8(':');
  searchPrompt[head.length + patternLength + 1] = u8(' ');
  return strOf(searchPrompt.ptr, head.length + patternLength + 2);
}

const beforeSearch = zeroed<FixedArray<u8, 1024>>();

/**
 * Looks for the newest line of the history that has what is typed; again Ctrl-R: for an older one. Ctrl-G and Ctrl-C give up; any other key that is no
 * character takes the line and means what it always means: it is returned.
 */
function search(): u32 {
  const ownPrompt = prompt;
  const lengthBefore = length;
  memory.copy(addressOf(beforeSearch), addressOf(line), length);
  patternLength = 0;
  let place = historyEnd();
  let key: u32 = 0;
  for (;;) {
    const wanted = strOf(pattern.ptr, patternLength);
    const from = key === SEARCH && place !== 0 ? place - 1 : place;
    const found =
      patternLength === 0 ? historyEnd() : findInHistory(wanted, key === SEARCH ? from : historyEnd() - 1);
    const isFound = patternLength === 0 || hasEntry(found);
    if (isFound && patternLength !== 0) {
      place = found;
      replaceLine(historyEntry(found));
    }
    prompt = promptForSearch(isFound);
    redraw();
    key = readKey();
    if ((key === 8 || key === 127) && patternLength > 0) patternLength--;
    else if (key >= 32 && key < 256 && key !== 127 && patternLength < PATTERN_MAX) {
      pattern[patternLength] = u8(key);
      patternLength++;
    } else if (key !== SEARCH && key !== u32(Key.resized)) break;
  }
  prompt = ownPrompt;
  if (key === GIVE_UP || key === 3) {
    replaceLine(strOf(beforeSearch.ptr, lengthBefore));
    return 0;
  }
  shown = hasEntry(place) ? place : historyEnd();
  return key;
}

/** Reads a line after a prompt; `lineText` is the result. */
export function readLine(text: str): LineEnd {
  prompt = text;
  length = 0;
  cursor = 0;
  cursorRow = 0;
  shown = historyEnd();
  put('\x1b[?2004h');
  redraw();
  // Something has changed that the terminal does not show yet.
  let stale = false;
  for (;;) {
    let key = readKey();
    if (key === SEARCH) {
      key = search();
      redraw();
      if (key === 0) continue;
    }
    if (key === 13 || key === 10) {
      if (stale) redraw();
      leave();
      return LineEnd.line;
    }
    if (key === 3) {
      cursor = length;
      redraw();
      put('^C');
      leave();
      return LineEnd.interrupt;
    }
    if (key === 4 && length === 0) {
      leave();
      return LineEnd.end;
    }
    const wasShort = length < LINE_MAX;
    edit(key);
    // While more is on its way there is no need to draw what has changed already.
    if (wasShort && !stale && drawAppended(key)) continue;
    stale = consoleReady();
    if (!stale) redraw();
  }
}

/** The line that was read last. */
export function lineText(): str {
  return strOf(line.ptr, length);
}
