/**
 * `login [NAME]`: asks who is there, and for the password if there is one, and runs a shell in that user's security context and home. Without a name it asks again
 * when the shell has ended: so init runs it where `root` has a password.
 */
import '../libtwz/start.ts';
import { ObjectId } from '../abi/object.ts';
import { UserRecord } from '../abi/user.ts';
import { complain, flush, printLine, programArguments } from '../libtwz/io.ts';
import { LineEnd, lineText, readLine } from '../libtwz/line.ts';
import { findProgram, rootNamespace } from '../libtwz/name.ts';
import { argument, argumentCount, Child } from '../libtwz/program.ts';
import { askPassword, forgetPassword, isPassword } from './users/password.ts';
import { findUser } from './users/records.ts';

const USAGE = 'login [NAME]';

/** Runs the user's shell; its exit code. */
function runShell(user: UserRecord | null): u64 {
  const program = stack<ObjectId>();
  const shell = stack<Child>();
  const root = stack<ObjectId>();
  if (!findProgram('sh', program) || shell.prepare(program) !== 0) {
    complain('login', '', 'cannot run the shell');
    return 1;
  }
  rootNamespace(root);
  assign(shell.arguments.root, programArguments().root);
  assign(shell.arguments.directory, root);
  if (user !== null) {
    assign(shell.context, user.context);
    if (user.home.lo !== 0 || user.home.hi !== 0) assign(shell.arguments.directory, user.home);
  }
  shell.addArgument('sh');
  if (shell.start() === 0) return shell.wait();
  shell.discard();
  complain('login', '', 'cannot run the shell');
  return 1;
}

/** Lets the user in whose name this is. False: not with this password. */
function admit(name: str): bool {
  const id = stack<ObjectId>();
  const user = findUser(name, id);
  // `root` is there from the beginning. Who does not exist is asked like everybody else, and refused like everybody else.
  if (user === null && name.equals('root')) {
    runShell(null);
    return true;
  }
  if (user === null || user.rounds !== 0) {
    if (!askPassword('password: ')) return false;
    const right = user !== null && isPassword(user);
    forgetPassword();
    if (!right) {
      printLine('login: wrong name or password');
      return false;
    }
  }
  runShell(user);
  return true;
}

const name = zeroed<FixedArray<u8, 80>>();

/** @export */
function main(): u64 {
  if (argumentCount() === 2 && argument(1).equals('--help')) {
    printLine(USAGE);
    printLine("runs a shell as another user; 'user' makes users and passwords");
    return 0;
  }
  if (argumentCount() > 2) {
    complain('usage', '', USAGE);
    return 2;
  }
  if (argumentCount() === 2) return admit(argument(1)) ? 0 : 1;
  for (;;) {
    const end = readLine('login: ');
    if (end === LineEnd.end) return 0;
    if (end === LineEnd.interrupt || lineText().length === 0) continue;
    const length = min<u64>(lineText().length, 80);
    memory.copy(addressOf(name), lineText().ptr.address, length);
    admit(strOf(name.ptr, length));
    flush();
  }
}
