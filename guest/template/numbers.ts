/** `numbers [NUMBER...]`: appends numbers to the journal named `journal`, and prints all of it. */
import 'licorice/libtwz/start.ts';
import { complain, printLine, printNumber } from 'licorice/libtwz/io.ts';
import { parseNumber } from 'licorice/libtwz/number.ts';
import { argument, argumentCount } from 'licorice/libtwz/program.ts';
import { openJournal } from './journal.ts';

/** @export */
function main(): u64 {
  const journal = openJournal('journal');
  if (journal === null) {
    complain('numbers', 'journal', 'cannot be made here');
    return 1;
  }
  const value = stack<FixedArray<u64, 1>>();
  for (let i: u64 = 1; i < argumentCount(); i++) {
    if (!parseNumber(argument(i), value.ptr)) {
      complain('numbers', argument(i), 'is not a number');
      return 2;
    }
    if (!journal.append(value[0])) {
      complain('numbers', 'journal', 'is full');
      return 1;
    }
  }
  for (let i: u64 = 0; i < journal.count; i++) {
    printNumber(journal.entries[i]);
    printLine('');
  }
  return 0;
}
