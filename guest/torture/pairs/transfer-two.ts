/** A transfer between two objects, each changed in a transaction of its own. A failure between the two destroys money. */
// class: order
import 'licorice/libtwz/torture-only.ts';
import { NameType } from 'licorice/abi/name.ts';
import { ObjectId, READ, WRITE } from 'licorice/abi/object.ts';
import { CREATE_PERSIST } from 'licorice/abi/syscall.ts';
import { assignName, Found, lookup } from 'licorice/libtwz/name.ts';
import { createObject, dataOf, openObject } from 'licorice/libtwz/object.ts';
import { finish, mix, runWorkload } from 'licorice/libtwz/torture.ts';
import { Tx } from 'licorice/libtwz/tx.ts';

const BUGGY: bool = true;

@persistent
class Account {
  amount: u64;
}

function account(name: str): Account {
  const found = stack<Found>();
  if (lookup(name, found) !== 0) finish(1);
  return at<Account>(dataOf(openObject(found.id)));
}

function make(name: str): void {
  const found = stack<Found>();
  const id = stack<ObjectId>();
  lookup(name, found);
  if (createObject(id, READ | WRITE | CREATE_PERSIST) !== 0) finish(1);
  if (assignName(found.parent, name, id, NameType.object, false) !== 0) finish(1);
}

function setup(): void {
  make('giver');
  make('taker');
  using tx = Tx.begin();
  account('giver').amount = 100;
}

function withdraw(amount: u64): void {
  using tx = Tx.begin();
  account('giver').amount -= amount; // too early
}

function deposit(amount: u64): void {
  using tx = Tx.begin();
  account('taker').amount += amount; // guilty
}

function transfer(amount: u64): void {
  withdraw(amount);
  deposit(amount);
}

function operation(index: u64): void {
  if (BUGGY) transfer(index);
  else {
    using tx = Tx.begin();
    transfer(index);
  }
}

function check(): u64 {
  const giver = account('giver').amount;
  const taker = account('taker').amount;
  if (giver + taker !== 100) finish(2);
  return mix(giver, taker);
}

/** @export */
function torture(): u64 {
  return runWorkload(3, setup, operation, check);
}
