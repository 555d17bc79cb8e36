/** Do the shell's language, its line editing and its jobs do what a user expects, and is what was stored there after power-off? */
import { describe, expect, test } from 'vitest';
import { Console, ShellMachine } from './testing/shell.ts';

const machine = new ShellMachine();
const shell = (commands: string) => machine.run(commands);

test('text is kept in a named object, and is there at the next boot', () => {
  expect(shell('echo hello > greeting; cat greeting')).toEqual({ output: 'hello\n', status: 0 });
  expect(shell('cat greeting')).toEqual({ output: 'hello\n', status: 0 });
});

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: the shell's own
describe('the language', () => {
  test.each([
    ['echo \'a  b\' "c" d\\ e', 'a  b c d e\n', 0],
    [`X=5; echo $X; echo "$X$X" '$X' \${X}1`, '5\n55 $X 51\n', 0],
    ['echo one two three | wc', '      1       3      14\n', 0],
    ['echo a b | cat | cat | wc', '      1       2       4\n', 0],
    ['echo one > t1; echo two >> t1; cat t1', 'one\ntwo\n', 0],
    ['echo longer than that > t2; echo in > t2; cat < t2', 'in\n', 0],
    ['cat nothing || echo failed $?', 'cat: nothing: no such name\nfailed 1\n', 0],
    ['cat nothing && echo not shown', 'cat: nothing: no such name\n', 1],
    ['false || false || echo third; true && false; echo $?', 'third\n1\n', 0],
    ['! false; echo $?', '0\n', 0],
    ['mkdir e; cd e; echo inside > f; pwd; cd ..; cat e/f; cat /e/f; pwd', '/e\ninside\ninside\n/\n', 0],
    ['nosuchcommand', 'sh: nosuchcommand: no such command (help lists them)\n', 127],
    ["echo 'unclosed", 'sh: a quote is not closed\n', 2],
    ['echo $(echo in; echo two) "$(echo a  b)"', 'in two a  b\n'.replace('a  b', 'a b'), 0],
    ['echo $((1 + 2 * 3)) $(( (1+2) * 3 )) $((7 / 2)) $((-7 % 3)) $((3 > 2 && 1 != 2))', '7 9 3 -1 1\n', 0],
    ['echo $((1 / 0))', 'sh: 1 / 0: cannot be computed\n', 1],
    ['i=0; while [ $i -lt 3 ]; do echo $i; i=$((i + 1)); done', '0\n1\n2\n', 0],
    ['i=0; until [ $i = 2 ]; do i=$((i + 1)); done; echo $i', '2\n', 0],
    ['for i in a "b c" d; do if [ "$i" = d ]; then break; fi; echo "<$i>"; done', '<a>\n<b c>\n', 0],
    ['for i in 1 2 3; do [ $i = 2 ] && continue; echo $i; done', '1\n3\n', 0],
    [
      'f() { local x=1 y; y=2; z=3; echo $x $y $z; g; }; g() { echo g $x; x=9; }; x=0; f; echo $x "[$y]" $z',
      '1 2 3\ng 1\n0 [] 3\n',
      0,
    ],
    [
      'n() { local n=$1; if [ $n -le 1 ]; then echo 1; else local r=$(n $((n-1))); echo $((n*r)); fi; }; n 6; echo "[$n$r]"',
      '720\n[]\n',
      0,
    ],
    [
      'f() { local x="a  b"; unset x; echo "[$x]"; x=3; }; x=keep; f; echo $x; for i in 1 2 3; do f; done; echo $x',
      '[]\nkeep\n[]\n[]\n[]\nkeep\n',
      0,
    ],
    [
      'f() { local a=5; (local b=7; echo $a $b); echo $a | { read q; local c=$q; echo $c; }; local 1x; }; f; echo $?',
      '5 7\n5\nusage: local NAME[=VALUE]...\n2\n',
      0,
    ],
    ['local x; echo $?', 'local: there is no function\n1\n', 0],
    ["trap 'echo bye $?' EXIT; echo hi; exit 3", 'hi\nbye 3\n', 3],
    ["trap 'echo bye $?' EXIT; set -e; false; echo no", 'bye 1\n', 1],
    [
      "trap 'echo one' EXIT; trap; trap - EXIT; echo none; trap 'exit 4' EXIT; true",
      "trap -- 'echo one' EXIT\nnone\n",
      4,
    ],
    [
      "trap 'echo got' TERM; kill $$; kill -15 $$; echo on; trap '' TERM; kill $$; echo still; trap - TERM; kill $$; echo never",
      'got\ngot\non\nstill\n',
      143,
    ],
    [
      "trap 'echo bye' EXIT; (trap 'echo inner' EXIT; echo sub); echo out; kill $$; echo never",
      'sub\ninner\nout\nbye\n',
      143,
    ],
    ['sh -c \'trap "echo cleaned" EXIT; kill $$; while :; do :; done\'; echo $?', 'cleaned\n143\n', 0],
    [
      "trap a KILL; f() { trap 'echo int' INT; kill -2 $$; echo after; }; f",
      'trap: KILL: no such signal, or none that can be caught\nint\nafter\n',
      0,
    ],
    ["i=0; trap 'i=$((i+1))' TERM; while [ $i -lt 5 ]; do kill $$; done; echo $i", '5\n', 0],
    ['if false; then echo a; elif true; then echo b; else echo c; fi', 'b\n', 0],
    ['for a in 1 2; do for b in x y; do echo $a$b; done; done | wc', '      4       4      12\n', 0],
    ['{ echo one; echo two; } > t4; cat t4; { cat; echo end; } < t4', 'one\ntwo\none\ntwo\nend\n', 0],
    ['while read A B; do echo "$B,$A"; L=$A; done < t4; echo $L', ',one\n,two\ntwo\n', 0],
    [
      "V='it''s'; echo x y z | while read A B; do echo \"$A|$B|$V\"; V=2; done; echo $V",
      'x|y z|its\nits\n',
      0,
    ],
    ['(cd /bin; V=in; pwd | wc); pwd; echo $V.', '      1       1       5\n/\n.\n', 0],
    ['( exit 4 ) || echo $?; (echo a; (echo b)) | cat', '4\na\nb\n', 0],
    ['f() { echo "$# $1"; return 3; echo no; }; f a b; echo $?; f x | cat; echo $#', '2 a\n3\n1 x\n0\n', 0],
    ['f() if [ $1 -gt 1 ]; then echo $(($1 * $(f $(($1 - 1))))); else echo 1; fi; f 6', '720\n', 0],
    [
      'f() { for a; do echo $a; done; }; f 1 "2 3"; g() { f in; echo $1; }; g out; unset f; f',
      /^1\n2 3\nin\nout\nsh: f: no such command/,
      127,
    ],
    ['f() { f; }; f', 'sh: f: functions are nested too deeply\n', 2],
    ['f( { echo; }', 'sh: {: not expected here\n', 2],
    [
      'case abc in x|y) echo 1;; a?c) echo 2;; *) echo 3;; esac; case $V in "") echo empty; esac',
      '2\nempty\n',
      0,
    ],
    [
      'case "*" in "*") echo quoted;; esac; case ab in "*") echo no;; (a*) echo open; esac',
      'quoted\nopen\n',
      0,
    ],
    ['case a in b) echo;; esac; echo $?; case a in b) echo', /^sh: the command is not complete/, 2],
    ['X=1; cat <<END; echo after\n$X $((X+1)) \\$X "q"\nEND', '1 2 $X "q"\nafter\n', 0],
    ["cat <<'END' | wc\n$X\nEND\necho next", '      1       1       3\nnext\n', 0],
    ['for i in 1 2; do cat <<A; cat <<B; done\na$i\nA\nb$i\nB\necho end', 'a1\nb1\na2\nb2\nend\n', 0],
    ['read A B <<END\n one  two three \nEND\necho "$A,$B"', 'one,two three \n', 0],
    ['cat <<END\nno end', /^sh: END: the lines of a here-document end with it/, 2],
    ['set -e; false || true; if false; then echo; fi; ! true; echo on; false; echo off', 'on\n', 1],
    ['set -e; f() { false; echo off; }; f; echo off', '', 1],
    ['set -e; V=$(false; echo in); echo $V; set +e; false; echo on', 'in\non\n', 0],
    ['echo $(echo a; exit 3; echo b); $(exit 4) || echo $?', 'a\n4\n', 0],
    ['V=abc; echo ${V:-no} ${W:-a  b} "${W:-a  b}" ${#V} "$*"', 'abc a b a  b 3 \n', 0],
    [
      'for i in 1 2 3; do echo $i; done & wait; { sleep 0.01; echo bg; } & wait',
      '[1]\n1\n2\n3\n[1]\nbg\n',
      0,
    ],
    ['echo a | history | wc', '      0       0       0\n', 0],
    ['if true; then echo a', 'sh: the command is not complete\n', 2],
    ['echo not this; fi', 'sh: fi: not expected here\n', 2],
    ['fi', 'sh: fi: not expected here\n', 2],
    ['echo a | | cat', 'sh: |: not expected here\n', 2],
    ['echo a >', 'sh: the command is not complete\n', 2],
    ['A=1 echo x', /sh: A=1: set a variable in a command of its own/, 1],
    [
      'mkdir g; echo > g/b2; echo > g/a1; echo > g/a2; cd g; echo * a* [ab]2 "*" x*',
      'a1 a2 b2 a1 a2 a2 b2 * x*\n',
      0,
    ],
    ['echo g/a*', 'g/a1 g/a2\n', 0],
    ['[ -e nothing ]; echo $?; [ -f t1 ] && [ -d g ] && echo both; [ -n "" ]; echo $?', '1\nboth\n1\n', 0],
    ['[ 1 -lt x ]', 'test: x: is not a number\n', 2],
    ['[ a', "[: a ']' is missing at the end\n", 2],
    [
      "echo 'echo $# $1 \"$@\"; shift; echo $1; exit 3' > s; sh s one 'two three'; echo $?",
      '2 one one two three\ntwo three\n3\n',
      0,
    ],
    ["echo 'echo $1' > s2; ./s2 runs", 'runs\n', 0],
    ["echo 'V=set' > s3; . s3; echo $V", 'set\n', 0],
    ['echo one two | read X; echo "$X."; echo a | cat; echo end', '.\na\nend\n', 0],
    ['echo "first line" > r; echo second >> r; read A < r; echo "$A"', 'first line\n', 0],
    ['set | cat; history | wc', '      0       0       0\n', 0],
    ['sleep 0.01 & wait; echo $?', '[1]\n0\n', 0],
    ['sh -c "exit 5"; echo $?', '5\n', 0],
    ['sh -c "echo a; echo b" | wc', '      2       2       4\n', 0],
    ['exit 7', '', 7],
  ])('%s', (commands, output, status) => {
    const result = shell(commands);
    if (typeof output === 'string') expect(result).toEqual({ output, status });
    else {
      expect(result.output).toMatch(output);
      expect(result.status).toBe(status);
    }
  });
});

// biome-ignore-end lint/suspicious/noTemplateCurlyInString: the shell's own

describe('pipes', () => {
  test.each([1, 4])('a reader that ends early ends its writer, with %i harts', (harts) => {
    const { output, status } = new ShellMachine(undefined, harts).run(
      "i=0; echo 0123456789012345678901234567890123456789 > big; while [ $i -lt 11 ]; do cat big big > b2; mv b2 b3; rm big; mv b3 big; i=$((i+1)); done; cat big big | true2; cat big big big | sh -c 'read X; echo $X'; echo end",
      400_000_000,
    );
    expect(output).toBe(
      'sh: true2: no such command (help lists them)\n0123456789012345678901234567890123456789\nend\n',
    );
    expect(status).toBe(0);
  });

  test('a reader finds the end when its writer has been killed, in the background too', () => {
    expect(
      shell("sh -c 'echo a; kill -9 $$; sleep 1000' | wc; sh -c 'kill -9 $$' | wc & wait; echo $?").output,
    ).toBe('      1       1       2\n[1]\n      0       0       0\n0\n');
  });
});

describe('at the console', () => {
  test('lines are edited, also longer ones than the terminal is wide', () => {
    const console = new Console();
    console.type('\x1b[48;24;40;0;0t');
    console.type('echo one tree');
    console.type('\x1b[D\x1b[D\x1b[Dh\x01\x1b[C\x1b[C\x05');
    expect(console.type('\r')).toContain('\none three\n');
    const long = `echo ${'x'.repeat(60)}`;
    console.type(long);
    // Back over the edge of the row, and one character out.
    console.type(`${'\x1b[D'.repeat(50)}\x7f`);
    expect(console.type('\r')).toContain(`\n${'x'.repeat(59)}\n`);
    console.type('echo aä€😀b');
    expect(console.type('\x1b[D\x7f\x7f\r')).toContain('\naäb\n');
  });

  test('a character with its accents, and joined ones, are one', () => {
    const console = new Console();
    console.type('echo a\u{65}\u{301}b\u{1f468}\u{200d}\u{1f467}c');
    // Over the c, the family out; over the b, the accented letter out.
    expect(console.type('\x1b[D\x7f\x1b[D\x7f\r')).toContain('\nabc\n');
  });

  test('Ctrl-R finds earlier lines that have a text, Ctrl-G gives up', () => {
    const console = new Console();
    for (const word of ['alpha', 'beta', 'alphabet']) console.type(`echo ${word}\r`);
    expect(console.type('\x12pha')).toContain('(search) pha: echo alphabet');
    expect(console.type('\x12')).toContain('(search) pha: echo alpha');
    expect(console.type('\r')).toContain('\nalpha\n');
    console.type('echo kept\x12beta');
    expect(console.type('\x07\r')).toContain('\nkept\n');
    expect(console.type('\x12nowhere')).toContain('(nothing) nowhere');
    expect(console.type('\x03echo on\r')).toContain('\non\n');
    // The next key edits what was found.
    expect(console.type('\x12bet\x12\x05!\r')).toContain('\nbeta!\n');
  });

  test('a line is drawn anew when the terminal gets another size', () => {
    const console = new Console();
    console.type(`\x1b[48;24;80;0;0techo ${'y'.repeat(60)}`);
    // Prompt and line take two rows of 40 columns: from the second the line begins one row up.
    const from = console.system.output.length;
    console.type('\x1b[48;24;40;0;0t');
    expect(console.system.output.slice(from)).toContain('\x1b[1A\r\x1b[J');
    expect(console.type('z\r')).toContain(`\n${'y'.repeat(60)}z\n`);
  });

  test('the history is kept from boot to boot', () => {
    const console = new Console();
    console.type('echo remembered\r');
    console.type('poweroff\r');
    const next = new Console(undefined);
    expect(next.type('\x1b[A\r')).not.toContain('remembered');
    const same = new Console(console.media);
    same.type('');
    same.type('\x1b[A\x1b[A');
    expect(same.type('\r')).toContain('\nremembered\n');
  });

  test('the Tab key completes commands and names', () => {
    const console = new Console();
    console.type('mkdir namespace\r');
    console.type('echo text > namespace/first-object\r');
    console.type('hexd\tname\tf\t');
    expect(console.type('0x1000 1\r')).toContain('00001000 74');
    expect(console.type('po\t\r')).toMatch(/poweroff/);
  });

  test('pasted lines are not run before Enter, and then all of them', () => {
    const console = new Console();
    expect(console.type('\x1b[200~echo one\recho two\r\x1b[201~')).not.toContain('\none');
    expect(console.type('\r')).toContain('\none\ntwo\n');
  });

  test('a paste larger than the console holds arrives whole', () => {
    const console = new Console();
    const text = Array.from({ length: 150 }, (_, i) => `echo ${i}`).join('\r');
    console.type(`${text}\r`);
    expect(console.type('history\r')).toContain('echo 149\n');
  });

  test('a command goes on over several lines', () => {
    const console = new Console();
    expect(console.type('for i in 1 2\r')).toContain('> ');
    console.type('do echo "<$i\r');
    console.type('>"\r');
    expect(console.type('done\r')).toContain('\n<1\n>\n<2\n>\n');
  });

  test('Ctrl-C ends the program that runs, and the loop it is in', () => {
    const console = new Console();
    console.type('while true; do sleep 1000; echo not this; done\r');
    expect(console.type('\x03')).toMatch(/\^C\n.*\$ $/);
    expect(console.type('echo $?\r')).toContain('\n130\n');
    expect(console.system.output).not.toContain('\nnot this');
  });

  test('Ctrl-C runs what a script has a trap for, and the script goes on; without one for it, that for its end', () => {
    const console = new Console();
    console.type('');
    console.type('sh -c \'trap "echo caught" INT; sleep 1000; echo on; while :; do :; done\'\r');
    expect(console.type('\x03')).toMatch(/\^C\ncaught\non\n$/);
    expect(console.type('\x03')).toMatch(/caught\n$/);
    expect(console.type('\x1a')).toMatch(/\[1\].*stopped/i);
    expect(console.type('kill %1; wait\r')).toMatch(/\$ $/);
    console.type('sh -c \'trap "echo cleaned" EXIT; sleep 1000; echo never\'\r');
    expect(console.type('\x03')).toMatch(/\^C\ncleaned\n(\^C\n)?.*\$ $/);
    // At the prompt's own loop.
    console.type(
      "trap 'echo mine' INT; i=0; while [ $i -lt 2 ]; do i=$((i+1)); sleep 1000; done; echo out $i\r",
    );
    expect(console.type('\x03')).toMatch(/mine\n$/);
    expect(console.type('\x03')).toMatch(/mine\nout 2\n.*\$ $/);
  });

  test('Ctrl-C ends a loop of the shell itself, and a line', () => {
    const console = new Console();
    console.system.computer.machine.input('uart', new TextEncoder().encode('while true; do :; done\r'));
    console.system.computer.machine.run({ instructions: 30_000_000, paced: true });
    expect(console.type('\x03')).toMatch(/\$ $/);
    console.type('echo not this');
    expect(console.type('\x03')).toMatch(/\^C\n/);
    expect(console.type('echo $?\r')).toContain('\n130\n');
  });

  test('Ctrl-Z stops a job; bg and fg go on with it', () => {
    const console = new Console();
    console.type('sleep 1000 | cat\r');
    expect(console.type('\x1a')).toContain('[1]  stopped  sleep 1000 | cat\n');
    expect(console.type('jobs\r')).toContain('[1]  stopped  sleep 1000 | cat\n');
    expect(console.type('bg\r')).toContain('[1]\n');
    expect(console.type('jobs\r')).toContain('[1]  running  sleep 1000 | cat\n');
    console.type('fg %1\r');
    expect(console.type('\x03')).toContain('^C\n');
    expect(console.type('jobs; echo none\r')).toContain('none\n');
  });

  test('a job in the background says when it has ended', () => {
    const console = new Console();
    console.type('sh -c "exit 3" &\r');
    expect(console.type('\r')).toContain('exit 3: [1]  sh -c "exit 3"');
  });

  test('a program reads lines from the console until Ctrl-D', () => {
    const console = new Console();
    console.type('wc\r');
    console.type('two wordz\x7fs\r');
    expect(console.type('\x04')).toContain('      1       2      10\n');
  });

  test('what the shell itself has no right to ends the command, and not the shell', () => {
    const console = new Console();
    console.type('ctx make c\r');
    expect(console.type('ctx run c sh\r')).toMatch(/\$ $/);
    expect(console.type('echo x > /new; cd /users; . /.history; read X < /.keys\r')).toContain(
      'sh: /new: you have not',
    );
    expect(console.type('echo still here\r')).toContain('\nstill here\n');
  });

  test('Ctrl-D ends the shell, and with it the machine', () => {
    const console = new Console();
    console.type('\x04');
    expect(console.ended).toBe(true);
  });
});
