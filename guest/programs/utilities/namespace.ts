/** Utilities on names: ls, mkdir, rm, mv, ln, cp. */
import { KsoList } from '../../abi/kso.ts';
import { NameEntry, NameType } from '../../abi/name.ts';
import { DELETE, EXEC, ObjectId, READ, USE, WRITE } from '../../abi/object.ts';
import {
  EINVAL,
  ENOENT,
  EPERM,
  ROOT_ARCHIVE,
  STAT_PERSISTENT,
  StatResult,
  SYS_ROOT,
} from '../../abi/syscall.ts';
import { attempt } from '../../libtwz/attempt.ts';
import { errorText, nameText } from '../../libtwz/errors.ts';
import { complain, print, printColumn, printId, printLine } from '../../libtwz/io.ts';
import {
  archiveName,
  assignName,
  Found,
  idOf,
  initNamespace,
  isBin,
  isEmpty,
  isUsed,
  nameOf,
  openNamespace,
  removeName,
} from '../../libtwz/name.ts';
import { dataOf, deleteObject, lasting, openObject, sizeOf, statObject } from '../../libtwz/object.ts';
import { copyOwned, createLasting } from '../../libtwz/owner.ts';
import { argument, argumentCount } from '../../libtwz/program.ts';
import { syscall } from '../../libtwz/syscall.ts';
import { mapObject } from '../../libtwz/view.ts';
import { find, findFree } from './common.ts';

/** One line of `ls -l`: persistence, rights, size, ID, name. */
function showLong(id: ObjectId, type: NameType, name: str): void {
  const stat = stack<StatResult>();
  if (statObject(id, stat) !== 0) {
    print('?----- ');
  } else {
    print((stat.flags & STAT_PERSISTENT) !== 0 ? 'p' : 'v');
    print((stat.rights & READ) !== 0 ? 'r' : '-');
    print((stat.rights & WRITE) !== 0 ? 'w' : '-');
    print((stat.rights & EXEC) !== 0 ? 'x' : '-');
    print((stat.rights & USE) !== 0 ? 'u' : '-');
    print((stat.rights & DELETE) !== 0 ? 'd ' : '- ');
  }
  const readable = (stat.rights & READ) !== 0;
  printColumn(type === NameType.text && readable ? sizeOf(openObject(id)) : stat.pages * 4096, 10);
  print('  ');
  printId(id);
  print('  ');
  print(name);
  printLine(type === NameType.namespace ? '/' : '');
}

function listBin(long: bool): void {
  const archive = stack<ObjectId>();
  if (syscall(SYS_ROOT, ROOT_ARCHIVE, addressOf(archive), 0, 0, 0) !== 0) return;
  const base = mapObject(archive.lo, archive.hi, READ);
  const list = at<KsoList>(dataOf(base));
  for (let i: u64 = 0; i < list.count; i++) {
    if (long) showLong(list.entries[i].id, NameType.object, archiveName(base, i));
    else printLine(archiveName(base, i));
  }
}

function isOption(text: str): bool {
  return text.length > 1 && text[0] === u8('-');
}

export function listNames(): i64 {
  let long = false;
  let all = false;
  let paths: u64 = 0;
  for (let i: u64 = 1; i < argumentCount(); i++) {
    if (!isOption(argument(i))) {
      paths++;
      continue;
    }
    for (const letter of argument(i).subslice(1).bytes) {
      if (letter === u8('l')) long = true;
      else if (letter === u8('a')) all = true;
      else return -1;
    }
  }
  if (paths === 0) return listOne('.', long, all);
  let status: i64 = 0;
  for (let i: u64 = 1; i < argumentCount(); i++) {
    if (isOption(argument(i))) continue;
    if (listOne(argument(i), long, all) !== 0) status = 1;
  }
  return status;
}

function listOne(path: str, long: bool, all: bool): i64 {
  const found = stack<Found>();
  if (!find(path, found)) return 1;
  if (found.type !== NameType.namespace) {
    if (long) showLong(found.id, found.type, path);
    else printLine(path);
    return 0;
  }
  if (isBin(found.id)) {
    listBin(long);
    return 0;
  }
  const namespace = openNamespace(found.id);
  if (namespace === null) {
    complain('ls', path, 'is damaged: its object is no namespace');
    return 1;
  }
  for (let i: u64 = 0; i < namespace.count; i++) {
    const entry: NameEntry = namespace.entries.ptr[i];
    if (!isUsed(entry) || (!all && nameOf(entry)[0] === u8('.'))) continue;
    const type = changetype<NameType>(entry.type);
    if (long) showLong(idOf(entry), type, nameOf(entry));
    else {
      print(nameOf(entry));
      printLine(type === NameType.namespace ? '/' : '');
    }
  }
  return 0;
}

/** Says why a name cannot be given. */
function complainName(path: str, result: i64): i64 {
  complain(argument(0), path, nameText(result));
  return 1;
}

export function makeNamespace(): i64 {
  if (argumentCount() < 2) return -1;
  let status: i64 = 0;
  for (let i: u64 = 1; i < argumentCount(); i++) if (!makeOne(argument(i))) status = 1;
  return status;
}

/** Makes the new object of a `Found` a namespace. */
function fillNamespace(address: u64): i64 {
  const found = at<Found>(address);
  initNamespace(found.id);
  const namespace = openNamespace(found.id);
  if (namespace === null) return -EINVAL;
  assign(namespace.parent, found.parent);
  return 0;
}

function makeOne(path: str): bool {
  const found = stack<Found>();
  if (!findFree(path, found)) return false;
  const id = found.id;
  const made = createLasting(id);
  if (made !== 0) {
    complain('mkdir', path, errorText(made));
    return false;
  }
  const filled = attempt(fillNamespace, addressOf(found));
  if (filled !== 0) {
    deleteObject(id);
    complain('mkdir', path, errorText(filled));
    return false;
  }
  const result = assignName(found.parent, found.name, id, NameType.namespace, false);
  if (result === 0) return true;
  deleteObject(id);
  complainName(path, result);
  return false;
}

export function removeNames(): i64 {
  if (argumentCount() < 2) return -1;
  let status: i64 = 0;
  for (let i: u64 = 1; i < argumentCount(); i++) {
    const found = stack<Found>();
    if (!find(argument(i), found)) {
      status = 1;
      continue;
    }
    if (found.type === NameType.namespace && !isEmpty(found.id)) {
      complain('rm', argument(i), 'the namespace is not empty');
      status = 1;
      continue;
    }
    const removed = removeName(found.parent, found.name);
    if (removed !== 0) {
      complain('rm', argument(i), removed === -EPERM ? nameText(removed) : 'cannot be removed');
      status = 1;
      continue;
    }
    const result = deleteObject(found.id);
    // A name may have outlived its object, or stand for somebody else's.
    if (result === 0 || result === -ENOENT || result === -EPERM) continue;
    complain('rm', argument(i), errorText(result));
    status = 1;
  }
  return status;
}

export function moveName(): i64 {
  if (argumentCount() !== 3) return -1;
  const from = stack<Found>();
  const to = stack<Found>();
  if (!find(argument(1), from) || !findFree(argument(2), to)) return 1;
  const result = assignName(to.parent, to.name, from.id, from.type, false);
  if (result !== 0) return complainName(argument(2), result);
  const removed = removeName(from.parent, from.name);
  if (removed === 0) return 0;
  removeName(to.parent, to.name);
  return complainName(argument(1), removed);
}

export function linkName(): i64 {
  if (argumentCount() !== 3) return -1;
  const from = stack<Found>();
  const to = stack<Found>();
  if (!find(argument(1), from) || !findFree(argument(2), to)) return 1;
  const result = assignName(to.parent, to.name, from.id, from.type, false);
  return result === 0 ? 0 : complainName(argument(2), result);
}

export function copyNamed(): i64 {
  if (argumentCount() !== 3) return -1;
  const from = stack<Found>();
  const to = stack<Found>();
  if (!find(argument(1), from)) return 1;
  if (from.type === NameType.namespace) {
    complain('cp', argument(1), 'is a namespace');
    return 1;
  }
  if (!findFree(argument(2), to)) return 1;
  const id = stack<ObjectId>();
  const stat = stack<StatResult>();
  statObject(from.id, stat);
  // A copy of a program is one.
  const result = copyOwned(id, from.id, lasting() | (u64(stat.pFlags) & EXEC));
  if (result !== 0) {
    complain('cp', argument(1), errorText(result));
    return 1;
  }
  const named = assignName(to.parent, to.name, id, from.type, false);
  return named === 0 ? 0 : complainName(argument(2), named);
}
