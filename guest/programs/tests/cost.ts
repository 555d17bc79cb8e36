/**
 * What each system call costs: instructions and cycles from before the call to behind it, on average over rounds, after a warm-up. For
 * `licorice bench kernel`, which runs it with the timing model. Prints `name|instructions|cycles`, one line each.
 */
import { FaultFrame } from '../../abi/fault.ts';
import { ACTION_NVDIMM_FLUSH, ACTION_TIMER_NOW, Device } from '../../abi/kso.ts';
import { OBJ_NULLPAGE, ObjectId, READ, USE, WRITE } from '../../abi/object.ts';
import {
  CAPABILITY_MAGIC,
  Capability,
  CB_CAPABILITY,
  CONTEXT_BUCKETS,
  ContextHeader,
  KEY_MAGIC,
  KEY_PUBLIC,
  KeyHeader,
} from '../../abi/security.ts';
import { SIGNAL_INTERRUPT } from '../../abi/signal.ts';
import {
  BecomeArgs,
  CONFIG_HARTS,
  CopyArgs,
  CREATE_PERSIST,
  CREATE_VOLATILE,
  PIN_REMOVE,
  ROOT_KSO,
  StatResult,
  SYNC_SLEEP,
  SYNC_WAKE,
  SYS_ACTION,
  SYS_ATTACH,
  SYS_BECOME,
  SYS_CONFIG,
  SYS_COPY,
  SYS_DELETE,
  SYS_DETACH,
  SYS_INVALIDATE,
  SYS_NULL,
  SYS_PIN,
  SYS_REVOKE,
  SYS_ROOT,
  SYS_SIGNAL,
  SYS_STAT,
  SYS_THREAD_CONTROL,
  SYS_THREAD_SYNC,
  SYS_TIE,
  SyncOp,
  THREAD_RESUME,
  THREAD_SET_TLS,
  THREAD_YIELD,
  TIE_REMOVE,
} from '../../abi/syscall.ts';
import { SLOT_EXEC, SLOT_VIEW, slotAddress, VIEW_TABLE, ViewEntry } from '../../abi/view.ts';
import { publicKeyEd25519, signEd25519 } from '../../crypto/ed25519.ts';
import { syscall } from '../../libtwz/syscall.ts';
import {
  copyOf,
  create,
  createWithKey,
  exitThread,
  findDevice,
  handleFaults,
  imprison,
  map,
  mapWith,
  OPEN,
  openProgram,
  program,
  say,
  sayNumber,
  setEntryOf,
  TestThread,
} from './testing.ts';

const ROUNDS = 32;
const WARM_UP = 4;

let instructions: u64 = 0;
let cycles: u64 = 0;
let startInstructions: u64 = 0;
let startCycles: u64 = 0;

function begin(): void {
  compilerBarrier();
  startCycles = csr.read('cycle');
  startInstructions = csr.read('instret');
  compilerBarrier();
}

function end(): void {
  compilerBarrier();
  const endInstructions = csr.read('instret');
  const endCycles = csr.read('cycle');
  compilerBarrier();
  instructions += endInstructions - startInstructions;
  cycles += endCycles - startCycles;
}

/** Measures `round`, which calls `begin` and `end` around what counts. */
function measure(name: str, round: () => void): void {
  for (let i = 0; i < WARM_UP; i++) round();
  instructions = 0;
  cycles = 0;
  for (let i = 0; i < ROUNDS; i++) round();
  say(name);
  say('|');
  sayNumber(i64(instructions / ROUNDS));
  say('|');
  sayNumber(i64(cycles / ROUNDS));
  say('\n');
}

const id = zeroed<ObjectId>();
const other = zeroed<ObjectId>();
const device = zeroed<ObjectId>();
const stat = zeroed<StatResult>();
const word = zeroed<FixedArray<u64, 8>>();
const sync = zeroed<SyncOp>();
const copy = zeroed<CopyArgs>();

function callNull(): void {
  begin();
  syscall(SYS_NULL, 0, 0, 0, 0, 0);
  end();
}

function callConfig(): void {
  begin();
  syscall(SYS_CONFIG, CONFIG_HARTS, 0, 0, 0, 0);
  end();
}

function callRoot(): void {
  begin();
  syscall(SYS_ROOT, ROOT_KSO, addressOf(other), 0, 0, 0);
  end();
}

function callStat(): void {
  begin();
  syscall(SYS_STAT, id.lo, id.hi, addressOf(stat), 0, 0);
  end();
}

function callInvalidate(): void {
  begin();
  syscall(SYS_INVALIDATE, 0x1_1000, 1, 0, 0, 0);
  end();
}

function callYield(): void {
  begin();
  syscall(SYS_THREAD_CONTROL, THREAD_YIELD, 0, 0, 0, 0);
  end();
}

function callTls(): void {
  begin();
  syscall(SYS_THREAD_CONTROL, THREAD_SET_TLS, 0, 0, 0, 0);
  end();
}

function callWakeNobody(): void {
  sync.address = word.ptr.address;
  sync.op = SYNC_WAKE;
  sync.value = 1;
  begin();
  syscall(SYS_THREAD_SYNC, addressOf(sync), 1, 0, 0, 0);
  end();
}

function callWordDiffers(): void {
  sync.address = word.ptr.address;
  sync.op = SYNC_SLEEP;
  sync.value = 99;
  begin();
  syscall(SYS_THREAD_SYNC, addressOf(sync), 1, 1000, 0, 0);
  end();
}

function callCreateVolatile(): void {
  begin();
  create(other, OPEN | CREATE_VOLATILE);
  end();
  syscall(SYS_DELETE, other.lo, other.hi, 0, 0, 0);
}

function callDeleteVolatile(): void {
  create(other, OPEN | CREATE_VOLATILE);
  begin();
  syscall(SYS_DELETE, other.lo, other.hi, 0, 0, 0);
  end();
}

function callCreatePersistent(): void {
  begin();
  create(other, OPEN | CREATE_PERSIST);
  end();
  syscall(SYS_DELETE, other.lo, other.hi, 0, 0, 0);
}

function callDeletePersistent(): void {
  create(other, OPEN | CREATE_PERSIST);
  begin();
  syscall(SYS_DELETE, other.lo, other.hi, 0, 0, 0);
  end();
}

function callCopyVolatile(): void {
  begin();
  copyOf(other, id, OPEN | CREATE_VOLATILE);
  end();
  syscall(SYS_DELETE, other.lo, other.hi, 0, 0, 0);
}

function callCopyRange(): void {
  create(other, OPEN | CREATE_VOLATILE);
  assign(copy.target, other);
  assign(copy.from.source, id);
  copy.from.offset = OBJ_NULLPAGE;
  copy.from.target = OBJ_NULLPAGE;
  copy.from.length = 4096;
  begin();
  syscall(SYS_COPY, addressOf(copy), 0, 0, 0, 0);
  end();
  syscall(SYS_DELETE, other.lo, other.hi, 0, 0, 0);
}

function callTie(): void {
  create(other, OPEN | CREATE_VOLATILE);
  begin();
  syscall(SYS_TIE, id.lo, id.hi, other.lo, other.hi, 0);
  end();
  syscall(SYS_TIE, id.lo, id.hi, other.lo, other.hi, TIE_REMOVE);
  syscall(SYS_DELETE, other.lo, other.hi, 0, 0, 0);
}

function callPin(): void {
  create(other, OPEN | CREATE_VOLATILE);
  begin();
  syscall(SYS_PIN, other.lo, other.hi, 0, 0, 0);
  end();
  syscall(SYS_PIN, other.lo, other.hi, PIN_REMOVE, 0, 0);
  syscall(SYS_DELETE, other.lo, other.hi, 0, 0, 0);
}

function callRevoke(): void {
  begin();
  syscall(SYS_REVOKE, id.lo, id.hi, 1, 0, 0);
  end();
}

function callDate(): void {
  begin();
  syscall(SYS_ACTION, device.lo, device.hi, ACTION_TIMER_NOW, 0, 0);
  end();
}

function callFlush(): void {
  begin();
  syscall(SYS_ACTION, device.lo, device.hi, ACTION_NVDIMM_FLUSH, 0, 0);
  end();
}

/** A slot whose pages are touched one after the other. */
let fresh: u64 = 0;

function touchPage(): void {
  fresh += 4096;
  begin();
  volatileStore<u64>(fresh, 1);
  end();
}

function callBecome(): void {
  begin();
  syscall(SYS_BECOME, addressOf(becomeArgs), 0, 0, 0, 0);
  end();
}

const becomeArgs = zeroed<BecomeArgs>();

/**
 * @naked
 */
function comeBack(): void {
  asm`
    li a0, 0
    li a7, 6
    ecall`;
}

function skipFault(_fault: u64, frame: FaultFrame): void {
  frame.registers[0] += (load<u16>(frame.registers[0]) & 3) === 3 ? 4 : 2;
  syscall(SYS_THREAD_CONTROL, THREAD_RESUME, addressOf(frame), 0, 0, 0);
}

function takeUpcall(): void {
  begin();
  volatileLoad<u64>(8);
  end();
}

function resumeSignal(_fault: u64, frame: FaultFrame): void {
  syscall(SYS_THREAD_CONTROL, THREAD_RESUME, addressOf(frame), 0, 0, 0);
}

const self = zeroed<ObjectId>();

/** A signal to oneself, with its handler. */
function takeSignal(): void {
  begin();
  syscall(SYS_SIGNAL, self.lo, self.hi, SIGNAL_INTERRUPT, 0, 0);
  end();
}

function signalled(_argument: u64): void {
  assign(self, thread.id);
  measure('signal, handled and resumed', takeSignal);
}

function endAtOnce(_argument: u64): void {
  exitThread(0);
}

const thread = zeroed<TestThread>();

function spawnAndWait(): void {
  begin();
  thread.startWith(endAtOnce, 0, 0, 0);
  thread.wait();
  end();
  syscall(SYS_DELETE, thread.id.lo, thread.id.hi, 0, 0, 0);
  syscall(SYS_DELETE, thread.stackObject.lo, thread.stackObject.hi, 0, 0, 0);
}

let turn: u64 = 0;

function pong(_argument: u64): void {
  const place = ptrTo(turn).address;
  sync2.address = place;
  for (;;) {
    while (volatileLoad<u64>(place) === 0) {
      sync2.op = SYNC_SLEEP;
      sync2.value = 0;
      syscall(SYS_THREAD_SYNC, addressOf(sync2), 1, 1_000_000_000, 0, 0);
    }
    if (volatileLoad<u64>(place) === 2) return;
    volatileStore<u64>(place, 0);
    sync2.op = SYNC_WAKE;
    sync2.value = 1;
    syscall(SYS_THREAD_SYNC, addressOf(sync2), 1, 0, 0, 0);
  }
}

const sync2 = zeroed<SyncOp>();

/** Wakes another thread and sleeps until that one has woken this one: two calls and a switch each way, and its two calls. */
function pingPong(): void {
  const place = ptrTo(turn).address;
  begin();
  volatileStore<u64>(place, 1);
  sync.address = place;
  sync.op = SYNC_WAKE;
  sync.value = 1;
  syscall(SYS_THREAD_SYNC, addressOf(sync), 1, 0, 0, 0);
  sync.op = SYNC_SLEEP;
  while (volatileLoad<u64>(place) === 1) syscall(SYS_THREAD_SYNC, addressOf(sync), 1, 1_000_000_000, 0, 0);
  end();
}

const context = zeroed<ObjectId>();
const target = zeroed<ObjectId>();

function callAttach(): void {
  begin();
  syscall(SYS_ATTACH, context.lo, context.hi, 0, 0, 0);
  end();
  syscall(SYS_DETACH, context.lo, context.hi, 0, 0, 0);
}

function callDetach(): void {
  syscall(SYS_ATTACH, context.lo, context.hi, 0, 0, 0);
  begin();
  syscall(SYS_DETACH, context.lo, context.hi, 0, 0, 0);
  end();
}

let targetWord: u64 = 0;

/** The first access by a capability: it is looked up and its signature verified. */
function verifyCapability(): void {
  syscall(SYS_REVOKE, context.lo, context.hi, 0, 0, 0);
  begin();
  volatileLoad<u64>(targetWord);
  end();
}

/** A signed capability in a context that a thread without other rights has attached. */
function capabilities(): void {
  const seed = stack<FixedArray<u8, 32>>();
  const draft = stack<ObjectId>();
  const key = stack<ObjectId>();
  create(draft, OPEN);
  const header = at<KeyHeader>(map(draft) + OBJ_NULLPAGE);
  header.magic = KEY_MAGIC;
  header.kind = KEY_PUBLIC;
  publicKeyEd25519(addressOf(header.key), addressOf(seed));
  copyOf(key, draft, READ | 1);
  create(context, READ | WRITE | USE);
  createWithKey(target, 0, key);
  store<u64>(map(target) + OBJ_NULLPAGE, 1);
  const base = map(context);
  const capability = at<Capability>(base + 0x10_0000);
  assign(capability.target, target);
  assign(capability.accessor, context);
  capability.rights = READ;
  capability.magic = CAPABILITY_MAGIC;
  signEd25519(
    addressOf(capability.signature),
    addressOf(seed),
    addressOf(capability),
    offsetof<Capability>('signature'),
  );
  const bucket = at<ContextHeader>(base + OBJ_NULLPAGE).buckets[target.lo & (CONTEXT_BUCKETS - 1)];
  assign(bucket.target, target);
  bucket.data = 0x10_0000;
  bucket.flags = CB_CAPABILITY;
}

function prisoner(_argument: u64): void {
  syscall(SYS_ATTACH, context.lo, context.hi, 0, 0, 0);
  targetWord = mapWith(target, READ) + OBJ_NULLPAGE;
  measure('first access by a capability', verifyCapability);
}

/** @export */
function main(): void {
  measure('null', callNull);
  measure('config', callConfig);
  measure('root', callRoot);
  create(id, OPEN | CREATE_VOLATILE);
  store<u64>(map(id) + OBJ_NULLPAGE, 1);
  measure('stat', callStat);
  measure('invalidate, 1 slot', callInvalidate);
  measure('thread_control, TLS', callTls);
  measure('thread_control, yield alone', callYield);
  measure('thread_sync, wake nobody', callWakeNobody);
  measure('thread_sync, word differs', callWordDiffers);
  measure('create, volatile', callCreateVolatile);
  measure('create, persistent', callCreatePersistent);
  measure('create, copy of one page', callCopyVolatile);
  measure('delete, volatile', callDeleteVolatile);
  measure('delete, persistent', callDeletePersistent);
  measure('copy, one page', callCopyRange);
  measure('tie', callTie);
  measure('pin', callPin);
  measure('revoke', callRevoke);
  findDevice(Device.timer, device);
  measure('action, date', callDate);
  findDevice(Device.nvdimm, device);
  measure('action, flush', callFlush);
  capabilities();
  measure('attach', callAttach);
  measure('detach', callDetach);
  const entry = at<ViewEntry>(slotAddress(SLOT_VIEW, VIEW_TABLE));
  const view = stack<ObjectId>();
  create(view, OPEN);
  program.lo = entry.lo;
  program.hi = entry.hi;
  setEntryOf(map(view), SLOT_EXEC, program, READ | WRITE | 0x10);
  assign(becomeArgs.view, view);
  becomeArgs.pc = addressOf(comeBack);
  measure('become and return', callBecome);
  handleFaults(skipFault);
  measure('upcall and resume', takeUpcall);
  handleFaults(resumeSignal);
  thread.startWith(signalled, 0, 0, 0);
  thread.wait();
  measure('thread: spawn, exit, wait', spawnAndWait);
  thread.startWith(pong, 0, 0, 0);
  measure('thread_sync: wake another, be woken', pingPong);
  volatileStore<u64>(ptrTo(turn).address, 2);
  create(other, OPEN | CREATE_VOLATILE);
  fresh = map(other);
  measure('first touch of a page, volatile', touchPage);
  create(other, OPEN | CREATE_PERSIST);
  fresh = map(other);
  measure('first touch of a page, persistent', touchPage);
  copyOf(id, other, OPEN | CREATE_PERSIST);
  fresh = map(id);
  measure('copy on write, persistent', touchPage);
  openProgram();
  imprison(prisoner, 0);
}
