/** From text to numbers and object IDs, as people type them. */
import { ObjectId } from '../abi/object.ts';

/** The value of a hexadecimal digit, 16 for another byte. */
function digitOf(byte: u8): u64 {
  if (byte >= u8('0') && byte <= u8('9')) return u64(byte - u8('0'));
  const lower = byte | 0x20;
  if (lower >= u8('a') && lower <= u8('f')) return u64(lower - u8('a')) + 10;
  return 16;
}

/** Reads an object ID as it is printed, `hi:lo` in hexadecimal. False: it is something else. */
export function parseId(text: str, id: ObjectId): bool {
  if (text.length !== 33 || text[16] !== u8(':')) return false;
  id.hi = 0;
  id.lo = 0;
  for (let i: u64 = 0; i < 33; i++) {
    if (i === 16) continue;
    const digit = digitOf(text[i]);
    if (digit > 15) return false;
    if (i < 16) id.hi = (id.hi << 4) | digit;
    else id.lo = (id.lo << 4) | digit;
  }
  return true;
}

/** Reads a number of decimal or, after `0x`, hexadecimal digits. False: the text is none, or it is beyond 64 bits. */
export function parseNumber(text: str, value: Ptr<u64>): bool {
  const hex = text.length > 2 && text[0] === u8('0') && text[1] === u8('x');
  const base: u64 = hex ? 16 : 10;
  value[0] = 0;
  for (let i: u64 = hex ? 2 : 0; i < text.length; i++) {
    const digit = digitOf(text[i]);
    if (digit >= base || value[0] > (~u64(0) - digit) / base) return false;
    value[0] = value[0] * base + digit;
  }
  return text.length !== 0;
}
