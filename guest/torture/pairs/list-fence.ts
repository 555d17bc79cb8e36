/** A linked list that grows at its head. The node is written back, but nothing waits for that before the head leads to it. */
// class: missing fence
import 'licorice/libtwz/torture-only.ts';
import { NameType } from 'licorice/abi/name.ts';
import { ObjectId, READ, WRITE } from 'licorice/abi/object.ts';
import { CREATE_PERSIST } from 'licorice/abi/syscall.ts';
import { assignName, Found, lookup } from 'licorice/libtwz/name.ts';
import { createObject, dataOf, openObject } from 'licorice/libtwz/object.ts';
import { clean, persistFence } from 'licorice/libtwz/persist.ts';
import { finish, mix, runWorkload } from 'licorice/libtwz/torture.ts';

const BUGGY: bool = true;

/** @align 64 */
@persistent
class Node {
  value: u64;
  check: u64;
  next: Node | null;
}

/** @align 64 */
@persistent
class List {
  head: Node | null;
  used: u64;
  readonly nodes: FixedArray<Inline<Node>, 16>;
}

function open(): List {
  const found = stack<Found>();
  if (lookup('list', found) !== 0) finish(1);
  return at<List>(dataOf(openObject(found.id)));
}

function setup(): void {
  const found = stack<Found>();
  const id = stack<ObjectId>();
  lookup('list', found);
  if (createObject(id, READ | WRITE | CREATE_PERSIST) !== 0) finish(1);
  if (assignName(found.parent, 'list', id, NameType.object, false) !== 0) finish(1);
}

function push(list: List, value: u64): void {
  // As many nodes are in use as the list is long.
  let used: u64 = 0;
  for (let node = list.head; node !== null; node = node.next) used++;
  const node = list.nodes[used];
  node.value = value;
  node.check = ~value; // guilty
  node.next = list.head; // guilty
  clean(addressOf(node), sizeof<Node>());
  if (!BUGGY) persistFence();
  list.head = node; // too early
  clean(addressOf(list), sizeof<u64>());
  persistFence();
}

function operation(index: u64): void {
  push(open(), 1000 + index);
}

function check(): u64 {
  let state: u64 = 0;
  let steps: u64 = 0;
  for (let node = open().head; node !== null; node = node.next) {
    if (node.check !== ~node.value) finish(2);
    if (++steps > 16) finish(3);
    state = mix(state, node.value);
  }
  return state;
}

/** @export */
function torture(): u64 {
  return runWorkload(3, setup, operation, check);
}
