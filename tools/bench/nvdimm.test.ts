/** Is every published point of the NVDIMM's timing met within 15 %? */
import { expect, test } from 'vitest';
import { XEON_GOLD_5218 } from '../../emulator/timing/profile.ts';
import { benchNvdimm, formatNvdimmBench } from './nvdimm.ts';

const points = benchNvdimm(XEON_GOLD_5218);

test.each(points)('$name: $measured $unit', ({ measured, ours }) => {
  expect(Math.abs(ours / measured - 1)).toBeLessThan(0.15);
});

test('a slower medium shows in the table', () => {
  const slow = { ...XEON_GOLD_5218, nvdimm: { ...XEON_GOLD_5218.nvdimm, mediaRead: 610 } };
  const random = benchNvdimm(slow).find(({ name }) => name === 'read latency, random')!;
  expect(random.ours).toBeGreaterThan(600);
  expect(formatNvdimmBench(slow, [random])).toMatch(/read latency, random +305 +6\d\d ns +\+\d+\.\d %/);
});
