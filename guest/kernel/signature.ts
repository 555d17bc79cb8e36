/**
 * Signatures of capabilities and delegations. Verifying one takes over a million instructions, far longer than anything else that the
 * kernel does, so it is not done under the kernel's lock: who meets a signature that nobody has judged yet puts it off, undoes nothing because it has done
 * nothing, and leaves; the trap handler lets go of the lock, verifies, remembers the verdict, and has the thread try again.
 *
 * Verdicts are kept by what they are about, byte for byte: key, message and signature. So nobody gets one for anything else.
 */
import { verifyEd25519 } from '../crypto/ed25519.ts';
import { lockKernel, unlockKernel } from './lock.ts';
import { randomWord } from './random.ts';
import { thisHart } from './schedule.ts';
import { Thread } from './thread.ts';

/** Bytes of the longest message: a delegation without its signature. */
export const MESSAGE_MAX = 88;

/** "This is the signature of that key over this message." Unused bytes are 0. */
class Claim {
  readonly key: FixedArray<u8, 32>;
  readonly signature: FixedArray<u8, 64>;
  readonly message: FixedArray<u8, 88>;
  size: u64;
}

class Verdict {
  readonly claim: Inline<Claim>;
  hash: u64;
  /** 0: this entry is free. */
  judged: u32;
  holds: u32;
}

/** Replaced in turn: whatever takes no more of them at once than there are gets on. */
const VERDICTS = 64;
const verdicts = zeroed<FixedArray<Inline<Verdict>, 64>>();
let nextVerdict: u64 = 0;

/** What each hart has put off, and whether it has. */
const claims = zeroed<FixedArray<Inline<Claim>, 8>>();
const putOff = zeroed<FixedArray<u8, 8>>();

/** What to do with a signature that has not been judged yet. */
export enum Unjudged {
  /** At boot, when nobody else runs: verify it. */
  verify = 0,
  putOff = 1,
  /** The thread has put off too many in a row: it does not hold. */
  refuse = 2,
}

let mode = Unjudged.verify;

/**
 * How many signatures in a row a thread may have verified before it gets anywhere. A context that takes more for one object, or others
 * that wear out the verdicts as fast as they are made, get it nowhere; the lock is never held for that.
 */
const IN_A_ROW: u64 = 256;

/** A trap from user mode begins. */
export function beginJudging(thread: Thread): void {
  putOff[thisHart().index] = 0;
  mode = thread.verifications < IN_A_ROW ? Unjudged.putOff : Unjudged.refuse;
}

/** Has something been put off, so that what was computed says too little? Whoever is asked for rights then fails before it does anything. */
export function judgingIncomplete(): bool {
  return putOff[thisHart().index] !== 0;
}

/** The verdict on a claim with this hash; null: there is none. */
function findVerdict(claim: Claim, hash: u64): Verdict | null {
  for (let i: u64 = 0; i < VERDICTS; i++) {
    const verdict = verdicts[i];
    if (verdict.hash !== hash || verdict.judged === 0) continue;
    if (memory.compare(addressOf(verdict.claim), addressOf(claim), sizeof<Claim>()) === 0) return verdict;
  }
  return null;
}

/** Secret, so that nobody makes claims that have the same hash, and are then told apart only slowly. */
let secret: u64 = 0;

function hashOf(claim: Claim): u64 {
  if (secret === 0) secret = randomWord() | 1;
  let hash: u64 = 0;
  for (let offset: u64 = 0; offset < sizeof<Claim>(); offset += 8) {
    hash = (hash ^ load<u64>(addressOf(claim) + offset)) * secret;
    hash ^= hash >> 32;
  }
  return hash;
}

function verify(claim: Claim): bool {
  return verifyEd25519(
    addressOf(claim.key),
    addressOf(claim.message),
    claim.size,
    addressOf(claim.signature),
  );
}

function remember(claim: Claim, holds: bool): void {
  const place = verdicts[nextVerdict];
  nextVerdict = (nextVerdict + 1) % VERDICTS;
  assign(place.claim, claim);
  place.hash = hashOf(claim);
  place.holds = u32(holds);
  place.judged = 1;
}

/** Is `signature` (64 bytes) that of `key` (32 bytes) over `size` bytes? False as well when that is put off (`judgingIncomplete`). */
export function signatureHolds(key: usize, message: usize, size: u64, signature: usize): bool {
  assert(size <= MESSAGE_MAX, 'a message too long to be judged');
  const claim = stack<Claim>();
  memory.copy(addressOf(claim.key), key, 32);
  memory.copy(addressOf(claim.signature), signature, 64);
  memory.copy(addressOf(claim.message), message, size);
  claim.size = size;
  const known = findVerdict(claim, hashOf(claim));
  if (known !== null) return known.holds !== 0;
  if (mode === Unjudged.refuse) return false;
  if (mode === Unjudged.verify) {
    const holds = verify(claim);
    remember(claim, holds);
    return holds;
  }
  const hart = thisHart().index;
  if (putOff[hart] === 0) assign(claims[hart], claim);
  putOff[hart] = 1;
  return false;
}

/**
 * Verifies what this hart has put off, without the lock, for its thread, which then makes its access or call again: to other harts it
 * is as if it ran in user mode all the time.
 */
export function judgePutOff(thread: Thread): void {
  const claim: Claim = claims[thisHart().index];
  thread.verifications++;
  unlockKernel();
  const holds = verify(claim);
  lockKernel();
  remember(claim, holds);
}
