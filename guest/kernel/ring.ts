/**
 * Rings of ties: deleted objects that keep one another and that nothing else keeps. Counting never ends them, so whenever something stops
 * keeping a deleted object, and only ties are left, those ties are tried (trial deletion): of everything that hangs on the object
 * the ties from within are subtracted; what is then kept by nothing, from anywhere, was a ring and ends.
 *
 * Only deleted objects that ties alone keep are members of a trial. All others live whatever the ring does, and a tie of theirs
 * counts as one from outside. So the cost is that of the members and their ties, not of what is stored or known.
 */
import { Record } from '../abi/store.ts';
import { Slab } from './memory.ts';
import {
  adoptRecord,
  dropObject,
  findKnown,
  holdObject,
  isLeftToTies,
  isPersistent,
  KObject,
  recordOf,
  tiesOf,
} from './object.ts';
import { storeAddress } from './store.ts';
import { dropRecordTies, dropTies, nextTie, tiedChild, tiedRecord } from './tie.ts';

/** An object on trial. While the trial lasts `KObject.context` leads to it: a member is in use as no context. */
class Member {
  next: Member | null;
  object: KObject;
  /** Ties that keep the object and have not been found to come from a member. */
  outside: u64;
  /** Next of those that are known to live and whose children have not been told yet. */
  nextLiving: Member | null;
  lives: u64;
}

const members = zeroed<Slab>();
let first: Member | null = null;
let last: Member | null = null;
let living: Member | null = null;

/** Is the object on trial, or could it be? */
function memberOf(object: KObject): Member | null {
  return isLeftToTies(object) && object.context !== 0 ? at<Member>(object.context) : null;
}

/** Puts an object on trial. False: out of memory. */
function addMember(object: KObject): bool {
  members.size = 64;
  const block = members.allocate();
  if (block === 0) return false;
  const member = at<Member>(block);
  member.object = object;
  member.outside = tiesOf(object);
  object.context = block;
  if (last === null) first = member;
  else last.next = member;
  last = member;
  return true;
}

/** A member's tie leads to `child`: it is on trial as well, and this tie is one from within. False: out of memory. */
function meet(child: KObject): bool {
  if (!isLeftToTies(child)) return true;
  if (child.context === 0 && !addMember(child)) return false;
  at<Member>(child.context).outside -= 1;
  return true;
}

/** A member lives: so does what it keeps. */
function spare(child: KObject): bool {
  const member = memberOf(child);
  if (member === null || member.lives !== 0) return true;
  member.lives = 1;
  member.nextLiving = living;
  living = member;
  return true;
}

/** Calls `visit` for every object tied to `parent`, until it returns false. */
function visitChildren(parent: KObject, visit: (child: KObject) => bool): bool {
  for (let tie = parent.ties; tie !== 0; tie = nextTie(tie)) if (!visit(tiedChild(tie))) return false;
  if (!isPersistent(parent)) return true;
  for (let offset = recordOf(parent).ties; offset !== 0; ) {
    const tie = at<Record>(storeAddress(offset));
    const record = tiedRecord(tie);
    const known = findKnown(record.id.lo, record.id.hi);
    const child = known === null ? adoptRecord(record) : known;
    if (child !== null && !visit(child)) return false;
    offset = tie.next;
  }
  return true;
}

/** Puts everything on trial that hangs on what is on trial. False: out of memory. */
function gather(): bool {
  for (let member = first; member !== null; member = member.next) {
    if (!visitChildren(member.object, meet)) return false;
  }
  return true;
}

/** Finds out who lives. */
function judge(): void {
  for (let member = first; member !== null; member = member.next) {
    if (member.outside !== 0) spare(member.object);
  }
  while (living !== null) {
    const member: Member = living;
    living = member.nextLiving;
    visitChildren(member.object, spare);
  }
}

/** Ends the ring that a deleted object is part of, if there is one that nothing keeps. */
export function endRing(object: KObject): void {
  // In use as a context: kept.
  if (object.context !== 0) return;
  const known = addMember(object) && gather();
  if (known) judge();
  let member = first;
  // Those that end are held until the last of their ties is gone: each may be the last keeper of the others.
  let ring: Member | null = null;
  while (member !== null) {
    const next: Member | null = member.next;
    member.object.context = 0;
    if (known && member.lives === 0) {
      holdObject(member.object);
      member.next = ring;
      ring = member;
    } else members.release(addressOf(member));
    member = next;
  }
  first = null;
  last = null;
  for (let each = ring; each !== null; each = each.next) {
    dropTies(each.object);
    if (isPersistent(each.object)) dropRecordTies(recordOf(each.object));
  }
  while (ring !== null) {
    const each: Member = ring;
    ring = each.next;
    const ended = each.object;
    members.release(addressOf(each));
    dropObject(ended);
  }
}
