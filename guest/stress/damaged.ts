/**
 * Looks at an object of which a part may be unreadable, and at one that is whole: the archive's entry `.stress` has the IDs' halves, in decimal, the
 * suspect's first. Prints what the kernel says, what reading each of the suspect's pages gives, then writes the first page anew and looks again.
 */
import '../libtwz/start.ts';
import { FaultFrame } from '../abi/fault.ts';
import { DELETE, ObjectId, READ, WRITE } from '../abi/object.ts';
import {
  CREATE_PERSIST,
  POWER_OFF,
  StatResult,
  SYS_POWER,
  SYS_THREAD_CONTROL,
  THREAD_RESUME,
} from '../abi/syscall.ts';
import { SLOT_VIEW, slotAddress, ViewHeader } from '../abi/view.ts';
import { flush, print, printNumber } from '../libtwz/io.ts';
import { copyObject, createObject, dataOf, deleteObject, openObject, statObject } from '../libtwz/object.ts';
import { syscall } from '../libtwz/syscall.ts';
import { readParameters } from './parameters.ts';

let faults: u64 = 0;
let faultDetail: u64 = 0;
let faultOffset: u64 = 0;
let faultLow: u64 = 0;

/** Notes the fault and goes on behind the load (four bytes) that made it. */
function onFault(fault: u64, frame: FaultFrame): void {
  faults++;
  faultDetail = (fault << 8) | frame.detail;
  faultOffset = frame.offset;
  faultLow = frame.object.lo;
  frame.registers[0] += 4;
  syscall(SYS_THREAD_CONTROL, THREAD_RESUME, addressOf(frame), 0, 0, 0);
}

/** Loads a word; 0 when that faults. */
function peek(address: usize): u64 {
  return asm<u64>`
    .option push
    .option norvc
    li ${result}, 0
    ld ${result}, 0(${address})
    .option pop`;
}

function say(what: str, value: u64): void {
  print(what);
  print(' ');
  printNumber(value);
  print('\n');
}

/** What the kernel says, and what is found. */
function look(id: ObjectId): void {
  const stat = stack<StatResult>();
  const error = statObject(id, stat);
  say('stat', u64(-error));
  if (error !== 0) return;
  say('flags', u64(stat.flags));
  say('pages', stat.pages);
  readAll(id);
}

function readAll(id: ObjectId): void {
  const base = openObject(id);
  faults = 0;
  let sum: u64 = 0;
  for (let offset: u64 = 0x1000; offset < 0x1_0000; offset += 64) sum += peek(base + offset);
  say('sum', sum);
  say('faults', faults);
  if (faults === 0) return;
  say('detail', faultDetail);
  say('offset', faultOffset);
  say('named', u64(faultLow === id.lo));
}

/** @export */
function main(): u64 {
  at<ViewHeader>(slotAddress(SLOT_VIEW, 0x1000)).faultHandler = changetype<u64>(onFault);
  const ids = stack<FixedArray<Inline<ObjectId>, 2>>();
  readParameters(changetype<Ptr<u64>>(addressOf(ids)), 4);
  for (const id of ids) look(id);
  const id = stack<ObjectId>();
  say('copy', u64(-copyObject(id, ids[0], READ | WRITE | DELETE)));
  say('create', u64(-createObject(id, READ | WRITE | DELETE | CREATE_PERSIST)));
  volatileStore<u64>(dataOf(openObject(id)), 5);
  // A block that is written all over can be read again.
  const base = openObject(ids[0]);
  for (let block: u64 = base + 0x1000; block < base + 0x2000; block += 64) {
    cbo.zero(block);
    cbo.clean(block);
  }
  fence('rw', 'rw');
  print('again\n');
  look(ids[0]);
  say('delete', u64(-deleteObject(ids[0])));
  flush();
  syscall(SYS_POWER, POWER_OFF, 0, 0, 0, 0);
  return 0;
}
