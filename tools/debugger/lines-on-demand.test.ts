/**
 * Are the states of cache lines that a repeated run finds those of a run that was recorded all the time? Random programs of two
 * harts store to an NVDIMM, write back, fence, discard and trap to each other; one computer records every store, another one only what
 * is asked for, at random instants, forwards and backwards, over power failures.
 * LICORICE_LINES_PROGRAMS sets how many programs (default 4; 40 were run).
 */
import { expect, test } from 'vitest';
import { KiB, MiB } from '../../emulator/addresses.ts';
import { Computer } from '../../emulator/boot/computer.ts';
import { assembleFlat } from '../../emulator/cpu/isa/assembler/assembler.ts';
import { Translator } from '../../emulator/cpu/translator/translator.ts';
import { DRAM_BASE } from '../../emulator/machine/config.ts';
import { MemoryMedia } from '../../emulator/nvdimm/media.ts';
import type { NvdimmOptions } from '../../emulator/nvdimm/nvdimm.ts';
import { Random } from '../../emulator/random.ts';
import { TimeTravel } from './time-travel.ts';

const PROGRAMS = Number(process.env['LICORICE_LINES_PROGRAMS'] ?? 4);
const LENGTH = 150_000;
const INSTANTS = 8;
const NVDIMM = 0x1_0000_0000n;
const LINES = 12;

/** A random loop body: t0 counts, s0 is the NVDIMM's base, s1 the hart. */
function randomProgram(random: Random, discards: boolean): string {
  const line = (): number => random.below(LINES) * 64;
  const operation = (): string => {
    const at = `${line() + 8 * random.below(8)}(s0)`;
    const block = line();
    switch (random.below(discards ? 9 : 8)) {
      case 0:
        return `sd t0, ${at}`;
      case 1:
        return `sw t0, ${at}`;
      case 2:
        return `sb s1, ${at}`;
      // The same value again: a store as well.
      case 3:
        return `ld t1, ${at}\n sd t1, ${at}`;
      case 4:
        return `addi t1, s0, ${block}\n amoadd.d t2, t0, (t1)`;
      case 5:
        return `addi t1, s0, ${block}\n cbo.${random.below(2) ? 'clean' : 'flush'} (t1)`;
      case 6:
        return `fence ${random.below(4) ? 'rw, rw' : 'r, r'}`;
      case 7:
        return `addi t1, s0, ${block}\n ${random.below(8) ? 'nop' : 'cbo.zero (t1)'}`;
      default:
        return `addi t1, s0, ${block}\n cbo.inval (t1)`;
    }
  };
  const body = Array.from({ length: 40 }, operation).join('\n');
  return `
_start:
  csrr s1, mhartid
  li s0, ${NVDIMM}
  li t0, 0
loop:
  addi t0, t0, 1
  ${body}
  andi t3, t0, 15
  bnez t3, loop
  # everything is persistent now and then, and long stretches store nothing
${Array.from({ length: LINES }, (_, i) => `  addi t1, s0, ${64 * i}\n  cbo.clean (t1)`).join('\n')}
  fence rw, rw
  li t4, 300
1: addi t4, t4, -1
  bnez t4, 1b
  j loop`;
}

function timeOf(program: string, recording: NvdimmOptions['recording']): TimeTravel {
  const computer = new Computer({
    memory: 8 * MiB,
    harts: 2,
    seed: 1,
    engine: (memory) => new Translator(memory),
    uartOutput: () => {},
    nvdimm: {
      media: new MemoryMedia(256 * KiB),
      recording: recording ?? false,
      trackTouched: true,
      writeThrough: false,
    },
  });
  const { bytes } = assembleFlat(program, BigInt(DRAM_BASE));
  computer.boot({ kernel: { name: 'random', bytes }, bare: true });
  return new TimeTravel(computer);
}

/** The power fails, with an image drawn from what is legal now. */
function failPower(time: TimeTravel, seed: number): void {
  const { computer } = time;
  const nvdimm = computer.nvdimm!;
  const blocks = nvdimm.imageOf({ kind: 'sample', random: new Random(seed) });
  time.change(
    'power failure',
    () => {
      nvdimm.powerFail({ kind: 'image', blocks });
      computer.reboot();
      nvdimm.powerOn();
    },
    false,
    true,
  );
}

/** Everything that could be known of lines now, without a yield that is not wanted. */
function learn(time: TimeTravel): void {
  for (const _ of time.learnLines());
}

for (const discards of [false, true])
  test(`states on demand are those of a recorded run${discards ? ', also where lines are discarded' : ''}`, {
    timeout: 300_000,
  }, () => {
    for (let seed = 1; seed <= PROGRAMS; seed++) {
      const random = new Random(seed);
      const program = randomProgram(random, discards);
      const always = timeOf(program, true);
      const demand = timeOf(program, 'on-demand');
      const both = [always, demand];
      const compare = (): void => {
        learn(demand);
        expect(demand.knowsLines).toBe(true);
        expect(demand.computer.nvdimm!.engine.snapshot()).toEqual(always.computer.nvdimm!.engine.snapshot());
        expect(demand.computer.machine.hash(), `seed ${seed} at ${demand.now}`).toBe(
          always.computer.machine.hash(),
        );
      };
      for (let i = 0; i < INSTANTS; i++) {
        // Forwards first, so that there is a long past that was not recorded.
        const at = i === 0 ? LENGTH : random.below(LENGTH);
        for (const time of both) time.goTo(at);
        expect(demand.now).toBe(at);
        if (!discards && i === 0) expect(demand.knowsLines).toBe(false);
        if (random.below(3) > 0) compare();
        if (random.below(4) === 0) {
          learn(demand);
          for (const time of both) failPower(time, at);
          compare();
        }
      }
      for (const time of both) time.goTo(time.now + LENGTH);
      compare();
    }
  });

test('a question that is given up leaves everything as it was', () => {
  const program = randomProgram(new Random(3), false);
  const time = timeOf(program, 'on-demand');
  time.goTo(3_000_000);
  const hash = time.computer.machine.hash();
  const learning = time.learnLines();
  expect(learning.next().done).toBe(false);
  expect(time.now).toBeLessThan(3_000_000);
  learning.return();
  expect(time.now).toBe(3_000_000);
  expect(time.knowsLines).toBe(false);
  expect(time.computer.machine.hash()).toBe(hash);
});

/** Stores, goes through two resets of its own, and stores more: none of it is ever written back. */
const RESETTING = `
_start:
  csrr s1, mhartid
  bnez s1, wait
  li s0, ${NVDIMM}
  li t5, 1000
1: addi t5, t5, -1
  bnez t5, 1b
  ld t0, 0(s0)
  addi t0, t0, 1
  sd t0, 0(s0)
  slli t1, t0, 6
  add t1, t1, s0
  sd t0, 8(t1)
  li t2, 3
  bgeu t0, t2, wait
  li t3, 0x100000
  li t4, 0x7777
  sw t4, 0(t3)
wait:
  j wait`;

test.each(['on-demand', true] as const)(
  'a store of an earlier boot is where it was made (recording: %s)',
  (recording) => {
    const time = timeOf(RESETTING, recording);
    const other = timeOf(RESETTING, true);
    const look = (): number[] => {
      learn(time);
      const { engine } = time.computer.nvdimm!;
      const stores = engine.undetermined().flatMap((block) => engine.pendingStores(block));
      return stores.map((store) => {
        const at = time.positionOf(store);
        other.goTo(at);
        const { hart } = other.computer.machine.cores[0]!;
        expect(Number(hart.pc), `at ${at}`).toBe(store.pcLow + store.pcHigh * 2 ** 32);
        // The store is what happens there.
        const before = other.computer.nvdimm!.engine.sequence;
        other.goTo(at + 1);
        expect([before, other.computer.nvdimm!.engine.sequence]).toEqual([store.seq, store.seq + 1]);
        return at;
      });
    };
    time.goTo(40_000);
    const late = look();
    expect(late).toHaveLength(6);
    expect(time.bootPosition).toBeGreaterThan(late[0]!);
    // Back in the second boot there are those of two boots; and forwards again.
    time.goTo(time.bootPosition - 1);
    expect(look()).toHaveLength(4);
    time.goTo(40_000);
    expect(look()).toEqual(late);
  },
);
