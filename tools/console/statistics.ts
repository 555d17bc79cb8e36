/** What `--stats` and `--dump-region` print about a run. */
import { Exit } from '../../emulator/cpu/state.ts';
import { UserError } from '../../emulator/errors.ts';
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

/**
 * What the engine makes of the code at an address (hexadecimal or decimal), as the first hart that has it sees it.
 * @throws UserError when the text is no address, the engine translates nothing, or the code has not run there
 */
export function regionLines(machine: Machine, text: string): string[] {
  if (!/^(0x[0-9a-f]+|\d+)$/i.test(text)) throw new UserError(`--dump-region ${text}: not an address`);
  const { engine } = machine;
  if (!engine.dump) throw new UserError('--dump-region: needs --engine jit');
  for (const { hart } of machine.cores) {
    const lines = engine.dump(hart.base, BigInt(text));
    if (lines) return lines;
  }
  throw new UserError(`--dump-region ${text}: no code ran there, or not lately`);
}
