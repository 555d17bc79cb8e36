/**
 * Shells that a shell starts for a part of a command: a compound command, a function, or one of its own commands in a pipeline. Programs have no
 * environment, so it gets a text that makes the same variables and functions first, in an object of its own: `sh -s ID ARGUMENT…`.
 */
import { DELETE, READ, WRITE } from '../../abi/object.ts';
import { CREATE_VOLATILE } from '../../abi/syscall.ts';
import { complain } from '../../libtwz/io.ts';
import { createObject, dataOf, openObject, setSize } from '../../libtwz/object.ts';
import { Child } from '../../libtwz/program.ts';
import { unmapObject } from '../../libtwz/view.ts';
import { field } from './arena.ts';
import { functionAt, functionCount } from './functions.ts';
import { Stage } from './pipeline.ts';
import { argumentsLeft, isExitOnError, positionalAt, variableAt, variableCount } from './variables.ts';

const ID_LENGTH = 33;

let place: usize = 0;

function put(text: str): void {
  memory.copy(place, text.ptr.address, text.length);
  place += text.length;
}

/** A text in quotes. */
function putQuoted(text: str): void {
  put("'");
  let start: u64 = 0;
  for (let i: u64 = 0; i < text.length; i++) {
    if (text[i] !== u8("'")) continue;
    put(text.subslice(start, i));
    put("'\\''");
    start = i + 1;
  }
  put(text.subslice(start));
  put("'");
}

function putHex(value: u64): void {
  for (let i: u64 = 0; i < 16; i++) {
    const digit = u8((value >> ((15 - i) * 4)) & 15);
    store<u8>(place, digit < 10 ? u8('0') + digit : u8('a') + (digit - 10));
    place++;
  }
}

/** Writes what makes the child's shell like this one, and the command. */
function writeState(stage: Stage): void {
  for (let i: u64 = 0; i < variableCount(); i++) {
    put(variableAt(i).name);
    put('=');
    putQuoted(variableAt(i).value);
    put('\n');
  }
  for (let i: u64 = 0; i < functionCount(); i++) {
    put(functionAt(i).name);
    put('() ');
    put(functionAt(i).body);
    put('\n');
  }
  if (isExitOnError()) put('set -e\n');
  // What was in parentheses is a list there.
  put(stage.isSubshell ? stage.block.subslice(1, stage.block.length - 1) : stage.block);
  for (let i = stage.first; i < stage.last; i++) {
    putQuoted(field(i));
    put(' ');
  }
  put('\n');
}

/** Gives a shell its arguments: the text that it is to run, and those of the script that runs here. False: they do not fit. */
export function passState(child: Child, stage: Stage): bool {
  const id = stage.textObject;
  const text = stack<FixedArray<u8, 33>>();
  if (createObject(id, READ | WRITE | DELETE | CREATE_VOLATILE) !== 0) {
    complain('sh', '', 'no memory for another shell');
    return false;
  }
  const base = openObject(id);
  place = dataOf(base);
  writeState(stage);
  setSize(base, place - dataOf(base));
  unmapObject(base);
  place = addressOf(text);
  putHex(id.hi);
  put(':');
  putHex(id.lo);
  let fits: bool =
    child.addArgument('sh') && child.addArgument('-s') && child.addArgument(strOf(text.ptr, ID_LENGTH));
  for (let i: u64 = 0; fits && i <= argumentsLeft(); i++) fits = child.addArgument(positionalAt(i));
  return fits;
}
