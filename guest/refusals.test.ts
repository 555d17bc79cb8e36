/**
 * Does every program that takes a name say in one line which object stops it, and why: when there is none of that name, when its user has no right to it, when
 * the media have lost its page, when the store is full? And does the shell go on?
 */
import { describe, expect, test } from 'vitest';
import { MiB } from '../emulator/addresses.ts';
import { blockOf, dpa } from '../emulator/nvdimm/dpa.ts';
import { MemoryMedia } from '../emulator/nvdimm/media.ts';
import { Layouts } from '../tools/guest/layouts.ts';
import { resolvePath } from '../tools/image/names.ts';
import { ObjectStore } from '../tools/image/store.ts';
import { ShellMachine } from './testing/shell.ts';

const TIMEOUT = 300_000;
const BUDGET = 3_000_000_000;

/** Commands for an object X, `o` being another object and `c` a context; what a condition does not concern is left out there. */
const READERS = [
  'cat X',
  'wc X',
  'grep x X',
  'hexdump X',
  'obj follow X 0x1000',
  'sh X',
  '. X',
  'cat < X',
  'read V < X',
  'logboi show X',
];
const WRITERS = ['echo x > X', 'echo x >> X', 'obj write X 0x1000 x', 'obj point X 0x1000 o'];
const FACTS = ['fot X', 'obj meta X', 'obj fot X', 'stat X', 'obj stat X', 'view X'];
const OWNERS = ['cp X n', 'obj tie o X', 'obj delete X', 'cap revoke X', 'cap grant X c r'];
const STRUCTURES = [
  'tree X get 1',
  'tree X put 1 1',
  'twzkv X get 1',
  'cap take X',
  'ctx show X',
  'cap verify X',
  'ctx run X ls',
  'ctx mask X d',
];

/** Runs the commands one after the other; for each what it said, without IDs, and its exit code. */
function outcomes(output: string): Map<string, { said: string; status: number }> {
  const parts = output.split(/^## (.*)\n/m).slice(1);
  const found = new Map<string, { said: string; status: number }>();
  for (let i = 0; i < parts.length; i += 2) {
    const [said, status] = parts[i + 1]!.split(/^=> /m);
    found.set(parts[i]!, {
      said: said!.replace(/ \(object [0-9a-f]{16}:[0-9a-f]{16}\)/g, ''),
      status: Number.parseInt(status!, 10),
    });
  }
  return found;
}

const script = (commands: readonly string[]) =>
  commands.map((command) => `echo "## ${command}"; ${command}; echo "=> $?"`).join('; ');

/** Each command must fail, and say one line that is its program's, names X and gives a reason. */
function expectRefusals(output: string, commands: readonly string[], path: string, reasons: RegExp): void {
  const found = outcomes(output);
  const wrong: string[] = [];
  for (const command of commands) {
    const outcome = found.get(command);
    const line = new RegExp(`^(?:0000\\d+ )?[a-z]+: ${path}: (.*)\n$`).exec(outcome?.said ?? '');
    if (!outcome || outcome.status === 0 || !line || !reasons.test(line[1]!))
      wrong.push(`${command}: ${JSON.stringify(outcome)}`);
  }
  expect(wrong).toEqual([]);
  expect(output).toMatch(/still here\n$/);
}

const withName = (commands: readonly string[], path: string) =>
  commands.map((command) => command.replaceAll('X', path));

test('there is no such name', { timeout: TIMEOUT }, () => {
  const machine = new ShellMachine();
  const made = ['echo x > X', 'echo x >> X', 'tree X put 1 1', 'twzkv X get 1'];
  const all = [
    ...READERS,
    ...WRITERS,
    ...FACTS,
    ...OWNERS,
    ...STRUCTURES,
    'ls X',
    'ls -l X',
    'mv X n',
    'ln X n',
    'rm X',
    'cd X',
  ];
  const commands = withName(
    all.filter((command) => !made.includes(command)),
    'nothing',
  );
  const { output } = machine.run(`echo o > o; ctx make c; ${script(commands)}; echo still here`, BUDGET);
  expectRefusals(output, commands, 'nothing', /^no such (name|script|tree)|^is not a log/);
});

test('its user has no right to it', { timeout: TIMEOUT }, () => {
  const machine = new ShellMachine();
  machine.run(
    'echo closed > closed; user add bob; ln closed /shared/closed; tree tr put 1 1; ln tr /shared/tr; mkdir d; ln d /shared/d',
    BUDGET,
  );
  machine.run("login bob -c 'echo o > o; ctx make c'", BUDGET);
  const commands = withName(
    [...READERS, ...WRITERS, ...FACTS, ...OWNERS, ...STRUCTURES, 'edit X'].filter(
      (command) => !command.startsWith('tree'),
    ),
    '/shared/closed',
  );
  // A text is no tree to begin with.
  const { output } = machine.run(`login bob -c '${script(commands)}; echo still here'`, BUDGET);
  expectRefusals(output, commands, '/shared/closed', /you (have not the right|may not)/);
  const trees = ['tree /shared/tr get 1', 'tree /shared/tr put 1 1'];
  const { output: forest } = machine.run(`login bob -c '${script(trees)}; echo still here'`, BUDGET);
  expectRefusals(forest, trees, '/shared/tr', /^you have not the right to read it/);
  const inside = withName(
    [
      'cat X/x',
      'mkdir X/x',
      'echo x > X/x',
      'mv o X/x',
      'ln o X/x',
      'cp o X/x',
      'obj make X/x',
      'tree X/x put 1 1',
      'twzkv X/x put 1 1',
      'edit X/x',
      'cap key q; cap make X/x q',
      'ctx make X/x',
    ],
    '/shared/d',
  );
  const { output: other } = machine.run(
    `login bob -c '${script(inside)}; cd /shared/d; ls /shared/d; echo /shared/d/*; echo still here'`,
    BUDGET,
  );
  expectRefusals(other, inside, '/shared/d/x', /^you have not the right to read a namespace of the path/);
  expect(other).toMatch(
    /cd: \/shared\/d: you have not the right to read it\nls: \/shared\/d .*you have not the right to read it\n\/shared\/d\/\*\n/,
  );
});

/** A machine whose store has lost the first data page of an object. */
function withLost(media: MemoryMedia, path: string, commands: string): string {
  const machine = new ShellMachine(media);
  const store = new ObjectStore(media, Layouts.load());
  const page = store.findPage(resolvePath(store, path).object, 0x1000)!;
  const system = machine.start(commands);
  system.computer.nvdimm!.errors.poison(blockOf(dpa(page)));
  system.run(BUDGET);
  return system.output;
}

test('the media have lost its page', { timeout: TIMEOUT }, () => {
  const media = new MemoryMedia(16 * MiB);
  new ShellMachine(media).run(
    'echo precious > lost; echo o > o; mkdir ns; echo x > ns/x; tree tr put 1 1; obj make ob; obj write ob 0x1000 x',
    BUDGET,
  );
  const readers = withName([...READERS, 'edit X'], 'lost').filter((command) => !command.startsWith('logboi'));
  expectRefusals(
    withLost(media, 'lost', `${script(readers)}; echo still here`),
    readers,
    'lost',
    /poisoned: the NVDIMM has lost what it held/,
  );
  const structures = withName(['tree X get 1', 'tree X put 1 1', 'hexdump X'], 'tr');
  expectRefusals(
    withLost(media, 'tr', `${script(structures)}; echo still here`),
    structures,
    'tr',
    /poisoned/,
  );
  const inside = withName(['cat X/x', 'mkdir X/y', 'echo x > X/x', 'mv o X/x', 'ln o X/x'], 'ns');
  const output = withLost(media, 'ns', `${script(inside)}; cd ns; ls ns; echo ns/*; echo still here`);
  expectRefusals(output, inside, 'ns/.', /^a namespace of the path is lost/);
  expect(output).toMatch(/cd: ns: its page is poisoned.*\nls: ns .*poisoned.*\nns\/\*\n/);
});

describe('the store is full', () => {
  const FULL = /^no space left in the object store \(df shows how much there is\)$/;

  test('whatever needs a page says so', { timeout: TIMEOUT }, () => {
    const machine = new ShellMachine(new MemoryMedia(2 * MiB));
    const fill =
      'echo o > o; ctx make c; mkdir ns; cap key k; tree tr put 1 1; echo tiny > tiny; twzkv kv put 1 1; user add bob; echo 0123456789012345678901234567890 > t; while cat t t > u; do cat u u > t || break; done; i=0; while mkdir z$i; do i=$((i+1)); done';
    expect(machine.run(fill, BUDGET).output).toMatch(
      /^cat: [tu] .*: no space.*\nmkdir: z\d+: no space[^\n]*\n$/,
    );
    const refused: [string, string][] = [
      ['cat t >> tiny', 'tiny'],
      ['echo x > new', 'new'],
      ['echo x > ns/new', 'ns/new'],
      ['cp o p', 'o'],
      ['mkdir q', 'q'],
      ['obj write o 0x200000 x', 'o'],
      ['obj point o 0x200000 t', 'o'],
      ['cap key k2', 'k2'],
      ['ctx make d', 'd'],
      ['tree tr put 2 2', 'tr'],
      ['tree tn put 2 2', 'tn'],
      ['twzkv kn put 2 2', 'kn'],
      ['user add eve', 'eve'],
    ];
    const { output } = machine.run(
      `${script(refused.map(([command]) => command))}; ls | wc; echo still here`,
      BUDGET,
    );
    const found = outcomes(output);
    for (const [command, name] of refused) {
      const { said, status } = found.get(command)!;
      const line = /^[a-z]+: ([^:]+): (.*)\n/.exec(said);
      expect({ command, name: line?.[1], fails: status !== 0, isFull: FULL.test(line?.[2] ?? '') }).toEqual({
        command,
        name,
        fails: true,
        isFull: true,
      });
    }
    expect(output).toMatch(/still here\n$/);
  });
});
