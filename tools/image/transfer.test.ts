/** Do objects go from the host into images, out of them and between them, whole, and is an image that is in use or out of order left alone? */
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { Random } from '../../emulator/random.ts';
import { packageRoot } from '../guest/layouts.ts';
import { changeImage } from './save.ts';
import { put } from './transfer.ts';

const program = join(packageRoot(), 'dist', 'licorice.js');
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'licorice-transfer-'));
});

function licorice(...args: string[]) {
  const { stdout, stderr, status } = spawnSync(process.execPath, [program, ...args], {
    cwd: folder,
    encoding: 'utf8',
  });
  return { stdout, stderr, status };
}

const image = (...args: string[]) => licorice('image', ...args);
const boot = (file: string, commands: string) => licorice('boot', '--nvdimm', file, '--exec', commands);
const create = (file: string) =>
  expect(image('create', file, '--size', '16M')).toMatchObject({ stderr: '', status: 0 });
const whole = (file: string) => expect(image('check', file).stdout).toMatch(/, 0 errors\n$/);

test('host files become objects with names and types, and come back as they were', {
  timeout: 120_000,
}, () => {
  const random = new Random(3);
  const bytes = Uint8Array.from({ length: 3_000_001 }, () => random.below(256));
  writeFileSync(join(folder, 'data.bin'), bytes);
  writeFileSync(join(folder, 'notes.txt'), 'Grüße\n');
  writeFileSync(join(folder, 'empty'), '');
  create('a.nvm');
  expect(image('put', 'a.nvm', 'data.bin').stdout).toMatch(/ {2}object data\.bin\n$/);
  expect(image('put', 'a.nvm', 'notes.txt').stdout).toMatch(/ {2}text notes\.txt\n$/);
  expect(image('put', 'a.nvm', 'empty', 'nothing', '--type', 'object').stdout).toMatch(
    / {2}object nothing\n$/,
  );
  whole('a.nvm');
  const commands =
    'cat notes.txt; wc nothing; hexdump data.bin 0x1000 1; mkdir d; echo more >> notes.txt; ln notes.txt n2';
  expect(boot('a.nvm', commands).stdout).toMatch(/^Grüße\n {6}0 {7}0 {7}0 nothing\n00001000 /);
  expect(image('get', 'a.nvm', 'data.bin', 'back.bin').status).toBe(0);
  expect(readFileSync(join(folder, 'back.bin')).equals(bytes)).toBe(true);
  expect(image('get', 'a.nvm', 'notes.txt').status).toBe(0);
  expect(readFileSync(join(folder, 'notes.txt'), 'utf8')).toBe('Grüße\nmore\n');
  // Another object takes the name; the old one has a second name and stays.
  writeFileSync(join(folder, 'new.txt'), 'new\n');
  expect(image('put', 'a.nvm', 'new.txt', 'notes.txt').status).toBe(0);
  expect(image('put', 'a.nvm', 'new.txt', 'd/inside').status).toBe(0);
  expect(image('rm', 'a.nvm', 'data.bin').status).toBe(0);
  whole('a.nvm');
  expect(boot('a.nvm', 'cat notes.txt n2 d/inside; ls; sleep 0.2').stdout).toBe(
    'new\nGrüße\nmore\nnew\nnotes.txt\nnothing\nd/\nn2\n',
  );
  whole('a.nvm');
  // What was removed has been freed: root, notes.txt, nothing, d, n2, d/inside, the keyring and its public key.
  expect(JSON.parse(image('check', 'a.nvm', '--json').stdout)).toMatchObject({ objects: 8, dirty: false });
});

test('a tree over three objects is copied to another image and works there', { timeout: 120_000 }, () => {
  create('a.nvm');
  create('b.nvm');
  const puts = Array.from({ length: 40 }, (_, i) => `tree t put ${(i * 7) % 41} ${i}`).join('; ');
  expect(boot('a.nvm', `${puts}; mkdir d; ln t d/t`)).toMatchObject({ stdout: '', status: 0 });
  const list = boot('a.nvm', 'tree t list').stdout;
  const copied = JSON.parse(image('cp', 'a.nvm', 't', 'b.nvm', 'tree', '--json').stdout);
  expect(copied.length).toBeGreaterThanOrEqual(3);
  expect(copied[0]).toMatchObject({ name: 'tree', type: 'object', same: false });
  whole('b.nvm');
  expect(boot('b.nvm', 'tree tree check; tree tree put 100 1; tree tree del 7; tree tree check').stdout).toBe(
    '40 keys, whole\n40 keys, whole\n',
  );
  whole('b.nvm');
  // The objects are there now, with other contents.
  expect(image('cp', 'a.nvm', 't', 'b.nvm', 'again')).toMatchObject({ status: 2 });
  whole('b.nvm');
  expect(image('cp', 'a.nvm', 'd', 'b.nvm', '--replace').status).toBe(0);
  whole('b.nvm');
  expect(boot('b.nvm', 'tree d/t list').stdout).toBe(list);
  expect(JSON.parse(image('cp', 'a.nvm', 't', 'b.nvm', 'once-more', '--json').stdout)).toEqual(
    copied.map((item: object, index: number) => ({
      ...item,
      ...(index === 0 && { name: 'once-more' }),
      same: true,
    })),
  );
});

test('an image that is in use is refused, and so is one that was not shut down in order', {
  timeout: 120_000,
}, async () => {
  create('a.nvm');
  create('b.nvm');
  writeFileSync(join(folder, 'x'), 'x');
  const running = spawn(
    process.execPath,
    [
      program,
      'boot',
      '--nvdimm',
      'a.nvm',
      '--exec',
      'echo x > y; echo up; sleep 1000; while true; do :; done',
    ],
    { cwd: folder },
  );
  await new Promise((resolve) => running.stdout.once('data', resolve));
  const before = readFileSync(join(folder, 'a.nvm'));
  expect(image('put', 'a.nvm', 'x')).toMatchObject({
    stderr: expect.stringMatching(/^licorice: a\.nvm is in use by process \d+.*\n$/),
    status: 2,
  });
  running.kill('SIGKILL');
  await new Promise((resolve) => running.once('exit', resolve));
  for (const args of [
    ['put', 'a.nvm', 'x'],
    ['rm', 'a.nvm', 'y'],
    ['cp', 'a.nvm', 'y', 'b.nvm'],
    ['cp', 'b.nvm', '.tx', 'a.nvm'],
  ]) {
    const { stderr, status } = image(...args);
    expect(stderr).toMatch(/^licorice: .*\n$/);
    expect(status).toBe(2);
  }
  expect(image('put', 'a.nvm', 'x').stderr).toMatch(/was not shut down in order; boot/);
  expect(readFileSync(join(folder, 'a.nvm')).equals(before)).toBe(true);
  expect(boot('a.nvm', ':').status).toBe(0);
  expect(image('put', 'a.nvm', 'x').status).toBe(0);
  whole('a.nvm');
  // Nothing is left beside the images.
  expect(readdirSync(folder).sort()).toEqual(['a.nvm', 'b.nvm', 'x']);
});

test('what does not fit, or is not there, changes nothing and is said in one line', {
  timeout: 120_000,
}, () => {
  create('a.nvm');
  copyFileSync(join(folder, 'a.nvm'), join(folder, 'before.nvm'));
  writeFileSync(join(folder, 'large'), new Uint8Array(17 * 1024 * 1024));
  writeFileSync(join(folder, 'small'), 'x');
  const cases: [string[], RegExp][] = [
    [['put', 'a.nvm', 'large'], /a\.nvm|the object store is full/],
    [['put', 'a.nvm', 'missing'], /missing/],
    [['put', 'a.nvm', 'small', 'no/such/place'], /no\/such: no name 'no'/],
    [['put', 'a.nvm', 'small', 'n'.repeat(80)], /a name has at most 79 bytes/],
    [['put', 'missing.nvm', 'small'], /missing\.nvm does not exist/],
    [['put', 'a.nvm', 'small', '--type', 'other'], /type/],
    [['rm', 'a.nvm', 'nothing'], /nothing: no name 'nothing'/],
    [['get', 'a.nvm', '/'], /is a namespace/],
    [['cp', 'a.nvm', 'nothing', 'before.nvm'], /no name 'nothing'/],
    [['create', 'a.nvm'], /a\.nvm exists already/],
    [['create', 'b.nvm', '--size', '3'], /multiple of 2 MiB/],
    [['create', 'b.nvm', '--size', '0'], /0 bytes is not possible/],
  ];
  for (const [args, message] of cases) {
    const { stderr, status } = image(...args);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^licorice: [^\n]*\n$/);
    expect(status).toBe(2);
  }
  expect(readFileSync(join(folder, 'a.nvm')).equals(readFileSync(join(folder, 'before.nvm')))).toBe(true);
  expect(readdirSync(folder).sort()).toEqual(['a.nvm', 'before.nvm', 'large', 'small']);
});

test("a user's context has room for as many objects as are put in", { timeout: 240_000 }, async () => {
  create('a.nvm');
  expect(boot('a.nvm', 'user add alice').status).toBe(0);
  // So many that some share a chain of buckets, whatever their IDs are: with 300 in 1024 none would by a chance of 10^-20.
  const plan = new TextEncoder().encode('the plan\n');
  await changeImage(join(folder, 'a.nvm'), (writer) => {
    for (let i = 0; i < 300; i++) put(writer, plan, `home/alice/plan${i}`);
  });
  whole('a.nvm');
  expect(boot('a.nvm', "login alice -c 'cat plan1?? | wc; cap verify | grep -v -c holds'").stdout).toBe(
    '    100     200     900\n0\n',
  );
});

test('what is put in belongs to whom its namespace belongs, or to whom it is given, and to nobody else', {
  timeout: 240_000,
}, () => {
  create('a.nvm');
  writeFileSync(join(folder, 'plan'), 'the plan\n');
  writeFileSync(
    join(folder, 'hello.ts'),
    "import 'licorice/libtwz/start.ts';\nimport { printLine } from 'licorice/libtwz/io.ts';\n" +
      "/** @export */\nfunction main(): u64 {\n  printLine('hello');\n  return 0;\n}\n",
  );
  expect(licorice('build', 'hello.ts', '--target', 'program')).toMatchObject({ stderr: '', status: 0 });
  expect(boot('a.nvm', 'user add alice; user add bob').status).toBe(0);
  for (let i = 0; i < 3; i++) expect(image('put', 'a.nvm', 'plan', `home/alice/plan${i}`).status).toBe(0);
  expect(image('put', 'a.nvm', 'plan', 'shared/plan', '--owner', 'bob').status).toBe(0);
  expect(image('put', 'a.nvm', 'plan', 'shared/read', '--owner', 'alice', '--rights', 'r').status).toBe(0);
  expect(image('put', 'a.nvm', 'plan', 'shared/mine').status).toBe(0);
  expect(image('put', 'a.nvm', 'plan', 'shared/open', '--owner', 'nobody').status).toBe(0);
  expect(image('put', 'a.nvm', 'hello.elf', 'home/bob/hello').status).toBe(0);
  expect(image('put', 'a.nvm', 'hello.elf', 'shared/closed', '--owner', 'bob').status).toBe(0);
  expect(image('put', 'a.nvm', 'hello.elf', 'shared/hello', '--rights', 'rx').status).toBe(0);
  whole('a.nvm');
  const as = (name: string, commands: string) => boot('a.nvm', `login ${name} -c '${commands}'`);
  const refused = (name: string) => `cat: ${name} (object ID): you have not the right to read it\n`;
  const said = ({ stdout }: { stdout: string }) => stdout.replace(/[0-9a-f]{16}:[0-9a-f]{16}/g, 'ID');
  expect(
    said(as('alice', 'cat plan0 plan1 plan2; echo more >> plan0; wc plan0; cap verify | grep -v -c holds')),
  ).toBe('the plan\nthe plan\nthe plan\n      2       3      14 plan0\n0\n');
  expect(
    said(
      as(
        'alice',
        'cap grant plan0 bob r into /shared/letter; rm plan1; cat /shared/open; echo x > /shared/open',
      ),
    ),
  ).toBe('the plan\n');
  for (const [user, name] of [
    ['alice', '/shared/plan'],
    ['bob', '/shared/mine'],
    ['alice', '/shared/mine'],
  ] as const)
    expect(said(as(user, `cat ${name}`))).toBe(refused(name));
  expect(
    said(as('bob', 'cat /shared/plan /shared/read; echo x > /shared/read; ./hello; /shared/hello')),
  ).toBe('the plan\nthe plan\nsh: /shared/read: you have not the right to write it\nhello\nhello\n');
  expect(said(as('alice', '/shared/closed'))).toMatch(/^sh: \/shared\/closed: you have not the right/);
  expect(boot('a.nvm', 'cat /shared/mine; /home/bob/hello').stdout).toBe('the plan\nhello\n');
  whole('a.nvm');
  expect(image('put', 'a.nvm', 'plan', '--owner', 'carol').stderr).toMatch(
    /--owner carol: no such user in the image; there are root, alice, bob, nobody/,
  );
  expect(image('put', 'a.nvm', 'plan', '--rights', 'rq').stderr).toMatch(/--rights rq: 'q' is no right/);
});
