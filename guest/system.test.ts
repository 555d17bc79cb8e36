/** Does the guest that the build made boot through the object window, print, and end in order? */
import { expect, test } from 'vitest';
import { MiB } from '../emulator/addresses.ts';
import { MemoryMedia } from '../emulator/nvdimm/media.ts';
import { System } from './testing/system.ts';

test('init runs in the object window and says hello', () => {
  const system = new System();
  expect(system.run(20_000_000)).toMatchObject({ kind: 'exit', code: 0 });
  expect(system.output).toContain('hello, object space');
});

test('a second boot finds the store that the first one made, shut down in order', () => {
  const media = new MemoryMedia(64 * MiB);
  const first = new System({ media });
  first.run(20_000_000);
  expect(first.output).toContain('new store');
  const second = new System({ media });
  second.run(20_000_000);
  expect(second.output).not.toContain('new store');
  expect(second.output).not.toContain('power failure');
});
