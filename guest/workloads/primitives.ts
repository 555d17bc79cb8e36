/**
 * Cases of libtwz's primitives, for tests: run in place of the shell with the name of a case. Each prints what it found, and `ok` at its end.
 */
import '../libtwz/start.ts';
import { FAULT_NULL, FAULT_OBJECT, FAULT_SIGNAL, FaultFrame } from '../abi/fault.ts';
import { NameType } from '../abi/name.ts';
import { DELETE, FE_VALID, ObjectId, READ, WRITE } from '../abi/object.ts';
import {
  CREATE_PERSIST,
  CREATE_TIED,
  CREATE_VOLATILE,
  ETIMEDOUT,
  SYNC_FOREVER,
  SYS_SIGNAL,
} from '../abi/syscall.ts';
import { Anchor, allocateIn, createHeap, heapOf } from '../libtwz/alloc.ts';
import { isReadable, onFault } from '../libtwz/fault.ts';
import { flush, print, printLine, printNumber } from '../libtwz/io.ts';
import { Log } from '../libtwz/log.ts';
import { Condition, Events, Mutex } from '../libtwz/mutex.ts';
import { assignName, Found, lookup, removeName, rootNamespace } from '../libtwz/name.ts';
import { createObject, dataOf, openObject } from '../libtwz/object.ts';
import {
  forgetTranslation,
  fotEntry,
  fotIndexOfDerived,
  fotIndexOfName,
  onPointerFault,
  translate,
} from '../libtwz/pointer.ts';
import { createPool, Pool } from '../libtwz/pool.ts';
import { argument } from '../libtwz/program.ts';
import { Queue } from '../libtwz/queue.ts';
import { registerDeriver, registerResolver } from '../libtwz/resolver.ts';
import { selfId } from '../libtwz/self.ts';
import { ByteStream } from '../libtwz/stream.ts';
import { syscall } from '../libtwz/syscall.ts';
import { sleepNanoseconds, Thread, yieldThread } from '../libtwz/thread.ts';
import { Tx } from '../libtwz/tx.ts';
import { createVector, Vector } from '../libtwz/vector.ts';
import { objectAt } from '../libtwz/view.ts';
import { WaitSet } from '../libtwz/wait.ts';

const WORKERS: u64 = 4;
const EACH: u64 = 2000;
/** Entries of each producer of a queue. */
const ENTRIES: u64 = 200;

function expect(holds: bool, what: str): void {
  if (holds) return;
  print('NOT ');
  printLine(what);
}

function show(what: str, value: u64): void {
  print(what);
  print(' ');
  printNumber(value);
  printLine('');
}

/** A persistent object named `name`, made at the first time. */
function named(name: str): usize {
  const found = stack<Found>();
  if (lookup(name, found) === 0) return openObject(found.id);
  const id = stack<ObjectId>();
  if (createHeap(id) !== 0) panic('no space');
  assignName(found.parent, found.name, id, NameType.object, false);
  return openObject(id);
}

function scratch(): usize {
  const id = stack<ObjectId>();
  if (createObject(id, READ | WRITE | DELETE | CREATE_VOLATILE | CREATE_TIED) !== 0) panic('no space');
  return dataOf(openObject(id));
}

// ------------------------------------------------------------------------------------------------------ threads

/** What threads share. */
class Shared {
  readonly mutex: Inline<Mutex>;
  readonly condition: Inline<Condition>;
  readonly events: Inline<Events>;
  count: u64;
  ready: u64;
}

function countUp(address: u64): u64 {
  const shared = at<Shared>(address);
  for (let i: u64 = 0; i < EACH; i++) {
    using held = shared.mutex.hold();
    const before = shared.count;
    if (i % 64 === 0) yieldThread();
    shared.count = before + 1;
  }
  return 7;
}

function startAll(threads: FixedArray<Inline<Thread>, 4>, body: (argument: u64) => u64, argument: u64): void {
  for (const thread of threads) expect(thread.start(body, argument) === 0, 'a thread starts');
}

function joinAll(threads: FixedArray<Inline<Thread>, 4>): u64 {
  let sum: u64 = 0;
  for (const thread of threads) sum += thread.join();
  return sum;
}

function mutexCase(): void {
  const shared = at<Shared>(scratch());
  const threads = stack<FixedArray<Inline<Thread>, 4>>();
  startAll(threads, countUp, addressOf(shared));
  show('exit codes', joinAll(threads));
  show('counted', shared.count);
}

/** Tries what fails and what does not, in turns; how often the answer was right. */
function tryOften(address: u64): u64 {
  let right: u64 = 0;
  for (let i: u64 = 0; i < ENTRIES; i++) {
    if (isReadable(address) && !isReadable(0) && !isReadable(usize(0x3000_4000_0000))) right++;
  }
  return right;
}

function tryCase(): void {
  const threads = stack<FixedArray<Inline<Thread>, 4>>();
  startAll(threads, tryOften, scratch());
  show('right answers', joinAll(threads));
}

function waitForReady(address: u64): u64 {
  const shared = at<Shared>(address);
  shared.mutex.acquire();
  while (shared.ready === 0) shared.condition.wait(shared.mutex);
  shared.count += shared.ready;
  shared.mutex.release();
  return shared.events.wait(6);
}

function conditionCase(): void {
  const shared = at<Shared>(scratch());
  const threads = stack<FixedArray<Inline<Thread>, 4>>();
  startAll(threads, waitForReady, addressOf(shared));
  sleepNanoseconds(100_000);
  shared.mutex.acquire();
  shared.ready = 5;
  shared.mutex.release();
  shared.condition.broadcast();
  for (let i: u64 = 0; i < WORKERS; i++) {
    sleepNanoseconds(100_000);
    shared.events.set(2);
  }
  show('events', joinAll(threads));
  show('counted', shared.count);
}

/** Ends without giving the mutex back. */
function holdAndEnd(address: u64): u64 {
  at<Shared>(address).mutex.acquire();
  return 0;
}

function orphanCase(): void {
  const shared = at<Shared>(scratch());
  const thread = stack<Thread>();
  thread.start(holdAndEnd, addressOf(shared));
  thread.join();
  expect(!shared.mutex.tryAcquire(), 'the mutex is held');
  show('taken over', u64(shared.mutex.acquire()));
  shared.mutex.release();
  show('taken over', u64(shared.mutex.acquire()));
}

/** Takes a mutex in a persistent object, and keeps it until the power fails. */
function crashedCase(): void {
  const shared = at<Shared>(dataOf(named('/mutex')) + 0x1000);
  const before = shared.count;
  show('taken over', u64(shared.mutex.acquire()));
  shared.count = before + 1;
  cbo.clean(addressOf(shared.mutex));
  cbo.clean(ptrTo(shared.count).address);
  fence('rw', 'rw');
  show('time', before);
}

// ------------------------------------------------------------------------------------------------------- queues

function produce(address: u64): u64 {
  const queue = at<Queue>(address);
  for (let i: u64 = 1; i <= ENTRIES; i++) queue.put(i, i * i, 3);
  return 0;
}

function queueCase(): void {
  const queue = at<Queue>(scratch());
  queue.initialise(16);
  const threads = stack<FixedArray<Inline<Thread>, 4>>();
  startAll(threads, produce, addressOf(queue));
  const words = stack<FixedArray<u64, 3>>();
  let sum: u64 = 0;
  for (let i: u64 = 0; i < WORKERS * ENTRIES; i++) {
    expect(queue.take(words.ptr), 'an entry comes');
    expect(words[1] === words[0] * words[0] && words[2] === 3, 'an entry is whole');
    sum += words[0];
  }
  joinAll(threads);
  show('sum', sum);
  expect(!queue.tryTake(words.ptr), 'the queue is empty');
  queue.close();
  expect(!queue.take(words.ptr) && !queue.put(1, 2, 3), 'a closed queue is closed');
}

// ---------------------------------------------------------------------------------------------------------- log

function logCase(): void {
  const log = Log.open(openLogObject())!;
  let count: u64 = 0;
  for (let cursor = log.begin(); log.has(cursor); cursor = log.next(cursor)) {
    expect(log.tagAt(cursor) === count, 'tags in order');
    expect(log.textAt(cursor).equals('a line of a log'), 'text as written');
    count++;
  }
  show('records', count);
  for (let i: u64 = 0; i < 3; i++) log.append(count + i, 'a line of a log');
}

function openLogObject(): usize {
  const found = stack<Found>();
  if (lookup('/log', found) === 0) return openObject(found.id);
  const id = stack<ObjectId>();
  createObject(id, READ | WRITE | DELETE | CREATE_PERSIST);
  assignName(found.parent, found.name, id, NameType.object, false);
  return openObject(id);
}

// ------------------------------------------------------------------------------------------------------- faults

let faults: u64 = 0;

/** Goes on behind the instruction. */
function skip(frame: FaultFrame): bool {
  faults++;
  const pc = frame.registers[0];
  frame.registers[0] = pc + ((load<u16>(pc) & 3) === 3 ? 4 : 2);
  return true;
}

function countSignal(frame: FaultFrame): bool {
  show('signal', frame.detail);
  return true;
}

function faultCase(): void {
  const data = scratch();
  expect(isReadable(data), 'memory can be read');
  expect(!isReadable(0), 'null cannot be read');
  expect(!isReadable(usize(0x3000_4000_0000)), 'an empty slot cannot be read');
  onFault(FAULT_NULL, skip);
  onFault(FAULT_OBJECT, skip);
  volatileLoad<u64>(8);
  volatileStore<u64>(usize(0x3000_4000_0000), 1);
  show('faults', faults);
  onFault(FAULT_SIGNAL, countSignal);
  const self = selfId();
  syscall(SYS_SIGNAL, self.lo, self.hi, 15, 1, 0);
  onFault(FAULT_SIGNAL, null);
}

// ---------------------------------------------------------------------------------------------- names in the FOT

/** Writes zero-terminated text. */
function writeText(address: usize, text: str): void {
  memory.copy(address, text.ptr.address, text.length);
  store<u8>(address + text.length, 0);
}

/** A resolver of this program: the name backwards. */
function backwards(name: str, id: ObjectId): bool {
  const buffer = stack<FixedArray<u8, 16>>();
  for (let i: u64 = 0; i < name.length; i++) buffer[i] = name[name.length - 1 - i];
  const found = stack<Found>();
  if (lookup(strOf(buffer.ptr, name.length), found) !== 0) return false;
  assign(id, found.id);
  return true;
}

function instead(base: usize, index: u64): usize {
  show('no way for entry', index);
  return base;
}

function namesCase(): void {
  const base = named('/holder');
  const target = named('/target');
  store<u64>(dataOf(target) + 0x100, 1234);
  writeText(base + 0x8000, '/target');
  writeText(base + 0x8040, 'tegrat/');
  writeText(base + 0x8080, '/later');
  registerResolver(3, backwards);
  const byPath = fotIndexOfName(base, base + 0x8000, 0, READ | WRITE);
  const byNumber = fotIndexOfName(base, base + 0x8040, 3, READ | WRITE);
  const later = fotIndexOfName(base, base + 0x8080, 0, READ | WRITE);
  expect(fotIndexOfName(base, base + 0x8000, 0, READ | WRITE) === byPath, 'an entry is found again');
  expect((fotEntry(base, byPath)!.flags & FE_VALID) !== 0, 'an entry is valid');
  show('by path', load<u64>(translate(base, (byPath << 30) | 0x1100)));
  show('by number', load<u64>(translate(base, (byNumber << 30) | 0x1100)));
  onPointerFault(instead);
  const root = stack<ObjectId>();
  rootNamespace(root);
  removeName(root, 'later');
  expect(translate(base, (later << 30) | 0x1100) === base + 0x1100, 'the handler decides');
}

/** A deriver: an object of the program's own that tells which one it was made of. */
function tell(id: ObjectId): bool {
  const made = scratch();
  store<u64>(made + 0x100, id.lo);
  return objectAt(made, id);
}

/** What a pointer leads to is asked for when it is followed, and may be something else the next time. */
function bindingCase(): void {
  const base = named('/holder');
  const one = named('/one');
  const two = named('/two');
  const root = stack<ObjectId>();
  const id = stack<ObjectId>();
  rootNamespace(root);
  store<u64>(dataOf(one) + 0x100, 1);
  store<u64>(dataOf(two) + 0x100, 2);
  writeText(base + 0x8100, '/current');
  const entry = fotIndexOfName(base, base + 0x8100, 0, READ | WRITE);
  const pointer = (entry << 30) | 0x1100;
  objectAt(one, id);
  assignName(root, 'current', id, NameType.object, true);
  show('first', load<u64>(translate(base, pointer)));
  objectAt(two, id);
  assignName(root, 'current', id, NameType.object, true);
  show('remembered', load<u64>(translate(base, pointer)));
  forgetTranslation(base, entry);
  show('then', load<u64>(translate(base, pointer)));
  // What a program changes in a copy is its own.
  const copy = fotIndexOfDerived(base, id, 0, READ | WRITE);
  const place = translate(base, (copy << 30) | 0x1100);
  show('copied', load<u64>(place));
  store<u64>(place, 77);
  show('the same again', load<u64>(translate(base, (copy << 30) | 0x1100)));
  show('the original', load<u64>(dataOf(two) + 0x100));
  registerDeriver(5, tell);
  const derived = fotIndexOfDerived(base, id, 5, READ | WRITE);
  expect(derived !== copy, 'another deriver is another entry');
  expect(
    load<u64>(translate(base, (derived << 30) | 0x1100)) === id.lo,
    'the deriver was told of the object',
  );
}

// ------------------------------------------------------------------------------------------------------ waiting

const SOURCES: u64 = 3;

/** In the order of its argument: an event, bytes in a stream, an entry in a queue, a while apart. */
function provide(shared: u64): u64 {
  for (let i: u64 = 0; i < 30; i++) {
    sleepNanoseconds(20_000 + (i % 7) * 10_000);
    if (i % SOURCES === 0) at<Events>(shared).set(1 << 5);
    else if (i % SOURCES === 1) at<ByteStream>(shared + 0x10000).write(shared, 1);
    else at<Queue>(shared + 0x1000).put(i, 0, 0);
  }
  at<Queue>(shared + 0x1000).close();
  return 0;
}

/** One thread serves three sources and sleeps while there is nothing to do. */
function waitCase(): void {
  const shared = scratch();
  const events = at<Events>(shared);
  const queue = at<Queue>(shared + 0x1000);
  const stream = at<ByteStream>(shared + 0x10000);
  queue.initialise(4);
  const provider = stack<Thread>();
  provider.start(provide, shared);
  const set = stack<WaitSet>();
  const words = stack<FixedArray<u64, 3>>();
  const served = stack<FixedArray<u64, 3>>();
  let sleeps: u64 = 0;
  let open = true;
  while (open) {
    if (set.watchEvents(events, 1 << 5)) {
      events.take(1 << 5);
      served[0]++;
    } else if (set.watchStream(stream)) {
      stream.read(addressOf(words), 1);
      served[1]++;
    } else if (set.watchQueue(queue)) {
      open = queue.take(words.ptr);
      if (open) served[2]++;
    } else {
      set.sleep(SYNC_FOREVER);
      sleeps++;
    }
    set.clear();
  }
  provider.join();
  for (let i: u64 = 0; i < SOURCES; i++) show('served', served[i]);
  expect(sleeps > 0 && sleeps < 100, 'it sleeps in between');
  expect(!set.watchEvents(events, 1 << 6) && set.sleep(1000) === -ETIMEDOUT, 'waiting ends at its time');
}

// -------------------------------------------------------------------------------------------------- transactions

@persistent
class Account {
  amount: u64;
  other: Account | null;
}

function accountOf(base: usize): Account {
  const root = heapOf(base).root;
  if (root !== null) return at<Account>(addressOf(root));
  using tx = Tx.begin();
  const made = at<Account>(allocateIn(tx, base, sizeof<Account>()));
  heapOf(base).root = at<Anchor>(addressOf(made));
  return made;
}

/** Each thread has transactions of its own: it moves amounts within its own object, and every third time thinks better of it. */
function move(base: u64): u64 {
  const account = accountOf(base);
  for (let i: u64 = 0; i < 200; i++) change(account, i);
  return account.amount;
}

function change(account: Account, index: u64): void {
  using tx = Tx.begin();
  account.amount += 1;
  if (index % 3 === 0) tx.abort();
}

const ACCOUNTS: FixedArray<str, 4> = ['/t0', '/t1', '/t2', '/t3'];

function transactionsCase(): void {
  const threads = stack<FixedArray<Inline<Thread>, 4>>();
  for (let i: u64 = 0; i < WORKERS; i++) threads[i].start(move, named(ACCOUNTS[i]));
  show('amounts', joinAll(threads));
}

// ------------------------------------------------------------------------------------------------------- lifetime

/** A pool's objects end with the first one. */
function makeVector(base: usize): void {
  using tx = Tx.begin();
  const pool: Pool = createPool(tx, base);
  pool.spanAfter(tx, 0x4000, false);
  const vector: Vector<u64> = createVector<u64>(tx, pool);
  for (let i: u64 = 0; i < 6000; i++) vector.push(i);
  heapOf(base).root = at<Anchor>(addressOf(vector));
  show('objects', pool.count);
}

function poolCase(): void {
  const base = named('/pool');
  if (heapOf(base).root === null) makeVector(base);
  const vector = at<Vector<u64>>(addressOf(heapOf(base).root));
  let sum: u64 = 0;
  for (let i: u64 = 0; i < vector.length; i++) sum += vector.get(i);
  show('sum', sum);
}

/** @export */
function main(): u64 {
  const name = argument(2);
  if (name.equals('mutex')) mutexCase();
  else if (name.equals('try')) tryCase();
  else if (name.equals('condition')) conditionCase();
  else if (name.equals('orphan')) orphanCase();
  else if (name.equals('crashed')) crashedCase();
  else if (name.equals('queue')) queueCase();
  else if (name.equals('log')) logCase();
  else if (name.equals('fault')) faultCase();
  else if (name.equals('names')) namesCase();
  else if (name.equals('binding')) bindingCase();
  else if (name.equals('wait')) waitCase();
  else if (name.equals('transactions')) transactionsCase();
  else if (name.equals('pool')) poolCase();
  else panic('there is no such case');
  printLine('ok');
  flush();
  return 0;
}
