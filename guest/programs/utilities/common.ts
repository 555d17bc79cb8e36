/** What several utilities need: finding objects by name or ID, and messages that name the object. */
import { NameType } from '../../abi/name.ts';
import { DELETE, EXEC, READ, USE, WRITE } from '../../abi/object.ts';
import { EEXIST, EINVAL, ENOENT } from '../../abi/syscall.ts';
import { errorText } from '../../libtwz/errors.ts';
import { complain, print, printLine } from '../../libtwz/io.ts';
import { Found, lookup } from '../../libtwz/name.ts';
import { parseId } from '../../libtwz/number.ts';
import { argument } from '../../libtwz/program.ts';

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
