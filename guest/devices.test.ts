/** Does a program on the booted guest really use timer, NVDIMM, console and UART through their objects, and nobody who may not? */
import { expect, test } from 'vitest';
import { MiB } from '../emulator/addresses.ts';
import { blockOf, dpa } from '../emulator/nvdimm/dpa.ts';
import { freshMedia, runTest, testArchive } from './testing/kernel-tests.ts';
import { System } from './testing/system.ts';

test.each([
  [
    'timer',
    'the date without a call; alarms on a word ring in time, once, and only where the thread may write',
  ],
  [
    'rights',
    'registers and labels are written only by who may, and copied by nobody; the UART is read by nobody',
  ],
])('%s: %s', { timeout: 300_000 }, (name) => {
  for (const harts of [1, 2]) expect(runTest('devices', name, { harts })).toEqual({ code: 0, output: '' });
});

test('nvdimm: health, unsafe shutdowns, unreadable blocks and labels are read from the object', {
  timeout: 300_000,
}, () => {
  const media = freshMedia();
  const archive = testArchive('devices', 'nvdimm');
  // Two power failures; then a block becomes unreadable.
  for (let boot = 0; boot < 2; boot++) new System({ quiet: true, media, archive }).run(10_000);
  const system = new System({ quiet: true, media, archive });
  system.computer.nvdimm!.errors.poison(blockOf(dpa(15 * MiB)));
  expect(system.run(200_000_000)).toMatchObject({ kind: 'exit', code: 0 });
  expect(system.output).toBe('');
});

test.each([1, 2])(
  'console: keys by the ring, by a driver of the program, and by the ring again (%i harts)',
  { timeout: 300_000 },
  (harts) => {
    const system = new System({
      quiet: true,
      harts,
      media: freshMedia(),
      archive: testArchive('devices', 'console'),
    });
    const type = (keys: string): void => {
      for (const key of keys) {
        system.computer.machine.input('uart', new TextEncoder().encode(key));
        system.run(1_000_000);
      }
    };
    const until = (text: string): void => {
      for (let i = 0; i < 100 && !system.output.endsWith(text); i++) system.run(100_000);
      expect(system.output).toMatch(new RegExp(`${text}$`));
    };
    until('type\n');
    type('abc');
    until('driver\n');
    type('def');
    until('DEF kernel\n');
    type('g');
    until('ended\n');
    system.computer.machine.input('uart', new TextEncoder().encode('h'));
    expect(system.run(20_000_000)).toMatchObject({ kind: 'exit', code: 0 });
    expect(system.output).toBe('type\ndriver\nDEF kernel\nended\n');
  },
);
