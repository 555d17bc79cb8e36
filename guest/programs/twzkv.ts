/**
 * `twzkv NAME put KEY VALUE [DATA] | tag NUMBER KEY VALUE [DATA] | get KEY | find NUMBER | del KEY`: the paper's key-value store (paper/twzkv.ts) with its index in
 * the object NAME and pairs in data objects, NAME.data unless another is named. Who may read or write which pairs is a matter of the rights
 * to the data objects: there is no code for it here.
 */
import '../libtwz/start.ts';
import { NameType } from '../abi/name.ts';
import { ObjectId } from '../abi/object.ts';
import { ENOENT } from '../abi/syscall.ts';
import { errorText, lookupText, nameText } from '../libtwz/errors.ts';
import { workOn } from '../libtwz/fault-report.ts';
import { complain, printLine } from '../libtwz/io.ts';
import { assignName, Found, lookup } from '../libtwz/name.ts';
import { parseNumber } from '../libtwz/number.ts';
import { dataOf, deleteObject, openObject } from '../libtwz/object.ts';
import { createLasting } from '../libtwz/owner.ts';
import { argument, argumentCount } from '../libtwz/program.ts';
import { Data, Pair, Store } from './paper/twzkv.ts';

const BUCKETS: u64 = 1024;
/** Bytes of a key with its value, at most: pairs lie in steps of 64 bytes, up to 64 of them. */
const MAX_PAIR = 4000;
const MAX_NAME = 74;

/** The data of the object of this name, which is made and prepared before it is named if there is none; 0: it cannot be had. */
function openNamed(path: str, prepare: (data: usize) => void): usize {
  const found = stack<Found>();
  workOn(path);
  const result = lookup(path, found);
  if (result === 0) return dataOf(openObject(found.id));
  const id = stack<ObjectId>();
  if (result !== -ENOENT || found.name.length === 0) {
    complain('twzkv', path, result === -ENOENT ? 'no such namespace' : lookupText(result));
    return 0;
  }
  const made = createLasting(id);
  if (made !== 0) {
    complain('twzkv', path, errorText(made));
    return 0;
  }
  const data = dataOf(openObject(id));
  prepare(data);
  const named = assignName(found.parent, found.name, id, NameType.object, false);
  if (named === 0) return data;
  deleteObject(id);
  complain('twzkv', path, nameText(named));
  return 0;
}

function prepareStore(data: usize): void {
  at<Store>(data).initialise(BUCKETS, true);
}

/** Zeros are a data object without pairs. */
function prepareData(_data: usize): void {}

function openStore(path: str): Store | null {
  const place = openNamed(path, prepareStore);
  if (place === 0) return null;
  if (at<Store>(place).isStore) return at<Store>(place);
  complain('twzkv', path, 'is not the index of a store');
  return null;
}

function openData(path: str, other: u64): Data | null {
  if (argumentCount() > other) return at<Data | null>(openNamed(argument(other), prepareData));
  const buffer = stack<FixedArray<u8, 80>>();
  memory.copy(addressOf(buffer), path.ptr.address, path.length);
  memory.copy(addressOf(buffer) + path.length, '.data'.ptr.address, 5);
  return at<Data | null>(openNamed(strOf(buffer.ptr, path.length + 5), prepareData));
}

function usage(): u64 {
  complain(
    'usage',
    '',
    'twzkv NAME put KEY VALUE [DATA] | tag NUMBER KEY VALUE [DATA] | get KEY | find NUMBER | del KEY',
  );
  return 2;
}

function showPair(pair: Pair | null, text: str): u64 {
  if (pair === null) {
    complain('twzkv', text, 'no such key');
    return 1;
  }
  printLine(pair.value());
  return 0;
}

function put(store: Store, path: str, first: u64, tag: u64): u64 {
  const key = argument(first);
  const value = argument(first + 1);
  if (key.length + value.length > MAX_PAIR) {
    complain('twzkv', key, 'a key and its value have at most 4000 bytes');
    return 1;
  }
  const data = openData(path, first + 2);
  if (data === null) return 1;
  store.put(data, key, value, tag);
  return 0;
}

/** @export */
function main(): u64 {
  const count = argumentCount();
  if (count < 4 || argument(1).length > MAX_NAME) return usage();
  const path = argument(1);
  const action = argument(2);
  const number = stack<FixedArray<u64, 1>>();
  const isPut = action.equals('put') && (count === 5 || count === 6);
  const isTag = action.equals('tag') && (count === 6 || count === 7);
  const isFind = action.equals('find') && count === 4;
  const isKey = (action.equals('get') || action.equals('del')) && count === 4;
  if (!isPut && !isTag && !isFind && !isKey) return usage();
  if ((isTag || isFind) && (!parseNumber(argument(3), number.ptr) || number[0] === 0)) return usage();
  const store = openStore(path);
  if (store === null) return 1;
  if (isPut) return put(store, path, 3, 0);
  if (isTag) return put(store, path, 4, number[0]);
  if (isFind) return showPair(store.withTag(number[0]), argument(3));
  if (action.equals('get')) return showPair(store.get(argument(3)), argument(3));
  if (store.remove(argument(3))) return 0;
  return showPair(null, argument(3));
}
