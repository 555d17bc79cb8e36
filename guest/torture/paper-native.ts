/**
 * Torture workload: the paper's key-value store `native`, pages in a file behind a write-ahead log. Recovery reads all of a frame for its check sum, so each legal image
 * is a class of its own: two transactions of a frame each, with short values.
 */
import '../libtwz/torture-only.ts';
import { tortureStoreByPages } from './shared/paper-store.ts';

/** Its number among the back ends. */
const STORE = 0;

/** @export */
function torture(): u64 {
  return tortureStoreByPages(STORE, 8);
}
