/** Utilities that show what an object is made of: stat, fot, hexdump. */
import {
  FE_NAME,
  FE_VALID,
  FotEntry,
  fotOffset,
  MIP_HASHDATA,
  OBJ_MAXSIZE,
  OBJ_NULLPAGE,
  ObjectId,
} from '../../abi/object.ts';
import { STAT_DAMAGED, STAT_DELETED, STAT_PERSISTENT, StatResult } from '../../abi/syscall.ts';
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
import { Found } from '../../libtwz/name.ts';
import { metaOf, openObject, sizeOf, statObject } from '../../libtwz/object.ts';
import { argument, argumentCount } from '../../libtwz/program.ts';
import { find, parseNumber } from './common.ts';

function printRights(rights: u64): void {
  print((rights & 0x04) !== 0 ? 'read ' : '');
  print((rights & 0x08) !== 0 ? 'write ' : '');
  print((rights & 0x10) !== 0 ? 'exec ' : '');
  print((rights & 0x20) !== 0 ? 'use ' : '');
  print((rights & 0x40) !== 0 ? 'delete ' : '');
  printLine('');
}

export function showStat(): i64 {
  if (argumentCount() !== 2) return -1;
  const found = stack<Found>();
  if (!find(argument(1), found)) return 1;
  const stat = stack<StatResult>();
  if (statObject(found.id, stat) !== 0) {
    complain('stat', argument(1), 'the object does not exist any more');
    return 1;
  }
  print('object    ');
  printId(found.id);
  printLine('');
  print('kind      ');
  print((stat.flags & STAT_PERSISTENT) !== 0 ? 'persistent' : 'volatile');
  print((stat.flags & STAT_DELETED) !== 0 ? ', deleted' : '');
  print((stat.flags & STAT_DAMAGED) !== 0 ? ', damaged' : '');
  printLine((stat.pFlags & MIP_HASHDATA) !== 0 ? ', immutable' : '');
  print('pages     ');
  printNumber(stat.pages);
  printLine('');
  print('size      ');
  printNumber(sizeOf(openObject(found.id)));
  printLine('');
  print('default   ');
  printRights(u64(stat.pFlags));
  print('yours     ');
  printRights(stat.rights);
  if (stat.kuid.lo !== 0 || stat.kuid.hi !== 0) {
    print('key       ');
    printId(stat.kuid);
    printLine('');
  }
  return 0;
}

export function showFot(): i64 {
  if (argumentCount() !== 2) return -1;
  const found = stack<Found>();
  if (!find(argument(1), found)) return 1;
  const base = openObject(found.id);
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
    printRights(entry.flags);
  }
  return 0;
}

export function showHexdump(): i64 {
  if (argumentCount() < 2 || argumentCount() > 4) return -1;
  const found = stack<Found>();
  if (!find(argument(1), found)) return 1;
  const numbers = stack<FixedArray<u64, 2>>();
  numbers[0] = OBJ_NULLPAGE;
  numbers[1] = 128;
  for (let i: u64 = 2; i < argumentCount(); i++) {
    if (!parseNumber(argument(i), numbers.ptr.add(i64(i - 2)))) return -1;
  }
  const start = numbers[0];
  const end = start + numbers[1];
  if (start < OBJ_NULLPAGE || end > OBJ_MAXSIZE || end < start) {
    complain('hexdump', argument(1), 'these bytes are not in an object (0x1000 to 0x40000000)');
    return 1;
  }
  const base = openObject(found.id);
  for (let row = start; row < end; row += 16) {
    printHex(row, 8);
    for (let i = row; i < row + 16; i++) {
      print(i === row + 8 ? '  ' : ' ');
      if (i < end) printHex(u64(load<u8>(base + i)), 2);
      else print('  ');
    }
    print('  ');
    for (let i = row; i < min<u64>(row + 16, end); i++) {
      const byte = load<u8>(base + i);
      writeByte(byte >= 32 && byte < 127 ? byte : u8('.'));
    }
    printLine('');
  }
  return 0;
}
