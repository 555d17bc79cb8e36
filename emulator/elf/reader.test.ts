/** Does the ELF reader take what GCC makes, and refuse every damaged file with one line that says what is wrong? */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { describeWith, GCC } from '../../test/oracles.ts';
import { UserError } from '../errors.ts';
import { EHDR, ET, PF, PHDR, PHDR_SIZE, PT, R_RISCV, SHT, STB, STT } from './constants.ts';
import { readElf, readRelocations } from './reader.ts';
import { tinyElf } from './tiny.ts';

const program = () =>
  tinyElf([{ address: 0x8000_0000n, data: Uint8Array.of(0x13, 0, 0, 0), memorySize: 16n }]);

function messageOf(bytes: Uint8Array): string {
  try {
    readElf(bytes, 'prog.elf');
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return (error as UserError).message;
  }
  return 'no error';
}

/** A copy with `value` written at `offset` in `width` bytes. */
function patched(offset: number, width: number, value: bigint): Uint8Array {
  const bytes = program();
  for (let i = 0; i < width; i++) bytes[offset + i] = Number((value >> BigInt(8 * i)) & 0xffn);
  return bytes;
}

test('a minimal program is read field by field', () => {
  const elf = readElf(program(), 'prog.elf');
  expect(elf.type).toBe(ET.EXEC);
  expect(elf.entry).toBe(0x8000_0000n);
  expect(elf.segments).toHaveLength(1);
  expect(elf.segments[0]).toMatchObject({ type: PT.LOAD, flags: PF.R | PF.W | PF.X, memorySize: 16n });
  expect([...elf.segments[0]!.data]).toEqual([0x13, 0, 0, 0]);
});

const firstHeader = 64;
test.each([
  ['empty', new Uint8Array(), /not an ELF file/],
  ['text', new TextEncoder().encode('#!/bin/sh\necho hello\n'), /not an ELF file/],
  ['header cut short', program().subarray(0, 40), /truncated/],
  ['program headers cut off', program().subarray(0, firstHeader + 20), /program header table.*truncated/],
  ['segment cut off', program().subarray(0, firstHeader + PHDR_SIZE + 2), /segment 0.*truncated/],
  ['32-bit', patched(EHDR.class, 1, 1n), /32-bit/],
  ['big-endian', patched(EHDR.data, 1, 2n), /big-endian/],
  ['x86-64', patched(EHDR.machine, 2, 62n), /made for x86-64, not for RISC-V/],
  ['unnamed machine', patched(EHDR.machine, 2, 999n), /ELF machine 999/],
  ['core file', patched(EHDR.type, 2, 4n), /file type 4/],
  ['RV64E', patched(EHDR.flags, 4, 8n), /RV64E/],
  ['huge program header offset', patched(EHDR.phoff, 8, 0xffff_ffff_ffff_ff00n), /program header table/],
  ['huge file size', patched(firstHeader + PHDR.filesz, 8, 1n << 62n), /larger in the file/],
  ['segment far outside', patched(firstHeader + PHDR.offset, 8, 1n << 63n), /segment 0/],
  ['sections promised, none there', patched(EHDR.shnum, 2, 5n), /section header/],
])('%s is refused in one line', (_title, bytes, expected) => {
  const message = messageOf(bytes);
  expect(message).toMatch(expected);
  expect(message).toMatch(/^prog\.elf: /);
  expect(message).not.toContain('\n');
});

test('no damaged byte makes the reader throw anything but a UserError', () => {
  const whole = program();
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
      fc.nat(whole.length),
      (changes, cut) => {
        const bytes = program();
        for (const [at, value] of changes) bytes[at] = value;
        for (const input of [bytes, bytes.subarray(0, cut)]) {
          try {
            readElf(input, 'prog.elf');
          } catch (error) {
            expect(error).toBeInstanceOf(UserError);
          }
        }
      },
    ),
    { numRuns: 2000, seed: 1 },
  );
});

describeWith([GCC], 'files made by GCC', () => {
  test('are the symbols, sections and relocations of a C file read as GCC wrote them?', () => {
    const folder = mkdtempSync(join(tmpdir(), 'licorice-elf-'));
    try {
      const source = join(folder, 'a.c');
      writeFileSync(
        source,
        'extern int far(int); int table[4] = {1}; int near(void) { return far(table[2]); }\n',
      );
      const options = ['-march=rv64gc', '-mabi=lp64d', '-mcmodel=medany', '-O1', '-c'];
      execFileSync('riscv64-unknown-elf-gcc', [...options, source, '-o', join(folder, 'a.o')]);
      const elf = readElf(readFileSync(join(folder, 'a.o')), 'a.o');
      expect(elf.type).toBe(ET.REL);
      expect(elf.symbols.find((symbol) => symbol.name === 'table')).toMatchObject({
        size: 16n,
        binding: STB.GLOBAL,
        type: STT.OBJECT,
      });
      expect(elf.symbols.find((symbol) => symbol.name === 'far')?.section).toBe(0);
      const rela = elf.sections.find(
        (section) => section.type === SHT.RELA && section.name === '.rela.text',
      )!;
      const call = readRelocations(elf, rela).find(
        (relocation) => elf.symbols[relocation.symbol]?.name === 'far',
      );
      expect([R_RISCV.CALL, R_RISCV.CALL_PLT] as number[]).toContain(call?.type);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
