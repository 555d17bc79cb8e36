/**
 * Runs the stress program (guest/stress/stress.ts) as `init` of a machine, takes its log out of the machine's memory, and feeds the model.
 */
import { join } from 'node:path';
import { MiB, PAGE_SIZE } from '../../emulator/addresses.ts';
import type { StopReason } from '../../emulator/machine/config.ts';
import type { EngineFactory } from '../../emulator/machine/engine.ts';
import { Initiator } from '../../emulator/machine/memory.ts';
import type { MemoryMedia } from '../../emulator/nvdimm/media.ts';
import { compile } from '../../tools/compiler/compile.ts';
import { appendText, writeArchive } from '../../tools/guest/archive.ts';
import { Layouts, packageRoot } from '../../tools/guest/layouts.ts';
import * as R from '../stress/record.ts';
import { type Operation, StressModel } from './stress-model.ts';
import { System } from './system.ts';

/** The layouts of the guest's formats. */
export const layouts = Layouts.load();

const programs = new Map<string, Uint8Array>();

/** A program of guest/stress, compiled once. */
function stressProgram(name: string): Uint8Array {
  let elf = programs.get(name);
  if (elf === undefined) {
    const file = join(packageRoot(), 'guest', 'stress', `${name}.ts`);
    const result = compile(file, { target: 'program', optimise: true });
    if (!result.ok) throw new Error(result.diagnostics.map(({ message }) => message).join('\n'));
    elf = result.elf;
    programs.set(name, elf);
  }
  return elf;
}

/** A boot archive with one of these programs as `init`, and numbers for it. */
export function stressArchive(
  name: string,
  ...parameters: (number | bigint)[]
): { name: string; bytes: Uint8Array } {
  const archive = writeArchive([{ name: 'init', elf: stressProgram(name) }], layouts);
  return { name: `${name}.img`, bytes: appendText(archive, '.stress', parameters.join(' '), layouts) };
}

export interface StressOptions {
  readonly seed: number;
  readonly operations: number;
  readonly workers: number;
  readonly media: MemoryMedia;
  readonly harts?: number;
  /** Capabilities, delegations and gates, too (guest/stress/security.ts): some ten million instructions for each worker's signatures. */
  readonly security?: boolean;
  readonly recording?: boolean;
  readonly engine?: EngineFactory;
}

/** The ID of a creation of which the log does not have all of the ID yet. */
export const EMPTY_ID = '0000000000000000:0000000000000000';

export class StressRun {
  readonly system: System;
  readonly model: StressModel;
  /** Operations taken and compared. */
  done = 0;
  private readonly u32: Uint32Array;
  /** By worker and page of its ring: index in `u32`. */
  private pages: number[][] | undefined;
  /** Operations taken of each worker's. */
  private readonly taken: number[];

  constructor(private readonly options: StressOptions) {
    this.system = new System({
      media: options.media,
      memory: 32 * MiB,
      harts: options.harts ?? 4,
      recording: options.recording === true,
      writeThrough: options.recording !== true,
      quiet: true,
      ...(options.engine && { engine: options.engine }),
      archive: stressArchive(
        'stress',
        options.seed,
        options.operations,
        options.workers,
        Number(options.security === true),
      ),
    });
    this.model = new StressModel(options.workers);
    this.taken = Array.from({ length: options.workers }, () => 0);
    const { u8 } = this.system.computer.machine.memory;
    this.u32 = new Uint32Array(u8.buffer);
  }

  /** Runs for so many instructions of all harts, then compares what has been done. */
  run(instructions: number): StopReason {
    const reason = this.system.run(instructions);
    this.drain();
    return reason;
  }

  /**
   * Takes completed operations in the order of their tickets. One that got its ticket and is not complete yet is taken later: it
   * concerns other objects than those that are complete (exchanges complete before the next one begins).
   */
  private drain(): void {
    if (this.pages === undefined) {
      if (!this.system.output.includes('stress ready')) return;
      this.pages = this.findLog();
    }
    for (;;) {
      let first = -1;
      let ticket = Number.POSITIVE_INFINITY;
      for (let worker = 0; worker < this.options.workers; worker++) {
        const taken = this.taken[worker]!;
        const at = this.recordAt(worker, taken);
        if (this.u32[at] !== (2 * taken + 4) >>> 0 || this.u32[at + 14]! >= ticket) continue;
        ticket = this.u32[at + 14]!;
        first = worker;
      }
      if (first < 0) break;
      this.model.apply(this.operationAt(first, this.recordAt(first, this.taken[first]!)));
      this.taken[first]!++;
      this.done++;
    }
    for (let worker = 0; worker < this.options.workers; worker++) this.tellTaken(worker);
  }

  /** The operation that a worker is in the middle of. */
  inFlight(worker: number): Operation | undefined {
    if (this.pages === undefined) return undefined;
    const at = this.recordAt(worker, this.taken[worker]!);
    const begun = this.u32[at] === (2 * this.taken[worker]! + 3) >>> 0;
    if (!begun) return undefined;
    const operation = this.operationAt(worker, at);
    // The ID is two words: one of them may be there.
    return /\b0{16}\b/.test(operation.id) ? { ...operation, id: EMPTY_ID } : operation;
  }

  private recordAt(worker: number, index: number): number {
    const page = this.pages![worker]![Math.floor(index / R.LOG_PER_PAGE) % R.LOG_PAGES]!;
    return page + 16 + (index % R.LOG_PER_PAGE) * 16;
  }

  private operationAt(worker: number, at: number): Operation {
    const { u32 } = this;
    const what = u32[at + 2]!;
    const where = u32[at + 3]!;
    const hex = (word: number): string => u32[at + word]!.toString(16).padStart(8, '0');
    return {
      worker,
      op: what & 255,
      slot: (what >>> 8) & 255,
      other: (what >>> 16) & 255,
      flags: what >>> 24,
      page: where & 255,
      page2: (where >>> 8) & 255,
      count: (where >>> 16) & 255,
      value: u32[at + 4]!,
      result: u32[at + 6]! | 0,
      finding: u32[at + 8]!,
      findingHigh: u32[at + 9]!,
      id: (what & 255) === R.OP_CREATE ? `${hex(13)}${hex(12)}:${hex(11)}${hex(10)}` : '',
    };
  }

  private tellTaken(worker: number): void {
    const word = this.pages![worker]![0]! + R.LOG_HEADER_TAKEN * 2;
    if (this.u32[word] === this.taken[worker]! >>> 0) return;
    const { memory } = this.system.computer.machine;
    const dram = memory.regions[0]!;
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, this.taken[worker]!, true);
    memory.writeBytes(dram.base + (word * 4 - dram.host), bytes, Initiator.host);
  }

  /** Finds the pages of the log by their headers. */
  private findLog(): number[][] {
    const found = Array.from({ length: this.options.workers }, () => new Array<number>(R.LOG_PAGES).fill(0));
    const dram = this.system.computer.machine.memory.regions[0]!;
    const low = Number(BigInt(R.LOG_MAGIC) & 0xffff_ffffn);
    for (let host = dram.host as number; host < dram.host + dram.size; host += PAGE_SIZE) {
      const at = host / 4;
      if (this.u32[at] !== low || this.u32[at + 1] !== Math.floor(R.LOG_MAGIC / 2 ** 32)) continue;
      found[this.u32[at + R.LOG_HEADER_WORKER * 2]!]![this.u32[at + R.LOG_HEADER_PAGE * 2]!] = at;
    }
    if (found.flat().includes(0)) throw new Error('not all pages of the log were found');
    return found;
  }
}
