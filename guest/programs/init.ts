/**
 * The first program: makes the root of persistent names if there is none, then runs the shell; when the shell ends, the machine is
 * switched off.
 */
import '../libtwz/start.ts';
import { DELETE, ObjectId, READ, USE, WRITE } from '../abi/object.ts';
import { CREATE_PERSIST, POWER_OFF, ROOT_NAMES, SYS_POWER, SYS_ROOT } from '../abi/syscall.ts';
import { printLine } from '../libtwz/io.ts';
import { findProgram, initNamespace, rootNamespace } from '../libtwz/name.ts';
import { createObject } from '../libtwz/object.ts';
import { Child } from '../libtwz/program.ts';
import { syscall } from '../libtwz/syscall.ts';

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

/** @export */
function main(): u64 {
  const root = stack<ObjectId>();
  makeRoot(root);
  const program = stack<ObjectId>();
  const shell = stack<Child>();
  if (!findProgram('sh', program) || shell.prepare(program) !== 0) {
    printLine('init: cannot run the shell');
    return 1;
  }
  assign(shell.arguments.root, root);
  assign(shell.arguments.directory, root);
  shell.addArgument('sh');
  if (shell.start() === 0) shell.wait();
  syscall(SYS_POWER, POWER_OFF, 0, 0, 0, 0);
  return 0;
}
