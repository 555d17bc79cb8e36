/**
 * System calls: numbers, flags, argument structures and error codes. The number is in a7, arguments in a0–a5; the result in
 * a0 is negative for an error (−Errno). Numbers are those of Twizzler's C implementation; ours that it lacks
 * follow from 32 on. docs/kernel.md describes each call.
 */
import { ObjectId } from './object.ts';

export const SYS_NULL = 0;
export const SYS_THREAD_SPAWN = 1;
export const SYS_DEBUG_PRINT = 2;
export const SYS_INVALIDATE = 3;
export const SYS_ATTACH = 4;
export const SYS_DETACH = 5;
export const SYS_BECOME = 6;
export const SYS_THREAD_SYNC = 7;
export const SYS_CREATE = 8;
export const SYS_DELETE = 9;
export const SYS_THREAD_CONTROL = 10;
export const SYS_ACTION = 11;
export const SYS_PIN = 12;
export const SYS_OBJECT_CONTROL = 13;
export const SYS_CONFIG = 14;
export const SYS_TIE = 16;
export const SYS_COPY = 17;
export const SYS_STAT = 19;
export const SYS_SIGNAL = 20;
export const SYS_REVOKE = 32;
export const SYS_POWER = 33;
export const SYS_ROOT = 34;
export const SYSCALLS = 35;

/** Errors; system calls return them negated. */
export const EPERM = 1;
export const ENOENT = 2;
export const EINTR = 4;
export const EIO = 5;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EFAULT = 14;
export const EBUSY = 16;
export const EEXIST = 17;
export const EINVAL = 22;
export const ENOSPC = 28;
export const ENOSYS = 38;
export const ETIMEDOUT = 110;
export const EKEYREJECTED = 129;

/** SYS_CREATE flags: default rights (READ … DELETE), MIP_HASHDATA in bit 0, and: */
export const CREATE_ZERONONCE = 0x1000;
export const CREATE_VOLATILE = 0x2000;
export const CREATE_PERSIST = 0x4000;
/** Tie to the calling thread and mark deleted: the object ends with the thread. */
export const CREATE_TIED = 0x8000;

/** One source of a new object: pages [offset, offset+length) of `source` appear at `target`, copy-on-write. */
export class CreateSource {
  readonly source: Inline<ObjectId>;
  /** Byte offsets and length, multiples of 4096. length 0: the whole object, `source` and `target` offsets ignored. */
  offset: u64;
  target: u64;
  length: u64;
}

/** Argument of SYS_CREATE. */
export class CreateArgs {
  readonly kuid: Inline<ObjectId>;
  flags: u64;
  sources: Ptr<u8> | null;
  sourceCount: u64;
  /** Result. */
  readonly id: Inline<ObjectId>;
}

/** SYS_DELETE flags: hide at once, not at the last reference. */
export const DELETE_IMMEDIATE = 1;
/** Takes back a mark set by an earlier SYS_DELETE that has not taken effect. */
export const DELETE_UNDO = 2;

/** SYS_TIE flags: remove the tie. */
export const TIE_REMOVE = 1;

/** SYS_PIN flags: unpin. */
export const PIN_REMOVE = 1;

/** Argument of SYS_COPY, as CreateSource, into an existing object; source ID 0: zero pages. */
export class CopyArgs {
  readonly target: Inline<ObjectId>;
  readonly from: Inline<CreateSource>;
}

/** `StatResult.flags`. */
export const STAT_PERSISTENT = 1;
export const STAT_DELETED = 2;
export const STAT_PINNED = 4;
export const STAT_DAMAGED = 8;
export const STAT_HASHDATA = 16;

/** Result of SYS_STAT. */
export class StatResult {
  readonly id: Inline<ObjectId>;
  readonly kuid: Inline<ObjectId>;
  nonceLo: u64;
  nonceHi: u64;
  /** Default rights and MIP_HASHDATA. */
  pFlags: u32;
  flags: u32;
  /** 4-KiB pages present. */
  pages: u64;
  /** References: threads, ties and pins that keep a deleted object. */
  references: u64;
  /** Rights of the calling thread's contexts together. */
  rights: u64;
  /** Capabilities with a smaller number are void. */
  revocation: u64;
}

/** One word of SYS_THREAD_SYNC. */
export class SyncOp {
  address: u64;
  value: u64;
  /** SYNC_SLEEP or SYNC_WAKE, and flags. */
  op: u32;
  /** For the caller: 1 when this word was the one that woke, or −Errno. */
  result: i32;
}

/** Sleep while the word equals `value`. */
export const SYNC_SLEEP = 0;
/** Wake up to `value` threads that sleep on the word. */
export const SYNC_WAKE = 1;
/** The word has 32 bits (default 64). */
export const SYNC_32 = 0x100;

/** No timeout for SYS_THREAD_SYNC, in nanoseconds. */
export const SYNC_FOREVER: u64 = 0xffff_ffff_ffff_ffff;

/** Argument of SYS_THREAD_SPAWN. */
export class SpawnArgs {
  /** The new thread's representation object (`ThreadRepr`); 0: the kernel makes one. */
  readonly thread: Inline<ObjectId>;
  /** Its view; 0: the caller's. */
  readonly view: Inline<ObjectId>;
  /** Object for the stack slot; 0: none. */
  readonly stack: Inline<ObjectId>;
  start: u64;
  stackPointer: u64;
  argument: u64;
  tls: u64;
  flags: u64;
  /** The new thread's group: 0 = the caller's, GROUP_NEW = a new one, else a group's number. The kernel puts the number here. */
  group: u64;
  /** Security context that is the new thread's only one; the caller needs USE of it. 0: as `flags` says. */
  readonly context: Inline<ObjectId>;
}

/** SpawnArgs.group: the new thread is the first of a new group. */
export const GROUP_NEW: u64 = 0xffff_ffff_ffff_ffff;

/** SpawnArgs.flags: do not inherit the caller's attached contexts. */
export const SPAWN_NO_CONTEXTS = 1;

/** SYS_THREAD_CONTROL operations. */
export const THREAD_EXIT = 0;
/** Continues from an upcall: argument is the address of its `FaultFrame`. */
export const THREAD_RESUME = 1;
export const THREAD_YIELD = 2;
/** Sets an entry of the thread's fixed slots: slot, ID lo, ID hi, flags. */
export const THREAD_SET_FIXED = 3;
export const THREAD_SET_TLS = 4;
/** Asks that the thread restart at its view's `resume` after a power failure (argument 1), or no more (0). */
export const THREAD_PERSIST = 5;

/** Argument of SYS_BECOME: switch view and registers; with address 0 the last `become` is undone. */
export class BecomeArgs {
  readonly view: Inline<ObjectId>;
  pc: u64;
  sp: u64;
  /** Becomes a0. */
  argument: u64;
  /** The context to try first, 0 = none (a hint: gates are judged at the jump). */
  readonly contextHint: Inline<ObjectId>;
}

/** SYS_CONFIG keys. */
/** A random number that changes with every boot (mutexes that survive crashes compare it). */
export const CONFIG_RESET_CODE = 0;
/** Nanoseconds per 2^32 ticks of `time`. */
export const CONFIG_TIME_PERIOD = 1;
export const CONFIG_HARTS = 2;
export const CONFIG_PAGES_FREE = 3;
export const CONFIG_PAGES_TOTAL = 4;
export const CONFIG_STORE_FREE = 5;
export const CONFIG_STORE_TOTAL = 6;
/** 1 if the store was not shut down cleanly before this boot. */
export const CONFIG_DIRTY_START = 7;
/** Objects that the kernel knows. */
export const CONFIG_OBJECTS = 8;
/** Small blocks in use: objects, threads, contexts, ties, waiters. */
export const CONFIG_BLOCKS_USED = 9;
/** Pages of memory kept for small blocks and hashed tables; they grow with use and are used again. */
export const CONFIG_PAGES_KEPT = 10;
/** Pages of the store kept for records. */
export const CONFIG_STORE_KEPT = 11;

/** SYS_ROOT: which root object's ID to return or set. */
export const ROOT_KSO = 0;
/** The root of persistent names; set by user space once, kept in the store. */
export const ROOT_NAMES = 1;
/** The boot archive's list of objects. */
export const ROOT_ARCHIVE = 2;

/** SYS_POWER operations. */
export const POWER_OFF = 0;
export const POWER_REBOOT = 1;
/** A kernel panic, to see what it looks like and what the debugger makes of it. */
export const POWER_PANIC = 2;
