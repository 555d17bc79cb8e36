/** What `--timing` prints at the end of a run: for each core and region of interest, then for the memory. */
import type { CoreCounts } from './core-model.ts';
import type { TimingModel } from './timing-engine.ts';

const number = (value: number): string => Math.round(value).toLocaleString('en-US');
const share = (part: number, whole: number): string =>
  whole === 0 ? '-' : `${((100 * part) / whole).toFixed(1)} %`;

/** Lines for a person. All times are simulated. */
export function summaryLines(model: TimingModel): string[] {
  const { profile, memory } = model;
  const lines = [`timing         ${profile.name}, ${profile.core.gigahertz} GHz (simulated)`];
  for (const [index, core] of model.cores.entries()) {
    lines.push(...coreLines(`core ${index}`, core.counts(), profile.core.gigahertz));
  }
  for (const [index, region] of model.regions.entries()) {
    lines.push(...coreLines(`region ${index} (core ${region.core})`, region.counts, profile.core.gigahertz));
  }
  const caches: [string, { hits: number; misses: number }][] = [
    ...memory.firstLevel.map((cache, core): [string, typeof cache] => [`L1 of core ${core}`, cache]),
    ...memory.secondLevel.map((cache, core): [string, typeof cache] => [`L2 of core ${core}`, cache]),
    ['last level', memory.lastLevel],
  ];
  for (const [name, { hits, misses }] of caches) {
    lines.push(
      `${name.padEnd(14)} ${number(hits)} hits, ${number(misses)} misses (${share(misses, hits + misses)})`,
    );
  }
  lines.push(`DRAM           ${number(memory.dramReads)} lines read, ${number(memory.dramWrites)} written`);
  const { counts, writeAmplification } = memory.nvdimm;
  lines.push(
    `NVDIMM         ${number(counts.reads)} lines read (${share(counts.readHits, counts.reads)} from its buffer), ` +
      `${number(counts.writes)} written, write amplification ${writeAmplification.toFixed(2)}`,
  );
  return lines;
}

function coreLines(name: string, counts: CoreCounts, gigahertz: number): string[] {
  const { instructions, cycles } = counts;
  const perCycle = cycles === 0 ? 0 : instructions / cycles;
  return [
    `${name.padEnd(14)} ${number(instructions)} instructions, ${number(cycles)} cycles (${(cycles / gigahertz / 1000).toFixed(3)} µs), ` +
      `${perCycle.toFixed(2)} instructions per cycle`,
    `${''.padEnd(14)} ${number(counts.loads)} loads, ${number(counts.stores)} stores, ` +
      `${number(counts.writeBacks)} write-backs, ${number(counts.fences)} fences (${share(counts.fenceCycles, cycles)} of the time)`,
    `${''.padEnd(14)} ${number(counts.branches)} branches, ${share(counts.mispredictions, counts.branches)} mispredicted; ` +
      `${number(counts.tlbMisses)} TLB misses, ${number(counts.pageWalks)} walks; ${number(counts.instructionMisses)} instruction-cache misses`,
  ];
}
