/**
 * Torture workload: operations on objects that are one system call each, with all that they change: ranges copied and removed,
 * objects made from sources, immutable ones, ties, deletion, its undoing, revocation. Free pages are part of the state, so an image from which a
 * page is lost is a finding.
 */
import '../libtwz/torture-only.ts';
import { NameType } from '../abi/name.ts';
import { DELETE, MIP_HASHDATA, ObjectId, READ, USE, WRITE } from '../abi/object.ts';
import {
  CONFIG_STORE_FREE,
  CONFIG_STORE_KEPT,
  CopyArgs,
  CREATE_PERSIST,
  CREATE_ZERONONCE,
  CreateArgs,
  CreateSource,
  DELETE_IMMEDIATE,
  DELETE_UNDO,
  StatResult,
  SYS_CONFIG,
  SYS_COPY,
  SYS_CREATE,
  SYS_DELETE,
  SYS_REVOKE,
  SYS_STAT,
  SYS_TIE,
  TIE_REMOVE,
} from '../abi/syscall.ts';
import { sleepFor } from '../libtwz/lock.ts';
import { assignName, rootNamespace, stepInto } from '../libtwz/name.ts';
import { copyObject, createObject, dataOf, openObject } from '../libtwz/object.ts';
import { storePersistent } from '../libtwz/persist.ts';
import { syscall } from '../libtwz/syscall.ts';
import { finish, mix, runWorkload } from '../libtwz/torture.ts';
import { unmapObject } from '../libtwz/view.ts';

const RIGHTS: u64 = READ | WRITE | DELETE | USE;
const PAGE = 4096;
/** Another table of pages than the first ones'. */
const FAR = 0x40_0000;

/** What `setup` made: IDs in the data of the object that has the name. */
class Made {
  readonly source: Inline<ObjectId>;
  readonly target: Inline<ObjectId>;
  readonly child: Inline<ObjectId>;
  /** Objects that operations make, with IDs that are known before. */
  readonly copy: Inline<ObjectId>;
  readonly hashed: Inline<ObjectId>;
}

function made(): Made {
  const names = stack<ObjectId>();
  const id = stack<ObjectId>();
  if (!rootNamespace(names) || !stepInto(names, 'made', id)) finish(10);
  return at<Made>(dataOf(openObject(id)));
}

function must(result: i64): void {
  if (result !== 0) finish(11);
}

/** Makes an object of parts of `from`, of which the ID does not depend on chance. */
function derive(id: ObjectId, from: ObjectId, rights: u64, range: bool): void {
  const args = stack<CreateArgs>();
  const sources = stack<FixedArray<Inline<CreateSource>, 2>>();
  for (let i: u64 = 0; i < 2; i++) {
    assign(sources[i].source, from);
    if (!range) continue;
    sources[i].offset = i === 0 ? PAGE : FAR;
    sources[i].target = i === 0 ? 2 * PAGE : PAGE;
    sources[i].length = PAGE;
  }
  args.flags = rights | CREATE_PERSIST | CREATE_ZERONONCE;
  args.sources = changetype<Ptr<u8>>(addressOf(sources));
  args.sourceCount = range ? 2 : 1;
  must(syscall(SYS_CREATE, addressOf(args), 0, 0, 0, 0));
  assign(id, args.id);
}

function copyRange(to: ObjectId, from: ObjectId | null, offset: u64, target: u64): void {
  const args = stack<CopyArgs>();
  assign(args.target, to);
  if (from !== null) assign(args.from.source, from);
  args.from.offset = offset;
  args.from.target = target;
  args.from.length = 2 * PAGE;
  must(syscall(SYS_COPY, addressOf(args), 0, 0, 0, 0));
}

function remove(id: ObjectId, flags: u64): void {
  must(syscall(SYS_DELETE, id.lo, id.hi, flags, 0, 0));
}

function setup(): void {
  const names = stack<ObjectId>();
  const id = stack<ObjectId>();
  must(createObject(id, RIGHTS | CREATE_PERSIST));
  if (!rootNamespace(names)) finish(12);
  must(assignName(names, 'made', id, NameType.object, false));
  const all = made();
  must(createObject(all.source, RIGHTS | CREATE_PERSIST));
  must(createObject(all.target, RIGHTS | CREATE_PERSIST));
  must(createObject(all.child, RIGHTS | CREATE_PERSIST));
  const source = openObject(all.source);
  storePersistent(source + PAGE, 1);
  storePersistent(source + 2 * PAGE, 2);
  storePersistent(source + FAR, 3);
  storePersistent(openObject(all.target) + 3 * PAGE, 4);
  derive(all.copy, all.source, RIGHTS, true);
  remove(all.copy, 0);
  derive(all.hashed, all.source, RIGHTS | MIP_HASHDATA, false);
  remove(all.hashed, 0);
  for (let line = addressOf(all); line < addressOf(all) + sizeof<Made>(); line += 64) cbo.clean(line);
  fence('rw', 'rw');
}

function operation(index: u64): void {
  const all = made();
  const source: ObjectId = all.source;
  const target: ObjectId = all.target;
  const child: ObjectId = all.child;
  if (index === 1) derive(all.copy, source, RIGHTS, true);
  else if (index === 2) copyRange(target, source, PAGE, 2 * PAGE);
  else if (index === 3) copyRange(target, null, PAGE, 3 * PAGE);
  else if (index === 4) derive(all.hashed, source, RIGHTS | MIP_HASHDATA, false);
  else if (index === 5) must(syscall(SYS_TIE, target.lo, target.hi, child.lo, child.hi, 0));
  else if (index === 6) remove(child, 0);
  else if (index === 7) remove(child, DELETE_UNDO);
  else if (index === 8) must(syscall(SYS_REVOKE, source.lo, source.hi, 5, 0, 0));
  else if (index === 9) remove(child, 0);
  else if (index === 10) must(syscall(SYS_TIE, target.lo, target.hi, child.lo, child.hi, TIE_REMOVE));
  else if (index === 11) remove(all.hashed, DELETE_IMMEDIATE);
  else remove(target, 0);
}

/** Mixes in whether an object is there, its flags, its pages, and the first words of those that may be there. */
function mixObject(state: u64, id: ObjectId): u64 {
  const stat = stack<StatResult>();
  if (syscall(SYS_STAT, id.lo, id.hi, addressOf(stat), 0, 0) !== 0) return mix(state, 0);
  let value = mix(mix(state, stat.pages + 1), u64(stat.flags));
  // Reading a page that is not there makes it, so a volatile copy is read.
  const copy = stack<ObjectId>();
  must(copyObject(copy, id, RIGHTS));
  const base = openObject(copy);
  for (let page: u64 = 1; page < 5; page++) value = mix(value, load<u64>(base + page * PAGE));
  value = mix(value, load<u64>(base + FAR));
  unmapObject(base);
  remove(copy, 0);
  return value;
}

/** Pages that are free or kept for records, when everything that was deleted is freed. */
function freePages(): u64 {
  let before: i64 = -1;
  for (;;) {
    const now =
      syscall(SYS_CONFIG, CONFIG_STORE_FREE, 0, 0, 0, 0) + syscall(SYS_CONFIG, CONFIG_STORE_KEPT, 0, 0, 0, 0);
    if (now === before) return u64(now);
    before = now;
    // An idle hart frees.
    sleepFor(ptrTo(idle[0]).address, 0, 100_000);
  }
}

const idle = zeroed<FixedArray<u64, 1>>();

function check(): u64 {
  const all = made();
  let value = freePages();
  value = mixObject(value, all.source);
  value = mixObject(value, all.target);
  value = mixObject(value, all.child);
  value = mixObject(value, all.copy);
  return mixObject(value, all.hashed);
}

/** @export */
function torture(): u64 {
  return runWorkload(12, setup, operation, check);
}
