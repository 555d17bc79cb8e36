/**
 * Trying what may fault: `attempt` calls a function, and when an access in it finds no right, no space, no object or a lost page, gives up in the
 * middle and returns an error, where otherwise the program would end with a report. For a program that must go on, such as a shell.
 *
 * What was given up is not undone: no lock may be held across what can fault, and a transaction has to be ended (`Tx.abandon`). Threads try independently of
 * each other.
 */
import {
  FAULT_NULL,
  FAULT_OBJECT,
  FAULT_PAGE,
  FAULT_SECURITY,
  FaultFrame,
  OBJECT_DAMAGED,
  OBJECT_UNKNOWN,
  PAGE_NO_SPACE,
  PAGE_POISON,
} from '../abi/fault.ts';
import { ObjectId } from '../abi/object.ts';
import { EFAULT, EIO, ENOENT, ENOSPC, EPERM } from '../abi/syscall.ts';
import { hasEnded, selfId } from './self.ts';

/** What is tried: a result of 0 or more, or −Errno. */
export type Trial = (argument: u64) => i64;

/** Registers at the call, as the psABI keeps them: ra, sp, s0 … s11. */
class Landing {
  ra: u64;
  sp: u64;
  readonly saved: FixedArray<u64, 12>;
  outer: Landing | null;
}

/** What a thread tries. Taken by the compare-and-swap of `lo`; the rest is the thread's own. */
class Trying {
  /** ID of the thread; 0: free. */
  lo: u64;
  hi: u64;
  innermost: Landing | null;
}

const trying = zeroed<FixedArray<Inline<Trying>, 64>>();

static_assert(
  offsetof<Trying>('lo') === offsetof<ObjectId>('lo') && offsetof<Trying>('hi') === offsetof<ObjectId>('hi'),
  'Trying',
);

/** What this thread tries; null: nothing. */
function ownTrying(): Trying | null {
  const self = selfId();
  for (const one of trying) if (one.lo === self.lo && one.hi === self.hi) return one;
  return null;
}

/** `Trying.lo` while a place is made free. */
const CLEARING: u64 = 1;

/** Frees the places of threads that were killed in an attempt. */
function clearPlaces(): void {
  for (const one of trying) {
    const owner = atomic.load<u64>(ptrTo(one.lo), Order.acquire);
    // A thread that has just taken a place has not written `hi` yet.
    if (owner <= CLEARING || one.hi === 0 || !hasEnded(at<ObjectId>(addressOf(one)))) continue;
    if (atomic.compareExchange<u64>(ptrTo(one.lo), owner, CLEARING) !== owner) continue;
    leavePlace(one);
  }
}

/** A place for what this thread tries. */
function takePlace(): Trying {
  const self = selfId();
  for (;;) {
    for (const one of trying) {
      if (one.lo !== 0 || atomic.compareExchange<u64>(ptrTo(one.lo), 0, self.lo, Order.acquire) !== 0)
        continue;
      one.hi = self.hi;
      return one;
    }
    clearPlaces();
  }
}

function leavePlace(place: Trying): void {
  place.innermost = null;
  place.hi = 0;
  atomic.store<u64>(ptrTo(place.lo), 0, Order.release);
}

/**
 * Notes where to go on, and calls a0(a1); a2 leads to the `Landing`.
 * @naked
 */
function enter(): void {
  asm`
    sd ra, 0(a2)
    sd sp, 8(a2)
    sd s0, 16(a2)
    sd s1, 24(a2)
    sd s2, 32(a2)
    sd s3, 40(a2)
    sd s4, 48(a2)
    sd s5, 56(a2)
    sd s6, 64(a2)
    sd s7, 72(a2)
    sd s8, 80(a2)
    sd s9, 88(a2)
    sd s10, 96(a2)
    sd s11, 104(a2)
    mv t0, a0
    mv a0, a1
    jr t0`;
}

/** Calls `trial(argument)`; its result, or −Errno of the fault that ended it. */
export function attempt(trial: Trial, argument: u64): i64 {
  const landing = stack<Landing>();
  const place = ownTrying() ?? takePlace();
  landing.outer = place.innermost;
  place.innermost = landing;
  const call = changetype<(trial: Trial, argument: u64, landing: Landing) => i64>(addressOf(enter));
  const result = call(trial, argument, landing);
  place.innermost = landing.outer;
  if (landing.outer === null) leavePlace(place);
  return result;
}

/** The error that a fault stands for; 0: it is a mistake of the program, and nothing that may happen to a good one. */
function errorOf(fault: u64, frame: FaultFrame): i64 {
  if (fault === FAULT_SECURITY) return EPERM;
  if (fault === FAULT_NULL) return EFAULT;
  if (fault === FAULT_PAGE) {
    if (frame.detail === PAGE_NO_SPACE) return ENOSPC;
    return frame.detail === PAGE_POISON ? EIO : EFAULT;
  }
  if (fault !== FAULT_OBJECT) return 0;
  if (frame.detail === OBJECT_UNKNOWN) return ENOENT;
  return frame.detail === OBJECT_DAMAGED ? EIO : EFAULT;
}

/** At a fault: if something is being tried, lets the thread (once it is resumed) go on behind it. False: nothing is, or the fault is none of that kind. */
export function giveUp(fault: u64, frame: FaultFrame): bool {
  const place = ownTrying();
  const error = errorOf(fault, frame);
  if (place === null || place.innermost === null || error === 0) return false;
  const landing = place.innermost;
  frame.registers[0] = landing.ra;
  frame.registers[2] = landing.sp;
  frame.registers[8] = landing.saved[0];
  frame.registers[9] = landing.saved[1];
  for (let i: u64 = 2; i < 12; i++) frame.registers[16 + i] = landing.saved[i];
  frame.registers[10] = u64(-error);
  return true;
}

function loadByte(address: u64): i64 {
  return i64(volatileLoad<u8>(address));
}

/** Why the byte at an address cannot be read, as −Errno; 0: it can. */
export function readError(address: usize): i64 {
  return min<i64>(attempt(loadByte, address), 0);
}
