/** Does the disassembler print what GNU objdump prints, for every row of the table and every 16-bit word? */
import { expect, it } from 'vitest';
import { describeWith, GCC, OBJDUMP } from '../../../test/oracles.ts';
import { compress } from './compressed.ts';
import { CSR_NUMBERS } from './csr-names.ts';
import { decode } from './decode.ts';
import { disassemble } from './disassembler.ts';
import { encode } from './encode.ts';
import { gnuDisassemble } from './gnu.ts';
import { randomFields } from './random-operands.ts';
import { ROWS } from './table.ts';

const SEEDS = Number(process.env['LICORICE_TEST_SCALE'] ?? 1) * 40;

const IMMEDIATE_FORM =
  /^(add|and|or|xor|sll|srl|sra|slt|ror|bclr|bext|binv|bset|csrrw|csrrs|csrrc|csrw|csrs|csrc)i(u?w?)\t/;

/** One set of words against objdump; returns the lines that differ. */
function differences(words: readonly number[], aliases: boolean): string[] {
  const instructions = words.map((word) => ({ word, length: (word & 3) === 3 ? 4 : 2 }));
  const lines = gnuDisassemble(instructions, aliases ? [] : ['no-aliases']);
  expect(lines.length).toBe(words.length);
  const wrong: string[] = [];
  for (const [i, { address, text }] of lines.entries()) {
    const ours = disassemble(words[i]!, address, { aliases });
    // With aliases this objdump prints immediate forms under the name of the register form; we do not.
    const registerForm = ours.replace(IMMEDIATE_FORM, (_, name: string, w: string) => `${name}${w}\t`);
    const move = ours.replace(/^mv\t(\w+),/, 'add\t$1,zero,');
    const same = ours === text || (aliases && (registerForm === text || move === text));
    if (!same) wrong.push(`${words[i]!.toString(16)}: ours "${ours}", objdump "${text}"`);
  }
  return wrong;
}

describeWith([GCC, OBJDUMP], 'disassembler against objdump', () => {
  const words: number[] = [];
  for (const [id, row] of ROWS.entries()) {
    if (row.extension === 'Xtwz') continue;
    for (let seed = 0; seed < SEEDS; seed++) {
      const f = randomFields(id, seed);
      // This objdump knows fcvt.d.w and its like with one rounding mode only.
      if (row.operands.includes('rm0')) f.rm = 0;
      // A fence with a mode is shown as data, but for fence.tso.
      if (row.immediate === 'fence') f.imm &= 0xff;
      // It has names for CSRs of RV32 and of extensions that this machine lacks.
      if (row.immediate === 'csr') f.imm = CSR_NUMBERS[f.imm % CSR_NUMBERS.length]!;
      words.push(encode(id, f.rd, f.rs1, f.rs2, f.imm, f.rs3, f.rm));
    }
  }

  it('agrees on all rows, with and without aliases', () => {
    expect(differences(words, false).slice(0, 20)).toEqual([]);
    expect(differences(words, true).slice(0, 20)).toEqual([]);
  });

  it('agrees on all legal 16-bit words that are not hints', () => {
    const halves: number[] = [];
    // From 2: it prints c.nop (1) as an addi.
    for (let half = 2; half < 0x10000; half++) {
      if ((half & 3) === 3) continue;
      const i = decode(half);
      if (i.id >= 0 && compress(i.id, i.rd, i.rs1, i.rs2, i.imm) === half) halves.push(half);
    }
    expect(differences(halves, true).slice(0, 20)).toEqual([]);
    expect(differences(halves, false).slice(0, 20)).toEqual([]);
  });
});
