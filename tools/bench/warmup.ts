/**
 * `licorice bench cpu --warmup`: what the translator costs where there is nothing to gain. A generated program of varied
 * functions (arithmetic, memory, branches on data, calls two deep) runs about ten million instructions, each of them once
 * or a few times; beside it OpenSBI and U-Boot up to the prompt, when they are installed. Both engines run them in this
 * process, interleaved; times are its CPU times, so they hold V8's background compilation as well.
 */
import { existsSync, readFileSync } from 'node:fs';
import { MiB } from '../../emulator/addresses.ts';
import type { BootFiles } from '../../emulator/boot/boot.ts';
import { Computer } from '../../emulator/boot/computer.ts';
import { encode } from '../../emulator/cpu/isa/encode.ts';
import { immediateRange } from '../../emulator/cpu/isa/immediates.ts';
import { idOf, ROWS } from '../../emulator/cpu/isa/table.ts';
import { Translator } from '../../emulator/cpu/translator/translator.ts';
import { DRAM_BASE } from '../../emulator/machine/config.ts';
import type { EngineFactory } from '../../emulator/machine/engine.ts';
import { Random } from '../../emulator/random.ts';
import { geometricMean, median } from './cpu.ts';
import { table } from './xtwz.ts';

/** Instructions that a cold program executes, more or less. */
const EXECUTED = 10_000_000;
const MEMORY = 256 * MiB;
const DATA = DRAM_BASE + 192 * MiB;
const FINISHER = 0x10_0000;
/** Up to U-Boot's prompt. */
const BOOT_INSTRUCTIONS = 24_000_000;
const FIRMWARE = '/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_jump.elf';
const UBOOT = '/usr/lib/u-boot/qemu-riscv64_smode/u-boot.bin';

const [RA, SP, GP, T1, S0] = [1, 2, 3, 6, 8] as const;
/** Registers that functions compute with. */
const FREE = [5, 7, 10, 11, 12, 13, 14, 15, 16, 17, 28, 29, 30, 31] as const;
const REGISTER_OPERATIONS =
  'add sub xor and or sll srl sra slt sltu mul addw subw mulw sllw sh1add andn rol min max';
const IMMEDIATE_OPERATIONS = 'addi xori andi ori slti slli srli srai addiw slliw bclri rori';
const LOADS = ['lb', 'lbu', 'lh', 'lhu', 'lw', 'lwu', 'ld'];
const STORES = ['sb', 'sh', 'sw', 'sd'];
const BRANCHES = ['beq', 'bne', 'blt', 'bge', 'bltu', 'bgeu'];

/** Writes instruction words one after the other. */
class Program {
  readonly words: number[] = [];
  private readonly random: Random;

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  get at(): number {
    return this.words.length * 4;
  }

  add(name: string, rd = 0, rs1 = 0, rs2 = 0, imm = 0): void {
    this.words.push(encode(idOf(name), rd, rs1, rs2, imm));
  }

  /** `auipc` and `jalr` to a place at `target` bytes from the start; `link` 0 jumps. */
  jump(target: number, link: number): void {
    const distance = target - this.at;
    const low = (distance << 20) >> 20;
    this.add('auipc', T1, 0, 0, distance - low);
    this.add('jalr', link, T1, 0, low);
  }

  private pick<T>(list: readonly T[]): T {
    return list[this.random.below(list.length)]!;
  }

  private operation(): void {
    const { random } = this;
    const kind = random.below(10);
    if (kind < 4)
      this.add(this.pick(REGISTER_OPERATIONS.split(' ')), this.pick(FREE), this.pick(FREE), this.pick(FREE));
    else if (kind < 7) {
      const name = this.pick(IMMEDIATE_OPERATIONS.split(' '));
      const [low, high] = immediateRange(ROWS[idOf(name)]!.immediate);
      this.add(name, this.pick(FREE), this.pick(FREE), 0, low + random.below(high - low + 1));
    } else if (kind < 9) this.add(this.pick(LOADS), this.pick(FREE), GP, 0, random.below(128) * 8);
    else this.add(this.pick(STORES), 0, GP, this.pick(FREE), random.below(128) * 8);
  }

  /** A function of 20 to 60 instructions that calls those given. Returns where it begins. */
  function(callees: readonly number[]): number {
    const { random } = this;
    const start = this.at;
    if (callees.length > 0) {
      this.add('addi', SP, SP, 0, -16);
      this.add('sd', 0, SP, RA, 8);
    }
    for (let block = 3 + random.below(4); block > 0; block--) {
      for (let count = 2 + random.below(8); count > 0; count--) this.operation();
      // Around one to three operations, or not.
      const skipped = 1 + random.below(3);
      this.add(this.pick(BRANCHES), 0, this.pick(FREE), this.pick(FREE), 4 * (skipped + 1));
      for (let i = 0; i < skipped; i++) this.operation();
      const callee = callees[block];
      if (callee !== undefined) this.jump(callee, RA);
    }
    if (callees.length > 0) {
      this.add('ld', RA, SP, 0, 8);
      this.add('addi', SP, SP, 0, 16);
    }
    this.add('jalr', 0, RA);
    return start;
  }
}

/** A program that executes all of its code `passes` times, about EXECUTED instructions in all. */
export function coldProgram(seed: number, passes: number, executed = EXECUTED): Uint8Array {
  const program = new Program(seed);
  const starts: number[] = [];
  // Room for the start: it jumps over the functions.
  for (let i = 0; i < 2; i++) program.add('addi');
  // A call of a function executes most of it, and some of its callees': an eighth are callers.
  for (let count = 0; program.words.length < (0.8 * executed) / passes; count++)
    starts.push(program.function(count % 8 === 7 ? starts.slice(-5) : []));
  const main = program.at;
  // lui extends the sign: half of the address, twice.
  for (const register of [GP, SP]) {
    program.add('lui', register, 0, 0, DATA / 2);
    program.add('slli', register, register, 0, 1);
  }
  program.add('addi', S0, 0, 0, passes);
  const loop = program.at;
  for (const start of starts) program.jump(start, RA);
  program.add('addi', S0, S0, 0, -1);
  program.add('beq', 0, S0, 0, 12);
  program.jump(loop, 0);
  program.add('lui', T1, 0, 0, FINISHER);
  program.add('lui', RA, 0, 0, 0x5000);
  program.add('addi', RA, RA, 0, 0x555);
  program.add('sw', 0, T1, RA);
  const entry = new Program(0);
  entry.jump(main, 0);
  const words = Uint32Array.from(program.words);
  words.set(entry.words);
  return new Uint8Array(words.buffer);
}

export interface WarmUp {
  readonly name: string;
  readonly instructions: number;
  /** Median CPU seconds by engine. */
  readonly interpreter: number;
  readonly translator: number;
  /** Median over the rounds of the interpreter's time by the translator's: above 1, the translator is faster. */
  readonly ratio: number;
  readonly spread: readonly [lowest: number, highest: number];
}

interface Subject {
  readonly name: string;
  readonly files: BootFiles;
  /** Instructions to run; absent: to the end. */
  readonly instructions?: number;
}

function run(
  { name, files, instructions }: Subject,
  engine?: EngineFactory,
): { seconds: number; executed: number } {
  const computer = new Computer({ memory: MEMORY, uartOutput: () => {}, seed: 0, ...(engine && { engine }) });
  computer.boot(files);
  const start = process.cpuUsage();
  const end = computer.machine.run(instructions === undefined ? {} : { instructions });
  const { user, system } = process.cpuUsage(start);
  if (instructions === undefined && !(end.kind === 'exit' && end.code === 0))
    throw new Error(`bench: ${name} ended with ${end.kind}`);
  return { seconds: (user + system) / 1e6, executed: computer.machine.instructions };
}

/** Measures both engines on the cold programs, and on U-Boot if it is installed. */
export function measureWarmUp(rounds: number, executed = EXECUTED): WarmUp[] {
  const cold = (passes: number): Subject => ({
    name: passes === 1 ? 'cold, each instruction once' : `cold, each instruction ${passes} times`,
    files: { kernel: { name: 'cold', bytes: coldProgram(passes, passes, executed) }, bare: true },
  });
  const subjects = [cold(1), cold(5), cold(50)];
  if (existsSync(FIRMWARE) && existsSync(UBOOT)) {
    const [firmware, kernel] = [FIRMWARE, UBOOT].map((name) => ({ name, bytes: readFileSync(name) }));
    subjects.push({
      name: 'OpenSBI and U-Boot',
      files: { firmware, kernel },
      instructions: BOOT_INSTRUCTIONS,
    });
  }
  const engines: readonly (EngineFactory | undefined)[] = [undefined, (memory) => new Translator(memory)];
  return subjects.map((subject) => {
    const seconds: number[][] = [[], []];
    let instructions = 0;
    for (let round = 0; round < rounds; round++) {
      for (const which of round % 2 === 0 ? [0, 1] : [1, 0]) {
        const result = run(subject, engines[which]);
        seconds[which]!.push(result.seconds);
        instructions = result.executed;
      }
    }
    const ratios = seconds[0]!.map((value, i) => value / seconds[1]![i]!);
    return {
      name: subject.name,
      instructions,
      interpreter: median(seconds[0]!),
      translator: median(seconds[1]!),
      ratio: median(ratios),
      spread: [Math.min(...ratios), Math.max(...ratios)],
    };
  });
}

/** The result as a table for people. */
export function formatWarmUp(list: readonly WarmUp[]): string {
  return [
    table([
      ['program', 'M instr.', 'interpreter s', 'translator s', 'x interpreter', 'range'],
      ...list.map((w) => [
        w.name,
        (w.instructions / 1e6).toFixed(1),
        w.interpreter.toFixed(3),
        w.translator.toFixed(3),
        w.ratio.toFixed(2),
        `${w.spread[0].toFixed(2)}-${w.spread[1].toFixed(2)}`,
      ]),
    ]),
    `geometric mean: ${geometricMean(list.map((w) => w.ratio)).toFixed(2)} x interpreter`,
  ].join('\n');
}
