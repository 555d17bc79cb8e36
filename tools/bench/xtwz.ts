/**
 * `licorice bench xtwz`: what translation through the object space costs, beside what it replaces.
 *
 * 1. The C benchmark programs in U-mode, the same machine code at the same addresses on the same pages: once under
 *    Sv39, once through the object window. Rounds are interleaved, times are CPU times of this process, and medians
 *    of the rounds' ratios are printed, with the page walks that each needed.
 * 2. Following persistent pointers from object to object: with the lookaside of Xtwzp, with the same program's software
 *    path (a cache of FOT entries in memory, as Twizzler's libraries have), and from the table itself. Counted in
 *    instructions, which no noise touches.
 */
import { readFileSync } from 'node:fs';
import { MiB } from '../../emulator/addresses.ts';
import { Csr } from '../../emulator/cpu/csr-numbers.ts';
import { assembleFlat } from '../../emulator/cpu/isa/assembler/assembler.ts';
import { PT } from '../../emulator/elf/constants.ts';
import { type ElfFile, readElf } from '../../emulator/elf/reader.ts';
import { UserError } from '../../emulator/errors.ts';
import { DRAM_BASE } from '../../emulator/machine/config.ts';
import type { EngineFactory } from '../../emulator/machine/engine.ts';
import { Machine } from '../../emulator/machine/machine.ts';
import { xtwzExtension } from '../../emulator/machine/xtwz.ts';
import { SpaceBuilder } from '../../emulator/mmu/xtwz/builder.ts';
import { CSR, ENTRY, REQUESTABLE } from '../../emulator/mmu/xtwz/layout.ts';
import { median } from './cpu.ts';
import type { BuiltProgram } from './programs.ts';

/** How the program's addresses are translated. */
export type Mode = 'Sv39' | 'object window';
export const MODES: readonly Mode[] = ['Sv39', 'object window'];

/** The programs are linked to the first 64 MiB of DRAM; tables and the trap handler lie above. */
const PROGRAM_BYTES = 64 * MiB;
const MEMORY = 128 * MiB;
const HANDLER = DRAM_BASE + PROGRAM_BYTES;
const TABLES = HANDLER + MiB;
/** Slot of the object window whose addresses are those of DRAM. */
const SLOT = DRAM_BASE / 2 ** 30;
/** Number of the call that ends a program, in a7 (test/bench-programs/runtime/platform.h). */
const CALL_EXIT = 2;

/** Machine mode's answer to every call, in both modes: nothing for a write, the end for an exit. */
const HANDLER_SOURCE = `
  csrw mscratch, t0
  li   t0, ${CALL_EXIT}
stop:
  beq  a7, t0, stop
  csrr t0, mcause
  addi t0, t0, -8
failed:
  bnez t0, failed
  csrr t0, mepc
  addi t0, t0, 4
  csrw mepc, t0
  csrr t0, mscratch
  mret
`;

export interface ModeResult {
  /** CPU seconds. */
  readonly seconds: number;
  readonly instructions: number;
  /** Page walks. */
  readonly walks: number;
}

function symbol(elf: ElfFile, name: string): bigint {
  const found = elf.symbols.find((s) => s.name === name);
  if (!found) throw new UserError(`bench: the program has no symbol ${name}`);
  return BigInt(found.value);
}

/** Sv39 tables that map the program's 64 MiB to themselves, for U-mode, A and D set. Returns satp. */
function mapSv39(build: SpaceBuilder): bigint {
  const root = build.pages(1);
  const middle = build.pages(1);
  const entry = (pa: number, flags: number): bigint => (BigInt(pa / 4096) << 10n) | BigInt(flags);
  build.store(root + 8 * SLOT, entry(middle, 1));
  for (let i = 0; i < PROGRAM_BYTES / (2 * MiB); i++) {
    const leaves = build.pages(1);
    build.store(middle + 8 * i, entry(leaves, 1));
    for (let k = 0; k < 512; k++)
      build.store(leaves + 8 * k, entry(DRAM_BASE + i * 2 * MiB + k * 4096, 0xdf));
  }
  return (8n << 60n) | BigInt(root / 4096);
}

/** An object whose pages are the program's memory, in the slot of the same addresses. */
function mapObject(build: SpaceBuilder): { view: bigint; context: bigint } {
  const object = build.object(0x70_7261_6dn);
  for (let page = 1; page < PROGRAM_BYTES / 4096; page++)
    build.mapPage(object, page, DRAM_BASE + page * 4096, ENTRY.accessed | ENTRY.dirty);
  const view = build.view(0x7669_6577n, 128);
  const context = build.context();
  build.grant(context, object.id, REQUESTABLE);
  build.map(build.viewEntry(view, SLOT), object.id, REQUESTABLE);
  return { view: BigInt(view.descriptor) | 1n, context: BigInt(context.record) | 1n };
}

/** Runs a program once, on a fresh machine. */
export function runProgram(elf: ElfFile, mode: Mode, engine?: EngineFactory): ModeResult {
  const machine = new Machine({ memory: MEMORY, ...(engine && { engine }) }, [xtwzExtension()]);
  const { memory, csrs } = machine;
  for (const segment of elf.segments)
    if (segment.type === PT.LOAD) memory.writeBytes(Number(segment.paddr), segment.data);
  const handler = assembleFlat(HANDLER_SOURCE, BigInt(HANDLER), { compress: false });
  memory.writeBytes(HANDLER, handler.bytes);
  const build = new SpaceBuilder(memory, { from: TABLES, to: DRAM_BASE + MEMORY });
  const { hart, mmu } = machine.cores[0]!;
  const poke = (csr: number, value: bigint): void => {
    csrs.poke(hart, csr, value);
  };
  poke(Csr.pmpaddr0, 0x3f_ffff_ffff_ffffn);
  poke(Csr.pmpcfg0, 0x1fn);
  poke(Csr.mtvec, BigInt(HANDLER));
  poke(Csr.mstatus, 0x2000n);
  if (mode === 'Sv39') poke(Csr.satp, mapSv39(build));
  else {
    const { view, context } = mapObject(build);
    poke(Csr.satp, build.satp);
    poke(CSR.stwzview, view);
    poke(CSR.stwzctx, context);
  }
  // Traps, not S-mode: machine mode takes Xtwz's faults as well, and a program that has any has failed.
  poke(CSR.mtwzcfg, 0n);
  hart.privilege = 0;
  hart.pc = symbol(elf, 'bench_start');
  hart.putX(2, symbol(elf, '__stack_top'));
  hart.putX(3, symbol(elf, '__global_pointer$'));
  mmu.update();
  const stop = handler.symbols.get('stop')!;
  const failed = handler.symbols.get('failed')!;
  const start = process.cpuUsage();
  for (;;) {
    machine.setBreakpoints([stop]);
    const reason = machine.run();
    if (reason.kind !== 'breakpoint') throw new Error(`the program ended with ${reason.kind}`);
    if (hart.getX(17) === BigInt(CALL_EXIT)) break;
    // Another call, or a trap that none should be: past the breakpoint, and see.
    machine.setBreakpoints([failed]);
    machine.run();
    if (hart.getX(5) !== 0n) {
      const cause = csrs.peek(hart, Csr.mcause);
      throw new Error(`the program trapped: cause ${cause} at 0x${csrs.peek(hart, Csr.mepc)!.toString(16)}`);
    }
  }
  const { user, system } = process.cpuUsage(start);
  return {
    seconds: (user + system) / 1e6,
    instructions: machine.instructions,
    walks: mmu.tlb.statistics.walks,
  };
}

export interface ProgramComparison {
  readonly program: string;
  readonly instructions: number;
  /** Median CPU seconds, and page walks, by mode. */
  readonly seconds: Readonly<Record<Mode, number>>;
  readonly walks: Readonly<Record<Mode, number>>;
  /** Object window over Sv39: median of the rounds' ratios, with the lowest and highest. */
  readonly ratio: number;
  readonly spread: readonly [number, number];
}

/** Compares the modes on one program. */
export function compareModes(
  program: BuiltProgram,
  rounds: number,
  engine?: EngineFactory,
): ProgramComparison {
  const elf = readElf(readFileSync(program.elf.user), program.elf.user);
  const times: Record<Mode, number[]> = { Sv39: [], 'object window': [] };
  const walks: Record<Mode, number> = { Sv39: 0, 'object window': 0 };
  let instructions = 0;
  const ratios: number[] = [];
  for (let round = 0; round < rounds; round++) {
    // Who goes first alternates, so that neither always follows the other's garbage.
    for (const mode of round % 2 === 0 ? MODES : [...MODES].reverse()) {
      const result = runProgram(elf, mode, engine);
      times[mode].push(result.seconds);
      walks[mode] = result.walks;
      if (instructions !== 0 && instructions !== result.instructions)
        throw new UserError(`bench: ${program.name} took another number of instructions in ${mode}`);
      instructions = result.instructions;
    }
    ratios.push(times['object window'][round]! / times['Sv39'][round]!);
  }
  return {
    program: program.name,
    instructions,
    seconds: { Sv39: median(times['Sv39']), 'object window': median(times['object window']) },
    walks,
    ratio: median(ratios),
    spread: [Math.min(...ratios), Math.max(...ratios)],
  };
}

/** The comparison as a table. */
export function formatComparisons(list: readonly ProgramComparison[]): string {
  const head = ['program', 'M instr.', 'Sv39 s', 'object s', 'ratio', 'spread', 'walks Sv39', 'walks object'];
  const rows = list.map((c) => [
    c.program,
    (c.instructions / 1e6).toFixed(0),
    c.seconds['Sv39'].toFixed(3),
    c.seconds['object window'].toFixed(3),
    c.ratio.toFixed(3),
    `${c.spread[0].toFixed(2)}–${c.spread[1].toFixed(2)}`,
    String(c.walks['Sv39']),
    String(c.walks['object window']),
  ]);
  return table([head, ...rows]);
}

/** Columns padded to their widest cell; numbers to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows
    .map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '),
    )
    .join('\n');
}
