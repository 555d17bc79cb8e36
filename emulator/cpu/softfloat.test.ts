/** Does the software floating point give the results and flags of QEMU, for every instruction and rounding mode? */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeWith, QEMU } from '../../test/oracles.ts';
import { randomFloat, randomInteger } from './float-cases.ts';
import { executeFloatSlow } from './float-slow.ts';
import { assembleFlat } from './isa/assembler/assembler.ts';
import { operandFields } from './isa/decode.ts';
import { disassemble } from './isa/disassembler.ts';
import { encode } from './isa/encode.ts';
import { randomNumbers } from './isa/random-operands.ts';
import { ROWS } from './isa/table.ts';
import * as soft from './softfloat.ts';
import { BINARY32, BINARY64 } from './softfloat.ts';
import { fOffset, HART, xOffset } from './state.ts';

const CASES = Number(process.env['LICORICE_TEST_SCALE'] ?? 1) * 60;
const BOX = 0xffff_ffff_0000_0000n;

/** One instruction in one rounding mode, on f1, f2, f3 and x1, into f5 or x5. */
interface Block {
  readonly word: number;
  readonly inputs: bigint[][];
}

/** fs0-like names would collide with the loop's registers: x8 points to inputs, x9 to outputs, x10 counts. */
function makeBlocks(): Block[] {
  const next = randomNumbers(20261122);
  const blocks: Block[] = [];
  for (const [id, row] of ROWS.entries()) {
    const arithmetic = (row.extension === 'F' || row.extension === 'D') && !row.access;
    if (!arithmetic || /^f(mv|sgnj)/.test(row.name)) continue;
    const fields = operandFields(row);
    const single = row.name.endsWith('.s');
    for (const rm of fields & 16 ? [0, 1, 2, 3, 4] : [0]) {
      const word = encode(id, 5, 1, fields & 4 ? 2 : 0, 0, fields & 8 ? 3 : 0, rm);
      const inputs: bigint[][] = [];
      for (let n = 0; n < CASES; n++) {
        const floats = [0, 1, 2].map(() => {
          const bits = randomFloat(single ? BINARY32 : BINARY64, next);
          return single && next() % 32 !== 0 ? bits | BOX : bits;
        });
        inputs.push([...floats, randomInteger(next)]);
      }
      blocks.push({ word, inputs });
    }
  }
  return blocks;
}

/** A bare-metal program that runs all blocks and prints the results, 24 bytes each, as raw bytes on the UART. */
function program(blocks: readonly Block[]): Uint8Array {
  const code = blocks.map(
    ({ word, inputs }) => `
      li    x10, ${inputs.length}
    1:fld   f1, 0(x8)
      fld   f2, 8(x8)
      fld   f3, 16(x8)
      ld    x1, 24(x8)
      fmv.d.x f5, zero
      li    x5, 0
      fscsr zero
      .insn 4, ${word}
      frflags x6
      fsd   f5, 0(x9)
      sd    x5, 8(x9)
      sd    x6, 16(x9)
      addi  x8, x8, 32
      addi  x9, x9, 24
      addi  x10, x10, -1
      bnez  x10, 1b`,
  );
  const data = blocks.flatMap(({ inputs }) => inputs.map((values) => `.dword ${values.join(', ')}`));
  const source = `
      li    x5, 0x6000
      csrs  mstatus, x5
      la    x8, inputs
      li    x9, 0x82000000
      ${code.join('\n')}
      li    x8, 0x82000000
      li    x11, 0x10000000
    1:lbu   x5, 0(x8)
      sb    x5, 0(x11)
      addi  x8, x8, 1
      bne   x8, x9, 1b
      li    x5, 0x100000
      li    x6, 0x5555
      sw    x6, 0(x5)
    1:j     1b
      .data
      .balign 8
    inputs:
      ${data.join('\n')}`;
  return assembleFlat(source, 0x8000_0000n).bytes;
}

describeWith([QEMU], 'software floating point against QEMU', () => {
  it('agrees on random operands in all rounding modes', () => {
    const blocks = makeBlocks();
    const folder = mkdtempSync(join(tmpdir(), 'licorice-float-'));
    try {
      writeFileSync(join(folder, 'program.bin'), program(blocks));
      const output = join(folder, 'out');
      execFileSync(
        'qemu-system-riscv64',
        [
          '-M',
          'virt',
          '-display',
          'none',
          '-bios',
          'none',
          '-serial',
          `file:${output}`,
          '-monitor',
          'none',
        ].concat(['-device', `loader,file=${join(folder, 'program.bin')},addr=0x80000000`]),
        { timeout: 120_000 },
      );
      const bytes = readFileSync(output);
      const theirs = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const view = new DataView(new ArrayBuffer(0x1000));
      let at = 0;
      const wrong: string[] = [];
      for (const { word, inputs } of blocks) {
        for (const [a, b, c, x] of inputs) {
          view.setBigUint64(fOffset(1), a!, true);
          view.setBigUint64(fOffset(2), b!, true);
          view.setBigUint64(fOffset(3), c!, true);
          view.setBigUint64(xOffset(1), x!, true);
          view.setBigUint64(fOffset(5), 0n, true);
          view.setBigUint64(xOffset(5), 0n, true);
          view.setInt32(HART.fflags, 0, true);
          expect(executeFloatSlow(view, 0, word)).toBe(true);
          const ours = [view.getBigUint64(fOffset(5), true), view.getBigUint64(xOffset(5), true)];
          const expected = [theirs.getBigUint64(at, true), theirs.getBigUint64(at + 8, true)];
          const flags = Number(theirs.getBigUint64(at + 16, true));
          at += 24;
          if (
            ours[0] === expected[0] &&
            ours[1] === expected[1] &&
            view.getInt32(HART.fflags, true) === flags
          )
            continue;
          const hex = (values: (bigint | undefined)[]): string =>
            values.map((v) => v?.toString(16)).join(' ');
          wrong.push(
            `${disassemble(word)}: ${hex([a, b, c, x])} → ours ${hex(ours)} ${view.getInt32(HART.fflags, true)}, ` +
              `QEMU ${hex(expected)} ${flags}`,
          );
        }
      }
      expect(at).toBe(bytes.length);
      expect(wrong.length, wrong.slice(0, 12).join('\n')).toBe(0);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('software floating point against the host', () => {
  it('rounds to nearest even as JavaScript does', () => {
    const next = randomNumbers(7);
    const view = new DataView(new ArrayBuffer(8));
    const number = (bits: bigint): number => {
      view.setBigUint64(0, bits);
      return view.getFloat64(0);
    };
    const bits = (value: number): bigint => {
      view.setFloat64(0, value);
      return Number.isNaN(value) ? BINARY64.nan : view.getBigUint64(0);
    };
    const operations = [
      [soft.add, (a: number, b: number) => a + b],
      [soft.sub, (a: number, b: number) => a - b],
      [soft.mul, (a: number, b: number) => a * b],
      [soft.div, (a: number, b: number) => a / b],
    ] as const;
    for (let n = 0; n < CASES * 50; n++) {
      const a = randomFloat(BINARY64, next);
      const b = randomFloat(BINARY64, next);
      for (const [ours, host] of operations) {
        const c = { rounding: soft.Rounding.RNE, flags: 0 };
        expect(ours(BINARY64, a, b, c)).toBe(bits(host(number(a), number(b))));
      }
      const c = { rounding: soft.Rounding.RNE, flags: 0 };
      expect(soft.sqrt(BINARY64, a, c)).toBe(bits(Math.sqrt(number(a))));
    }
  });
});
