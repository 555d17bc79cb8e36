/** Is compiled guest TypeScript nearly as good as GCC's code, and does it compute the same? */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { describeWith, GCC } from '../../test/oracles.ts';
import { benchKernel, type CompilerBenchRow, kernelNames } from './compiler.ts';

describeWith([GCC], 'kernels in guest TypeScript and in C', () => {
  const folder = mkdtempSync(join(tmpdir(), 'licorice-bench-test-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const rows: CompilerBenchRow[] = [];

  test.each(kernelNames())('does %s give the same result in less than twice the instructions?', (kernel) => {
    const row = benchKernel(kernel, folder);
    rows.push(row);
    expect(row.ratio).toBeLessThan(2);
  });

  test('are they within 1.25 times GCC -O2 in the geometric mean?', () => {
    expect(rows.length).toBeGreaterThanOrEqual(15);
    const logs = rows.reduce((sum, row) => sum + Math.log(row.ratio), 0);
    expect(Math.exp(logs / rows.length)).toBeLessThan(1.25);
  });
});
