/** What several utilities need: finding objects by name or ID, and messages that name the object. */
import { NameType } from '../../abi/name.ts';
import { DELETE, EXEC, ObjectId, READ, USE, WRITE } from '../../abi/object.ts';
import { EEXIST, EINVAL, ENOENT } from '../../abi/syscall.ts';
import { errorText } from '../../libtwz/errors.ts';
import { complain, print, printLine } from '../../libtwz/io.ts';
import { Found, lookup } from '../../libtwz/name.ts';
import { argument } from '../../libtwz/program.ts';

/** The value of a hexadecimal digit, 16 for another byte. */
function digitOf(byte: u8): u64 {
  if (byte >= u8('0') && byte <= u8('9')) return u64(byte - u8('0'));
  const lower = byte | 0x20;
  if (lower >= u8('a') && lower <= u8('f')) return u64(lower - u8('a')) + 10;
  return 16;
}

/** Reads an ID as it is printed, `hi:lo` in hexadecimal. False: it is something else. */
function parseId(text: str, id: ObjectId): bool {
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

/** Finds what a path or an ID names; complains and returns false if there is nothing. */
export function find(path: str, found: Found): bool {
  if (parseId(path, found.id)) {
    found.type = NameType.object;
    return true;
  }
  const result = lookup(path, found);
  if (result === 0) return true;
  complain(argument(0), path, result === -EINVAL ? 'a part of the path is not a namespace' : 'no such name');
  return false;
}

/** A decimal or 0x… number; false if the text is none. */
export function parseNumber(text: str, value: Ptr<u64>): bool {
  value[0] = 0;
  const hex = text.length > 2 && text[0] === u8('0') && text[1] === u8('x');
  for (let i: u64 = hex ? 2 : 0; i < text.length; i++) {
    const digit = digitOf(text[i]);
    if (digit >= (hex ? 16 : 10)) return false;
    value[0] = value[0] * (hex ? 16 : 10) + digit;
  }
  return text.length !== 0;
}

function printRight(rights: u64, right: u64, name: str, first: bool): bool {
  if ((rights & right) === 0) return first;
  if (!first) print(' ');
  print(name);
  return false;
}

/** Prints rights as words, and ends the line. */
export function printRights(rights: u64): void {
  let first = printRight(rights, READ, 'read', true);
  first = printRight(rights, WRITE, 'write', first);
  first = printRight(rights, EXEC, 'exec', first);
  first = printRight(rights, USE, 'use', first);
  first = printRight(rights, DELETE, 'delete', first);
  printLine(first ? 'none' : '');
}

/** Looks up a path whose last name must be free; false (and a complaint) otherwise. */
export function findFree(path: str, found: Found): bool {
  const result = lookup(path, found);
  if (result === 0) complain(argument(0), path, errorText(-EEXIST));
  else if (result === -EINVAL) complain(argument(0), path, 'a part of the path is not a namespace');
  else if (found.name.length === 0) complain(argument(0), path, 'no such namespace');
  return result === -ENOENT && found.name.length !== 0;
}
