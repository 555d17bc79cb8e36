/**
 * Torture workload: the paper's key-value store `native`, pages in a file behind a write-ahead log. Recovery reads all of a frame for its check sum, so each legal image
 * is a class of its own: two transactions of a frame each, with short values.
 */
import '../libtwz/torture-only.ts';
import { runWorkload } from '../libtwz/torture.ts';
import { BACKENDS } from '../programs/paper/store/backends.ts';
import { changeStore, checkStore, setUpStore } from './shared/paper-store.ts';

const NATIVE = 0;

function setup(): void {
  setUpStore(BACKENDS[NATIVE], 8);
}

/** An insertion, and an update: changes of one page. */
function operation(index: u64): void {
  changeStore(BACKENDS[NATIVE], index === 1 ? 1 : 3);
}

function check(): u64 {
  return checkStore(BACKENDS[NATIVE]);
}

/** @export */
function torture(): u64 {
  return runWorkload(2, setup, operation, check);
}
