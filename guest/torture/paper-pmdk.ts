/** Torture workload: the paper's key-value store `pmdk`, a red-black tree of fat pointers with undo and redo logs; each operation is a transaction. */
import '../libtwz/torture-only.ts';
import { tortureStore } from './shared/paper-store.ts';

/** Its number among the back ends. */
const STORE = 2;

/** @export */
function torture(): u64 {
  return tortureStore(STORE, 880);
}
