/** Utilities about the system: df, free, uname. */
import {
  CONFIG_HARTS,
  CONFIG_PAGES_FREE,
  CONFIG_PAGES_TOTAL,
  CONFIG_STORE_FREE,
  CONFIG_STORE_TOTAL,
  SYS_CONFIG,
} from '../../abi/syscall.ts';
import { complain, print, printColumn, printLine, printNumber } from '../../libtwz/io.ts';
import { argumentCount } from '../../libtwz/program.ts';
import { syscall } from '../../libtwz/syscall.ts';
import { recoverLogs } from '../../libtwz/undo-log.ts';

function config(key: u64): u64 {
  return u64(syscall(SYS_CONFIG, key, 0, 0, 0, 0));
}

function showSpace(what: str, free: u64, total: u64): void {
  printLine('              total       used       free  KiB');
  print(what);
  printColumn(total * 4, 11);
  printColumn((total - free) * 4, 11);
  printColumn(free * 4, 11);
  printLine('');
}

export function showDf(): i64 {
  if (argumentCount() !== 1) return -1;
  if (config(CONFIG_STORE_TOTAL) === 0) {
    complain('df', '', 'there is no object store (no NVDIMM)');
    return 1;
  }
  showSpace('store   ', config(CONFIG_STORE_FREE), config(CONFIG_STORE_TOTAL));
  return 0;
}

export function showFree(): i64 {
  if (argumentCount() !== 1) return -1;
  showSpace('memory  ', config(CONFIG_PAGES_FREE), config(CONFIG_PAGES_TOTAL));
  return 0;
}

export function recover(): i64 {
  if (argumentCount() !== 1) return -1;
  const undone = recoverLogs();
  if (undone === 0) return 0;
  printNumber(undone);
  printLine(undone === 1 ? ' transaction undone' : ' transactions undone');
  return 0;
}

export function showUname(): i64 {
  if (argumentCount() !== 1) return -1;
  print('licorice, Twizzler objects on RV64GC with Xtwz, ');
  printNumber(config(CONFIG_HARTS));
  printLine(config(CONFIG_HARTS) === 1 ? ' hart' : ' harts');
  return 0;
}
