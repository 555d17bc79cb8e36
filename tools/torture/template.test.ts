/** Is a mistake in a guest program named for what it is, made in an operation or before the program was ready? The journal of `licorice new` with a line changed. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { guestFolder } from '../compiler/frontend/library.ts';
import { reportOf } from './assemble.ts';
import { runCampaign } from './campaign.ts';
import type { TortureReport } from './format.ts';
import { compileGuest, guestProgram } from './guest.ts';

const LIMITS = { maxRuns: 1000, samples: 0, seed: 0 };

describe('the journal of licorice new', { timeout: 120_000 }, () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'licorice-template-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Explores it with texts of its files replaced. */
  async function explore(...changes: readonly (readonly [string, string])[]): Promise<TortureReport> {
    const template = join(guestFolder(), 'template');
    for (const name of readdirSync(template)) {
      const text = readFileSync(join(template, name), 'utf8');
      writeFileSync(
        join(folder, name),
        changes.reduce((changed, [from, to]) => changed.replace(from, to), text),
      );
    }
    const program = guestProgram(await compileGuest(join(folder, 'torture.ts')));
    return reportOf(program, LIMITS, runCampaign(program, LIMITS), { fixes: true });
  }

  test('as it comes it has none', async () => {
    expect((await explore()).findings).toEqual([]);
  });

  test('an entry that is not written back before it counts', async () => {
    const { findings } = await explore(['    persist(entry.address, sizeof<u64>());\n', '']);
    expect(findings.length).toBeGreaterThan(0);
    for (const finding of findings) {
      expect(finding.missing).toBe('flush');
      expect(finding.lost[0]).toMatchObject({ file: 'journal.ts', line: 23 });
    }
  });

  test('one that setup leaves in the caches', async () => {
    const { findings } = await explore(
      ['i <= 10; i++) journal().append(i);\n', 'i <= 10; i++) journal().append(i);\n  forget();\n'],
      ['append(10 + index)', 'append(11 + index)'],
      [
        'function setup',
        `function forget(): void {
  journal().entries[10] = 11;
  storePersistent(ptrTo(journal().count).address, 11);
}

function setup`,
      ],
      ['import { finish', "import { storePersistent } from 'licorice/libtwz/persist.ts';\nimport { finish"],
    );
    expect(findings.length).toBeGreaterThan(0);
    expect(findings[0]).toMatchObject({ missing: 'flush' });
    expect(findings[0]!.lost[0]).toMatchObject({ file: 'torture.ts', line: 14 });
    expect(findings[0]!.fixes.some(({ works }) => works)).toBe(true);
  });
});
