/**
 * Locks in persistent objects, shared by all programs that map them, and what is built on them. None of them has to be initialised: zeros are
 * free. Each fills a cache block, so that a transaction that keeps the block beside it (tx.ts) does not keep the lock.
 *
 * A mutex survives power failures and the end of programs: its word names the boot in which it was taken, and its owner beside it. One of another
 * boot is free; one whose owner has ended is taken over. Whoever gets it in either way is told, and has the data to look at: what a
 * transaction left open has been undone by then (undo-log.ts).
 *
 * What is stored here need not be persistent, whatever of it a power failure leaves: of another boot it counts for nothing, and a count that went back wakes
 * nobody. So nothing is written back; the functions that store are named for that, and `licorice torture` takes them at their word.
 */
import { ObjectId } from '../abi/object.ts';
import { sleepFor, sleepOn, wake } from './lock.ts';
import { hasEnded, selfId } from './self.ts';
import { resetCode } from './undo-log.ts';

/** How often who waits for a mutex asks whether its owner still lives, in nanoseconds. */
const PATIENCE: u64 = 50_000_000;
/** `Mutex.word`, bits 1:0; the others are the boot's reset code. */
const FREE: u64 = 0;
const HELD: u64 = 1;
/** Held, and somebody may sleep. */
const AWAITED: u64 = 2;
const STATE: u64 = 3;
const ALL: u64 = 0xffff_ffff_ffff_ffff;

let epoch: u64 = 0;

/** This boot's number, as in `Mutex.word`. */
function thisBoot(): u64 {
  if (epoch === 0) epoch = resetCode() & ~STATE;
  return epoch;
}

/** @noinline */
function unpersistedSwap(place: Ptr<u64>, expected: u64, value: u64): u64 {
  return atomic.compareExchange<u64>(place, expected, value, Order.acq_rel);
}

/** @noinline */
function unpersistedExchange(place: Ptr<u64>, value: u64): u64 {
  return atomic.exchange<u64>(place, value, Order.acq_rel);
}

/** @noinline */
function unpersistedAdd(place: Ptr<u64>, value: u64): void {
  atomic.add<u64>(place, value);
}

/** @noinline */
function unpersistedOr(place: Ptr<u64>, mask: u64): void {
  atomic.or<u64>(place, mask, Order.acq_rel);
}

/** @noinline */
function unpersistedAnd(place: Ptr<u64>, mask: u64): u64 {
  return atomic.and<u64>(place, mask, Order.acq_rel);
}

/**
 * The low half last: who sees it sees the other.
 * @noinline
 */
function unpersistedOwner(owner: ObjectId, lo: u64, hi: u64): void {
  owner.hi = hi;
  atomic.store<u64>(ptrTo(owner.lo), lo, Order.release);
}

/** @align 64 */
@persistent
export class Mutex {
  private word: u64;
  readonly reserved: u64;
  /** The representation object of the thread that holds it; 0 while it is being taken. */
  private readonly owner: Inline<ObjectId>;
  readonly padding: FixedArray<u64, 4>;

  /** Waits for the lock. True: whoever had it before did not give it back, because the power failed or its thread ended. */
  acquire(): bool {
    const place = ptrTo(this.word);
    const boot = thisBoot();
    let state = HELD;
    for (;;) {
      const word = atomic.load<u64>(place, Order.acquire);
      if ((word & ~STATE) !== boot || (word & STATE) === FREE) {
        if (unpersistedSwap(place, word, boot | state) !== word) continue;
        this.sign();
        return (word & STATE) !== FREE;
      }
      if ((word & STATE) === HELD && unpersistedSwap(place, word, boot | AWAITED) !== word) continue;
      sleepFor(place.address, boot | AWAITED, PATIENCE);
      // Who has slept must wake the next one, whether there is one or not.
      state = AWAITED;
      if (this.inherit()) return true;
    }
  }

  /** Takes the lock if it is free. */
  tryAcquire(): bool {
    const place = ptrTo(this.word);
    const word = atomic.load<u64>(place, Order.acquire);
    if ((word & ~STATE) === thisBoot() && (word & STATE) !== FREE) return false;
    if (unpersistedSwap(place, word, thisBoot() | HELD) !== word) return false;
    this.sign();
    return true;
  }

  private sign(): void {
    const self = selfId();
    unpersistedOwner(this.owner, self.lo, self.hi);
  }

  /** Takes the lock over from an owner that has ended. Only one of those that wait succeeds. */
  private inherit(): bool {
    const place = ptrTo(this.owner.lo);
    const owner = stack<ObjectId>();
    owner.lo = atomic.load<u64>(place, Order.acquire);
    owner.hi = this.owner.hi;
    if (owner.lo === 0 || !hasEnded(owner)) return false;
    if (unpersistedSwap(place, owner.lo, 0) !== owner.lo) return false;
    if ((this.word & ~STATE) !== thisBoot() || (this.word & STATE) === FREE) return false;
    this.sign();
    return true;
  }

  release(): void {
    unpersistedExchange(ptrTo(this.owner.lo), 0);
    const word = unpersistedExchange(ptrTo(this.word), thisBoot() | FREE);
    if ((word & STATE) === AWAITED) wake(ptrTo(this.word).address, 1);
  }

  /** `using guard = mutex.hold()`: has it until the end of the scope. */
  hold(): Mutex {
    this.acquire();
    return this;
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/**
 * Waiting for something that a mutex guards to change.
 * @align 64
 */
@persistent
export class Condition {
  private changes: u64;
  readonly padding: FixedArray<u64, 7>;

  /** Gives the mutex back, waits for a signal, and takes it again. It may return without a signal: ask again for what was waited for. */
  wait(mutex: Mutex): void {
    const place = ptrTo(this.changes);
    const seen = atomic.load<u64>(place, Order.acquire);
    mutex.release();
    sleepOn(place.address, seen);
    mutex.acquire();
  }

  /** Wakes one that waits. */
  signal(): void {
    unpersistedAdd(ptrTo(this.changes), 1);
    wake(ptrTo(this.changes).address, 1);
  }

  /** Wakes all that wait. */
  broadcast(): void {
    unpersistedAdd(ptrTo(this.changes), 1);
    wake(ptrTo(this.changes).address, ALL);
  }
}

/**
 * 64 events, one bit each: set by anybody, taken by who waits for them.
 * @align 64
 */
@persistent
export class Events {
  private bits: u64;
  readonly padding: FixedArray<u64, 7>;

  /** Makes events happen. */
  set(mask: u64): void {
    unpersistedOr(ptrTo(this.bits), mask);
    wake(ptrTo(this.bits).address, ALL);
  }

  /** Those of `mask` that have happened, which then have not; 0: none has. */
  take(mask: u64): u64 {
    return unpersistedAnd(ptrTo(this.bits), ~mask) & mask;
  }

  /** Those that have happened and not been taken. */
  peek(): u64 {
    return atomic.load<u64>(ptrTo(this.bits), Order.acquire);
  }

  /** The word that changes with them, to wait for it with others (wait.ts). */
  word(): usize {
    return ptrTo(this.bits).address;
  }

  /** Waits until one of `mask` has happened, and takes all of them that have. */
  wait(mask: u64): u64 {
    for (;;) {
      const taken = this.take(mask);
      if (taken !== 0) return taken;
      const now = atomic.load<u64>(ptrTo(this.bits), Order.acquire);
      if ((now & mask) === 0) sleepOn(ptrTo(this.bits).address, now);
    }
  }
}

static_assert(
  sizeof<Mutex>() === 64 && sizeof<Condition>() === 64 && sizeof<Events>() === 64,
  'a block each',
);
