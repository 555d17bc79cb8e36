/** Utilities that show what an object is made of: stat, hexdump. */
import { MIP_HASHDATA, OBJ_MAXSIZE, OBJ_NULLPAGE, ObjectId, READ } from '../../abi/object.ts';
import { STAT_DAMAGED, STAT_DELETED, STAT_PERSISTENT, StatResult } from '../../abi/syscall.ts';
import { errorText } from '../../libtwz/errors.ts';
import { complain, print, printHex, printId, printLine, printNumber, writeByte } from '../../libtwz/io.ts';
import { Found } from '../../libtwz/name.ts';
import { parseNumber } from '../../libtwz/number.ts';
import { openObject, sizeOf, statObject } from '../../libtwz/object.ts';
import { argument, argumentCount } from '../../libtwz/program.ts';
import { find, printRights } from './common.ts';

/** Prints the facts about an object. Returns the exit code. */
export function printStat(path: str, id: ObjectId): i64 {
  const stat = stack<StatResult>();
  const result = statObject(id, stat);
  if (result !== 0) {
    complain(argument(0), path, errorText(result));
    return 1;
  }
  print('object    ');
  printId(id);
  printLine('');
  print('kind      ');
  print((stat.flags & STAT_PERSISTENT) !== 0 ? 'persistent' : 'volatile');
  print((stat.flags & STAT_DELETED) !== 0 ? ', deleted' : '');
  print((stat.flags & STAT_DAMAGED) !== 0 ? ', damaged' : '');
  printLine((stat.pFlags & MIP_HASHDATA) !== 0 ? ', immutable' : '');
  print('pages     ');
  printNumber(stat.pages);
  printLine('');
  if ((stat.rights & READ) !== 0) {
    print('size      ');
    printNumber(sizeOf(openObject(id)));
    printLine('');
  }
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

export function showStat(): i64 {
  if (argumentCount() < 2) return -1;
  let status: i64 = 0;
  for (let i: u64 = 1; i < argumentCount(); i++) {
    const found = stack<Found>();
    if (!find(argument(i), found) || printStat(argument(i), found.id) !== 0) status = 1;
  }
  return status;
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
    // A line is begun when its bytes are known to be there.
    volatileLoad<u8>(base + row);
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
