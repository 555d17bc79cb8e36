/**
 * Is the state at a position the same whenever and from wherever one comes to it? A program that does everything at once runs straight
 * through on a machine of its own, and its states are hashed; then another one goes back and forth at random.
 * LICORICE_JUMPS sets how often (default 200; 1000 were run).
 */
import { expect, test } from 'vitest';
import { KiB, MiB } from '../../emulator/addresses.ts';
import { Computer } from '../../emulator/boot/computer.ts';
import { assembleFlat } from '../../emulator/cpu/isa/assembler/assembler.ts';
import { Translator } from '../../emulator/cpu/translator/translator.ts';
import { busyProgram } from '../../emulator/machine/busy-program.ts';
import { DRAM_BASE } from '../../emulator/machine/config.ts';
import { MemoryMedia } from '../../emulator/nvdimm/media.ts';
import { Random } from '../../emulator/random.ts';
import { TimeTravel } from './time-travel.ts';

const JUMPS = Number(process.env['LICORICE_JUMPS'] ?? 200);
const POSITIONS = 40;
const SPACING = 1_997;

function busyComputer(): Computer {
  const computer = new Computer({
    memory: 8 * MiB,
    harts: 2,
    seed: 1,
    engine: (memory) => new Translator(memory),
    uartOutput: () => {},
    nvdimm: { media: new MemoryMedia(256 * KiB), recording: true, writeThrough: false },
  });
  const { bytes } = assembleFlat(busyProgram(), BigInt(DRAM_BASE));
  computer.boot({ kernel: { name: 'busy', bytes }, bare: true });
  return computer;
}

test('going back and forth at random, every state is that of the straight run', { timeout: 300_000 }, () => {
  const straight = busyComputer();
  const hashes: string[] = [];
  for (let i = 0; i < POSITIONS; i++) {
    straight.machine.run({ instructions: i * SPACING - straight.machine.instructions });
    hashes.push(straight.machine.hash());
  }
  const time = new TimeTravel(busyComputer());
  const random = new Random(7);
  for (let i = 0; i < JUMPS; i++) {
    const index = random.below(POSITIONS);
    time.goTo(index * SPACING);
    expect(time.now).toBe(index * SPACING);
    // Single steps as well, whose states nobody hashed: they must lead back to one that somebody did.
    if (random.below(4) === 0 && index > 0) {
      expect(time.stepBack()).toBe(true);
      time.step();
    }
    expect(time.computer.machine.hash()).toBe(hashes[index]);
  }
});

test('input, a reset and a power failure are in the past like everything else', () => {
  const time = new TimeTravel(busyComputer());
  const { machine } = time.computer;
  time.goTo(20_000);
  time.input('uart', Uint8Array.of(65));
  time.goTo(30_000);
  time.change('reset', () => time.computer.reboot(), false, true);
  expect(time.now).toBe(30_001);
  expect(machine.instructions).toBe(0);
  time.goTo(50_000);
  const late = machine.hash();
  time.goTo(25_000);
  const typed = machine.hash();
  for (const [at, hash] of [
    [50_000, late],
    [25_000, typed],
    [50_000, late],
  ] as const) {
    time.goTo(at);
    expect(machine.hash()).toBe(hash);
  }
  // Another input makes another future.
  time.goTo(10_000);
  time.change('edit', () => machine.cores[0]!.hart.putX(20, 5n));
  expect(time.events.length).toBe(1);
  time.goTo(25_000);
  expect(machine.hash()).not.toBe(typed);
});
