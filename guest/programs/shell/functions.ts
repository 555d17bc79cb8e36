/** Functions of the shell: a name for a compound command. */
import { allocate } from '../../libtwz/heap.ts';
import { complain } from '../../libtwz/io.ts';

const FUNCTIONS = 64;

export class Function {
  name: str;
  /** The compound command, as written. */
  body: str;
}

const functions = zeroed<FixedArray<Inline<Function>, 64>>();
let count: u64 = 0;

function keep(text: str): str {
  const copy = strOf(at<Ptr<u8>>(allocate(text.length, 1)), text.length);
  memory.copy(copy.ptr.address, text.ptr.address, text.length);
  return copy;
}

/** The function of this name; null: there is none. */
export function findFunction(name: str): Function | null {
  for (let i: u64 = 0; i < count; i++) if (functions[i].name.equals(name)) return functions[i];
  return null;
}

/** Makes or replaces a function. One that is running goes on with the text that it had. */
export function defineFunction(name: str, body: str): void {
  const known = findFunction(name);
  if (known !== null) {
    if (!known.body.equals(body)) known.body = keep(body);
    return;
  }
  if (count === FUNCTIONS) {
    complain('sh', name, 'too many functions');
    return;
  }
  functions[count].name = keep(name);
  functions[count].body = keep(body);
  count++;
}

export function forgetFunction(name: str): void {
  for (let i: u64 = 0; i < count; i++) {
    if (!functions[i].name.equals(name)) continue;
    count--;
    assign(functions[i], functions[count]);
    return;
  }
}

export function functionCount(): u64 {
  return count;
}

export function functionAt(index: u64): Function {
  return functions[index];
}
