/** `cap`: keys of the keyring, protected objects, capabilities and delegations: granting, sending, showing, verifying, revoking. */
import { NameType } from '../../abi/name.ts';
import { ALL_RIGHTS, DELETE, ObjectId, READ } from '../../abi/object.ts';
import {
  CapabilityLetter,
  Keyring,
  KeyringEntry,
  KeyState,
  LETTER_MAGIC,
  SC_DELEGATE,
} from '../../abi/security.ts';
import { EEXIST, EINVAL, ENOENT, EPERM, StatResult } from '../../abi/syscall.ts';
import {
  deliver,
  grant,
  Letter,
  revokeBelow,
  Terms,
  writeCapability,
  writeDelegation,
} from '../../libtwz/capability.ts';
import { now } from '../../libtwz/clock.ts';
import { errorText } from '../../libtwz/errors.ts';
import { complain, print, printId, printLine } from '../../libtwz/io.ts';
import {
  addPublicKey,
  findKey,
  findSigner,
  keyAt,
  keyName,
  makeKey,
  ownKeyring,
  removeKey,
} from '../../libtwz/keyring.ts';
import { assignName, Found } from '../../libtwz/name.ts';
import { parseNumber } from '../../libtwz/number.ts';
import {
  createWithKey,
  dataOf,
  deleteObject,
  lasting,
  openObject,
  rightsTo,
  setSize,
  statObject,
} from '../../libtwz/object.ts';
import { createOwned, grantAll, isUsers } from '../../libtwz/owner.ts';
import { persist } from '../../libtwz/persist.ts';
import { argument, argumentCount } from '../../libtwz/program.ts';
import { find, findFree, parseRights, report } from './common.ts';
import { findContext, showBuckets } from './contexts.ts';

const NANOSECONDS: u64 = 1_000_000_000;

export function runCap(): i64 {
  const count = argumentCount();
  if (count === 2 && argument(1).equals('--help')) return helpCap();
  if (count < 2) return -1;
  const action = argument(1);
  if (action.equals('keys') && count === 2) return listKeys();
  if (action.equals('key') && (count === 3 || count === 4)) return addKey();
  if (action.equals('forget') && count === 3) return forgetKey();
  if (action.equals('make') && (count === 4 || count === 5)) return makeProtected();
  if (action.equals('grant') && count >= 5) return grantRights();
  if (action.equals('delegate') && count >= 5) return delegateRights();
  if (action.equals('take') && count === 3) return takeLetter();
  if (action.equals('show') && (count === 2 || count === 3))
    return showBuckets('cap', count === 3 ? argument(2) : '', false);
  if (action.equals('verify') && (count === 2 || count === 3))
    return showBuckets('cap', count === 3 ? argument(2) : '', true);
  if (action.equals('revoke') && count === 3) return revoke();
  return -1;
}

function helpCap(): i64 {
  printLine('cap keys                             lists the keys of your keyring');
  printLine('cap key KEY [OBJECT]                 makes a key pair; with OBJECT: keeps the public key in it');
  printLine('cap forget KEY                       takes a key out of the keyring');
  printLine(
    'cap make OBJECT KEY [RIGHTS]         makes an object that KEY protects; RIGHTS are for all (none)',
  );
  printLine('cap grant OBJECT CONTEXT RIGHTS ...  lets a context use an object that a key of yours protects');
  printLine('cap delegate OBJECT CONTEXT RIGHTS ...  passes on what your context was given');
  printLine('    ... for SECONDS                  ends after that time');
  printLine('    ... gate OFFSET LENGTH           execution may enter only there');
  printLine('    ... from CONTEXT                 passes on what that context was given');
  printLine('    ... into NAME                    writes a letter for a context that you may not write');
  printLine('cap take LETTER                      puts what a letter brings into your context');
  printLine(
    'cap show|verify [CONTEXT]            lists what a context was given; verify: and whether it holds',
  );
  printLine('cap revoke OBJECT                    voids what was granted so far');
  printLine('RIGHTS are letters: r(ead) w(rite) x(execute) u(se) d(elete) p(ass on).');
  printLine('CONTEXT is a user, or an object that ctx make has made.');
  return 0;
}

// --------------------------------------------------------------------------------------------------------- keys

/** The keyring; null and a complaint if there is none. */
function ring(): Keyring | null {
  const own = ownKeyring();
  if (own === null) complain('cap', '', 'this program has no keyring: it runs in a context without a home');
  return own;
}

function listKeys(): i64 {
  const keys = ring();
  if (keys === null) return 1;
  for (let i: u64 = 0; i < keys.count; i++) {
    const entry = keyAt(keys, i);
    if (entry.state === u32(KeyState.free)) continue;
    printId(entry.publicHalf);
    print(entry.state === u32(KeyState.pair) ? '  pair    ' : '  public  ');
    printLine(keyName(entry));
  }
  return 0;
}

function addKey(): i64 {
  const keys = ring();
  const half = stack<ObjectId>();
  const found = stack<Found>();
  if (keys === null || (argumentCount() === 4 && !find(argument(3), found))) return 1;
  const isPublic = argumentCount() === 4;
  const result = isPublic ? addPublicKey(keys, argument(2), found.id) : makeKey(keys, argument(2), half);
  if (result === 0) return 0;
  const text =
    result === -EEXIST
      ? 'there is a key of this name'
      : result === -EINVAL
        ? isPublic
          ? 'a name has 1 to 39 characters, and the object must be a public key'
          : 'a name has 1 to 39 characters'
        : errorText(result);
  complain('cap', argument(2), text);
  return 1;
}

function forgetKey(): i64 {
  const keys = ring();
  if (keys === null) return 1;
  const result = removeKey(keys, argument(2));
  if (result === 0) return 0;
  complain(
    'cap',
    argument(2),
    result === -EINVAL ? 'everything that you make is protected by it' : 'no such key (cap keys lists them)',
  );
  return 1;
}

/** The key pair of this name; null and a complaint if there is none. */
function pairOf(keys: Keyring, name: str): KeyringEntry | null {
  const entry = findKey(keys, name);
  if (entry === null) complain('cap', name, 'no such key in your keyring (cap key makes one)');
  else if (entry.state !== u32(KeyState.pair))
    complain('cap', name, 'is a public key: somebody else signs with it');
  else return entry;
  return null;
}

function makeProtected(): i64 {
  const found = stack<Found>();
  const id = stack<ObjectId>();
  const rights = argumentCount() === 5 ? parseRights(argument(4)) : 0;
  if (rights > ALL_RIGHTS) return -1;
  const keys = ring();
  if (keys === null || !findFree(argument(2), found)) return 1;
  const key = pairOf(keys, argument(3));
  if (key === null) return 1;
  let result = createWithKey(id, rights | lasting(), key.publicHalf);
  if (result !== 0) return report(argument(2), result);
  if (isUsers(keys)) result = grantAll(keys.context, id, addressOf(key.seed));
  if (result === 0) result = assignName(found.parent, found.name, id, NameType.object, false);
  if (result !== 0) deleteObject(id);
  return report(argument(2), result);
}

// ----------------------------------------------------------------------------------------------------- granting

/** Where a letter goes; empty: into the context itself. */
let into: str = '';
/** The context that delegates; empty: the caller's own. */
let delegator: str = '';

/** Reads RIGHTS and what follows. False: that is not how it is used. */
function readTerms(terms: Terms): bool {
  terms.rights = parseRights(argument(4));
  if (terms.rights > (ALL_RIGHTS | SC_DELEGATE)) return false;
  const value = stack<FixedArray<u64, 2>>();
  for (let i: u64 = 5; i < argumentCount(); i += 2) {
    const word = argument(i);
    if (i + 1 === argumentCount()) return false;
    if (word.equals('into')) into = argument(i + 1);
    else if (word.equals('from')) delegator = argument(i + 1);
    else if (word.equals('for')) {
      if (!parseNumber(argument(i + 1), value.ptr) || value[0] === 0) return false;
      terms.expires = now() + value[0] * NANOSECONDS;
    } else if (word.equals('gate') && i + 2 < argumentCount()) {
      if (!parseNumber(argument(i + 1), value.ptr) || !parseNumber(argument(i + 2), value.ptr.add(1)))
        return false;
      if (value[1] === 0 || value[1] > 0xffff || value[0] > 0x3fff_ffff) return false;
      terms.gate.offset = u32(value[0]);
      terms.gate.length = u16(value[1]);
      i++;
    } else return false;
  }
  return true;
}

/** The pair that signs for the object `id`; null and a complaint if it is not in the keyring. */
function signerOf(keys: Keyring, id: ObjectId, path: str): KeyringEntry | null {
  const stat = stack<StatResult>();
  const known = statObject(id, stat);
  if (known !== 0) {
    report(path, known);
    return null;
  }
  if (stat.kuid.lo === 0 && stat.kuid.hi === 0) {
    complain('cap', path, 'no key protects it: nobody can sign for it');
    return null;
  }
  const key = findSigner(keys, stat.kuid);
  if (key === null) complain('cap', path, 'the key that protects it is not in your keyring');
  return key;
}

/** Puts a letter into its context, or sends it. */
function send(letter: Letter, context: str): i64 {
  if (into.length !== 0) return writeLetter(letter);
  const result = deliver(letter);
  if (result !== -EPERM) return report(context, result);
  complain('cap', context, 'you may not write this context: send a letter (... into NAME), for cap take');
  return 1;
}

/** A letter is of no use to anybody else, so everybody may read it. */
function writeLetter(letter: Letter): i64 {
  const found = stack<Found>();
  const id = stack<ObjectId>();
  if (!findFree(into, found)) return 1;
  const made = createOwned(id, READ | lasting());
  if (made !== 0) return report(into, made);
  const base = openObject(id);
  memory.copy(dataOf(base), addressOf(letter), sizeof<Letter>());
  persist(dataOf(base), sizeof<Letter>());
  setSize(base, sizeof<Letter>());
  const result = assignName(found.parent, found.name, id, NameType.object, false);
  if (result !== 0) deleteObject(id);
  return report(into, result);
}

function grantRights(): i64 {
  const target = stack<Found>();
  const context = stack<Found>();
  const terms = stack<Terms>();
  const letter = stack<Letter>();
  if (!readTerms(terms) || delegator.length !== 0) return -1;
  const keys = ring();
  if (keys === null || !find(argument(2), target) || !findContext(argument(3), context)) return 1;
  const key = signerOf(keys, target.id, argument(2));
  if (key === null) return 1;
  const stat = stack<StatResult>();
  const known = statObject(target.id, stat);
  if (known !== 0) return report(argument(2), known);
  terms.revocation = stat.revocation;
  writeCapability(letter, context.id, target.id, terms, addressOf(key.seed));
  return send(letter, argument(3));
}

function delegateRights(): i64 {
  const target = stack<Found>();
  const context = stack<Found>();
  const from = stack<Found>();
  const terms = stack<Terms>();
  const letter = stack<Letter>();
  if (!readTerms(terms)) return -1;
  const keys = ring();
  if (keys === null || !find(argument(2), target) || !findContext(argument(3), context)) return 1;
  assign(from.id, keys.context);
  if (delegator.length !== 0) {
    if (!findContext(delegator, from)) return 1;
  } else if (!isUsers(keys)) {
    complain('cap', argument(2), 'the superuser was given nothing to pass on (from CONTEXT says who was)');
    return 1;
  }
  const path = delegator.length === 0 ? 'your context' : delegator;
  if ((rightsTo(from.id) & READ) === 0) return report(path, -EPERM);
  const key = signerOf(keys, from.id, path);
  if (key === null) return 1;
  const result = writeDelegation(letter, from.id, context.id, target.id, terms, addressOf(key.seed));
  if (result === 0) return send(letter, argument(3));
  if (result === -ENOENT) complain('cap', argument(2), 'nothing was granted there that could be passed on');
  else if (result === -EPERM)
    complain('cap', argument(2), 'what was granted may not be passed on (p), or holds no more');
  else report(argument(2), result);
  return 1;
}

function takeLetter(): i64 {
  const found = stack<Found>();
  if (!find(argument(2), found)) return 1;
  if ((rightsTo(found.id) & READ) === 0) return report(argument(2), -EPERM);
  const sent = at<Letter>(dataOf(openObject(found.id)));
  const letter = stack<Letter>();
  if (found.type === NameType.namespace || at<CapabilityLetter>(addressOf(sent)).magic !== LETTER_MAGIC) {
    complain('cap', argument(2), 'is not a letter (cap grant ... into NAME writes one)');
    return 1;
  }
  // A copy, which nobody changes while it is judged.
  memory.copy(addressOf(letter), addressOf(sent), sizeof<Letter>());
  const result = deliver(letter);
  if (result !== -EPERM) return report(argument(2), result);
  complain('cap', argument(2), 'is for a context that you may not write');
  return 1;
}

/** Voids what was granted; the owner's own capability is signed anew before, under the next number. */
function revoke(): i64 {
  const target = stack<Found>();
  const stat = stack<StatResult>();
  const terms = stack<Terms>();
  if (!find(argument(2), target)) return 1;
  const known = statObject(target.id, stat);
  if (known !== 0) return report(argument(2), known);
  if ((stat.rights & DELETE) === 0) return report(argument(2), -EPERM);
  terms.revocation = stat.revocation + 1;
  const keys = ownKeyring();
  const key = keys === null ? null : findSigner(keys, stat.kuid);
  if (keys !== null && key !== null && isUsers(keys)) {
    terms.rights = stat.rights;
    const renewed = grant(keys.context, target.id, terms, addressOf(key.seed));
    if (renewed !== 0) return report(argument(2), renewed);
  }
  return report(argument(2), revokeBelow(target.id, terms.revocation));
}
