/**
 * Running programs: a new view with a copy-on-write copy of the program in slot 0, a stack object that carries the arguments, and a
 * thread. All of it is tied to the thread and ends with it.
 */
import { DELETE, EXEC, OBJ_NULLPAGE, ObjectId, READ, WRITE } from '../abi/object.ts';
import {
  ARGUMENT_TEXT,
  ARGUMENTS_MAGIC,
  MAX_ARGUMENTS,
  ProgramArguments,
  STACK_TOP,
} from '../abi/program.ts';
import { CREATE_VOLATILE, SpawnArgs, SYS_SIGNAL, SYS_THREAD_SPAWN, SYS_TIE } from '../abi/syscall.ts';
import { SYNC_EXIT, SYNC_STATE, THREAD_STOPPED, ThreadRepr } from '../abi/thread.ts';
import { SLOT_EXEC, SLOT_STACK, slotAddress, VE_VALID, VIEW_TABLE, ViewEntry } from '../abi/view.ts';
import { closePipes, programArguments } from './io.ts';
import { sleepOn } from './lock.ts';
import { copyObject, createObject, dataOf, deleteObject, openObject } from './object.ts';
import { syscall } from './syscall.ts';
import { unmapAll, unmapObject } from './view.ts';

const RIGHTS = READ | WRITE | DELETE;

/** A program about to run, and then its thread. */
export class Child {
  readonly thread: Inline<ObjectId>;
  readonly code: Inline<ObjectId>;
  readonly view: Inline<ObjectId>;
  readonly stackObject: Inline<ObjectId>;
  /** The only security context that it gets; 0: those of the caller. To be set before `start`. */
  readonly context: Inline<ObjectId>;
  /** The group of its thread, once it has been started. */
  group: u64;
  /** Where the arguments are to be put before `start`. */
  arguments: ProgramArguments;

  /** Makes what a program needs. Returns 0 or −Errno. */
  prepare(program: ObjectId): i64 {
    let result = copyObject(this.code, program, RIGHTS | EXEC | CREATE_VOLATILE);
    if (result === 0) result = createObject(this.view, RIGHTS | CREATE_VOLATILE);
    if (result === 0) result = createObject(this.stackObject, RIGHTS | CREATE_VOLATILE);
    if (result !== 0) return result;
    this.arguments = at<ProgramArguments>(dataOf(openObject(this.stackObject)));
    this.arguments.magic = ARGUMENTS_MAGIC;
    const view = openObject(this.view);
    const entry = at<ViewEntry>(view + VIEW_TABLE + SLOT_EXEC * sizeof<ViewEntry>());
    entry.lo = this.code.lo;
    entry.hi = this.code.hi;
    entry.flags = READ | WRITE | EXEC | VE_VALID;
    unmapObject(view);
    return 0;
  }

  /** Gives the program what its parent has: names, home, keys, and for the time being input and output. After `prepare`. */
  inherit(): void {
    const own = programArguments();
    const args = this.arguments;
    assign(args.root, own.root);
    assign(args.home, own.home);
    assign(args.keyring, own.keyring);
    assign(args.directory, own.directory);
    assign(args.input, own.input);
    assign(args.output, own.output);
  }

  /** Appends an argument; false when there are too many or too much text. */
  addArgument(text: str): bool {
    const args = this.arguments;
    let offset: u32 = 0;
    if (args.count !== 0) offset = args.offsets[args.count - 1] + args.lengths[args.count - 1];
    if (args.count >= MAX_ARGUMENTS || u64(offset) + text.length > ARGUMENT_TEXT) return false;
    memory.copy(addressOf(args.text) + u64(offset), text.ptr.address, text.length);
    args.offsets[args.count] = offset;
    args.lengths[args.count] = u32(text.length);
    args.count += 1;
    return true;
  }

  /** Starts the program in the caller's group. Returns 0 or −Errno. */
  start(): i64 {
    return this.startIn(0);
  }

  /** Starts the program in a group (`SpawnArgs.group`). Returns 0 or −Errno. */
  startIn(group: u64): i64 {
    const args = stack<SpawnArgs>();
    args.group = group;
    assign(args.context, this.context);
    assign(args.view, this.view);
    assign(args.stack, this.stackObject);
    args.start = slotAddress(SLOT_EXEC, OBJ_NULLPAGE);
    args.stackPointer = slotAddress(SLOT_STACK, STACK_TOP);
    const result = syscall(SYS_THREAD_SPAWN, addressOf(args), 0, 0, 0, 0);
    if (result !== 0) return result;
    assign(this.thread, args.thread);
    this.give(this.code);
    this.give(this.view);
    this.give(this.stackObject);
    this.group = args.group;
    return 0;
  }

  /** Gives up a program that has been prepared, or not even that, and will not be started. */
  discard(): void {
    if (this.code.lo !== 0) deleteObject(this.code);
    if (this.view.lo !== 0) deleteObject(this.view);
    if (this.stackObject.lo === 0) return;
    if (changetype<usize>(this.arguments) !== 0) unmapAll(changetype<usize>(this.arguments));
    deleteObject(this.stackObject);
  }

  /** The object lives at least as long as the thread. */
  hold(id: ObjectId): void {
    syscall(SYS_TIE, this.thread.lo, this.thread.hi, id.lo, id.hi, 0);
  }

  private give(id: ObjectId): void {
    this.hold(id);
    deleteObject(id);
  }

  private repr(): ThreadRepr {
    return at<ThreadRepr>(dataOf(openObject(this.thread)));
  }

  hasEnded(): bool {
    return atomic.load<u64>(ptrTo(this.repr().sync[SYNC_EXIT]), Order.acquire) !== 0;
  }

  isStopped(): bool {
    return load<u64>(this.stateWord()) === THREAD_STOPPED;
  }

  /** The address of the word that says what the thread is (THREAD_…); to sleep on. */
  stateWord(): usize {
    return ptrTo(this.repr().sync[SYNC_STATE]).address;
  }

  /** Asks the program to end. */
  signal(number: u64): i64 {
    return syscall(SYS_SIGNAL, this.thread.lo, this.thread.hi, number, 0, 0);
  }

  /** Waits for the end of the program; its exit code. Everything that was its own is freed. */
  wait(): u64 {
    const word = ptrTo(this.repr().sync[SYNC_EXIT]).address;
    while (!this.hasEnded()) sleepOn(word, 0);
    return this.collect();
  }

  /** After the end of the program: its exit code. Everything that was its own is freed. */
  collect(): u64 {
    const repr = this.repr();
    const code = repr.syncInfo[SYNC_EXIT];
    // A program that was killed has not done it.
    closePipes(this.arguments);
    unmapAll(addressOf(repr));
    unmapAll(changetype<usize>(this.arguments));
    deleteObject(this.thread);
    return code;
  }
}

/** The arguments of this program. */
export function argument(index: u64): str {
  const args = at<ProgramArguments>(slotAddress(SLOT_STACK, OBJ_NULLPAGE));
  if (args.magic !== ARGUMENTS_MAGIC || index >= u64(args.count)) return '';
  return strOf(args.text.ptr.add(i64(args.offsets[index])), u64(args.lengths[index]));
}

export function argumentCount(): u64 {
  const args = at<ProgramArguments>(slotAddress(SLOT_STACK, OBJ_NULLPAGE));
  return args.magic === ARGUMENTS_MAGIC ? u64(args.count) : 0;
}
