/** Do commands do what their help says: one line for each error, help and documentation for all, states that go to a file and come back? */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { MiB } from '../../../emulator/addresses.ts';
import { UserError } from '../../../emulator/errors.ts';
import { packageRoot } from '../../guest/layouts.ts';
import { runBatch } from '../batch.ts';
import { type Opened, openGuest, openState } from '../open.ts';
import { SourceFiles } from '../source.ts';
import { HELP, KEY_COMMANDS } from '../ui/keys.ts';
import type { CommandLine, Session } from './command.ts';
import { ALL, commandLine } from './session.ts';

const folder = mkdtempSync(join(tmpdir(), 'licorice-commands-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function sessionOf({ debugged, console }: Opened): { session: Session; line: CommandLine } {
  const session = { debugged, console, sources: new SourceFiles(), ended: false };
  return { session, line: commandLine(session) };
}

const open = (commands: string) =>
  sessionOf(openGuest({ size: 64 * MiB, memory: 64 * MiB, commands, startSeconds: 1_750_000_000 }));

test('every command has help, stands in the documentation, and its names are its own', async () => {
  const { line } = open('echo');
  const page = readFileSync(join(packageRoot(), 'docs', 'debugger.md'), 'utf8');
  const names = ALL.flatMap((command) => command.names);
  expect(new Set(names).size).toBe(names.length);
  for (const { names: own, help } of ALL) {
    expect(page).toContain(own.map((name) => `\`${name}\``).join(', '));
    expect((await line.execute(`help ${own[0]}`)).join('\n')).toContain(help);
  }
  for (const key of HELP) expect(page).toContain(key);
  for (const command of Object.values(KEY_COMMANDS))
    expect(() => line.find(command.split(' ')[0]!)).not.toThrow();
  // Each step has a twin that goes back.
  for (const name of ['continue', 'step', 'next', 'stepi', 'nexti', 'finish']) line.find(`reverse-${name}`);
});

test('errors are one line that says what', async () => {
  const { line } = open('echo');
  for (const [text, why] of [
    ['frobnicate', /there is no command 'frobnicate'/],
    ['re', /'re' could be reverse-continue/],
    ['break nowhere', /no program has a function 'nowhere'/],
    ['break tree.ts:99999', /no code at or after line 99999/],
    ['break nothing!main', /no program 'nothing'/],
    ['print 1 +', /ends too early/],
    ['print 1 / 0', /divides by zero/],
    ['print nosuch', /'nosuch' is not known here/],
    ['print $nosuch', /no register '\$nosuch'/],
    ['x @ff:0x1000', /no known object.*'info objects' lists them/],
    ['goto nowhere', /no instruction count and no mark/],
    ['catch nothing', /catch what/],
    ['catch syscall nothing', /no system call 'nothing'; there are .*create/],
    ['hart 3', /no hart 3/],
    ['frame 99', /no frame 99/],
    ['delete 7', /no stop point 7/],
    ['watch 0x10', /nothing is mapped/],
    ['watch $nosuch', /no CSR 'nosuch'/],
    ['rwatch $sepc', /reads of \$sepc cannot be watched/],
    ['step many', /not a count/],
    ['set $zero = 1', /cannot be set/],
    ['last', /last change of what/],
    ['crash soon', /not a seed/],
    ['info nothing', /info what/],
  ] as const) {
    const error = await line.execute(text).then(
      () => undefined,
      (one: unknown) => one,
    );
    expect(error, text).toBeInstanceOf(UserError);
    expect((error as UserError).message).toMatch(why);
    expect((error as UserError).message).not.toContain('\n');
  }
});

test('a batch file ends at its first error, which names file and line', async () => {
  const { session } = open('echo');
  const path = join(folder, 'script');
  writeFileSync(path, '# a comment\necho one\n\nprint 6 * 7\nprint (\necho never\n');
  let output = '';
  const end = runBatch(session, path, (text) => {
    output += text;
  });
  await expect(end).rejects.toThrow(`${path}:5: '(' ends too early`);
  expect(output).toBe('one\n42\n');
});

test('expressions compute as C does, with the machine in them', async () => {
  const { line } = open('echo');
  for (const [text, value] of [
    ['2 + 3 * 4 - 1', '13'],
    ['(2 + 3) * 4', '20'],
    ['1 << 4 | 3 & 6', '18'],
    ['/x ~0', '0xffffffffffffffff'],
    ['-1 as i8', '-1'],
    ['300 as u8', '44'],
    ["'A'", '65'],
    ['1 < 2 && 3 != 4', '1'],
    ['!5 || 0', '0'],
    ['/t 10', '0b1010'],
    ['$pc == 0x80200000', '1'],
    ['$now', '0'],
    ['$priv', '1'],
  ] as const)
    expect(await line.execute(`print ${text}`), text).toEqual([value]);
  expect((await line.execute('print systemCall'))[0]).toMatch(/^\d+$/);
});

test('completion finds commands, functions and files', () => {
  const { line } = open('echo');
  expect(line.complete('reverse-s')).toEqual(['reverse-step', 'reverse-stepi']);
  expect(line.complete('break systemC')).toContain('break systemCall');
  expect(line.complete('break rbtr')).toContain('break rbtree.ts:');
  expect(line.complete('info th')).toEqual(['info threads']);
  expect(line.complete('catch fault ri')).toEqual(['catch fault rights']);
});

test('who wrote a register, a word, and what an edit changes', async () => {
  const { line, session } = open('echo hello');
  const { debugged } = session;
  await line.execute('tbreak kernel!systemCall');
  await line.execute('continue');
  const a7 = debugged.core.hart.getX(2);
  const here = debugged.time.now;
  await line.execute('last $sp');
  expect(debugged.time.now).toBeLessThan(here);
  expect(debugged.core.hart.getX(2)).toBe(a7);
  await line.execute('reverse-stepi');
  expect(debugged.core.hart.getX(2)).not.toBe(a7);
  await line.execute(`goto ${here}`);
  await line.execute('set *($sp as u64) = 0x5678');
  await line.execute('set $t3 = 0x1234');
  expect(await line.execute('print /x $t3')).toEqual(['0x1234']);
  // The edit is a part of the past: going back and forth does not lose it.
  await line.execute('stepi 5');
  await line.execute(`goto ${here}`);
  expect(await line.execute('print /x $t3')).toEqual(['0x1234']);
  expect((await line.execute('x /1g $sp'))[0]).toContain(': 0x0000000000005678');
  expect((await line.execute('info events'))[1]).toContain('$t3 set');
});

test('a fault is caught before it is taken, and its walk shows what is missing', async () => {
  const { line, session } = open('echo hello');
  await line.execute('catch fault page if $priv == 0');
  const text = (await line.execute('continue')).join('\n');
  expect(text).toContain('Xtwz page fault');
  expect(session.debugged.core.hart.privilege).toBe(0);
  const walk = (await line.execute('xlate')).join('\n');
  expect(walk).toMatch(/^! result[\s\S]*absent/m);
});

test('a state that is saved opens again, where it was, with its symbols', async () => {
  const { line, session } = open('echo hello');
  await line.execute('tbreak kernel!systemCall');
  await line.execute('continue');
  const stack = await line.execute('backtrace');
  const path = join(folder, 'a.state');
  await line.execute(`save ${path}`);
  const again = sessionOf(openState(path));
  expect(await again.line.execute('backtrace')).toEqual(stack);
  expect(again.session.debugged.time.now).toBe(session.debugged.time.now);
  expect((await again.line.execute('reverse-continue'))[0]).toBe('the beginning of time');
  await again.line.execute('stepi 3');
  await line.execute('stepi 3');
  expect(again.session.debugged.core.hart.pc).toBe(session.debugged.core.hart.pc);
});

test('after a power failure the guest says so, and the session goes back before it', async () => {
  const { line, session } = open('tree t churn 20');
  await line.execute('tbreak tree!main');
  await line.execute('continue');
  await line.execute('continue 100000');
  const before = session.debugged.time.now;
  expect((await line.execute('lines'))[0]).toMatch(/a power failure now/);
  await line.execute('crash 3');
  expect((await line.execute('when'))[0]).toContain(`this boot began at ${before + 1}`);
  await line.execute('continue 400000');
  await line.execute('reverse-continue');
  expect(session.debugged.time.now).toBe(0);
  await line.execute(`goto ${before}`);
  expect((await line.execute('when'))[0]).toContain('this boot began at 0');
});
