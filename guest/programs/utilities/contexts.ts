/** `ctx`: security contexts: making and masking them, showing what they were given, and programs that run in one. */
import { NameType } from '../../abi/name.ts';
import { ALL_RIGHTS, OBJ_NULLPAGE, ObjectId, READ, WRITE } from '../../abi/object.ts';
import {
  CAPABILITY_MAGIC,
  Capability,
  CB_DELEGATION,
  CONTEXT_BUCKETS,
  ContextBucket,
  ContextHeader,
  Delegation,
} from '../../abi/security.ts';
import { EPERM, StatResult } from '../../abi/syscall.ts';
import { ThreadRepr } from '../../abi/thread.ts';
import { SLOT_THREAD, slotAddress } from '../../abi/view.ts';
import { endOf, limitRights, rightsIn, Standing, standing, standingText } from '../../libtwz/capability.ts';
import { initContext, isContext, maskOf, setMask } from '../../libtwz/context.ts';
import { createHome, keyringOf, recoverHome } from '../../libtwz/home.ts';
import { complain, flush, print, printHex, printId, printLine } from '../../libtwz/io.ts';
import { createKeyring, findSigner, ownKeyring } from '../../libtwz/keyring.ts';
import { assignName, Found, findProgram, lookup } from '../../libtwz/name.ts';
import { dataOf, deleteObject, lasting, openObject, rightsTo, statObject } from '../../libtwz/object.ts';
import { createOwned, grantAll, isUsers } from '../../libtwz/owner.ts';
import { argument, argumentCount, Child } from '../../libtwz/program.ts';
import { find, findFree, parseRights, printRights, printRightsPart, report } from './common.ts';
import { isUtility } from './names.ts';
import { printTime } from './time.ts';

/** Exit code of a command that is not there. */
const NOT_FOUND = 127;
/** The namespace of the users' contexts. */
const CONTEXTS = '/contexts/';

const pathBuffer = zeroed<FixedArray<u8, 128>>();

/** Finds the context that a path or a user's name means; complains and returns false if there is none. */
export function findContext(path: str, found: Found): bool {
  if (CONTEXTS.length + path.length <= 128) {
    memory.copy(addressOf(pathBuffer), CONTEXTS.ptr.address, CONTEXTS.length);
    memory.copy(addressOf(pathBuffer) + CONTEXTS.length, path.ptr.address, path.length);
    // The contexts of other users cannot be read; that they lie there says what they are.
    if (
      lookup(strOf(pathBuffer.ptr, CONTEXTS.length + path.length), found) === 0 &&
      found.type === NameType.object
    )
      return true;
  }
  if (!find(path, found)) return false;
  if ((rightsTo(found.id) & READ) !== 0 && (found.type === NameType.namespace || !isContext(found.id))) {
    complain(argument(0), path, 'is not a security context');
    return false;
  }
  return true;
}

export function runContext(): i64 {
  const count = argumentCount();
  if (count === 1) return showAttached();
  const action = argument(1);
  if (action.equals('--help')) return helpContext();
  if (action.equals('make') && count === 3) return makeContext();
  if (action.equals('show') && count === 3) return showBuckets('ctx', argument(2), false);
  if (action.equals('mask') && count === 4) return maskContext();
  if (action.equals('limit') && count === 5) return limitObject();
  if (action.equals('home') && count === 4) return makeHome();
  if (action.equals('run') && count >= 4) return runIn();
  return -1;
}

function helpContext(): i64 {
  printLine('ctx                              the contexts that it runs in itself, and so its shell');
  printLine('ctx make NAME                    makes an empty context');
  printLine('ctx show CONTEXT                 what it was given, by signed capabilities');
  printLine(
    'ctx mask CONTEXT RIGHTS          takes these default rights of all objects away in it (- for none)',
  );
  printLine(
    'ctx limit CONTEXT OBJECT RIGHTS  lets no more than these through of what it was given for OBJECT',
  );
  printLine('ctx home CONTEXT NAME            makes a home for it: a namespace, and a keyring in it');
  printLine('ctx run CONTEXT [in HOME] COMMAND...  runs a command in it, and in no other; with a home,');
  printLine("                                 what the command makes is the context's alone");
  return 0;
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
  // The key `own` signs for it, so its delegations are this user's.
  let result = createOwned(id, lasting());
  if (result !== 0) return report(argument(2), result);
  initContext(id);
  result = assignName(found.parent, found.name, id, NameType.object, false);
  if (result !== 0) deleteObject(id);
  return report(argument(2), result);
}

/** Finds a context for reading, and writing if `writes`. */
function openContext(path: str, found: Found, wanted: u64): bool {
  if (!findContext(path, found)) return false;
  if ((rightsTo(found.id) & wanted) === wanted) return true;
  report(path, -EPERM);
  return false;
}

/** The context that the caller's capabilities lie in: that of its keyring; false: it has none. */
function ownContext(id: ObjectId): bool {
  const ring = ownKeyring();
  if (ring === null || !isUsers(ring)) return false;
  assign(id, ring.context);
  return true;
}

/** Lists what a context was given; `verifies`: and whether it holds. Exit code 1: something does not. */
export function showBuckets(program: str, path: str, verifies: bool): i64 {
  const found = stack<Found>();
  if (path.length === 0) {
    if (!ownContext(found.id)) {
      complain(program, '', 'the superuser needs no capabilities (say which context)');
      return 1;
    }
  } else if (!openContext(path, found, READ)) return 1;
  const base = openObject(found.id);
  const header = at<ContextHeader>(dataOf(base));
  let status: i64 = 0;
  if (!verifies && header.globalMask !== 0) {
    print('without default rights to ');
    printRights(maskOf(found.id));
  }
  for (let i: u64 = 0; i < CONTEXT_BUCKETS; i++) {
    let bucket: ContextBucket = header.buckets[i];
    for (;;) {
      if (bucket.data !== 0 && !showBucket(base, bucket, verifies)) status = 1;
      if (bucket.chain === 0) break;
      bucket = at<ContextBucket>(base + bucket.chain);
    }
  }
  return status;
}

/** One line about what a bucket leads to; true if it holds, or that was not asked. */
function showBucket(base: usize, bucket: ContextBucket, verifies: bool): bool {
  printId(bucket.target);
  print('  ');
  printRightsPart(rightsIn(base, bucket));
  if ((bucket.flags & CB_DELEGATION) !== 0) {
    print(', delegated by ');
    printId(at<Delegation>(base + bucket.data).delegator);
  }
  const end = endOf(base, bucket);
  if (end !== 0) {
    print(', until ');
    printTime(end);
  }
  const capability = at<Capability>(base + bucket.data);
  if (capability.magic === CAPABILITY_MAGIC && capability.gate.length !== 0) {
    print(', gate 0x');
    printHex(u64(capability.gate.offset), 8);
  }
  if (verifies) {
    const result = standing(base, bucket);
    print(': ');
    printLine(standingText(result));
    return result === Standing.holds;
  }
  printLine('');
  return true;
}

function maskContext(): i64 {
  const rights = parseRights(argument(3));
  const found = stack<Found>();
  if (rights > ALL_RIGHTS) return -1;
  if (!openContext(argument(2), found, READ | WRITE)) return 1;
  return report(argument(2), setMask(found.id, rights));
}

function limitObject(): i64 {
  const rights = parseRights(argument(4));
  const found = stack<Found>();
  const target = stack<Found>();
  if (rights > ALL_RIGHTS || rights === 0) return -1;
  if (!openContext(argument(2), found, READ | WRITE) || !find(argument(3), target)) return 1;
  if (limitRights(found.id, target.id, rights)) return 0;
  complain('ctx', argument(3), 'the context was given nothing for it');
  return 1;
}

/** The context's own capability for itself, which its programs need to put others in: signed by the key that protects it. Returns 0 or −Errno. */
function grantItself(context: ObjectId): i64 {
  const stat = stack<StatResult>();
  const known = statObject(context, stat);
  if (known !== 0) return known;
  const signer = findSigner(ownKeyring()!, stat.kuid);
  return signer === null ? -EPERM : grantAll(context, context, addressOf(signer.seed));
}

/** Makes a home for a context, under a name. */
function makeHome(): i64 {
  const path = argument(3);
  const context = stack<Found>();
  const found = stack<Found>();
  const keyring = stack<ObjectId>();
  if (ownKeyring() === null) {
    complain('ctx', '', 'this program has no keyring: it runs in a context without a home');
    return 1;
  }
  if (!openContext(argument(2), context, READ | WRITE) || !findFree(path, found)) return 1;
  if (maskOf(context.id) !== 0) {
    complain('ctx', argument(2), 'it is masked: with a home it could take the mask off');
    return 1;
  }
  let result = createKeyring(keyring);
  if (result !== 0) return report(path, result);
  result = createHome(context.id, keyring, found.id, found.parent);
  if (result === 0) result = grantItself(context.id);
  if (result === 0) result = assignName(found.parent, found.name, found.id, NameType.namespace, false);
  if (result === 0) return 0;
  deleteObject(keyring);
  if (found.id.lo !== 0 || found.id.hi !== 0) deleteObject(found.id);
  return report(path, result);
}

/** Gives a program the home at `path`, and the keyring in it. */
function useHome(child: Child, path: str): bool {
  const found = stack<Found>();
  if (!find(path, found)) return false;
  if (found.type !== NameType.namespace || !keyringOf(found.id, child.arguments.keyring)) {
    complain('ctx', path, 'is not a home (ctx home makes one)');
    return false;
  }
  assign(child.arguments.directory, found.id);
  assign(child.arguments.home, found.id);
  return true;
}

/** Runs a command in a context, and in no other. */
function runIn(): i64 {
  const found = stack<Found>();
  if (!openContext(argument(2), found, 0)) return 1;
  const program = stack<ObjectId>();
  const child = stack<Child>();
  const inHome = argument(3).equals('in') && argumentCount() > 5;
  const first: u64 = inHome ? 5 : 3;
  const name = argument(first);
  if (!findProgram(isUtility(name) ? 'utils' : name, program)) {
    complain('ctx', name, 'no such program');
    return NOT_FOUND;
  }
  let result = child.prepare(program);
  if (result !== 0) return report(name, result);
  child.inherit();
  // Whoever runs there is not its caller: what it makes is not the caller's.
  memory.fill(addressOf(child.arguments.keyring), 0, sizeof<ObjectId>());
  if (inHome) {
    if (!useHome(child, argument(4))) {
      child.discard();
      return 1;
    }
    recoverHome(found.id, child.arguments.home);
  }
  for (let i = first; i < argumentCount(); i++) child.addArgument(argument(i));
  assign(child.context, found.id);
  flush();
  result = child.start();
  if (result === 0) return i64(child.wait());
  child.discard();
  return report(argument(2), result);
}
