/**
 * The kernel's random numbers: SHA-256 over a secret and a counter. The secret mixes the firmware's seed (device tree,
 * `rng-seed`) and the store's boot count, so that two boots with one seed never make the same object IDs.
 */
import { Sha256 } from '../crypto/sha256.ts';

const secret = zeroed<FixedArray<u8, 32>>();
const output = zeroed<FixedArray<u64, 4>>();
const hash = zeroed<Sha256>();
let counter: u64 = 0;
let available: u64 = 0;

/** Mixes `size` bytes at `address` into the secret. */
export function stirRandom(address: usize, size: usize): void {
  hash.begin();
  hash.update(addressOf(secret), 32);
  hash.update(address, size);
  hash.finish(addressOf(secret));
  available = 0;
}

/** 64 random bits. */
export function randomWord(): u64 {
  if (available === 0) {
    counter++;
    const word = stack<FixedArray<u64, 1>>();
    word[0] = counter;
    hash.begin();
    hash.update(addressOf(secret), 32);
    hash.update(addressOf(word), 8);
    hash.finish(addressOf(output));
    available = 4;
  }
  available--;
  return output[available];
}
