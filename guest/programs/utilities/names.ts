/** The utilities that live together in one program (`utils`), chosen by the name they are called by. */

export class Utility {
  readonly name: str;
  readonly usage: str;
  readonly what: str;
}

export const UTILITIES: FixedArray<Inline<Utility>, 16> = [
  { name: 'cat', usage: 'cat [OBJECT...]', what: 'prints text objects, or the input' },
  { name: 'cp', usage: 'cp FROM TO', what: 'makes a copy-on-write copy of an object' },
  { name: 'df', usage: 'df', what: 'shows how full the object store is' },
  { name: 'echo', usage: 'echo [TEXT...]', what: 'prints its arguments' },
  { name: 'fot', usage: 'fot OBJECT', what: 'lists the foreign object table of an object' },
  { name: 'free', usage: 'free', what: 'shows how much memory is free' },
  { name: 'help', usage: 'help', what: 'lists the commands' },
  { name: 'ln', usage: 'ln OBJECT NAME', what: 'gives an object another name' },
  { name: 'ls', usage: 'ls [-l] [-a] [NAMESPACE]', what: 'lists names; -a: also those with a dot' },
  { name: 'mkdir', usage: 'mkdir NAME', what: 'makes a namespace' },
  { name: 'mv', usage: 'mv FROM TO', what: 'changes a name' },
  { name: 'rm', usage: 'rm NAME...', what: 'removes names and deletes their objects' },
  { name: 'stat', usage: 'stat OBJECT', what: 'tells what an object is' },
  { name: 'uname', usage: 'uname', what: 'tells what this system is' },
  { name: 'wc', usage: 'wc [OBJECT...]', what: 'counts lines, words and bytes' },
  { name: 'hexdump', usage: 'hexdump OBJECT [OFFSET [LENGTH]]', what: 'shows bytes of an object' },
];

export function isUtility(name: str): bool {
  for (const utility of UTILITIES) if (utility.name.equals(name)) return true;
  return false;
}
