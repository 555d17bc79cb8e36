/** System calls on the machine: console output, devices, facts about this boot, root objects, power. */
import { ObjectId, USE, WRITE } from '../abi/object.ts';
import {
  CONFIG_BLOCKS_USED,
  CONFIG_DIRTY_START,
  CONFIG_HARTS,
  CONFIG_OBJECTS,
  CONFIG_PAGES_FREE,
  CONFIG_PAGES_KEPT,
  CONFIG_PAGES_TOTAL,
  CONFIG_RESET_CODE,
  CONFIG_STORE_FREE,
  CONFIG_STORE_KEPT,
  CONFIG_STORE_TOTAL,
  CONFIG_TIME_PERIOD,
  EFAULT,
  EINVAL,
  ENOENT,
  EPERM,
  POWER_OFF,
  POWER_PANIC,
  POWER_REBOOT,
  ROOT_ARCHIVE,
  ROOT_KSO,
  ROOT_NAMES,
} from '../abi/syscall.ts';
import { archiveObject } from './archive.ts';
import { allowed, argument, permittedArgument, refusal } from './arguments.ts';
import { nanosecondsPerTick } from './clock.ts';
import { deviceAction, printUser } from './device.ts';
import { txCommit, txSet } from './journal.ts';
import { ksoRoot } from './kso.ts';
import { blocksUsed, pagesFree, pagesKept, pagesTotal } from './memory.ts';
import { knownObjects } from './object.ts';
import { powerOff } from './power.ts';
import { randomWord } from './random.ts';
import { hartCount } from './schedule.ts';
import { storePresent, storeSuperblock } from './store.ts';
import { Thread } from './thread.ts';
import { writeUser } from './user.ts';

/** debug_print(address, length): writes to the console, at most 4096 bytes a call. Returns the bytes written. */
export function sysDebugPrint(thread: Thread): i64 {
  return printUser(argument(thread, 0), argument(thread, 1));
}

/** action(device lo, hi, command, a, b). The caller needs USE of the device object. */
export function sysAction(thread: Thread): i64 {
  const object = permittedArgument(thread, 0, USE);
  if (object === null) return refusal();
  return deviceAction(thread, object, argument(thread, 2), argument(thread, 3), argument(thread, 4));
}

let resetCode: u64 = 0;
let dirtyStart: u64 = 0;
export function noteStart(dirty: bool): void {
  resetCode = randomWord() | 1;
  dirtyStart = u64(dirty);
}

/** config(key): a fact about this boot. */
export function sysConfig(thread: Thread): i64 {
  switch (argument(thread, 0)) {
    case CONFIG_RESET_CODE:
      return i64(resetCode >> 1);
    case CONFIG_TIME_PERIOD:
      return i64(nanosecondsPerTick() << 32);
    case CONFIG_HARTS:
      return i64(hartCount);
    case CONFIG_PAGES_FREE:
      return i64(pagesFree());
    case CONFIG_PAGES_TOTAL:
      return i64(pagesTotal());
    case CONFIG_STORE_FREE:
      return storePresent() ? i64(storeSuperblock().freeCount) : 0;
    case CONFIG_STORE_TOTAL:
      return storePresent() ? i64(storeSuperblock().pages) : 0;
    case CONFIG_DIRTY_START:
      return i64(dirtyStart);
    case CONFIG_OBJECTS:
      return i64(knownObjects());
    case CONFIG_BLOCKS_USED:
      return i64(blocksUsed());
    case CONFIG_PAGES_KEPT:
      return i64(pagesKept());
    case CONFIG_STORE_KEPT:
      return storePresent() ? i64(storeSuperblock().recordPages) : 0;
  }
  return -EINVAL;
}

/** root(which, result[, lo, hi]): the ID of a root object; with an ID for ROOT_NAMES, sets it (superuser only). */
export function sysRoot(thread: Thread): i64 {
  const id = stack<ObjectId>();
  switch (argument(thread, 0)) {
    case ROOT_KSO:
      id.lo = ksoRoot().lo;
      id.hi = ksoRoot().hi;
      break;
    case ROOT_ARCHIVE: {
      const archive = archiveObject();
      if (archive === null) return -ENOENT;
      id.lo = archive.lo;
      id.hi = archive.hi;
      break;
    }
    case ROOT_NAMES: {
      if (!storePresent()) return -ENOENT;
      const root = storeSuperblock().nameRoot;
      if (argument(thread, 2) !== 0 || argument(thread, 3) !== 0) {
        if (!allowed(thread, ksoRoot(), WRITE)) return -EPERM;
        txSet(ptrTo(root.lo).address, argument(thread, 2));
        txSet(ptrTo(root.hi).address, argument(thread, 3));
        txCommit();
        return 0;
      }
      id.lo = root.lo;
      id.hi = root.hi;
      if (id.lo === 0 && id.hi === 0) return -ENOENT;
      break;
    }
    default:
      return -EINVAL;
  }
  return writeUser(argument(thread, 1), addressOf(id), sizeof<ObjectId>()) ? 0 : -EFAULT;
}

/** power(operation, exit code): needs WRITE of the KSO root, which default rights do not give. */
export function sysPower(thread: Thread): i64 {
  if (!allowed(thread, ksoRoot(), WRITE)) return -EPERM;
  const operation = argument(thread, 0);
  if (operation === POWER_PANIC) panic('asked for');
  if (operation !== POWER_OFF && operation !== POWER_REBOOT) return -EINVAL;
  powerOff(operation === POWER_REBOOT, argument(thread, 1));
}
