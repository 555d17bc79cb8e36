/**
 * A core as a scoreboard. Each instruction is dispatched in order (so many in a cycle, while the window has room),
 * starts when its operands are ready, and is done after its latency; registers remember when they will be ready. So
 * independent misses overlap, and dependent ones do not. Mispredicted branches, instruction-cache misses, full store
 * buffers, fences and system instructions delay the dispatch of what follows.
 *
 * What it leaves out: ports and their conflicts, store forwarding (a load that hits costs the same), prefetchers,
 * wrong-path work, the fine order of the memory system among harts that take turns.
 */
import { HART } from '../cpu/state.ts';
import { TRACE_RECORD } from '../cpu/trace.ts';
import { BranchPredictor } from './branch-predictor.ts';
import { Cache } from './cache.ts';
import type { MemorySystem } from './memory-system.ts';
import { Kind, OperationBit, type Operations } from './operations.ts';
import type { TimingProfile } from './profile.ts';

/** Counts of a core since power-on (or of a region of interest, as differences). */
export interface CoreCounts {
  instructions: number;
  cycles: number;
  loads: number;
  stores: number;
  fences: number;
  /** Cycles that dispatch waited for fences. */
  fenceCycles: number;
  writeBacks: number;
  systemInstructions: number;
  branches: number;
  mispredictions: number;
  tlbMisses: number;
  pageWalks: number;
  instructionMisses: number;
}

/** Registers that calls put their return address in (the manual's hints for return-address stacks): x1 and x5. */
const LINK = 1;
const ALTERNATE_LINK = 5;
const REGISTERS = 64;

export class CoreModel {
  readonly predictor: BranchPredictor;
  private readonly firstLevel: Cache;
  private readonly instructionCache: Cache;
  private readonly tlb: Cache;
  private readonly secondTlb: Cache;
  /** Cycle at which each register is ready: 0–31 integer, 32–63 floating point. */
  private readonly ready = new Float64Array(REGISTERS);
  /** Retirement cycles of the last `window` instructions, a ring. */
  private readonly retired: Float64Array;
  private ring = 0;
  private dispatch = 0;
  private slot = 0;
  private lastRetire = 0;
  /** Outstanding misses: when each buffer is free, and what it fetches. */
  private readonly missFree: Float64Array;
  private readonly missLine: Int32Array;
  private nextMiss = 0;
  private lastMissDone = 0;
  /** When each store-buffer entry is free, a ring; and when the last store reached the cache. */
  private readonly storeFree: Float64Array;
  private nextStore = 0;
  private lastDrain = 0;
  /** When every write-back so far has been accepted. */
  private writeBackDone = 0;
  /** Lines zeroed without having been read, so that writing them back goes the short way. */
  private readonly zeroed = new Set<number>();
  private fetchLine = -1;

  private instructions = 0;
  private loads = 0;
  private stores = 0;
  private fences = 0;
  private fenceCycles = 0;
  private writeBacks = 0;
  private systemInstructions = 0;
  private tlbMisses = 0;
  private pageWalks = 0;

  /** Called with the number that a region-of-interest mark gives (docs/timing.md). */
  onMark: (mark: number) => void = () => {};

  constructor(
    private readonly profile: TimingProfile,
    private readonly memory: MemorySystem,
    private readonly core: number,
    private readonly operations: Operations,
  ) {
    const { core: c, tlb } = profile;
    this.predictor = new BranchPredictor(profile);
    this.firstLevel = memory.firstLevel[core]!;
    this.instructionCache = new Cache(profile.instructionCache);
    this.tlb = new Cache({ bytes: tlb.entries * 64, ways: tlb.ways, latency: 0 });
    this.secondTlb = new Cache({ bytes: tlb.secondEntries * 64, ways: tlb.secondWays, latency: 0 });
    this.retired = new Float64Array(c.window);
    this.missFree = new Float64Array(c.missBuffers);
    this.missLine = new Int32Array(c.missBuffers).fill(-1);
    this.storeFree = new Float64Array(c.storeBuffer);
  }

  /** The cycle at which everything so far has retired. */
  get cycles(): number {
    return Math.max(this.lastRetire, this.dispatch);
  }

  counts(): CoreCounts {
    return {
      instructions: this.instructions,
      cycles: this.cycles,
      loads: this.loads,
      stores: this.stores,
      fences: this.fences,
      fenceCycles: this.fenceCycles,
      writeBacks: this.writeBacks,
      systemInstructions: this.systemInstructions,
      branches: this.predictor.predictions,
      mispredictions: this.predictor.mispredictions,
      tlbMisses: this.tlbMisses,
      pageWalks: this.pageWalks,
      instructionMisses: this.instructionCache.misses,
    };
  }

  /**
   * Takes the trace records between two linear-memory addresses.
   * @param words linear memory as 32-bit words
   * @param nextPc low half of the pc behind the last record
   * @param hostLine the line number of a virtual address that the records accessed (halves)
   * @param paging whether data accesses go through the TLB
   */
  consume(
    words: Int32Array,
    from: number,
    to: number,
    nextPc: number,
    hostLine: (low: number, high: number, store: boolean) => number,
    paging: boolean,
  ): void {
    const { packed, latency } = this.operations;
    const { ready, retired, firstLevel } = this;
    const { width, mispredict, window } = this.profile.core;
    const hitLatency = this.profile.firstLevel.latency;
    const step = TRACE_RECORD.size >> 2;
    const end = to >> 2;
    let { ring, dispatch, slot, lastRetire } = this;
    for (let at = from >> 2; at < end; at += step) {
      const pc = words[at]!;
      const record = words[at + 2]!;
      const operation = packed[record & 0xff]!;

      // Fetch.
      const line = pc >>> 6;
      if (line !== this.fetchLine) {
        this.fetchLine = line;
        if (!this.instructionCache.access(line, false)) {
          this.instructionCache.fill(line, false);
          dispatch += this.profile.secondLevel.latency;
          slot = 0;
        }
      }

      // Dispatch.
      if (slot === width) {
        dispatch++;
        slot = 0;
      }
      slot++;
      if (retired[ring]! > dispatch) {
        dispatch = retired[ring]!;
        slot = 1;
      }

      // Operands.
      let start = dispatch;
      if (operation & (OperationBit.rs1 | OperationBit.fs1)) {
        const register = ((record >>> 11) & 31) + (operation & OperationBit.fs1 ? 32 : 0);
        if (ready[register]! > start) start = ready[register]!;
      }
      const second = (operation >> OperationBit.rs2Shift) & 3;
      if (second !== 0) {
        const field = operation & OperationBit.rs2Early ? record >>> 19 : words[at + 3]! >>> 3;
        const register = (field & 31) + (second === 2 ? 32 : 0);
        if (ready[register]! > start) start = ready[register]!;
        if (operation & OperationBit.fs3) {
          const third = ((words[at + 3]! >>> 11) & 31) + 32;
          if (ready[third]! > start) start = ready[third]!;
        }
      }

      // Execution.
      let done: number;
      const kind = operation & 7;
      switch (kind) {
        case Kind.plain:
          done = start + latency[record & 0xff]!;
          break;
        case Kind.load: {
          const low = words[at + 4]!;
          const high = operation & OperationBit.pointer ? words[at + 5]! & 0x7fff_ffff : words[at + 5]!;
          if (paging) start = this.translate(low, high, start);
          const host = hostLine(low, high, false);
          this.loads++;
          if (firstLevel.access(host, false)) {
            done = start + hitLatency;
            if (this.lastMissDone > done) done = this.inFlight(host, done);
          } else done = this.miss(host, false, start);
          if (operation & OperationBit.pointer) {
            const { pointer, lookaside } = this.profile.core.latency;
            done += words[at + 5]! < 0 ? pointer + lookaside : pointer;
          }
          break;
        }
        case Kind.store: {
          const low = words[at + 4]!;
          if (paging) start = this.translate(low, words[at + 5]!, start);
          done = start + 1;
          const free = this.storeFree[this.nextStore]!;
          if (free > dispatch) {
            dispatch = free;
            slot = 1;
          }
          this.store(hostLine(low, words[at + 5]!, true), Math.max(done, lastRetire));
          break;
        }
        case Kind.atomic: {
          const low = words[at + 4]!;
          if (paging) start = this.translate(low, words[at + 5]!, start);
          // A locked access: alone in the memory system, after the stores before it.
          start = Math.max(start, this.lastDrain);
          const host = hostLine(low, words[at + 5]!, true);
          this.loads++;
          this.stores++;
          done = firstLevel.access(host, true) ? start : this.miss(host, true, start);
          done += this.profile.core.latency.atomic;
          this.lastDrain = done;
          break;
        }
        default: {
          done = start + 1;
          const target = at + step < end ? words[at + step]! : nextPc;
          const next = (pc + (operation & OperationBit.short ? 2 : 4)) | 0;
          let expected = true;
          if (kind === Kind.branch) expected = this.predictor.branch(pc, target !== next);
          else if (kind === Kind.mark) {
            const destination = record >>> 16;
            if (destination === HART.sink) {
              this.save(ring, dispatch, slot, lastRetire);
              this.onMark(words[at + 3]!);
            }
          } else {
            const rd = record >>> 16;
            const links = rd === 8 * LINK || rd === 8 * ALTERNATE_LINK;
            if (links) this.predictor.call(next);
            if (kind === Kind.indirect) {
              const rs1 = (record >>> 11) & 31;
              const returns = !links && (rs1 === LINK || rs1 === ALTERNATE_LINK);
              expected = returns ? this.predictor.returnTo(target) : this.predictor.indirect(pc, target);
            }
          }
          if (!expected) {
            dispatch = Math.max(dispatch, done + mispredict);
            slot = 0;
          }
        }
      }

      // Results.
      if (operation & OperationBit.rd) {
        // Byte offset of the register's cell; that of x0 is beyond all registers.
        const rd = record >>> 19;
        if (rd < 32) ready[rd] = done;
      } else if (operation & OperationBit.fd) ready[32 + ((record >>> 19) & 31)] = done;
      if (done > lastRetire) lastRetire = done;
      retired[ring] = lastRetire;
      if (++ring === window) ring = 0;
      this.instructions++;
    }
    this.save(ring, dispatch, slot, lastRetire);
  }

  /** An instruction that the trace does not have, which empties the pipeline: CSR access, trap, return. */
  system(): void {
    this.instructions++;
    this.systemInstructions++;
    this.drainPipeline(this.profile.core.latency.system);
  }

  /** `xtwz.pfill`: writes the lookaside; nothing waits for it. */
  pointerFill(): void {
    this.instructions++;
    this.dispatch++;
    this.slot = 0;
  }

  /** An access to a device, or another slow one done outside of the engine. */
  device(): void {
    this.instructions++;
    this.drainPipeline(this.profile.core.latency.device);
  }

  /** A FENCE. @param writes W is among its predecessors @param outputs O is */
  fence(writes: boolean, outputs: boolean): void {
    this.instructions++;
    this.fences++;
    const before = Math.max(this.dispatch, this.lastRetire);
    let done = before;
    if (writes) done = Math.max(done, this.lastDrain, this.writeBackDone);
    if (outputs) done = Math.max(done, this.writeBackDone);
    done += this.profile.core.latency.fence;
    this.fenceCycles += done - before;
    this.resume(done);
  }

  /** A cache-block operation on a line. */
  cacheBlock(operation: 'inval' | 'clean' | 'flush' | 'zero', line: number): void {
    this.instructions++;
    const now = Math.max(this.dispatch, operation === 'zero' ? 0 : this.lastDrain);
    if (operation === 'zero') {
      if (!this.firstLevel.access(line, true)) {
        this.zeroed.add(line);
        this.memory.zero(this.core, line, now);
      }
      this.lastDrain = Math.max(this.lastDrain + 1, now);
      return;
    }
    if (operation === 'inval') return;
    this.writeBacks++;
    const streamed = this.zeroed.delete(line);
    const done = this.memory.writeBack(this.core, line, operation === 'flush', streamed, now);
    this.writeBackDone = Math.max(this.writeBackDone, done);
    // Write-backs share the miss buffers: when all wait, dispatch does too.
    const free = this.missFree[this.nextMiss]!;
    if (free > this.dispatch) this.dispatch = free;
    this.missFree[this.nextMiss] = done;
    this.missLine[this.nextMiss] = -1;
    this.nextMiss = (this.nextMiss + 1) % this.missFree.length;
  }

  private save(ring: number, dispatch: number, slot: number, lastRetire: number): void {
    this.ring = ring;
    this.dispatch = dispatch;
    this.slot = slot;
    this.lastRetire = lastRetire;
  }

  private drainPipeline(latency: number): void {
    this.resume(Math.max(this.dispatch, this.lastRetire) + latency);
  }

  private resume(cycle: number): void {
    this.dispatch = cycle;
    this.lastRetire = cycle;
    this.slot = 0;
  }

  /** Address translation of a data access that can start at `start`. Returns when its address is known. */
  private translate(low: number, high: number, start: number): number {
    const page = (low >>> 12) | (high << 20);
    if (this.tlb.access(page, false)) return start;
    this.tlb.fill(page, false);
    this.tlbMisses++;
    const { secondLatency, walkLatency } = this.profile.tlb;
    if (this.secondTlb.access(page, false)) return start + secondLatency;
    this.secondTlb.fill(page, false);
    this.pageWalks++;
    return start + secondLatency + walkLatency;
  }

  /** A miss of the first level. Returns when the data are there. */
  private miss(line: number, write: boolean, start: number): number {
    const buffer = this.nextMiss;
    const begin = Math.max(start, this.missFree[buffer]!);
    const done = this.memory.fetch(this.core, line, write, begin);
    this.missFree[buffer] = done;
    this.missLine[buffer] = line;
    this.nextMiss = buffer + 1 === this.missFree.length ? 0 : buffer + 1;
    if (done > this.lastMissDone) this.lastMissDone = done;
    return done;
  }

  /** When a line that the tags have is really there: it may still be on its way for an earlier miss. */
  private inFlight(line: number, done: number): number {
    for (let i = 0; i < this.missLine.length; i++) {
      if (this.missLine[i] === line && this.missFree[i]! > done) return this.missFree[i]!;
    }
    return done;
  }

  /** A store retires at cycle `now`: it waits in the store buffer until it is first, and its line is there. */
  private store(line: number, now: number): void {
    this.stores++;
    let drain = Math.max(this.lastDrain + 1, now);
    if (this.firstLevel.access(line, true)) {
      if (this.lastMissDone > drain) drain = Math.max(drain, this.inFlight(line, drain));
    } else drain = Math.max(drain, this.miss(line, true, now));
    this.lastDrain = drain;
    this.storeFree[this.nextStore] = drain;
    this.nextStore = this.nextStore + 1 === this.storeFree.length ? 0 : this.nextStore + 1;
  }
}
