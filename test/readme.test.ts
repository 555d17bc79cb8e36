/**
 * Does the README's tour of the guest happen as it says? Its blocks are read and followed literally: what is typed at the guest's prompt is typed at a
 * console, host commands are run by a shell, one after the other in one folder. IDs, counts of
 * a run that was killed, modelled times, and the tester's addresses and counts may differ.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { dpa } from '../emulator/nvdimm/dpa.ts';
import { NvdimmFile } from '../emulator/nvdimm/file.ts';
import { MemoryMedia } from '../emulator/nvdimm/media.ts';
import { Console } from '../guest/testing/shell.ts';
import { packageRoot } from '../tools/guest/layouts.ts';

const PROMPT = 'licorice$ ';
const TIMEOUT = 120_000;
const root = packageRoot();
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const tour = readme.slice(
  readme.indexOf('**The first five minutes.**'),
  readme.indexOf('**A bare-metal program.**'),
);
const blocks = [...tour.matchAll(/^```\n([\s\S]*?)^```$/gm)].map(([, text]) => text!);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'licorice-readme-'));
  symlinkSync(join(root, 'dist'), join(folder, 'dist'));
});

const withoutIds = (text: string): string => text.replace(/[0-9a-f]{16}:[0-9a-f]{16}/g, '<id>');
const withoutCounts = (text: string): string =>
  withoutIds(text).replace(/\d+ (operations|keys|objects|programs)/g, 'N $1');

test('the first block happens at the console', { timeout: TIMEOUT }, () => {
  const block = blocks[0]!;
  const media = new MemoryMedia(256 * 2 ** 20);
  const console = new Console(media, 1, false);
  let shown = console.type('');
  // What is typed is shown by the guest; an answer ends with the next prompt.
  for (const line of block.split('\n').filter((text) => text.startsWith(PROMPT))) {
    const command = line.slice(PROMPT.length);
    shown += command;
    const answer = console.type(`${command}\r`);
    shown += answer.slice(answer.indexOf('\n'));
  }
  expect(console.ended).toBe(true);
  expect(withoutCounts(shown)).toBe(withoutCounts(block));
  // The host commands that follow find what the console left.
  const path = join(folder, 'licorice.nvm');
  const file = NvdimmFile.open(path, { size: media.size });
  const bytes = new Uint8Array(media.size);
  media.read(dpa(0), bytes);
  for (let at = 0; at < bytes.length; at += 4096) {
    const page = bytes.subarray(at, at + 4096);
    if (page.some((byte) => byte !== 0)) file.write(dpa(at), page);
  }
  file.close();
});

/** A block as pairs of a command and what it prints. */
function commandsOf(block: string): { command: string; output: string }[] {
  return block
    .split(/^\$ /m)
    .slice(1)
    .map((text) => {
      const end = text.indexOf('\n');
      return { command: text.slice(0, end), output: text.slice(end + 1) };
    });
}

test.each(blocks.slice(1).flatMap(commandsOf))('$command', { timeout: TIMEOUT }, ({ command, output }) => {
  expect(existsSync(join(folder, 'licorice.nvm'))).toBe(true);
  const script = `npx() { shift; node dist/licorice.js "$@"; }; ${command}`;
  const { stdout, stderr } = spawnSync('bash', ['-c', script], { cwd: folder, encoding: 'utf8' });
  expect(stderr.replace(/.*Killed.*\n/g, '')).toBe('');
  // Modelled times, addresses and instants move a little with every change of the guest; whether bounds are kept and bugs found does not.
  const comparable = / (bench|torture) /.test(command)
    ? (text: string): string => text.replace(/T1\.\S+|0x[0-9a-f]+|\d+(\.\d+)?/g, 'N').replace(/ +N/g, ' N')
    : withoutCounts;
  const expected = comparable(output);
  if (!expected.endsWith('…\n')) expect(comparable(stdout)).toBe(expected);
  else expect(comparable(stdout).slice(0, expected.length - 2)).toBe(expected.slice(0, -2));
});

test('the tour has all of its stations', () => {
  expect(blocks).toHaveLength(8);
  expect(blocks.slice(1).flatMap(commandsOf)).toHaveLength(17);
});
