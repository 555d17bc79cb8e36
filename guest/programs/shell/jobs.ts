/**
 * Jobs: the pipelines that have been started and not yet been waited for, each with its programs and its text. One of them is in the foreground at
 * most; the others run in the background or are stopped (Ctrl-Z).
 */
import { EXIT_SIGNAL, SIGNAL_CONTINUE, SIGNAL_INTERRUPT, SIGNAL_KEYBOARD_STOP } from '../../abi/signal.ts';
import { SYNC_FOREVER, SYNC_SLEEP, SYS_THREAD_SYNC, SyncOp } from '../../abi/syscall.ts';
import { complain, print, printLine, printNumber } from '../../libtwz/io.ts';
import { Child } from '../../libtwz/program.ts';
import { syscall } from '../../libtwz/syscall.ts';
import { hasJobControl, interrupted, keysForJob, keysForShell, noteInterrupt } from './keys.ts';

export const MAX_STAGES = 8;
const MAX_JOBS = 16;
const TEXT = 80;

export class Job {
  used: bool;
  /** What `waitFor` or `reportEnded` said last was that it is stopped. */
  stopped: bool;
  /** Programs of the pipeline, and which of them have ended. */
  count: u64;
  readonly programs: FixedArray<Inline<Child>, 8>;
  readonly ended: FixedArray<bool, 8>;
  /** The group of its threads; the shell's own in a script. */
  group: u64;
  /** Exit code of the last program, once all have ended. */
  status: u64;
  length: u64;
  readonly text: FixedArray<u8, 80>;

  /** Notes which programs have ended. Returns how many are left. */
  refresh(): u64 {
    let left: u64 = 0;
    for (let i: u64 = 0; i < this.count; i++) {
      if (!this.ended[i] && this.programs[i].hasEnded()) {
        this.ended[i] = true;
        const status = this.programs[i].collect();
        if (i + 1 === this.count) this.status = status;
      }
      if (!this.ended[i]) left++;
    }
    return left;
  }

  /** Are all programs that are left stopped, and is there one? */
  isStopped(): bool {
    let any = false;
    for (let i: u64 = 0; i < this.count; i++) {
      if (this.ended[i]) continue;
      if (!this.programs[i].isStopped()) return false;
      any = true;
    }
    return any;
  }

  /** Sends a signal to every program that is left. */
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

/** Sleeps until a program of the job changes its state. */
function sleepOnJob(job: Job): void {
  const ops = stack<FixedArray<Inline<SyncOp>, 8>>();
  let count: u64 = 0;
  for (let i: u64 = 0; i < job.count; i++) {
    if (job.ended[i]) continue;
    ops[count].address = job.programs[i].stateWord();
    ops[count].value = load<u64>(ops[count].address);
    ops[count].op = SYNC_SLEEP;
    count++;
  }
  // What has happened since the last look does not change the word again.
  if (job.refresh() !== 0 && !job.isStopped())
    syscall(SYS_THREAD_SYNC, addressOf(ops), count, SYNC_FOREVER, 0, 0);
}

/** Lets a job run in the foreground until it ends or is stopped; its exit code, or 128 + the signal that stopped it. */
export function waitFor(job: Job): u64 {
  keysForJob(job.group);
  while (job.refresh() !== 0 && !(hasJobControl() && job.isStopped())) sleepOnJob(job);
  keysForShell();
  if (job.refresh() !== 0) {
    job.stopped = true;
    printLine('');
    show(job, 'stopped  ');
    noteInterrupt();
    return EXIT_SIGNAL + SIGNAL_KEYBOARD_STOP;
  }
  job.used = false;
  if (job.status === EXIT_SIGNAL + SIGNAL_INTERRUPT) {
    printLine('^C');
    noteInterrupt();
  }
  return job.status;
}

/** Goes on with a job that is stopped. */
export function continueJob(job: Job): void {
  job.stopped = false;
  job.signal(SIGNAL_CONTINUE);
}

function show(job: Job, state: str): void {
  print('[');
  printNumber(jobNumber(job));
  print(']  ');
  print(state);
  printLine(strOf(job.text.ptr, job.length));
}

export function announce(job: Job): void {
  print('[');
  printNumber(jobNumber(job));
  printLine(']');
}

/** Says which jobs in the background have ended or have been stopped since the last time. */
export function reportEnded(): void {
  for (const job of jobs) {
    if (!job.used) continue;
    if (job.refresh() !== 0) {
      if (job.isStopped() && !job.stopped) {
        job.stopped = true;
        show(job, 'stopped  ');
      }
      continue;
    }
    if (job.status === 0) show(job, 'done     ');
    else {
      print('exit ');
      printNumber(job.status);
      print(': ');
      show(job, '');
    }
    job.used = false;
  }
}

/** Lists the jobs that are left. */
export function listJobs(): void {
  reportEnded();
  for (const job of jobs) if (job.used) show(job, job.isStopped() ? 'stopped  ' : 'running  ');
}

/** Waits for all jobs that run; the exit code of the last one. */
export function waitForAll(): u64 {
  let status: u64 = 0;
  for (const job of jobs) {
    if (!job.used || job.isStopped()) continue;
    status = waitFor(job);
    if (interrupted()) break;
  }
  return status;
}
