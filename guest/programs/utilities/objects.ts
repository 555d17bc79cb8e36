/** `obj`: everything that can be done with an object itself; `fot` and `view`: what it points to, what a view maps. */

import { NameType } from '../../abi/name.ts';
import {
  FE_DERIVE,
  FE_NAME,
  FE_VALID,
  FotEntry,
  fotOffset,
  MetaInfo,
  OBJ_NULLPAGE,
  OBJ_TOPDATA,
  ObjectId,
} from '../../abi/object.ts';
import { CREATE_VOLATILE, SYS_TIE, TIE_REMOVE } from '../../abi/syscall.ts';
import { ThreadRepr } from '../../abi/thread.ts';
import {
  SLOT_ALLOC_FIRST,
  SLOT_ALLOC_LAST,
  SLOT_VIEW,
  slotAddress,
  VE_VALID,
  VIEW_TABLE,
  ViewEntry,
} from '../../abi/view.ts';
import {
  complain,
  print,
  printColumn,
  printHex,
  printId,
  printLine,
  printNumber,
  writeByte,
} from '../../libtwz/io.ts';
import { assignName, Found } from '../../libtwz/name.ts';
import { parseNumber } from '../../libtwz/number.ts';
import { dataOf, deleteObject, lasting, metaOf, openObject, setSize, sizeOf } from '../../libtwz/object.ts';
import { createOwned } from '../../libtwz/owner.ts';
import { persist, storePersistent } from '../../libtwz/persist.ts';
import { pointerTo, translate } from '../../libtwz/pointer.ts';
import { argument, argumentCount } from '../../libtwz/program.ts';
import { syscall } from '../../libtwz/syscall.ts';
import { objectAt } from '../../libtwz/view.ts';
import { find, findFree, printRights, report } from './common.ts';
import { printStat } from './inspect.ts';
import { findThread } from './process.ts';

/** Bytes of text that `obj follow` shows. */
const SHOWN = 60;
const PAGE = 4096;

export function runObj(): i64 {
  const count = argumentCount();
  if (count < 2) return -1;
  const action = argument(1);
  if (action.equals('--help')) return helpObj();
  if (count < 3) return -1;
  if (action.equals('make')) return makeObject();
  const found = stack<Found>();
  if (!find(argument(2), found)) return 1;
  if (action.equals('write')) return count === 5 ? writeText(found) : -1;
  if (action.equals('point')) return count === 5 || count === 6 ? pointAt(found) : -1;
  if (action.equals('follow')) return count === 4 ? follow(found) : -1;
  if (action.equals('tie')) return count === 4 ? tie(found, 0) : -1;
  if (action.equals('untie')) return count === 4 ? tie(found, TIE_REMOVE) : -1;
  if (count !== 3) return -1;
  if (action.equals('id')) {
    printId(found.id);
    printLine('');
    return 0;
  }
  if (action.equals('stat')) return printStat(argument(2), found.id);
  if (action.equals('meta')) return printMeta(argument(2), found.id);
  if (action.equals('fot')) return printFot(argument(2), found.id);
  if (action.equals('delete')) return report(argument(2), deleteObject(found.id));
  return -1;
}

function helpObj(): i64 {
  printLine('obj make NAME [volatile]            makes an empty object, kept for ever or until power-off');
  printLine('obj id|stat|meta|fot OBJECT         prints its ID, facts, metadata, foreign object table');
  printLine('obj write OBJECT OFFSET TEXT        stores text in it');
  printLine('obj point OBJECT OFFSET TARGET [O]  stores a pointer to offset O (0x1000) of another object');
  printLine('obj follow OBJECT OFFSET            follows the pointer stored there, shows what it leads to');
  printLine('obj tie|untie PARENT CHILD          CHILD lives at least as long as PARENT');
  printLine('obj delete OBJECT                   deletes it, names or no names');
  printLine('OBJECT is a name or an ID; OFFSET is 0x1000 or more.');
  return 0;
}

function makeObject(): i64 {
  const isVolatile = argumentCount() === 4 && argument(3).equals('volatile');
  if (argumentCount() > 3 && !isVolatile) return -1;
  const found = stack<Found>();
  const path = argument(2);
  if (!findFree(path, found)) return 1;
  const made = createOwned(found.id, isVolatile ? CREATE_VOLATILE : lasting());
  if (made !== 0) return report(path, made);
  const named = assignName(found.parent, found.name, found.id, NameType.object, false);
  if (named !== 0) {
    deleteObject(found.id);
    return report(path, named);
  }
  printId(found.id);
  printLine('');
  return 0;
}

/** The data offset that argument `index` gives, with room for `size` bytes; 0 and a complaint if it is none. */
function offsetArgument(index: u64, size: u64): u64 {
  const offset = stack<FixedArray<u64, 1>>();
  const valid =
    parseNumber(argument(index), offset.ptr) && offset[0] >= OBJ_NULLPAGE && offset[0] + size <= OBJ_TOPDATA;
  if (valid) return offset[0];
  complain('obj', argument(index), 'is not an offset of data (0x1000 to 0x3e000000)');
  return 0;
}

function writeText(found: Found): i64 {
  const text = argument(4);
  const offset = offsetArgument(3, text.length + 1);
  if (offset === 0) return 1;
  const base = openObject(found.id);
  memory.copy(base + offset, text.ptr.address, text.length);
  store<u8>(base + offset + text.length, 0);
  persist(base + offset, text.length + 1);
  if (sizeOf(base) < offset + text.length - OBJ_NULLPAGE) setSize(base, offset + text.length - OBJ_NULLPAGE);
  return 0;
}

function pointAt(found: Found): i64 {
  const target = stack<Found>();
  if (!find(argument(4), target)) return 1;
  const offset = offsetArgument(3, 8);
  const there = argumentCount() === 6 ? offsetArgument(5, 1) : OBJ_NULLPAGE;
  if (offset === 0 || there === 0) return 1;
  if ((offset & 7) !== 0) {
    complain('obj', argument(3), 'a pointer lies at a multiple of 8');
    return 1;
  }
  const base = openObject(found.id);
  const pointer = pointerTo(base, openObject(target.id) + there);
  storePersistent(base + offset, pointer);
  return 0;
}

/** Shows a pointer, each step of its translation, and the text that it leads to. */
function follow(found: Found): i64 {
  const offset = offsetArgument(3, 8);
  if (offset === 0) return 1;
  const base = openObject(found.id);
  const pointer = load<u64>(base + offset);
  print('pointer 0x');
  printHex(pointer, 16);
  if ((pointer & 0x3fff_ffff) < OBJ_NULLPAGE) {
    printLine(': null');
    return 0;
  }
  const index = pointer >> 30;
  const known = u64(metaOf(base).fotEntries);
  if (index > known) {
    printLine('');
    complain('obj', argument(2), 'the word there is not a pointer: the object has not so many FOT entries');
    return 1;
  }
  print(': ');
  if (index === 0) printLine('in the same object');
  else {
    print('FOT entry ');
    printNumber(index);
    printLine('');
  }
  const address = translate(base, pointer);
  const id = stack<ObjectId>();
  objectAt(address, id);
  print('leads to object ');
  printId(id);
  print(' + 0x');
  printHex(pointer & 0x3fff_ffff, 8);
  print(': ');
  for (let i: u64 = 0; i < SHOWN; i++) {
    const byte = load<u8>(address + i);
    if (byte === 0 || byte === 10) break;
    writeByte(byte >= 32 ? byte : u8('.'));
  }
  printLine('');
  return 0;
}

function tie(found: Found, flags: u64): i64 {
  const child = stack<Found>();
  if (!find(argument(3), child)) return 1;
  return report(argument(3), syscall(SYS_TIE, found.id.lo, found.id.hi, child.id.lo, child.id.hi, flags));
}

function printField(name: str, value: u64): void {
  print(name);
  print('0x');
  printHex(value, 16);
  printLine('');
}

function printMeta(_path: str, id: ObjectId): i64 {
  const meta: MetaInfo = metaOf(openObject(id));
  const flags = u64(meta.flags);
  print('flags     0x');
  printHex(flags, 4);
  printLine('');
  print('default   ');
  printRights(u64(meta.pFlags));
  print('nonce     0x');
  printHex(meta.nonceHi, 16);
  printHex(meta.nonceLo, 16);
  printLine('');
  print('fot       ');
  printNumber(u64(meta.fotEntries));
  printLine(' entries');
  print('size      ');
  printNumber(meta.size);
  printLine('');
  printField('recovery  ', meta.recovery);
  for (let i: u64 = 0; i < 8 && meta.extensions[i].tag !== 0; i++) {
    printField('ext tag   ', meta.extensions[i].tag);
    printField('    at    ', meta.extensions[i].pointer);
  }
  return 0;
}

export function showFot(): i64 {
  if (argumentCount() !== 2) return -1;
  const found = stack<Found>();
  if (!find(argument(1), found)) return 1;
  return printFot(argument(1), found.id);
}

function printFot(_path: str, object: ObjectId): i64 {
  const base = openObject(object);
  const count = u64(metaOf(base).fotEntries);
  const id = stack<ObjectId>();
  for (let index: u64 = 1; index <= count; index++) {
    const entry = at<FotEntry>(base + fotOffset(index));
    printColumn(index, 6);
    print('  ');
    if ((entry.flags & FE_VALID) === 0) {
      printLine('(not valid)');
      continue;
    }
    if ((entry.flags & FE_NAME) !== 0) {
      print('name at 0x');
      printHex(entry.lo, 8);
    } else {
      id.lo = entry.lo;
      id.hi = entry.hi;
      printId(id);
    }
    print('  ');
    if ((entry.flags & FE_DERIVE) !== 0) print(entry.info === 0 ? 'a copy, ' : 'derived, ');
    printRights(entry.flags);
  }
  return 0;
}

/** Prints the valid entries of slots [first, end) of the table at `table`; stops after a page without any. */
function printSlots(table: usize, first: u64, end: u64): void {
  const id = stack<ObjectId>();
  let seen = true;
  for (let slot = first; slot < end; slot++) {
    if (((slot * sizeof<ViewEntry>()) & (PAGE - 1)) === 0) {
      if (!seen) return;
      seen = false;
    }
    const entry = at<ViewEntry>(table + slot * sizeof<ViewEntry>());
    if ((entry.flags & VE_VALID) === 0) continue;
    seen = true;
    print('0x');
    printHex(slot, 5);
    print('  ');
    id.lo = entry.lo;
    id.hi = entry.hi;
    printId(id);
    print('  ');
    printRights(u64(entry.flags));
  }
}

export function showView(): i64 {
  if (argumentCount() > 2) return -1;
  let base = slotAddress(SLOT_VIEW, 0);
  if (argumentCount() === 2) {
    const id = stack<ObjectId>();
    const number = stack<FixedArray<u64, 1>>();
    const found = stack<Found>();
    if (parseNumber(argument(1), number.ptr)) {
      if (!findThread(number[0], id)) {
        complain('view', argument(1), 'no such thread (ps lists them)');
        return 1;
      }
      assign(id, at<ThreadRepr>(dataOf(openObject(id))).view);
    } else {
      if (!find(argument(1), found)) return 1;
      assign(id, found.id);
    }
    if (id.lo === 0 && id.hi === 0) {
      complain('view', argument(1), 'has not told its view');
      return 1;
    }
    base = openObject(id);
  }
  printSlots(base + VIEW_TABLE, 0, PAGE / sizeof<ViewEntry>());
  printSlots(base + VIEW_TABLE, SLOT_ALLOC_FIRST & ~u64(127), SLOT_ALLOC_LAST + 1);
  return 0;
}
