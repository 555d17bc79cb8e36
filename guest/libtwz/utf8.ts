/** UTF-8 as terminals show it: characters of one to four bytes, and the columns that each takes (after Unicode Standard Annex 11, in broad ranges). */

/** Bytes of the character that begins with `first`; 1 for a byte that begins none. */
export function characterLength(first: u8): u64 {
  if (first >= 0xf0) return 4;
  if (first >= 0xe0) return 3;
  return first >= 0xc0 ? 2 : 1;
}

/** Does the byte go on with a character that began before it? */
export function isContinuation(byte: u8): bool {
  return (byte & 0xc0) === 0x80;
}

/** Code point of the character at the start of `text`; malformed ones give their first byte. */
function codePoint(text: str): u32 {
  const first = u32(text[0]);
  const length = characterLength(text[0]);
  if (length === 1 || text.length < length) return first;
  let value = first & ((0x80 >> u32(length)) - 1);
  for (let i: u64 = 1; i < length; i++) value = (value << 6) | (u32(text[i]) & 0x3f);
  return value;
}

function isWithin(value: u32, low: u32, high: u32): bool {
  return value >= low && value <= high;
}

/** Columns of the character at the start of `text`. */
export function characterWidth(text: str): u64 {
  if (text[0] < 0x80) return 1;
  const point = codePoint(text);
  if (isWithin(point, 0x300, 0x36f) || isWithin(point, 0x200b, 0x200f) || isWithin(point, 0xfe00, 0xfe0f))
    return 0;
  const wide =
    isWithin(point, 0x1100, 0x115f) ||
    isWithin(point, 0x2e80, 0xa4cf) ||
    isWithin(point, 0xac00, 0xd7a3) ||
    isWithin(point, 0xf900, 0xfaff) ||
    isWithin(point, 0xfe30, 0xfe6f) ||
    isWithin(point, 0xff00, 0xff60) ||
    isWithin(point, 0x1f300, 0x1faff) ||
    isWithin(point, 0x20000, 0x3fffd);
  return wide ? 2 : 1;
}
