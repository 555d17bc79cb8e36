/**
 * Who gets Ctrl-C and Ctrl-Z (docs/kernel.md, the console's foreground). At its prompt an interactive shell has them as keys; while a job of its own runs they
 * are that job's; while it runs commands of its own they are signals to itself, which end the command. A shell that runs a script has no jobs
 * in groups of their own: the keys mean it and all that it runs.
 */
import { FAULT_SIGNAL, FaultFrame } from '../../abi/fault.ts';
import { ACTION_CONSOLE_FOREGROUND, CONSOLE_FOREGROUND, CONSOLE_RAW, Device } from '../../abi/kso.ts';
import { OBJ_NULLPAGE, ObjectId } from '../../abi/object.ts';
import { STREAM_EMPTY } from '../../abi/program.ts';
import {
  EXIT_SIGNAL,
  SIGNAL_INTERRUPT,
  SIGNAL_KEYBOARD_STOP,
  SIGNAL_QUIT,
  SIGNAL_STOP,
  SIGNAL_WINDOW,
} from '../../abi/signal.ts';
import { SYS_ACTION, SYS_SIGNAL, SYS_THREAD_CONTROL, THREAD_RESUME } from '../../abi/syscall.ts';
import { ThreadRepr } from '../../abi/thread.ts';
import { SLOT_THREAD, SLOT_VIEW, slotAddress, ViewHeader } from '../../abi/view.ts';
import { endByFault } from '../../libtwz/fault-report.ts';
import { console, findDevice, programArguments } from '../../libtwz/io.ts';
import { selfId } from '../../libtwz/self.ts';
import { exit } from '../../libtwz/start.ts';
import { syscall } from '../../libtwz/syscall.ts';
import { endFor, hasExitTrap, trapped } from './traps.ts';

let interactive = false;
let pressed = false;
/** Group that had the keys before this shell. */
let before: u64 = 0;

function ownGroup(): u64 {
  return at<ThreadRepr>(slotAddress(SLOT_THREAD, OBJ_NULLPAGE)).group;
}

function setForeground(group: u64): void {
  const device = stack<ObjectId>();
  if (!findDevice(Device.console, device)) return;
  syscall(SYS_ACTION, device.lo, device.hi, ACTION_CONSOLE_FOREGROUND, group, 0);
}

/** A signal without a trap in a shell that talks to a person: those that are keys do not end it. */
function onKey(number: u64): void {
  if (number === SIGNAL_INTERRUPT) pressed = true;
  else if (number !== SIGNAL_KEYBOARD_STOP && number !== SIGNAL_QUIT && number !== SIGNAL_WINDOW) {
    exit(EXIT_SIGNAL + number);
  }
}

/** The same in one that runs a script: what it would do without traps, but that it ends in order. */
function onSignal(number: u64): void {
  const self = stack<ObjectId>();
  if (number === SIGNAL_WINDOW) return;
  if (number === SIGNAL_KEYBOARD_STOP) {
    assign(self, selfId());
    syscall(SYS_SIGNAL, self.lo, self.hi, SIGNAL_STOP, 0, 0);
  } else if (hasExitTrap()) {
    endFor(number);
    pressed = true;
  } else exit(EXIT_SIGNAL + number);
}

/** What comes while the shell itself works. */
function onFault(fault: u64, frame: FaultFrame): void {
  if (fault !== FAULT_SIGNAL) endByFault(fault, frame);
  const number = frame.detail;
  // The text of a trap is run between two commands.
  if (!trapped(number)) {
    if (interactive) onKey(number);
    else onSignal(number);
  }
  syscall(SYS_THREAD_CONTROL, THREAD_RESUME, addressOf(frame), 0, 0, 0);
}

/** For a shell that talks to a person. */
export function takeKeys(): void {
  interactive = true;
  before = console().info[CONSOLE_FOREGROUND];
  takeSignals();
  keysForPrompt();
}

/** For a shell that has traps: signals come to `onFault`. */
export function takeSignals(): void {
  const view = at<ViewHeader>(slotAddress(SLOT_VIEW, OBJ_NULLPAGE));
  view.faultHandler = addressOf(onFault);
  view.faultMask &= ~(u64(1) << FAULT_SIGNAL);
}

/** For a shell that runs a script: where nobody has the keys, Ctrl-C ends it. */
export function joinForeground(): void {
  if (programArguments().input.kind !== STREAM_EMPTY && console().info[CONSOLE_FOREGROUND] === 0)
    setForeground(ownGroup());
}

export function giveKeysBack(): void {
  if (interactive) setForeground(before);
}

/** Do jobs have groups of their own? */
export function hasJobControl(): bool {
  return interactive;
}

/** Every key is input. */
export function keysForPrompt(): void {
  // The program that ran last may have ended without giving the keyboard back.
  console().flags &= ~u32(CONSOLE_RAW);
  if (interactive) setForeground(0);
}

/** Ctrl-C interrupts what the shell does by itself. */
export function keysForShell(): void {
  if (interactive) setForeground(ownGroup());
}

export function keysForJob(group: u64): void {
  if (interactive) setForeground(group);
}

/** Has Ctrl-C been pressed since `forgetInterrupt`? */
export function interrupted(): bool {
  return pressed;
}

/** A program was ended by Ctrl-C, and so is what it was a part of. */
export function noteInterrupt(): void {
  if (!trapped(SIGNAL_INTERRUPT)) pressed = true;
}

export function forgetInterrupt(): void {
  pressed = false;
}
