/**
 * Ctrl-C while something runs. The shell that waits for the foreground program owns the console's special keys: it looks for them in the
 * console's ring, takes them out, and acts. Of several shells inside each other the innermost owns them; full-screen programs switch all this off (CONSOLE_RAW).
 */
import { CONSOLE_RAW } from '../../abi/kso.ts';
import { ObjectId } from '../../abi/object.ts';
import { STREAM_EMPTY } from '../../abi/program.ts';
import { SLOT_THREAD, slotAddress } from '../../abi/view.ts';
import { console, programArguments, writeConsole } from '../../libtwz/io.ts';
import { wake } from '../../libtwz/lock.ts';
import { objectAt } from '../../libtwz/view.ts';

const INTERRUPT = 3;
/** `DeviceRepr.info` of the console: whose the special keys are. */
const OWNER = 2;
const RING = 1024;
const EVERYBODY: u64 = ~u64(0);

/** Bytes of the ring that have been looked at. */
let seen: u64 = 0;
let pressed = false;

function own(): u64 {
  const self = stack<ObjectId>();
  return objectAt(slotAddress(SLOT_THREAD, 0), self) ? self.lo : 0;
}

/** From now on the special keys are this shell's, unless it runs in the background. Returns whose they were. */
export function ownKeys(): u64 {
  const repr = console();
  const before = repr.info[OWNER];
  if (programArguments().input.kind === STREAM_EMPTY) return before;
  repr.info[OWNER] = own();
  repr.flags &= ~u32(CONSOLE_RAW);
  return before;
}

export function giveKeysBack(owner: u64): void {
  console().info[OWNER] = owner;
}

/** Has Ctrl-C been pressed since `forgetInterrupt`? */
export function interrupted(): bool {
  return pressed;
}

export function forgetInterrupt(): void {
  pressed = false;
}

/** Looks for Ctrl-C among what was typed; takes it, and all before it, out of the ring. True: there was one. */
export function noticeKeys(): bool {
  const repr = console();
  if ((repr.flags & CONSOLE_RAW) !== 0 || repr.info[OWNER] !== own()) return false;
  const received = atomic.load<u64>(ptrTo(repr.info[0]), Order.acquire);
  let found = false;
  for (let i = max<u64>(seen, repr.info[1]); i < received; i++) {
    if (repr.ring[i & (RING - 1)] !== INTERRUPT) continue;
    atomic.store<u64>(ptrTo(repr.info[1]), i + 1, Order.release);
    found = true;
  }
  seen = received;
  if (!found) return false;
  pressed = true;
  writeConsole('^C\n'.ptr.address, 3);
  wake(ptrTo(repr.info[1]).address, EVERYBODY);
  return true;
}

/** The word that changes with every byte received, to sleep on. */
export function keyWord(): usize {
  return ptrTo(console().info[0]).address;
}
