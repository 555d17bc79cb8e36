/** Faults on the booted guest: is every kind an upcall that says what happened and can be resumed, and is what nobody handles reported? */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openForReading, readState, saveState } from '../emulator/machine/saved-state.ts';
import { xtwzExtension } from '../emulator/machine/xtwz.ts';
import { packageRoot } from '../tools/guest/layouts.ts';
import { freshMedia, runTest, testArchive } from './testing/kernel-tests.ts';
import { System } from './testing/system.ts';

test.each([
  ['kinds', 'object, null, rights, page and exception come to the handler'],
  ['registers', 'a resumed thread has its registers and its red zone'],
  ['rights', 'rights that the contexts do not grant'],
  ['nested', 'handlers may fault themselves'],
  ['floats', 'no thread sees the floating-point registers of another'],
])('%s: %s', (name) => {
  for (const harts of [1, 2]) expect(runTest('faults', name, { harts })).toEqual({ code: 0, output: '' });
});

test('a fault whose handlers cannot be entered ends the thread with a report', () => {
  const { code, output } = runTest('faults', 'double');
  expect(code).toBe(0);
  expect(output).toMatch(/^thread \d+: no such object: fetch from 0x[0-9a-f]+/);
  expect(
    output
      .trim()
      .split('\n')
      .filter((line) => line.startsWith('thread')),
  ).toHaveLength(1);
});

test.each([['stack'], ['masked']])('%s: the thread ends, its neighbours go on', (name) => {
  const { code, output } = runTest('faults', name);
  expect(code).toBe(0);
  expect(output).toMatch(/^thread \d+: /);
});

test('the report names the object, the function and the source line', () => {
  const { code, output } = runTest('faults', 'report');
  expect(code).toBe(0);
  const source = readFileSync(join(packageRoot(), 'guest/programs/tests/faults.ts'), 'utf8').split('\n');
  const line = source.findIndex((text) => text.includes('volatileStore<u64>(address, 1)')) + 1;
  expect(line).toBeGreaterThan(0);
  const id = '[0-9a-f]{16}:[0-9a-f]{16}';
  const place = `  at .*faults\\.storeToNull \\(.*faults\\.ts:${line}\\), object ${id} init \\+ 0x[0-9a-f]+\n`;
  expect(output).toMatch(
    new RegExp(
      `^thread \\d+: null pointer: store to object ${id} init \\+ 0x18\n${place}thread \\d+: no such object`,
    ),
  );
});

test('a panic prints the names of its callers and leaves a state that can be opened', () => {
  const system = new System({ quiet: true, media: freshMedia(), archive: testArchive('faults', 'panic') });
  expect(system.run(20_000_000)).toMatchObject({ kind: 'exit', code: 1, failure: true });
  expect(system.output).toMatch(/^\nkernel panic at .*sys-machine\.ts:\d+: asked for\n/);
  const callers = system.output.matchAll(/ {2}from (\S+) \(.*\.ts:\d+\)\n/g);
  expect([...callers].map((match) => match[1])).toEqual([
    '__panic',
    'kernel.syscall.systemCall',
    'trapFromUser',
  ]);
  expect(system.output).toMatch(/ {2}for thread 1 at main \(.*\.ts:\d+\) 0x[0-9a-f]+\n$/);
  const saved = readState(saveState(system.computer.machine), 'panic');
  const machine = openForReading(saved, 'panic', [xtwzExtension()]);
  expect(machine.cores[0]!.hart.pc).toBe(system.computer.machine.cores[0]!.hart.pc);
});
