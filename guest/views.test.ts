/** Views, kernel-state objects, and threads that outlive a power failure, on the booted guest. */
import { expect, test } from 'vitest';
import { freshMedia, runTest, testArchive } from './testing/kernel-tests.ts';
import { System } from './testing/system.ts';

test.each([
  ['become', 'another view and back, nested, with registers and results'],
  ['end', 'a view that was left by become ends'],
  ['enumeration', 'the root lists what is in use, and no more'],
])('%s: %s', { timeout: 300_000 }, (name) => {
  for (const harts of [1, 2]) expect(runTest('views', name, { harts })).toEqual({ code: 0, output: '' });
});

test.each([
  ['resume', 'with the context that it had'],
  ['resume-prisoner', 'and with no more than it had'],
])(
  '%s: a thread that asked for it goes on at _resume after each power failure, %s',
  { timeout: 300_000 },
  (name) => {
    const media = freshMedia();
    for (let boot = 0; boot < 3; boot++) {
      const system = new System({ quiet: true, media, archive: testArchive('views', name) });
      // Two power failures, then an end in order.
      while (boot < 2 && !system.output.includes('cut here')) {
        const reason = system.run(100_000);
        expect(system.output.replace('cut here\n', '').replace('resumed threads: 1\n', '')).toBe('');
        expect(reason.kind).not.toBe('exit');
      }
      if (boot < 2) system.computer.nvdimm!.beforeOutput();
      else expect(system.run(50_000_000)).toMatchObject({ kind: 'exit', code: 0 });
      expect(system.output.includes('resumed threads: 1')).toBe(boot > 0);
    }
    // After the orderly end nobody is resumed, at the next boot or after a later failure.
    const system = new System({ quiet: true, media, archive: testArchive('views', name) });
    expect(system.run(50_000_000)).toMatchObject({ kind: 'exit', code: 0 });
    expect(system.output).toBe('');
  },
);
