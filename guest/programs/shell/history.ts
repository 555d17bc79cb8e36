/**
 * The lines typed before, kept in an object (`/.history`) from boot to boot. A line is written, made persistent, and then counted: after a power failure
 * the history has it or not.
 */
import { NameType } from '../../abi/name.ts';
import { DELETE, ObjectId, READ, USE, WRITE } from '../../abi/object.ts';
import { HISTORY_MAGIC, History, useHistory } from '../../libtwz/line.ts';
import { assignName, Found, lookup } from '../../libtwz/name.ts';
import { createLasting, dataOf, openObject } from '../../libtwz/object.ts';
import { storePersistent } from '../../libtwz/persist.ts';

const PATH = '/.history';

/** Uses the history that is kept; makes it if there is none. */
export function openHistory(): void {
  const found = stack<Found>();
  if (lookup(PATH, found) !== 0) {
    const id = stack<ObjectId>();
    if (found.name.length === 0 || createLasting(id, READ | WRITE | DELETE | USE) !== 0) return;
    const fresh = at<History>(dataOf(openObject(id)));
    storePersistent(ptrTo(fresh.magic).address, HISTORY_MAGIC);
    if (assignName(found.parent, found.name, id, NameType.object, false) !== 0) return;
    useHistory(fresh);
    return;
  }
  const kept = at<History>(dataOf(openObject(found.id)));
  if (kept.magic === HISTORY_MAGIC) useHistory(kept);
}
