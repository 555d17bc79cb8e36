/**
 * Ties: a child object lives at least as long as the parents it is tied to. Between persistent objects a tie is a record in the
 * store and outlives power; all others are in memory and end with the boot.
 */
import { RECORD_TIE, Record } from '../abi/store.ts';
import { txCommit, txGet, txSet } from './journal.ts';
import { Slab } from './memory.ts';
import {
  dropTied,
  endIfUnused,
  findKnown,
  holdTied,
  isPersistent,
  KObject,
  noteReapable,
  recordOf,
} from './object.ts';
import { storeAddress, storeOffset, txAllocateRecord, txReleaseRecord } from './store.ts';

class Tie {
  next: Tie | null;
  child: KObject;
}

const ties = zeroed<Slab>();

/** Ties `child` to `parent`. False: no space. */
export function tieObjects(parent: KObject, child: KObject): bool {
  if (isPersistent(parent) && isPersistent(child)) {
    const tie = txAllocateRecord();
    if (tie === null) return false;
    const place = ptrTo(recordOf(parent).ties).address;
    txSet(ptrTo(tie.info).address, u64(RECORD_TIE) << 32);
    txSet(ptrTo(tie.root).address, storeOffset(addressOf(recordOf(parent))));
    txSet(ptrTo(tie.pages).address, storeOffset(addressOf(recordOf(child))));
    txSet(ptrTo(tie.next).address, txGet(place));
    txSet(place, storeOffset(addressOf(tie)));
    const count = ptrTo(recordOf(child).tiedBy).address;
    txSet(count, txGet(count) + 1);
    txCommit();
    return true;
  }
  ties.size = 64;
  const block = ties.allocate();
  if (block === 0) return false;
  const tie = at<Tie>(block);
  tie.child = child;
  tie.next = changetype<Tie | null>(parent.ties);
  parent.ties = block;
  holdTied(child);
  return true;
}

/** Removes one tie of `child` to `parent`. False: there is none. */
export function untieObjects(parent: KObject, child: KObject): bool {
  if (isPersistent(parent) && isPersistent(child)) {
    const wanted = storeOffset(addressOf(recordOf(child)));
    let link = ptrTo(recordOf(parent).ties).address;
    for (;;) {
      const offset = load<u64>(link);
      if (offset === 0) return false;
      const tie = at<Record>(storeAddress(offset));
      if (tie.pages === wanted) {
        txRemoveTie(link);
        txCommit();
        endIfUnused(child);
        return true;
      }
      link = ptrTo(tie.next).address;
    }
  }
  let link = ptrTo(parent.ties).address;
  for (;;) {
    const block = load<u64>(link);
    if (block === 0) return false;
    const tie = at<Tie>(block);
    if (tie.child === child) {
      store<u64>(link, addressOf(tie.next));
      ties.release(block);
      dropTied(child);
      return true;
    }
    link = ptrTo(tie.next).address;
  }
}

/** In the open transaction: removes the tie record that the word at `link` leads to. */
function txRemoveTie(link: usize): void {
  const tie = at<Record>(storeAddress(txGet(link)));
  const count = ptrTo(tiedRecord(tie).tiedBy).address;
  txSet(count, txGet(count) - 1);
  txSet(link, txGet(ptrTo(tie.next).address));
  txReleaseRecord(tie);
}

/** The parent ends: its ties in memory go. */
export function dropTies(parent: KObject): void {
  while (parent.ties !== 0) {
    const tie = at<Tie>(parent.ties);
    const child = tie.child;
    parent.ties = addressOf(tie.next);
    ties.release(addressOf(tie));
    dropTied(child);
  }
}

/** Is the object a parent, in memory or in the store? */
export function hasTies(object: KObject): bool {
  return object.ties !== 0 || (isPersistent(object) && recordOf(object).ties !== 0);
}

/** The object that the tie in memory at `tie` keeps, and the address of its parent's next one; 0: there is none. */
export function tiedChild(tie: usize): KObject {
  return at<Tie>(tie).child;
}

export function nextTie(tie: usize): usize {
  return addressOf(at<Tie>(tie).next);
}

/** The record that the tie in the store at `tie` (a record's address) keeps. */
export function tiedRecord(tie: Record): Record {
  return at<Record>(storeAddress(tie.pages));
}

/** The parent record ends: its ties in the store go, one transaction each. */
export function dropRecordTies(parent: Record): void {
  while (parent.ties !== 0) {
    const child = tiedRecord(at<Record>(storeAddress(parent.ties)));
    txRemoveTie(ptrTo(parent.ties).address);
    txCommit();
    const known = findKnown(child.id.lo, child.id.hi);
    if (known !== null) endIfUnused(known);
    else noteReapable();
  }
}
