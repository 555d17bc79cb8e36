/** Jobs: the pipelines that have been started and not yet been waited for, each with its programs and its text. One of them is in the foreground at most. */
import { SIGNAL_INTERRUPT } from '../../abi/program.ts';
import { SYNC_FOREVER, SYNC_SLEEP, SYS_THREAD_SYNC, SyncOp } from '../../abi/syscall.ts';
import { complain, print, printLine, printNumber } from '../../libtwz/io.ts';
import { Child } from '../../libtwz/program.ts';
import { syscall } from '../../libtwz/syscall.ts';
import { interrupted, keyWord, noticeKeys, ownKeys } from './keys.ts';

export const MAX_STAGES = 8;
const MAX_JOBS = 16;
const TEXT = 80;

export class Job {
  used: bool;
  /** Programs of the pipeline, and which of them have ended. */
  count: u64;
  readonly programs: FixedArray<Inline<Child>, 8>;
  readonly ended: FixedArray<bool, 8>;
  /** Exit code of the last program, once all have ended. */
  status: u64;
  length: u64;
  readonly text: FixedArray<u8, 80>;

  /** Notes which programs have ended. True: all. */
  refresh(): bool {
    let left: u64 = 0;
    for (let i: u64 = 0; i < this.count; i++) {
      if (!this.ended[i] && this.programs[i].hasEnded()) {
        this.ended[i] = true;
        const status = this.programs[i].collect();
        if (i + 1 === this.count) this.status = status;
      }
      if (!this.ended[i]) left++;
    }
    return left === 0;
  }

  /** Sends a signal to every program that still runs. */
  signal(number: u64): void {
    for (let i: u64 = 0; i < this.count; i++) if (!this.ended[i]) this.programs[i].signal(number);
  }

  setText(text: str): void {
    this.length = min<u64>(text.length, TEXT);
    memory.copy(addressOf(this.text), text.ptr.address, this.length);
  }
}

const jobs = zeroed<FixedArray<Inline<Job>, 16>>();

/** A job without programs yet. Null: too many run. */
export function newJob(): Job | null {
  for (const job of jobs) {
    if (job.used) continue;
    memory.fill(addressOf(job), 0, sizeof<Job>());
    job.used = true;
    return job;
  }
  complain('sh', '', 'too many jobs are running (wait waits for them)');
  return null;
}

/** The number by which people know a job. */
export function jobNumber(job: Job): u64 {
  return (addressOf(job) - addressOf(jobs)) / sizeof<Job>() + 1;
}

/** Job `number`, or for 0 the newest; null: there is none. */
export function findJob(number: u64): Job | null {
  if (number > MAX_JOBS) return null;
  let found: Job | null = null;
  for (const job of jobs) if (job.used && (number === 0 || jobNumber(job) === number)) found = job;
  return found;
}

/** Waits for a job and frees its place; the exit code of its last program. Ctrl-C is passed on to its programs. */
export function waitFor(job: Job): u64 {
  const ops = stack<FixedArray<Inline<SyncOp>, 9>>();
  while (!job.refresh()) {
    if (noticeKeys()) job.signal(SIGNAL_INTERRUPT);
    let count: u64 = 1;
    ops[0].address = keyWord();
    ops[0].value = load<u64>(keyWord());
    ops[0].op = SYNC_SLEEP;
    for (let i: u64 = 0; i < job.count; i++) {
      if (job.ended[i]) continue;
      ops[count].address = job.programs[i].exitWord();
      ops[count].value = 0;
      ops[count].op = SYNC_SLEEP;
      count++;
    }
    // A key that came after the look at the ring has changed the word, or will end the sleep.
    if (noticeKeys()) job.signal(SIGNAL_INTERRUPT);
    syscall(SYS_THREAD_SYNC, addressOf(ops), count, SYNC_FOREVER, 0, 0);
  }
  job.used = false;
  // A program may have ended without giving the terminal back.
  ownKeys();
  return job.status;
}

function show(job: Job): void {
  print('[');
  printNumber(jobNumber(job));
  print(']  ');
}

export function announce(job: Job): void {
  print('[');
  printNumber(jobNumber(job));
  printLine(']');
}

/** Says which jobs in the background have ended since the last time. */
export function reportEnded(): void {
  for (const job of jobs) {
    if (!job.used || !job.refresh()) continue;
    show(job);
    if (job.status === 0) print('done     ');
    else {
      print('exit ');
      printNumber(job.status);
      print('   ');
    }
    printLine(strOf(job.text.ptr, job.length));
    job.used = false;
  }
}

/** Lists the jobs that run. */
export function listJobs(): void {
  reportEnded();
  for (const job of jobs) {
    if (!job.used) continue;
    show(job);
    print('running  ');
    printLine(strOf(job.text.ptr, job.length));
  }
}

/** Waits for all jobs; the exit code of the last one. */
export function waitForAll(): u64 {
  let status: u64 = 0;
  for (const job of jobs) {
    if (!job.used) continue;
    status = waitFor(job);
    if (interrupted()) break;
  }
  return status;
}
