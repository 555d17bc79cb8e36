/** Redirections: text objects that a command reads from or writes to. What goes wrong is said here, and the shell goes on. */
import { NameType } from '../../abi/name.ts';
import { DELETE, ObjectId, READ, WRITE } from '../../abi/object.ts';
import { STREAM_TEXT, StreamTarget } from '../../abi/program.ts';
import { CREATE_VOLATILE, EINVAL, ENOENT, ENOMEM, EPERM } from '../../abi/syscall.ts';
import { attempt } from '../../libtwz/attempt.ts';
import { errorText, lookupText, nameText } from '../../libtwz/errors.ts';
import { complain } from '../../libtwz/io.ts';
import { assignName, Found, lookup } from '../../libtwz/name.ts';
import { createObject, dataOf, deleteObject, openObject, rightsTo, setSize } from '../../libtwz/object.ts';
import { createLasting } from '../../libtwz/owner.ts';
import { unmapObject } from '../../libtwz/view.ts';

function refuse(path: str, message: str): bool {
  complain('sh', path, message);
  return false;
}

/** Directs `target` to an object of its own with the lines of a here-document. */
export function openLines(lines: str, target: StreamTarget): bool {
  const id = stack<ObjectId>();
  if (createObject(id, READ | WRITE | DELETE | CREATE_VOLATILE) !== 0) return refuse('', errorText(-ENOMEM));
  const base = openObject(id);
  memory.copy(dataOf(base), lines.ptr.address, lines.length);
  setSize(base, lines.length);
  unmapObject(base);
  target.kind = STREAM_TEXT;
  assign(target.id, id);
  return true;
}

/** Directs `target` to a text object for reading. */
export function openInput(path: str, target: StreamTarget): bool {
  const found = stack<Found>();
  const result = lookup(path, found);
  if (result !== 0) return refuse(path, lookupText(result));
  if (found.type !== NameType.text) return refuse(path, 'is not a text object');
  if ((rightsTo(found.id) & READ) === 0) return refuse(path, 'you have not the right to read it');
  target.kind = STREAM_TEXT;
  assign(target.id, found.id);
  return true;
}

/** Empties the text object that a `Found` leads to. */
function empty(address: u64): i64 {
  const base = openObject(at<Found>(address).id);
  setSize(base, 0);
  unmapObject(base);
  return 0;
}

/** Gives the object of a `Found` its name, as a text. */
function giveName(address: u64): i64 {
  const found = at<Found>(address);
  return assignName(found.parent, found.name, found.id, NameType.text, false);
}

/** Directs `target` to a text object for writing: an old one is emptied unless `append`, a new one made and named. */
export function openOutput(path: str, append: bool, target: StreamTarget): bool {
  const found = stack<Found>();
  const result = lookup(path, found);
  if (result === 0) {
    if (found.type !== NameType.text) return refuse(path, 'is not a text object');
    if ((rightsTo(found.id) & WRITE) === 0) return refuse(path, 'you have not the right to write it');
    const emptied = append ? 0 : attempt(empty, addressOf(found));
    if (emptied !== 0) return refuse(path, errorText(emptied));
  } else {
    if (result !== -ENOENT) return refuse(path, lookupText(result));
    if (found.name.length === 0) return refuse(path, 'no such namespace');
    if ((rightsTo(found.parent) & WRITE) === 0) return refuse(path, nameText(-EPERM));
    const made = attempt(createText, addressOf(found));
    if (made !== 0) return refuse(path, errorText(made));
    let named = attempt(empty, addressOf(found));
    if (named === 0) named = attempt(giveName, addressOf(found));
    if (named !== 0) {
      deleteObject(found.id);
      return refuse(path, named === -EINVAL ? nameText(named) : errorText(named));
    }
  }
  target.kind = STREAM_TEXT;
  assign(target.id, found.id);
  return true;
}

function createText(address: u64): i64 {
  return createLasting(at<Found>(address).id);
}
