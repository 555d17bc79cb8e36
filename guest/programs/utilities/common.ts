/** What several utilities need: finding objects by name or ID, and messages that name the object. */
import { NameType } from '../../abi/name.ts';
import { ALL_RIGHTS, DELETE, EXEC, READ, USE, WRITE } from '../../abi/object.ts';
import { SC_DELEGATE } from '../../abi/security.ts';
import { EEXIST, ENOENT } from '../../abi/syscall.ts';
import { errorText, lookupText } from '../../libtwz/errors.ts';
import { workOn } from '../../libtwz/fault-report.ts';
import { complain, print, printLine } from '../../libtwz/io.ts';
import { Found, lookup } from '../../libtwz/name.ts';
import { parseId } from '../../libtwz/number.ts';
import { argument } from '../../libtwz/program.ts';

/** Finds what a path or an ID names; complains and returns false if there is nothing. */
export function find(path: str, found: Found): bool {
  workOn(path);
  if (parseId(path, found.id)) {
    found.type = NameType.object;
    return true;
  }
  const result = lookup(path, found);
  if (result === 0) return true;
  complain(argument(0), path, lookupText(result));
  return false;
}

function printRight(rights: u64, right: u64, name: str, first: bool): bool {
  if ((rights & right) === 0) return first;
  if (!first) print(' ');
  print(name);
  return false;
}

/** Prints rights as words. */
export function printRightsPart(rights: u64): void {
  let first = printRight(rights, READ, 'read', true);
  first = printRight(rights, WRITE, 'write', first);
  first = printRight(rights, EXEC, 'exec', first);
  first = printRight(rights, USE, 'use', first);
  first = printRight(rights, DELETE, 'delete', first);
  first = printRight(rights, SC_DELEGATE, 'pass-on', first);
  if (first) print('none');
}

/** Prints rights as words, and ends the line. */
export function printRights(rights: u64): void {
  printRightsPart(rights & ALL_RIGHTS);
  printLine('');
}

/** The rights that letters of `rwxudp` stand for; all ones if one stands for nothing. */
export function parseRights(text: str): u64 {
  let rights: u64 = 0;
  for (const letter of text.bytes) {
    if (letter === u8('r')) rights |= READ;
    else if (letter === u8('w')) rights |= WRITE;
    else if (letter === u8('x')) rights |= EXEC;
    else if (letter === u8('u')) rights |= USE;
    else if (letter === u8('d')) rights |= DELETE;
    else if (letter === u8('p')) rights |= SC_DELEGATE;
    else if (letter !== u8('-')) return ~u64(0);
  }
  return rights;
}

/** The exit code for a result; says what is wrong. */
export function report(what: str, result: i64): i64 {
  if (result >= 0) return 0;
  complain(argument(0), what, errorText(result));
  return 1;
}

/** Looks up a path whose last name must be free; false (and a complaint) otherwise. */
export function findFree(path: str, found: Found): bool {
  workOn(path);
  const result = lookup(path, found);
  if (result === 0) complain(argument(0), path, errorText(-EEXIST));
  else if (result !== -ENOENT) complain(argument(0), path, lookupText(result));
  else if (found.name.length === 0) complain(argument(0), path, 'no such namespace');
  return result === -ENOENT && found.name.length !== 0;
}
