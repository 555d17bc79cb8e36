/**
 * A lock against a second writer of one file, for one process. It is a file beside the locked one, made whole and then
 * linked into place (linking fails if it exists, so only one process can succeed), which names its holder by host,
 * boot and process start time. It dies with the process: a lock whose holder is gone is taken over.
 */
import { linkSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { UserError } from '../errors.ts';

/** Who holds a lock. A process is named by more than its number, which the system gives out again. */
interface Holder {
  readonly host: string;
  /** Identity of the host's boot, where the system tells (Linux), else empty. */
  readonly boot: string;
  readonly pid: number;
  /** Start of the process in clock ticks since boot, where the system tells (Linux), else empty. */
  readonly start: string;
}

export interface FileLock {
  /** Gives the lock up. Calling it again does nothing. */
  release(): void;
}

let temporaries = 0;

/**
 * Locks `path`, which must exist, for this process.
 * @throws UserError when another process holds it or the lock file cannot be made
 */
export function lockFile(path: string): FileLock {
  const lock = `${realpathSync(path)}.lock`;
  const mine = JSON.stringify(holderOf(process.pid));
  const temporary = `${lock}.${process.pid}.${temporaries++}`;
  try {
    writeFileSync(temporary, mine, { flag: 'wx' });
  } catch (error) {
    throw new UserError(`cannot lock ${path}: ${(error as Error).message}`);
  }
  try {
    for (let attempt = 0; attempt < 100; attempt++) {
      try {
        linkSync(temporary, lock);
        return heldLock(lock, mine);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
          throw new UserError(`cannot lock ${path}: ${(error as Error).message}`);
        }
      }
      const holder = readHolder(lock);
      if (holder !== undefined && isAlive(holder)) {
        const where = holder.host === hostname() ? '' : ` on ${holder.host}`;
        throw new UserError(
          `${path} is in use by process ${holder.pid}${where}: end it, or use another file`,
        );
      }
      removeStale(lock, temporary);
    }
    throw new UserError(`cannot lock ${path}: ${lock} keeps changing; remove it if nobody uses the file`);
  } finally {
    rmSync(temporary, { force: true });
  }
}

function heldLock(lock: string, mine: string): FileLock {
  let held = true;
  const release = (): void => {
    if (!held) return;
    held = false;
    process.removeListener('exit', release);
    try {
      if (readFileSync(lock, 'utf8') === mine) rmSync(lock, { force: true });
    } catch {
      // Somebody has removed it: there is nothing left to give up.
    }
  };
  process.on('exit', release);
  return { release };
}

/**
 * Removes a lock whose holder is gone. Another process may have replaced it since it was read, so it is moved away
 * first (one process can do that), looked at again, and put back if it is alive after all.
 */
function removeStale(lock: string, temporary: string): void {
  const moved = `${temporary}.stale`;
  try {
    renameSync(lock, moved);
  } catch {
    return; // Another process was quicker.
  }
  const holder = readHolder(moved);
  if (holder !== undefined && isAlive(holder)) {
    try {
      linkSync(moved, lock);
    } catch {
      // A third process has locked in between: it is the holder now.
    }
  }
  rmSync(moved, { force: true });
}

function holderOf(pid: number): Holder {
  return { host: hostname(), boot: bootIdentity(), pid, start: processStart(pid) ?? '' };
}

function readHolder(lock: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(lock, 'utf8'));
    const holder = value as Holder;
    return typeof holder.pid === 'number' && typeof holder.host === 'string' ? holder : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(holder: Holder): boolean {
  // Of another host nothing can be known: leave its lock alone.
  if (holder.host !== hostname()) return true;
  if (holder.boot !== bootIdentity()) return false;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return holder.start === '' || processStart(holder.pid) === holder.start;
}

function bootIdentity(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}

/** Field 22 of /proc/PID/stat; the process name before it may hold spaces and parentheses. */
function processStart(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A dead process that nobody has waited for holds nothing.
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
