/** Do users get in with their password only, into a context and a home of their own, and nobody else into theirs? */
import { expect, test } from 'vitest';
import { Console, ShellMachine } from './testing/shell.ts';

const TIMEOUT = 120_000;

/** A console at which somebody has logged in. */
function logIn(machine: ShellMachine, name: string, password?: string): Console {
  const console = new Console(machine.media);
  expect(console.type('')).toMatch(/login: $/);
  const asked = console.type(`${name}\r`);
  if (password !== undefined) {
    expect(asked).toMatch(/password: $/);
    expect(console.type(`${password}\r`)).not.toContain(password);
  }
  return console;
}

test('root needs no password, and boots to a prompt, until one is set', { timeout: TIMEOUT }, () => {
  const machine = new ShellMachine();
  const first = new Console(machine.media);
  expect(first.type('')).toMatch(/licorice\$ $/);
  first.type('user password\r');
  expect(first.type('sesame\r')).not.toContain('sesame');
  first.type('poweroff\r');
  const second = logIn(machine, 'root', 'guess');
  expect(second.system.output).toContain('login: wrong name or password');
  expect(second.system.output).toMatch(/login: $/);
  second.type('root\r');
  expect(second.type('sesame\r')).toMatch(/\$ $/);
  // Leaving comes back to the question; commands of the host's owner run as before.
  expect(second.type('exit\r')).toMatch(/login: $/);
  second.type('\x04');
  expect(second.ended).toBe(true);
  expect(machine.run('user ls; echo still root')).toEqual({ output: 'root\nstill root\n', status: 0 });
  const third = logIn(machine, 'nobody', 'sesame');
  expect(third.system.output).toContain('login: wrong name or password');
});

test('users have a context and a home that others do not open', { timeout: TIMEOUT }, () => {
  const machine = new ShellMachine();
  expect(machine.run('user add ann; user add bob; user ls; user add ann', 300_000_000)).toEqual({
    output: 'root\nann\nbob\nuser: ann: there is such a user\n',
    status: 1,
  });
  const root = new Console(machine.media);
  root.type('user password ann\r');
  root.type('secret\r');
  root.type('user password\r');
  root.type('top\r');
  root.type('poweroff\r');
  const ann = logIn(machine, 'ann', 'secret');
  expect(ann.type('pwd; echo mine > diary; cat diary\r')).toContain('\nmine\n');
  expect(ann.type('poweroff\r')).toContain('poweroff: you have not the right to do that');
  expect(ann.type('user ls; cat /users/bob; login bob\r')).toContain('you have not the right to');
  ann.type('exit\r');
  ann.type('bob\r');
  expect(ann.type('ls /home/ann\r')).toContain('you have not the right to read it');
  expect(ann.type('echo his > own; ls\r')).toContain('\nown\n');
  ann.type('exit\r');
  ann.type('root\r');
  ann.type('top\r');
  expect(ann.type('cat /home/ann/diary /home/bob/own\r')).toContain('\nmine\nhis\n');
  ann.type('poweroff\r');
  expect(ann.ended).toBe(true);
});

test.each([
  ['user', /^usage: user add NAME \| password \[NAME\] \| ls\n$/, 2],
  ['user add a/b', /^user: a\/b: a name has 1 to 32 characters/, 1],
  ['user password nobody', /^user: nobody: no such user\n$/, 1],
  ['login a b', /^usage: login \[NAME \[-c COMMANDS\]\]\n$/, 2],
  ['login --help', /^login \[NAME/, 0],
  ['user --help', /^user add NAME/, 0],
])('%s', (commands, output, status) => {
  const result = new ShellMachine().run(commands);
  expect(result.output).toMatch(output);
  expect(result.status).toBe(status);
});
