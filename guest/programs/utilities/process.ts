/** Utilities on threads and time: ps, kill, sleep, date; and on power: poweroff, reboot, panic. */
import { KsoEntry, KsoList, KsoType } from '../../abi/kso.ts';
import { ObjectId, READ } from '../../abi/object.ts';
import { SIGNAL_TERMINATE, SIGNALS } from '../../abi/signal.ts';
import {
  EPERM,
  POWER_OFF,
  POWER_PANIC,
  POWER_REBOOT,
  ROOT_KSO,
  StatResult,
  SYS_POWER,
  SYS_ROOT,
  SYS_SIGNAL,
  SYS_THREAD_SYNC,
} from '../../abi/syscall.ts';
import { ThreadRepr } from '../../abi/thread.ts';
import { errorText } from '../../libtwz/errors.ts';
import { complain, flush, print, printColumn, printId, printLine, writeByte } from '../../libtwz/io.ts';
import { parseNumber } from '../../libtwz/number.ts';
import { dataOf, openObject, statObject } from '../../libtwz/object.ts';
import { argument, argumentCount } from '../../libtwz/program.ts';
import { syscall } from '../../libtwz/syscall.ts';
import { mapObject } from '../../libtwz/view.ts';

const NANOSECONDS: u64 = 1_000_000_000;

/** The kernel's list of what there is; null when it cannot be read. */
function kernelList(): KsoList | null {
  const root = stack<ObjectId>();
  if (syscall(SYS_ROOT, ROOT_KSO, addressOf(root), 0, 0, 0) !== 0) return null;
  return at<KsoList>(dataOf(mapObject(root.lo, root.hi, READ)));
}

function isThread(entry: KsoEntry): bool {
  return entry.flags !== 0 && entry.type === u32(KsoType.thread);
}

/** The representation object of thread `number`; false if there is none. */
export function findThread(number: u64, id: ObjectId): bool {
  const list = kernelList();
  if (list === null) return false;
  for (let i: u64 = 0; i < list.count; i++) {
    const entry: KsoEntry = list.entries[i];
    if (!isThread(entry) || entry.info !== number) continue;
    assign(id, entry.id);
    return true;
  }
  return false;
}

export function showThreads(): i64 {
  if (argumentCount() !== 1) return -1;
  const list = kernelList();
  if (list === null) return 1;
  printLine('THREAD  OBJECT                             PAGES  PROGRAM');
  for (let i: u64 = 0; i < list.count; i++) {
    const entry: KsoEntry = list.entries[i];
    if (!isThread(entry)) continue;
    const repr = at<ThreadRepr>(dataOf(openObject(entry.id)));
    const stat = stack<StatResult>();
    const hasView = (repr.view.lo !== 0 || repr.view.hi !== 0) && statObject(repr.view, stat) === 0;
    printColumn(entry.info, 6);
    print('  ');
    printId(entry.id);
    printColumn(hasView ? stat.pages : 0, 7);
    print('  ');
    for (let c: u64 = 0; c < 255 && repr.kso.name[c] !== 0; c++) writeByte(repr.kso.name[c]);
    printLine('');
  }
  return 0;
}

export function killThreads(): i64 {
  const number = stack<FixedArray<u64, 1>>();
  let signal: u64 = SIGNAL_TERMINATE;
  let first: u64 = 1;
  if (argumentCount() > 1 && argument(1).length > 1 && argument(1)[0] === u8('-')) {
    if (!parseNumber(argument(1).subslice(1), number.ptr) || number[0] >= SIGNALS) return -1;
    signal = number[0];
    first = 2;
  }
  if (argumentCount() === first) return -1;
  let status: i64 = 0;
  for (let i = first; i < argumentCount(); i++) {
    const id = stack<ObjectId>();
    if (!parseNumber(argument(i), number.ptr)) return -1;
    if (!findThread(number[0], id)) {
      complain('kill', argument(i), 'no such thread (ps lists them)');
      status = 1;
      continue;
    }
    const result = syscall(SYS_SIGNAL, id.lo, id.hi, signal, 0, 0);
    if (result === 0) continue;
    complain('kill', argument(i), errorText(result));
    status = 1;
  }
  return status;
}

/** Nanoseconds in a number of seconds with at most nine decimals; false if it is none. */
function parseSeconds(text: str, nanoseconds: Ptr<u64>): bool {
  let value: u64 = 0;
  let unit = NANOSECONDS;
  let point = false;
  let digits: u64 = 0;
  for (const byte of text.bytes) {
    if (byte === u8('.') && !point) {
      point = true;
      continue;
    }
    if (byte < u8('0') || byte > u8('9')) return false;
    if (point) unit /= 10;
    if (!point && digits === 9) return false;
    digits++;
    value = point ? value + u64(byte - u8('0')) * unit : value * 10 + u64(byte - u8('0')) * NANOSECONDS;
  }
  nanoseconds[0] = value;
  return digits !== 0;
}

export function runSleep(): i64 {
  const time = stack<FixedArray<u64, 1>>();
  if (argumentCount() !== 2 || !parseSeconds(argument(1), time.ptr)) return -1;
  flush();
  syscall(SYS_THREAD_SYNC, 0, 0, time[0], 0, 0);
  return 0;
}

function power(operation: u64, code: u64): i64 {
  flush();
  complain(argument(0), '', errorText(syscall(SYS_POWER, operation, code, 0, 0, 0)));
  return EPERM;
}

export function powerOff(): i64 {
  const code = stack<FixedArray<u64, 1>>();
  if (argumentCount() > 2 || (argumentCount() === 2 && !parseNumber(argument(1), code.ptr))) return -1;
  return power(POWER_OFF, code[0]);
}

export function panicKernel(): i64 {
  return argumentCount() === 1 ? power(POWER_PANIC, 0) : -1;
}

export function reboot(): i64 {
  return argumentCount() === 1 ? power(POWER_REBOOT, 0) : -1;
}
