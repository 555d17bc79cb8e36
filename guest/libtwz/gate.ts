/**
 * Calls into another program: it publishes functions in an object, and callers enter them with `become`: the same thread goes on in the other
 * program's view, where its memory and its objects are mapped, and comes back with a result. No thread is woken and nothing is copied: what
 * a call passes by reference lies on the caller's stack, which every view shows at the same place.
 *
 * With a security context, callers attach it first, and what the called functions need can be granted to that context alone; a jump into it
 * has to land in a gate of the capability for the program's code (docs/kernel.md, Security). After Twizzler's secure API.
 */
import { OBJ_NULLPAGE, ObjectId } from '../abi/object.ts';
import { BecomeArgs, EINVAL, SYS_ATTACH, SYS_BECOME } from '../abi/syscall.ts';
import { ThreadRepr } from '../abi/thread.ts';
import { SLOT_THREAD, slotAddress } from '../abi/view.ts';
import { becomeThreaded } from './lock.ts';
import { dataOf, openObject } from './object.ts';
import { syscall } from './syscall.ts';

const API_MAGIC = 0x4950_415f_5a57_5454;
const GATES = 16;
/** What callers leave of their stack to its owner: a leaf function may use so many bytes below its stack pointer. */
const RED_ZONE = 256;

/** What a gate calls: gets the caller's argument, often the address of a structure on the caller's stack. */
export type Gate = (argument: u64) => u64;

/** From OBJ_NULLPAGE on of the object by which a program is called. */
class Api {
  magic: u64;
  count: u64;
  readonly view: Inline<ObjectId>;
  readonly context: Inline<ObjectId>;
  /** Where calls enter the view, and the functions that they are passed on to. */
  entry: u64;
  readonly functions: FixedArray<u64, 16>;
}

/**
 * Calls begin here, in the called program's view: a0 leads to a `Call`.
 * @naked
 */
function enter(): void {
  asm`
    call __gate_main
    j __gate_return`;
}

/** What a caller puts on its stack. */
class Call {
  body: Gate;
  argument: u64;
}

/** @export __gate_main */
function gateMain(call: Call): u64 {
  return call.body(call.argument);
}

/** @export __gate_return */
function gateReturn(value: u64): never {
  syscall(SYS_BECOME, 0, value, 0, 0, 0);
  unreachable();
}

/** The gates of this program, being made known in an object of zeros. */
export class Gates {
  private api: Api;

  /** `context`: what callers are to attach; null: nothing. */
  begin(object: ObjectId, context: ObjectId | null): void {
    // Several callers may be in here at once, beside this program's own threads.
    becomeThreaded();
    this.api = at<Api>(dataOf(openObject(object)));
    this.api.count = 0;
    assign(this.api.view, at<ThreadRepr>(slotAddress(SLOT_THREAD, OBJ_NULLPAGE)).view);
    if (context !== null) assign(this.api.context, context);
    this.api.entry = addressOf(enter);
  }

  /** Adds a function; its number. */
  add(body: Gate): u64 {
    const index = this.api.count;
    if (index === GATES) panic('a program has at most 16 gates');
    this.api.functions[index] = addressOf(body);
    this.api.count = index + 1;
    return index;
  }

  /** From now on the gates can be called. */
  publish(): void {
    atomic.store<u64>(ptrTo(this.api.magic), API_MAGIC, Order.release);
  }
}

/** A program's gates, as callers see them. */
export class Service {
  private api: Api;

  /** Opens the gates that an object makes known. Returns 0, −EINVAL when it makes none known, or what attaching their context returned. */
  open(object: ObjectId): i64 {
    this.api = at<Api>(dataOf(openObject(object)));
    if (atomic.load<u64>(ptrTo(this.api.magic), Order.acquire) !== API_MAGIC) return -EINVAL;
    const context = this.api.context;
    if (context.lo === 0 && context.hi === 0) return 0;
    return syscall(SYS_ATTACH, context.lo, context.hi, 0, 0, 0);
  }

  /** Calls gate `index`; what it returns, or −Errno of the call itself. */
  call(index: u64, argument: u64): i64 {
    const api = this.api;
    if (index >= api.count) return -EINVAL;
    const call = stack<Call>();
    call.body = changetype<Gate>(api.functions[index]);
    call.argument = argument;
    const become = stack<BecomeArgs>();
    assign(become.view, api.view);
    assign(become.contextHint, api.context);
    become.pc = api.entry;
    become.sp = (asm<usize>`mv ${result}, sp` - RED_ZONE) & ~u64(15);
    become.argument = addressOf(call);
    return syscall(SYS_BECOME, addressOf(become), 0, 0, 0, 0);
  }
}
