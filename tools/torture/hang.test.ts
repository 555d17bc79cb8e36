/** Is a recovery that goes round for ever told from one that only takes long, without using up its budget? */
import { describe, expect, test } from 'vitest';
import { MiB } from '../../emulator/addresses.ts';
import { Computer } from '../../emulator/boot/computer.ts';
import { assembleFlat } from '../../emulator/cpu/isa/assembler/assembler.ts';
import { runOrLoop } from './hang.ts';

const BUDGET = 50_000_000;

/** Runs a program for the bare machine. */
function run(text: string) {
  const { bytes } = assembleFlat(text, 0x8000_0000n, { compress: false });
  const computer = new Computer({ memory: 4 * MiB, harts: 1, seed: 0, uartOutput: () => {} });
  computer.boot({ kernel: { name: 'loop', bytes }, bare: true });
  return { end: runOrLoop(computer.machine, BUDGET), instructions: computer.machine.instructions };
}

describe('a run', () => {
  test('that waits for a word nobody changes is a loop, at its place, long before the budget ends', () => {
    const { end, instructions } = run(`
      la t0, word
    wait:
      lw t1, 0(t0)
      beqz t1, wait
      j .
    word: .word 0`);
    expect(end).toMatchObject({ kind: 'loop' });
    expect(end.kind === 'loop' && end.pc >= 0x8000_0008n && end.pc < 0x8000_0014n).toBe(true);
    expect(instructions).toBeLessThan(1_000_000);
  });

  test('that stores the same again and again is one, too', () => {
    expect(
      run('la t0, word\nagain: amoswap.w t1, t0, (t0)\nj again\n.balign 8\nword: .dword 0').end.kind,
    ).toBe('loop');
  });

  test('that counts, in a register or in memory, is not', () => {
    expect(
      run(
        'li t0, 4000000\nagain: addi t0, t0, -1\nbnez t0, again\nli a0, 0x100000\nli a1, 0x5555\nsw a1, 0(a0)',
      ).end,
    ).toMatchObject({ kind: 'exit', code: 0 });
    const inMemory = run(`
      la t0, word
      li t2, 2000000
    again:
      lw t1, 0(t0)
      addi t1, t1, 1
      sw t1, 0(t0)
      sub t1, t2, t1
      seqz t1, t1
      beqz t1, again
      li a0, 0x100000
      li a1, 0x5555
      sw a1, 0(a0)
    word: .word 0`);
    expect(inMemory.end).toMatchObject({ kind: 'exit', code: 0 });
  });

  test('that waits for the clock is not', () => {
    const { end } = run(`
      rdtime t0
      li t1, 100000
      add t0, t0, t1
    wait:
      rdtime t1
      bltu t1, t0, wait
      li a0, 0x100000
      li a1, 0x5555
      sw a1, 0(a0)`);
    expect(end).toMatchObject({ kind: 'exit', code: 0 });
  });
});
