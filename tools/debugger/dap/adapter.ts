/**
 * A debug adapter: the protocol that VS Code and other editors speak (https://microsoft.github.io/debug-adapter-protocol), on the
 * debugger's core. Harts are threads, and so are the guest's threads that wait. The guest runs between a request that starts
 * it and the `stopped` event; the ends of time stop it too, so that one can go back from there.
 *
 * It is a function from requests to messages; the stream that they travel on is the command's business.
 */
import { UserError } from '../../../emulator/errors.ts';
import type { CommandLine } from '../commands/command.ts';
import { commandLine } from '../commands/session.ts';
import type { Debugger, Direction, StepKind, Stop } from '../debugger.ts';
import { stopReasons } from '../describe.ts';
import type { FreeRun } from '../free-run.ts';
import type { Opened } from '../open.ts';
import { SourceFiles } from '../source.ts';
import { Breakpoints, EXCEPTION_FILTERS } from './breakpoints.ts';
import { attach, attachPort, launch } from './launch.ts';
import { answerDisassemble, answerReadMemory, answerWriteMemory } from './memory.ts';
import { flagOf, type JsonObject, numberOf, type Request, textOf } from './messages.ts';
import type { Breakpoint, EventBodies, ResponseBodies } from './protocol.ts';
import { Relay } from './relay.ts';
import { ThreadList } from './threads.ts';
import { VariableTree } from './variables.ts';

const CAPABILITIES = {
  supportsConfigurationDoneRequest: true,
  supportsFunctionBreakpoints: true,
  supportsConditionalBreakpoints: true,
  supportsHitConditionalBreakpoints: true,
  supportsInstructionBreakpoints: true,
  supportsDataBreakpoints: true,
  supportsEvaluateForHovers: true,
  supportsSetVariable: true,
  supportsStepBack: true,
  supportsSteppingGranularity: true,
  supportsReadMemoryRequest: true,
  supportsWriteMemoryRequest: true,
  supportsDisassembleRequest: true,
  supportsCompletionsRequest: true,
  supportsTerminateRequest: true,
  exceptionBreakpointFilters: EXCEPTION_FILTERS,
};

/** A guest that runs in this process and that editors attach to. */
export interface LiveGuest {
  readonly opened: Opened;
  /** Runs it while no editor holds it. */
  readonly run: FreeRun;
  /** What was printed goes out. */
  readonly onSlice: () => void;
  /** Ends it, and the process. */
  readonly kill: () => void;
}

/** What belongs to the guest that was opened. */
interface Guest {
  readonly debugged: Debugger;
  readonly sources: SourceFiles;
  readonly breakpoints: Breakpoints;
  readonly threads: ThreadList;
  readonly variables: VariableTree;
  readonly commands: CommandLine;
  readonly console: Opened['console'];
}

/** What answers each command. */
type Handlers = {
  readonly [C in keyof ResponseBodies]: (args: JsonObject) => ResponseBodies[C] | Promise<ResponseBodies[C]>;
};

const isCommand = (name: string, handlers: Handlers): name is keyof Handlers => Object.hasOwn(handlers, name);

export class Adapter {
  private guest: Guest | undefined;
  private stopOnEntry = false;
  /** The run in progress. */
  private running: Promise<void> | undefined;
  /** Characters of the guest's console that were shown. */
  private shown = 0;
  private sequence = 1;
  /** The way to a guest in another process, which answers everything from then on. */
  private relay: Relay | undefined;
  /** The session ends when this has been answered. */
  private ending: { readonly kill: boolean } | undefined;
  /** What is typed at a live guest's console enters it. */
  private takesInput = false;
  private finish: () => void = () => {};
  /** The session is over. */
  readonly end = new Promise<void>((done) => {
    this.finish = done;
  });

  /**
   * @param send takes each message to the editor
   * @param live the guest that `attach` is about; absent: `attach` names one
   */
  constructor(
    private readonly send: (message: object) => void,
    private readonly live?: LiveGuest,
  ) {}

  /** Answers a request. */
  async handle(request: Request): Promise<void> {
    if (this.relay) this.relay.send(request);
    else await this.answer(request);
  }

  private async answer(request: Request): Promise<void> {
    const { seq, command, arguments: args = {} } = request;
    const answer = { type: 'response', request_seq: seq, command };
    try {
      if (!isCommand(command, this.handlers))
        throw new UserError(`the request '${command}' is not supported`);
      if (command === 'attach' && this.live === undefined && args['port'] !== undefined) {
        await this.passOn(request);
        return;
      }
      const body = await this.handlers[command](args);
      this.put({ ...answer, success: true, ...(body && { body }) });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const { message } = error;
      this.put({
        ...answer,
        success: false,
        message,
        body: { error: { id: 1, format: message, showUser: true } },
      });
      return;
    }
    if (command === 'launch' || command === 'attach') this.event('initialized');
    else if (command === 'configurationDone') this.begin();
    else if (this.ending !== undefined) this.conclude(this.ending);
  }

  private put(message: object): void {
    this.send({ ...message, seq: this.sequence++ });
  }

  /** From now on a guest in another process answers. @throws UserError when it is not there */
  private async passOn(request: Request): Promise<void> {
    const args = request.arguments ?? {};
    const port = attachPort(args);
    this.relay = await Relay.open(
      port,
      (message) => this.put(message),
      () => {
        this.event('terminated');
        this.finish();
      },
    );
    this.relay.send(request);
  }

  private event<E extends keyof EventBodies>(event: E, body?: EventBodies[E]): void {
    this.put({ type: 'event', event, ...(body && { body }) });
  }

  /** The guest. @throws UserError before there is one */
  private get open(): Guest {
    if (this.guest === undefined) throw new UserError('nothing has been launched');
    return this.guest;
  }

  private get debugged(): Debugger {
    return this.open.debugged;
  }

  private readonly handlers: Handlers = {
    initialize: () => CAPABILITIES,
    launch: (args) => {
      if (this.live) throw new UserError('this guest runs already: the request is attach');
      this.stopOnEntry = flagOf(args, 'stopOnEntry');
      this.take(launch(args));
      return this.goToStart(args);
    },
    attach: (args) => {
      this.stopOnEntry = args['stopOnEntry'] !== false;
      if (this.live) {
        attachPort(args);
        this.live.run.stop();
        this.take(this.live.opened);
      } else this.take(attach(args));
      return this.goToStart(args);
    },
    configurationDone: () => undefined,
    setBreakpoints: (args) => this.breakpoints((all) => all.setLines(args)),
    setFunctionBreakpoints: (args) => this.breakpoints((all) => all.setFunctions(args)),
    setInstructionBreakpoints: (args) => this.breakpoints((all) => all.setInstructions(args)),
    setDataBreakpoints: (args) => this.breakpoints((all) => all.setData(args)),
    setExceptionBreakpoints: (args) => this.breakpoints((all) => all.setExceptions(args)),
    dataBreakpointInfo: (args) => this.dataInfo(args),
    threads: () => ({ threads: this.open.threads.list() }),
    stackTrace: (args) => this.open.threads.stackTrace(args),
    scopes: (args) => this.scopes(args),
    variables: (args) => ({ variables: this.open.variables.list(numberOf(args, 'variablesReference') ?? 0) }),
    setVariable: (args) => this.setVariable(args),
    evaluate: (args) => this.evaluate(args),
    completions: (args) => this.completions(args),
    continue: () => {
      this.run(() => this.goOn());
      return { allThreadsContinued: true };
    },
    reverseContinue: () => this.run(() => this.debugged.continue('backward')),
    next: (args) => this.step('next', args),
    stepIn: (args) => this.step('step', args),
    stepOut: (args) => this.step('finish', args),
    stepBack: (args) => this.step('next', args, 'backward'),
    pause: () => {
      this.debugged.interrupt();
      this.live?.run.giveUp();
      return undefined;
    },
    readMemory: (args) => answerReadMemory(this.debugged, args),
    writeMemory: (args) => answerWriteMemory(this.debugged, args),
    disassemble: (args) => answerDisassemble(this.debugged, this.open.sources, args),
    terminate: () => this.terminate(true),
    disconnect: (args) => this.terminate(flagOf(args, 'terminateDebuggee')),
  };

  // ---- Beginning and end -----------------------------------------------------------------------------------------

  private take({ debugged, console }: Opened): void {
    const sources = new SourceFiles();
    const session = { debugged, console, sources, ended: false };
    this.guest = {
      debugged,
      console,
      sources,
      breakpoints: new Breakpoints(debugged, sources),
      threads: new ThreadList(debugged, sources),
      variables: new VariableTree(debugged),
      commands: commandLine(session),
    };
    debugged.runner.onSlice = () => {
      if (this.takesInput && !debugged.isLearning) this.live?.run.deliver();
      this.live?.onSlice();
      this.showConsole();
    };
  }

  private async goToStart(args: JsonObject): Promise<undefined> {
    const at = numberOf(args, 'at');
    if (at !== undefined) await this.debugged.goTo(at);
    return undefined;
  }

  private begin(): void {
    if (!this.stopOnEntry) this.run(() => this.goOn());
    else if (this.live) this.tellStopped('pause', 'attached');
    else this.tellStopped('entry', 'before the first instruction');
  }

  /** @param kill a live guest ends as well; else it goes on by itself */
  private async terminate(kill: boolean): Promise<undefined> {
    await this.standStill();
    this.ending = { kill };
    return undefined;
  }

  private conclude({ kill }: { readonly kill: boolean }): void {
    this.event('terminated');
    if (kill) this.live?.kill();
    this.finish();
  }

  private async standStill(): Promise<void> {
    if (this.running === undefined) return;
    this.debugged.interrupt();
    this.live?.run.giveUp();
    await this.running;
  }

  /** The editor has gone: a live guest goes on by itself, without its breakpoints. */
  async release(): Promise<void> {
    await this.standStill();
    if (this.live === undefined || this.guest === undefined) return;
    const { debugged } = this.guest;
    debugged.points.clear();
    debugged.observe();
    debugged.runner.onSlice = () => {};
    debugged.runner.rearm();
    this.guest = undefined;
    this.live.run.start();
  }

  /** Runs on until something stops the guest; one that waits for its keyboard is waited for. */
  private async goOn(): Promise<Stop> {
    for (;;) {
      this.takesInput = true;
      this.live?.run.deliver();
      const stop = await this.debugged.continue();
      this.takesInput = false;
      const idle = stop.end.kind === 'end' && stop.end.reason.kind === 'idle';
      if (!idle || this.live === undefined) return stop;
      this.showConsole();
      this.live.onSlice();
      if (!(await this.live.run.input())) return stop;
    }
  }

  // ---- Running ---------------------------------------------------------------------------------------------------

  /** Starts a run; its end is told by an event. @throws UserError while another one is in progress */
  private run(go: () => Promise<Stop>): undefined {
    if (this.running) throw new UserError('the guest is running');
    this.forget();
    this.running = go()
      .then((stop) => {
        this.running = undefined;
        this.stopped(stop);
      })
      .catch((error: unknown) => {
        this.running = undefined;
        if (!(error instanceof UserError)) throw error;
        this.event('output', { category: 'stderr', output: `${error.message}\n` });
        this.tellStopped('pause', error.message);
      });
    return undefined;
  }

  private step(kind: StepKind, args: JsonObject, direction: Direction = 'forward'): undefined {
    const single = textOf(args, 'granularity') === 'instruction';
    const own: StepKind =
      !single || kind === 'finish' ? kind : kind === 'step' ? 'instruction' : 'next-instruction';
    this.open.threads.select(numberOf(args, 'threadId') ?? 1);
    return this.run(() => this.debugged.step(own, direction));
  }

  /** What was told of the state is void. */
  private forget(): void {
    this.open.threads.clear();
    this.open.variables.clear();
  }

  private stopped(stop: Stop): void {
    this.forget();
    this.showConsole();
    const { end } = stop;
    const description = stopReasons(this.debugged, stop).join('; ');
    switch (end.kind) {
      case 'point': {
        const code = end.points.some(({ what }) => what.kind === 'code');
        const data = end.points.some(
          ({ what }) => what.kind === 'watch' || what.kind === 'lines' || what.kind === 'csr',
        );
        const reason = code ? 'breakpoint' : data ? 'data breakpoint' : 'exception';
        this.tellStopped(
          reason,
          description,
          end.points.map(({ id }) => id),
        );
        return;
      }
      case 'interrupted':
        this.tellStopped('pause', description);
        return;
      case 'beginning':
        this.tellStopped('entry', description);
        return;
      case 'end':
        // Not the end of the session: one may go back from here.
        this.event('output', { category: 'console', output: `${description}\n` });
        this.tellStopped('pause', description);
        return;
      default:
        this.tellStopped('step', description);
    }
  }

  private tellStopped(
    reason: EventBodies['stopped']['reason'],
    description: string,
    hitBreakpointIds?: readonly number[],
  ): void {
    this.event('stopped', {
      reason,
      threadId: this.debugged.core.hart.index + 1,
      allThreadsStopped: true,
      ...(description !== '' && { description, text: description }),
      ...(hitBreakpointIds && { hitBreakpointIds }),
    });
  }

  /** Shows what the guest has printed since; going back takes nothing from the screen. */
  private showConsole(): void {
    const { text } = this.open.console;
    if (text.length <= this.shown) return;
    this.event('output', { category: 'stdout', output: text.slice(this.shown) });
    this.shown = text.length;
  }

  // ---- Breakpoints -----------------------------------------------------------------------------------------------

  /** Changes breakpoints; a run in progress is changed between two slices. */
  private async breakpoints(
    set: (all: Breakpoints) => readonly Breakpoint[],
  ): Promise<{ breakpoints: readonly Breakpoint[] }> {
    const { breakpoints, debugged } = this.open;
    const { runner } = debugged;
    if (this.running === undefined) return { breakpoints: set(breakpoints) };
    let result: readonly Breakpoint[] | undefined;
    const { onSlice } = runner;
    const between = new Promise<void>((done) => {
      runner.onSlice = () => {
        if (debugged.isLearning) return;
        runner.onSlice = onSlice;
        result = set(breakpoints);
        runner.rearm();
        done();
      };
    });
    await Promise.race([between, this.running]);
    runner.onSlice = onSlice;
    return { breakpoints: result ?? set(breakpoints) };
  }

  private dataInfo(args: JsonObject): ResponseBodies['dataBreakpointInfo'] {
    const name = textOf(args, 'name') ?? '';
    this.open.threads.selectFrame(numberOf(args, 'frameId'));
    const reference = numberOf(args, 'variablesReference');
    const row =
      reference === undefined
        ? undefined
        : this.open.variables.list(reference).find((one) => one.name === name);
    try {
      return {
        ...this.open.breakpoints.describeData(row?.evaluateName ?? name),
        accessTypes: ['read', 'write', 'readWrite'],
      };
    } catch (error) {
      if (error instanceof UserError) return { dataId: null, description: error.message };
      throw error;
    }
  }

  // ---- Scopes and variables ---------------------------------------------------------------------------------------

  private scopes(args: JsonObject): ResponseBodies['scopes'] {
    const frame = this.open.threads.selectFrame(numberOf(args, 'frameId'));
    const scopes = this.open.variables.scopes(frame).map(({ name, reference, expensive }) => ({
      name,
      variablesReference: reference,
      expensive,
      ...(name !== 'CSRs' && { presentationHint: name.toLowerCase() }),
    }));
    return { scopes };
  }

  private setVariable(args: JsonObject): ResponseBodies['setVariable'] {
    const reference = numberOf(args, 'variablesReference') ?? 0;
    const value = this.debugged.number(textOf(args, 'value') ?? '');
    return this.open.variables.set(reference, textOf(args, 'name') ?? '', value);
  }

  // ---- Expressions and commands ----------------------------------------------------------------------------------

  private async evaluate(args: JsonObject): Promise<ResponseBodies['evaluate']> {
    const text = (textOf(args, 'expression') ?? '').trim();
    if (textOf(args, 'context') === 'repl' && this.isCommand(text)) return await this.command(text);
    if (this.running) throw new UserError('the guest is running');
    const frame = this.open.threads.selectFrame(numberOf(args, 'frameId'));
    const value = this.debugged.evaluate(text);
    if (value.unavailable !== undefined) throw new UserError(value.unavailable);
    const { value: result, name: _, ...row } = this.open.variables.variable(text, value, frame.space, text);
    return { result, ...row };
  }

  /** Whether a line of the debug console is a command of the debugger and not an expression. */
  private isCommand(text: string): boolean {
    const word = /^[A-Za-z][\w-]*/.exec(text)?.[0];
    if (word === undefined || /^[\w-]+\s*(->|[.[=<>+*&|^-])/.test(text)) return false;
    try {
      this.open.commands.find(word);
      return true;
    } catch {
      return false;
    }
  }

  /** Performs a command of the debugger's own language. */
  private async command(text: string): Promise<ResponseBodies['evaluate']> {
    if (this.running) throw new UserError('the guest is running; pause it first');
    const { time } = this.debugged;
    const before = time.now;
    const lines = await this.open.commands.execute(text);
    this.showConsole();
    if (time.now !== before) {
      this.forget();
      this.tellStopped('goto', '');
    }
    return { result: lines.join('\n'), variablesReference: 0 };
  }

  private completions(args: JsonObject): ResponseBodies['completions'] {
    const text = (textOf(args, 'text') ?? '').slice(0, (numberOf(args, 'column') ?? 1) - 1);
    return {
      targets: this.open.commands.complete(text).map((label) => ({ label, start: 0, length: text.length })),
    };
  }
}
