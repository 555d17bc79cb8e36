/** Do the shell and its utilities do what a user expects, and is what they kept there after power-off? */
import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { packageRoot } from '../tools/guest/layouts.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'licorice-shell-'));
});

/** Runs shell commands with `licorice boot --exec`; what they print, and the exit code. */
function shell(commands: string): { output: string; status: number } {
  const command = [join(packageRoot(), 'dist', 'licorice.js'), 'boot', '--size', '64M', '--exec', commands];
  try {
    return { output: execFileSync(process.execPath, command, { cwd: folder, encoding: 'utf8' }), status: 0 };
  } catch (error) {
    const { status, stdout } = error as { status: number; stdout: string };
    return { output: stdout, status };
  }
}

test('text is kept in a named object, and is there at the next boot', () => {
  expect(shell('echo hello > greeting; cat greeting')).toEqual({ output: 'hello\n', status: 0 });
  expect(shell('cat greeting')).toEqual({ output: 'hello\n', status: 0 });
});

test.each([
  ['echo \'a  b\' "c" d\\ e', 'a  b c d e\n', 0],
  ['X=5; echo $X; echo "$X$X" \'$X\'', '5\n55 $X\n', 0],
  ['echo one two three | wc', '      1       3      14\n', 0],
  ['echo a b | cat | cat | wc', '      1       2       4\n', 0],
  ['echo one > t1; echo two >> t1; cat t1', 'one\ntwo\n', 0],
  ['echo in > t2; cat < t2', 'in\n', 0],
  ['cat nothing || echo failed $?', 'cat: nothing: no such name\nfailed 1\n', 0],
  ['cat nothing && echo not shown', 'cat: nothing: no such name\n', 1],
  [
    'mkdir d; echo x > d/x; ls d; rm d; rm d/x d; ls d',
    'x\nrm: d: the namespace is not empty\nls: d: no such name\n',
    1,
  ],
  ['echo x > from; cp from to; echo y > from; cat to; mv to too; cat too', 'x\nx\n', 0],
  ['echo x > same; ln same other; cat other', 'x\n', 0],
  ['mkdir e; cd e; echo inside > f; cd ..; cat e/f; cat /e/f', 'inside\ninside\n', 0],
  ['nosuchcommand', 'sh: nosuchcommand: no such command (help lists them)\n', 127],
  ['mkdir', 'usage: mkdir NAME\n', 2],
  ['ls --help', 'ls [-l] [-a] [NAMESPACE]\nlists names; -a: also those with a dot\n', 0],
  ["echo 'unclosed", 'sh: a quote is not closed\n', 2],
  ['echo x > t3; hexdump t3 0x1000 2', `00001000 78 0a${' '.repeat(45)}x.\n`, 0],
  ['exit 7', '', 7],
])('%s', (commands, output, status) => {
  expect(shell(commands)).toEqual({ output, status });
});
