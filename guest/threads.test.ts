/** Threads on the booted guest: do spawn and exit, thread_sync, sleep, signals, groups and fixed slots do what docs/kernel.md says? */
import { expect, test } from 'vitest';
import { freshMedia, runTest, testArchive } from './testing/kernel-tests.ts';
import { System } from './testing/system.ts';

const CASES = [
  ['spawn', 'threads run, add up, and end with their own exit codes'],
  ['one', 'a representation object stands for one thread'],
  ['several', 'a thread sleeps on several words and wakes by the first'],
  ['timeouts', 'waits end in time, the longest does not wrap'],
  ['width', 'words of 32 and of 64 bits'],
  ['elsewhere', 'a word is the same through every slot'],
  ['signals', 'a signal reaches the handler, a thread that waits, and one that has no handler'],
  ['stop', 'a stopped thread stands still until it is continued'],
  ['groups', 'a signal for a group reaches its threads and no others'],
  ['fixed', 'each thread of a view has its own fixed slots'],
  ['signal-rights', 'nobody signals a thread without WRITE of its representation'],
] as const;

test.each(CASES.flatMap(([name, title]) => [1, 2, 4].map((harts) => [name, title, harts] as const)))(
  '%s: %s (%i harts)',
  (name, _title, harts) => {
    expect(runTest('threads', name, { harts })).toEqual({ code: 0, output: '' });
  },
);

test.each([1, 2])('Ctrl-C ends the threads in the foreground (%i harts)', (harts) => {
  const system = new System({
    quiet: true,
    harts,
    media: freshMedia(),
    archive: testArchive('threads', 'keyboard'),
  });
  while (!system.output.includes('ready')) expect(system.run(100_000).kind).toBe('budget');
  system.computer.machine.input('uart', new Uint8Array([3]));
  expect(system.run(20_000_000)).toMatchObject({ kind: 'exit', code: 0 });
});
