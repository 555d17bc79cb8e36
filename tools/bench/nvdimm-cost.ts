/**
 * What the NVDIMM and the timing model cost the emulator: a store-heavy program on DRAM and on an NVDIMM with a file,
 * with each engine, and a mixed program under `--timing`. Runs are interleaved, so that a busy host hits all of them;
 * medians are printed. These are the host's processor times, unlike everything that the timing model gives.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MiB, paddr } from '../../emulator/addresses.ts';
import { assembleFlat } from '../../emulator/cpu/isa/assembler/assembler.ts';
import { Translator } from '../../emulator/cpu/translator/translator.ts';
import { Finisher } from '../../emulator/devices/finisher.ts';
import { DRAM_BASE } from '../../emulator/machine/config.ts';
import type { EngineFactory } from '../../emulator/machine/engine.ts';
import { Machine } from '../../emulator/machine/machine.ts';
import { nvdimmExtension } from '../../emulator/machine/nvdimm.ts';
import { NvdimmFile } from '../../emulator/nvdimm/file.ts';
import { type TimingExtension, timingExtension } from '../../emulator/timing/timing-engine.ts';

export interface CostRow {
  readonly name: string;
  /** Million instructions per second of processor time; medians. */
  readonly mips: number;
  /** Against the row of the same engine on DRAM. */
  readonly ratio?: number;
}

const NVDIMM_BASE = 0x1_0000_0000;
const NVDIMM_SIZE = 16 * MiB;
const DRAM_DATA = 0x8100_0000;

const EXIT = `
  li t0, 0x100000
  li t1, 0x5555
  sw t1, 0(t0)
  stop: j stop`;

/** Sweeps over 4 MiB, eight stores to each block. @param persist clean each block, and fence after each sweep */
const stores = (base: number, sweeps: number, persist: boolean): string => `
  li s0, ${base}
  li s1, ${sweeps}
sweep:
  li t0, 65536
  mv t1, s0
block:
  ${Array.from({ length: 8 }, (_, i) => `sd s1, ${8 * i}(t1)`).join('\n')}
  ${persist ? 'cbo.clean (t1)' : ''}
  addi t1, t1, 64
  addi t0, t0, -1
  bnez t0, block
  ${persist ? 'fence w, w' : ''}
  addi s1, s1, -1
  bnez s1, sweep
  ${EXIT}`;

/** Arithmetic, loads and stores over 8 KiB, and a branch that data decide. */
const MIXED = `
  li s0, ${DRAM_DATA}
  li s1, 1500000
again:
  andi t1, s1, 1023
  slli t1, t1, 3
  add t1, t1, s0
  ld t2, 0(t1)
  add t2, t2, s1
  sd t2, 0(t1)
  xor t3, t3, t2
  andi t4, t3, 64
  beqz t4, over
  mul t3, t3, t2
over:
  addi s1, s1, -1
  bnez s1, again
  ${EXIT}`;

interface Case {
  readonly name: string;
  readonly program: string;
  readonly engine?: EngineFactory;
  readonly timing?: boolean;
  /** Name of the case to compare with. */
  readonly against?: string;
}

function cases(): Case[] {
  const list: Case[] = [];
  const translator: EngineFactory = (memory) => new Translator(memory);
  for (const [engineName, engine, sweeps] of [
    ['interpreter', undefined, 30],
    ['translator', translator, 600],
  ] as const) {
    for (const persist of [false, true]) {
      const what = persist ? 'stores, each block cleaned' : 'stores';
      const count = persist ? 6 : sweeps;
      const dram = `${what}, DRAM, ${engineName}`;
      const part = engine && { engine };
      list.push({ name: dram, program: stores(DRAM_DATA, count, persist), ...part });
      list.push({
        name: `${what}, NVDIMM, ${engineName}`,
        program: stores(NVDIMM_BASE, count, persist),
        ...part,
        against: dram,
      });
    }
  }
  list.push({ name: 'mixed, --timing', program: MIXED, timing: true });
  return list;
}

/** One run. Returns million instructions per second of processor time, switching the NVDIMM off included. */
function measure({ program, engine, timing }: Case, file: string): number {
  const media = NvdimmFile.open(file, { size: NVDIMM_SIZE });
  try {
    const nvdimm = nvdimmExtension({ media });
    const model: TimingExtension | undefined = timing ? timingExtension() : undefined;
    const factory = model?.engine ?? engine;
    const machine = new Machine(
      {
        memory: 32 * MiB,
        nvdimm: { base: paddr(NVDIMM_BASE), size: NVDIMM_SIZE },
        devices: (host) => [new Finisher(host)],
        ...(factory && { engine: factory }),
      },
      model ? [nvdimm, model] : [nvdimm],
    );
    machine.memory.writeBytes(DRAM_BASE, assembleFlat(program, BigInt(DRAM_BASE)).bytes);
    machine.boot({ entry: BigInt(DRAM_BASE), mode: 'machine', dtb: 0 });
    const start = process.cpuUsage();
    const end = machine.run();
    if (end.kind !== 'exit' || end.code !== 0) throw new Error(`the benchmark ended with ${end.kind}`);
    nvdimm.nvdimm.powerOff();
    const { user, system } = process.cpuUsage(start);
    return machine.instructions / (user + system);
  } finally {
    media.close();
  }
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

/** Measures all cases in `rounds` interleaved rounds. */
export function benchCost(rounds: number): CostRow[] {
  const folder = mkdtempSync(join(tmpdir(), 'licorice-cost-'));
  try {
    const list = cases();
    const results = new Map<string, number[]>(list.map(({ name }) => [name, []]));
    for (let round = 0; round < rounds; round++) {
      for (const one of list) results.get(one.name)!.push(measure(one, join(folder, 'cost.nvm')));
    }
    return list.map(({ name, against }) => {
      const mips = median(results.get(name)!);
      if (against === undefined) return { name, mips };
      // The median of the rounds' ratios: both runs of a round saw the same host.
      const other = results.get(against)!;
      return { name, mips, ratio: median(results.get(name)!.map((value, i) => value / other[i]!)) };
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function formatCost(rows: readonly CostRow[]): string {
  const lines = rows.map(({ name, mips, ratio }) => {
    const beside = ratio === undefined ? '' : `${ratio.toFixed(2)} × DRAM`.padStart(14);
    return `${name.padEnd(48)}${mips.toFixed(1).padStart(8)} MIPS${beside}`;
  });
  return ["host's processor time", ...lines].join('\n');
}
