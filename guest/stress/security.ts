/**
 * What workers do with capabilities, delegations and gates. A worker has a scene of its own, made when it is first used: keys, two contexts, an object that
 * is shared out and one with code behind a gate, and signed records, which are put into the second context and taken out again at random. A child
 * thread in that context then tries something; the model on the host knows whether it may. The kernel has verified each signature once; what is judged anew each time
 * is all the rest. Now and then everything is revoked, and the scene is made anew.
 */
import { FAULT_SECURITY, FaultFrame } from '../abi/fault.ts';
import { DELETE, EXEC, MIP_HASHDATA, OBJ_NULLPAGE, ObjectId, READ, USE, WRITE } from '../abi/object.ts';
import {
  CAPABILITY_MAGIC,
  Capability,
  CB_CAPABILITY,
  CB_DELEGATION,
  CONTEXT_BUCKETS,
  ContextBucket,
  ContextHeader,
  DELEGATION_MAGIC,
  Delegation,
  KEY_MAGIC,
  KEY_PUBLIC,
  KeyHeader,
  LETTER_STEP,
  SC_DELEGATE,
} from '../abi/security.ts';
import {
  DELETE_UNDO,
  SPAWN_NO_CONTEXTS,
  SpawnArgs,
  SYNC_SLEEP,
  SYS_DELETE,
  SYS_REVOKE,
  SYS_THREAD_SYNC,
  SyncOp,
} from '../abi/syscall.ts';
import { publicKeyEd25519, signEd25519 } from '../crypto/ed25519.ts';
import { onFault } from '../libtwz/fault.ts';
import { copyObject, createObject, createWithKey, deleteObject } from '../libtwz/object.ts';
import { syscall } from '../libtwz/syscall.ts';
import { clearViewEntry, setViewEntry } from '../libtwz/view.ts';
import { callerCode, endChild, startChild } from './kernel.ts';
import {
  GATE_ALIGN,
  GATE_DENIED,
  GATE_ENTRIES,
  GATE_ENTRY_BYTES,
  GATE_FIRST,
  GATE_LENGTH,
  GATE_NARROW,
  GRANT_KINDS,
  NO_SLOT,
  OP_GATE,
  OP_GRANT,
} from './record.ts';
import { addressIn, begin, below, end, viewSlot, WINDOW_VIEW, Worker, wrong } from './worker.ts';

/** Places of a worker's window: the context that is changed, and the objects that it is about. */
const WINDOW_TAKER = 12;
const WINDOW_TARGET = 15;
/** Where records and further buckets lie in the contexts. */
const RECORDS: u64 = 0x10_0000;
const CHAINED: u64 = 0x11_0000;

/** Records of the second context, by number; what a bucket leads to is named by record.ts, 0 = nothing. */
enum Signed {
  direct = 0,
  passable = 1,
  less = 2,
  all = 3,
  forged = 4,
  impassable = 5,
  unfounded = 6,
  gate = 7,
}

class Scene {
  ready: bool;
  readonly ownerSeed: FixedArray<u64, 4>;
  readonly giverSeed: FixedArray<u64, 4>;
  readonly ownerKey: Inline<ObjectId>;
  readonly giverKey: Inline<ObjectId>;
  /** The context that was given something and may pass it on, and the one that it goes to. */
  readonly giver: Inline<ObjectId>;
  readonly taker: Inline<ObjectId>;
  readonly target: Inline<ObjectId>;
  readonly code: Inline<ObjectId>;
  /** What a child waits for: a word of the target. */
  readonly op: Inline<SyncOp>;
  /** IDs of the contexts and an address, for `entryCode`. */
  readonly entry: FixedArray<u64, 5>;
}

const scenes = zeroed<FixedArray<Inline<Scene>, 8>>();

/** Stacks for children that fault: the kernel needs room for the frame, the handler some more. */
export const CHILD_STACK: u64 = 4096;
let childStacks: usize = 0;

/**
 * Where a child goes that was not let in.
 * @naked
 */
function deniedCode(): void {
  asm`
    li a1, 255
    li a0, 0
    li a7, 10
    ecall
    unimp`;
}

/** A child's own fault ends it; others are not meant. */
function onSecurity(frame: FaultFrame): bool {
  const place = frame.registers[2] - childStacks;
  if (place >= CHILD_STACK * 8) return false;
  frame.registers[0] = changetype<u64>(deniedCode);
  return true;
}

/** To be called once, before any worker runs. `stacks`: a page for each worker's children, which everybody may write. */
export function prepareSecurity(stacks: usize): void {
  childStacks = stacks;
  static_assert(GATE_DENIED === 255, 'deniedCode');
  onFault(FAULT_SECURITY, onSecurity);
}

/** Maps an object at a place of the worker's window; offset 0 of it. */
function window(worker: Worker, place: u64, id: ObjectId): usize {
  setViewEntry(viewSlot(worker, place), id.lo, id.hi, READ | WRITE);
  return addressIn(worker, place, 0);
}

function makeKey(worker: Worker, seed: FixedArray<u64, 4>, id: ObjectId): void {
  const draft = stack<ObjectId>();
  for (let i: u64 = 0; i < 4; i++) seed[i] = below(worker, 0xffff_ffff_ffff);
  createObject(draft, READ | WRITE | DELETE);
  const header = at<KeyHeader>(window(worker, WINDOW_VIEW, draft) + OBJ_NULLPAGE);
  header.magic = KEY_MAGIC;
  header.kind = KEY_PUBLIC;
  publicKeyEd25519(addressOf(header.key), addressOf(seed));
  clearViewEntry(viewSlot(worker, WINDOW_VIEW));
  if (copyObject(id, draft, READ | MIP_HASHDATA) !== 0 || deleteObject(draft) !== 0) wrong(worker, 20);
}

function recordAt(base: usize, number: Signed): usize {
  return base + RECORDS + u64(number) * LETTER_STEP;
}

function signCapability(scene: Scene, base: usize, number: Signed, context: ObjectId, rights: u64): void {
  const capability = at<Capability>(recordAt(base, number));
  const gate = number === Signed.gate;
  assign(capability.target, gate ? scene.code : scene.target);
  assign(capability.accessor, context);
  capability.rights = u32(rights);
  capability.magic = CAPABILITY_MAGIC;
  if (gate) {
    capability.gate.offset = GATE_FIRST;
    capability.gate.length = GATE_LENGTH;
    capability.gate.align = GATE_ALIGN;
  }
  signEd25519(
    addressOf(capability.signature),
    addressOf(scene.ownerSeed),
    addressOf(capability),
    offsetof<Capability>('signature'),
  );
}

function signDelegation(scene: Scene, base: usize, number: Signed, mask: u64, seed: usize): void {
  const delegation = at<Delegation>(recordAt(base, number));
  assign(delegation.target, scene.target);
  assign(delegation.delegatee, scene.taker);
  assign(delegation.delegator, scene.giver);
  delegation.mask = u32(mask);
  delegation.magic = DELEGATION_MAGIC;
  delegation.inner = RECORDS + u64(Signed.passable) * LETTER_STEP;
  signEd25519(addressOf(delegation.signature), seed, addressOf(delegation), offsetof<Delegation>('inner'));
}

/** Code that ends its thread with the number of the entry by which it was entered. */
function writeCode(base: usize): void {
  for (let i: u32 = 0; i < u32(GATE_ENTRIES); i++) {
    const entry = base + OBJ_NULLPAGE + u64(i) * u64(GATE_ENTRY_BYTES);
    // addi a1, zero, i; addi a0, zero, 0; addi a7, zero, 10; ecall
    store<u32>(entry, (i << 20) | 0x593);
    store<u32>(entry, 0x513, 4);
    store<u32>(entry, (10 << 20) | 0x893, 8);
    store<u32>(entry, 0x73, 12);
  }
}

function make(worker: Worker, scene: Scene): void {
  makeKey(worker, scene.ownerSeed, scene.ownerKey);
  makeKey(worker, scene.giverSeed, scene.giverKey);
  createWithKey(scene.giver, READ | USE, scene.giverKey);
  createWithKey(scene.taker, READ | USE, scene.giverKey);
  createWithKey(scene.target, USE, scene.ownerKey);
  // In a bucket of its own.
  for (;;) {
    createWithKey(scene.code, USE, scene.ownerKey);
    if (((scene.code.lo ^ scene.target.lo) & (CONTEXT_BUCKETS - 1)) !== 0) break;
    deleteObject(scene.code);
  }
  writeCode(window(worker, WINDOW_VIEW, scene.code));
  clearViewEntry(viewSlot(worker, WINDOW_VIEW));
  store<u64>(window(worker, WINDOW_TARGET, scene.target) + OBJ_NULLPAGE, 5);
  clearViewEntry(viewSlot(worker, WINDOW_TARGET));
  const base = window(worker, WINDOW_TAKER, scene.taker);
  const both = READ | DELETE;
  const giver = addressOf(scene.giverSeed);
  signCapability(scene, base, Signed.direct, scene.taker, DELETE);
  signCapability(scene, base, Signed.passable, scene.giver, both | SC_DELEGATE);
  signDelegation(scene, base, Signed.less, READ, giver);
  signDelegation(scene, base, Signed.all, both | WRITE, giver);
  signDelegation(scene, base, Signed.forged, both, addressOf(scene.ownerSeed));
  signCapability(scene, base, Signed.impassable, scene.giver, both);
  // The same delegation, resting on what may not be passed on: what it rests on is not signed.
  assign(at<Delegation>(recordAt(base, Signed.unfounded)), at<Delegation>(recordAt(base, Signed.all)));
  at<Delegation>(recordAt(base, Signed.unfounded)).inner = RECORDS + u64(Signed.impassable) * LETTER_STEP;
  signCapability(scene, base, Signed.gate, scene.taker, EXEC);
  scene.ready = true;
}

/** Deletes what a scene is made of; at the end, and when it was revoked. */
export function clearSecurity(worker: Worker): void {
  const scene = scenes[worker.index];
  if (!scene.ready) return;
  clearViewEntry(viewSlot(worker, WINDOW_TAKER));
  const results =
    deleteObject(scene.ownerKey) |
    deleteObject(scene.giverKey) |
    deleteObject(scene.giver) |
    deleteObject(scene.taker) |
    deleteObject(scene.target) |
    deleteObject(scene.code);
  if (results !== 0) wrong(worker, 21);
  // Old records must not be taken for new ones.
  memory.fill(addressOf(scene), 0, sizeof<Scene>());
}

function sceneOf(worker: Worker): Scene {
  const scene = scenes[worker.index];
  if (!scene.ready) make(worker, scene);
  return scene;
}

function bucketOf(base: usize, target: ObjectId): ContextBucket {
  return at<ContextHeader>(base + OBJ_NULLPAGE).buckets[target.lo & (CONTEXT_BUCKETS - 1)];
}

/** The records that a bucket may lead to, by the numbers of record.ts; the first stands for none. */
const choices: FixedArray<u64, 6> = [
  0,
  Signed.direct,
  Signed.less,
  Signed.all,
  Signed.forged,
  Signed.unfounded,
];
/** Rights that a bucket may let through; 0: all. */
const masks: FixedArray<u64, 3> = [0, READ, DELETE];

/** Makes a bucket lead to one of the records that a grant may be, or to nothing (0). */
function fill(bucket: ContextBucket, target: ObjectId, kind: u64): void {
  assign(bucket.target, target);
  bucket.flags = kind === 1 ? CB_CAPABILITY : CB_DELEGATION;
  bucket.data = kind === 0 ? 0 : RECORDS + choices[kind] * LETTER_STEP;
}

/** A thread in the second context reads the target, or takes its deletion back; its exit code: minus the result. */
function tryTarget(worker: Worker, scene: Scene, deletes: bool): u64 {
  const call = worker.call;
  window(worker, WINDOW_TARGET, scene.target);
  scene.op.address = addressIn(worker, WINDOW_TARGET, OBJ_NULLPAGE);
  scene.op.value = 6;
  scene.op.op = SYNC_SLEEP;
  call[0] = deletes ? SYS_DELETE : SYS_THREAD_SYNC;
  call[1] = deletes ? scene.target.lo : addressOf(scene.op);
  call[2] = deletes ? scene.target.hi : 1;
  call[3] = deletes ? DELETE_UNDO : 0;
  call[4] = 0;
  const args = stack<SpawnArgs>();
  assign(args.context, scene.taker);
  args.start = changetype<u64>(callerCode);
  args.argument = call.ptr.address;
  const repr = startChild(worker, args);
  const code = repr === null ? ~u64(0) : endChild(worker, args, repr);
  clearViewEntry(viewSlot(worker, WINDOW_TARGET));
  return code;
}

/** What the context was given changes; then a thread in it tries to use it. */
export function grants(worker: Worker): void {
  const scene = sceneOf(worker);
  const base = addressIn(worker, WINDOW_TAKER, 0);
  const first = below(worker, GRANT_KINDS);
  const second = below(worker, GRANT_KINDS);
  const mask = masks[below(worker, 3)];
  const deletes = below(worker, 2) === 0;
  const revoked = below(worker, 48) === 0;
  begin(
    worker,
    OP_GRANT,
    NO_SLOT,
    NO_SLOT,
    u64(deletes) | (u64(revoked) << 1),
    0,
    first | (second << 8) | (mask << 16),
  );
  at<ContextHeader>(base + OBJ_NULLPAGE).globalMask = 0;
  const bucket = bucketOf(base, scene.target);
  const chained = at<ContextBucket>(base + CHAINED);
  fill(bucket, scene.target, first);
  fill(chained, scene.target, second);
  bucket.permissionMask = u32(mask);
  bucket.chain = CHAINED;
  let result = syscall(SYS_REVOKE, scene.taker.lo, scene.taker.hi, 0, 0, 0);
  if (revoked) result |= syscall(SYS_REVOKE, scene.target.lo, scene.target.hi, 1, 0, 0);
  const code = tryTarget(worker, scene, deletes);
  end(worker, result, code);
  if (revoked) clearSecurity(worker);
}

/**
 * A thread with only default rights attaches two contexts and goes where it should.
 * @naked
 */
function entryCode(): void {
  asm`
    mv t0, a0
    ld a0, 0(t0)
    ld a1, 8(t0)
    li a7, 4
    ecall
    ld a0, 16(t0)
    ld a1, 24(t0)
    li a7, 4
    ecall
    ld t1, 32(t0)
    jr t1`;
}

/** A thread tries to enter code that only the second context may run, by some entry, right or wrong. */
export function gate(worker: Worker): void {
  const scene = sceneOf(worker);
  const base = addressIn(worker, WINDOW_TAKER, 0);
  const entry = below(worker, GATE_ENTRIES);
  const given = below(worker, 4) !== 0;
  const narrow = below(worker, 2) === 0;
  begin(worker, OP_GATE, NO_SLOT, NO_SLOT, u64(given) | (u64(narrow) << 1), 0, entry);
  // Whoever may run the program there anyway would need no gate to get in.
  at<ContextHeader>(base + OBJ_NULLPAGE).globalMask = EXEC;
  const bucket = bucketOf(base, scene.code);
  assign(bucket.target, scene.code);
  bucket.flags = CB_CAPABILITY;
  bucket.data = given ? RECORDS + u64(Signed.gate) * LETTER_STEP : 0;
  bucket.gateMask.offset = narrow ? GATE_FIRST : 0;
  bucket.gateMask.length = narrow ? GATE_NARROW : 0;
  bucket.gateMask.align = 0;
  const result = syscall(SYS_REVOKE, scene.taker.lo, scene.taker.hi, 0, 0, 0);
  setViewEntry(viewSlot(worker, WINDOW_TARGET), scene.code.lo, scene.code.hi, READ | EXEC);
  scene.entry[0] = scene.giver.lo;
  scene.entry[1] = scene.giver.hi;
  scene.entry[2] = scene.taker.lo;
  scene.entry[3] = scene.taker.hi;
  scene.entry[4] = addressIn(worker, WINDOW_TARGET, OBJ_NULLPAGE + entry * u64(GATE_ENTRY_BYTES));
  const args = stack<SpawnArgs>();
  args.flags = SPAWN_NO_CONTEXTS;
  args.start = changetype<u64>(entryCode);
  args.argument = scene.entry.ptr.address;
  args.stackPointer = childStacks + (worker.index + 1) * CHILD_STACK;
  const repr = startChild(worker, args);
  const code = repr === null ? ~u64(0) : endChild(worker, args, repr);
  clearViewEntry(viewSlot(worker, WINDOW_TARGET));
  end(worker, result, code);
}
