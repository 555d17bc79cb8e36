/**
 * Runs a bare-metal program once, with every store to the NVDIMM recorded, and reports the instants at which a power
 * failure can leave something that it cannot leave at any other: just before each fence that makes stores
 * persistent, before each acknowledgement, before a discarding `cbo.inval`, and at the end. Between two of them the
 * set of legal images only grows, so nothing is lost by looking at these alone.
 *
 * Invariant: the run is deterministic; crash point n of one run is crash point n of every other.
 */
import { MiB } from '../../emulator/addresses.ts';
import { Computer } from '../../emulator/boot/computer.ts';
import type { ImageFile } from '../../emulator/boot/image.ts';
import { UserError } from '../../emulator/errors.ts';
import type { StopReason } from '../../emulator/machine/config.ts';
import { type BlockNumber, dpa } from '../../emulator/nvdimm/dpa.ts';
import type { BlockImages } from '../../emulator/nvdimm/images.ts';
import { MemoryMedia } from '../../emulator/nvdimm/media.ts';
import type { Nvdimm } from '../../emulator/nvdimm/nvdimm.ts';
import type { StoreUnit } from '../../emulator/nvdimm/pending.ts';
import type { PersistencyEngine } from '../../emulator/nvdimm/persistency.ts';
import { TortureDevice } from './device.ts';

export interface Program {
  readonly elf: ImageFile;
  /** What the media hold at first; zeros by default. At most `nvdimm` bytes. */
  readonly media?: Uint8Array;
  /** Bytes of DRAM; default 16 MiB. */
  readonly memory?: number;
  /** Bytes of NVDIMM; default 1 MiB. */
  readonly nvdimm?: number;
  /** Instructions that the workload, and each recovery, may take before it counts as hung; default 10 million. */
  readonly budget?: number;
}

export const DEFAULTS = { memory: 16 * MiB, nvdimm: MiB, budget: 10_000_000 } as const;

/** Blocks of which a failure may leave more than one content, and which ones. */
export type BlockSets = ReadonlyMap<BlockNumber, BlockImages>;

/** An instant at which the power may fail. */
export interface CrashPoint {
  /** 0, 1, … in the order of the run. */
  readonly index: number;
  readonly kind: 'fence' | 'acknowledgement' | 'invalidation' | 'end';
  /** Of the instruction before which it lies. */
  readonly pc: bigint;
  /** Instructions retired before. */
  readonly instret: number;
  /** The last acknowledged operation. */
  readonly acknowledged: number;
  /** The number of legal images, by the persistency engine. */
  readonly legal: bigint;
  readonly sets: BlockSets;
  /** The pending stores of each block of `sets`, oldest first. */
  readonly stores: ReadonlyMap<BlockNumber, readonly StoreUnit[]>;
  /** For each block of `sets`, the place in memory order up to which cache-block operations wrote it back. */
  readonly writtenBack: ReadonlyMap<BlockNumber, number>;
  /** The NVDIMM's bytes as loads see them; valid while the point is being visited. */
  readonly visible: Uint8Array;
}

/** Media of a program, each time fresh ones. */
export function mediaOf(program: Program): MemoryMedia {
  const size = program.nvdimm ?? DEFAULTS.nvdimm;
  const media = new MemoryMedia(size);
  if (program.media) {
    if (program.media.length > size)
      throw new UserError(`torture: the media's image has ${program.media.length} bytes, the NVDIMM ${size}`);
    media.write(dpa(0), program.media);
  }
  return media;
}

/**
 * Runs the workload to its end and visits its crash points in order.
 * @returns why it ended, and what it printed
 * @throws UserError when the workload does not end by the test finisher with code 0
 */
export function runWorkload(program: Program, visit: (point: CrashPoint) => void): { output: string } {
  let output = '';
  let index = 0;
  let nvdimm: Nvdimm | undefined;
  const device = new TortureDevice(() => crash('acknowledgement'));
  const computer = new Computer({
    memory: program.memory ?? DEFAULTS.memory,
    seed: 0,
    uartOutput: (byte) => {
      output += String.fromCharCode(byte);
    },
    nvdimm: { media: mediaOf(program), recording: true, writeThrough: false },
    extensions: [{ name: 'torture', attach: (machine) => machine.bus.add(device) }],
  });
  nvdimm = computer.nvdimm!;
  const { machine } = computer;
  const { region } = nvdimm;

  function crash(kind: CrashPoint['kind']): void {
    const { engine } = nvdimm!;
    const hart = machine.turns.current.hart;
    const blocks = engine.undetermined();
    visit({
      index: index++,
      kind,
      pc: hart.pc,
      instret: machine.instructions + (kind === 'end' ? 0 : hart.executed),
      acknowledged: device.acknowledged,
      legal: engine.countImages(),
      sets: new Map(blocks.map((block) => [block, engine.images(block)])),
      stores: new Map(blocks.map((block) => [block, engine.pendingStores(block)])),
      writtenBack: writtenBackOf(engine, blocks),
      visible: machine.memory.u8.subarray(region.host, region.host + region.size),
    });
  }

  const { fence, cacheBlock } = machine.hooks;
  machine.hooks.fence = (pred, succ, hart) => {
    if (nvdimm.fenceMatters(pred, succ, hart.index)) crash('fence');
    fence?.(pred, succ, hart);
  };
  machine.hooks.cacheBlock = (operation, pa, hart) => {
    if (operation === 'inval' && pa >= region.base && pa < region.base + region.size) crash('invalidation');
    cacheBlock?.(operation, pa, hart);
  };
  computer.boot({ kernel: program.elf, bare: true });
  nvdimm.readAll();
  nvdimm.powerOn();
  const reason = machine.run({ instructions: program.budget ?? DEFAULTS.budget });
  if (reason.kind !== 'exit' || reason.code !== 0) {
    throw new UserError(
      `${program.elf.name}: the workload itself, without a power failure, ${describeStop(reason)}`,
    );
  }
  crash('end');
  return { output };
}

/** Read from a snapshot: the engine does not tell it otherwise. */
function writtenBackOf(engine: PersistencyEngine, blocks: readonly BlockNumber[]): Map<BlockNumber, number> {
  const state = engine.snapshot();
  return new Map(blocks.map((block) => [block, state.blocks.get(block)?.writtenBack ?? 0]));
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
