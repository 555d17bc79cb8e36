/**
 * Runs a program's workload once, with every store to the NVDIMM recorded, and visits its crash points (crash.ts).
 *
 * A *patch* puts fences, or flushes and fences, behind given instructions, on the machine: to try a fix that a report
 * suggests.
 */
import { CACHE_BLOCK_SIZE, PAGE_SIZE } from '../../emulator/addresses.ts';
import type { Computer } from '../../emulator/boot/computer.ts';
import { UserError } from '../../emulator/errors.ts';
import type { StopReason } from '../../emulator/machine/config.ts';
import type { Snapshot } from '../../emulator/machine/state.ts';
import { type BlockNumber, blockOf, dpa } from '../../emulator/nvdimm/dpa.ts';
import { FENCE } from '../../emulator/nvdimm/persistency.ts';
import { type CrashKind, type CrashPoint, crashPointNow } from './crash.ts';
import { type Mark, NO_PROGRESS, type Progress, progressAfter } from './device.ts';
import { DirtyReads } from './dirty-reads.ts';
import { blocksOf, EventLog, type News, type RunEvent } from './events.ts';
import { budgetOf, makeComputer, type Program } from './program.ts';
import { Preemptions, runScheduled, type ScheduledRun } from './schedule.ts';

/** Fences put behind instructions. */
export interface Patch {
  /** `flush and fence`: behind stores. `fence`: behind the cache-block operation that writes such a store back. */
  readonly kind: 'fence' | 'flush and fence';
  /** Virtual addresses of stores. */
  readonly stores: ReadonlySet<bigint>;
}

/** What a workload says about itself when nothing fails. */
export interface WorkloadRun {
  readonly output: string;
  /** The state's value when ready (index 0) and after each acknowledged operation, as far as the program gave them. */
  readonly values: readonly (bigint | undefined)[];
  readonly events: readonly RunEvent[];
  /** Instructions of the whole run. */
  readonly instructions: number;
  /** Crash points. */
  readonly points: number;
  /** `fence` patches: the cache-block operations behind which fences were put. */
  readonly patched: ReadonlySet<bigint>;
  /** Guest threads: instructions before which the schedule preempted one. */
  readonly preempted: readonly bigint[];
}

/** Called at each crash point, in order. */
export type VisitPoint = (point: CrashPoint, soFar: readonly RunEvent[]) => void;

export interface WorkloadOptions {
  readonly patch?: Patch;
  readonly visit?: VisitPoint;
}

/**
 * Runs the workload to its end, under the program's schedule, and visits its crash points in order.
 * @throws UserError when the workload does not end well by itself
 */
export function runWorkload(program: Program, { patch, visit }: WorkloadOptions = {}): WorkloadRun {
  return new Workload(program, patch).run({ schedule: program.schedule ?? [] }, visit);
}

/** A workload where it begins to be visited. */
interface Start {
  readonly snapshot: Snapshot;
  readonly progress: Progress;
  readonly output: string;
  readonly index: number;
  readonly value: bigint | undefined;
  readonly events: readonly RunEvent[];
}

/** A workload that can be run several times, under one schedule after the other. */
export class Workload {
  private output = '';
  private index = 0;
  private progress: Progress = NO_PROGRESS;
  private values: (bigint | undefined)[] = [];
  private finished: number | undefined;
  /** The program has asked for the number of operations that the user wants. */
  private operationsRead = false;
  private readonly computer: Computer;
  private readonly preemptions: Preemptions | undefined;
  private readonly log: EventLog;
  readonly dirtyReads: DirtyReads | undefined;
  private patched = new Set<bigint>();
  /** `CrashPoint.stored`. */
  private readonly stored = new Set<number>();
  /** Blocks to be cleaned, and issuers to fence for, before anything else happens. */
  private owed: { readonly issuer: number; readonly blocks: readonly BlockNumber[] }[] = [];
  private started = false;
  private visit: VisitPoint | undefined;
  /** Crash points before so many instructions are not visited. */
  private from = 0;
  /** Where the next run begins: at power-on (absent), or where the program was ready. */
  private readyAt: Start | undefined;

  /** @param dirtyReads look for what threads, or harts, build upon each other's stores too early */
  constructor(
    private readonly program: Program,
    private readonly patch?: Patch,
    dirtyReads = false,
  ) {
    this.computer = makeComputer(program, {
      host: {
        recovering: false,
        progress: () => this.progress,
        mark: (mark) => this.mark(mark),
        operationsRead: () => {
          this.operationsRead = true;
        },
      },
      output: (text) => {
        this.output += text;
      },
      recording: true,
    });
    if (program.system) this.preemptions = new Preemptions(this.computer.machine);
    this.log = new EventLog(this.computer, (event) => this.before(event));
    if (dirtyReads) this.dirtyReads = new DirtyReads(this.computer, program.system !== undefined);
    // A bare-metal program is ready from its first instruction on.
    if (!program.system) this.progress = { ...this.progress, ready: true };
    if (this.visited) this.start();
  }

  private get visited(): boolean {
    return this.progress.ready || this.program.fromPowerOn === true;
  }

  private start(): void {
    this.started = true;
    this.log.enabled = true;
  }

  /**
   * Runs to the end, or as far as it shows anything new. Preparations are made once, and not visited again.
   * @throws UserError when the workload does not end well by itself
   */
  run(
    { schedule, from = 0, until = Number.POSITIVE_INFINITY }: ScheduledRun,
    visit?: VisitPoint,
  ): WorkloadRun {
    this.visit = visit;
    this.from = from;
    const { machine } = this.computer;
    const budget = budgetOf(this.program);
    if (this.readyAt) this.restart(this.readyAt);
    else if (this.program.system) {
      const early = machine.run({ instructions: budget });
      if (early.kind !== 'paused' || this.finished !== undefined) this.fail(early);
    }
    this.readyAt ??= this.startHere();
    this.preemptions?.follow(schedule);
    const left = Math.min(budget, until) - machine.instructions;
    const reason = this.preemptions
      ? machine.run({ instructions: left })
      : runScheduled(machine, schedule, left);
    const well = this.program.system ? this.finished === 0 : reason.kind === 'exit' && reason.code === 0;
    const isCut = this.finished === undefined && machine.instructions >= until;
    if (!well && !isCut) this.fail(reason);
    if (!isCut && this.program.operations !== undefined && !this.operationsRead)
      throw new UserError(
        `${this.program.elf.name}: does as many operations as it wants; leave --operations out`,
      );
    this.pay();
    if (!isCut) this.crash('end');
    this.log.settle();
    const { output, values, patched } = this;
    const { instructions } = machine;
    const preempted = this.preemptions?.places ?? [];
    return { output, values, events: this.log.events, instructions, points: this.index, patched, preempted };
  }

  private startHere(): Start {
    this.log.settle();
    const { progress, output, index } = this;
    const snapshot = this.computer.machine.snapshot();
    return { snapshot, progress, output, index, value: this.values[0], events: [...this.log.events] };
  }

  private restart({ snapshot, progress, output, index, value, events }: Start): void {
    this.computer.machine.restore(snapshot);
    this.progress = progress;
    this.output = output;
    this.index = index;
    this.values = [value];
    this.dirtyReads?.restart();
    this.finished = undefined;
    this.owed = [];
    this.patched = new Set();
    this.log.restart(events);
  }

  private fail(reason: StopReason): never {
    const { name } = this.program.elf;
    if (this.finished === 0)
      throw new UserError(`${name}: the workload ended and never marked that it was ready`);
    const how = this.finished ? `ended with code ${this.finished}` : describeStop(reason);
    const said = this.output.trim() === '' ? '' : `; it printed: ${JSON.stringify(this.output.slice(-200))}`;
    throw new UserError(`${name}: the workload itself, without a power failure, ${how}${said}`);
  }

  private mark(mark: Mark): void {
    if (mark.kind === 'observe') return;
    if (mark.kind === 'finish') {
      this.finished = mark.code;
      this.computer.machine.pause();
      return;
    }
    this.pay();
    // What has not been acknowledged before this instruction may be lost; from the next on it may not.
    if (mark.kind === 'acknowledge') this.crash('mark');
    this.log.mark(mark);
    if (mark.kind === 'begin') this.dirtyReads?.began(mark.operation);
    if (mark.kind === 'acknowledge') this.dirtyReads?.acknowledged();
    this.progress = progressAfter(this.progress, mark);
    if (mark.kind === 'ready') {
      this.values[0] = mark.value;
      if (!this.started) this.start();
      if (this.readyAt === undefined) this.computer.machine.pause();
    } else if (mark.kind === 'acknowledge' && this.program.system) this.values[mark.operation] = mark.value;
  }

  /** Something is about to happen to the NVDIMM; everything before has. */
  private before(event: News & Pick<RunEvent, 'issuer' | 'pc'>): void {
    this.pay();
    this.dirtyReads?.event(event);
    const { nvdimm } = this.computer;
    for (const block of blocksOf(event)) {
      const at = block * CACHE_BLOCK_SIZE;
      this.stored.add(at - (at % PAGE_SIZE));
    }
    if (event.kind === 'fence') {
      if (!event.redundant()) this.crash('fence');
    } else if (event.kind === 'inval') this.crash('invalidation');
    const { patch } = this;
    if (patch === undefined) return;
    if (patch.kind === 'flush and fence') {
      if ((event.kind === 'store' || event.kind === 'zero') && patch.stores.has(event.pc))
        this.owed.push({ issuer: Math.max(event.issuer, 0), blocks: blocksOf(event) });
    } else if (event.kind === 'clean' || event.kind === 'flush') {
      const pending = nvdimm!.engine.pendingStores(blockOf(dpa(event.address)));
      const wanted = pending.some((unit) =>
        patch.stores.has((BigInt(unit.pcHigh) << 32n) | BigInt(unit.pcLow)),
      );
      if (!wanted) return;
      this.patched.add(event.pc);
      this.owed.push({ issuer: event.issuer, blocks: [] });
    }
  }

  /** Does what the patch owes. */
  private pay(): void {
    const { owed } = this;
    if (owed.length === 0) return;
    this.owed = [];
    const { engine } = this.computer.nvdimm!;
    for (const { issuer, blocks } of owed) {
      for (const block of blocks) engine.clean(issuer, block);
      const sets = FENCE.W | FENCE.R;
      if (engine.fenceMatters(issuer, sets, sets)) this.crash('fence');
      engine.fence(issuer, sets, sets);
    }
  }

  private crash(kind: CrashKind): void {
    if (!this.started) return;
    const { index, progress } = this;
    this.index++;
    if (this.visit === undefined || this.computer.machine.turns.instructionsNow < this.from) return;
    const point = crashPointNow(this.computer, { index, kind, progress });
    this.visit({ ...point, stored: this.stored }, this.log.events);
  }
}

/** The end of a run in words. */
export function describeStop(reason: StopReason): string {
  switch (reason.kind) {
    case 'exit':
      return reason.code === 0 ? 'passed' : `ended with code ${reason.code}`;
    case 'stuck':
      return `trapped for ever (cause ${reason.cause}, handler at 0x${reason.pc.toString(16)})`;
    case 'budget':
      return 'did not end within its budget of instructions';
    case 'idle':
    case 'sleep':
      return 'waits for an interrupt that never comes';
    default:
      return `stopped (${reason.kind})`;
  }
}
