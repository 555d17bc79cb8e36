/** Does what a user makes belong to that user alone, until it is granted, for as long as it was granted, and to whom? */
import { describe, expect, test } from 'vitest';
import { ShellMachine } from './testing/shell.ts';

const TIMEOUT = 120_000;
const BUDGET = 400_000_000;
const ID = '[0-9a-f]{16}:[0-9a-f]{16}';

/** A machine with two users, alice and bob. */
function twoUsers(): (commands: string) => { output: string; status: number } {
  const machine = new ShellMachine();
  machine.run('user add alice; user add bob', BUDGET);
  return (commands) => machine.run(commands, BUDGET);
}

/** Commands of a user. */
const as = (name: string, commands: string) => `login ${name} -c '${commands}'`;

test('what a user makes is closed to others, by any name and by its ID', { timeout: TIMEOUT }, () => {
  const run = twoUsers();
  expect(
    run(
      as('alice', 'echo private > diary; ln diary /shared/diary; cat diary; mkdir d; echo x > d/y; cat d/y'),
    ),
  ).toEqual({
    output: 'private\nx\n',
    status: 0,
  });
  const refused = 'you have not the right to';
  expect(run(as('bob', 'cat /shared/diary')).output).toMatch(
    new RegExp(`^cat: /shared/diary \\(object ${ID}\\): ${refused} read it\n$`),
  );
  expect(run(as('bob', 'cat /home/alice/diary')).output).toBe(
    `cat: /home/alice/diary: ${refused} read a namespace of the path\n`,
  );
  expect(
    run(as('bob', 'echo mine > /shared/diary; cat < /shared/diary; echo x > /new; mkdir /home/e; echo on'))
      .output,
  ).toBe(
    [
      `sh: /shared/diary: ${refused} write it`,
      `sh: /shared/diary: ${refused} read it`,
      `sh: /new: ${refused} write the namespace`,
      `mkdir: /home/e: ${refused} write the namespace`,
      'on\n',
    ].join('\n'),
  );
  expect(run(`ID=$(obj id /home/alice/diary); login bob -c "cat $ID"; cat /home/alice/diary`).output).toMatch(
    new RegExp(`^cat: \\(object ${ID}\\): ${refused} read it\nprivate\n$`),
  );
  // The superuser's own things are closed as well.
  expect(
    run(`echo top > secret; ${as('bob', 'cat /secret; cp /secret mine; rm /secret; stat /secret')}`).output,
  ).toMatch(
    new RegExp(
      `^cat: /secret .*${refused} read it\ncp: /secret: ${refused} do that\nrm: /secret: ${refused} write the namespace\nstat: /secret: ${refused} do that\n$`,
    ),
  );
});

test('a capability that is delegated and ends opens an object for reading, until it is revoked', {
  timeout: TIMEOUT,
}, () => {
  const run = twoUsers();
  run('user add carol');
  run(
    as(
      'alice',
      'echo shared words > paper; ln paper /shared/paper; cap grant paper bob rp into /shared/for-bob',
    ),
  );
  expect(run(as('bob', 'cat /shared/paper')).status).not.toBe(0);
  // bob takes what was sent, and passes on less, for a while.
  expect(
    run(
      as(
        'bob',
        'cap take /shared/for-bob; cat /shared/paper; cap delegate /shared/paper carol rw for 60 into /shared/for-carol',
      ),
    ),
  ).toEqual({ output: 'shared words\n', status: 0 });
  // A letter is of no use to anybody else.
  expect(run(as('alice', 'cap take /shared/for-carol')).output).toBe(
    'cap: /shared/for-carol: is for a context that you may not write\n',
  );
  const carol = run(
    as('carol', 'cap take /shared/for-carol; cat /shared/paper; echo x >> /shared/paper; cap verify'),
  );
  expect(carol.output).toMatch(
    /^shared words\nsh: \/shared\/paper: you have not the right to write it\n(?:.*\n)*.*read, delegated by .*, until .* UTC: holds\n/,
  );
  const later = run(as('carol', 'sleep 61; cat /shared/paper; cap verify | grep -v holds'));
  expect(later.output).toMatch(/^cat: .* you have not the right to read it\n.*: has expired\n$/);
  expect(
    run(`${as('alice', 'cap revoke paper')}; ${as('bob', 'cat /shared/paper; cap verify | grep -v holds')}`)
      .output,
  ).toMatch(/^cat: .* you have not the right to read it\n.*: is void: revoked, or taken away\n$/);
  // The owner goes on.
  expect(run(as('alice', 'cat paper; cap grant paper bob r into /shared/again')).output).toBe(
    'shared words\n',
  );
  expect(run(as('bob', 'cap take /shared/again; cat /shared/paper')).output).toBe('shared words\n');
});

describe('keyrings', () => {
  const machine = new ShellMachine();
  const run = (commands: string) => machine.run(commands, BUDGET);

  test('keep keys by name, from boot to boot', () => {
    run('cap key first; cap key second');
    const { output } = run('cap keys');
    expect(output).toMatch(new RegExp(`^${ID}  pair    own\n${ID}  pair    first\n${ID}  pair    second\n$`));
    const half = output.split('\n')[1]!.slice(0, 33);
    expect(run(`cap forget first; cap key again ${half}; cap keys`).output).toMatch(
      new RegExp(`own\n${half}  public  again\n${ID}  pair    second\n$`),
    );
    expect(run('cap make o again').output).toBe('cap: again: is a public key: somebody else signs with it\n');
    expect(run('cap forget first').output).toBe('cap: first: no such key (cap keys lists them)\n');
  });

  test('sign for what their keys protect, and for nothing else', () => {
    run('ctx make c; cap make o second; cap make p second; cap grant o c r; cap forget second; echo own > q');
    expect(run('cap grant p c r').output).toBe('cap: p: the key that protects it is not in your keyring\n');
    expect(run('ctx run c cat o; cap grant q c r; ctx run c cat q')).toEqual({ output: 'own\n', status: 0 });
    expect(run('cap grant /bin/sh c r').output).toBe(
      'cap: /bin/sh: no key protects it: nobody can sign for it\n',
    );
  });
});

describe('masks', () => {
  const machine = new ShellMachine();
  const run = (commands: string) => machine.run(commands, BUDGET);

  test('take default rights away in a context, and limit what it was given', () => {
    run(
      'ctx make c; cap key k; cap make open k r; obj write open 0x1000 text; echo more > o; cap grant o c rw',
    );
    expect(run('ctx run c hexdump open 0x1000 4').status).toBe(0);
    run('ctx limit c o r; cap make gone k rd');
    expect(run("ctx run c sh -c 'cat o; echo x > o'").output).toBe(
      'more\nsh: o: you have not the right to write it\n',
    );
    // Without READ and WRITE no program could use its own memory there.
    expect(run('ctx mask c d; ctx show c | grep default').output).toBe('without default rights to delete\n');
    expect(run('ctx run c obj delete gone').output).toBe('obj: gone: you have not the right to do that\n');
    expect(run('ctx mask c -; ctx run c obj delete gone').status).toBe(0);
  });
});

describe('a context with a home', () => {
  test('keeps what its programs make, for them alone', { timeout: TIMEOUT }, () => {
    const run = twoUsers();
    expect(run('ctx make box; ctx home box den; ctx make other; echo root > mine').status).toBe(0);
    const inBox = (commands: string) => run(`ctx run box in den sh -c '${commands}'`);
    expect(
      inBox(
        'echo secret > s; cat s; cap key k; cap keys | grep -v -c nothing; mkdir d; echo x > d/x; tree t put 1 2',
      ),
    ).toEqual({ output: 'secret\n2\n', status: 0 });
    // In later boots, too; and nothing else's is open to it.
    expect(inBox('cat s d/x; tree t get 1; cat /mine')).toMatchObject({
      output: expect.stringMatching(/^secret\nx\n2\ncat: \/mine .*you have not the right to read it\n$/),
      status: 195,
    });
    const closed = /you have not the right to read/;
    expect(run(as('bob', 'cat /den/s')).output).toMatch(closed);
    expect(run('ctx run other cat /den/s').output).toMatch(closed);
    expect(run('ID=$(obj id den/s); ctx run other cat $ID; ctx run box cat $ID').output).toMatch(
      /^cat: .*you have not the right to read it\nsecret\n$/,
    );
    // What the context makes it may grant, and give back.
    expect(inBox('cap grant s bob r into /shared/letter; ln s /shared/s').output).toBe('');
    expect(run(as('bob', 'cap take /shared/letter; cat /shared/s; echo x > /shared/s')).output).toMatch(
      /^secret\nsh: \/shared\/s: you have not the right to write it\n$/,
    );
    expect(inBox('rm s; ls').output).toBe('d/\nt\n');
    expect(run('ctx run box in box ls').output).toBe('ctx: box: is not a home (ctx home makes one)\n');
  });

  test('may be made by a user, of a context of that user', { timeout: TIMEOUT }, () => {
    const run = twoUsers();
    const made = run(
      as('alice', 'ctx make box; ctx home box den; ctx run box in den sh -c "echo a > a; cat a"; ls den'),
    );
    expect(made).toEqual({ output: 'a\na\n', status: 0 });
    expect(run(as('alice', 'ctx run box in den cat a; cat den/a')).output).toMatch(
      /^a\ncat: den\/a .*you have not the right to read it\n$/,
    );
    expect(run(as('bob', 'ctx run /home/alice/box in /home/alice/den ls')).status).not.toBe(0);
    expect(run(as('bob', 'ctx home alice den')).output).toBe(
      'ctx: alice: you have not the right to do that\n',
    );
  });

  test('is refused where it would lift a mask, and where there is no keyring to sign with', {
    timeout: TIMEOUT,
  }, () => {
    const run = twoUsers();
    expect(run('ctx make box; ctx mask box d; ctx home box den; ls den').output).toBe(
      'ctx: box: it is masked: with a home it could take the mask off\nls: den: no such name\n',
    );
    expect(run('ctx make c; mkdir d; ctx run c in d ls').output).toBe(
      'ctx: d: is not a home (ctx home makes one)\n',
    );
    expect(run('ctx run c ctx home c den').output).toBe(
      'ctx: this program has no keyring: it runs in a context without a home\n',
    );
  });
});
