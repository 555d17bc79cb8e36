/** Do encoder and decoder, derived from the same rows, invert each other, and does nothing in the table overlap? */
import { describe, expect, it } from 'vitest';
import { COMPRESSED, compress, expand } from './compressed.ts';
import { decode, operandFields } from './decode.ts';
import { EncodingError, encode } from './encode.ts';
import { immediateRange } from './immediates.ts';
import { Instruction } from './instruction.ts';
import { randomFields } from './random-operands.ts';
import { idOf, ROWS } from './table.ts';

describe('encoding', () => {
  it('has one row per mnemonic', () => {
    expect(new Set(ROWS.map((row) => row.name)).size).toBe(ROWS.length);
  });

  it('keeps the fixed bits of each row inside its mask', () => {
    for (const row of ROWS) expect(row.match & ~row.mask, row.name).toBe(0);
  });

  it('decodes what it encodes, for every row and random operands', () => {
    for (const [id, row] of ROWS.entries()) {
      for (let seed = 0; seed < 200; seed++) {
        const f = randomFields(id, seed);
        const word = encode(id, f.rd, f.rs1, f.rs2, f.imm, f.rs3, f.rm);
        const got = decode(word);
        // prefetch hints are ori with rd = x0: the more specific row wins.
        if (row.name === 'ori' && ROWS[got.id]!.name.startsWith('prefetch')) continue;
        const same = got.id === id && got.rd === f.rd && got.rs1 === f.rs1 && got.rs2 === f.rs2;
        if (same && got.rs3 === f.rs3 && got.rm === f.rm && got.imm === f.imm && got.word === word) continue;
        expect({ ...got, name: ROWS[got.id]?.name }).toEqual({ ...f, id, length: 4, word, name: row.name });
      }
    }
  });

  it('refuses fields out of range', () => {
    for (const [id, row] of ROWS.entries()) {
      const [low, high, step] = immediateRange(row.immediate);
      expect(() => encode(id, 0, 0, 0, high + step), row.name).toThrow(EncodingError);
      expect(() => encode(id, 0, 0, 0, low - step), row.name).toThrow(EncodingError);
      if (step > 1) expect(() => encode(id, 0, 0, 0, 1), row.name).toThrow(EncodingError);
      if (operandFields(row) & 1) expect(() => encode(id, 32), row.name).toThrow(EncodingError);
      else expect(() => encode(id, 1), row.name).toThrow(EncodingError);
    }
  });

  it('compresses every expanded 16-bit word back to itself or to an equal one', () => {
    const out = new Instruction();
    const again = new Instruction();
    let legal = 0;
    for (let half = 0; half < 0x10000; half++) {
      if ((half & 3) === 3) continue;
      const row = expand(half, out);
      if (row === undefined) continue;
      legal++;
      const packed = compress(out.id, out.rd, out.rs1, out.rs2, out.imm);
      if (packed < 0) {
        // Only hints have no way back.
        if (row.hint.length === 0) expect.fail(`${row.name} ${half.toString(16)}`);
        continue;
      }
      expand(packed, again);
      const fields = (i: Instruction) => [i.id, i.rd, i.rs1, i.rs2, i.imm];
      // A hint such as "addi a0, a0, 0" comes back as the plain move.
      if (again.id !== out.id && row.hint.includes('imm=0') && out.imm === 0) continue;
      if (packed !== half && `${fields(again)}` !== `${fields(out)}`)
        expect.fail(`${row.name} ${half.toString(16)}`);
    }
    expect(legal).toBeGreaterThan(40_000);
    expect(COMPRESSED.length).toBeGreaterThan(35);
  });

  it('has no instruction for the words that are defined to be illegal', () => {
    for (const word of [0, 0xffff_ffff, 0x0000_0000, 0x8000, 0x2001 & 0xffff & ~0xf80, 0x6081 & ~0x107c]) {
      expect(decode(word).id, word.toString(16)).toBe(-1);
    }
    expect(decode(0x0000_0013).id).toBe(idOf('addi'));
  });
});
