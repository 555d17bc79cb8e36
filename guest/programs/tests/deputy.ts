/**
 * Cases about the kernel as a deputy: what a thread without rights asks it to do with objects, memory and addresses that are not its own.
 * The main thread is the superuser and owns the victims; the prisoner has only default rights.
 */
import { FAULT_SECURITY, FAULTS } from '../../abi/fault.ts';
import { ACTION_CONSOLE_WRITE, Device } from '../../abi/kso.ts';
import { EXEC, MIP_HASHDATA, OBJ_MAXSIZE, OBJ_NULLPAGE, ObjectId, READ, WRITE } from '../../abi/object.ts';
import {
  BecomeArgs,
  CONFIG_PAGES_FREE,
  CopyArgs,
  CREATE_TIED,
  CREATE_VOLATILE,
  CreateArgs,
  DELETE_IMMEDIATE,
  EFAULT,
  EINVAL,
  EPERM,
  POWER_OFF,
  ROOT_KSO,
  ROOT_NAMES,
  SpawnArgs,
  StatResult,
  SYNC_SLEEP,
  SYNC_WAKE,
  SYS_ACTION,
  SYS_ATTACH,
  SYS_BECOME,
  SYS_CONFIG,
  SYS_COPY,
  SYS_CREATE,
  SYS_DEBUG_PRINT,
  SYS_DELETE,
  SYS_INVALIDATE,
  SYS_POWER,
  SYS_REVOKE,
  SYS_ROOT,
  SYS_STAT,
  SYS_THREAD_CONTROL,
  SYS_THREAD_SPAWN,
  SYS_THREAD_SYNC,
  SYS_TIE,
  SyncOp,
  THREAD_RESUME,
  THREAD_YIELD,
  TIE_REMOVE,
} from '../../abi/syscall.ts';
import { syscall } from '../../libtwz/syscall.ts';
import {
  check,
  checkEqual,
  command,
  copyOf,
  create,
  exitThread,
  findDevice,
  imprison,
  map,
  mapWith,
  OPEN,
  openProgram,
  TestThread,
  tryLoad,
  tryStore,
} from './testing.ts';

/** Grants nothing; grants READ only; open. */
const closed = zeroed<ObjectId>();
const readable = zeroed<ObjectId>();
const open = zeroed<ObjectId>();
const SECRET = 0x5ec2e7;

function scene(): void {
  openProgram();
  create(closed, 0);
  create(readable, READ);
  create(open, OPEN);
  store<u64>(map(closed) + OBJ_NULLPAGE, SECRET);
  store<u64>(map(readable) + OBJ_NULLPAGE, SECRET);
}

// ---------------------------------------------------------------------------------------------- object operations

function createFrom(source: ObjectId, flags: u64): i64 {
  const id = stack<ObjectId>();
  return copyOf(id, source, flags);
}

function copyInto(target: ObjectId, source: ObjectId): i64 {
  const args = stack<CopyArgs>();
  assign(args.target, target);
  assign(args.from.source, source);
  args.from.offset = OBJ_NULLPAGE;
  args.from.target = OBJ_NULLPAGE;
  args.from.length = 4096;
  return syscall(SYS_COPY, addressOf(args), 0, 0, 0, 0);
}

function spawnWith(repr: ObjectId, view: ObjectId): i64 {
  const args = stack<SpawnArgs>();
  assign(args.thread, repr);
  assign(args.view, view);
  return syscall(SYS_THREAD_SPAWN, addressOf(args), 0, 0, 0, 0);
}

/** Every operation on an object to which the prisoner has no right, or READ alone. */
function tryOperations(_argument: u64): void {
  const none = stack<ObjectId>();
  const root = stack<ObjectId>();
  const result = stack<StatResult>();
  checkEqual(syscall(SYS_DELETE, closed.lo, closed.hi, 0, 0, 0), -EPERM, 'delete: closed');
  checkEqual(
    syscall(SYS_DELETE, readable.lo, readable.hi, DELETE_IMMEDIATE, 0, 0),
    -EPERM,
    'delete: readable',
  );
  checkEqual(
    syscall(SYS_TIE, open.lo, open.hi, readable.lo, readable.hi, 0),
    -EPERM,
    'tie: child without DELETE',
  );
  checkEqual(
    syscall(SYS_TIE, readable.lo, readable.hi, open.lo, open.hi, 0),
    -EPERM,
    'tie: parent without WRITE',
  );
  checkEqual(
    syscall(SYS_TIE, open.lo, open.hi, closed.lo, closed.hi, TIE_REMOVE),
    -EPERM,
    'untie: child without DELETE',
  );
  checkEqual(createFrom(closed, OPEN), -EPERM, 'create: source without READ');
  checkEqual(createFrom(readable, OPEN), 0, 'create: source with READ');
  checkEqual(copyInto(open, closed), -EPERM, 'copy: source without READ');
  checkEqual(copyInto(readable, open), -EPERM, 'copy: target without WRITE');
  checkEqual(copyInto(readable, none), -EPERM, 'clear: target without WRITE');
  checkEqual(syscall(SYS_STAT, closed.lo, closed.hi, addressOf(result), 0, 0), -EPERM, 'stat: closed');
  checkEqual(syscall(SYS_STAT, readable.lo, readable.hi, addressOf(result), 0, 0), 0, 'stat: readable');
  checkEqual(syscall(SYS_REVOKE, readable.lo, readable.hi, 9, 0, 0), -EPERM, 'revoke: without DELETE');
  checkEqual(syscall(SYS_ATTACH, readable.lo, readable.hi, 0, 0, 0), -EPERM, 'attach: without USE');
  checkEqual(spawnWith(readable, none), -EPERM, 'spawn: representation without WRITE');
  checkEqual(spawnWith(none, closed), -EPERM, 'spawn: view without READ');
  const become = stack<BecomeArgs>();
  assign(become.view, closed);
  checkEqual(syscall(SYS_BECOME, addressOf(become), 0, 0, 0, 0), -EPERM, 'become: view without READ');
  syscall(SYS_ROOT, ROOT_KSO, addressOf(root), 0, 0, 0);
  checkEqual(spawnWith(root, none), -EPERM, 'spawn: a kernel object as representation');
  checkEqual(syscall(SYS_ACTION, root.lo, root.hi, 1, 0, 0), -EPERM, 'action: without USE');
  checkEqual(
    syscall(SYS_DELETE, root.lo, root.hi, DELETE_IMMEDIATE, 0, 0),
    -EPERM,
    'delete: a kernel object',
  );
  checkEqual(syscall(SYS_POWER, POWER_OFF, 0, 0, 0, 0), -EPERM, 'power');
  checkEqual(syscall(SYS_ROOT, ROOT_NAMES, 0, open.lo, open.hi, 0), -EPERM, 'setting the root of names');
  findDevice(Device.console, root);
  checkEqual(spawnWith(root, none), -EPERM, 'spawn: the console as representation');
  // Sleeping and waking need the word's object to be readable.
  const op = stack<SyncOp>();
  op.address = mapWith(closed, READ | WRITE) + OBJ_NULLPAGE;
  op.op = SYNC_WAKE;
  op.value = 1;
  checkEqual(syscall(SYS_THREAD_SYNC, addressOf(op), 1, 0, 0, 0), -EPERM, 'wake on a closed object');
  op.op = SYNC_SLEEP;
  checkEqual(syscall(SYS_THREAD_SYNC, addressOf(op), 1, 1000, 0, 0), -EPERM, 'sleep on a closed object');
  exitThread(3);
}

function operations(): void {
  checkEqual(i64(imprison(tryOperations, 0)), 3, 'the prisoner came to its end');
  checkEqual(i64(load<u64>(map(closed) + OBJ_NULLPAGE)), SECRET, 'the closed object');
  checkEqual(i64(load<u64>(map(readable) + OBJ_NULLPAGE)), SECRET, 'the readable object');
}

// -------------------------------------------------------------------------------------- views name what they like

/** Naming an object in a view is no right to it: judged at each access, also by the kernel's own. */
function tryView(_argument: u64): void {
  const base = mapWith(closed, READ | WRITE | EXEC);
  checkEqual(i64(tryLoad(base + OBJ_NULLPAGE)), FAULT_SECURITY, 'load');
  checkEqual(i64(tryStore(base + OBJ_NULLPAGE, 1)), FAULT_SECURITY, 'store');
  const half = mapWith(readable, READ | WRITE | EXEC);
  checkEqual(i64(tryLoad(half + OBJ_NULLPAGE)), FAULTS, 'load of what may be read');
  checkEqual(i64(tryStore(half + OBJ_NULLPAGE, 1)), FAULT_SECURITY, 'store to what may be read');
  exitThread(3);
}

// ------------------------------------------------------------------------------------- addresses of other people

/** Each call that takes an address, with `address`: none may read or write there. `from`: reading there is allowed. */
function callsWith(address: usize, from: bool, what: str): void {
  checkEqual(syscall(SYS_CREATE, address, 0, 0, 0, 0), -EFAULT, what);
  checkEqual(syscall(SYS_STAT, open.lo, open.hi, address, 0, 0), -EFAULT, what);
  checkEqual(syscall(SYS_ROOT, ROOT_KSO, address, 0, 0, 0), -EFAULT, what);
  checkEqual(syscall(SYS_THREAD_SPAWN, address, 0, 0, 0, 0), -EFAULT, what);
  if (from) return;
  checkEqual(syscall(SYS_COPY, address, 0, 0, 0, 0), -EFAULT, what);
  checkEqual(syscall(SYS_BECOME, address, 0, 0, 0, 0), -EFAULT, what);
  checkEqual(syscall(SYS_THREAD_SYNC, address, 2, 1000, 0, 0), -EFAULT, what);
  checkEqual(syscall(SYS_DEBUG_PRINT, address, 8, 0, 0, 0), -EFAULT, what);
  checkEqual(syscall(SYS_THREAD_CONTROL, THREAD_RESUME, address, 0, 0, 0), -EFAULT, what);
  const args = stack<CreateArgs>();
  args.flags = OPEN;
  args.sources = changetype<Ptr<u8>>(address);
  args.sourceCount = 2;
  checkEqual(syscall(SYS_CREATE, addressOf(args), 0, 0, 0, 0), -EFAULT, what);
  const device = stack<ObjectId>();
  findDevice(Device.console, device);
  checkEqual(syscall(SYS_ACTION, device.lo, device.hi, ACTION_CONSOLE_WRITE, address, 8), -EFAULT, what);
}

function tryAddresses(_argument: u64): void {
  callsWith(mapWith(closed, READ | WRITE) + OBJ_NULLPAGE, false, 'a closed object');
  // Zeros there: arguments that are good, but for where the result would go.
  callsWith(
    mapWith(readable, READ | WRITE) + 2 * OBJ_NULLPAGE,
    true,
    'writing to an object that may be read',
  );
  callsWith(mapWith(open, READ) + 2 * OBJ_NULLPAGE, true, 'writing to an object that is mapped to read');
  callsWith(0xffff_8000_8000_0000, false, 'kernel memory');
  callsWith(0xffff_8000_1000_0000, false, 'a device in the supervisor window');
  callsWith(0x8000_0000_0000 - 8, false, 'across the end of the object window');
  callsWith(0x7000_0000_0000, false, 'an empty slot');
  callsWith(~u64(0) - 15, false, 'across the end of all addresses');
  callsWith(16, false, 'the null page');
  exitThread(3);
}

function addresses(): void {
  const before = syscall(SYS_CONFIG, CONFIG_PAGES_FREE, 0, 0, 0, 0);
  checkEqual(i64(imprison(tryAddresses, 0)), 3, 'the prisoner came to its end');
  checkEqual(i64(load<u64>(map(closed) + OBJ_NULLPAGE)), SECRET, 'the closed object');
  checkEqual(i64(load<u64>(map(readable) + OBJ_NULLPAGE)), SECRET, 'the readable object');
  // Calls that could not give their result back left nothing behind: twenty more rounds take no memory to speak of.
  imprison(repeatAddresses, 0);
  const after = syscall(SYS_CONFIG, CONFIG_PAGES_FREE, 0, 0, 0, 0);
  check(before - after < 100, 'memory that such calls cost');
}

function repeatAddresses(_argument: u64): void {
  const bad = mapWith(readable, READ | WRITE) + 2 * OBJ_NULLPAGE;
  for (let i = 0; i < 300; i++) callsWith(bad, true, 'again');
}

// ------------------------------------------------------------------------------------------------- shared pages

/**
 * A copy of an object shares its pages. What the kernel writes to the copy (here, as the representation of a thread)
 * must not be written to the original.
 */
function tryShared(_argument: u64): void {
  const id = stack<ObjectId>();
  const none = stack<ObjectId>();
  checkEqual(copyOf(id, readable, OPEN), 0, 'copy');
  const args = stack<SpawnArgs>();
  assign(args.thread, id);
  args.start = addressOf(endAtOnce);
  checkEqual(syscall(SYS_THREAD_SPAWN, addressOf(args), 0, 0, 0, 0), 0, 'spawn');
  // Immutable objects do not serve at all.
  checkEqual(copyOf(id, readable, OPEN | MIP_HASHDATA), 0, 'immutable copy');
  checkEqual(spawnWith(id, none), -EPERM, 'an immutable representation');
  exitThread(3);
}

/**
 * @naked
 */
function endAtOnce(): void {
  asm`
    li a7, 10
    li a0, 0
    li a1, 5
    ecall`;
}

function shared(): void {
  const base = map(readable);
  for (let i: u64 = 0; i < 512; i++) store<u64>(base + OBJ_NULLPAGE + i * 8, i * 3);
  checkEqual(i64(imprison(tryShared, 0)), 3, 'the prisoner came to its end');
  for (let i = 0; i < 20; i++) syscall(SYS_THREAD_CONTROL, THREAD_YIELD, 0, 0, 0, 0);
  let changed: u64 = 0;
  for (let i: u64 = 0; i < 512; i++) if (load<u64>(base + OBJ_NULLPAGE + i * 8) !== i * 3) changed++;
  checkEqual(i64(changed), 0, 'words of the original that changed');
}

// ----------------------------------------------------------------------------------------------- recycled memory

let nonzero: u64 = 0;

/** Everything that the prisoner gets from the kernel must be zeros. */
function scavenge(_argument: u64): void {
  const id = stack<ObjectId>();
  for (let n = 0; n < 20; n++) {
    create(id, OPEN | CREATE_TIED);
    const base = mapWith(id, READ | WRITE);
    for (let page: u64 = 1; page < 40; page++) {
      for (let word: u64 = 0; word < 4096; word += 8) {
        if (load<u64>(base + page * 4096 + word) !== 0) nonzero++;
      }
    }
  }
  exitThread(3);
}

function recycled(): void {
  for (let n = 0; n < 10; n++) {
    const id = stack<ObjectId>();
    create(id, CREATE_VOLATILE);
    const base = map(id);
    for (let page: u64 = 1; page < 80; page++) memory.fill(base + page * 4096, 0xa5, 4096);
    checkEqual(syscall(SYS_DELETE, id.lo, id.hi, 0, 0, 0), 0, 'delete');
  }
  checkEqual(i64(imprison(scavenge, 0)), 3, 'the prisoner came to its end');
  checkEqual(i64(nonzero), 0, "words with somebody else's contents");
}

let stop: u64 = 0;
let leaked: u64 = 0;
let lookups: u64 = 0;

/** Reads the pages of `open` as fast as it can: it must see zeros or its owner's 7s, never what their frames hold later. */
function watchPages(_argument: u64): void {
  const base = mapWith(open, READ | WRITE);
  while (atomic.load<u64>(ptrTo(stop)) === 0) {
    for (let page: u64 = 1; page < 9; page++) {
      const value = load<u64>(base + page * 4096 + 64);
      if (value !== 0 && value !== 7) leaked++;
      lookups++;
    }
  }
}

/** Frames that are taken from an object while another hart reads it, and given to a closed object that is full of secrets. */
function staleFrames(): void {
  const thread = stack<TestThread>();
  const base = map(open);
  const none = stack<ObjectId>();
  thread.start(watchPages, 0);
  for (let round = 0; round < 40; round++) {
    for (let page: u64 = 1; page < 9; page++) store<u64>(base + page * 4096 + 64, 7);
    const args = stack<CopyArgs>();
    assign(args.target, open);
    assign(args.from.source, none);
    args.from.target = OBJ_NULLPAGE;
    args.from.length = 8 * 4096;
    checkEqual(syscall(SYS_COPY, addressOf(args), 0, 0, 0, 0), 0, 'clear');
    if (round % 4 === 0) syscall(SYS_THREAD_CONTROL, THREAD_YIELD, 0, 0, 0, 0);
    const id = stack<ObjectId>();
    create(id, CREATE_TIED);
    const secret = map(id);
    for (let page: u64 = 1; page < 9; page++) store<u64>(secret + page * 4096 + 64, 666);
  }
  atomic.store<u64>(ptrTo(stop), 1);
  thread.wait();
  check(lookups > 100, 'the other hart looked');
  checkEqual(i64(leaked), 0, 'secrets seen in frames that had been given away');
}

// --------------------------------------------------------------------------------------------- odd but legal data

/** Ranges at the edges of what 64 bits can say. */
function tryRanges(_argument: u64): void {
  const args = stack<CopyArgs>();
  assign(args.target, open);
  assign(args.from.source, readable);
  const huge = ~u64(0) & ~u64(4095);
  const odd = stack<FixedArray<u64, 9>>();
  odd[0] = 0;
  odd[1] = 4096;
  odd[2] = OBJ_MAXSIZE - 4096;
  odd[3] = OBJ_MAXSIZE;
  odd[4] = huge;
  odd[5] = huge - 4096;
  odd[6] = 100;
  odd[7] = u64(1) << 63;
  odd[8] = 8192;
  let accepted: u64 = 0;
  for (let i: u64 = 0; i < 9; i++) {
    for (let j: u64 = 0; j < 9; j++) {
      for (let k: u64 = 0; k < 9; k++) {
        args.from.offset = odd[i];
        args.from.target = odd[j];
        args.from.length = odd[k];
        const result = syscall(SYS_COPY, addressOf(args), 0, 0, 0, 0);
        if (result === 0) {
          accepted++;
          check(odd[k] <= OBJ_MAXSIZE && odd[i] + odd[k] <= OBJ_MAXSIZE, 'source range');
          check(odd[j] >= 4096 && odd[j] + odd[k] <= OBJ_MAXSIZE, 'target range');
        } else checkEqual(result, -EINVAL, 'a range that is refused');
      }
    }
  }
  check(accepted > 0, 'some ranges are good');
  // Counts and flags.
  const create1 = stack<CreateArgs>();
  create1.sourceCount = ~u64(0);
  checkEqual(syscall(SYS_CREATE, addressOf(create1), 0, 0, 0, 0), -EINVAL, 'sources without number');
  checkEqual(syscall(SYS_THREAD_SYNC, addressOf(create1), ~u64(0), 0, 0, 0), -EINVAL, 'words without number');
  check(syscall(SYS_INVALIDATE, ~u64(0), ~u64(0), 0, 0, 0) < 0, 'slots without number');
  check(syscall(99999, 1, 2, 3, 4, 5) < 0, 'no such call');
  exitThread(3);
}

/** A long chain of ties ends without using up the kernel's stack. */
function tryTies(_argument: u64): void {
  const first = stack<ObjectId>();
  const previous = stack<ObjectId>();
  const id = stack<ObjectId>();
  create(first, OPEN);
  assign(previous, first);
  for (let i = 0; i < 2000; i++) {
    create(id, OPEN);
    checkEqual(syscall(SYS_TIE, previous.lo, previous.hi, id.lo, id.hi, 0), 0, 'tie');
    syscall(SYS_DELETE, id.lo, id.hi, 0, 0, 0);
    assign(previous, id);
  }
  checkEqual(syscall(SYS_DELETE, first.lo, first.hi, 0, 0, 0), 0, 'delete the first');
  const result = stack<StatResult>();
  check(syscall(SYS_STAT, id.lo, id.hi, addressOf(result), 0, 0) < 0, 'the last one has ended, too');
  exitThread(3);
}

function ties(): void {
  const before = syscall(SYS_CONFIG, CONFIG_PAGES_FREE, 0, 0, 0, 0);
  checkEqual(i64(imprison(tryTies, 0)), 3, 'the prisoner came to its end');
  checkEqual(i64(imprison(tryTies, 0)), 3, 'again');
  const middle = syscall(SYS_CONFIG, CONFIG_PAGES_FREE, 0, 0, 0, 0);
  checkEqual(i64(imprison(tryTies, 0)), 3, 'and again');
  const after = syscall(SYS_CONFIG, CONFIG_PAGES_FREE, 0, 0, 0, 0);
  check(middle - after < 16, 'memory that 2000 tied objects leave behind');
  check(before - after < 400, 'blocks are used again');
}

/** @export */
function main(): void {
  scene();
  const which = command();
  if (which.equals('operations')) operations();
  else if (which.equals('view')) checkEqual(i64(imprison(tryView, 0)), 3, 'the prisoner came to its end');
  else if (which.equals('addresses')) addresses();
  else if (which.equals('shared')) shared();
  else if (which.equals('recycled')) recycled();
  else if (which.equals('frames')) staleFrames();
  else if (which.equals('ranges')) checkEqual(i64(imprison(tryRanges, 0)), 3, 'the prisoner came to its end');
  else if (which.equals('ties')) ties();
  else check(false, 'no such case');
}
