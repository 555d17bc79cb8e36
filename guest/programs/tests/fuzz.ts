/**
 * Random system calls from threads without rights, beside a witness whose memory and progress they must not touch. Arguments mix
 * what is valid (own objects, own memory) with what is another's, the kernel's, at an edge, or random. The command says how many calls, how
 * many threads make them, and the seed: `20000 2 1`.
 */
import { FaultFrame } from '../../abi/fault.ts';
import { Device, KsoList, KsoType } from '../../abi/kso.ts';
import { EXEC, OBJ_NULLPAGE, ObjectId, READ, WRITE } from '../../abi/object.ts';
import { SIGNAL_KILL } from '../../abi/signal.ts';
import {
  CONFIG_PAGES_FREE,
  CreateArgs,
  ROOT_ARCHIVE,
  ROOT_KSO,
  SPAWN_NO_CONTEXTS,
  SpawnArgs,
  SYS_ACTION,
  SYS_BECOME,
  SYS_CONFIG,
  SYS_CREATE,
  SYS_DEBUG_PRINT,
  SYS_DELETE,
  SYS_ROOT,
  SYS_SIGNAL,
  SYS_THREAD_CONTROL,
  SYS_THREAD_SPAWN,
  SYS_THREAD_SYNC,
  SYSCALLS,
  THREAD_EXIT,
} from '../../abi/syscall.ts';
import { SYNC_EXIT, ThreadRepr } from '../../abi/thread.ts';
import {
  SLOT_EXEC,
  SLOT_STACK,
  SLOT_VIEW,
  slotAddress,
  VIEW_TABLE,
  ViewEntry,
  ViewHeader,
} from '../../abi/view.ts';
import { syscall } from '../../libtwz/syscall.ts';
import {
  check,
  checkEqual,
  command,
  copyOf,
  create,
  exitThread,
  findDevice,
  map,
  mapWith,
  OPEN,
  say,
  sayNumber,
  setEntry,
  setEntryOf,
  sleep,
} from './testing.ts';

const FUZZERS = 4;
const POOL = 24;
/** Slots of a fuzzer's view: its state, and objects that it may touch. */
const SLOT_STATE = 0x1_0800;
const SLOT_TOUCH = 0x1_0900;

/** What a fuzzer leaves to its successor. */
class State {
  random: u64;
  calls: u64;
  /** IDs to use as arguments: the first ones are other people's and stay, the others are replaced by what calls give back. */
  readonly pool: FixedArray<Inline<ObjectId>, 24>;
  next: u64;
}

/** IDs in the pool that are not the fuzzer's own. */
const OTHERS = 10;

/** The fuzzer's state: slot SLOT_STATE of its view. */
function stateOf(): State {
  return at<State>(slotAddress(SLOT_STATE, OBJ_NULLPAGE));
}

function random(state: State): u64 {
  let x = state.random;
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  state.random = x;
  return x * 0x2545_f491_4f6c_dd1d;
}

function below(state: State, limit: u64): u64 {
  return (random(state) >> 11) % limit;
}

/** Arguments that are structures. */
const block = zeroed<FixedArray<u64, 128>>();

/** An address: own memory, another's, the kernel's, none. */
function anyAddress(state: State): u64 {
  switch (below(state, 12)) {
    case 0:
      return slotAddress(SLOT_STACK, 0x8_0000 + below(state, 4096));
    case 1:
      return slotAddress(SLOT_TOUCH + below(state, POOL), OBJ_NULLPAGE + (below(state, 64) << 3));
    case 2:
      return slotAddress(SLOT_TOUCH + below(state, POOL), below(state, 1 << 30));
    case 3:
      return 0xffff_8000_8000_0000 + below(state, 1 << 28);
    case 4:
      return 0xffff_8000_1000_0000 + below(state, 1 << 12);
    case 5:
      return slotAddress(SLOT_VIEW, OBJ_NULLPAGE + below(state, 1 << 20));
    case 6:
      return below(state, 4096);
    case 7:
      return 0x8000_0000_0000 - below(state, 64);
    case 8:
      return addressOf(fuzzChild);
  }
  return addressOf(block) + (below(state, 32) << 3);
}

/** One word of an argument. */
function anyWord(state: State): u64 {
  switch (below(state, 10)) {
    case 0:
      return random(state);
    case 1:
      return u64(1) << below(state, 64);
    case 2:
      return ~u64(0) - below(state, 4096);
    case 3:
      return below(state, 1 << 18) << 12;
    case 4:
    case 5:
      return anyAddress(state);
    case 6:
      return state.pool[below(state, POOL)].lo;
    case 7:
      return below(state, 0x8000);
  }
  return below(state, 16);
}

/** Fills the block with words, many of them IDs in their place. */
function fillBlock(state: State): void {
  let i: u64 = 0;
  while (i < 64) {
    if (below(state, 3) === 0) {
      const id = state.pool[below(state, POOL)];
      block[i] = id.lo;
      block[i + 1] = id.hi;
      i += 2;
    } else {
      block[i] = below(state, 3) === 0 ? anyWord(state) : 0;
      i++;
    }
  }
}

/** Puts an ID that a call gave back into the pool and a slot of the view; what was there is deleted. */
function keep(state: State, id: ObjectId): void {
  const index = OTHERS + (state.next % (POOL - OTHERS));
  state.next++;
  const old = state.pool[index];
  syscall(SYS_DELETE, old.lo, old.hi, below(state, 2), 0, 0);
  assign(old, id);
  setEntry(SLOT_TOUCH + index, id, READ | WRITE | EXEC);
}

/** One random call. */
function oneCall(state: State): void {
  const args = stack<FixedArray<u64, 5>>();
  fillBlock(state);
  // An ID in the first two arguments, or in the second two; or words.
  for (let i: u64 = 0; i < 5; i++) args[i] = anyWord(state);
  const id = state.pool[below(state, POOL)];
  const other = state.pool[below(state, POOL)];
  const shape = below(state, 4);
  if (shape !== 0) {
    args[0] = id.lo;
    args[1] = id.hi;
  }
  if (shape === 2) {
    args[2] = other.lo;
    args[3] = other.hi;
  }
  let call = below(state, SYSCALLS + 2);
  if (below(state, 64) === 0) call = random(state);
  // Structures, more often than not, are there at all.
  if (call === SYS_CREATE || call === SYS_THREAD_SPAWN || call === SYS_BECOME || call === 17) {
    args[0] = below(state, 4) === 0 ? anyAddress(state) : addressOf(block);
    if (call === SYS_CREATE) {
      const create = at<CreateArgs>(addressOf(block));
      if (below(state, 8) !== 0) create.sourceCount = below(state, 3);
      if (below(state, 8) !== 0) create.sources = at<Ptr<u8>>(addressOf(block) + 64);
      if (below(state, 2) !== 0) create.flags = below(state, 0x1_0000);
    } else if (call === SYS_THREAD_SPAWN) {
      const spawn = at<SpawnArgs>(addressOf(block));
      if (below(state, 8) !== 0) spawn.start = addressOf(fuzzChild);
    } else if (call === SYS_BECOME && below(state, 2) === 0) args[0] = 0;
  } else if (call === SYS_THREAD_SYNC) {
    args[0] = addressOf(block);
    args[1] = below(state, 8);
    if (below(state, 16) !== 0) args[2] = below(state, 100_000);
  } else if (call === SYS_DEBUG_PRINT || (call === SYS_ACTION && below(state, 4) !== 0)) {
    if (call === SYS_DEBUG_PRINT) args[1] = below(state, 16);
    else args[4] = below(state, 16);
  } else if (call === SYS_THREAD_CONTROL) {
    args[0] = below(state, 8);
    if (args[0] === THREAD_EXIT && below(state, 8) !== 0) args[0] = 2;
  } else if (call === SYS_ROOT || call === 19) {
    if (below(state, 2) === 0) args[call === 19 ? 2 : 1] = addressOf(block) + 256;
  }
  state.calls++;
  const result = syscall(call, args[0], args[1], args[2], args[3], args[4]);
  if (result !== 0) return;
  if (call === SYS_CREATE && args[0] === addressOf(block)) keep(state, at<CreateArgs>(args[0]).id);
  else if (call === SYS_THREAD_SPAWN && args[0] === addressOf(block)) keep(state, at<ObjectId>(args[0]));
}

/** Writes garbage into an object of one's own (a context, a view, a representation), or an entry of the own view, and touches it. */
function meddle(state: State): void {
  const index = OTHERS + below(state, POOL - OTHERS);
  if (below(state, 2) === 0) {
    const entry = at<ViewEntry>(
      slotAddress(SLOT_VIEW, VIEW_TABLE) + (SLOT_TOUCH + index) * sizeof<ViewEntry>(),
    );
    const id = state.pool[below(state, POOL)];
    entry.lo = id.lo;
    entry.hi = id.hi;
    volatileStore<u32>(ptrTo(entry.flags).address, u32(random(state)));
  }
  const place = slotAddress(SLOT_TOUCH + index, OBJ_NULLPAGE);
  for (let i: u64 = 0; i < 8; i++) volatileStore<u64>(place + (below(state, 9000) << 3), anyWord(state));
}

function fuzz(_argument: u64): void {
  const state = stateOf();
  for (;;) {
    oneCall(state);
    if (below(state, 64) === 0) meddle(state);
  }
}

/** What threads run that fuzzers start: nothing much. */
function fuzzChild(): void {
  exitThread(1);
}

/** A fault ends a fuzzer; another one goes on. */
function fuzzFault(_fault: u64, _frame: FaultFrame): void {
  exitThread(2);
}

/**
 * @naked
 */
function fuzzStart(): void {
  asm`
    call __fuzz_body
    li a0, 0
    j __exit_thread`;
}

/** @export __fuzz_body */
function fuzzBody(argument: u64): void {
  fuzz(argument);
}

// ---------------------------------------------------------------------------------------------------- the witness

const WITNESS_WORDS = 4096;

class WitnessBoard {
  progress: u64;
  wrong: u64;
  stop: u64;
}

let board: u64 = 0;
let witnessData: u64 = 0;

/** Fills memory with a pattern that moves on, checks all of it each time, and counts its rounds. */
function witness(): void {
  const shared = at<WitnessBoard>(board);
  let round: u64 = 1;
  while (volatileLoad<u64>(ptrTo(shared.stop).address) === 0) {
    for (let i: u64 = 0; i < WITNESS_WORDS; i++)
      store<u64>(witnessData + i * 8, (i ^ round) * 0x9e37_79b9_7f4a_7c15);
    sleep(50_000);
    for (let i: u64 = 0; i < WITNESS_WORDS; i++) {
      if (load<u64>(witnessData + i * 8) !== (i ^ round) * 0x9e37_79b9_7f4a_7c15) shared.wrong++;
    }
    round++;
    shared.progress++;
  }
  exitThread(3);
}

// ------------------------------------------------------------------------------------------------- the main thread

/** A fuzzer as the main thread sees it. */
class Fuzzer {
  readonly stateObject: Inline<ObjectId>;
  readonly code: Inline<ObjectId>;
  readonly view: Inline<ObjectId>;
  readonly stackObject: Inline<ObjectId>;
  readonly thread: Inline<ObjectId>;
  state: State;
  /** Address of the representation object in the main thread's view. */
  repr: ThreadRepr;
  lastCalls: u64;
  /** How often in a row no call was made. */
  idle: u64;
  slot: u64;
}

const fuzzers = zeroed<FixedArray<Inline<Fuzzer>, 4>>();
const self = zeroed<ObjectId>();
let restarts: u64 = 0;

function startFuzzer(fuzzer: Fuzzer): bool {
  if (copyOf(fuzzer.code, self, OPEN | EXEC) !== 0) return false;
  if (create(fuzzer.view, OPEN) !== 0 || create(fuzzer.stackObject, OPEN) !== 0) return false;
  setEntry(fuzzer.slot, fuzzer.view, READ | WRITE);
  const view = slotAddress(fuzzer.slot, 0);
  setEntryOf(view, SLOT_EXEC, fuzzer.code, READ | WRITE | EXEC);
  setEntryOf(view, SLOT_STATE, fuzzer.stateObject, READ | WRITE);
  for (let i: u64 = 0; i < POOL; i++)
    setEntryOf(view, SLOT_TOUCH + i, fuzzer.state.pool[i], READ | WRITE | EXEC);
  at<ViewHeader>(view + OBJ_NULLPAGE).faultHandler = addressOf(fuzzFault);
  const args = stack<SpawnArgs>();
  assign(args.view, fuzzer.view);
  assign(args.stack, fuzzer.stackObject);
  args.start = addressOf(fuzzStart);
  args.stackPointer = slotAddress(SLOT_STACK, 0x10_0000);
  args.flags = SPAWN_NO_CONTEXTS;
  if (syscall(SYS_THREAD_SPAWN, addressOf(args), 0, 0, 0, 0) !== 0) return false;
  assign(fuzzer.thread, args.thread);
  setEntry(fuzzer.slot + 1, fuzzer.thread, READ | WRITE);
  fuzzer.repr = at<ThreadRepr>(slotAddress(fuzzer.slot + 1, OBJ_NULLPAGE));
  fuzzer.idle = 0;
  restarts++;
  return true;
}

function cleanUp(fuzzer: Fuzzer): void {
  syscall(SYS_DELETE, fuzzer.thread.lo, fuzzer.thread.hi, 0, 0, 0);
  syscall(SYS_DELETE, fuzzer.view.lo, fuzzer.view.hi, 0, 0, 0);
  syscall(SYS_DELETE, fuzzer.code.lo, fuzzer.code.hi, 0, 0, 0);
  syscall(SYS_DELETE, fuzzer.stackObject.lo, fuzzer.stackObject.hi, 0, 0, 0);
}

/** The pool begins with what is not the fuzzer's: the witness's objects, devices, roots, a closed and a readable object. */
function makePool(state: State, witnessIds: Ptr<Inline<ObjectId>>): void {
  for (let i: u64 = 0; i < 4; i++) assign(state.pool[i], witnessIds[i]);
  syscall(SYS_ROOT, ROOT_KSO, addressOf(state.pool[4]), 0, 0, 0);
  syscall(SYS_ROOT, ROOT_ARCHIVE, addressOf(state.pool[5]), 0, 0, 0);
  findDevice(Device.console, state.pool[6]);
  findDevice(Device.nvdimm, state.pool[7]);
  findDevice(Device.timer, state.pool[8]);
  assign(state.pool[9], self);
  for (let i: u64 = OTHERS; i < POOL; i++) create(state.pool[i], OPEN | EXEC);
}

/** Is it one of the threads that the main thread made? */
function isKnown(id: ObjectId, number: u64, count: u64): bool {
  if (number === 1 || (id.lo === witnessIds[0].lo && id.hi === witnessIds[0].hi)) return true;
  for (let i: u64 = 0; i < count; i++) {
    if (fuzzers[i].thread.lo === id.lo && fuzzers[i].thread.hi === id.hi) return true;
  }
  return false;
}

/** Ends what fuzzers started and what runs on: garbage may be a program that loops. */
function sweep(root: KsoList, count: u64): void {
  for (let i: u64 = 0; i < root.count; i++) {
    const entry = root.entries[i];
    if (entry.flags === 0 || entry.type !== u32(KsoType.thread) || isKnown(entry.id, entry.info, count))
      continue;
    syscall(SYS_SIGNAL, entry.id.lo, entry.id.hi, SIGNAL_KILL, 0, 0);
  }
}

let text: str = '';
let position: u64 = 0;

/** The next number of the command. */
function nextNumber(): u64 {
  let value: u64 = 0;
  while (position < text.length && text[position] === u8(' ')) position++;
  while (position < text.length && text[position] !== u8(' ')) {
    value = value * 10 + u64(text[position] - u8('0'));
    position++;
  }
  return value;
}

const witnessIds = zeroed<FixedArray<Inline<ObjectId>, 4>>();

function startWitness(): ThreadRepr {
  // Representation, memory, board, stack: nobody else's.
  create(witnessIds[0], READ);
  for (let i: u64 = 1; i < 4; i++) create(witnessIds[i], 0);
  witnessData = map(witnessIds[1]) + OBJ_NULLPAGE;
  board = map(witnessIds[2]) + OBJ_NULLPAGE;
  const args = stack<SpawnArgs>();
  assign(args.thread, witnessIds[0]);
  assign(args.stack, witnessIds[3]);
  args.start = addressOf(witness);
  args.stackPointer = slotAddress(SLOT_STACK, 0x10_0000);
  checkEqual(syscall(SYS_THREAD_SPAWN, addressOf(args), 0, 0, 0, 0), 0, 'witness');
  return at<ThreadRepr>(map(witnessIds[0]) + OBJ_NULLPAGE);
}

/** @export */
function main(): void {
  text = command();
  const wanted = nextNumber();
  const count = min<u64>(nextNumber(), FUZZERS);
  const seed = nextNumber();
  const entry = at<ViewEntry>(slotAddress(SLOT_VIEW, VIEW_TABLE));
  self.lo = entry.lo;
  self.hi = entry.hi;
  const witnessRepr = startWitness();
  for (let i: u64 = 0; i < count; i++) {
    const fuzzer = fuzzers[i];
    fuzzer.slot = 0x1_8000 + i * 4;
    create(fuzzer.stateObject, READ | WRITE);
    fuzzer.state = at<State>(map(fuzzer.stateObject) + OBJ_NULLPAGE);
    fuzzer.state.random = (seed * 1000 + i + 1) * 0x9e37_79b9_7f4a_7c15;
    makePool(fuzzer.state, witnessIds.ptr);
    check(startFuzzer(fuzzer), 'first fuzzers');
  }
  const rootId = stack<ObjectId>();
  syscall(SYS_ROOT, ROOT_KSO, addressOf(rootId), 0, 0, 0);
  const root = at<KsoList>(mapWith(rootId, READ) + OBJ_NULLPAGE);
  const shared = at<WitnessBoard>(board);
  let turns: u64 = 0;
  let calls: u64 = 0;
  let progress: u64 = 0;
  let still: u64 = 0;
  while (calls < wanted) {
    sleep(500_000);
    calls = 0;
    for (let i: u64 = 0; i < count; i++) {
      const fuzzer = fuzzers[i];
      calls += fuzzer.state.calls;
      const ended = fuzzer.repr.sync[SYNC_EXIT] !== 0;
      if (fuzzer.state.calls === fuzzer.lastCalls) fuzzer.idle++;
      else fuzzer.idle = 0;
      fuzzer.lastCalls = fuzzer.state.calls;
      if (!ended && fuzzer.idle > 4)
        syscall(SYS_SIGNAL, fuzzer.thread.lo, fuzzer.thread.hi, SIGNAL_KILL, 0, 0);
      // It may have been told that it ended by whoever can write its representation; ending it twice does no harm.
      if (!ended && fuzzer.idle < 100) continue;
      cleanUp(fuzzer);
      if (!startFuzzer(fuzzer)) {
        check(false, 'a new fuzzer');
        return;
      }
    }
    turns++;
    if (turns % 16 === 0) sweep(root, count);
    // The witness gets its turns, whatever the others do.
    const now = volatileLoad<u64>(ptrTo(shared.progress).address);
    still = now === progress ? still + 1 : 0;
    progress = now;
    if (still > 400) {
      check(false, 'the witness stands still');
      return;
    }
  }
  shared.stop = 1;
  while (witnessRepr.sync[SYNC_EXIT] === 0) sleep(100_000);
  checkEqual(i64(witnessRepr.syncInfo[SYNC_EXIT]), 3, "the witness's exit code");
  checkEqual(i64(shared.wrong), 0, "words of the witness's memory that changed");
  check(shared.progress > 10, 'the witness made progress');
  say('\nfuzz: calls ');
  sayNumber(i64(calls));
  say(', fuzzers ');
  sayNumber(i64(restarts));
  say(', rounds of the witness ');
  sayNumber(i64(shared.progress));
  say(', pages free ');
  sayNumber(syscall(SYS_CONFIG, CONFIG_PAGES_FREE, 0, 0, 0, 0));
  say('\n');
}
