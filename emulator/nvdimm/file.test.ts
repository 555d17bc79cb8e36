/** Is the backing file made, kept, locked and refused as docs/nvdimm.md says? */
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { MiB } from '../addresses.ts';
import { Shutdown } from './device-record.ts';
import { dpa } from './dpa.ts';
import { fileSize, NvdimmFile } from './file.ts';
import { readLabelArea } from './labels.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'licorice-nvdimm-'));
  path = join(folder, 'test.nvm');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const SIZE = 4 * MiB;

/** Runs a line of TypeScript in another process, with the file module at hand. */
function otherProcess(body: string): string[] {
  const module = join(import.meta.dirname, 'file.ts');
  const script = `import { build } from 'esbuild';
    const out = await build({ entryPoints: [${JSON.stringify(module)}], bundle: true, write: false, format: 'esm', platform: 'node' });
    const { NvdimmFile } = await import('data:text/javascript;base64,' + Buffer.from(out.outputFiles[0].text).toString('base64'));
    const path = ${JSON.stringify(path)};
    ${body}`;
  return ['--input-type=module', '-e', script];
}

test('a new file is complete, sparse, and holds a valid namespace label', () => {
  const file = NvdimmFile.open(path, { size: 256 * MiB });
  const stat = statSync(path);
  expect(stat.size).toBe(fileSize(256 * MiB));
  expect(stat.blocks * 512).toBeLessThan(MiB);
  const area = new Uint8Array(128 * 1024);
  file.readLabels(0, area);
  const labels = readLabelArea(area)!;
  expect(labels).toMatchObject([{ name: 'licorice', dpa: 0, size: 256 * MiB, slot: 0 }]);
  file.close();
  expect(readdirSync(folder)).toEqual(['test.nvm']);
});

test('a damaged label or index block is noticed', () => {
  const area = new Uint8Array(128 * 1024);
  const file = NvdimmFile.open(path, { size: SIZE });
  file.readLabels(0, area);
  file.close();
  const label = area.slice();
  label[512 + 112]! ^= 1;
  expect(readLabelArea(label)).toEqual([]);
  const newer = area.slice();
  newer[70]! ^= 1;
  // The older index block is from before the label was written.
  expect(readLabelArea(newer)).toEqual([]);
  newer[256 + 70]! ^= 1;
  expect(readLabelArea(newer)).toBeUndefined();
});

test('media, labels and record are there again at the next opening', () => {
  const file = NvdimmFile.open(path, { size: SIZE });
  file.write(dpa(12345), Uint8Array.of(1, 2, 3));
  file.writeLabels(300, Uint8Array.of(9));
  file.record.powerCycles = 5;
  file.record.shutdown = Shutdown.inUse;
  file.record.poison = [
    { dpa: 64, known: true },
    { dpa: 4096, known: false },
  ];
  file.saveRecord();
  file.close();
  const again = NvdimmFile.open(path);
  const bytes = new Uint8Array(3);
  again.read(dpa(12345), bytes);
  expect([...bytes]).toEqual([1, 2, 3]);
  const label = new Uint8Array(1);
  again.readLabels(300, label);
  expect(label[0]).toBe(9);
  expect(again.record).toMatchObject({ powerCycles: 5, shutdown: Shutdown.inUse, mediaSize: SIZE });
  expect(again.record.poison).toEqual([
    { dpa: 64, known: true },
    { dpa: 4096, known: false },
  ]);
  again.close();
});

test('a second writer is refused, in this process and in another, until the first is done', () => {
  const file = NvdimmFile.open(path, { size: SIZE });
  expect(() => NvdimmFile.open(path)).toThrow(`${path} is in use by process ${process.pid}`);
  const child = spawnSync(
    process.execPath,
    otherProcess('try { NvdimmFile.open(path) } catch (e) { process.stdout.write(e.message) }'),
    { encoding: 'utf8' },
  );
  expect(child.stderr).toBe('');
  expect(child.stdout).toContain(`is in use by process ${process.pid}`);
  file.close();
  NvdimmFile.open(path).close();
});

test('the lock dies with its process, even by kill -9', async () => {
  const child = spawn(
    process.execPath,
    otherProcess(
      'NvdimmFile.open(path, { size: 4194304 }); console.log("open"); setInterval(() => {}, 1000)',
    ),
  );
  await new Promise((resolve) => child.stdout.once('data', resolve));
  expect(() => NvdimmFile.open(path)).toThrow(`in use by process ${child.pid}`);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
  expect(existsSync(`${path}.lock`)).toBe(true);
  NvdimmFile.open(path).close();
  expect(readdirSync(folder)).toEqual(['test.nvm']);
});

test('of many processes that take over a dead lock at once, one at a time has the file', async () => {
  NvdimmFile.open(path, { size: SIZE }).close();
  writeFileSync(`${path}.lock`, JSON.stringify({ host: 'x', pid: 1, boot: '', start: '' }));
  rmSync(`${path}.lock`);
  // Each holder checks that a mark beside the file is not there, makes it, and removes it before it lets go.
  const body = `
    const fs = await import('node:fs');
    let got = 0;
    for (let i = 0; i < 300; i++) {
      let file;
      try { file = NvdimmFile.open(path) } catch (e) { if (!/in use|keeps changing/.test(e.message)) throw e; continue }
      fs.writeFileSync(path + '.mark', '', { flag: 'wx' });
      fs.rmSync(path + '.mark');
      got++;
      if (i % 7 === 0) { fs.closeSync(fs.openSync(path, 'r')) }
      file.close();
    }
    process.stdout.write(String(got));`;
  const run = (): Promise<{ out: string; err: string }> =>
    new Promise((resolve) => {
      const child = spawn(process.execPath, otherProcess(body));
      let out = '';
      let err = '';
      child.stdout.on('data', (data) => (out += data));
      child.stderr.on('data', (data) => (err += data));
      child.once('close', () => resolve({ out, err }));
    });
  const results = await Promise.all([run(), run(), run()]);
  for (const { out, err } of results) {
    expect(err).toBe('');
    expect(Number(out)).toBeGreaterThanOrEqual(0);
  }
});

/** Bad files, each with what must be said; none may change. */
const bad: [string, () => void, RegExp][] = [
  [
    'foreign content',
    () => writeFileSync(path, Buffer.alloc(MiB, 0x41)),
    /is not an NVDIMM of licorice: name another/,
  ],
  ['a tiny file', () => writeFileSync(path, 'hello'), /is not an NVDIMM of licorice: it has only 5 bytes/],
  [
    'cut short',
    () => {
      const file = NvdimmFile.open(path, { size: SIZE });
      file.close();
      const tail = readFileSync(path).subarray(SIZE);
      truncateSync(path, SIZE - 4096);
      writeFileSync(path, tail, { flag: 'a' });
    },
    /is damaged: it has \d+ bytes, its record says \d+/,
  ],
  [
    'another version',
    () => {
      NvdimmFile.open(path, { size: SIZE }).close();
      const bytes = readFileSync(path);
      bytes[bytes.length - 64 * 1024 + 16] = 9;
      writeFileSync(path, bytes);
    },
    /has NVDIMM format 9, this licorice knows format 1/,
  ],
];
test.each(bad)('refused and left alone: %s', (_, make, message) => {
  make();
  const before = readFileSync(path);
  expect(() => NvdimmFile.open(path)).toThrow(message);
  expect(readFileSync(path).equals(before)).toBe(true);
  expect(readdirSync(folder)).toEqual(['test.nvm']);
});

test('another size than asked for is refused', () => {
  NvdimmFile.open(path, { size: SIZE }).close();
  expect(() => NvdimmFile.open(path, { size: 8 * MiB })).toThrow('is an NVDIMM of 4 MiB, not of 8 MiB');
  expect(() => NvdimmFile.open(join(folder, 'odd'), { size: 12345 })).toThrow('take a multiple of 2 MiB');
  expect(existsSync(join(folder, 'odd'))).toBe(false);
});

/** Runs `body` without the privileges of root, whom no file mode stops. */
function asNobody(body: () => void): void {
  if (process.geteuid?.() !== 0) {
    body();
    return;
  }
  const NOBODY = 65534;
  process.seteuid?.(NOBODY);
  try {
    body();
  } finally {
    process.seteuid?.(0);
  }
}

test('a read-only file is refused', () => {
  NvdimmFile.open(path, { size: SIZE }).close();
  chmodSync(folder, 0o755);
  chmodSync(path, 0o444);
  asNobody(() => {
    expect(() => NvdimmFile.open(path)).toThrow(/cannot open .* for writing: permission denied/);
  });
});

test('directories, missing directories and devices are refused in one line', () => {
  expect(() => NvdimmFile.open(folder)).toThrow(/cannot open the NVDIMM file .*: it is a directory/);
  expect(() => NvdimmFile.open('/dev/null')).toThrow('/dev/null is not an ordinary file');
  expect(() => NvdimmFile.open(join(folder, 'no', 'where.nvm'))).toThrow('its directory does not exist');
});

test('a host that refuses the size leaves no file behind', () => {
  const child = spawnSync(
    'bash',
    [
      '-c',
      `ulimit -f 2048; exec "$@"`,
      'bash',
      process.execPath,
      ...otherProcess(
        'try { NvdimmFile.open(path, { size: 64 * 1048576 }) } catch (e) { process.stdout.write(e.message) }',
      ),
    ],
    { encoding: 'utf8' },
  );
  expect(child.stdout).toMatch(/cannot make the NVDIMM file .*: the host allows no file of this size/);
  expect(readdirSync(folder)).toEqual([]);
});
