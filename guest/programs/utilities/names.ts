/**
 * The commands that are not programs of their own: the utilities, which live together in one program (`utils`) and are chosen by the name they are
 * called by, and the shell's own. What is said here is what `help`, `--help` and wrong usage print.
 */

export class Utility {
  readonly name: str;
  readonly usage: str;
  readonly what: str;
}

export const UTILITIES: FixedArray<Inline<Utility>, 29> = [
  {
    name: 'cap',
    usage: 'cap keys|key|forget|make|grant|delegate|take|show|verify|revoke ...',
    what: 'keys and capabilities (cap --help)',
  },
  { name: 'cat', usage: 'cat [OBJECT...]', what: 'prints text objects, or the input' },
  { name: 'cp', usage: 'cp FROM TO', what: 'makes a copy-on-write copy of an object' },
  {
    name: 'ctx',
    usage: 'ctx [make | show | mask | limit | home | run CONTEXT ...]',
    what: 'security contexts: makes, masks, shows them, runs a command in one (ctx --help)',
  },
  { name: 'date', usage: 'date', what: 'prints the date and time (UTC)' },
  { name: 'df', usage: 'df', what: 'shows how full the object store is' },
  { name: 'echo', usage: 'echo [-n] [TEXT...]', what: 'prints its arguments; -n: without a line feed' },
  { name: 'fot', usage: 'fot OBJECT', what: 'lists the foreign object table of an object' },
  { name: 'free', usage: 'free', what: 'shows how much memory is free' },
  {
    name: 'grep',
    usage: 'grep [-i] [-v] [-c] [-n] TEXT [OBJECT...]',
    what: 'prints the lines that have a text',
  },
  { name: 'help', usage: 'help [COMMAND...]', what: 'lists the commands, or tells what some do' },
  { name: 'hexdump', usage: 'hexdump OBJECT [OFFSET [LENGTH]]', what: 'shows bytes of an object' },
  { name: 'kill', usage: 'kill [-SIGNAL] THREAD...', what: 'ends programs (ps has the numbers)' },
  { name: 'ln', usage: 'ln OBJECT NAME', what: 'gives an object another name' },
  { name: 'ls', usage: 'ls [-l] [-a] [NAME...]', what: 'lists names; -a: also those with a dot' },
  { name: 'mkdir', usage: 'mkdir NAME...', what: 'makes namespaces' },
  { name: 'mv', usage: 'mv FROM TO', what: 'changes a name' },
  {
    name: 'obj',
    usage: 'obj ACTION OBJECT...',
    what: 'makes, shows, links, ties and deletes objects (obj --help)',
  },
  { name: 'panic', usage: 'panic', what: 'ends the kernel with a panic, to try the debugger on' },
  { name: 'poweroff', usage: 'poweroff [CODE]', what: 'ends all and switches the machine off' },
  { name: 'ps', usage: 'ps', what: 'lists the threads' },
  { name: 'reboot', usage: 'reboot', what: 'starts the machine anew' },
  {
    name: 'recover',
    usage: 'recover',
    what: 'undoes your transactions that a power failure interrupted; booting does it',
  },
  { name: 'rm', usage: 'rm NAME...', what: 'removes names and deletes their objects' },
  { name: 'sleep', usage: 'sleep SECONDS', what: 'waits, also for parts of seconds' },
  { name: 'stat', usage: 'stat OBJECT...', what: 'tells what an object is' },
  { name: 'uname', usage: 'uname', what: 'tells what this system is' },
  {
    name: 'view',
    usage: 'view [THREAD | OBJECT]',
    what: "lists what a view maps: its own, a thread's, or an object's",
  },
  { name: 'wc', usage: 'wc [OBJECT...]', what: 'counts lines, words and bytes' },
];

export const BUILTINS: FixedArray<Inline<Utility>, 23> = [
  { name: '.', usage: '. SCRIPT', what: 'runs a script in this shell' },
  { name: ':', usage: ':', what: 'does nothing' },
  { name: '[', usage: '[ CONDITION ]', what: 'the same as test' },
  { name: 'bg', usage: 'bg [%JOB]', what: 'goes on with a stopped job in the background' },
  { name: 'break', usage: 'break', what: 'leaves the innermost loop' },
  { name: 'cd', usage: 'cd [NAMESPACE]', what: 'changes the working namespace' },
  { name: 'continue', usage: 'continue', what: 'goes on with the next round of a loop' },
  { name: 'exit', usage: 'exit [CODE]', what: 'ends the shell' },
  { name: 'false', usage: 'false', what: 'fails' },
  { name: 'fg', usage: 'fg [%JOB]', what: 'goes on with a job in the foreground' },
  { name: 'history', usage: 'history', what: 'lists the lines typed before' },
  { name: 'jobs', usage: 'jobs', what: 'lists the jobs in the background' },
  { name: 'local', usage: 'local NAME[=VALUE]...', what: 'makes variables of a function' },
  { name: 'pwd', usage: 'pwd', what: 'prints the working namespace' },
  { name: 'read', usage: 'read VARIABLE...', what: 'reads a line of the input into variables' },
  { name: 'return', usage: 'return [CODE]', what: 'leaves a function or script' },
  {
    name: 'set',
    usage: 'set [-e | +e]',
    what: 'lists the variables; -e: ends at the first command that fails',
  },
  { name: 'shift', usage: 'shift', what: 'drops the first argument of a script' },
  { name: 'test', usage: 'test CONDITION', what: 'compares text and numbers, looks for names' },
  {
    name: 'trap',
    usage: 'trap [COMMANDS | -] [EXIT | SIGNAL]...',
    what: 'runs commands at the end of the shell, or when a signal comes (INT, QUIT, TERM)',
  },
  { name: 'true', usage: 'true', what: 'succeeds' },
  { name: 'unset', usage: 'unset VARIABLE...', what: 'forgets variables' },
  { name: 'wait', usage: 'wait', what: 'waits for all jobs' },
];

function has(table: Slice<Inline<Utility>>, name: str): bool {
  for (const entry of table) if (entry.name.equals(name)) return true;
  return false;
}

export function isUtility(name: str): bool {
  return has(UTILITIES, name);
}

export function isBuiltIn(name: str): bool {
  return has(BUILTINS, name);
}
