/**
 * Does the machine stop, wait and start as its callers are told? Stop reasons, exact budgets, WFI, breakpoints,
 * watchpoints, snapshots that share, and the built-in SBI with several harts.
 */
import { describe, expect, test } from 'vitest';
import { paddr } from '../addresses.ts';
import { Interpreter } from '../cpu/interpreter.ts';
import { assembleFlat } from '../cpu/isa/assembler/assembler.ts';
import { Exit, PageFlag } from '../cpu/state.ts';
import { Translator } from '../cpu/translator/translator.ts';
import type { MachineConfig } from './config.ts';
import type { EngineFactory } from './engine.ts';
import type { Machine } from './machine.ts';
import { readState, restoreState, saveState } from './saved-state.ts';
import { assembleProgram, runToEnd, testMachine } from './testbed.ts';

const START = 0x8000_0000n;
const load = (text: string, config: MachineConfig = {}): Machine =>
  testMachine(assembleProgram(text), config).machine;

describe('stopping', () => {
  test('a budget is exact, and instructions that trap count', () => {
    const machine = load('la t0, 1f\ncsrw mtvec, t0\n.word 0\n.align 2\n1: addi a0, a0, 1\nj 1b\n');
    for (const count of [1, 2, 1, 1, 100]) {
      const before = machine.instructions;
      expect(machine.run({ instructions: count })).toEqual({ kind: 'budget' });
      expect(machine.instructions - before).toBe(count);
    }
    expect(machine.now).toBe(105);
    expect(machine.cores[0]!.hart.getX(10)).toBe(51n);
  });

  test('the test finisher ends the run with its code', () => {
    const program = 'li t0, 0x100000\nli t1, 0x2a3333\nsw t1, 0(t0)\nj .\n';
    expect(load(program).run()).toMatchObject({ kind: 'exit', code: 42 });
  });

  test('WFI without anything that could wake it is idle, and costs no instructions', () => {
    const machine = load('1: wfi\nj 1b\n');
    expect(machine.run()).toEqual({ kind: 'idle' });
    expect(machine.instructions).toBe(1);
  });

  test('WFI skips to the timer, to the nanosecond', () => {
    const machine = load(`
      li t0, 0x2004000
      li t1, 5000
      sd t1, 0(t0)
      li t0, 0x80
      csrw mie, t0
      wfi
      rdtime a0
      li t0, 0x100000\nli t1, 0x5555\nsw t1, 0(t0)\n`);
    expect(machine.run({ paced: true })).toEqual({ kind: 'sleep', until: 500_000 });
    expect(machine.run()).toMatchObject({ kind: 'exit', code: 0 });
    expect(machine.cores[0]!.hart.getX(10)).toBe(5000n);
    expect(machine.now).toBeLessThan(500_020);
  });

  test('a handler that cannot be fetched is reported instead of trapping for ever', () => {
    const machine = load('csrw mtvec, zero\nli t0, 0x40000000\njr t0\n');
    expect(machine.run({ instructions: 1_000_000 })).toEqual({ kind: 'stuck', hart: 0, pc: 0n, cause: 1 });
  });
});

describe('debugging', () => {
  const LOOP = 'li sp, 0x80001000\nli a0, 0\n1: addi a0, a0, 1\nsw a0, 64(sp)\nj 1b\n';

  test('a breakpoint stops before its instruction each time it is reached, and not when it is removed', () => {
    const machine = load(LOOP);
    machine.setBreakpoints([START + 16n]);
    for (let i = 0n; i < 5n; i++) {
      expect(machine.run({ instructions: 1000 })).toEqual({ kind: 'breakpoint', hart: 0, pc: START + 16n });
      expect(machine.cores[0]!.hart.getX(10)).toBe(i);
    }
    expect(machine.instructions).toBe(16);
    machine.setBreakpoints([]);
    expect(machine.run({ instructions: 300 })).toEqual({ kind: 'budget' });
    expect(machine.instructions).toBe(316);
  });

  test('a breakpoint set while the code runs is seen, and does not change the state', () => {
    const plain = load(LOOP);
    plain.run({ instructions: 1000 });
    const machine = load(LOOP);
    machine.run({ instructions: 500 });
    machine.setBreakpoints([START + 16n]);
    while (machine.instructions < 1000) machine.run({ instructions: 1000 - machine.instructions });
    machine.setBreakpoints([]);
    expect(machine.hash()).toBe(plain.hash());
  });

  test('with the translator, in code already translated, breakpoints and watchpoints stop at the same places', () => {
    const stops = (engine: EngineFactory): unknown[] => {
      const machine = load(LOOP, { engine });
      machine.run({ instructions: 50_000 });
      machine.setBreakpoints([START + 20n]);
      const seen: unknown[] = [machine.run(), machine.run(), machine.instructions];
      machine.setBreakpoints([]);
      machine.run({ instructions: 50_000 });
      machine.setWatchpoints([{ address: 0x8000_1040n, length: 4, loads: false, stores: true }]);
      seen.push(machine.run(), machine.instructions, machine.run(), machine.hash());
      machine.setWatchpoints([]);
      machine.run({ instructions: 50_000 });
      return [...seen, machine.hash()];
    };
    const translated = stops((memory) => new Translator(memory, { threshold: 20 }));
    expect(translated).toEqual(stops((memory) => new Interpreter(memory)));
  });

  test('a watchpoint stops after the access that touches it', () => {
    const machine = load(LOOP);
    machine.run({ instructions: 10 });
    const address = 0x8000_1042n;
    machine.setWatchpoints([{ address, length: 1, loads: false, stores: true }]);
    const stop = machine.run({ instructions: 1000 });
    expect(stop).toEqual({
      kind: 'watchpoint',
      hart: 0,
      pc: START + 20n,
      access: 'store',
      address: 0x8000_1040n,
    });
    expect(machine.cores[0]!.hart.pc).toBe(START + 24n);
    machine.setWatchpoints([{ address: 0x8000_1044n, length: 4, loads: true, stores: true }]);
    expect(machine.run({ instructions: 1000 })).toEqual({ kind: 'budget' });
  });

  test('peeking shows memory without changing anything', () => {
    const machine = load(LOOP);
    machine.run({ instructions: 10 });
    const before = machine.hash();
    const [core] = machine.cores;
    expect(machine.peekVirtual(core!, START, 4)).toEqual(machine.memory.readBytes(0x8000_0000, 4));
    expect(machine.peekVirtual(core!, 0x1234n, 4).length).toBe(0);
    expect(machine.instructionAtPc(core!)).toBeDefined();
    expect(core!.mmu.explain(START, 1).pa).toBe(0x8000_0000);
    expect(machine.hash()).toBe(before);
  });
});

describe('stores to code', () => {
  test.each(['interpreter', 'translator'])('data beside hot code costs no decoding, with the %s', (name) => {
    const program = `
      la t0, data
      li t1, 30000
1:    ld t2, 0(t0)\naddi t2, t2, 3\nsd t2, 0(t0)\naddi t1, t1, -1\nbnez t1, 1b
2:    j 2b
.align 3
data: .dword 0\n`;
    const engine: EngineFactory = (memory) =>
      name === 'translator' ? new Translator(memory, { threshold: 20 }) : new Interpreter(memory);
    const machine = load(program, { engine });
    machine.run({ instructions: 200_000 });
    expect(machine.memory.read64(0x8000_0000 + 40)).toBe(90_000n);
    expect(machine.cores[0]!.statistics.exits[Exit.Decode]).toBeLessThan(300);
  });

  test.each(['interpreter', 'translator'])('a changed instruction runs at once, with the %s', (name) => {
    // Adds 1, then 2, then 1 … : the loop rewrites its own addi each time round.
    const program = `
      la t0, 1f
      lw t3, 0(t0)
      li t4, 0x300000
      li t1, 5000
1:    addi a0, a0, 1
      xor t3, t3, t4
      sw t3, 0(t0)
      addi t1, t1, -1
      bnez t1, 1b
2:    j 2b\n`;
    const engine: EngineFactory = (memory) =>
      name === 'translator' ? new Translator(memory, { threshold: 20 }) : new Interpreter(memory);
    const machine = load(program, { engine });
    machine.run({ instructions: 40_000 });
    expect(machine.cores[0]!.hart.getX(10)).toBe(7500n);
  });
});

describe('snapshots', () => {
  test('only the pages that are written are copied, and a restore brings back every one of them', () => {
    const machine = load(`
      li t0, 0x80010000
      li t1, 0x80030000
1:    ld t2, 0(t0)\naddi t2, t2, 1\nsd t2, 0(t0)
      li t3, 4096\nadd t0, t0, t3\nblt t0, t1, 1b
      j .\n`);
    const first = machine.snapshot();
    machine.run({ instructions: 2000 });
    const page = machine.memory.pageOf(0x8001_0000);
    const written = [...machine.memorySnapshots.modifiedPages].sort((a, b) => a - b);
    expect(written).toEqual(Array.from({ length: 32 }, (_, i) => page + i));
    const second = machine.snapshot();
    const after = machine.hash();
    machine.restore(first);
    expect(machine.memory.read64(0x8002_f000)).toBe(0n);
    machine.run({ instructions: 2000 });
    expect(machine.hash()).toBe(after);
    machine.memory.writeBytes(0x8001_0000, new Uint8Array(65_536).fill(7));
    machine.restore(second);
    expect(machine.hash()).toBe(after);
  });
});

test('pages not read in yet count with their contents, in hashes and in saved states', () => {
  const base = paddr(2 ** 32);
  const nvdimm = { base, size: 65_536 };
  const make = (): Machine => {
    const machine = load('j .\n', { nvdimm });
    const { memory } = machine;
    memory.onStore(PageFlag.absent, (page) => {
      memory.clearFlag(page, PageFlag.absent);
      memory.u8.fill(page & 0xff, memory.hostOfPage(page), memory.hostOfPage(page) + 4096);
    });
    for (let i = 0; i < 16; i++) memory.setFlag(memory.pageOf(base) + i, PageFlag.absent);
    return machine;
  };
  const read = make();
  read.memory.readBytes(base, nvdimm.size);
  const expected = read.hash();
  expect(make().hash()).toBe(expected);
  const restored = make();
  restoreState(restored, readState(saveState(make()), 'x'), 'x');
  expect(restored.hash()).toBe(expected);
});

describe('the built-in SBI', () => {
  /** Calls extension a7 = `extension`, function a6 = `fn`. */
  const call = (extension: number, fn: number): string => `li a7, ${extension}\nli a6, ${fn}\necall\n`;
  const HSM = 0x48534d;
  const PROGRAM = `
      mv s0, a0                    # hart
      li s1, 0x80100000            # results
      li a0, ${HSM}
      ${call(0x10, 3)}             # probe
      sd a1, 0(s1)
      li a0, 0x12345678
      ${call(0x10, 3)}
      sd a1, 8(s1)
      ${call(0x99999, 0)}
      sd a0, 16(s1)
      li a0, 1                     # start hart 1
      la a1, second
      li a2, 77
      ${call(HSM, 0)}
      sd a0, 24(s1)
      li a0, 1
      la a1, second
      ${call(HSM, 0)}
      sd a0, 32(s1)                # already available
1:    ld t0, 40(s1)                # its opaque argument
      beqz t0, 1b
      rdtime s2                    # timer, waited for with WFI
      addi a0, s2, 1000
      ${call(0x54494d45, 0)}
      li t0, 0x20
      csrs sie, t0
      wfi
      rdtime t0
      sub t0, t0, s2
      sd t0, 48(s1)
      csrc sie, t0
      li a0, 2                     # an interrupt for hart 1, which stops itself
      li a1, 0
      ${call(0x735049, 0)}
2:    li a0, 1
      ${call(HSM, 2)}
      li t0, 1
      bne a1, t0, 2b
      la a1, text
      li a0, 5
      li a2, 0
      ${call(0x4442434e, 0)}
      li a0, 0x21
      ${call(1, 0)}                # legacy putchar
      li a0, 0
      li a1, 1
      ${call(0x53525354, 0)}       # shutdown, system failure
      j .
second:
      li s1, 0x80100000
      sd a1, 40(s1)
      la t0, 3f
      csrw stvec, t0
      csrwi sie, 2
      csrsi sstatus, 2
4:    wfi
      j 4b
.align 2
3:    csrr t0, scause
      sd t0, 56(s1)
      ${call(HSM, 1)}
text: .ascii "hello"
  `;

  test('extensions, HSM, IPI, timer, console and reset', () => {
    const { machine, output } = testMachine(new Uint8Array(0), { harts: 2 });
    machine.memory.writeBytes(0x8000_0000, assembleFlat(PROGRAM, START, { compress: false }).bytes);
    machine.reset();
    machine.boot({ entry: START, mode: 'supervisor', dtb: 0 });
    expect(runToEnd({ machine, output })).toMatchObject({ kind: 'exit', code: 1 });
    const result = (i: number): bigint => BigInt.asIntN(64, machine.memory.read64(0x8010_0000 + 8 * i));
    expect([0, 1, 2, 3, 4, 5].map(result)).toEqual([1n, 0n, -2n, 0n, -6n, 77n]);
    expect(result(6)).toBeGreaterThanOrEqual(1000n);
    expect(result(6)).toBeLessThan(1003n);
    expect(BigInt.asUintN(64, result(7))).toBe(0x8000_0000_0000_0001n);
    expect(output()).toBe('hello!');
  });
});
