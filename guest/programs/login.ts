/**
 * `login [NAME [-c COMMANDS]]`: asks who is there, and for the password if there is one, and runs a shell in that user's security context and home. Without a name it asks again
 * when the shell has ended: so init runs it where `root` has a password.
 */
import '../libtwz/start.ts';
import { ObjectId } from '../abi/object.ts';
import { UserRecord } from '../abi/user.ts';
import { complain, flush, printLine } from '../libtwz/io.ts';
import { LineEnd, lineText, readLine } from '../libtwz/line.ts';
import { findProgram, rootNamespace } from '../libtwz/name.ts';
import { argument, argumentCount, Child } from '../libtwz/program.ts';
import { askPassword, forgetPassword, isPassword } from './users/password.ts';
import { findUser, mayReadUsers } from './users/records.ts';

const USAGE = 'login [NAME [-c COMMANDS]]';

/** Runs the user's shell; its exit code. */
function runShell(user: UserRecord | null, commands: str): u64 {
  const program = stack<ObjectId>();
  const shell = stack<Child>();
  const root = stack<ObjectId>();
  if (!findProgram('sh', program) || shell.prepare(program) !== 0) {
    complain('login', '', 'cannot run the shell');
    return 1;
  }
  rootNamespace(root);
  shell.inherit();
  assign(shell.arguments.directory, root);
  if (user !== null && (user.home.lo !== 0 || user.home.hi !== 0)) {
    assign(shell.context, user.context);
    assign(shell.arguments.directory, user.home);
    assign(shell.arguments.home, user.home);
    assign(shell.arguments.keyring, user.keyring);
  }
  shell.addArgument('sh');
  if (commands.length !== 0) {
    shell.addArgument('-c');
    shell.addArgument(commands);
  }
  if (shell.start() === 0) return shell.wait();
  shell.discard();
  complain('login', '', 'cannot run the shell');
  return 1;
}

/** Exit code of who is not let in. */
const REFUSED: u64 = 1;

/** Lets the user in whose name this is, to type commands or to run the given ones; the shell's exit code. */
function admit(name: str, commands: str): u64 {
  const id = stack<ObjectId>();
  const user = findUser(name, id);
  // `root` is there from the beginning. Who does not exist is asked like everybody else, and refused like everybody else.
  if (user === null && name.equals('root')) {
    return runShell(null, commands);
  }
  if (user === null || user.rounds !== 0) {
    if (!askPassword('password: ')) return REFUSED;
    const right = user !== null && isPassword(user);
    forgetPassword();
    if (!right) {
      printLine('login: wrong name or password');
      return REFUSED;
    }
  }
  return runShell(user, commands);
}

const name = zeroed<FixedArray<u8, 80>>();

/** @export */
function main(): u64 {
  if (argumentCount() === 2 && argument(1).equals('--help')) {
    printLine(USAGE);
    printLine("runs a shell as another user; 'user' makes users and passwords");
    return 0;
  }
  const count = argumentCount();
  if (count > 1 && !mayReadUsers()) {
    complain('login', '/users', 'you have not the right to read it');
    return REFUSED;
  }
  if (count === 4 && argument(2).equals('-c')) return admit(argument(1), argument(3));
  if (count > 2) {
    complain('usage', '', USAGE);
    return 2;
  }
  if (count === 2) return admit(argument(1), '');
  for (;;) {
    const end = readLine('login: ');
    if (end === LineEnd.end) return 0;
    if (end === LineEnd.interrupt || lineText().length === 0) continue;
    const length = min<u64>(lineText().length, 80);
    memory.copy(addressOf(name), lineText().ptr.address, length);
    admit(strOf(name.ptr, length), '');
    flush();
  }
}
