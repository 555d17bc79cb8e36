/** Torture workload: the paper's key-value store `twz`, a red-black tree of persistent pointers; each operation is a transaction. */
import '../libtwz/torture-only.ts';
import { runWorkload } from '../libtwz/torture.ts';
import { BACKENDS } from '../programs/paper/store/backends.ts';
import { changeStore, checkStore, OPERATIONS, setUpStore } from './shared/paper-store.ts';

const WHICH = 3;

function setup(): void {
  setUpStore(BACKENDS[WHICH], 880);
}

function operation(index: u64): void {
  changeStore(BACKENDS[WHICH], index);
}

function check(): u64 {
  return checkStore(BACKENDS[WHICH]);
}

/** @export */
function torture(): u64 {
  return runWorkload(OPERATIONS, setup, operation, check);
}
