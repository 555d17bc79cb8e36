/** A record is allocated in a transaction of its own, and linked in a second one. In between it belongs to nobody. */
// class: recovery
import 'licorice/libtwz/torture-only.ts';
import { allocateIn, heapOf } from 'licorice/libtwz/alloc.ts';
import {
  finish,
  makeSubject,
  mix,
  openSubject,
  runWorkload,
  setSubjectRoot,
  subjectRoot,
} from 'licorice/libtwz/torture.ts';
import { Tx } from 'licorice/libtwz/tx.ts';

const BUGGY: bool = true;

@persistent
class Item {
  value: u64;
  next: Item | null;
}

@persistent
class Stack {
  top: Item | null;
  /** Bytes in use when it was empty. */
  empty: u64;
}

function items(): Stack {
  return at<Stack>(subjectRoot());
}

function setup(): void {
  const base = makeSubject();
  using tx = Tx.begin();
  const made = at<Stack>(allocateIn(tx, base, sizeof<Stack>()));
  made.empty = heapOf(base).used;
  setSubjectRoot(tx, base, addressOf(made));
}

function make(base: usize, value: u64): Item {
  using tx = Tx.begin();
  const item = at<Item>(allocateIn(tx, base, sizeof<Item>()));
  item.value = value;
  return item;
}

function link(item: Item): void {
  using tx = Tx.begin();
  item.next = items().top;
  items().top = item;
}

function push(value: u64): void {
  link(make(openSubject(), value)); // too early
}

function operation(index: u64): void {
  if (BUGGY) push(index);
  else {
    using tx = Tx.begin();
    push(index);
  }
}

function check(): u64 {
  let state: u64 = 0;
  let length: u64 = 0;
  for (let item = items().top; item !== null; item = item.next) {
    state = mix(state, item.value);
    length++;
  }
  if (heapOf(openSubject()).used !== items().empty + length * sizeof<Item>()) finish(2);
  return state;
}

/** @export */
function torture(): u64 {
  return runWorkload(3, setup, operation, check);
}
