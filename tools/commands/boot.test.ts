/** Is every wrong use of `licorice boot` one clear line and exit code 2, and nothing else harmed? */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../guest/layouts.ts';

const folder = mkdtempSync(join(tmpdir(), 'licorice-boot-'));
writeFileSync(join(folder, 'foreign'), 'something else');

test.each([
  [['--nvdimm', 'no/such/image'], /its directory does not exist/],
  [['--nvdimm', 'foreign'], /foreign is not an NVDIMM/],
  [['--nvdimm', '.'], /it is a directory/],
  [['--size', 'large'], /--size 'large' is not a size/],
  [['--size', '1M'], /multiple of 2 MiB/],
  [['--harts', '99'], /a machine has 1 to 8 harts/],
  [['--mem', '1'], /main memory is at least/],
  [['--engine', 'other'], /engine/],
  [['--seed', 'x'], /--seed: not a whole number/],
  [['--date', 'yesterday'], /is not a date/],
  [['--max-instructions', '0'], /not a positive whole number/],
  [['--gdb', 'x'], /--gdb 'x' is not a port/],
  [['--dap', '70000'], /--dap '70000' is not a port/],
  [['--replay', 'nosuch'], /nosuch: cannot read the input log \(no such file\)/],
  [['--bogus'], /Unknown argument: bogus/],
  [['extra'], /Unknown argument: extra/],
  [['--exec'], /exec/],
  [['--exec', 'x'.repeat(5000)], /commands have at most 4095 bytes/],
])('%.40j', (args, message) => {
  const command = [join(packageRoot(), 'dist', 'licorice.js'), 'boot', ...args];
  if (!args.includes('--exec')) command.push('--exec', ':');
  const { stdout, stderr, status } = spawnSync(process.execPath, command, { cwd: folder, encoding: 'utf8' });
  expect(stdout).toBe('');
  expect(stderr).toMatch(message);
  expect(stderr).toMatch(/^licorice: [^\n]*\n$/);
  expect(status).toBe(2);
  expect(readFileSync(join(folder, 'foreign'), 'utf8')).toBe('something else');
});

test('a recorded boot has the same keys, IDs and date when it is replayed', { timeout: 120_000 }, () => {
  const boot = (image: string, ...args: string[]): string => {
    const command = [join(packageRoot(), 'dist', 'licorice.js'), 'boot', '--nvdimm', image, '--size', '16M'];
    command.push('--exec', 'obj make thing; cap key k; obj stat k; date', ...args);
    const { stdout, stderr } = spawnSync(process.execPath, command, { cwd: folder, encoding: 'utf8' });
    expect(stderr).toBe('');
    return stdout;
  };
  const first = boot('first.nvm', '--record', 'log');
  expect(first).toMatch(/^[0-9a-f]{16}:[0-9a-f]{16}\n/);
  expect(boot('second.nvm', '--replay', 'log')).toBe(first);
  expect(boot('third.nvm')).not.toBe(first);
});
