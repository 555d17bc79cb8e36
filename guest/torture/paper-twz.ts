/** Torture workload: the paper's key-value store `twz`, a red-black tree of persistent pointers; each operation is a transaction. */
import '../libtwz/torture-only.ts';
import { tortureStore } from './shared/paper-store.ts';

/** Its number among the back ends. */
const STORE = 3;

/** @export */
function torture(): u64 {
  return tortureStore(STORE, 880);
}
