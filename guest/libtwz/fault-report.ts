/**
 * What a program says when a fault ends it: one line that names the object (and its name, if it has one where the program looks names up) and what
 * is the matter. Every program starts with this as the fault handler of its view; one that knows better sets its own.
 */
import {
  FAULT_NULL,
  FAULT_OBJECT,
  FAULT_PAGE,
  FAULT_SECURITY,
  FaultFrame,
  OBJECT_DAMAGED,
  OBJECT_NOT_MAPPED,
  OBJECT_UNKNOWN,
  PAGE_NO_SPACE,
  PAGE_POISON,
} from '../abi/fault.ts';
import { EXEC, OBJ_OFFSET_MASK, ObjectId, READ, WRITE } from '../abi/object.ts';
import { EXIT_FAULT } from '../abi/signal.ts';
import { STAT_PERSISTENT, StatResult, SYS_THREAD_CONTROL, THREAD_RESUME } from '../abi/syscall.ts';
import { attempt, giveUp } from './attempt.ts';
import { flush, programArguments, writeConsole } from './io.ts';
import { Found, lookup, nameIn, rootNamespace } from './name.ts';
import { parseId } from './number.ts';
import { sameId, statObject } from './object.ts';
import { argument, argumentCount } from './program.ts';
import { exit } from './start.ts';
import { syscall } from './syscall.ts';
import { objectAt } from './view.ts';

function show(text: str): void {
  writeConsole(text.ptr.address, text.length);
}

function showHex(value: u64, digits: u64): void {
  const text = stack<FixedArray<u8, 16>>();
  for (let i: u64 = 0; i < digits; i++) {
    const digit = u8((value >> ((digits - 1 - i) * 4)) & 15);
    text[i] = digit < 10 ? u8('0') + digit : u8('a') + (digit - 10);
  }
  writeConsole(addressOf(text), digits);
}

/** The argument of the program that names an object; empty if none does. */
function argumentFor(id: ObjectId): str {
  const found = stack<Found>();
  for (let i: u64 = 1; i < argumentCount(); i++) {
    if (argument(i).length !== 0 && lookup(argument(i), found) === 0 && sameId(found.id, id))
      return argument(i);
  }
  return '';
}

/** What the program works on, where the object that faults may not have a name yet. */
let subject: str = '';

/** From now on a report about an object without a name says what the program was working on. */
export function workOn(path: str): void {
  subject = path;
}

/** Shows the name that the program was told for an object, or its name in the working namespace or the root. */
function showName(address: u64): i64 {
  const id = at<ObjectId>(address);
  const root = stack<ObjectId>();
  let name = argumentFor(id);
  if (name.length === 0) name = nameIn(programArguments().directory, id);
  if (name.length === 0 && rootNamespace(root)) {
    name = nameIn(root, id);
    if (name.length !== 0) show('/');
  }
  // The ID is shown in any case.
  if (name.length === 0 && !parseId(subject, root)) name = subject;
  if (name.length === 0) return 0;
  show(name);
  show(' ');
  return 0;
}

/** The object by its name, if one can be found, and its ID. */
function showObject(id: ObjectId): void {
  attempt(showName, addressOf(id));
  show('(object ');
  showHex(id.hi, 16);
  show(':');
  showHex(id.lo, 16);
  show('): ');
}

function showPlace(what: str, value: u64): void {
  show(what);
  show(' 0x');
  showHex(value, 8);
}

function isStored(id: ObjectId): bool {
  const stat = stack<StatResult>();
  return statObject(id, stat) === 0 && (stat.flags & STAT_PERSISTENT) !== 0;
}

function showPageFault(frame: FaultFrame): void {
  if (frame.detail === PAGE_NO_SPACE) {
    if (isStored(frame.object)) show('no space left in the object store (df shows how much there is)');
    else show('no memory left (free shows how much there is)');
  } else if (frame.detail === PAGE_POISON) {
    showPlace('the page at', frame.address & OBJ_OFFSET_MASK & ~u64(0xfff));
    show(' is poisoned: the NVDIMM has lost what it held');
  } else showPlace('it cannot hold anything at', frame.offset);
}

function showRights(missing: u64): void {
  show('you have not the right to');
  if ((missing & WRITE) !== 0) show(' write it');
  else if ((missing & EXEC) !== 0) show(' run it');
  else if ((missing & READ) !== 0) show(' read it');
  else show(' enter it there');
}

function showFault(fault: u64, frame: FaultFrame): void {
  show(argument(0));
  show(': ');
  const known = fault === FAULT_OBJECT ? frame.detail !== OBJECT_NOT_MAPPED : true;
  if (
    known &&
    fault !== FAULT_NULL &&
    (frame.object.lo !== 0 || frame.object.hi !== 0 || objectAt(frame.address, frame.object))
  )
    showObject(frame.object);
  if (fault === FAULT_PAGE) showPageFault(frame);
  else if (fault === FAULT_SECURITY) showRights(frame.detail & 0xff);
  else if (fault === FAULT_NULL) show('a null pointer was followed');
  else if (fault === FAULT_OBJECT && frame.detail === OBJECT_UNKNOWN) show('no such object');
  else if (fault === FAULT_OBJECT && frame.detail === OBJECT_DAMAGED) show('it is damaged');
  else if (fault === FAULT_OBJECT) showPlace('no object is mapped at', frame.address);
  else showPlace('exception', frame.detail);
  if (fault !== FAULT_PAGE && fault !== FAULT_SECURITY) showPlace(', pc', frame.registers[0]);
  show('\n');
}

/** A fault that is not this program's own text must not find the report waiting in front of it. */
let reporting = false;

/** The handler: says what happened and ends the program, unless what faulted was only tried (attempt.ts). */
export function endByFault(fault: u64, frame: FaultFrame): void {
  if (giveUp(fault, frame)) {
    syscall(SYS_THREAD_CONTROL, THREAD_RESUME, addressOf(frame), 0, 0, 0);
    return;
  }
  if (reporting) exit(EXIT_FAULT + fault);
  reporting = true;
  flush();
  showFault(fault, frame);
  exit(EXIT_FAULT + fault);
}
