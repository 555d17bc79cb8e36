/**
 * The lines typed before, kept in an object (`.history` in the user's home) from boot to boot. A line is written, made persistent, and then counted: after a power failure
 * the history has it or not.
 */
import { NameType } from '../../abi/name.ts';
import { ObjectId, READ, WRITE } from '../../abi/object.ts';
import { attempt, readError } from '../../libtwz/attempt.ts';
import { HISTORY_MAGIC, History, useHistory } from '../../libtwz/history.ts';
import { programArguments } from '../../libtwz/io.ts';
import { assignName, rootNamespace, stepInto } from '../../libtwz/name.ts';
import { dataOf, deleteObject, openObject, rightsTo } from '../../libtwz/object.ts';
import { createLasting } from '../../libtwz/owner.ts';
import { storePersistent } from '../../libtwz/persist.ts';

const NAME = '.history';

/** Marks a new object as a history, and gives it its name. */
function makeHistory(address: u64): i64 {
  const id = at<ObjectId>(address);
  const home = stack<ObjectId>();
  findHome(home);
  storePersistent(ptrTo(at<History>(dataOf(openObject(id))).magic).address, HISTORY_MAGIC);
  return assignName(home, NAME, id, NameType.object, false);
}

/** The namespace that has the history; false if there is none. */
function findHome(home: ObjectId): bool {
  assign(home, programArguments().home);
  return home.lo !== 0 || home.hi !== 0 || rootNamespace(home);
}

/** Uses the history that is kept; makes it if there is none. Without rights to one, or space, the lines are remembered until the shell ends. */
export function openHistory(): void {
  const home = stack<ObjectId>();
  const id = stack<ObjectId>();
  if (!findHome(home)) return;
  if ((rightsTo(home) & (READ | WRITE)) !== (READ | WRITE)) return;
  if (!stepInto(home, NAME, id)) {
    if (createLasting(id) !== 0) return;
    if (attempt(makeHistory, addressOf(id)) !== 0) {
      deleteObject(id);
      return;
    }
  }
  if ((rightsTo(id) & (READ | WRITE)) !== (READ | WRITE)) return;
  const kept = at<History>(dataOf(openObject(id)));
  if (readError(addressOf(kept)) === 0 && kept.magic === HISTORY_MAGIC) useHistory(kept);
}
