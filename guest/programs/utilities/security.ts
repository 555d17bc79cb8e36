/** `cap` and `ctx`: keys, protected objects, capabilities; security contexts, and programs that run in them. */
import { NameType } from '../../abi/name.ts';
import { ALL_RIGHTS, DELETE, EXEC, OBJ_NULLPAGE, ObjectId, READ, USE, WRITE } from '../../abi/object.ts';
import {
  Capability,
  CB_CAPABILITY,
  CONTEXT_BUCKETS,
  ContextBucket,
  ContextHeader,
} from '../../abi/security.ts';
import { EINVAL } from '../../abi/syscall.ts';
import { ThreadRepr } from '../../abi/thread.ts';
import { SLOT_THREAD, slotAddress } from '../../abi/view.ts';
import { errorText } from '../../libtwz/errors.ts';
import { complain, flush, print, printId, printLine, programArguments } from '../../libtwz/io.ts';
import { assignName, Found, findProgram } from '../../libtwz/name.ts';
import { createWithKey, dataOf, deleteObject, lasting, openObject } from '../../libtwz/object.ts';
import { argument, argumentCount, Child } from '../../libtwz/program.ts';
import { createContext, createKey, grant, isContext, publicHalf, revokeAll } from '../../libtwz/security.ts';
import { find, findFree, printRights } from './common.ts';
import { isUtility } from './names.ts';

/** Exit code of a command that is not there. */
const NOT_FOUND = 127;

/** The rights that letters of `rwxud` stand for; ALL_RIGHTS + 1 if one stands for nothing. */
function parseRights(text: str): u64 {
  let rights: u64 = 0;
  for (const letter of text.bytes) {
    if (letter === u8('r')) rights |= READ;
    else if (letter === u8('w')) rights |= WRITE;
    else if (letter === u8('x')) rights |= EXEC;
    else if (letter === u8('u')) rights |= USE;
    else if (letter === u8('d')) rights |= DELETE;
    else if (letter !== u8('-')) return ALL_RIGHTS + 1;
  }
  return rights;
}

function report(what: str, result: i64): i64 {
  if (result === 0) return 0;
  complain(argument(0), what, errorText(result));
  return 1;
}

/** Gives a fresh object its name. */
function nameIt(found: Found, id: ObjectId, path: str): i64 {
  const result = assignName(found.parent, found.name, id, NameType.object, false);
  if (result !== 0) deleteObject(id);
  return report(path, result);
}

// ------------------------------------------------------------------------------------------------- capabilities

export function runCap(): i64 {
  const count = argumentCount();
  if (count === 2 && argument(1).equals('--help')) return helpCap();
  if (count < 3) return -1;
  const action = argument(1);
  if (action.equals('key') && count === 3) return makeKey();
  if (action.equals('make') && (count === 4 || count === 5)) return makeProtected();
  if (action.equals('grant') && count === 6) return grantRights();
  if (action.equals('revoke') && count === 3) return revoke();
  return -1;
}

function helpCap(): i64 {
  printLine('cap key KEY                          makes a key pair');
  printLine(
    'cap make OBJECT KEY [RIGHTS]         makes an object that KEY protects; RIGHTS are for all (none)',
  );
  printLine('cap grant OBJECT CONTEXT RIGHTS KEY  lets a context use an object, signed with its KEY');
  printLine('cap revoke OBJECT                    voids what was granted so far');
  printLine('RIGHTS are letters: r(ead) w(rite) x(execute) u(se) d(elete).');
  return 0;
}

function makeKey(): i64 {
  const found = stack<Found>();
  const id = stack<ObjectId>();
  if (!findFree(argument(2), found)) return 1;
  const result = createKey(id);
  return result === 0 ? nameIt(found, id, argument(2)) : report(argument(2), result);
}

function makeProtected(): i64 {
  const found = stack<Found>();
  const key = stack<Found>();
  const id = stack<ObjectId>();
  const rights = argumentCount() === 5 ? parseRights(argument(4)) : 0;
  if (rights > ALL_RIGHTS) return -1;
  if (!findFree(argument(2), found) || !find(argument(3), key)) return 1;
  const half = stack<ObjectId>();
  if (!publicHalf(key.id, half)) {
    complain('cap', argument(3), 'is not a private key (cap key makes one)');
    return 1;
  }
  const result = createWithKey(id, rights | lasting(), half);
  return result === 0 ? nameIt(found, id, argument(2)) : report(argument(2), result);
}

function grantRights(): i64 {
  const target = stack<Found>();
  const context = stack<Found>();
  const key = stack<Found>();
  const rights = parseRights(argument(4));
  if (rights > ALL_RIGHTS) return -1;
  if (!find(argument(2), target) || !find(argument(3), context) || !find(argument(5), key)) return 1;
  const result = grant(context.id, target.id, rights, key.id);
  if (result !== -EINVAL) return report(argument(2), result);
  complain('cap', argument(3), 'is not a security context, or the key not a key');
  return 1;
}

function revoke(): i64 {
  const target = stack<Found>();
  if (!find(argument(2), target)) return 1;
  return report(argument(2), revokeAll(target.id));
}

// ----------------------------------------------------------------------------------------------------- contexts

export function runContext(): i64 {
  const count = argumentCount();
  if (count === 1) return showAttached();
  const action = argument(1);
  if (action.equals('--help')) {
    printLine('without arguments: the contexts that it runs in itself, and so its shell');
    return 0;
  }
  if (action.equals('make') && count === 3) return makeContext();
  if (action.equals('show') && count === 3) return showContext();
  if (action.equals('run') && count >= 4) return runIn();
  return -1;
}

function showAttached(): i64 {
  const repr = at<ThreadRepr>(slotAddress(SLOT_THREAD, OBJ_NULLPAGE));
  for (let i: u64 = 0; i < repr.attachedCount; i++) {
    const id: ObjectId = repr.attached[i];
    if (id.lo === 0 && id.hi === 0) print("the kernel's: superuser, or default rights only");
    else printId(id);
    printLine('');
  }
  return 0;
}

function makeContext(): i64 {
  const found = stack<Found>();
  const id = stack<ObjectId>();
  if (!findFree(argument(2), found)) return 1;
  const result = createContext(id);
  return result === 0 ? nameIt(found, id, argument(2)) : report(argument(2), result);
}

function openContext(path: str, found: Found): bool {
  if (!find(path, found)) return false;
  if (found.type === NameType.object && isContext(found.id)) return true;
  complain('ctx', path, 'is not a security context');
  return false;
}

function showContext(): i64 {
  const found = stack<Found>();
  if (!openContext(argument(2), found)) return 1;
  const base = openObject(found.id);
  const header = at<ContextHeader>(dataOf(base));
  for (let i: u64 = 0; i < CONTEXT_BUCKETS; i++) {
    let bucket: ContextBucket = header.buckets[i];
    for (;;) {
      if (bucket.data !== 0) {
        printId(bucket.target);
        if ((bucket.flags & CB_CAPABILITY) !== 0) {
          print('  ');
          printRights(u64(at<Capability>(base + bucket.data).rights));
        } else printLine('  delegated');
      }
      if (bucket.chain === 0) break;
      bucket = at<ContextBucket>(base + bucket.chain);
    }
  }
  return 0;
}

/** Runs a command in a context, and in no other. */
function runIn(): i64 {
  const found = stack<Found>();
  if (!openContext(argument(2), found)) return 1;
  const program = stack<ObjectId>();
  const child = stack<Child>();
  const name = argument(3);
  if (!findProgram(isUtility(name) ? 'utils' : name, program)) {
    complain('ctx', name, 'no such program');
    return NOT_FOUND;
  }
  let result = child.prepare(program);
  if (result !== 0) return report(name, result);
  const own = programArguments();
  assign(child.arguments.root, own.root);
  assign(child.arguments.directory, own.directory);
  assign(child.arguments.input, own.input);
  assign(child.arguments.output, own.output);
  for (let i: u64 = 3; i < argumentCount(); i++) child.addArgument(argument(i));
  assign(child.context, found.id);
  flush();
  result = child.start();
  if (result === 0) return i64(child.wait());
  child.discard();
  return report(argument(2), result);
}
