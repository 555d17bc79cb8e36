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

/** First and last code points of ranges that take no column of their own, and of those that take two. */
const ZERO_WIDTH: FixedArray<u32, 40> = [
  0x300, 0x36f, 0x483, 0x489, 0x591, 0x5bd, 0x5bf, 0x5c7, 0x610, 0x61a, 0x64b, 0x65f, 0x670, 0x670, 0x6d6,
  0x6dc, 0x900, 0x902, 0x93c, 0x93c, 0x941, 0x948, 0x94d, 0x94d, 0xe31, 0xe31, 0xe34, 0xe3a, 0xe47, 0xe4e,
  0x1ab0, 0x1aff, 0x1dc0, 0x1dff, 0x200b, 0x200f, 0x20d0, 0x20ff, 0xfe00, 0xfe2f,
];
const WIDE: FixedArray<u32, 74> = [
  0x1100, 0x115f, 0x231a, 0x231b, 0x2329, 0x232a, 0x23e9, 0x23ec, 0x23f0, 0x23f3, 0x25fd, 0x25fe, 0x2614,
  0x2615, 0x2648, 0x2653, 0x267f, 0x267f, 0x2693, 0x2693, 0x26a1, 0x26a1, 0x26aa, 0x26ab, 0x26bd, 0x26be,
  0x26c4, 0x26c5, 0x26ce, 0x26ce, 0x26d4, 0x26d4, 0x26ea, 0x26ea, 0x26f2, 0x26f5, 0x26fa, 0x26fd, 0x2705,
  0x2705, 0x270a, 0x270b, 0x2728, 0x2728, 0x274c, 0x274e, 0x2753, 0x2757, 0x2795, 0x2797, 0x27b0, 0x27bf,
  0x2b1b, 0x2b1c, 0x2b50, 0x2b55, 0x2e80, 0x303e, 0x3041, 0xa4cf, 0xa960, 0xa97c, 0xac00, 0xd7a3, 0xf900,
  0xfaff, 0xfe30, 0xfe6f, 0xff01, 0xff60, 0xffe0, 0xffe6, 0x1f300, 0x3fffd,
];

function isIn(value: u32, ranges: Slice<u32>): bool {
  for (let i: u64 = 0; i < ranges.length; i += 2) {
    if (value < ranges[i]) return false;
    if (value <= ranges[i + 1]) return true;
  }
  return false;
}

/** Columns of the character at the start of `text`. */
export function characterWidth(text: str): u64 {
  if (text[0] < 0x80) return 1;
  const point = codePoint(text);
  if (isIn(point, ZERO_WIDTH)) return 0;
  return isIn(point, WIDE) ? 2 : 1;
}

/** Joins the characters before and after it into one. */
const JOINER: u32 = 0x200d;

/** Where what a person takes for one character ends that begins at `start`: with its accents, and what is joined to it. */
export function clusterAfter(text: str, start: u64): u64 {
  let i = min<u64>(start + characterLength(text[start]), text.length);
  while (i < text.length && characterWidth(text.subslice(i)) === 0) {
    const joins = codePoint(text.subslice(i)) === JOINER;
    i = min<u64>(i + characterLength(text[i]), text.length);
    if (joins && i < text.length) i = min<u64>(i + characterLength(text[i]), text.length);
  }
  return i;
}

/** Where the one begins that ends at `end`. */
export function clusterBefore(text: str, end: u64): u64 {
  let start: u64 = 0;
  while (start < end) {
    const next = clusterAfter(text, start);
    if (next >= end) break;
    start = next;
  }
  return start;
}
