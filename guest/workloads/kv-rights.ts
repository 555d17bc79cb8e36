/**
 * A key-value store with three data objects to which a thread without contexts has different rights: all, to read only, none. For tests: run in
 * place of the shell. The store's code knows nothing of rights; what it may not do ends in a fault, which a handler notes.
 */
import '../libtwz/start.ts';
import { FAULT_SECURITY, FaultFrame } from '../abi/fault.ts';
import { ObjectId, READ, WRITE } from '../abi/object.ts';
import { CREATE_TIED, CREATE_VOLATILE, SPAWN_NO_CONTEXTS } from '../abi/syscall.ts';
import { onFault } from '../libtwz/fault.ts';
import { flush, print, printLine } from '../libtwz/io.ts';
import { createObject, dataOf, openObject } from '../libtwz/object.ts';
import { exitThread, Thread } from '../libtwz/thread.ts';
import { Data, Store } from '../programs/paper/twzkv.ts';

const NAMES: FixedArray<str, 3> = ['open', 'readable', 'secret'];
const RIGHTS: FixedArray<u64, 3> = [12, 4, 0];
static_assert(READ === 4 && WRITE === 8, 'RIGHTS');
/** Exit code of a thread that was refused. */
const REFUSED = 77;

/** What the threads share. */
class Scene {
  store: Store;
  readonly data: FixedArray<Data, 3>;
  which: u64;
}

function newData(rights: u64): usize {
  const id = stack<ObjectId>();
  if (createObject(id, rights | CREATE_VOLATILE | CREATE_TIED) !== 0) panic('no space');
  return dataOf(openObject(id));
}

function refuse(_frame: FaultFrame): bool {
  exitThread(REFUSED);
}

function read(scene: u64): u64 {
  const shared = at<Scene>(scene);
  return shared.store.get(NAMES[shared.which])!.value().equals('value') ? 1 : 2;
}

function write(scene: u64): u64 {
  const shared = at<Scene>(scene);
  shared.store.put(shared.data[shared.which], NAMES[shared.which], 'other', 0);
  return 1;
}

/** Does `body` in a thread that has default rights only, and says how it ended. */
function attempt(what: str, scene: Scene, body: (scene: u64) => u64): void {
  const thread = stack<Thread>();
  if (thread.startWith(body, addressOf(scene), SPAWN_NO_CONTEXTS) !== 0) panic('no thread');
  const code = thread.join();
  print(what);
  print(' ');
  print(NAMES[scene.which]);
  printLine(code === 1 ? ': done' : code === REFUSED ? ': refused' : ': wrong');
}

/** @export */
function main(): u64 {
  const scene = at<Scene>(newData(READ | WRITE));
  scene.store = at<Store>(newData(READ | WRITE));
  scene.store.initialise(16, false);
  for (let i: u64 = 0; i < 3; i++) {
    scene.data[i] = at<Data>(newData(RIGHTS[i]));
    // The superuser may write to all of them.
    scene.store.put(scene.data[i], NAMES[i], 'value', 0);
  }
  onFault(FAULT_SECURITY, refuse);
  for (let i: u64 = 0; i < 3; i++) {
    scene.which = i;
    attempt('read', scene, read);
    attempt('write', scene, write);
  }
  flush();
  return 0;
}
