/** Does `licorice dap` do what VS Code asks of it? A scripted client speaks the protocol with the built command over stdio. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, test } from 'vitest';
import { compile } from '../../compiler/compile.ts';
import { packageRoot } from '../../guest/layouts.ts';
import { ATTACH_FIELDS, LAUNCH_FIELDS } from './launch.ts';
import { encodeMessage, MessageReader } from './messages.ts';
import type { Breakpoint, EventBodies, ResponseBodies, StackFrame, Variable } from './protocol.ts';

/** Under load everything takes many times what it takes alone. */
const TIMEOUT = 120_000;

interface Message {
  readonly type: 'response' | 'event';
  readonly request_seq?: number;
  readonly success?: boolean;
  readonly message?: string;
  readonly event?: string;
  readonly body?: unknown;
}

/** A row of a tree of variables, and the number of what it is in. */
interface Row extends Variable {
  readonly of: number;
}
type Stopped = EventBodies['stopped'];

/** The editor's side. */
class Client {
  private readonly process: ChildProcess;
  private readonly reader = new MessageReader();
  private readonly answers = new Map<number, (message: Message) => void>();
  private readonly events: Message[] = [];
  private readonly waiting: {
    readonly wants: (event: Message) => boolean;
    readonly take: (event: Message) => void;
  }[] = [];
  private sequence = 1;
  readonly exit: Promise<number | null>;

  /** What is awaited of an adapter that has ended fails the test at once, instead of never coming. */
  private orEnd<T>(awaited: Promise<T>): Promise<T> {
    const end = this.exit.then((code) => {
      throw new Error(`the adapter ended (exit ${code}) before it answered`);
    });
    return Promise.race([awaited, end]);
  }

  constructor(folder: string, program = [join(packageRoot(), 'dist', 'licorice.js'), 'dap']) {
    this.process = spawn(process.execPath, program, {
      cwd: folder,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.process.stdout!.on('data', (chunk: Buffer) => {
      for (const message of this.reader.push(chunk) as Message[]) this.receive(message);
    });
    this.exit = new Promise((done) => this.process.on('exit', (code) => done(code)));
  }

  private receive(message: Message): void {
    if (message.type === 'response') {
      this.answers.get(message.request_seq!)?.(message);
      return;
    }
    const index = this.waiting.findIndex(({ wants }) => wants(message));
    if (index >= 0) this.waiting.splice(index, 1)[0]!.take(message);
    else this.events.push(message);
  }

  /** Sends a request; its answer, good or bad. */
  ask(command: string, args: object = {}): Promise<Message> {
    const seq = this.sequence++;
    const answer = new Promise<Message>((done) => this.answers.set(seq, done));
    // In two pieces: a stream may be cut anywhere.
    const bytes = encodeMessage({ seq, type: 'request', command, arguments: args });
    this.process.stdin!.write(bytes.subarray(0, 10));
    this.process.stdin!.write(bytes.subarray(10));
    return this.orEnd(answer);
  }

  /** Sends a request that must succeed; the body of its answer. */
  async request<C extends keyof ResponseBodies>(command: C, args: object = {}): Promise<ResponseBodies[C]> {
    const answer = await this.ask(command, args);
    expect(answer.success, `${command}: ${answer.message}`).toBe(true);
    return answer.body as ResponseBodies[C];
  }

  /** The next event of a name, or one that has come already. */
  event<E extends keyof EventBodies>(
    name: E,
    test: (body: EventBodies[E]) => boolean = () => true,
  ): Promise<EventBodies[E]> {
    const wants = (event: Message): boolean => event.event === name && test(event.body as EventBodies[E]);
    const index = this.events.findIndex(wants);
    if (index >= 0) return Promise.resolve(this.events.splice(index, 1)[0]!.body as EventBodies[E]);
    return this.orEnd(
      new Promise((done) =>
        this.waiting.push({ wants, take: (event) => done(event.body as EventBodies[E]) }),
      ),
    );
  }

  /** Sends a request that runs the guest; how it stopped. */
  async run(command: keyof ResponseBodies, args: object = {}): Promise<Stopped> {
    await this.request(command, { threadId: 1, ...args });
    return await this.event('stopped');
  }

  kill(): void {
    this.process.kill('SIGKILL');
  }
}

const POINTS = `class Point {
  x: i32;
  y: i64;
  next: Point | null;
  readonly tags: FixedArray<u8, 4>;
}

let calls: u64 = 0;

/** @noinline */
function scale(p: Point, by: i64): i64 {
  const old = p.y;
  p.y = old * by;
  p.x += 1;
  calls++;
  return p.y + old;
}

/** @noinline */
function twice(n: i64): i64 {
  const point = stack<Point>();
  point.x = 7;
  point.y = n;
  point.next = point;
  let total: i64 = 1;
  for (let i: i64 = 1; i < 4; i++) total += scale(point, i);
  return total;
}

/** @export */
export function main(): i32 {
  return i32(twice(5)) - 86;
}
`;

describe('the debug adapter', () => {
  const folder = mkdtempSync(join(tmpdir(), 'licorice-dap-'));
  const source = join(folder, 'points.ts');
  const program = join(folder, 'points.elf');
  writeFileSync(source, POINTS);
  const built = compile(source, { target: 'bare', optimise: false, root: folder });
  if (!built.ok) throw new Error(built.diagnostics.map(({ message }) => message).join('\n'));
  writeFileSync(program, built.elf);
  let client: Client;
  afterEach(() => client.kill());
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Launches as VS Code does: initialize, launch, breakpoints on `initialized`, configurationDone. */
  async function start(config: object, breakpoints: readonly object[] = []): Promise<readonly Breakpoint[]> {
    client = new Client(folder);
    const capabilities = await client.request('initialize', { adapterID: 'licorice', linesStartAt1: true });
    expect(capabilities).toMatchObject({ supportsStepBack: true, supportsDisassembleRequest: true });
    await client.request('launch', { type: 'licorice', request: 'launch', name: 'test', ...config });
    await client.event('initialized');
    const set = await client.request('setBreakpoints', { source: { path: source }, breakpoints });
    await client.request('setExceptionBreakpoints', { filters: [] });
    await client.request('configurationDone');
    return set.breakpoints;
  }

  /** The stack of hart 0, innermost first. */
  const stack = async (): Promise<readonly StackFrame[]> =>
    (await client.request('stackTrace', { threadId: 1 })).stackFrames;
  /** Variables of a scope of the innermost frame, by name. */
  const scope = async (name: string, level = 0): Promise<Readonly<Record<string, Row>>> => {
    const frame = (await stack())[level]!;
    const { scopes } = await client.request('scopes', { frameId: frame.id });
    const { variablesReference } = scopes.find((one) => one.name === name)!;
    return await children(variablesReference);
  };
  const children = async (variablesReference: number): Promise<Readonly<Record<string, Row>>> => {
    const { variables } = await client.request('variables', { variablesReference });
    return Object.fromEntries(variables.map((one) => [one.name, { ...one, of: variablesReference }]));
  };

  it(
    'does it stop at a line, and show stack, scopes, and a structure through a reference?',
    async () => {
      const breakpoints = await start({ program, bios: 'none' }, [{ line: 13 }, { line: 1000 }]);
      expect(breakpoints[0]).toMatchObject({ verified: true, line: 13 });
      expect(breakpoints[1]).toMatchObject({ verified: false, message: /no code/ as unknown });
      const stopped = await client.event('stopped');
      expect(stopped).toMatchObject({
        reason: 'breakpoint',
        threadId: 1,
        hitBreakpointIds: [breakpoints[0].id],
      });
      expect(await client.request('threads')).toEqual({ threads: [{ id: 1, name: 'hart 0' }] });
      const frames = await stack();
      expect(frames.map(({ name, line }) => [name, line])).toMatchObject([
        ['scale', 13],
        ['twice', 26],
        ['main', 32],
        ['_start', expect.anything()],
      ]);
      expect(frames[0].source).toEqual({ name: 'points.ts', path: source });
      const locals = await scope('Locals');
      expect(locals['old']).toMatchObject({ value: '5', type: 'i64' });
      const point = await children(locals['p'].variablesReference);
      expect(point).toMatchObject({ x: { value: '7' }, y: { value: '5' } });
      const next = await children(point['next'].variablesReference);
      expect(next).toMatchObject({ x: { value: '7', evaluateName: 'p.next.x' } });
      expect(Object.keys(await children(point['tags'].variablesReference))).toEqual([
        '[0]',
        '[1]',
        '[2]',
        '[3]',
      ]);
      expect((await scope('Locals', 1))['n']).toMatchObject({ value: '5' });
      expect((await scope('Registers'))['pc']).toMatchObject({ value: expect.stringMatching(/^0x0+8000/) });
      expect((await scope('CSRs'))['mstatus']).toMatchObject({ evaluateName: '$mstatus' });
    },
    TIMEOUT,
  );

  it(
    'does it step over, into and out, and back?',
    async () => {
      await start({ program, bios: 'none' }, [{ line: 26 }]);
      await client.event('stopped');
      const where = async (): Promise<string> => {
        const [frame] = await stack();
        return `${frame.name}:${frame.line}`;
      };
      expect(await where()).toBe('twice:26');
      await client.request('setBreakpoints', { source: { path: source }, breakpoints: [] });
      expect(await client.run('stepIn')).toMatchObject({ reason: 'step' });
      const inside = await where();
      expect(inside).toMatch(/^scale:1[12]$/);
      await client.run('next');
      await client.run('next');
      const later = await where();
      expect(later).not.toBe(inside);
      await client.run('stepBack');
      await client.run('stepBack');
      expect(await where()).toBe(inside);
      await client.run('stepOut');
      expect(await where()).toMatch(/^twice:/);
      const [before] = await stack();
      await client.run('next', { granularity: 'instruction' });
      const [after] = await stack();
      expect(after.instructionPointerReference).not.toBe(before.instructionPointerReference);
      await client.run('stepBack', { granularity: 'instruction' });
      expect((await stack())[0].instructionPointerReference).toBe(before.instructionPointerReference);
    },
    TIMEOUT,
  );

  it(
    'does it go to the end of time and back to a watched store?',
    async () => {
      await start({ program, bios: 'none', stopOnEntry: true });
      expect(await client.event('stopped')).toMatchObject({ reason: 'entry' });
      expect(await client.run('continue')).toMatchObject({
        reason: 'pause',
        text: expect.stringContaining('end of time'),
      });
      const info = await client.request('dataBreakpointInfo', { name: 'calls' });
      expect(info.description).toContain('calls (8 bytes)');
      const { breakpoints } = await client.request('setDataBreakpoints', {
        breakpoints: [{ dataId: info.dataId, accessType: 'write' }],
      });
      expect(breakpoints).toMatchObject([{ verified: true }]);
      // The last of three stores is found first.
      expect(await client.run('reverseContinue')).toMatchObject({ reason: 'data breakpoint' });
      expect(await client.request('evaluate', { expression: 'calls' })).toMatchObject({ result: '3' });
      await client.run('reverseContinue');
      expect(await client.request('evaluate', { expression: 'calls + 10' })).toMatchObject({ result: '12' });
      await client.request('setDataBreakpoints', { breakpoints: [] });
      expect(await client.run('reverseContinue')).toMatchObject({ reason: 'entry' });
    },
    TIMEOUT,
  );

  it(
    'do conditions, hit counts, functions and addresses select stops?',
    async () => {
      await start({ program, bios: 'none', stopOnEntry: true });
      await client.event('stopped');
      await client.request('setBreakpoints', {
        source: { path: source },
        breakpoints: [{ line: 13, condition: 'by == 2' }],
      });
      await client.run('continue');
      expect((await scope('Locals'))['by']).toMatchObject({ value: '2' });
      const [frame] = await stack();
      await client.request('setBreakpoints', { source: { path: source }, breakpoints: [] });
      const named = await client.request('setFunctionBreakpoints', {
        breakpoints: [{ name: 'scale', hitCondition: '1' }, { name: 'none' }],
      });
      expect(named.breakpoints).toMatchObject([{ verified: true }, { verified: false }]);
      await client.run('continue');
      expect((await scope('Locals'))['by']).toMatchObject({ value: '3' });
      await client.request('setFunctionBreakpoints', { breakpoints: [] });
      await client.request('setInstructionBreakpoints', {
        breakpoints: [{ instructionReference: frame.instructionPointerReference }],
      });
      await client.run('reverseContinue');
      expect((await stack())[0].instructionPointerReference).toBe(frame.instructionPointerReference);
    },
    TIMEOUT,
  );

  it(
    'can memory, variables and registers be read and changed, and code be disassembled?',
    async () => {
      await start({ program, bios: 'none' }, [{ line: 13 }]);
      await client.event('stopped');
      const { p, old } = await scope('Locals');
      const memory = await client.request('readMemory', {
        memoryReference: p.memoryReference,
        offset: 8,
        count: 8,
      });
      expect(Buffer.from(memory.data, 'base64').readBigInt64LE()).toBe(5n);
      const bytes = Buffer.alloc(8);
      bytes.writeBigInt64LE(50n);
      await client.request('writeMemory', {
        memoryReference: p.memoryReference,
        offset: 8,
        data: bytes.toString('base64'),
      });
      expect(await client.request('evaluate', { expression: 'p.y' })).toMatchObject({
        result: '50',
        type: 'i64',
      });
      expect(
        await client.request('setVariable', { variablesReference: old.of, name: 'old', value: '6' }),
      ).toMatchObject({ value: '6' });
      const unmapped = await client.request('readMemory', { memoryReference: '0x4000', count: 16 });
      expect(unmapped).toMatchObject({ data: '', unreadableBytes: 16 });
      const [frame] = await stack();
      const { instructions } = await client.request('disassemble', {
        memoryReference: frame.instructionPointerReference,
        instructionOffset: -4,
        instructionCount: 8,
      });
      expect(instructions).toHaveLength(8);
      expect(instructions[4]).toMatchObject({ address: frame.instructionPointerReference, line: 13 });
      expect(instructions[4].symbol).toMatch(/^scale\+0x/);
      // Addresses follow one another.
      for (let i = 1; i < 8; i++) {
        const length = instructions[i - 1].instructionBytes.length / 2;
        expect(BigInt(instructions[i].address)).toBe(BigInt(instructions[i - 1].address) + BigInt(length));
      }
    },
    TIMEOUT,
  );

  it(
    'does it attach to a saved state?',
    async () => {
      const licorice = join(packageRoot(), 'dist', 'licorice.js');
      const args = ['run', program, '--bios', 'none', '--max-instructions', '60', '--save', 'half.state'];
      spawnSync(process.execPath, [licorice, ...args], { cwd: folder });
      client = new Client(folder);
      await client.request('initialize');
      await client.request('attach', { state: 'half.state', programs: [program] });
      await client.event('initialized');
      await client.request('setBreakpoints', { source: { path: source }, breakpoints: [{ line: 16 }] });
      await client.request('configurationDone');
      await client.event('stopped');
      expect(await client.run('continue')).toMatchObject({ reason: 'breakpoint' });
      expect((await stack())[0]).toMatchObject({ name: 'scale', line: 16 });
      // Its past is not known: time begins there.
      await client.request('setBreakpoints', { source: { path: source }, breakpoints: [] });
      expect(await client.run('reverseContinue')).toMatchObject({ reason: 'entry' });
    },
    TIMEOUT,
  );

  it(
    'does it attach to a guest that runs, let it go on, and attach again?',
    async () => {
      const licorice = join(packageRoot(), 'dist', 'licorice.js');
      const args = ['boot', '--dap', '0', '--size', '64M', '--mem', '64M', '--date', '2025-06-30T12:00:00Z'];
      const guest = spawn(process.execPath, [licorice, ...args], { cwd: folder, stdio: 'pipe' });
      const ended = new Promise<number | null>((done) => guest.on('exit', done));
      try {
        let printed = '';
        guest.stdout.on('data', (chunk: Buffer) => {
          printed += chunk.toString();
        });
        const says = async (text: RegExp): Promise<void> => {
          while (!text.test(printed)) await new Promise((done) => setTimeout(done, 20));
        };
        const port = await new Promise<number>((done) =>
          guest.stderr.on('data', (chunk: Buffer) => {
            const found = /"port": (\d+)/.exec(chunk.toString());
            if (found) done(Number(found[1]));
          }),
        );
        // It is at work before anybody attaches.
        await says(/\$ $/);
        guest.stdin.write('tree t put 5 6; echo a$((1+1))b\r');
        await says(/a2b/);
        const attach = async (config: object = {}): Promise<void> => {
          client = new Client(folder);
          await client.request('initialize');
          await client.request('attach', { port, ...config });
          await client.event('initialized');
          await client.request('configurationDone');
        };
        await attach();
        expect(await client.event('stopped')).toMatchObject({ reason: 'pause', text: 'attached' });
        expect((await client.request('threads')).threads.length).toBeGreaterThan(1);
        const set = await client.request('setFunctionBreakpoints', {
          breakpoints: [{ name: 'tree!main' }],
        });
        expect(set.breakpoints).toMatchObject([{ verified: true }]);
        await client.request('continue', { threadId: 1 });
        guest.stdin.write('tree t put 1 2\r');
        expect(await client.event('stopped')).toMatchObject({ reason: 'breakpoint' });
        expect((await stack())[0]).toMatchObject({ name: 'main', moduleId: 'tree' });
        // Its past is known from the beginning, also what came before the editor.
        expect(await client.run('reverseContinue')).toMatchObject({ reason: 'breakpoint' });
        expect((await stack())[0]).toMatchObject({ name: 'main', moduleId: 'tree' });
        await client.request('setFunctionBreakpoints', { breakpoints: [] });
        expect(await client.run('reverseContinue')).toMatchObject({ reason: 'entry' });
        await client.request('evaluate', { context: 'repl', expression: 'goto end' });
        await client.request('disconnect');
        expect(await client.exit).toBe(0);
        // The guest has gone on, without the breakpoints.
        guest.stdin.write('echo c$((1+2))d\r');
        await says(/c3d/);
        await attach({ stopOnEntry: false });
        await client.request('pause', { threadId: 1 });
        expect((await client.event('stopped')).reason).toBe('pause');
        await client.request('disconnect', { terminateDebuggee: true });
        expect(await ended).toBe(0);
      } finally {
        guest.kill('SIGKILL');
      }
    },
    TIMEOUT,
  );

  it(
    'does it refuse what makes no sense with a sentence, and go on?',
    async () => {
      client = new Client(folder);
      await client.request('initialize');
      expect(await client.ask('threads')).toMatchObject({
        success: false,
        message: 'nothing has been launched',
      });
      expect(await client.ask('launch', { program: 'missing.elf' })).toMatchObject({
        success: false,
        message: expect.stringContaining('missing.elf'),
      });
      expect(await client.ask('launch', { program, prorgam: 1 })).toMatchObject({
        success: false,
        message: expect.stringContaining("'prorgam' means nothing"),
      });
      expect(await client.ask('attach', {})).toMatchObject({
        success: false,
        message: expect.stringContaining('saved state'),
      });
      expect(await client.ask('attach', { port: 1 })).toMatchObject({
        success: false,
        message: 'nothing listens on port 1; start the guest with --dap 1',
      });
      expect(await client.ask('attach', { port: 1, state: 'x' })).toMatchObject({
        success: false,
        message: "'state' is about saved states; this guest runs already",
      });
      expect(await client.ask('nonsense')).toMatchObject({
        success: false,
        message: "the request 'nonsense' is not supported",
      });
      await client.request('launch', { program, bios: 'none', stopOnEntry: true });
      await client.request('configurationDone');
      await client.event('stopped');
      expect(await client.ask('evaluate', { expression: 'nothing.here' })).toMatchObject({ success: false });
      expect(await client.ask('variables', { variablesReference: 77 })).toMatchObject({ success: false });
      await client.request('disconnect');
      await client.event('terminated');
      expect(await client.exit).toBe(0);
    },
    TIMEOUT,
  );

  it(
    'does it debug the guest system: console, commands, a break in a program, pause, a translation, threads?',
    async () => {
      await start({
        exec: 'tree t put 1 2; tree t get 1; echo done; cat',
        size: '64M',
        mem: '64M',
        stopOnEntry: true,
      });
      await client.event('stopped');
      const guest = join(packageRoot(), 'guest');
      const text = await client.request('evaluate', { context: 'repl', expression: 'break tree!main' });
      expect(text.result).toMatch(/tree/);
      expect(await client.run('continue')).toMatchObject({ reason: 'breakpoint' });
      const [frame] = await stack();
      expect(frame).toMatchObject({
        name: 'main',
        moduleId: 'tree',
        source: { path: expect.stringContaining(guest) },
      });
      const { threads } = await client.request('threads');
      expect(threads.length).toBeGreaterThan(1);
      const waiting = threads.find(({ id }) => id >= 1000)!;
      expect((await client.request('stackTrace', { threadId: waiting.id })).totalFrames).toBeGreaterThan(0);
      const walk = await client.request('evaluate', { context: 'repl', expression: 'xlate $sp' });
      expect(walk.result).toMatch(/slot|object/i);
      await client.request('evaluate', { context: 'repl', expression: 'delete' });
      await client.request('continue', { threadId: 1 });
      await client.event('output', ({ output }) => String(output).includes('done'));
      // The guest waits in `cat`; a breakpoint may be set meanwhile.
      await client.request('pause', { threadId: 1 });
      expect((await client.event('stopped')).reason).toBe('pause');
    },
    TIMEOUT,
  );
});

describe('the extension for VS Code', () => {
  const folder = join(packageRoot(), 'tools', 'vscode');
  const [debuggers] = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).contributes.debuggers;

  it('does it know the fields that the adapter knows?', () => {
    const { launch, attach } = debuggers.configurationAttributes;
    expect(Object.keys(launch.properties)).toEqual([...LAUNCH_FIELDS]);
    expect(Object.keys(attach.properties)).toEqual([...ATTACH_FIELDS]);
  });

  it(
    'does it start the adapter when it is linked from elsewhere?',
    async () => {
      const elsewhere = mkdtempSync(join(tmpdir(), 'licorice-extension-'));
      symlinkSync(folder, join(elsewhere, 'licorice'));
      const client = new Client(elsewhere, [join(elsewhere, 'licorice', debuggers.program)]);
      try {
        expect(await client.request('initialize')).toMatchObject({ supportsStepBack: true });
        await client.request('disconnect');
        expect(await client.exit).toBe(0);
      } finally {
        client.kill();
        rmSync(elsewhere, { recursive: true });
      }
    },
    TIMEOUT,
  );
});

test('messages survive any split of the stream', () => {
  const reader = new MessageReader();
  const bytes = Buffer.concat([encodeMessage({ a: 'ä' }), encodeMessage({ b: [1] })]);
  const found = [...bytes].flatMap((byte) => reader.push(Uint8Array.of(byte)));
  expect(found).toEqual([{ a: 'ä' }, { b: [1] }]);
  expect(() => reader.push(Buffer.from('Content-Type: x\r\n\r\n'))).toThrow(SyntaxError);
});
