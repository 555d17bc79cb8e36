/**
 * The first program: makes the root of persistent names if there is none, then runs the shell (on the commands that the boot archive brings,
 * if it brings any; `login` where the superuser has a password); when the shell ends, the machine is switched off with its exit code.
 */
import '../libtwz/start.ts';
import { DELETE, ObjectId, READ, USE, WRITE } from '../abi/object.ts';
import { CREATE_PERSIST, POWER_OFF, ROOT_NAMES, SYS_POWER, SYS_ROOT } from '../abi/syscall.ts';
import { printLine } from '../libtwz/io.ts';
import { findProgram, initNamespace, rootNamespace } from '../libtwz/name.ts';
import { createObject, dataOf, openObject } from '../libtwz/object.ts';
import { Child } from '../libtwz/program.ts';
import { syscall } from '../libtwz/syscall.ts';
import { recoverLogs } from '../libtwz/undo-log.ts';
import { findUser } from './users/records.ts';

/** Bytes that commands may have. */
const PAGE = 4096;

/** Without an NVDIMM the names live as long as the machine runs. */
function makeRoot(root: ObjectId): void {
  if (rootNamespace(root)) return;
  const rights = READ | WRITE | DELETE | USE;
  if (createObject(root, rights | CREATE_PERSIST) === 0) {
    initNamespace(root);
    syscall(SYS_ROOT, ROOT_NAMES, 0, root.lo, root.hi, 0);
    return;
  }
  printLine('init: no object store; names will be lost at power-off');
  createObject(root, rights);
  initNamespace(root);
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
  const commands = stack<ObjectId>();
  const hasCommands = findProgram(COMMANDS, commands);
  // Who runs commands wants to read what they print, and nothing else.
  if (recoverLogs() !== 0 && !hasCommands) {
    printLine('init: transactions that a power failure interrupted have been undone');
  }
  const program = stack<ObjectId>();
  const shell = stack<Child>();
  // Where root has a password, who sits at the console says who it is.
  const first = !hasCommands && rootHasPassword() ? 'login' : 'sh';
  if (!findProgram(first, program) || shell.prepare(program) !== 0) {
    printLine('init: cannot run the shell');
    return 1;
  }
  assign(shell.arguments.root, root);
  assign(shell.arguments.directory, root);
  shell.addArgument(first);
  if (hasCommands) {
    shell.addArgument('-c');
    shell.addArgument(textOf(commands));
  }
  const status = shell.start() === 0 ? shell.wait() : 1;
  syscall(SYS_POWER, POWER_OFF, status, 0, 0, 0);
  return 0;
}
