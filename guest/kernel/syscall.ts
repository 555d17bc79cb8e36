/**
 * System calls by number. Each call is a function of sys-*.ts: it takes the calling thread, whose a0–a5 are the arguments, and
 * returns the result (negative: −Errno). A call that makes the thread wait, yield or end has taken it off its hart.
 *
 * Every structure is copied in before it is looked at, every ID is looked up, and every operation on an object asks
 * what the caller's contexts grant.
 */
import {
  ENOSYS,
  SYS_ACTION,
  SYS_ATTACH,
  SYS_BECOME,
  SYS_CONFIG,
  SYS_COPY,
  SYS_CREATE,
  SYS_DEBUG_PRINT,
  SYS_DELETE,
  SYS_DETACH,
  SYS_INVALIDATE,
  SYS_NULL,
  SYS_PIN,
  SYS_POWER,
  SYS_REVOKE,
  SYS_ROOT,
  SYS_SIGNAL,
  SYS_STAT,
  SYS_THREAD_CONTROL,
  SYS_THREAD_SPAWN,
  SYS_THREAD_SYNC,
  SYS_TIE,
} from '../abi/syscall.ts';
import { sysAttach, sysBecome, sysDetach, sysInvalidate, sysRevoke } from './sys-context.ts';
import { sysAction, sysConfig, sysDebugPrint, sysPower, sysRoot } from './sys-machine.ts';
import { sysCopy, sysCreate, sysDelete, sysPin, sysStat, sysTie } from './sys-object.ts';
import { sysSync } from './sys-sync.ts';
import { sysSignal, sysSpawn, sysThreadControl } from './sys-thread.ts';
import { Thread } from './thread.ts';

/** Performs the call in a7. */
export function systemCall(thread: Thread): i64 {
  switch (thread.registers[17]) {
    case SYS_NULL:
      return 0;
    case SYS_THREAD_SPAWN:
      return sysSpawn(thread);
    case SYS_DEBUG_PRINT:
      return sysDebugPrint(thread);
    case SYS_INVALIDATE:
      return sysInvalidate(thread);
    case SYS_ATTACH:
      return sysAttach(thread);
    case SYS_DETACH:
      return sysDetach(thread);
    case SYS_BECOME:
      return sysBecome(thread);
    case SYS_THREAD_SYNC:
      return sysSync(thread);
    case SYS_CREATE:
      return sysCreate(thread);
    case SYS_DELETE:
      return sysDelete(thread);
    case SYS_THREAD_CONTROL:
      return sysThreadControl(thread);
    case SYS_ACTION:
      return sysAction(thread);
    case SYS_PIN:
      return sysPin(thread);
    case SYS_CONFIG:
      return sysConfig(thread);
    case SYS_TIE:
      return sysTie(thread);
    case SYS_COPY:
      return sysCopy(thread);
    case SYS_STAT:
      return sysStat(thread);
    case SYS_SIGNAL:
      return sysSignal(thread);
    case SYS_REVOKE:
      return sysRevoke(thread);
    case SYS_POWER:
      return sysPower(thread);
    case SYS_ROOT:
      return sysRoot(thread);
  }
  return -ENOSYS;
}
