/** For `licorice torture`: appends to a journal; the power may fail at every instant. */
import 'licorice/libtwz/torture-only.ts';
import { finish, mix, runWorkload } from 'licorice/libtwz/torture.ts';
import { Journal, openJournal } from './journal.ts';

function journal(): Journal {
  const found = openJournal('journal');
  if (found === null) finish(1);
  return found!;
}

function setup(): void {
  // Entries of several cache blocks.
  for (let i: u64 = 1; i <= 10; i++) journal().append(i);
}

function operation(index: u64): void {
  journal().append(10 + index);
}

/** After a failure: nothing that counts may be missing. The number that it returns stands for the state. */
function check(): u64 {
  const found = journal();
  let state: u64 = 0;
  for (let i: u64 = 0; i < found.count; i++) {
    if (found.entries[i] !== i + 1) finish(2);
    state = mix(state, found.entries[i]);
  }
  return state;
}

/** @export */
function torture(): u64 {
  return runWorkload(4, setup, operation, check);
}
