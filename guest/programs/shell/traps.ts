/**
 * `trap`: texts that the shell runs when it ends (EXIT) or gets a signal. A signal only sets a flag; its text is run between two commands, so that no command
 * sees another one in its middle. While the shell waits for a program it is run when that one has ended.
 *
 * A signal without a trap ends a shell that has one for EXIT in order: what runs is given up, the text for EXIT is run, and the exit code is that of the signal.
 */
import {
  EXIT_SIGNAL,
  SIGNAL_INTERRUPT,
  SIGNAL_KILL,
  SIGNAL_QUIT,
  SIGNAL_STOP,
  SIGNAL_TERMINATE,
  SIGNALS,
} from '../../abi/signal.ts';
import { allocate } from '../../libtwz/heap.ts';
import { complain, flush, print, printLine, printNumber } from '../../libtwz/io.ts';
import { exit } from '../../libtwz/start.ts';
import { field } from './arena.ts';
import { readInteger } from './arithmetic.ts';
import { runText } from './interpret.ts';
import { forgetInterrupt, giveKeysBack, takeSignals } from './keys.ts';
import { lastStatus, setStatus } from './variables.ts';

const MISUSE: u64 = 2;
/** Number of the trap for the shell's end; no signal has it. */
const AT_EXIT: u64 = 0;

class Trap {
  isSet: bool;
  /** What is run; nothing: the signal is ignored. */
  text: str;
  /** Bytes at `text`. */
  room: u64;
}

const traps = zeroed<FixedArray<Inline<Trap>, 64>>();
/** Signals that have come and whose texts are still to be run, a bit each. */
let pending: u64 = 0;
/** The text of a trap runs: others wait. */
let running = false;
/** The signal that ends the shell; 0: none does. */
let ending: u64 = 0;

function nameOf(number: u64): str {
  switch (number) {
    case AT_EXIT:
      return 'EXIT';
    case SIGNAL_INTERRUPT:
      return 'INT';
    case SIGNAL_QUIT:
      return 'QUIT';
    case SIGNAL_TERMINATE:
      return 'TERM';
  }
  return '';
}

/** The number that a name (`INT`, `SIGINT`) or a number means; SIGNALS: nothing that can have a trap. */
function numberOf(text: str): u64 {
  const value = stack<FixedArray<i64, 1>>();
  const name = text.length > 3 && text.subslice(0, 3).equals('SIG') ? text.subslice(3) : text;
  if (readInteger(name, value.ptr)) {
    const number = u64(value[0]);
    return number === SIGNAL_KILL || number === SIGNAL_STOP ? SIGNALS : min<u64>(number, SIGNALS);
  }
  for (let number: u64 = 0; number < SIGNALS; number++)
    if (nameOf(number).length !== 0 && nameOf(number).equals(name)) return number;
  return SIGNALS;
}

function keep(trap: Trap, text: str): void {
  if (text.length > trap.room) {
    trap.room = text.length;
    trap.text = strOf(at<Ptr<u8>>(allocate(trap.room, 1)), 0);
  }
  memory.copy(trap.text.ptr.address, text.ptr.address, text.length);
  trap.text = strOf(trap.text.ptr, text.length);
  trap.isSet = true;
}

function show(): u64 {
  for (let number: u64 = 0; number < SIGNALS; number++) {
    if (!traps[number].isSet) continue;
    print("trap -- '");
    print(traps[number].text);
    print("' ");
    if (nameOf(number).length !== 0) print(nameOf(number));
    else printNumber(number);
    printLine('');
  }
  return 0;
}

/** `trap [COMMANDS | -] [EXIT | SIGNAL]...` of fields [from, to); its exit code. */
export function setTraps(from: u64, to: u64): u64 {
  if (from === to) return show();
  if (to - from < 2) {
    complain('usage', '', 'trap [COMMANDS | -] [EXIT | SIGNAL]...');
    return MISUSE;
  }
  const text = field(from);
  for (let i = from + 1; i < to; i++) {
    const number = numberOf(field(i));
    if (number === SIGNALS) {
      complain('trap', field(i), 'no such signal, or none that can be caught');
      return 1;
    }
    const trap = traps[number];
    if (text.equals('-')) trap.isSet = false;
    else keep(trap, text);
    if (trap.isSet) takeSignals();
  }
  return 0;
}

/** A signal has come. True: it has a trap (or is to end the shell in order), and nothing else is to be done about it now. */
export function trapped(number: u64): bool {
  if (number === AT_EXIT || number >= SIGNALS) return false;
  if (!traps[number].isSet) return false;
  if (traps[number].text.length !== 0) pending |= u64(1) << number;
  return true;
}

/** Is the shell to be ended in order by signals that have no trap? */
export function hasExitTrap(): bool {
  return traps[AT_EXIT].isSet;
}

/** The shell ends for this signal as soon as what runs has been given up. */
export function endFor(number: u64): void {
  ending = number;
}

/** Runs the texts of signals that have come; the exit code stays. To be called between commands. */
export function runTraps(): void {
  if (pending === 0 || running) return;
  running = true;
  const status = lastStatus();
  while (pending !== 0) {
    const number = ctz<u64>(pending);
    pending &= ~(u64(1) << number);
    runText(traps[number].text);
  }
  setStatus(status);
  running = false;
}

/** Runs the text for EXIT, once; the exit code with which the shell ends. */
function runExitTrap(code: u64): u64 {
  const status = ending !== 0 ? EXIT_SIGNAL + ending : code;
  const trap = traps[AT_EXIT];
  if (!trap.isSet) return status;
  trap.isSet = false;
  forgetInterrupt();
  setStatus(status);
  runText(trap.text);
  return status;
}

/** Ends the shell, here and now. */
export function leaveShell(code: u64): void {
  const status = runExitTrap(code);
  flush();
  giveKeysBack();
  exit(status);
}
