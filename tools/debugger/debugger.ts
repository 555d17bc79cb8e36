/**
 * A debugging session over a computer: what the terminal debugger, its batch mode and the debug adapter are made of. It joins the
 * run that goes both ways (time-travel.ts, runner.ts, stepper.ts), stop points, programs with their symbols, objects,
 * threads, the call stack and expressions, and knows where the cursor is: core, thread and frame.
 *
 * Everything that runs the guest is asynchronous and can be interrupted; all else is a plain question about the present
 * state. Errors of the user are `UserError`s.
 */
import type { Computer } from '../../emulator/boot/computer.ts';
import { UserError } from '../../emulator/errors.ts';
import type { Core } from '../../emulator/machine/core.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import type { Layouts } from '../guest/layouts.ts';
import { AddressSpace, type MemoryPlace, virtualPlace } from './address-space.ts';
import { Backtrace, type Frame } from './backtrace.ts';
import { asNumber, evaluate } from './evaluate.ts';
import { type LocationContext, parseLocation } from './locations.ts';
import { Modules } from './modules.ts';
import { FrameNames } from './names.ts';
import { idText, type KnownObject, type ObjectId, ObjectSpace } from './object-space.ts';
import { type Hit, Observer } from './observer.ts';
import type { Program } from './program.ts';
import { type RunEnd, Runner } from './runner.ts';
import { Stepper } from './stepper.ts';
import { type CodeSpot, type StopPoint, StopPoints, type StopWhat } from './stop-points.ts';
import { GuestThreads } from './threads.ts';
import { TimeTravel } from './time-travel.ts';
import type { Value } from './values.ts';

export interface DebuggerParts {
  readonly computer: Computer;
  /** What runs where it was linked: kernel, firmware, a bare program. */
  readonly fixed: readonly Program[];
  /** What runs from objects. */
  readonly objects: readonly Program[];
  /** The guest's formats; absent where the guest is not ours. */
  readonly layouts?: Layouts | undefined;
}

export type Direction = 'forward' | 'backward';
export type StepKind = 'step' | 'next' | 'finish' | 'instruction' | 'next-instruction';

/** Where and why the guest stands. */
export interface Stop {
  readonly end: RunEnd;
  readonly at: number;
  readonly hart: number;
}

/** Positions that are run again without being asked, to show the states of lines: half a second at most. */
const NEAR = 8_000_000;
const NO_LINES =
  'states of cache lines are known of an NVDIMM whose stores are recorded, and there is none here';

export class Debugger {
  readonly computer: Computer;
  readonly machine: Machine;
  readonly time: TimeTravel;
  readonly points = new StopPoints();
  readonly objects: ObjectSpace;
  readonly modules: Modules;
  readonly threads: GuestThreads;
  readonly layouts: Layouts | undefined;
  readonly runner: Runner;
  /** Named positions. */
  readonly marks = new Map<string, number>();
  /** Called when the state is another one than before: ran, jumped, was edited. */
  readonly onChange: (() => void)[] = [];
  lastStop: Stop | undefined;
  /** The machine is somewhere else for a while, to learn the states of lines: nothing that it shows is the present. */
  isLearning = false;

  private readonly observer: Observer;
  private readonly stack: Backtrace;
  private readonly stepper: Stepper;
  private currentCore = 0;
  private currentFrame = 0;
  private frameCache: readonly Frame[] | undefined;

  constructor(parts: DebuggerParts) {
    const { computer } = parts;
    this.computer = computer;
    this.machine = computer.machine;
    this.layouts = parts.layouts;
    this.time = new TimeTravel(computer);
    this.objects = new ObjectSpace(this.machine, parts.layouts);
    this.modules = new Modules(this.machine, this.objects, parts);
    this.threads = new GuestThreads(this.machine, this.objects, parts.fixed);
    this.stack = new Backtrace(this.machine, this.modules, this.threads);
    this.observer = new Observer(computer, this.time);
    this.runner = new Runner(computer, this.time, this.observer, this.points, {
      holds: (point, core, hit) => this.holds(point, core, hit),
    });
    this.stepper = new Stepper(this, this.runner);
    this.observer.onReturn = () => {
      if (this.points.followsObjects) this.observe();
    };
    this.time.onJump.push(() => {
      if (this.points.followsObjects) this.observe();
    });
  }

  // ---- The cursor ------------------------------------------------------------------------------------------------

  get core(): Core {
    return this.machine.cores[this.currentCore]!;
  }

  get frameLevel(): number {
    return this.currentFrame;
  }

  /** Puts the cursor on a hart. @throws UserError when there is none of that number */
  selectHart(index: number): void {
    if (this.machine.cores[index] === undefined)
      throw new UserError(`there is no hart ${index}; there are ${this.machine.cores.length}`);
    this.currentCore = index;
    this.changed();
  }

  /** Puts the cursor on a frame of the call stack. @throws UserError when there is none of that number */
  selectFrame(level: number): void {
    const { frames } = this;
    if (frames[level] === undefined)
      throw new UserError(`there is no frame ${level}; there are ${frames.length}`);
    this.currentFrame = level;
  }

  /** Memory as the code of the hart sees it. */
  get coreSpace(): AddressSpace {
    return new AddressSpace(this.machine, this.objects, this.core);
  }

  /** The call stack of the hart, innermost first; at least one frame. */
  get frames(): readonly Frame[] {
    this.frameCache ??= this.stack.ofCore(this.core, this.coreSpace);
    return this.frameCache;
  }

  get frame(): Frame {
    return this.frames[this.currentFrame] ?? this.frames[0]!;
  }

  /** The frames of a thread that waits. */
  framesOfThread(number: number): readonly Frame[] {
    const thread = this.threads.list().find((one) => one.number === number);
    if (thread === undefined) throw new UserError(`there is no thread ${number}`);
    if (thread.hart !== undefined) return this.stack.ofCore(this.machine.cores[thread.hart]!, this.coreSpace);
    const space = new AddressSpace(this.machine, this.objects, this.core, thread.view);
    return this.stack.ofRegisters(this.core, thread.saved, space);
  }

  /** The state has changed: what was remembered of it is void. */
  changed(): void {
    this.frameCache = undefined;
    this.currentFrame = 0;
    for (const told of this.onChange) told();
  }

  // ---- Running ---------------------------------------------------------------------------------------------------

  /** Begins a run. False: it was interrupted while the states of lines, which a stop point needs, were being learnt. */
  private async begin(): Promise<boolean> {
    this.runner.begin();
    return !this.time.needsLines || this.time.knowsLines || (await this.learnLines());
  }

  /**
   * Learns the states of cache lines at the present instruction, if they are not known: the run is repeated with its stores
   * recorded. False: interrupted. @throws UserError when there is no NVDIMM whose stores can be recorded
   */
  async learnLines(): Promise<boolean> {
    if (!this.computer.nvdimm?.recordable) throw new UserError(NO_LINES);
    const learning = this.time.learnLines();
    this.isLearning = true;
    try {
      while (!learning.next().done)
        if (await this.runner.breathe()) {
          learning.return();
          return false;
        }
      return true;
    } finally {
      this.isLearning = false;
    }
  }

  /** As `learnLines`. @throws UserError when it was interrupted, too */
  async mustLearnLines(): Promise<void> {
    this.runner.begin();
    if (!(await this.learnLines()))
      throw new UserError('interrupted: the states of cache lines are not known here yet');
  }

  /** As `learnLines`, where that takes a moment only: what is shown beside other things. */
  async learnNearLines(): Promise<void> {
    if (this.computer.nvdimm?.recordable && this.time.distanceToLines <= NEAR) await this.mustLearnLines();
  }

  /** Goes on until a stop point is met, or in the other direction. */
  async continue(direction: Direction = 'forward', limit?: number): Promise<Stop> {
    if (!(await this.begin())) return this.stopped({ kind: 'interrupted' });
    const end = direction === 'forward' ? await this.runner.forward(limit) : await this.runner.backward();
    return this.stopped(end);
  }

  /** Makes a step, in source lines or instructions. */
  async step(kind: StepKind, direction: Direction = 'forward', count = 1): Promise<Stop> {
    if (!(await this.begin())) return this.stopped({ kind: 'interrupted' });
    let stop: Stop | undefined;
    for (let i = 0; i < count; i++) {
      stop = this.stopped(await this.stepper.step(kind, direction));
      if (stop.end.kind !== 'there' && stop.end.kind !== 'limit') break;
    }
    return stop ?? this.stopped({ kind: 'limit' });
  }

  /** Runs to a place in code, unless a stop point comes first. */
  async runTo(spots: readonly CodeSpot[]): Promise<Stop> {
    if (!(await this.begin())) return this.stopped({ kind: 'interrupted' });
    const waypoints = spots.map((spot) => ({ va: spot.va, accept: (core: Core) => this.isAt(spot, core) }));
    return this.stopped(await this.runner.forward(Number.POSITIVE_INFINITY, waypoints));
  }

  /** Goes to a position, forwards or backwards. */
  async goTo(position: number): Promise<Stop> {
    if (!(await this.begin())) return this.stopped({ kind: 'interrupted' });
    const { time } = this;
    let interrupted = false;
    const muted = this.machine.breakpoints.muted;
    this.machine.breakpoints.muted = true;
    try {
      if (position < time.now) time.restoreBefore(Math.max(position, time.beginning));
      while (!interrupted && time.advance(position, 2_000_000)) interrupted = await this.runner.breathe();
    } finally {
      this.machine.breakpoints.muted = muted;
    }
    const reason = time.endsHere;
    if (interrupted) return this.stopped({ kind: 'interrupted' });
    if (reason && time.now < position) return this.stopped({ kind: 'end', reason });
    if (time.now > position) return this.stopped({ kind: 'beginning' });
    return this.stopped({ kind: 'limit' });
  }

  /** Ends the run in progress. */
  interrupt(): void {
    this.runner.interrupt();
  }

  /** Notes that the guest stands somewhere else, and puts the cursor there. */
  stopped(end: RunEnd): Stop {
    if (end.kind === 'there') this.currentCore = end.core.hart.index;
    else if (end.kind === 'point' && 'hart' in end.reason) this.currentCore = end.reason.hart;
    else if (end.kind === 'point') this.currentCore = this.machine.turns.current.hart.index;
    if (end.kind === 'point') for (const point of end.points) if (point.temporary) this.remove(point.id);
    this.lastStop = { end, at: this.time.now, hart: this.currentCore };
    this.changed();
    return this.lastStop;
  }

  /** Gives the guest's console input. */
  type(text: string): void {
    this.time.input('uart', new TextEncoder().encode(text));
    this.changed();
  }

  /** The power fails now; the NVDIMM keeps the oldest legal image, or one drawn with a seed. */
  async powerFailure(seed?: number): Promise<Stop> {
    const { Random } = await import('../../emulator/random.ts');
    const { computer } = this;
    if (!computer.bootable) throw new UserError('there is nothing to boot after a power failure');
    const { nvdimm } = computer;
    if (nvdimm) await this.mustLearnLines();
    // What is left is decided once: going forward over it again finds the same.
    const image = nvdimm?.imageOf(
      seed === undefined ? { kind: 'oldest' } : { kind: 'sample', random: new Random(seed) },
    );
    this.time.change(
      seed === undefined ? 'power failure' : `power failure (seed ${seed})`,
      () => {
        if (image) nvdimm?.powerFail({ kind: 'image', blocks: image });
        computer.reboot();
        computer.nvdimm?.powerOn();
      },
      false,
      true,
    );
    return this.stopped({ kind: 'limit' });
  }

  /** Switches the machine on again after it has been switched off; or off in order and on again. */
  powerCycle(): Stop {
    const { computer } = this;
    if (!computer.bootable) throw new UserError('there is nothing to boot again');
    this.time.change(
      'switched off and on',
      () => {
        computer.nvdimm?.powerOff();
        computer.reboot();
        computer.nvdimm?.powerOn();
      },
      false,
      true,
    );
    return this.stopped({ kind: 'limit' });
  }

  // ---- Stop points -----------------------------------------------------------------------------------------------

  /** Adds a stop point. @throws UserError when it can never be met */
  add(
    text: string,
    what: StopWhat,
    options?: { readonly condition?: string | undefined; readonly temporary?: boolean },
  ): StopPoint {
    if (what.kind === 'lines' && !this.computer.nvdimm?.recordable) throw new UserError(NO_LINES);
    const point = this.points.add(text, this.anchored(what), options);
    this.observe();
    return point;
  }

  /** Addresses in the object window are remembered by object: other views have them elsewhere. */
  private anchored(what: StopWhat): StopWhat {
    if (what.kind !== 'watch' && what.kind !== 'lines') return what;
    const { place } = what;
    const object = place.kind === 'virtual' ? this.frame.space.objectOf(place.address) : undefined;
    const anchored: MemoryPlace = object ? { kind: 'object', object } : place;
    const pa = this.frame.space.physical(anchored);
    if (pa === undefined && anchored.kind !== 'object')
      throw new UserError('nothing is mapped there, so nothing can happen there');
    // Elsewhere a mapping is taken as it is now.
    return { ...what, place: anchored.kind === 'virtual' ? { kind: 'physical', address: pa! } : anchored };
  }

  remove(id: number): boolean {
    const found = this.points.remove(id);
    if (found) this.observe();
    return found;
  }

  /** Stop points were changed, or where objects lie. */
  observe(): void {
    this.time.needsLines = this.points.needLines;
    this.observer.want(
      this.points.wanted(this.objects, (place, length) => this.coreSpace.pieces(place, length)),
    );
  }

  private isAt({ program, object }: CodeSpot, core: Core): boolean {
    if (program === undefined && object === undefined) return true;
    const code = this.modules.at(core, core.hart.pc);
    if (program !== undefined && code?.program !== program) return false;
    if (object === undefined) return true;
    return this.objects.objectOf(this.objects.viewOf(core), core.hart.pc)?.id === object;
  }

  private holds(point: StopPoint, core: Core, hit: Hit | undefined): boolean {
    const { what, condition } = point;
    if (what.kind === 'code') {
      const { pc } = core.hart;
      if (!what.spots.some((spot) => spot.va === pc && this.isAt(spot, core))) return false;
    }
    if (what.kind === 'lines' && hit?.kind === 'line' && what.states?.has(hit.to) === false) return false;
    if (condition === undefined) return true;
    const saved = this.currentCore;
    this.currentCore = core.hart.index;
    this.frameCache = undefined;
    this.currentFrame = 0;
    try {
      return asNumber(this.evaluate(condition, hit)) !== 0n;
    } catch (error) {
      // A condition that cannot be told is a reason to look.
      if (error instanceof UserError) return true;
      throw error;
    } finally {
      this.currentCore = saved;
      this.frameCache = undefined;
    }
  }

  // ---- Questions -------------------------------------------------------------------------------------------------

  /** The value of an expression in the frame under the cursor. @throws UserError */
  evaluate(text: string, hit?: Hit): Value {
    const { frame } = this;
    return evaluate(text, frame.space, new FrameNames(this, frame, hit));
  }

  /** A number by its expression. @throws UserError */
  number(text: string): bigint {
    return asNumber(this.evaluate(text));
  }

  /** The place that an expression is about: what it names, or what it points to. @throws UserError */
  place(text: string): { readonly place: MemoryPlace; readonly length: number } {
    const value = this.evaluate(text);
    if (value.place !== undefined && value.place.kind !== 'register') {
      const isPointer = value.type?.kind === 'pointer';
      return { place: value.place, length: isPointer ? 8 : Math.max(value.type?.size ?? 8, 1) };
    }
    if (value.unavailable !== undefined) throw new UserError(value.unavailable);
    return { place: virtualPlace(value.bits), length: 8 };
  }

  /** Places in code. @throws UserError */
  locate(text: string): CodeSpot[] {
    const context: LocationContext = {
      modules: this.modules,
      program: this.frame.code?.program,
      file: this.frame.source?.file,
      number: (expression) => this.number(expression),
      object: (prefix) => {
        const { id } = this.objectNamed(prefix);
        const slots = this.objects.slots(this.frame.space.view).filter(({ entry }) => entry.id === id);
        return { id, slots: slots.map(({ slot }) => slot) };
      },
    };
    return parseLocation(text, context);
  }

  /** The known object whose ID begins with `prefix`. @throws UserError when none does, or several do */
  objectNamed(prefix: string): KnownObject {
    const found = this.objects.all().filter(({ id }) => idText(id).startsWith(prefix));
    if (found.length === 1) return found[0]!;
    const why = found.length === 0 ? 'no known object has' : `${found.length} objects have`;
    throw new UserError(`${why} an ID that begins with ${prefix}; 'info objects' lists them`);
  }

  /** What an object is, in a few words: its program, or nothing. */
  describeObject(id: ObjectId): string {
    return this.modules.programOf(id)?.name ?? '';
  }

  /** An address as a symbol: `tree!find+0x10`; undefined where there is none. */
  describe(va: bigint, space: AddressSpace = this.frame.space): string | undefined {
    const code = this.modules.at(this.core, va, space.view);
    const name = code?.program.describe(code.address);
    if (code === undefined || name === undefined) return undefined;
    return this.modules.fixed.length + this.modules.objects.length > 1
      ? `${code.program.name}!${name}`
      : name;
  }
}
