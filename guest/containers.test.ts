/**
 * Do the containers of libtwz hold what they should after every operation? The same random operations on a container over three objects of the
 * guest and on JavaScript's, result by result, in and out of transactions, some of which are aborted and done again.
 */
import { describe, expect, test } from 'vitest';
import { MiB } from '../emulator/addresses.ts';
import { MemoryMedia } from '../emulator/nvdimm/media.ts';
import { expectedResults, KINDS, type Kind, readContents } from './testing/containers.ts';
import { System } from './testing/system.ts';
import { Workload } from './testing/workload.ts';

const SCALE = Number(process.env['LICORICE_SCALE'] ?? 1);
const COUNT = 1500 * SCALE;
const workload = new Workload('containers');

function run(text: string, media: MemoryMedia): string {
  const system = new System({ media, quiet: true, archive: workload.archive(text) });
  expect(system.run(2_000_000_000), system.output).toMatchObject({ kind: 'exit', code: 0 });
  return system.output.replaceAll('\r', '');
}

describe.each(['plain', 'group'])('operations by themselves or in groups: %s', (mode) => {
  test.each(KINDS)(
    '%s',
    (kind: Kind) => {
      const media = new MemoryMedia(16 * MiB);
      const seed = 7;
      const { lines, model } = expectedResults(kind, seed, COUNT);
      expect(run(`${kind} ${mode} ${seed} ${COUNT}`, media).trim()).toBe(lines);
      const contents = readContents(kind, run(`${kind} ${mode} ${seed} 0`, media));
      expect(contents).toEqual({ progress: COUNT, contents: model.contents() });
    },
    120_000,
  );
});
