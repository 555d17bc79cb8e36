/** Passwords: asked for without echo, kept as a salted verifier. */
import { PASSWORD_MAX, PASSWORD_ROUNDS, UserRecord } from '../../abi/user.ts';
import { Sha256 } from '../../crypto/sha256.ts';
import { consoleByte, flush, print } from '../../libtwz/io.ts';
import { randomPair } from '../../libtwz/keyring.ts';
import { setRaw } from '../../libtwz/terminal.ts';

const ENTER = 13;
const LINE_FEED = 10;
const INTERRUPT = 3;
const END = 4;

const typed = zeroed<FixedArray<u8, 128>>();
const hash = zeroed<Sha256>();

/** Asks for a password. False: the person has given up. The text is in `password` until `forget`. */
export function askPassword(question: str): bool {
  print(question);
  flush();
  length = 0;
  let done = false;
  let given = true;
  setRaw(true);
  while (!done) {
    const byte = consoleByte();
    if (byte === ENTER || byte === LINE_FEED) done = true;
    else if (byte === INTERRUPT || (byte === END && length === 0)) {
      given = false;
      done = true;
    } else if ((byte === 8 || byte === 127) && length > 0) length--;
    else if (byte >= 32 && byte !== 127 && length < PASSWORD_MAX) {
      typed[length] = byte;
      length++;
    }
  }
  setRaw(false);
  print('\n');
  return given;
}

let length: u64 = 0;

export function passwordLength(): u64 {
  return length;
}

/** Overwrites what was typed. */
export function forgetPassword(): void {
  memory.fill(addressOf(typed), 0, PASSWORD_MAX);
  length = 0;
}

/** Computes the verifier of what was typed. */
function compute(salt: FixedArray<u64, 2>, rounds: u64, digest: FixedArray<u64, 4>): void {
  hash.begin();
  hash.update(addressOf(salt), 16);
  hash.update(addressOf(typed), length);
  hash.finish(addressOf(digest));
  for (let i: u64 = 0; i < rounds; i++) {
    hash.begin();
    hash.update(addressOf(salt), 16);
    hash.update(addressOf(digest), 32);
    hash.finish(addressOf(digest));
  }
}

/** Is what was typed the user's password? */
export function isPassword(user: UserRecord): bool {
  const digest = stack<FixedArray<u64, 4>>();
  compute(user.salt, user.rounds, digest);
  let different: u64 = 0;
  for (let i: u64 = 0; i < 4; i++) different |= digest[i] ^ user.verifier[i];
  return different === 0;
}

/** Makes what was typed the user's password; nothing typed: none is asked for any more. Returns 0 or −Errno. */
export function setPassword(user: UserRecord): i64 {
  if (length === 0) {
    user.rounds = 0;
    return 0;
  }
  const result = randomPair(user.salt.ptr);
  if (result !== 0) return result;
  user.rounds = PASSWORD_ROUNDS;
  compute(user.salt, user.rounds, user.verifier);
  return 0;
}
