/** Does the guest that the build made boot through the object window, run commands, and end in order? */
import { expect, test } from 'vitest';
import { MiB } from '../emulator/addresses.ts';
import { MemoryMedia } from '../emulator/nvdimm/media.ts';
import { appendText } from '../tools/guest/archive.ts';
import { Layouts } from '../tools/guest/layouts.ts';
import { guestFile, System } from './testing/system.ts';

const BUDGET = 20_000_000;
const archive = guestFile('archive.img');

function boot(commands: string, media: MemoryMedia, harts = 1): System {
  const bytes = appendText(archive.bytes, '.commands', commands, Layouts.load());
  return new System({ media, harts, archive: { name: archive.name, bytes } });
}

test.each([1, 4])('a program runs in the object window and prints, with %i harts', (harts) => {
  const system = boot('echo hello, object space', new MemoryMedia(64 * MiB), harts);
  expect(system.run(BUDGET)).toMatchObject({ kind: 'exit', code: 0 });
  expect(system.output).toContain('hello, object space');
});

test('a second boot finds the store that the first one made, shut down in order', () => {
  const media = new MemoryMedia(64 * MiB);
  const first = boot('echo one', media);
  first.run(BUDGET);
  expect(first.output).toContain('new store');
  const second = boot('echo two', media);
  second.run(BUDGET);
  expect(second.output).toContain('two');
  expect(second.output).not.toContain('new store');
  expect(second.output).not.toContain('power failure');
});

test('the first user instruction comes within 3 million instructions of reset', () => {
  const system = boot('echo hello', new MemoryMedia(64 * MiB));
  const { machine } = system.computer;
  while (machine.cores[0]!.hart.privilege !== 0) {
    expect(system.run(1000)).toMatchObject({ kind: 'budget' });
    expect(machine.instructions).toBeLessThan(3_000_000);
  }
});
