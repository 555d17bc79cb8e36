/** Torture workload: the paper's key-value store `lmdb`, copy-on-write pages with two meta pages; each operation is a transaction. */
import '../libtwz/torture-only.ts';
import { tortureStore } from './shared/paper-store.ts';

/** Its number among the back ends. */
const STORE = 1;

/** @export */
function torture(): u64 {
  return tortureStore(STORE, 880);
}
