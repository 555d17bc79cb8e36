/** Does the logging service take lines through its gate and through its queue, end when it should, and keep them over boots? */
import { expect, test } from 'vitest';
import { MiB } from '../emulator/addresses.ts';
import { MemoryMedia } from '../emulator/nvdimm/media.ts';
import { appendText } from '../tools/guest/archive.ts';
import { Layouts } from '../tools/guest/layouts.ts';
import { guestFile, System } from './testing/system.ts';

const archive = guestFile('archive.img');

function run(commands: string, media: MemoryMedia, harts: number): string[] {
  const bytes = appendText(archive.bytes, '.commands', commands, Layouts.load());
  const system = new System({ media, harts, quiet: true, archive: { name: archive.name, bytes } });
  expect(system.run(400_000_000), system.output).toMatchObject({ kind: 'exit', code: 0 });
  return system.output.replaceAll('\r', '').trim().split('\n');
}

test.each([1, 4])(
  'lines by both ways, with %i harts',
  (harts) => {
    const media = new MemoryMedia(32 * MiB);
    const serve = 'logboi serve /l 4 & sleep 1';
    const lines = 'logboi log /l one two; logboi send /l three; logboi log /l four; logboi send /l five';
    const shown = run(`${serve}; ${lines}; wait; logboi show /l`, media, harts);
    // The queue is drained by another thread: its lines may come later than those through the gate.
    expect(shown.filter((line) => !line.startsWith('[')).sort()).toEqual([
      'five',
      'four',
      'one two',
      'three',
    ]);
    expect(run('logboi show /l', media, harts).sort()).toEqual(['five', 'four', 'one two', 'three']);
  },
  120_000,
);

test('nobody serves: one line that says so, and what to do', () => {
  const output = run('logboi log /l x || echo $?; logboi || echo $?', new MemoryMedia(32 * MiB), 1);
  expect(output[0]).toBe('logboi: /l: nobody serves it (logboi serve NAME &)');
  expect(output[1]).toBe('1');
  expect(output[2]).toMatch(/^usage: logboi serve/);
  expect(output[3]).toBe('2');
}, 120_000);
