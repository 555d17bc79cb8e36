/**
 * The first program: makes the root of persistent names and the superuser's keyring if there are none, undoes what a power failure interrupted, then runs the shell (on the commands that the boot archive brings,
 * if it brings any; `login` where the superuser has a password); when the shell ends, the machine is switched off with its exit code.
 */
import '../libtwz/start.ts';
import { NameType } from '../abi/name.ts';
import { ObjectId, READ, USE } from '../abi/object.ts';
import { CREATE_PERSIST, POWER_OFF, ROOT_NAMES, SYS_POWER, SYS_ROOT } from '../abi/syscall.ts';
import { UserRecord } from '../abi/user.ts';
import { KEYS, recoverHome } from '../libtwz/home.ts';
import { printLine, programArguments } from '../libtwz/io.ts';
import { createKeyring } from '../libtwz/keyring.ts';
import { assignName, findProgram, initNamespace, rootNamespace, stepInto } from '../libtwz/name.ts';
import { createObject, dataOf, openObject } from '../libtwz/object.ts';
import { Child } from '../libtwz/program.ts';
import { syscall } from '../libtwz/syscall.ts';
import { recoverLogs } from '../libtwz/undo-log.ts';
import { findUser, visitUsers } from './users/records.ts';

/** Bytes that commands may have. */
const PAGE = 4096;

/** Everybody reads the names in the root; only the superuser changes them. Without an NVDIMM they live as long as the machine runs. */
function makeRoot(root: ObjectId): void {
  if (rootNamespace(root)) return;
  const rights = READ | USE;
  if (createObject(root, rights | CREATE_PERSIST) === 0) {
    initNamespace(root);
    syscall(SYS_ROOT, ROOT_NAMES, 0, root.lo, root.hi, 0);
    return;
  }
  printLine('init: no object store; names will be lost at power-off');
  createObject(root, rights);
  initNamespace(root);
}

/** What the superuser makes belongs to the superuser from here on: takes the keyring, or makes it. */
function takeKeyring(root: ObjectId): void {
  const own = programArguments();
  assign(own.root, root);
  assign(own.directory, root);
  if (!stepInto(root, KEYS, own.keyring)) {
    if (createKeyring(own.keyring) === 0) assignName(root, KEYS, own.keyring, NameType.object, false);
  }
}

/** Undoes what a power failure interrupted in the transactions of a user. */
function recoverUser(user: UserRecord): void {
  recoverHome(user.context, user.home);
}

/** The archive's entry with shell commands, when the machine was started to run just those. */
const COMMANDS = '.commands';

/** The zero-terminated text of an archive entry. */
function textOf(id: ObjectId): str {
  const text = dataOf(openObject(id));
  let length: u64 = 0;
  while (length < PAGE && load<u8>(text + length) !== 0) length++;
  return strOf(at<Ptr<u8>>(text), length);
}

function rootHasPassword(): bool {
  const id = stack<ObjectId>();
  const user = findUser('root', id);
  return user !== null && user.rounds !== 0;
}

/** @export */
function main(): u64 {
  const root = stack<ObjectId>();
  makeRoot(root);
  takeKeyring(root);
  const commands = stack<ObjectId>();
  const hasCommands = findProgram(COMMANDS, commands);
  // Who runs commands wants to read what they print, and nothing else.
  if (recoverLogs() !== 0 && !hasCommands) {
    printLine('init: transactions that a power failure interrupted have been undone');
  }
  visitUsers(recoverUser);
  const program = stack<ObjectId>();
  const shell = stack<Child>();
  // Where root has a password, who sits at the console says who it is.
  const first = !hasCommands && rootHasPassword() ? 'login' : 'sh';
  if (!findProgram(first, program) || shell.prepare(program) !== 0) {
    printLine('init: cannot run the shell');
    return 1;
  }
  shell.inherit();
  shell.addArgument(first);
  if (hasCommands) {
    shell.addArgument('-c');
    shell.addArgument(textOf(commands));
  }
  const status = shell.start() === 0 ? shell.wait() : 1;
  syscall(SYS_POWER, POWER_OFF, status, 0, 0, 0);
  return 0;
}
