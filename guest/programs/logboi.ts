/**
 * `logboi serve NAME [COUNT] | log NAME TEXT… | send NAME TEXT… | show NAME`: the paper's logging service. `serve` keeps a log under NAME and
 * makes known how to reach it in NAME.api: *synchronously* through a gate (`log`: the caller's own thread runs logboi's code in logboi's view, and
 * the line is persistent when it returns), or *asynchronously* through a queue (`send`: logboi's thread takes lines out and appends them). With
 * COUNT it ends after so many lines of both kinds. `show` prints the log.
 */
import '../libtwz/start.ts';
import { NameType } from '../abi/name.ts';
import { DELETE, ObjectId, READ, USE, WRITE } from '../abi/object.ts';
import { CREATE_TIED, CREATE_VOLATILE } from '../abi/syscall.ts';
import { Gates, Service } from '../libtwz/gate.ts';
import { complain, printLine } from '../libtwz/io.ts';
import { sleepOn, wake } from '../libtwz/lock.ts';
import { Log } from '../libtwz/log.ts';
import { assignName, Found, lookup, removeName } from '../libtwz/name.ts';
import { parseNumber } from '../libtwz/number.ts';
import { createObject, dataOf, openObject } from '../libtwz/object.ts';
import { createLasting } from '../libtwz/owner.ts';
import { argument, argumentCount } from '../libtwz/program.ts';
import { Queue } from '../libtwz/queue.ts';
import { Thread } from '../libtwz/thread.ts';

const RIGHTS = READ | WRITE | DELETE | USE;
const MAX_NAME = 72;
/** Bytes of a line, at most. */
const MAX_LINE = 240;
/** Lines that may wait in the queue: each has a place of its own. */
const PLACES: u64 = 64;

/** Behind the gates in the object NAME.api. */
const QUEUE_OFFSET = 0x1000;
const PLACES_OFFSET = 0x4000;

/** A line on its way. */
class Line {
  length: u64;
  readonly text: FixedArray<u8, 248>;

  set(text: str): void {
    this.length = min<u64>(text.length, MAX_LINE);
    memory.copy(addressOf(this.text), text.ptr.address, this.length);
  }

  get(): str {
    return strOf(this.text.ptr, min<u64>(this.length, MAX_LINE));
  }
}

/** The service's own memory: what the gate finds, as it runs in this program's view. */
let log: Log | null = null;
let written: u64 = 0;

function append(line: Line): bool {
  const done = log!.append(0, line.get());
  atomic.add<u64>(ptrTo(written), 1);
  wake(ptrTo(written).address, 1);
  return done;
}

/** The gate: the caller's line lies on the caller's stack. */
function logNow(line: u64): u64 {
  return u64(append(at<Line>(line)));
}

/** The place in the object of gates where the line with this number waits. */
function placeOf(api: usize, number: u64): Line {
  return at<Line>(dataOf(api) + PLACES_OFFSET + (number % PLACES) * sizeof<Line>());
}

function queueOf(api: usize): Queue {
  return at<Queue>(dataOf(api) + QUEUE_OFFSET);
}

/** Takes lines out of the queue until it is closed. */
function drain(api: u64): u64 {
  const words = stack<FixedArray<u64, 3>>();
  while (queueOf(api).take(words.ptr)) append(placeOf(api, words[0]));
  return 0;
}

/** NAME.api, as text in `buffer`. */
function apiName(name: str, buffer: Ptr<u8>): str {
  memory.copy(buffer.address, name.ptr.address, name.length);
  memory.copy(buffer.address + name.length, '.api'.ptr.address, 4);
  return strOf(buffer, name.length + 4);
}

/** The log of this name, made if there is none; null: it cannot be had. */
function openLog(name: str, found: Found): Log | null {
  if (lookup(name, found) !== 0) {
    if (found.name.length === 0 || createLasting(found.id) !== 0) return null;
    if (assignName(found.parent, found.name, found.id, NameType.object, false) !== 0) return null;
  }
  return Log.open(openObject(found.id));
}

function serve(name: str, count: u64): u64 {
  const found = stack<Found>();
  const api = stack<ObjectId>();
  log = openLog(name, found);
  if (log === null || createObject(api, RIGHTS | CREATE_VOLATILE | CREATE_TIED) !== 0) {
    complain('logboi', name, 'is not a log, or there is no space for one');
    return 1;
  }
  const base = openObject(api);
  queueOf(base).initialise(PLACES / 2);
  const gates = stack<Gates>();
  gates.begin(api, null);
  gates.add(logNow);
  gates.publish();
  const buffer = stack<FixedArray<u8, 80>>();
  const apiPath = apiName(found.name, buffer.ptr);
  if (assignName(found.parent, apiPath, api, NameType.object, true) !== 0) {
    complain('logboi', apiPath, 'cannot be named there');
    return 1;
  }
  const thread = stack<Thread>();
  thread.start(drain, base);
  for (;;) {
    const now = atomic.load<u64>(ptrTo(written), Order.acquire);
    if (count !== 0 && now >= count) break;
    sleepOn(ptrTo(written).address, now);
  }
  removeName(found.parent, apiPath);
  queueOf(base).close();
  thread.join();
  return 0;
}

/** The object of gates of the log; −1: there is no such service. */
function findApi(name: str, id: ObjectId): bool {
  const found = stack<Found>();
  const buffer = stack<FixedArray<u8, 80>>();
  if (name.length > MAX_NAME || lookup(apiName(name, buffer.ptr), found) !== 0) {
    complain('logboi', name, 'nobody serves it (logboi serve NAME &)');
    return false;
  }
  assign(id, found.id);
  return true;
}

/** The arguments from the third on, with spaces between. */
function gather(line: Line): void {
  for (let i: u64 = 3; i < argumentCount(); i++) {
    const text = argument(i);
    const room = MAX_LINE - line.length;
    const take = min<u64>(text.length, room);
    memory.copy(addressOf(line.text) + line.length, text.ptr.address, take);
    line.length += take;
    if (i + 1 < argumentCount() && line.length < MAX_LINE) {
      line.text[line.length] = u8(' ');
      line.length += 1;
    }
  }
}

function logThroughGate(name: str): u64 {
  const api = stack<ObjectId>();
  const service = stack<Service>();
  const line = stack<Line>();
  if (!findApi(name, api)) return 1;
  gather(line);
  if (service.open(api) === 0 && service.call(0, addressOf(line)) === 1) return 0;
  complain('logboi', name, 'the line was not taken');
  return 1;
}

function sendThroughQueue(name: str): u64 {
  const api = stack<ObjectId>();
  if (!findApi(name, api)) return 1;
  const base = openObject(api);
  // Each line has a number, and with it a place that is its own until it comes round: there are more places than the queue has entries.
  const number = atomic.add<u64>(at<Ptr<u64>>(dataOf(base) + PLACES_OFFSET - 64), 1);
  gather(placeOf(base, number));
  if (queueOf(base).put(number, 0, 0)) return 0;
  complain('logboi', name, 'the line was not taken');
  return 1;
}

function show(name: str): u64 {
  const found = stack<Found>();
  const shown = lookup(name, found) === 0 ? Log.open(openObject(found.id)) : null;
  if (shown === null) {
    complain('logboi', name, 'is not a log');
    return 1;
  }
  for (let cursor = shown.begin(); shown.has(cursor); cursor = shown.next(cursor))
    printLine(shown.textAt(cursor));
  return 0;
}

function usage(): u64 {
  complain('usage', '', 'logboi serve NAME [COUNT] | log NAME TEXT... | send NAME TEXT... | show NAME');
  return 2;
}

/** @export */
function main(): u64 {
  const count = argumentCount();
  if (count < 3) return usage();
  const action = argument(1);
  const name = argument(2);
  if (action.equals('serve') && count <= 4) {
    const lines = stack<FixedArray<u64, 1>>();
    if (count === 4 && !parseNumber(argument(3), lines.ptr)) return usage();
    return serve(name, lines[0]);
  }
  if (action.equals('log') && count > 3) return logThroughGate(name);
  if (action.equals('send') && count > 3) return sendThroughQueue(name);
  if (action.equals('show') && count === 3) return show(name);
  return usage();
}
