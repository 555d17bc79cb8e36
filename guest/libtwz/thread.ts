/**
 * Threads of one program: each with a stack object of its own, its own transactions (tx.ts), and the streams of the thread that started it. The
 * thread pointer leads to its block, which begins with its transaction. The output buffer of io.ts is the program's: threads that print take turns by
 * a lock of their own.
 */
import { DELETE, OBJ_NULLPAGE, ObjectId, READ, WRITE } from '../abi/object.ts';
import { ProgramArguments, STACK_TOP } from '../abi/program.ts';
import {
  CREATE_VOLATILE,
  SpawnArgs,
  SYS_DELETE,
  SYS_THREAD_CONTROL,
  SYS_THREAD_SPAWN,
  SYS_THREAD_SYNC,
  SYS_TIE,
  THREAD_EXIT,
  THREAD_YIELD,
} from '../abi/syscall.ts';
import { SYNC_EXIT, ThreadRepr } from '../abi/thread.ts';
import { SLOT_STACK, slotAddress } from '../abi/view.ts';
import { becomeThreaded, sleepOn } from './lock.ts';
import { createObject, dataOf, deleteObject, openObject } from './object.ts';
import { syscall } from './syscall.ts';
import { Tx } from './tx.ts';
import { unmapObject } from './view.ts';

/** What the thread pointer of a thread leads to. Its transaction comes first: `currentTx` finds it there. */
class ThreadBlock {
  readonly tx: Inline<Tx>;
  body: (argument: u64) => u64;
  argument: u64;
}

/** Offset of the block in the stack's object: above the stack. */
const BLOCK = STACK_TOP + 0x1000;

static_assert(offsetof<ThreadBlock>('tx') === 0, 'ThreadBlock');

/**
 * @naked
 */
function threadStart(): void {
  asm`
    call __thread_main
    j __exit_thread`;
}

/** @export __thread_main */
function threadMain(): u64 {
  const block = at<ThreadBlock>(asm<usize>`mv ${result}, tp`);
  return block.body(block.argument);
}

/**
 * Ends the calling thread.
 * @export __exit_thread
 */
export function exitThread(code: u64): never {
  syscall(SYS_THREAD_CONTROL, THREAD_EXIT, code, 0, 0, 0);
  unreachable();
}

/** A thread that this program started. */
export class Thread {
  readonly id: Inline<ObjectId>;
  private readonly stackObject: Inline<ObjectId>;

  /** Starts `body(argument)`; its result is the thread's exit code. Returns 0 or −Errno. */
  start(body: (argument: u64) => u64, argument: u64): i64 {
    return this.startWith(body, argument, 0);
  }

  /** The same with flags of SpawnArgs: SPAWN_NO_CONTEXTS for a thread that has default rights only. */
  startWith(body: (argument: u64) => u64, argument: u64, flags: u64): i64 {
    const inherited = stack<ObjectId>();
    return this.startIn(inherited, body, argument, flags);
  }

  /** The same with a security context object, the only one that the thread has then; 0: those of the caller, as `flags` say. */
  startIn(context: ObjectId, body: (argument: u64) => u64, argument: u64, flags: u64): i64 {
    becomeThreaded();
    const result = createObject(this.stackObject, READ | WRITE | DELETE | CREATE_VOLATILE);
    if (result !== 0) return result;
    const base = openObject(this.stackObject);
    // The streams and the working namespace are found where a program's first thread has them.
    memory.copy(dataOf(base), slotAddress(SLOT_STACK, OBJ_NULLPAGE), sizeof<ProgramArguments>());
    const block = at<ThreadBlock>(base + BLOCK);
    block.body = body;
    block.argument = argument;
    const args = stack<SpawnArgs>();
    assign(args.stack, this.stackObject);
    assign(args.context, context);
    args.flags = flags;
    args.start = addressOf(threadStart);
    args.stackPointer = slotAddress(SLOT_STACK, STACK_TOP);
    args.tls = slotAddress(SLOT_STACK, BLOCK);
    const started = syscall(SYS_THREAD_SPAWN, addressOf(args), 0, 0, 0, 0);
    unmapObject(base);
    if (started !== 0) {
      deleteObject(this.stackObject);
      return started;
    }
    assign(this.id, args.thread);
    const own = this.stackObject;
    syscall(SYS_TIE, this.id.lo, this.id.hi, own.lo, own.hi, 0);
    syscall(SYS_DELETE, own.lo, own.hi, 0, 0, 0);
    return 0;
  }

  /** Waits for the thread to end; its exit code. Call it once. */
  join(): u64 {
    const base = openObject(this.id);
    const repr = at<ThreadRepr>(dataOf(base));
    const place = ptrTo(repr.sync[SYNC_EXIT]);
    while (atomic.load<u64>(place, Order.acquire) === 0) sleepOn(place.address, 0);
    const code = repr.syncInfo[SYNC_EXIT];
    unmapObject(base);
    deleteObject(this.id);
    return code;
  }
}

/** Lets other threads run. */
export function yieldThread(): void {
  syscall(SYS_THREAD_CONTROL, THREAD_YIELD, 0, 0, 0, 0);
}

/** Sleeps for so many nanoseconds. */
export function sleepNanoseconds(time: u64): void {
  syscall(SYS_THREAD_SYNC, 0, 0, time, 0, 0);
}
