/**
 * What a guest workload's threads do, step by step, as far as others can tell. A step is an instruction in user mode that accesses
 * memory which several threads access, one of them writing; that stores to the NVDIMM, writes back, fences or acknowledges; or all
 * that the kernel does for a thread between entry and exit: its lock makes that one step on any number of harts. What words threads share is learnt
 * from the runs. Reads of page tables do not count: where the kernel changes what they find, a fault or an invalidation has the kernel
 * step in.
 */
import { CACHE_BLOCK_SIZE, PAGE_SIZE } from '../../emulator/addresses.ts';
import type { Computer } from '../../emulator/boot/computer.ts';
import { Privilege } from '../../emulator/cpu/causes.ts';
import { Slot } from '../../emulator/cpu/csr-numbers.ts';
import type { Hart } from '../../emulator/cpu/hart.ts';
import { emptyFootprint, type Footprint, KERNEL_WORD, observeAccesses, wordOf } from './footprint.ts';

/** A thread's instruction, or what the kernel does for it from entry to exit. */
export interface ThreadStep extends Footprint {
  readonly thread: number;
  readonly kernel: boolean;
  /** Instructions retired before it. */
  readonly instret: number;
  readonly pc: number;
}

/** Who had touched what at a place of a run: a part of the log of one run, behind that of the run that it branched from. */
export interface Trail {
  readonly before: Trail | undefined;
  /** Word and `touched`, in turns; only grows. */
  readonly log: readonly number[];
  readonly length: number;
}

export class ThreadSteps {
  /** Of the present run. The last one may not be over. */
  steps: ThreadStep[] = [];
  /** More threads than the first have run. */
  crowded = false;
  /** Grows when words turn out to be shared, or pages to be programs'. */
  learned = 0;
  /** What the kernel does now, for the thread that entered it; undefined: in user mode, or an interrupt. */
  private inKernel: ThreadStep | undefined;
  /** Pages that programs have touched: of the kernel's own memory nothing is noted. */
  private readonly userPages = new Set<number>();
  /** Words that several threads access in some run, one of them writing. */
  private readonly shared = new Set<number>();
  /** Who has touched a word in this run while there were several threads. */
  private readonly touched = new Map<number, number>();
  private before: Trail | undefined;
  private log: number[] = [];
  /** By the address of the kernel's thread: numbers in the order in which they were met. */
  private readonly threads = new Map<number, number>();

  /** @param begins called when a step begins, before anything of it is noted */
  constructor(
    private readonly computer: Computer,
    private readonly begins: (step: ThreadStep) => void,
  ) {
    const { machine } = computer;
    observeAccesses(computer, {
      footprint: (_hart, pa, length, writes) => this.stepNow(pa, length, writes),
    });
    const { trap, control, cacheBlock } = machine.hooks;
    machine.hooks.cacheBlock = (operation, pa, hart) => {
      // The kernel zeroes a page when it gives it to somebody: who had it before is not met there.
      if (operation === 'zero' && hart.privilege !== Privilege.user && this.touched.size > 0)
        for (let word = wordOf(pa); word * 8 < pa + CACHE_BLOCK_SIZE; word++)
          if (this.touched.has(word)) this.noteTouched(word, UNTOUCHED);
      cacheBlock?.(operation, pa, hart);
    };
    machine.hooks.trap = (hart, cause, interrupt) => {
      if (hart.privilege === Privilege.user) this.inKernel = interrupt ? undefined : this.newStep(hart, true);
      return trap?.(hart, cause, interrupt) ?? false;
    };
    machine.hooks.control = (hart, what) => {
      if (what === 'return' && hart.privilege === Privilege.user) {
        this.inKernel = undefined;
        this.crowded ||= this.threadAt(hart.cellLo(Slot.sscratch)) !== 0;
      }
      control?.(hart, what);
    };
  }

  /** The run goes on behind these steps, in user mode. */
  restart(steps: readonly ThreadStep[], crowded: boolean, trail: Trail | undefined): void {
    this.steps = [...steps];
    this.crowded = crowded;
    this.inKernel = undefined;
    this.touched.clear();
    this.before = trail;
    const trails: Trail[] = [];
    for (let one = trail; one !== undefined; one = one.before) trails.push(one);
    for (const { log, length } of trails.reverse()) {
      this.log = [];
      for (let i = 0; i < length; i += 2) this.noteTouched(log[i]!, log[i + 1]!);
    }
    this.log = [];
  }

  /** As of now. */
  get trail(): Trail {
    return { before: this.before, log: this.log, length: this.log.length };
  }

  private noteTouched(word: number, now: number): void {
    if (now === UNTOUCHED) this.touched.delete(word);
    else this.touched.set(word, now);
    this.log.push(word, now);
  }

  /** An acknowledgement by the thread that runs. */
  acknowledged(): void {
    this.stepNow(-1, 0, false)!.orders = true;
  }

  /** Threads by the order in which they are met. In user mode the kernel keeps the thread's address, of which this takes the low half, in sscratch. */
  threadAt(address: number): number {
    const known = this.threads.get(address);
    if (known !== undefined) return known;
    this.threads.set(address, this.threads.size);
    return this.threads.size - 1;
  }

  /** The step that an access belongs to (`AccessObserver.footprint`); undefined: no other thread can meet it. */
  private stepNow(pa: number, length: number, writes: boolean): ThreadStep | undefined {
    const { machine, nvdimm } = this.computer;
    const { hart } = machine.cores[0]!;
    const { region } = nvdimm!;
    const persistent = pa >= region.base && pa < region.base + region.size;
    const page = Math.floor(pa / PAGE_SIZE);
    if (machine.cores[0]!.mmu.walking && !(persistent && writes)) return undefined;
    if (hart.privilege !== Privilege.user) {
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
    const thread = this.threadAt(hart.cellLo(Slot.sscratch));
    const shared = pa >= 0 && this.touch(pa, length, writes, thread);
    // Loads of persistent memory meet nobody's but stores.
    if (!shared && pa >= 0 && !(persistent && (writes || length > 8))) return undefined;
    const last = this.steps[this.steps.length - 1];
    if (last && !last.kernel && last.instret === machine.turns.instructionsNow) return last;
    return this.newStep(hart, false);
  }

  /** Notes who touches words. @returns whether several threads do, one of them writing */
  private touch(pa: number, length: number, writes: boolean, thread: number): boolean {
    let shared = false;
    for (let word = wordOf(pa); word * 8 < pa + length; word++) {
      if (this.shared.has(word)) shared = true;
      else if (this.crowded) {
        const before = this.touched.get(word);
        const now = after(before, thread, writes);
        if (now === before) continue;
        if (now === SHARED) {
          shared = true;
          this.shared.add(word);
          this.learned++;
        } else this.noteTouched(word, now);
      }
    }
    return shared;
  }

  private newStep(hart: Hart, kernel: boolean): ThreadStep {
    const { turns } = this.computer.machine;
    const { reads, writes, persistent, orders } = emptyFootprint();
    if (kernel) writes.add(KERNEL_WORD);
    const step: ThreadStep = {
      reads,
      writes,
      persistent,
      orders,
      thread: this.threadAt(hart.cellLo(Slot.sscratch)),
      kernel,
      instret: turns.instructionsNow,
      pc: pcOf(hart),
    };
    this.begins(step);
    this.steps.push(step);
    return step;
  }
}

/**
 * Who has touched a word: one thread, as 2 × its number, and 1 more when it has written; or one of these.
 */
const SHARED = -1;
const READ_BY_ALL = -2;
const UNTOUCHED = -3;

/** The same after one more access. */
function after(before: number | undefined, thread: number, writes: boolean): number {
  if (before === undefined) return 2 * thread + Number(writes);
  if (before === READ_BY_ALL) return writes ? SHARED : READ_BY_ALL;
  if (before >> 1 === thread) return before | Number(writes);
  return writes || (before & 1) === 1 ? SHARED : READ_BY_ALL;
}

/** Of an instruction in user mode. */
export const pcOf = ({ pcLo, pcHi }: Hart): number => pcHi * 2 ** 32 + (pcLo >>> 0);
