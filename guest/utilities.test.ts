/** Does every utility do its job, say how it is used when it is misused, and name the object when something stops it? */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MiB } from '../emulator/addresses.ts';
import { blockOf, dpa } from '../emulator/nvdimm/dpa.ts';
import { MemoryMedia } from '../emulator/nvdimm/media.ts';
import { Layouts, packageRoot } from '../tools/guest/layouts.ts';
import { resolvePath } from '../tools/image/names.ts';
import { ObjectStore } from '../tools/image/store.ts';
import { Console, ShellMachine } from './testing/shell.ts';

const machine = new ShellMachine();
const shell = (commands: string) => machine.run(commands);
const ID = '[0-9a-f]{16}:[0-9a-f]{16}';

/** Names and usages of the utilities, from their table. */
const table = readFileSync(join(packageRoot(), 'guest/programs/utilities/names.ts'), 'utf8');
const entries = [...table.matchAll(/name: '([^']+)',\s+usage: '([^']+)'/g)].map(([, name, usage]) => ({
  name: name!,
  usage: usage!,
}));

describe('each does its job', () => {
  test.each<[string, string | RegExp, number]>([
    ['echo a > o; cat o o', 'a\na\n', 0],
    ['cp o p; echo b > o; cat p; rm p', 'a\n', 0],
    ['date', /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\n$/, 0],
    ['df', /^ +total +used +free {2}KiB\nstore +65536 +\d+ +\d+\n$/, 0],
    ['free', /^ +total +used +free {2}KiB\nmemory +\d+ +\d+ +\d+\n$/, 0],
    ['echo -n no; echo " line feed"', 'no line feed\n', 0],
    ['obj make a; obj point a 0x1000 o; fot a', new RegExp(`^${ID}\n {5}1 {2}${ID} {2}read write\n$`), 0],
    [
      'obj follow a 0x1000',
      new RegExp(`^pointer 0x0{8}40001000: FOT entry 1\nleads to object ${ID} \\+ 0x00001000: b\n$`),
      0,
    ],
    [
      'obj write a 0x2000 inside; obj point a 0x1008 a 0x2000; obj follow a 0x1008; obj follow a 0x1010',
      /in the same object\nleads to .*: inside\npointer 0x0{16}: null\n$/,
      0,
    ],
    [
      'obj meta a',
      /^flags {5}0x0001\ndefault {3}none\nnonce {5}0x[0-9a-f]{32}\nfot {7}1 entries\nsize {6}4102\n/,
      0,
    ],
    ['obj make v volatile; stat v | grep kind', new RegExp(`^${ID}\nkind +volatile\n$`), 0],
    ['obj tie a o; obj untie a o; obj untie a o', 'obj: o: no such object\n', 1],
    [
      'obj make x; obj delete x; sleep 0.05; stat x; rm x',
      new RegExp(`^${ID}\nstat: x: no such object\n$`),
      0,
    ],
    [
      'obj id a > i; [ "$(obj id a)" = "$(cat i)" ] && echo same; stat $(obj id a) | grep object',
      new RegExp(`^same\nobject +${ID}\n$`),
      0,
    ],
    [
      'for w in One two oNe; do echo $w >> g; done; grep one g; grep -ic one g; grep -vn One g; cat g | grep -n t',
      '2\n2:two\n3:oNe\n2:two\n',
      0,
    ],
    ['grep nothing g o; grep t g o', 'g:two\n', 0],
    [
      'help ls pwd',
      'ls [-l] [-a] [NAME...]\n    lists names; -a: also those with a dot\npwd\n    prints the working namespace\n',
      0,
    ],
    ['help', /^Utilities {2}cap cat cp [\s\S]* wc\nPrograms .*\btree\b.*\n/, 0],
    ['echo xy > h; hexdump h 0x1000 3', `00001000 78 79 0a${' '.repeat(42)}xy.\n`, 0],
    ['sleep 1000 & kill -9 %1; wait; echo $?', '[1]\n137\n', 0],
    ['ln o o2; cat o2; mv o2 o3; cat o3', 'b\nb\n', 0],
    ['mkdir d d/e; ls -l d; ls d o', new RegExp(`^prwxud +8192 {2}${ID} {2}e/\ne/\no\n$`), 0],
    ['ls -a | grep .tx || echo none; ls / | grep "^d"', /^none\n$/, 1],
    ['rm d; rm d/e d; ls d', 'rm: d: the namespace is not empty\nls: d: no such name\n', 1],
    [
      'ps',
      new RegExp(
        `^THREAD .*\n +1 {2}${ID} +\\d+ {2}init\n +2 {2}${ID} +\\d+ {2}sh\n +\\d+ {2}${ID} +\\d+ {2}ps\n$`,
      ),
      0,
    ],
    ['sleep 0.25; sleep 0', '', 0],
    [
      'stat o',
      new RegExp(
        `^object +${ID}\nkind +persistent\npages +2\nsize +2\ndefault +none\nyours +read write exec use delete\nkey +${ID}\n$`,
      ),
      0,
    ],
    ['uname', 'licorice, Twizzler objects on RV64GC with Xtwz, 1 hart\n', 0],
    ['view | wc; view 2 | grep 0x00000; view a', /^ +\d+ +\d+ +\d+\n0x00000 .*read write exec\n$/, 0],
    ['echo one two > w; wc w; cat w w | wc', '      1       2       8 w\n      2       4      16\n', 0],
    ['poweroff 5; echo not this', '', 5],
  ])('%s', (commands, output, status) => {
    const result = shell(commands);
    if (typeof output === 'string') expect(result).toEqual({ output, status });
    else {
      expect(result.output).toMatch(output);
      expect(result.status).toBe(status);
    }
  });

  test('reboot starts the machine anew', () => {
    const system = new ShellMachine().start('reboot');
    expect(system.run(50_000_000).kind).toBe('reset');
  });

  test('cat and wc take lines from the console', () => {
    const console = new Console();
    console.type('cat\r');
    expect(console.type('twice\r')).toBe('twice\ntwice\n');
    expect(console.type('\x04')).toMatch(/\$ $/);
  });
});

describe('misuse gets a usage line', () => {
  /** Arguments that are wrong for everybody: too many, or an option that nobody has. */
  const WRONG: Readonly<Record<string, string>> = {
    trap: 'x',
    cat: '',
    echo: '',
    wc: '',
    help: '',
    '[': '',
    ':': '',
    true: '',
    false: '',
    unset: '',
    test: '',
    stat: '',
    ls: '--no',
    grep: '-q',
    kill: '-x',
    rm: '',
    mkdir: '',
    hexdump: 'o 1 2 3',
    obj: 'make',
    cap: 'make',
    ctx: 'run x',
  };
  const misused = entries.filter(({ name }) => WRONG[name] !== '');
  test.each(misused)('$name', ({ name, usage }) => {
    expect(shell(`echo o > o; ${name} ${WRONG[name] ?? '1 2 3 4 5'}`)).toEqual({
      output: `usage: ${usage}\n`,
      status: 2,
    });
  });

  test.each([
    'stat',
    'rm',
    'mkdir',
    'cp',
    'ln',
    'mv',
    'fot',
    'hexdump',
    'grep',
    'kill',
    'sleep',
    'obj',
    'tree x',
    'edit',
  ])('%s without arguments', (name) => {
    const { output, status } = shell(name);
    expect(output).toMatch(/^usage: [^\n]+\n$/);
    expect(status).toBe(2);
  });

  test.each(entries)('$name --help', ({ name, usage }) => {
    if (name === '[' || name === 'echo' || name === 'test' || name === ':') return;
    const { output, status } = shell(`${name} --help`);
    expect(output.startsWith(`${usage}\n`)).toBe(true);
    expect(output.split('\n').length).toBeGreaterThan(2);
    expect(status).toBe(0);
  });

  test.each([
    ['sleep x', 'usage: sleep SECONDS\n'],
    ['hexdump o x', 'usage: hexdump OBJECT [OFFSET [LENGTH]]\n'],
    ['hexdump o 0 10', 'hexdump: o: these bytes are not in an object (0x1000 to 0x40000000)\n'],
    ['obj write a 0 x', 'obj: 0: is not an offset of data (0x1000 to 0x3e000000)\n'],
    ['obj point a 0x1001 o', 'obj: 0x1001: a pointer lies at a multiple of 8\n'],
    ['obj write a 0x3000 notapointer; obj follow a 0x3000', /is not a pointer/],
    ['obj make a', 'obj: a: the name is taken\n'],
    ['cat d2/x', 'cat: d2/x: no such name\n'],
    ['cat o/x', 'cat: o/x: a part of the path is not a namespace\n'],
    ['mkdir o', 'mkdir: o: the name is taken\n'],
    ['mv nothing x', 'mv: nothing: no such name\n'],
    ['kill 9999', 'kill: 9999: no such thread (ps lists them)\n'],
    ['view 9999', 'view: 9999: no such thread (ps lists them)\n'],
    ['fg', 'fg: no such job (jobs lists them)\n'],
    ['bg %7', 'bg: %7: no such job (jobs lists them)\n'],
    ['ls --bad', 'usage: ls [-l] [-a] [NAME...]\n'],
    ['cd o', 'cd: o: is not a namespace\n'],
    ['cat /', 'cat: /: is a namespace\n'],
    ['help nothing', /help: nothing: is neither/],
  ])('%s', (commands, output) => {
    const result = shell(commands);
    if (typeof output === 'string') expect(result.output).toBe(output);
    else expect(result.output).toMatch(output);
    expect(result.status).toBeGreaterThan(0);
  });
});

describe('what stops a program is said, with the object', () => {
  test('an object that is gone', () => {
    expect(shell('echo x > gone; I=$(obj id gone); rm gone; sleep 0.05; cat $I').output).toMatch(
      new RegExp(`^cat: \\(object ${ID}\\): no such object`),
    );
  });

  test('no space left in the object store', () => {
    const small = new ShellMachine(new MemoryMedia(2 * MiB));
    const fill =
      'i=0; echo 0123456789012345678901234567890 > t; while cat t t > u; do cat u u > t || break; done; echo stopped; rm t u; sleep 0.1; echo again > v; cat v';
    const { output, status } = small.run(fill, 500_000_000);
    expect(output).toMatch(
      new RegExp(
        `^cat: (t|u) \\(object ${ID}\\): no space left in the object store \\(df shows how much there is\\)\nstopped\nagain\n$`,
      ),
    );
    expect(status).toBe(0);
  });

  test('an object of which the media have lost a page', () => {
    const own = new ShellMachine(new MemoryMedia(16 * MiB));
    own.run('echo precious > lost; echo fine > other');
    const store = new ObjectStore(own.media, Layouts.load());
    const { object } = resolvePath(store, 'lost');
    const page = store.findPage(object, 0x1000)!;
    const system = own.start('cat other lost; echo $?; cat other');
    system.computer.nvdimm!.errors.poison(blockOf(dpa(page)));
    system.run(60_000_000);
    expect(system.output).toMatch(
      new RegExp(
        `^fine\ncat: lost \\(object ${ID}\\): the page at 0x00001000 is poisoned: the NVDIMM has lost what it held\n\\d+\nfine\n$`,
      ),
    );
  });
});

describe('security', () => {
  const own = new ShellMachine();
  const run = (commands: string) => own.run(commands, 200_000_000);

  test('what a context was granted it may do, and nobody else', () => {
    run(
      'cap key k; ctx make alice; ctx make bob; cap make secret k; obj write secret 0x1000 hidden; cap grant secret alice rw',
    );
    expect(run('ctx show alice; ctx show bob').output).toMatch(new RegExp(`^${ID}  read write\n$`));
    expect(run('ctx run alice hexdump secret 0x1000 6')).toMatchObject({
      output: expect.stringContaining('hidden'),
      status: 0,
    });
    const refused = run('ctx run bob hexdump secret 0x1000 6');
    expect(refused.output).toMatch(
      new RegExp(`hexdump: secret \\(object ${ID}\\): you have not the right to read it\n$`),
    );
    // 192 + FAULT_SECURITY.
    expect(refused.status).toBe(195);
    expect(run('ctx run alice cap grant secret bob rw').output).toMatch(/^cap: this program has no keyring/);
    expect(run('ctx run alice poweroff').output).toBe('poweroff: you have not the right to do that\n');
    expect(run('ctx run alice kill 1').output).toBe('kill: 1: you have not the right to do that\n');
    expect(run("ctx run alice sh -c 'echo x > secret; ctx'").output).toMatch(
      /^sh: secret: is not a text object\n/,
    );
  });

  test('revoking voids what was granted before, not after', () => {
    expect(run('cap revoke secret; ctx run alice hexdump secret 0x1000 6').status).toBe(195);
    expect(run('sleep 0.01; cap grant secret alice r; ctx run alice hexdump secret 0x1000 6')).toMatchObject({
      status: 0,
    });
    expect(run('ctx run alice obj write secret 0x1000 x').output).toMatch(
      /: you have not the right to write it\n$/,
    );
  });

  test('a gate is signed with the rest, and shown', () => {
    const { output } = run(
      'cap make door k; ctx make carl; cap grant door carl rx gate 0x1800 16; cap show carl; cap verify carl',
    );
    expect(output).toMatch(
      new RegExp(`^${ID}  read exec, gate 0x00001800\n${ID}  read exec, gate 0x00001800: holds\n$`),
    );
  });

  test.each(['gate x 16', 'gate 0x1800', 'gate 0x1800 0', 'gate 0x40000000 16', 'for', 'for 0', 'soon', 'k'])(
    'cap grant … %s is no way to use it',
    (terms) => {
      const { output, status } = run(`cap grant secret alice r ${terms}`);
      expect(output).toBe('usage: cap keys|key|forget|make|grant|delegate|take|show|verify|revoke ...\n');
      expect(status).toBe(2);
    },
  );

  test.each([
    ['cap make x secret', 'cap: secret: no such key in your keyring (cap key makes one)\n'],
    ['cap make x k rq', 'usage: cap keys|key|forget|make|grant|delegate|take|show|verify|revoke ...\n'],
    ['cap grant secret secret rw', 'cap: secret: is not a security context\n'],
    ['cap key k', 'cap: k: there is a key of this name\n'],
    ['cap forget own', 'cap: own: everything that you make is protected by it\n'],
    ['cap take secret', 'cap: secret: is not a letter (cap grant ... into NAME writes one)\n'],
    ['cap delegate secret alice r', /the superuser was given nothing to pass on/],
    ['cap delegate secret bob r from alice', /what was granted may not be passed on/],
    ['cap show', /the superuser needs no capabilities/],
    ['ctx limit bob secret r', 'ctx: secret: the context was given nothing for it\n'],
    ['ctx mask secret r', 'ctx: secret: is not a security context\n'],
    ['ctx run secret ls', 'ctx: secret: is not a security context\n'],
    ['ctx run alice nothing', 'ctx: nothing: no such program\n'],
    ['ctx show nothing', 'ctx: nothing: no such name\n'],
  ])('%s', (commands, output) => {
    const result = run(commands);
    if (typeof output === 'string') expect(result.output).toBe(output);
    else expect(result.output).toMatch(output);
    expect(result.status).toBeGreaterThan(0);
  });
});
