/**
 * The guest's threads, read from the kernel's own structures with the layouts that its debugging information gives. A machine
 * without our kernel has none.
 */
import type { Core } from '../../emulator/machine/core.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import { ADDRESS } from '../../emulator/mmu/xtwz/layout.ts';
import { AddressSpace, virtualPlace } from './address-space.ts';
import type { Registers, TrapSource } from './backtrace.ts';
import { evaluateLocation } from './dwarf/expression.ts';
import type { ObjectId, ObjectSpace, ViewState } from './object-space.ts';
import type { Program } from './program.ts';
import { dereference, element, expressionContext, member, readValue, type Value } from './values.ts';

export interface GuestThread {
  readonly number: number;
  /** Kernel address of its `Thread`. */
  readonly address: bigint;
  /** `running`, `waiting`, … as the kernel names them. */
  readonly state: string;
  /** Index of the hart that runs it. */
  readonly hart: number | undefined;
  /** User registers as the kernel saved them last, pc at 0. Those of a thread that runs in user mode are the hart's. */
  readonly saved: Registers;
  readonly view: ViewState;
  /** Its representation object. */
  readonly representation: ObjectId;
}

const MOST_THREADS = 4096;

export class GuestThreads implements TrapSource {
  private readonly kernel: Program | undefined;

  constructor(
    private readonly machine: Machine,
    private readonly objects: ObjectSpace,
    programs: readonly Program[],
  ) {
    this.kernel = programs.find(
      (one) => one.globals.has('allThreads') && one.structNamed('Thread') !== undefined,
    );
  }

  /** True when there is a kernel whose threads can be read, and it has started. */
  private get space(): AddressSpace | undefined {
    const core = this.machine.cores.find((one) => this.objects.isOn(one));
    return core && this.kernel && new AddressSpace(this.machine, this.objects, core);
  }

  private global(space: AddressSpace, name: string): Value | undefined {
    const variable = this.kernel?.globals.get(name);
    const expression = variable && this.kernel?.locationOf(variable.entry, 0n);
    if (variable === undefined || expression === undefined) return undefined;
    const location = evaluateLocation(
      expression,
      expressionContext(space, () => undefined, 0n),
    );
    if (location.kind !== 'memory') return undefined;
    return readValue(space, virtualPlace(location.address), variable.type);
  }

  /** All threads, the newest first, as the kernel keeps them. */
  list(): GuestThread[] {
    const { space } = this;
    if (space === undefined) return [];
    const list: GuestThread[] = [];
    let next = this.global(space, 'allThreads');
    while (next !== undefined && next.bits !== 0n && list.length < MOST_THREADS) {
      const thread = this.read(space, next);
      if (thread === undefined) break;
      list.push(thread);
      next = member(space, next, 'nextThread');
    }
    return list;
  }

  /** The thread that a core runs, or works for. */
  current(core: Core): GuestThread | undefined {
    const { space } = this;
    const harts = space && this.global(space, 'harts');
    const hart = harts && element(space, harts, BigInt(core.hart.index));
    const thread = hart && member(space, hart, 'current');
    return thread === undefined || thread.bits === 0n ? undefined : this.read(space!, thread);
  }

  private read(space: AddressSpace, pointer: Value): GuestThread | undefined {
    const thread = dereference(space, pointer);
    const field = (name: string): bigint => member(space, thread, name)?.bits ?? 0n;
    const registers = member(space, thread, 'registers');
    if (registers === undefined) return undefined;
    const saved = Array.from({ length: 32 }, (_, i) => element(space, registers, BigInt(i))?.bits);
    const hart = member(space, thread, 'hart');
    const index = hart && hart.bits !== 0n ? member(space, hart, 'index') : undefined;
    const id = (name: string): ObjectId => {
      const object = member(space, thread, name);
      const lo = object && member(space, object, 'lo');
      const hi = object && member(space, object, 'hi');
      return ((hi?.bits ?? 0n) << 64n) | (lo?.bits ?? 0n);
    };
    const physical = (name: string): number => {
      const address = field(name);
      return address < ADDRESS.supervisorBase ? 0 : Number(address - ADDRESS.supervisorBase);
    };
    return {
      number: Number(field('number')),
      address: pointer.bits,
      state: this.stateName(field('state')),
      hart: index && Number(index.bits),
      saved,
      view: { view: physical('view'), fixed: physical('fixed') },
      representation: id('repr'),
    };
  }

  private stateName(value: bigint): string {
    // enum ThreadState of guest/kernel/thread.ts.
    return ['free', 'runnable', 'running', 'waiting', 'ended'][Number(value)] ?? `state ${value}`;
  }

  /** Where the thread of a core goes on in user mode, when the core is in the kernel. */
  userContext(core: Core): { registers: Registers; space: AddressSpace } | undefined {
    const thread = this.current(core);
    if (thread === undefined) return undefined;
    return {
      registers: thread.saved,
      space: new AddressSpace(this.machine, this.objects, core, thread.view),
    };
  }
}
