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

let program: Uint8Array | undefined;

/** The stress program, compiled once. */
function stressProgram(): Uint8Array {
  if (program === undefined) {
    const file = join(packageRoot(), 'guest', 'stress', 'stress.ts');
    const result = compile(file, { target: 'program', optimise: true });
    if (!result.ok) throw new Error(result.diagnostics.map(({ message }) => message).join('\n'));
    program = result.elf;
  }
  return program;
}

export interface StressOptions {
  readonly seed: number;
  readonly operations: number;
  readonly workers: number;
  readonly media: MemoryMedia;
  readonly harts?: number;
  readonly recording?: boolean;
  readonly engine?: EngineFactory;
}

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
  private ticket = 0;

  constructor(private readonly options: StressOptions) {
    const text = `${options.seed} ${options.operations} ${options.workers}`;
    const archive = writeArchive([{ name: 'init', elf: stressProgram() }], layouts);
    this.system = new System({
      media: options.media,
      memory: 32 * MiB,
      harts: options.harts ?? 4,
      recording: options.recording === true,
      quiet: true,
      ...(options.engine && { engine: options.engine }),
      archive: { name: 'stress.img', bytes: appendText(archive, '.stress', text, layouts) },
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

  /** Takes completed operations in the order of their tickets. */
  private drain(): void {
    if (this.pages === undefined) {
      if (!this.system.output.includes('stress ready')) return;
      this.pages = this.findLog();
    }
    for (let progress = true; progress; ) {
      progress = false;
      for (let worker = 0; worker < this.options.workers; worker++) {
        for (;;) {
          const taken = this.taken[worker]!;
          const at = this.recordAt(worker, taken);
          if (this.u32[at] !== (2 * taken + 4) >>> 0 || this.u32[at + 14] !== this.ticket >>> 0) break;
          this.model.apply(this.operationAt(worker, at));
          this.taken[worker] = taken + 1;
          this.ticket++;
          this.done++;
          progress = true;
        }
      }
    }
    for (let worker = 0; worker < this.options.workers; worker++) this.tellTaken(worker);
  }

  /** Operations that are complete or under way, and were not taken because one with an earlier ticket is under way. */
  inFlight(): { readonly operation: Operation; readonly complete: boolean }[] {
    const found: { operation: Operation; complete: boolean; ticket: number }[] = [];
    if (this.pages === undefined) return found;
    for (let worker = 0; worker < this.options.workers; worker++) {
      for (let index = this.taken[worker]!; ; index++) {
        const at = this.recordAt(worker, index);
        const state = this.u32[at]!;
        if (state !== (2 * index + 3) >>> 0 && state !== (2 * index + 4) >>> 0) break;
        const complete = state === (2 * index + 4) >>> 0;
        found.push({
          operation: this.operationAt(worker, at),
          complete,
          ticket: complete ? this.u32[at + 14]! : Number.POSITIVE_INFINITY,
        });
        if (!complete) break;
      }
    }
    return found.sort((a, b) => a.ticket - b.ticket);
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
