/** Are the programs of the differential tester repeatable, long enough, and do they cover the table of instructions? */
import { expect, test } from 'vitest';
import { ROWS } from '../../emulator/cpu/isa/table.ts';
import { describeWith, GCC, QEMU } from '../oracles.ts';
import { buildBatch, differences, readResults, runOnQemu } from './batch.ts';
import { NOT_IN_QEMU } from './body.ts';
import { generate } from './generate.ts';
import { RECORD_FIELDS } from './layout.ts';

const programs = (count: number, from = 1) =>
  Array.from({ length: count }, (_, index) => generate(from + index, index));

test('the same seed gives the same program', () => {
  expect(generate(42, 3)).toEqual(generate(42, 3));
  expect(generate(42, 3).memory).not.toEqual(generate(43, 3).memory);
});

test('two hundred programs use every row of the table that QEMU has, in every mode, with and without paging', () => {
  const uses = new Map<string, number>();
  const kinds = new Set<string>();
  for (const program of programs(200)) {
    kinds.add(program.description.split(', ').slice(0, 2).join(' '));
    for (const [name, count] of program.uses) uses.set(name, (uses.get(name) ?? 0) + count);
  }
  const missing = ROWS.filter((row) => !NOT_IN_QEMU.has(row.name) && !uses.has(row.name)).map(
    (row) => row.name,
  );
  expect(missing).toEqual([]);
  expect(kinds.size).toBe(12);
});

describeWith([QEMU, GCC], 'on QEMU', () => {
  test('programs run to their end and give the same result twice', () => {
    const elf = buildBatch(programs(40));
    const [first, second] = [1, 2].map(() => readResults(runOnQemu(elf), 40));
    const causes = new Map<bigint, number>();
    first!.forEach((result, index) => {
      expect(differences(result, second![index]!)).toEqual([]);
      const cause = result.fields[RECORD_FIELDS.indexOf('mcause')]!;
      causes.set(cause, (causes.get(cause) ?? 0) + 1);
    });
    // They end at the last ecall (causes 8, 9, 11), not at the limit of traps.
    expect([...causes.keys()].filter((cause) => cause < 8n || cause === 10n || cause > 11n)).toEqual([]);
  });
});
