/** What `--stats` prints about a run. */
import { Exit } from '../../emulator/cpu/state.ts';
import type { Machine } from '../../emulator/machine/machine.ts';

/** Exits that JavaScript handled. */
const EXIT_NAMES = Object.entries(Exit).filter(([name]) => name !== 'Budget');

const count = (value: number): string => value.toLocaleString('en-US');

/** Lines about `machine` after `seconds` of wall-clock time. */
export function statisticsLines(machine: Machine, seconds: number): string[] {
  const total = (pick: (core: Machine['cores'][number]) => number) =>
    machine.cores.reduce((sum, core) => sum + pick(core), 0);
  const { instructions } = machine;
  const lines = [
    `instructions   ${count(instructions)}`,
    `guest time     ${(machine.now / 1e9).toFixed(6)} s`,
    `host time      ${seconds.toFixed(3)} s, ${(instructions / 1e6 / seconds).toFixed(1)} MIPS (${machine.engine.name})`,
    `traps          ${count(total((c) => c.statistics.exceptions))} exceptions, ${count(total((c) => c.statistics.interrupts))} interrupts`,
    `TLB            ${count(total((c) => c.mmu.tlb.statistics.walks))} walks, ${count(total((c) => c.mmu.tlb.statistics.refills))} refills, ${count(total((c) => c.mmu.tlb.statistics.flushes))} flushes`,
    `devices        ${count(total((c) => c.statistics.deviceAccesses))} accesses`,
  ];
  const exits = EXIT_NAMES.map(([name, exit]) => ({
    name,
    number: total((c) => c.statistics.exits[exit] ?? 0),
  }));
  const taken = exits
    .filter(({ number }) => number > 0)
    .map(({ name, number }) => `${name} ${count(number)}`);
  lines.push(`engine exits   ${taken.join(', ') || 'none'}`, ...(machine.engine.statisticsLines?.() ?? []));
  if (machine.cores.length > 1) {
    lines.push(
      ...machine.cores.map(({ hart }) => `hart ${hart.index}         ${count(hart.retired)} instructions`),
    );
  }
  return lines;
}
