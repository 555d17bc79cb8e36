/**
 * `edit NAME`: a small full-screen editor for text objects. The text is worked on in memory (programs/edit/buffer.ts); Ctrl-S writes it to its object in a
 * transaction, so that a power failure leaves the old text or the new one (programs/edit/file.ts).
 */
import '../libtwz/start.ts';
import { FAULT_SIGNAL, FaultFrame } from '../abi/fault.ts';
import { OBJ_NULLPAGE } from '../abi/object.ts';
import { SYS_THREAD_CONTROL, THREAD_RESUME } from '../abi/syscall.ts';
import { SLOT_VIEW, slotAddress, ViewHeader } from '../abi/view.ts';
import { giveUp } from '../libtwz/attempt.ts';
import { endByFault } from '../libtwz/fault-report.ts';
import { complain, printLine } from '../libtwz/io.ts';
import { Key, readKey } from '../libtwz/keyboard.ts';
import { argument, argumentCount } from '../libtwz/program.ts';
import { exit } from '../libtwz/start.ts';
import { syscall } from '../libtwz/syscall.ts';
import { reportSize, setRaw, terminalRows } from '../libtwz/terminal.ts';
import {
  backspace,
  cutLine,
  deleteForward,
  insert,
  insertLine,
  isModified,
  pasteLine,
  undo,
} from './edit/buffer.ts';
import { loadText, saveText } from './edit/file.ts';
import {
  forgetColumn,
  goDown,
  goEnd,
  goHome,
  goLeft,
  goRight,
  goTo,
  goUp,
  goWordLeft,
  goWordRight,
  lastRow,
} from './edit/movement.ts';
import { ask, draw, enterScreen, leaveScreen, tell } from './edit/screen.ts';
import { findNext } from './edit/search.ts';

const USAGE = 'edit NAME';

/** Control characters that are commands. */
enum Control {
  a = 1,
  d = 4,
  e = 5,
  f = 6,
  g = 7,
  k = 11,
  l = 12,
  q = 17,
  s = 19,
  u = 21,
  x = 24,
  z = 26,
}

/** Leaves the screen as it was before anything is said about a fault. Saving may fail and the editor go on; a new size is for the next key to find. */
function onFault(fault: u64, frame: FaultFrame): void {
  if (fault === FAULT_SIGNAL || giveUp(fault, frame)) {
    syscall(SYS_THREAD_CONTROL, THREAD_RESUME, addressOf(frame), 0, 0, 0);
    return;
  }
  finish();
  endByFault(fault, frame);
}

function finish(): void {
  leaveScreen();
  reportSize(false);
  setRaw(false);
}

function save(): bool {
  const problem = saveText(argument(1));
  tell(problem.length === 0 ? 'saved' : problem);
  return problem.length === 0;
}

/** May the editor be left? Asks if the text has been changed. */
function mayQuit(): bool {
  if (!isModified()) return true;
  const answer = ask('Save first? (y/n) ', false);
  if (answer.length === 0) return false;
  if (answer[0] === u8('n')) return true;
  return answer[0] === u8('y') && save();
}

function goToLine(): void {
  const answer = ask('Line: ', true);
  let line: u64 = 0;
  for (const byte of answer.bytes) {
    if (byte < u8('0') || byte > u8('9') || line > lastRow()) break;
    line = line * 10 + u64(byte - u8('0'));
  }
  if (line !== 0) goTo(line - 1, 0);
}

/** Moves by a screen. */
function page(down: bool): void {
  for (let i: u64 = 3; i < terminalRows(); i++) {
    if (down) goDown();
    else goUp();
  }
}

/** Does what a key means. False: the editor ends. */
function act(key: u32): bool {
  switch (key) {
    case u32(Control.q):
    case u32(Control.x):
      return !mayQuit();
    case u32(Control.s):
      save();
      break;
    case u32(Control.f):
      findNext(ask('Find: ', true));
      break;
    case u32(Control.g):
      findNext('');
      break;
    case u32(Control.l):
      goToLine();
      break;
    case u32(Control.k):
      cutLine();
      break;
    case u32(Control.u):
      pasteLine();
      break;
    case u32(Control.z):
      if (!undo()) tell('nothing to take back');
      break;
    case 13:
    case 10:
      insertLine();
      break;
    case 8:
    case 127:
      backspace();
      break;
    case u32(Control.d):
    case u32(Key.delete):
      deleteForward();
      break;
    case u32(Key.pageUp):
      page(false);
      break;
    case u32(Key.pageDown):
      page(true);
      break;
    default:
      if (key === 9 || (key >= 32 && key < 256)) {
        insert(u8(key));
        forgetColumn();
      } else move(key);
      return true;
  }
  if (key !== u32(Key.pageUp) && key !== u32(Key.pageDown)) forgetColumn();
  return true;
}

function move(key: u32): void {
  switch (key) {
    case u32(Key.up):
      goUp();
      break;
    case u32(Key.down):
      goDown();
      break;
    case u32(Key.left):
      goLeft();
      break;
    case u32(Key.right):
      goRight();
      break;
    case u32(Key.wordLeft):
      goWordLeft();
      break;
    case u32(Key.wordRight):
      goWordRight();
      break;
    case u32(Control.a):
    case u32(Key.home):
      goHome();
      break;
    case u32(Control.e):
    case u32(Key.end):
      goEnd();
      break;
  }
}

/** @export */
function main(): u64 {
  if (argumentCount() === 2 && argument(1).equals('--help')) {
    printLine(USAGE);
    printLine('edits a text object. Ctrl-S saves, Ctrl-Q quits, Ctrl-F finds, Ctrl-G finds again,');
    printLine('Ctrl-K cuts a line, Ctrl-U puts it back, Ctrl-Z takes a change back, Ctrl-L goes to a line.');
    return 0;
  }
  if (argumentCount() !== 2) {
    complain('usage', '', USAGE);
    return 2;
  }
  const problem = loadText(argument(1));
  if (problem.length !== 0) {
    complain('edit', argument(1), problem);
    return 1;
  }
  const view = at<ViewHeader>(slotAddress(SLOT_VIEW, OBJ_NULLPAGE));
  view.faultHandler = addressOf(onFault);
  setRaw(true);
  enterScreen();
  reportSize(true);
  do draw(argument(1));
  while (act(readKey()));
  finish();
  exit(0);
}
