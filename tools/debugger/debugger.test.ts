/** Does the debugger's core find its way through the guest: places, stacks, steps in both directions, traps, cache lines? */
import { expect, test } from 'vitest';
import { MiB } from '../../emulator/addresses.ts';
import type { Debugger, Stop } from './debugger.ts';
import { localsOf, variableValue } from './names.ts';
import { openGuest } from './open.ts';
import { formatValue } from './values.ts';

const open = (commands: string): Debugger =>
  openGuest({ size: 64 * MiB, memory: 64 * MiB, commands, startSeconds: 1_750_000_000 }).debugged;

const TREE = 'tree t put 1 2; tree t put 3 4; tree t get 3';

const line = (debugged: Debugger): string =>
  `${debugged.frame.source?.file.split('/').pop()}:${debugged.frame.source?.line}`;

function breakAt(debugged: Debugger, text: string, condition?: string): void {
  debugged.add(text, { kind: 'code', spots: debugged.locate(text) }, { condition });
}

test('stops in a program that runs from an object, and steps by lines to where it came from', async () => {
  const debugged = open(TREE);
  breakAt(debugged, 'tree!main');
  const first = await debugged.continue();
  expect(first.end.kind).toBe('point');
  expect(debugged.frame.code?.program.name).toBe('tree');
  expect(debugged.frame.code?.object?.offset).toBe(Number(debugged.frame.pc));
  const seen: [number, string][] = [];
  for (let i = 0; i < 6; i++) {
    const stop = await debugged.step('next');
    expect(stop.end.kind).toBe('there');
    seen.push([stop.at, line(debugged)]);
  }
  // Backwards, the same lines in the other order, at the same instructions.
  for (const [at, where] of seen.slice(0, -1).reverse()) {
    const stop = await debugged.step('next', 'backward');
    expect([stop.at, line(debugged)]).toEqual([at, where]);
  }
});

test('a condition selects one of many hits, backwards as well as forwards', async () => {
  const debugged = open(TREE);
  breakAt(debugged, 'tree!main');
  const first = await debugged.continue();
  const second = await debugged.continue();
  debugged.points.clear();
  breakAt(debugged, 'tree!main', `$now > ${first.at + 1}`);
  expect((await debugged.goTo(0)).at).toBe(0);
  expect((await debugged.continue()).at).toBe(second.at);
  debugged.points.clear();
  breakAt(debugged, 'tree!main', `$now < ${second.at} && $priv == 0`);
  expect((await debugged.continue('backward')).at).toBe(first.at);
  expect(debugged.frame.name).toBe('main');
});

test('the stack goes on below a trap, in the thread that the kernel works for', async () => {
  const debugged = open('echo hello');
  debugged.add('syscall', { kind: 'syscall', numbers: undefined });
  let stop: Stop;
  do stop = await debugged.continue();
  while (stop.end.kind === 'point' && debugged.frame.code?.program.name !== 'sh');
  const user = debugged.frames.map(({ name }) => name);
  expect(user.at(-1)).toBe('_start');
  const at = stop.at;
  breakAt(debugged, 'kernel!systemCall');
  await debugged.continue();
  const frames = debugged.frames;
  expect(frames[0]!.name).toBe('systemCall');
  const trap = frames.findIndex(({ kind }) => kind === 'trap');
  expect(frames[trap]!.trap).toContain('environment call from U-mode');
  expect(frames.slice(trap).map(({ name }) => name)).toEqual(user);
  // And back to before the trap, where the call is about to be made.
  debugged.points.remove(2);
  expect((await debugged.continue('backward')).at).toBe(at);
});

test('structures are followed through references, and say what they hold', async () => {
  const debugged = open(TREE);
  breakAt(debugged, 'rbtree.ts:60');
  expect((await debugged.continue()).end.kind).toBe('point');
  const values = localsOf(debugged.frame).map((variable) => [
    variable.name,
    formatValue(debugged.frame.space, variableValue(debugged.frame, variable), {
      depth: 2,
      radix: 'natural',
    }),
  ]);
  expect(values.length).toBeGreaterThan(0);
  const thread = debugged.evaluate('harts[0].current.number');
  expect(thread.bits).toBe(BigInt(debugged.threads.current(debugged.core)!.number));
  expect(() => debugged.evaluate('harts[0].nothing')).toThrow(/has no member 'nothing'/);
});

test('a store to an object becomes visible, then persistent, and each is a stop', async () => {
  const debugged = open(TREE);
  breakAt(debugged, 'tree!main');
  await debugged.continue();
  debugged.points.clear();
  // Every line of the NVDIMM: the first to change is one that the program stores to.
  const { region } = debugged.computer.nvdimm!;
  const place = { kind: 'physical', address: region.base as number } as const;
  debugged.add('lines', { kind: 'lines', place, length: 2 * MiB, states: undefined });
  const states: string[] = [];
  for (let i = 0; i < 60 && !states.includes('written-back>persistent'); i++) {
    const { end } = await debugged.continue();
    if (end.kind !== 'point') break;
    for (const hit of end.hits) if (hit.kind === 'line') states.push(`${hit.from}>${hit.to}`);
  }
  expect(states[0]).toMatch(/>dirty$/);
  expect(states).toContain('dirty>written-back');
  expect(states).toContain('written-back>persistent');
});

test('a power failure is a part of the past: from after it one can go back before it', async () => {
  const debugged = open(TREE);
  /** The whole state, with those of cache lines. */
  const hash = async (): Promise<string> => {
    await debugged.mustLearnLines();
    return debugged.machine.hash();
  };
  await debugged.goTo(1_300_000);
  const before = await hash();
  await debugged.powerFailure();
  expect(debugged.time.now).toBe(1_300_001);
  expect(debugged.machine.instructions).toBe(0);
  await debugged.goTo(2_000_000);
  const after = await hash();
  await debugged.goTo(1_300_000);
  expect(await hash()).toBe(before);
  await debugged.goTo(2_000_000);
  expect(await hash()).toBe(after);
});
