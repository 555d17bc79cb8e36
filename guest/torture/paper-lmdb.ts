/** Torture workload: the paper's key-value store `lmdb`, copy-on-write pages with two meta pages; each operation is a transaction. */
import '../libtwz/torture-only.ts';
import { runWorkload } from '../libtwz/torture.ts';
import { BACKENDS } from '../programs/paper/store/backends.ts';
import { changeStore, checkStore, OPERATIONS, setUpStore } from './shared/paper-store.ts';

const WHICH = 1;

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
