/** Does the repository itself keep its promises: no registry host in a lock file, files that say their job? */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const files = execFileSync('git', ['ls-files', '*.ts'], { encoding: 'utf8' }).split('\n').filter(Boolean);

test('the lock file names no download address', () => {
  expect(readFileSync('package-lock.json', 'utf8')).not.toMatch(/"resolved"/);
});

test.each(files)('%s opens with a comment that says its job', (file) => {
  if (file === 'vitest.config.ts') return;
  expect(readFileSync(file, 'utf8')).toMatch(/^(#!.*\n)?\s*\/\*\*/);
});
