/**
 * The machine that comes up after a power failure: the same program, from reset, on NVDIMM contents that are not
 * decided yet. Each undetermined block is a set of legal contents; when recovery reads a byte that differs among
 * them, somebody decides its value and the set shrinks. Blocks, and bytes, that recovery never reads stay open, so
 * one run stands for all images that agree on what it read.
 *
 * Invariants: before each read, memory shows one content of every block's set, except for the bytes that recovery
 * has stored over; those are its own and tell nothing about the failure. Recovery's `cbo.inval` acts as `cbo.flush`.
 */
import { CACHE_BLOCK_SIZE, PAGE_SIZE } from '../../emulator/addresses.ts';
import { Computer } from '../../emulator/boot/computer.ts';
import { PageFlag } from '../../emulator/cpu/state.ts';
import type { StopReason } from '../../emulator/machine/config.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import { Initiator } from '../../emulator/machine/memory.ts';
import type { Snapshot } from '../../emulator/machine/state.ts';
import { type BlockNumber, blockStart } from '../../emulator/nvdimm/dpa.ts';
import type { BlockImages } from '../../emulator/nvdimm/images.ts';
import type { Nvdimm } from '../../emulator/nvdimm/nvdimm.ts';
import { TortureDevice } from './device.ts';
import { type BlockSets, DEFAULTS, mediaOf, type Program } from './workload.ts';

/** Recovery read byte `offset` (0–63) of `block`, which had several legal values, and it was `value`. */
export interface Decision {
  readonly block: BlockNumber;
  readonly offset: number;
  readonly value: number;
}

/** Picks one of the values (ascending, at least two) of a byte; `set` holds the block's legal contents. */
export type Decide = (
  values: readonly number[],
  set: BlockImages,
  block: BlockNumber,
  offset: number,
) => number;

/** One run of recovery. */
export interface Path {
  readonly decisions: readonly Decision[];
  /** What every block may still be. */
  readonly sets: BlockSets;
  readonly reason: StopReason;
  readonly output: string;
}

/** A block during a run. */
interface OpenBlock {
  set: BlockImages;
  /** 1 for each byte that recovery has stored to. */
  readonly stored: Uint8Array;
}

export class RecoveryMachine {
  private readonly machine: Machine;
  private readonly nvdimm: Nvdimm;
  private readonly device = new TortureDevice();
  private readonly budget: number;
  private readonly start: Snapshot;
  private crashed: Snapshot;
  private output = '';
  private readonly observed = new Set<number>();
  private readonly open = new Map<number, OpenBlock>();
  private decide: Decide = (values) => values[0]!;
  private decisions: Decision[] = [];

  constructor(program: Program) {
    const computer = new Computer({
      memory: program.memory ?? DEFAULTS.memory,
      seed: 0,
      uartOutput: (byte) => {
        this.output += String.fromCharCode(byte);
      },
      nvdimm: { media: mediaOf(program), writeThrough: false },
      extensions: [{ name: 'torture', attach: (machine) => machine.bus.add(this.device) }],
    });
    this.machine = computer.machine;
    this.nvdimm = computer.nvdimm!;
    this.budget = program.budget ?? DEFAULTS.budget;
    const { machine, nvdimm } = this;
    const { region } = nvdimm;
    machine.memory.onLoad((pa, length, initiator) => {
      if (initiator !== Initiator.host && this.open.size > 0) this.load(pa - region.base, length);
      return true;
    });
    machine.memory.onStore(PageFlag.storeSlow, (_page, pa, length, initiator) => {
      if (initiator !== Initiator.host && this.open.size > 0) this.store(pa - region.base, length);
    });
    const { cacheBlock } = machine.hooks;
    machine.hooks.cacheBlock = (operation, pa, hart) =>
      cacheBlock?.(operation === 'inval' ? 'flush' : operation, pa, hart);
    computer.boot({ kernel: program.elf, bare: true });
    nvdimm.readAll();
    nvdimm.powerOn();
    nvdimm.powerOn(); // the second time after a shutdown that was not in order
    this.start = machine.snapshot();
    this.crashed = this.start;
  }

  /** Goes to a crash point: what was visible then, without what is undetermined. */
  prepare(visible: Uint8Array, acknowledged: number): void {
    const { machine, nvdimm } = this;
    const { memory } = machine;
    const { region } = nvdimm;
    for (const page of this.observed) {
      memory.clearFlag(page, PageFlag.loadSlow);
      memory.clearFlag(page, PageFlag.storeSlow);
    }
    this.observed.clear();
    this.open.clear();
    machine.restore(this.start);
    for (let at = 0; at < region.size; at += PAGE_SIZE) {
      const now = memory.u8.subarray(region.host + at, region.host + at + PAGE_SIZE);
      const wanted = visible.subarray(at, at + PAGE_SIZE);
      if (Buffer.compare(now, wanted) !== 0) memory.writeBytes(region.base + at, wanted, Initiator.host);
    }
    this.device.acknowledged = acknowledged;
    this.crashed = machine.snapshot();
  }

  /** Runs recovery from the prepared crash point, on contents out of `sets` that `decide` picks as they are read. */
  run(sets: BlockSets, decide: Decide): Path {
    const { machine, nvdimm } = this;
    const { memory } = machine;
    machine.restore(this.crashed);
    this.open.clear();
    for (const [block, set] of sets) {
      const page = nvdimm.region.firstPage + Math.floor(blockStart(block) / PAGE_SIZE);
      if (!this.observed.has(page)) {
        this.observed.add(page);
        memory.setFlag(page, PageFlag.loadSlow | PageFlag.storeSlow);
      }
      memory.writeBytes(nvdimm.region.base + blockStart(block), set.at(0n), Initiator.host);
      this.open.set(block, { set, stored: new Uint8Array(CACHE_BLOCK_SIZE) });
    }
    this.output = '';
    this.decide = decide;
    this.decisions = [];
    const reason = machine.run({ instructions: this.budget });
    return {
      decisions: this.decisions,
      sets: new Map([...sets.keys()].map((block) => [block, this.open.get(block)!.set])),
      reason,
      output: this.output,
    };
  }

  /** Bytes are about to be read: each that is still undecided is decided now. */
  private load(from: number, length: number): void {
    for (let at = from; at < from + length; at++) {
      const block = Math.floor(at / CACHE_BLOCK_SIZE) as BlockNumber;
      const open = this.open.get(block);
      const offset = at % CACHE_BLOCK_SIZE;
      if (open === undefined || open.stored[offset] === 1 || open.set.determined) continue;
      const values = open.set.valuesAt(offset);
      if (values.length === 1) continue;
      const value = this.decide(values, open.set, block, offset);
      open.set = open.set.restrict(offset, value);
      this.decisions.push({ block, offset, value });
      this.show(block, open);
    }
  }

  private store(from: number, length: number): void {
    for (let at = from; at < from + length; at++) {
      const open = this.open.get(Math.floor(at / CACHE_BLOCK_SIZE));
      if (open) open.stored[at % CACHE_BLOCK_SIZE] = 1;
    }
  }

  /** Memory shows a content of the block's set, under what recovery has stored. */
  private show(block: BlockNumber, { set, stored }: OpenBlock): void {
    const { memory } = this.machine;
    const pa = this.nvdimm.region.base + blockStart(block);
    const shown = set.at(0n);
    const now = memory.readBytes(pa, CACHE_BLOCK_SIZE);
    for (let i = 0; i < CACHE_BLOCK_SIZE; i++) if (stored[i] === 1) shown[i] = now[i]!;
    memory.writeBytes(pa, shown, Initiator.host);
  }
}
