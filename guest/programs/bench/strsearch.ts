/** Boyer-Moore-Horspool search for every occurrence of a few words in a text. */
const SIZE = 16384;
const text = zeroed<FixedArray<u8, typeof SIZE>>();
const skip = zeroed<FixedArray<u32, 256>>();

function count(haystack: Slice<u8>, needle: Slice<u8>): u64 {
  const last = needle.length - 1;
  for (let i: u64 = 0; i < 256; i++) skip[i] = u32(needle.length);
  for (let i: u64 = 0; i < last; i++) skip[needle[i]] = u32(last - i);
  let found: u64 = 0;
  let at = last;
  while (at < haystack.length) {
    let i: u64 = 0;
    while (i <= last && haystack[at - i] === needle[last - i]) i++;
    if (i > last) found++;
    at += u64(skip[haystack[at]]);
  }
  return found;
}

/** @export */
export function run(rounds: u64): u64 {
  let seed: u32 = 99;
  for (let i: u64 = 0; i < SIZE; i++) {
    seed = seed * 1103515245 + 12345;
    text[i] = u8('a') + u8((seed >> 16) & 3);
  }
  let sum: u64 = 0;
  for (let r: u64 = 0; r < rounds; r++) {
    sum += count(text, 'abcd'.bytes);
    sum += count(text, 'dadba'.bytes) * 3;
    sum += count(text, 'aabbccdd'.bytes) * 5;
  }
  return sum;
}
