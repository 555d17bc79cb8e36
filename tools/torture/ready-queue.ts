/**
 * The threads that the guest's kernel would run next, read from its own queue (guest/kernel/schedule.ts) with the layout that its
 * debugging information gives.
 */
import type { ImageFile } from '../../emulator/boot/image.ts';
import type { PhysicalMemory } from '../../emulator/machine/memory.ts';
import { ADDRESS } from '../../emulator/mmu/xtwz/layout.ts';
import { Program as DebugProgram } from '../debugger/program.ts';

const HEAD = 'kernel.schedule.readyHead';
/** Longer queues are taken for broken. */
const LONGEST = 256;

export class ReadyQueue {
  /** Physical address of the queue's head. */
  private readonly head: number;
  /** Offset of a thread's link to the next one. */
  private readonly link: number;

  constructor(
    kernel: ImageFile,
    private readonly memory: PhysicalMemory,
  ) {
    const program = new DebugProgram(kernel.name, kernel.bytes);
    const head = program.elf.symbols.find(({ name }) => name === HEAD);
    const link = program.structNamed('Thread')?.members.find(({ name }) => name === 'next');
    if (head === undefined || link === undefined)
      throw new Error(`${kernel.name}: where the queue of threads lies is not told`);
    this.head = Number(head.value - ADDRESS.supervisorBase);
    this.link = link.offset;
  }

  /** Addresses of the threads that could run, the one that has waited longest first: the low 32 bits, as in sscratch. */
  read(): number[] {
    const threads: number[] = [];
    for (let thread = this.pointerAt(this.head); thread !== 0; ) {
      threads.push(thread | 0);
      if (threads.length > LONGEST) throw new Error('the queue of threads has no end');
      thread = this.pointerAt(thread + this.link);
    }
    return threads;
  }

  /** The physical address that a kernel's pointer at a physical address means; 0 for null. */
  private pointerAt(pa: number): number {
    // The kernel sees physical memory at an address of which the low half is 0.
    return this.memory.i32[this.memory.hostOf(pa) >> 2]! >>> 0;
  }
}
