/** Does the key-value store keep pairs over boots, find them by both indexes, and leave it to the data objects who may do what? */
import { expect, test } from 'vitest';
import { MiB } from '../emulator/addresses.ts';
import type { ImageFile } from '../emulator/boot/image.ts';
import { MemoryMedia } from '../emulator/nvdimm/media.ts';
import { appendText } from '../tools/guest/archive.ts';
import { Layouts } from '../tools/guest/layouts.ts';
import { guestFile, System } from './testing/system.ts';
import { Workload } from './testing/workload.ts';

function boot(archive: ImageFile, media: MemoryMedia): string[] {
  const system = new System({ media, quiet: true, archive });
  expect(system.run(400_000_000), system.output).toMatchObject({ kind: 'exit', code: 0 });
  return system.output.replaceAll('\r', '').trim().split('\n');
}

function shell(commands: string, media: MemoryMedia): string[] {
  const archive = guestFile('archive.img');
  return boot(
    { name: 'archive', bytes: appendText(archive.bytes, '.commands', commands, Layouts.load()) },
    media,
  );
}

test('pairs are kept over boots, in several data objects, and found by key and by number', () => {
  const media = new MemoryMedia(32 * MiB);
  const puts =
    'twzkv s put one 1; twzkv s put two 2 elsewhere; twzkv s tag 7 three 3 elsewhere; twzkv s put one uno';
  shell(`${puts}; echo`, media);
  expect(shell('twzkv s get one; twzkv s get two; twzkv s get three; twzkv s find 7', media)).toEqual([
    'uno',
    '2',
    '3',
    '3',
  ]);
  const gone = shell('twzkv s del three; twzkv s get three || echo $?; twzkv s find 7 || echo $?', media);
  expect(gone).toEqual(['twzkv: three: no such key', '1', 'twzkv: 7: no such key', '1']);
}, 120_000);

test('misuse gets a usage line, and an object that is no store a message', () => {
  const output = shell(
    'twzkv s || echo $?; echo hello > text; twzkv text get x || echo $?',
    new MemoryMedia(32 * MiB),
  );
  expect(output[0]).toMatch(/^usage: twzkv NAME put/);
  expect(output.slice(1)).toEqual(['2', 'twzkv: text: is not the index of a store', '1']);
}, 120_000);

test('what a thread may do with a pair is what it may do with the object that it lies in', () => {
  const archive = new Workload('kv-rights').archive('run');
  expect(boot(archive, new MemoryMedia(32 * MiB))).toEqual([
    'read open: done',
    'write open: done',
    'read readable: done',
    'write readable: refused',
    'read secret: refused',
    'write secret: refused',
  ]);
}, 120_000);
