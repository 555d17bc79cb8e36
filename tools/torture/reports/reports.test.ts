/**
 * Do the HTML and JUnit reports say what a campaign found, whole and well-formed, whatever the program prints, and
 * nothing that was sampled as exhaustive?
 */
import { describe, expect, test } from 'vitest';
import type { FindingJson, PlaceJson, StoreJson, TortureReport } from '../format.ts';
import { htmlReport } from './html.ts';
import { junitReport } from './junit.ts';
import { escapeMarkup } from './markup.ts';
import { TIMELINE_EVENTS } from './timeline.ts';

const place = (line: number, symbol = 'insert'): PlaceJson => ({
  pc: `0x${(0x80000000 + line * 4).toString(16)}`,
  image: 'table.elf',
  symbol,
  offset: 8,
  file: 'table.c',
  line,
});

const store: StoreJson = {
  ...place(13),
  address: '0x48',
  block: 1,
  size: 8,
  value: '0xc8',
  hart: 0,
  instruction: 41,
  level: 0,
  writtenBack: true,
  missing: 'fence',
  stack: [place(30, 'workload')],
};

const finding: FindingJson = {
  kind: 'check',
  outcome: 'ended with code 2',
  missing: 'fence',
  crashPoint: 1,
  crashPointKind: 'fence',
  crashPlace: place(18),
  crashPoints: 3,
  nested: [],
  operation: 2,
  acknowledged: 1,
  minimal: true,
  lost: [store],
  early: [{ ...store, ...place(16), address: '0x0', block: 0 }],
  image: [{ block: 1, address: '0x40', failing: '00'.repeat(64), visible: `c8${'00'.repeat(63)}` }],
  timeline: [
    { kind: 'begin', instruction: 30, level: 0, hart: 0, place: place(29), operation: 2 },
    {
      kind: 'store',
      instruction: 41,
      level: 0,
      hart: 0,
      place: place(13),
      address: '0x48',
      size: 8,
      value: '0xc8',
      fate: 'lost',
    },
    { kind: 'clean', instruction: 42, level: 0, hart: 0, place: place(14), address: '0x40' },
    {
      kind: 'store',
      instruction: 43,
      level: 0,
      hart: 0,
      place: place(16),
      address: '0x0',
      size: 8,
      value: '0x1',
      fate: 'reached',
    },
    { kind: 'fence', instruction: 44, level: 0, hart: 0, place: place(17), redundant: false },
    { kind: 'failure', instruction: 44, level: 0, hart: 0, place: place(18) },
  ],
  fixes: [
    { kind: 'fence', after: [place(14)], text: 'a fence after table.c:14', works: true, findingsLeft: 0 },
  ],
  output: 'key <100> & \u0001 "lost"\n',
  seed: 'T1.1.9cb294ed.16777216-1048576-10000000.1=1',
};

const report: TortureReport = {
  format: 'licorice torture',
  version: 3,
  program: { name: 'table<buggy>.elf', kind: 'bare', fingerprint: '9cb294ed' },
  options: {
    memory: 16777216,
    nvdimm: 1048576,
    budget: 10000000,
    fences: 'own',
    depth: 0,
    maxRuns: 20000,
    preemptions: 1,
    samples: 1000,
    seed: 0,
  },
  exhaustive: true,
  runs: 16,
  legalImages: '22',
  coveredImages: '22',
  crashPoints: [0, 1].map((index) => ({
    index,
    kind: 'fence',
    place: place(18),
    instruction: 30 + index,
    operation: 1,
    acknowledged: index,
    legalImages: '11',
    coveredImages: '11',
    classes: 8,
    runs: 8,
    exhaustive: true,
    digest: '',
    nested: [],
  })),
  findings: [finding],
  advice: [
    { kind: 'redundant flush', about: 'performance', place: place(20), stores: [], count: 4, operation: 1 },
  ],
  unreduced: 0,
};

/** The names of elements that are opened and closed, in order; throws when they do not nest. */
function checkNesting(markup: string): number {
  const open: string[] = [];
  let elements = 0;
  for (const [, close, name] of markup.matchAll(/<(\/?)([a-zA-Z][a-zA-Z0-9]*)(?:\s[^<>]*)?>/g)) {
    if (['meta', 'html'].includes(name!)) continue;
    if (close === '') {
      open.push(name!);
      elements++;
    } else if (open.pop() !== name) throw new Error(`</${name}> closes nothing`);
  }
  expect(open).toEqual([]);
  return elements;
}

describe('HTML', () => {
  test('names operation, line, call, fix, seed and image, and needs nothing from outside', () => {
    const page = htmlReport(report);
    expect(checkNesting(page)).toBeGreaterThan(100);
    for (const part of [
      'table.c:13 in insert',
      'called from table.c:30 in workload',
      'during operation 2, operation 1 acknowledged',
      'written back, no fence completed it',
      'a fence after table.c:14',
      'this finding is gone, and no other is left',
      'T1.1.9cb294ed.16777216-1048576-10000000.1=1',
      '<mark>c8</mark>',
      'redundant flush',
      'all 22 legal images',
    ])
      expect(page).toContain(part);
    expect(page).not.toMatch(/<script|https?:|src=|@import|url\(/);
  });

  test('what a program prints, or is called, is text', () => {
    const page = htmlReport(report);
    expect(page).toContain('key &lt;100&gt; &amp; \ufffd &quot;lost&quot;');
    expect(page).toContain('table&lt;buggy&gt;.elf');
  });

  test('a store of each fate is told by its sign, and a long timeline by its end', () => {
    const page = htmlReport(report);
    expect(page).toMatch(/class="event lost"[^✕]*✕/);
    expect(page).toMatch(/class="event reached"[^●]*●/);
    const long = { ...finding, timeline: Array.from({ length: 1000 }, () => finding.timeline[1]!) };
    const shortened = htmlReport({ ...report, findings: [long] });
    expect(shortened.match(/class="event lost"/g)).toHaveLength(TIMELINE_EVENTS);
    expect(shortened).toContain(`${1000 - TIMELINE_EVENTS} before them are not shown`);
  });

  test('what was sampled is not called exhaustive', () => {
    const sampled = { ...report, exhaustive: false, coveredImages: '11' };
    for (const text of [htmlReport(sampled), junitReport(sampled)]) {
      expect(text).toContain('SAMPLED: 11 of 22 legal images (50 %); not exhaustive');
      expect(text).not.toContain('all 22');
    }
  });
});

describe('JUnit', () => {
  test('a test case for each crash point; the one with the finding fails', () => {
    const xml = junitReport(report);
    checkNesting(xml.slice(xml.indexOf('?>') + 2));
    expect(xml.match(/<testcase /g)).toHaveLength(2);
    expect(xml).toContain(
      '<testsuites name="licorice torture" tests="2" failures="1" errors="0" skipped="0">',
    );
    expect(xml).toMatch(
      /crash point 1 \(fence\)[^<]*<failure type="fence" message="missing fence: the store at table.c:13/,
    );
    expect(xml).toContain('fix that works: a fence after table.c:14');
    expect(xml).toContain('seed: T1.1.');
  });
});

test('characters that XML does not allow become U+FFFD', () => {
  expect(escapeMarkup('a\u0000b\ud800c\udc00\u{1f600}\n')).toBe('a\ufffdb\ufffdc\ufffd\u{1f600}\n');
});

test('without findings the page says so', () => {
  expect(htmlReport({ ...report, findings: [] })).toContain('no findings');
  expect(junitReport({ ...report, findings: [] })).not.toContain('<failure');
});
