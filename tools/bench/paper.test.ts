/** Do the bars of the paper's Table 1 hold under the timing model, and does every measurement of `bench paper` end with a figure? */
import { expect, test } from 'vitest';
import { XEON_GOLD_5218 } from '../../emulator/timing/profile.ts';
import { benchPaper, type ComparedStores, type PaperResult } from './paper.ts';
import { paperChart } from './paper-chart.ts';
import { formatPaper } from './paper-format.ts';
import { codeLines, pointerSites } from './paper-lines.ts';
import type { Part } from './paper-parts.ts';

const SMALL = { count: 500, rows: 300, bytes: 200, operations: 40 };

/** The parts with few keys. */
const run = (...only: Part[]): Promise<PaperResult> => benchPaper(XEON_GOLD_5218, { ...SMALL, only });

test('Table 1 within its bars; mapping is many times cheaper than where the kernel does it', async () => {
  const result = await run('table1');
  const barred = result.figures.filter(({ atMost }) => atMost !== undefined);
  expect(barred.map(({ name }) => name)).toHaveLength(4);
  for (const { name, nanoseconds, atMost } of barred) {
    expect(nanoseconds, name).toBeGreaterThan(0);
    expect(nanoseconds, name).toBeLessThanOrEqual(atMost!);
  }
  expect(formatPaper(result)).not.toContain('MISSED');
  const of = (name: string): number => result.figures.find((figure) => figure.name === name)!.nanoseconds;
  expect(of('unix style: mmap')).toBeGreaterThan(5 * of('mapping an object'));
  expect(of('unix style: open("id")')).toBeGreaterThan(20 * of('translation, FOT entry not cached'));
}, 600_000);

test('case studies: every measurement ends, and the sources are as long as said', async () => {
  const result = await run('rbt', 'kv', 'containers', 'logboi', 'lines');
  const text = formatPaper(result);
  for (const { name, nanoseconds } of result.figures) {
    expect(text).toContain(name);
    expect(nanoseconds, name).toBeGreaterThan(0);
  }
  // The paper's point: the volatile tree becomes a persistent one without another line of code but its tags; several files cost much more.
  const of = (file: string): { lines: number; pointerSites: number } =>
    result.sources.find((source) => source.file === file)!;
  expect(of('twzrbt.ts').lines - of('ramrbt.ts').lines).toBe(2);
  expect(of('twzrbt.ts').pointerSites).toBe(0);
  expect(of('unixrbt.ts').pointerSites).toBeGreaterThan(30);
  expect(of('filerbt.ts').lines).toBeGreaterThan(60);
  expect(of('unixkv-multi.ts').lines).toBeGreaterThan(1.3 * of('twzkv.ts').lines);
  expect(of('store/pmdk.ts').pointerSites).toBeGreaterThan(50);
  const chart = paperChart(result);
  expect(chart.match(/<rect /g)!.length).toBe(
    3 + result.figures.length + result.figures.filter(({ paper }) => paper !== undefined).length,
  );
}, 600_000);

test('the stores: ratios to LMDB, and what an operation takes', async () => {
  const result = await run('ycsb', 'queries');
  expect(result.comparisons.map(({ part }) => part)).toEqual(['ycsb', 'queries']);
  for (const { figures } of result.comparisons) {
    expect(figures).toHaveLength(24);
    for (const { store, name, relative, nanoseconds } of figures) {
      expect(nanoseconds, name).toBeGreaterThan(0);
      if (store === 'LMDB') expect(relative).toBe(1);
    }
  }
  const of = ({ figures }: ComparedStores, store: string, name: string) =>
    figures.find((figure) => figure.store === store && figure.name === name)!;
  const ycsb = result.comparisons[0]!;
  // An update must wait for at least one fence, in every store; reads write nothing back.
  for (const store of ['native', 'LMDB', 'PMDK', 'Twizzler']) {
    expect(of(ycsb, store, 'A').counts.fences, store).toBeGreaterThan(0.4);
    expect(of(ycsb, store, 'C').counts.writeBacks, store).toBeLessThan(0.01);
  }
  // Pages of 4 KiB for a row of 200 bytes, where the tree writes the row.
  expect(of(ycsb, 'LMDB', 'A').counts.writeBacks).toBeGreaterThan(
    3 * of(ycsb, 'Twizzler', 'A').counts.writeBacks,
  );
  const chart = paperChart(result);
  expect(chart.match(/stroke-width="2.5"/g)).toHaveLength(48);
  expect(formatPaper(result)).toContain('YCSB, 300 rows of 200 bytes');
}, 600_000);

test('lines of code are those that are neither empty nor comment; pointers by hand are found', () => {
  expect(codeLines('/** a\n * b */\n\nlet x = 1; // c\n  // d\n}\n')).toBe(2);
  expect(
    pointerSites('  const a = at<Node>(base + link);\n  // base + 1\n  point(a.left, direct(b));\n'),
  ).toBe(3);
});
