/**
 * Finds the schedules of a guest workload's threads that can make a difference, up to a number of preemptions (iterative
 * context bounding: Musuvathi and Qadeer, PLDI 2007). The threads share one hart. One that blocks, yields or ends gives way to the
 * one that has waited longest, which is the kernel's own choice and costs nothing; besides, a thread is preempted, in favour of
 * that same one, just before an instruction at which threads may meet. Such an instruction accesses memory that another thread
 * accesses too, one of them writing; or stores to the NVDIMM, writes back, fences or acknowledges; or enters the kernel.
 *
 * What the kernel does between entry and exit is one step: its lock makes it so on any number of harts. All such steps are
 * dependent. A preemption before a step that is independent of all that the others do meanwhile is left out: it is the same as one
 * before the thread's next step (`dependent`).
 */
import { CACHE_BLOCK_SIZE, PAGE_SIZE } from '../../emulator/addresses.ts';
import type { Computer } from '../../emulator/boot/computer.ts';
import { Slot } from '../../emulator/cpu/csr-numbers.ts';
import type { Hart } from '../../emulator/cpu/hart.ts';
import { UserError } from '../../emulator/errors.ts';
import type { Snapshot } from '../../emulator/machine/state.ts';
import { NO_PROGRESS, type Progress, progressAfter } from './device.ts';
import { dependent, emptyFootprint, type Footprint, observeAccesses, wordsOf } from './footprint.ts';
import type { Interleavings } from './interleave.ts';
import { budgetOf, makeComputer, type Program } from './program.ts';
import { preempt, type Schedule } from './schedule.ts';

/** A thread's instruction, or what the kernel does for it from entry to exit. */
interface Step extends Footprint {
  readonly thread: number;
  readonly kernel: boolean;
  /** Instructions retired before it. */
  readonly instret: number;
  readonly pc: number;
}

/** A run that has been preempted for the last time at `snapshot`, or, at the root, never. */
interface Branch {
  /** Just before the last preemption. */
  readonly snapshot: Snapshot;
  readonly progress: Progress;
  /** Times of the preemptions. */
  readonly times: readonly number[];
  /** More threads than the first have run. */
  readonly crowded: boolean;
}

export interface ThreadOptions {
  /** Preemptions in one run, at most; default `PREEMPTIONS`. */
  readonly preemptions?: number;
  /** Schedules, at most; default 2000. */
  readonly most?: number;
}

export const PREEMPTIONS = 1;
const MOST = 2000;
/** The privilege of user mode. */
const USER = 0;

export interface ThreadSchedules extends Interleavings {
  /** All schedules with so many preemptions were explored; more preemptions were not tried, unless `complete`. */
  readonly preemptions: number;
}

/**
 * @returns one schedule without preemptions for a workload of one thread
 * @throws UserError when the workload does not end well under some schedule
 */
export function threadSchedules(program: Program, options: ThreadOptions = {}): ThreadSchedules {
  return new ThreadExplorer(program, options).explore();
}

class ThreadExplorer {
  private readonly computer: Computer;
  private progress: Progress = NO_PROGRESS;
  private finished: number | undefined;
  private output = '';
  /** Steps since the last branch. */
  private steps: Step[] = [];
  /** What the kernel does now, for the thread that entered it; undefined: in user mode, or an interrupt. */
  private inKernel: Step | undefined;
  /** The run pauses when this thread goes on. */
  private awaited: number | undefined;
  /** Pages that programs have touched: of the kernel's own memory nothing is noted. */
  private readonly userPages = new Set<number>();
  /** Who has touched a word while there were several threads. */
  private readonly touched = new Map<number, number>();
  private crowded = false;
  /** By the address of the kernel's thread: numbers in the order in which they were met. */
  private readonly threads = new Map<number, number>();
  /** Grows when words turn out to be shared, or pages to be programs'. */
  private learned = 0;

  constructor(
    private readonly program: Program,
    private readonly options: ThreadOptions,
  ) {
    this.computer = makeComputer(program, {
      host: {
        recovering: false,
        progress: () => this.progress,
        mark: (mark) => {
          this.progress = progressAfter(this.progress, mark);
          if (mark.kind === 'acknowledge') this.stepNow(-1, 0, false)!.orders = true;
          if (mark.kind === 'finish') this.finished = mark.code;
          if (mark.kind === 'ready' || mark.kind === 'finish') this.computer.machine.pause();
        },
      },
      output: (text) => {
        this.output += text;
      },
      recording: true,
    });
  }

  explore(): ThreadSchedules {
    const { machine } = this.computer;
    const bound = this.options.preemptions ?? PREEMPTIONS;
    machine.run({ instructions: budgetOf(this.program) });
    if (!this.progress.ready || this.finished !== undefined) this.fail([]);
    const { progress } = this;
    const root: Branch = { snapshot: machine.snapshot(), progress, times: [], crowded: false };
    this.observe();
    for (;;) {
      const found = this.exploreFrom(root, bound);
      if (found) return found;
    }
  }

  /** @returns undefined when schedules have shown that threads meet where earlier ones did not tell */
  private exploreFrom(root: Branch, bound: number): ThreadSchedules | undefined {
    const most = this.options.most ?? MOST;
    const { learned } = this;
    const schedules: Schedule[] = [];
    let level: Branch[] = [root];
    for (let preemptions = 0; ; preemptions++) {
      const next: Branch[] = [];
      const last = preemptions === bound;
      for (const branch of level) {
        if (schedules.length >= most) return { schedules, complete: false, preemptions: preemptions - 1 };
        schedules.push(scheduleOf(branch));
        const steps = this.runToEnd(branch);
        // Behind the bound one branch is enough to know that there are more.
        if (!last) next.push(...this.branchesOf(branch, steps, Number.POSITIVE_INFINITY));
        else if (next.length === 0) next.push(...this.branchesOf(branch, steps, 1));
      }
      if (this.learned > learned) return undefined;
      if (last || next.length === 0) return { schedules, complete: next.length === 0, preemptions };
      level = next;
    }
  }

  // ---- Runs --------------------------------------------------------------------------------------------------------

  /** Goes to a branch, and preempts its thread; the root has nobody to preempt. */
  private enter({ snapshot, progress, times, crowded }: Branch): void {
    const { machine } = this.computer;
    machine.restore(snapshot);
    this.progress = progress;
    this.finished = undefined;
    this.steps = [];
    this.inKernel = undefined;
    this.awaited = undefined;
    this.crowded = crowded;
    if (times.length > 0) preempt(machine);
  }

  /** @returns the steps behind the branch */
  private runToEnd(branch: Branch): readonly Step[] {
    const { machine } = this.computer;
    this.enter(branch);
    machine.run({ instructions: budgetOf(this.program) - machine.instructions });
    if (this.finished !== 0) this.fail(branch.times);
    return this.steps;
  }

  private fail(times: readonly number[]): never {
    const how = this.finished === undefined ? 'does not end' : `ends with code ${this.finished}`;
    const when = times.length === 0 ? '' : ` when threads are preempted at ${times.join(', ')} ns`;
    const said = this.output.trim() === '' ? '' : `; it printed: ${JSON.stringify(this.output.slice(-200))}`;
    throw new UserError(`${this.program.elf.name}: the workload itself ${how}${when}${said}`);
  }

  /**
   * The branches behind one: its run, preempted once more before one of its steps.
   * @param most stop when there are so many
   */
  private branchesOf(branch: Branch, steps: readonly Step[], most: number): Branch[] {
    const { machine } = this.computer;
    const branches: Branch[] = [];
    if (new Set(steps.map(({ thread }) => thread)).size < 2) return branches;
    this.enter(branch);
    for (const step of steps) {
      machine.run({ instructions: step.instret - machine.instructions });
      const { hart } = machine.cores[0]!;
      if (pcOf(hart) !== step.pc || hart.privilege !== USER)
        throw new Error('a workload took another way the second time');
      const here = { snapshot: machine.snapshot(), progress: this.progress, crowded: this.crowded };
      const next = { ...here, times: [...branch.times, machine.turns.now] };
      if (this.matters(next, step)) branches.push(next);
      if (branches.length >= most) break;
      machine.restore(here.snapshot);
      this.progress = here.progress;
      this.finished = undefined;
      this.inKernel = undefined;
      this.crowded = here.crowded;
    }
    return branches;
  }

  /** Whether others, run before a step, do something that the step depends on. */
  private matters(branch: Branch, step: Step): boolean {
    const { machine } = this.computer;
    this.enter(branch);
    this.awaited = step.thread;
    machine.run({ instructions: budgetOf(this.program) - machine.instructions });
    this.awaited = undefined;
    return this.steps.some((other) => (other.kernel && step.kernel) || dependent(other, step));
  }

  // ---- What threads do ---------------------------------------------------------------------------------------------

  private observe(): void {
    const { machine } = this.computer;
    observeAccesses(this.computer, {
      footprint: (_hart, pa, length, writes) => this.stepNow(pa, length, writes),
    });
    const { trap, control, cacheBlock } = machine.hooks;
    machine.hooks.zeroesOfDramMatter = () => true;
    machine.hooks.cacheBlock = (operation, pa, hart) => {
      // The kernel zeroes a page when it gives it to somebody: who had it before is not met there.
      if (operation === 'zero' && hart.privilege !== USER)
        for (const word of wordsOf(pa, CACHE_BLOCK_SIZE))
          if (this.touched.get(word) !== SHARED) this.touched.delete(word);
      cacheBlock?.(operation, pa, hart);
    };
    machine.hooks.trap = (hart, cause, interrupt) => {
      if (hart.privilege === USER) this.inKernel = interrupt ? undefined : this.newStep(hart, true);
      return trap?.(hart, cause, interrupt) ?? false;
    };
    machine.hooks.control = (hart, what) => {
      if (what === 'return' && hart.privilege === USER) {
        this.inKernel = undefined;
        const thread = this.threadOf(hart);
        this.crowded ||= thread !== 0;
        if (thread === this.awaited) machine.pause();
      }
      control?.(hart, what);
    };
  }

  /** The step that an access belongs to (`AccessObserver.footprint`); undefined: no other thread can meet it. */
  private stepNow(pa: number, length: number, writes: boolean): Step | undefined {
    const { machine, nvdimm } = this.computer;
    const { hart } = machine.cores[0]!;
    const { region } = nvdimm!;
    const persistent = pa >= region.base && pa < region.base + region.size;
    const page = Math.floor(pa / PAGE_SIZE);
    if (hart.privilege !== USER) {
      if (this.inKernel === undefined) return undefined;
      const zeroes = writes && length === CACHE_BLOCK_SIZE;
      const shared =
        !zeroes && this.userPages.has(page) && this.touch(pa, length, writes, this.inKernel.thread);
      return shared || persistent || pa < 0 ? this.inKernel : undefined;
    }
    if (pa >= 0 && !this.userPages.has(page)) {
      this.userPages.add(page);
      this.learned++;
    }
    const shared = pa >= 0 && this.touch(pa, length, writes, this.threadOf(hart));
    // Loads of persistent memory meet nobody's but stores.
    if (!shared && pa >= 0 && !(persistent && (writes || length > 8))) return undefined;
    const last = this.steps[this.steps.length - 1];
    if (last && !last.kernel && last.instret === machine.turns.instructionsNow) return last;
    return this.newStep(hart, false);
  }

  /** Notes who touches words. @returns whether several threads do, one of them writing */
  private touch(pa: number, length: number, writes: boolean, thread: number): boolean {
    let shared = false;
    for (const word of wordsOf(pa, length)) {
      const before = this.touched.get(word);
      const now = this.crowded ? after(before, thread, writes) : before;
      if (now === SHARED) shared = true;
      if (now === before || now === undefined) continue;
      this.touched.set(word, now);
      if (now === SHARED) this.learned++;
    }
    return shared;
  }

  private newStep(hart: Hart, kernel: boolean): Step {
    const { turns } = this.computer.machine;
    const step: Step = {
      ...emptyFootprint(),
      thread: this.threadOf(hart),
      kernel,
      instret: turns.instructionsNow,
      pc: pcOf(hart),
    };
    this.steps.push(step);
    return step;
  }

  /** Threads by the order in which they are met: in user mode the kernel keeps the thread's address in sscratch. */
  private threadOf(hart: Hart): number {
    const address = hart.cellLo(Slot.sscratch);
    const known = this.threads.get(address);
    if (known !== undefined) return known;
    this.threads.set(address, this.threads.size);
    return this.threads.size - 1;
  }
}

/**
 * Who has touched a word: one thread, as 2 × its number, and 1 more when it has written; or one of these.
 */
const SHARED = -1;
const READ_BY_ALL = -2;

/** The same after one more access. */
function after(before: number | undefined, thread: number, writes: boolean): number {
  if (before === undefined) return 2 * thread + Number(writes);
  if (before === SHARED) return SHARED;
  if (before === READ_BY_ALL) return writes ? SHARED : READ_BY_ALL;
  if (before >> 1 === thread) return before | Number(writes);
  return writes || (before & 1) === 1 ? SHARED : READ_BY_ALL;
}

/** Of an instruction in user mode. */
const pcOf = ({ pcLo, pcHi }: Hart): number => pcHi * 2 ** 32 + (pcLo >>> 0);

const scheduleOf = ({ times }: Branch): Schedule =>
  times.map((time, i) => [0, time - (times[i - 1] ?? 0)] as const);
