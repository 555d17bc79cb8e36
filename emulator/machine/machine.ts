/**
 * The machine: memory, harts, devices and time joined into one thing that runs, stops, and can be looked at, saved
 * and restored. Everything that a front end (console, debugger, torture) does with a machine it does here.
 */
import { PAGE_SIZE, paddr } from '../addresses.ts';
import { Privilege } from '../cpu/causes.ts';
import { CsrFile, type CsrRow } from '../cpu/csr.ts';
import { Csr, RunState, Slot } from '../cpu/csr-numbers.ts';
import { STANDARD_CSRS } from '../cpu/csr-table.ts';
import { Hart, type HartEnvironment } from '../cpu/hart.ts';
import { Interpreter } from '../cpu/interpreter.ts';
import { HART, HART_REGISTER_BYTES, PageFlag, POINTER_BYTES, SLOT_CACHE_BYTES } from '../cpu/state.ts';
import type { DelegationRule } from '../cpu/trap.ts';
import { Mmu } from '../mmu/mmu.ts';
import { STANDARD_MODES } from '../mmu/sv.ts';
import { Access, type TranslationMode } from '../mmu/translation.ts';
import { Breakpoints } from './breakpoints.ts';
import { Bus, type DeviceHost, type PowerRequest, type Stateful } from './bus.ts';
import { CodeStores } from './code-stores.ts';
import {
  type BootState,
  DEFAULT_MEMORY,
  DEFAULT_QUANTUM,
  DRAM_BASE,
  type MachineConfig,
  type RunLimit,
  SINGLE_QUANTUM,
  type StopReason,
} from './config.ts';
import { busConsole } from './console.ts';
import type { Core } from './core.ts';
import type { Engine } from './engine.ts';
import { Execution } from './execution.ts';
import type { CustomInstruction, MachineHooks } from './hooks.ts';
import { layOut, type RegionSpec } from './layout.ts';
import { PhysicalMemory } from './memory.ts';
import { Sbi, startInSupervisor } from './sbi.ts';
import { Scheduler } from './scheduler.ts';
import { MemorySnapshots } from './snapshots.ts';
import { restoreSnapshot, type Snapshot, stateHash, takeSnapshot } from './state.ts';
import { PlainTime, SupervisorTimers, type TimeSource, timeSourceOf } from './time.ts';
import { Turns } from './turns.ts';
import { Watchpoints } from './watchpoints.ts';

/** What extensions (Xtwz, persistence) add to a machine. */
export interface MachineExtension {
  readonly name: string;
  /** Rows for the CSR table. */
  readonly csrs?: readonly CsrRow[];
  /** Values of satp.MODE. */
  readonly modes?: readonly TranslationMode[];
  /** Where its exceptions go, when medeleg does not decide. */
  readonly delegation?: DelegationRule;
  /** Called once the machine is complete; may register hooks, page-flag handlers and custom instructions. */
  readonly attach?: (machine: Machine) => void;
}

export class Machine {
  readonly config: MachineConfig;
  readonly memory: PhysicalMemory;
  readonly bus = new Bus();
  readonly csrs: CsrFile;
  readonly cores: readonly Core[];
  readonly scheduler = new Scheduler();
  readonly engine: Engine;
  readonly watch = new Watchpoints();
  readonly breakpoints = new Breakpoints();
  /** Extensions put their functions here, in `attach`. */
  readonly hooks: MachineHooks = {};
  readonly customInstructions: CustomInstruction[] = [];
  readonly turns: Turns;
  /** Parts besides devices that have state (persistence, logs); extensions add themselves in `attach`. */
  readonly stateful: (Stateful & { readonly name: string })[] = [];
  readonly memorySnapshots: MemorySnapshots;
  /** Runs before anything is shown to the outside (the backing file of the NVDIMM catches up). */
  readonly beforeOutput: (() => void)[] = [];
  /** Runs before the state is saved to a file: what memory does not hold yet is read in. */
  readonly beforeSave: (() => void)[] = [];
  /** True when the machine answers SBI calls itself. */
  builtInSbi = false;

  private readonly execution: Execution;
  private readonly timeSource: TimeSource;
  private readonly timers: SupervisorTimers;
  private readonly sbi: Sbi;
  private stop: StopReason | undefined;

  constructor(config: MachineConfig = {}, extensions: readonly MachineExtension[] = []) {
    this.config = config;
    this.memory = new PhysicalMemory(layOut(config.harts ?? 1, regionsOf(config)));
    this.memorySnapshots = new MemorySnapshots(this.memory);
    this.csrs = new CsrFile([...STANDARD_CSRS, ...extensions.flatMap((e) => e.csrs ?? [])]);
    const modes = [...STANDARD_MODES, ...extensions.flatMap((e) => e.modes ?? [])];
    this.cores = Array.from({ length: this.memory.layout.harts }, (_, i) => this.makeCore(i, modes));
    this.engine = config.engine ? config.engine(this.memory) : new Interpreter(this.memory);
    this.turns = new Turns({
      cores: this.cores,
      scheduler: this.scheduler,
      quantum: config.quantum ?? (this.cores.length > 1 ? DEFAULT_QUANTUM : SINGLE_QUANTUM),
      execute: (core) => this.execution.run(core),
      stopReason: () => this.stop,
    });
    for (const device of config.devices?.(this.deviceHost()) ?? []) this.bus.add(device);
    this.timeSource =
      this.bus.devices.map(timeSourceOf).find((source) => source !== undefined) ??
      new PlainTime(() => this.now);
    this.timers = new SupervisorTimers(
      this.cores.map((core) => core.hart),
      this.scheduler,
      () => this.timeSource,
      () => this.now,
    );
    this.timeSource.onTimeWritten = () => {
      for (const { hart } of this.cores) this.timers.update(hart);
    };
    this.sbi = new Sbi({
      cores: this.cores,
      memory: this.memory,
      csrs: this.csrs,
      console: busConsole(this.bus),
      power: (request) => this.power(request),
    });
    const rules = extensions.map((e) => e.delegation).filter((rule) => rule !== undefined);
    this.execution = new Execution({
      memory: this.memory,
      bus: this.bus,
      csrs: this.csrs,
      engine: this.engine,
      watch: this.watch,
      breakpoints: this.breakpoints,
      hooks: this.hooks,
      custom: this.customInstructions,
      delegation: combineRules(rules),
      environmentCall: (core) => this.environmentCall(core),
      observeFences: () => this.observeFences(),
      alone: () => this.builtInSbi && this.cores.length === 1,
      interrupted: () => this.stop !== undefined || this.scheduler.dirty,
      stop: (reason) => {
        this.stop ??= reason;
      },
    });
    this.connectMemory();
    this.reset();
    for (const extension of extensions) extension.attach?.(this);
  }

  private makeCore(index: number, modes: readonly TranslationMode[]): Core {
    const hart = new Hart(index, this.memory);
    const mmu = new Mmu(hart, this.memory, modes);
    const environment: HartEnvironment = {
      ticks: () => this.timeSource.time(),
      supervisorTimerChanged: (changed) => this.timers.update(changed),
      translationChanged: () => mmu.update(),
      modeChanged: () => mmu.switchMode(),
      protectionChanged: () => mmu.protectionChanged(),
      hasTranslationMode: (mode) => mmu.hasMode(mode),
    };
    hart.environment = environment;
    mmu.fetchesDropped = () => this.engine?.translationsDropped?.(hart.base);
    const statistics = {
      exceptions: 0,
      interrupts: 0,
      exits: new Array<number>(16).fill(0),
      deviceAccesses: 0,
    };
    return { hart, mmu, statistics };
  }

  /** What devices that extensions add to the bus get, too. */
  deviceHost(): DeviceHost {
    return {
      memory: this.memory,
      hartCount: this.memory.layout.harts,
      now: () => this.now,
      timer: (name, due) => this.scheduler.timer(name, due),
      hartLine: (hart, interrupt) => ({
        set: (level) => this.cores[hart]?.hart.setLine(interrupt, level),
      }),
      power: (request) => this.power(request),
      beforeOutput: () => {
        for (const action of this.beforeOutput) action();
      },
    };
  }

  private connectMemory(): void {
    const { memory } = this;
    const codeStores = new CodeStores(this.engine, memory);
    memory.onStore(PageFlag.code, (page, pa, length) => codeStores.store(page, pa, length));
    memory.flagsAdded = (flags, page) => {
      if (flags & (PageFlag.clean | PageFlag.storeSlow | PageFlag.absent | PageFlag.loadSlow))
        this.dropFast(Access.store);
      if (flags & (PageFlag.absent | PageFlag.loadSlow)) {
        this.dropFast(Access.load);
        if (page < memory.regions[0]!.pages) this.updateWindow(true);
      }
    };
  }

  private environmentCall(core: Core): boolean {
    if (!this.builtInSbi || core.hart.privilege !== Privilege.supervisor) return false;
    this.sbi.call(core);
    return true;
  }

  private power(request: PowerRequest): void {
    this.stop ??= request;
  }

  /** Drops the fast TLBs of one access on all harts: pages have got flags or watchpoints. */
  dropFast(access: Access): void {
    for (const { mmu } of this.cores) mmu.tlb.dropFast(access);
  }

  /** Forbids the direct window while watchpoints or observed DRAM pages need every load to be seen. */
  private updateWindow(observed: boolean): void {
    for (const { mmu } of this.cores) mmu.forbidWindow(observed || this.watch.active);
  }

  /** Guest time in nanoseconds, exact at the present instruction. */
  get now(): number {
    return this.turns.now;
  }

  /** Instructions started by all harts since power-on. */
  get instructions(): number {
    return this.turns.instructions;
  }

  /** Power-on: every register and device to its reset value. Memory keeps its contents. */
  reset(): void {
    this.turns.reset();
    this.scheduler.restore({});
    for (const core of this.cores) {
      resetHart(core, this.csrs);
      core.mmu.dropAll();
      core.mmu.protectionChanged();
    }
    for (const device of this.bus.devices) device.reset?.();
    this.stop = undefined;
  }

  /** Puts the harts where execution begins; after `reset`, with the images in memory. */
  boot(state: BootState): void {
    this.builtInSbi = state.mode === 'supervisor';
    for (const core of this.cores) {
      const { hart } = core;
      if (this.builtInSbi) {
        delegateAll(core, this.csrs);
        hart.runState = RunState.stopped;
        continue;
      }
      hart.pc = state.entry;
      hart.putX(10, BigInt(hart.index));
      hart.putX(11, BigInt(state.dtb));
      hart.putX(12, state.a2 ?? 0n);
    }
    if (this.builtInSbi) startInSupervisor(this.cores[0]!, state.entry, BigInt(state.dtb), this.csrs);
  }

  /** Tells the engines whether fences must reach `hooks.fence`. */
  private observeFences(): void {
    const { fence, fencesMatter } = this.hooks;
    const observed = fence !== undefined && (fencesMatter === undefined || fencesMatter());
    for (const { hart } of this.cores) hart.setScalar(HART.fenceQuiet, observed ? 0 : 1);
  }

  /** Tells the engines whether zeroes of DRAM must reach `hooks.cacheBlock`. */
  private observeZeroes(): void {
    const { cacheBlock, zeroesOfDramMatter } = this.hooks;
    const observed = cacheBlock !== undefined && zeroesOfDramMatter !== false;
    for (const { hart } of this.cores) hart.setScalar(HART.zeroQuiet, observed ? 0 : 1);
  }

  /** Runs until a limit is reached or something stops the machine. A stop is reported once. */
  run(limit: RunLimit = {}): StopReason {
    this.observeFences();
    this.observeZeroes();
    const reason = this.turns.run(limit);
    this.stop = undefined;
    return reason;
  }

  /** Stops the run in progress after the present instruction (to be called from a device or a hook). */
  pause(): void {
    this.stop ??= { kind: 'paused' };
  }

  /** Gives input from the host to a device, now. Whoever wants to replay the run must log it with `instructions`. */
  input(device: string, data: Uint8Array): void {
    const target = this.bus.byName(device);
    if (!target?.input) throw new Error(`there is no device ${device} that takes input`);
    target.input(data);
  }

  /** Takes a copy-on-write snapshot in memory. */
  snapshot(): Snapshot {
    return takeSnapshot(this);
  }

  /** Puts everything back to a snapshot of this machine, of whatever branch. */
  restore(snapshot: Snapshot): void {
    restoreSnapshot(this, snapshot);
    this.breakpoints.rearm();
    this.stop = undefined;
  }

  /** SHA-256 of the whole state: equal for equal runs, on any host. */
  hash(): string {
    return stateHash(this);
  }

  setBreakpoints(addresses: Iterable<bigint>): void {
    this.breakpoints.set(this.engine, addresses);
    this.dropFast(Access.fetch);
    for (const { hart } of this.cores) this.engine.translationsDropped?.(hart.base);
  }

  setWatchpoints(list: Parameters<Watchpoints['set']>[0]): void {
    this.watch.set(list);
    this.dropFast(Access.load);
    this.dropFast(Access.store);
    this.updateWindow(false);
  }

  /** Every write of these CSRs by an instruction is told to `hooks.control`. It costs what leaving translated code costs. */
  observeCsrs(numbers: ReadonlySet<number>): void {
    this.engine.observeCsrs?.(numbers);
  }

  /** The bits of the instruction at a core's pc, or undefined. Without effect. */
  instructionAtPc(core: Core): number | undefined {
    return this.execution.peekInstruction(core);
  }

  /**
   * Copies up to `length` bytes at a virtual address as `core` sees it, without effect on the guest; shorter when
   * a page is not mapped.
   */
  peekVirtual(core: Core, va: bigint, length: number): Uint8Array {
    const out = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const at = va + BigInt(done);
      const pa = core.mmu.peek(at);
      if (pa === undefined) break;
      const count = Math.min(length - done, PAGE_SIZE - Number(at & 0xfffn));
      if (!this.memory.contains(pa, count)) break;
      out.set(this.memory.readBytes(pa, count), done);
      done += count;
    }
    return out.subarray(0, done);
  }
}

function regionsOf(config: MachineConfig): RegionSpec[] {
  const dram: RegionSpec = {
    name: 'DRAM',
    kind: 'dram',
    base: paddr(DRAM_BASE),
    size: config.memory ?? DEFAULT_MEMORY,
  };
  return config.nvdimm ? [dram, { name: 'NVDIMM', kind: 'nvdimm', ...config.nvdimm }] : [dram];
}

function combineRules(rules: readonly DelegationRule[]): DelegationRule | undefined {
  if (rules.length === 0) return undefined;
  return (hart, cause, privilege) => {
    for (const rule of rules) {
      const decided = rule(hart, cause, privilege);
      if (decided !== undefined) return decided;
    }
    return undefined;
  };
}

/** Everything zero but what the CSR table says; M-mode. */
function resetHart(core: Core, csrs: CsrFile): void {
  const { hart } = core;
  const { i32, word } = hart;
  i32.fill(0, word, word + (HART.pc >> 2)); // x and f
  i32.fill(0, word + (HART.csrs >> 2), word + (HART_REGISTER_BYTES >> 2));
  i32.fill(0, word + (HART.pointerLookaside >> 2), word + ((HART.pointerLookaside + POINTER_BYTES) >> 2));
  i32.fill(0, word + (HART.slotCache >> 2), word + ((HART.slotCache + SLOT_CACHE_BYTES) >> 2));
  for (const offset of [
    HART.fflags,
    HART.frm,
    HART.fs,
    HART.reserved,
    HART.retiredBase,
    HART.retiredBase + 4,
    HART.pointerOwner,
    HART.pointerOwner + 4,
  ])
    hart.setScalar(offset, 0);
  hart.setPc(0, 0);
  hart.loadBudget(0);
  csrs.reset(hart);
  hart.privilege = Privilege.machine;
  hart.setCellLo(Slot.runState, RunState.running);
  hart.attention = true;
}

/** What firmware sets up before it enters a kernel: everything delegated, all memory open, Sstc and counters on. */
function delegateAll(core: Core, csrs: CsrFile): void {
  const { hart } = core;
  const set = (csr: number, value: bigint): void => {
    csrs.poke(hart, csr, value);
  };
  set(Csr.medeleg, 0xffff_ffffn & ~(1n << 9n));
  set(Csr.mideleg, 0x222n);
  set(Csr.mcounteren, 0xffff_ffffn);
  set(Csr.scounteren, 7n);
  set(Csr.menvcfg, (1n << 63n) | 0xf1n);
  set(Csr.stimecmp, 0xffff_ffff_ffff_ffffn);
  set(Csr.pmpaddr0, 0x3f_ffff_ffff_ffffn);
  set(Csr.pmpcfg0, 0x1fn);
  core.mmu.update();
}
