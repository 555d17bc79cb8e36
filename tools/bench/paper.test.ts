/** Do the bars of the paper's Table 1 hold under the timing model, and does every measurement of `bench paper` end with a figure? */
import { expect, test } from 'vitest';
import { XEON_GOLD_5218 } from '../../emulator/timing/profile.ts';
import { benchPaper, codeLines, formatPaper } from './paper.ts';
import { paperChart } from './paper-chart.ts';

test('Table 1 within its bars, Twizzler style beside unix style', () => {
  const result = benchPaper(XEON_GOLD_5218, 500);
  const barred = result.figures.filter(({ atMost }) => atMost !== undefined);
  expect(barred.map(({ name }) => name)).toHaveLength(4);
  for (const { name, nanoseconds, atMost } of barred) {
    expect(nanoseconds, name).toBeGreaterThan(0);
    expect(nanoseconds, name).toBeLessThanOrEqual(atMost!);
  }
  const text = formatPaper(result);
  for (const { name } of result.figures) expect(text).toContain(name);
  expect(text).not.toContain('MISSED');
  const chart = paperChart(result);
  expect(chart.match(/<rect /g)!.length).toBe(
    3 + result.figures.length + result.figures.filter(({ paper }) => paper !== undefined).length,
  );
  // The paper's point: the volatile tree becomes a persistent one without another line of code but its tags; several files cost much more.
  const lines = Object.fromEntries(result.lines.map(({ file, lines: n }) => [file, n]));
  expect(lines['twzrbt.ts']! - lines['ramrbt.ts']!).toBe(2);
  expect(lines['unixkv-multi.ts']!).toBeGreaterThan(1.3 * lines['twzkv.ts']!);
}, 240_000);

test('lines of code are those that are neither empty nor comment', () => {
  expect(codeLines('/** a\n * b */\n\nlet x = 1; // c\n  // d\n}\n')).toBe(2);
});
