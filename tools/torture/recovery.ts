/**
 * The machine that comes up after a power failure: the same program, from reset, on NVDIMM contents that are not
 * decided yet. Each undetermined block is a set of legal contents; when recovery reads a byte that differs among
 * them, somebody decides its value and the set shrinks. Blocks, and bytes, that recovery never reads stay open, so
 * one run stands for all images that agree on what it read.
 *
 * A run starts at a *node*: a snapshot with the sets as they are there. The node of a crash point lies as late as
 * nothing that the point leaves open, nor what it changed, has been read: guest programs boot once, and further points
 * start from where that boot first asked for the phase, if the bytes that it had read are the same there (`prefix.ts`).
 *
 * Recovery's `cbo.inval` acts as `cbo.flush`.
 */
import { PAGE_SIZE } from '../../emulator/addresses.ts';
import type { Computer } from '../../emulator/boot/computer.ts';
import { PageFlag } from '../../emulator/cpu/state.ts';
import { Initiator } from '../../emulator/machine/memory.ts';
import type { Snapshot } from '../../emulator/machine/state.ts';
import { Access } from '../../emulator/mmu/translation.ts';
import { type BlockNumber, blockStart } from '../../emulator/nvdimm/dpa.ts';
import { BlockImages } from '../../emulator/nvdimm/images.ts';
import type { Nvdimm } from '../../emulator/nvdimm/nvdimm.ts';
import { differentPages } from './changes.ts';
import { type BlockSets, type CrashPoint, observeNvdimm } from './crash.ts';
import type { Mark, Progress } from './device.ts';
import { type RunEnd, runOrLoop } from './hang.ts';
import { type NestedPoint, nestedPoint } from './nested.ts';
import { type Decide, type KeptBlock, OpenBlocks } from './open-blocks.ts';
import { judge, type Oracle, type Outcome } from './outcome.ts';
import { Touched } from './prefix.ts';
import { budgetOf, makeComputer, type Program } from './program.ts';

/** Recovery read byte `offset` (0–63) of `block`, which had several legal values, and it was `value`. */
export interface Decision {
  readonly block: BlockNumber;
  readonly offset: number;
  readonly value: number;
  /** Of the instruction that read it. */
  readonly pc: bigint;
}

/** One run of recovery. */
export interface Path {
  readonly decisions: readonly Decision[];
  /** What every block may still be. */
  readonly sets: BlockSets;
  readonly outcome: Outcome;
  readonly output: string;
  /** What the program said of the recovered state. */
  readonly observed: bigint | undefined;
}

/** Where runs start. Immutable. */
export interface Node {
  readonly snapshot: Snapshot;
  readonly open: readonly KeptBlock[];
  readonly decisions: readonly Decision[];
  readonly output: string;
  readonly observed: bigint | undefined;
}

/** What recovery starts from. */
export type Failed = Pick<CrashPoint, 'visible' | 'stored' | 'sets' | 'progress'>;

/** A boot as far as others may share it. */
interface Prefix {
  readonly snapshot: Snapshot;
  readonly touched: Touched;
  readonly output: string;
  /** Of the crash point that it was made at. */
  readonly stored?: ReadonlySet<number> | undefined;
  /** It was about to ask for the phase; else, to read what was not decided, or nothing of the NVDIMM so far. */
  readonly complete: boolean;
}

/** Boots that are kept for later crash points. */
const MOST_BOOTS = 8;

export interface RecoveryOptions {
  /** Record recovery's stores, for failures during it. */
  readonly recording?: boolean;
}

/** Sets of one content each. */
export const singles = (image: ReadonlyMap<BlockNumber, Uint8Array>): BlockSets =>
  new Map([...image].map(([block, bytes]) => [block, BlockImages.single(bytes)]));

export class RecoveryMachine {
  private readonly computer: Computer;
  private readonly nvdimm: Nvdimm;
  private readonly budget: number;
  /** Before the first access to the NVDIMM. */
  private readonly early: Prefix;
  /** Those on earlier crash points' NVDIMMs, the one used last first. */
  private boots: Prefix[] = [];
  private rootNode: Node | undefined;
  /** What the last root was made of: the next one differs little. */
  private rootBase:
    | { readonly prefix: Prefix; readonly stored: Failed['stored']; readonly node: Node }
    | undefined;
  /** The node that the machine is at, if nothing has run since. */
  private at: Node | undefined;
  private oracle: Oracle = { allowed: undefined };
  private progress: Progress | undefined;

  private readonly observedPages = new Set<number>();
  private readonly open: OpenBlocks;
  private decide: Decide = ([first]) => first!;
  private decisions: Decision[] = [];
  private output = '';
  private observed: bigint | undefined;
  private finished: number | undefined;
  /** Who reads while `decide` is asked. */
  private reader: number = Initiator.host;
  /** The boot has asked for the phase, or depends on the crash point. */
  private stopped = false;
  private stopAtPhase = false;
  /** It does. */
  private undecided = false;
  /** The boot was about to read an undecided byte. */
  private undecidedAt: Node | undefined;
  private tracking: Touched | undefined;
  private visit: ((point: NestedPoint, decisions: readonly Decision[]) => void) | undefined;
  private visited = 0;

  constructor(
    private readonly program: Program,
    private readonly options: RecoveryOptions = {},
  ) {
    this.computer = makeComputer(program, {
      host: {
        recovering: true,
        progress: () => {
          // A program that asks for this before the phase has a boot of its own at each crash point.
          if (this.stopAtPhase) this.undecided = true;
          this.asked();
          return this.progress!;
        },
        mark: (mark) => this.mark(mark),
        phaseRead: () => this.asked(),
      },
      output: (text) => {
        this.output += text;
      },
      recording: options.recording === true,
      keepAll: true,
    });
    const { machine } = this.computer;
    this.nvdimm = this.computer.nvdimm!;
    this.budget = budgetOf(program);
    this.open = new OpenBlocks(machine.memory, this.nvdimm.region);
    const { region } = this.nvdimm;
    const inside = (pa: number): boolean => pa >= region.base && pa < region.base + region.size;
    machine.memory.onLoad(
      (pa, length, initiator, discarded) => {
        if (initiator !== Initiator.host && !discarded && inside(pa))
          this.load(pa - region.base, length, initiator);
        return true;
      },
      (page, blocks, discarded) => {
        if (discarded) return;
        if (this.tracking) blocks.fill(-1);
        else this.open.undecidedOf(page - region.firstPage, blocks);
      },
    );
    machine.memory.onStore(PageFlag.storeSlow, (_page, pa, length, initiator) => {
      if (initiator !== Initiator.host && inside(pa)) this.store(pa - region.base, length);
    });
    if (options.recording)
      observeNvdimm(this.computer, {
        fence: (pred, succ, hart) => {
          if (this.visit && this.nvdimm.fenceMatters(pred, succ, hart.index)) this.crash('fence');
        },
      });
    const { cacheBlock } = machine.hooks;
    machine.hooks.cacheBlock = (operation, pa, hart) =>
      cacheBlock?.(operation === 'inval' ? 'flush' : operation, pa, hart);
    this.nvdimm.powerOn(); // the second time after a shutdown that was not in order
    this.early = this.findEarly();
  }

  /** Runs up to the first access to the NVDIMM. */
  private findEarly(): Prefix {
    const { machine } = this.computer;
    const start = machine.snapshot();
    const none = { touched: new Touched(), output: '', complete: false };
    if (!this.program.system) return { snapshot: start, ...none };
    this.observeAll();
    this.tracking = new Touched();
    let first = Number.POSITIVE_INFINITY;
    this.tracking.onFirst = () => {
      first = machine.turns.instructionsNow;
      machine.pause();
    };
    machine.run({ instructions: this.budget });
    this.tracking = undefined;
    if (first === Number.POSITIVE_INFINITY) throw new Error('the guest never touches the NVDIMM');
    machine.restore(start);
    this.output = '';
    machine.run({ instructions: first - machine.instructions });
    const { output } = this;
    return { ...none, snapshot: machine.snapshot(), output };
  }

  // ---- Crash points ------------------------------------------------------------------------------------------------

  /** Forgets the boots that crash points have shared so far. */
  forgetBoots(): void {
    this.boots = [];
    this.rootNode = undefined;
    this.rootBase = undefined;
    this.at = undefined;
  }

  /** Goes to a crash point. Runs go on from its node. */
  prepare(point: Failed, oracle: Oracle): Node {
    this.oracle = oracle;
    this.progress = point.progress;
    // Failures during recovery may come at any instant of it.
    const shared = this.program.system && !this.options.recording;
    const boot = shared ? this.bootFor(point) : this.early;
    this.rootNode = !shared || boot.complete ? this.rootFrom(boot, point) : this.bootFrom(boot, point);
    return this.rootNode;
  }

  /**
   * Boots on a crash point's NVDIMM, to just before the first byte that is read and not decided, or to the end of the boot. How far it
   * got is kept.
   */
  private bootFrom(prefix: Prefix, point: Failed): Node {
    const { machine } = this.computer;
    const root = this.rootFrom(prefix, point);
    this.observeAll();
    this.enter(root);
    const touched = prefix.touched.copy();
    this.tracking = touched;
    this.stopAtPhase = true;
    machine.run({ instructions: this.budget });
    this.tracking = undefined;
    this.stopAtPhase = false;
    const { output, undecidedAt, undecided, stopped } = this;
    this.undecidedAt = undefined;
    this.observePages(this.undecidedPages(point.sets));
    touched.keep(point.visible);
    const kept = { touched, stored: point.stored };
    if (undecidedAt) {
      const farther = undecidedAt.snapshot.instructions > prefix.snapshot.instructions;
      if (farther)
        this.keepBoot({
          ...kept,
          snapshot: undecidedAt.snapshot,
          output: undecidedAt.output,
          complete: false,
        });
      return undecidedAt;
    }
    if (!stopped || undecided) return root;
    const boot = { ...kept, snapshot: machine.snapshot(), output, complete: true };
    this.keepBoot(boot);
    return this.rootFrom(boot, point);
  }

  private keepBoot(boot: Prefix): void {
    this.boots = [boot, ...this.boots.filter((other) => other !== boot)].slice(0, MOST_BOOTS);
  }

  /** The boot that gets farthest of those which would go the same way at a crash point. */
  private bootFor(point: Failed): Prefix {
    const byLength = [...this.boots].sort((a, b) => b.snapshot.instructions - a.snapshot.instructions);
    const found = byLength.find(({ touched }) => touched.readsAgree(point));
    if (found) this.keepBoot(found);
    return found ?? this.early;
  }

  /** The node of a crash point behind a prefix that has read nothing of what differs. */
  private rootFrom(prefix: Prefix, { visible, stored: pagesStored, sets }: Failed): Node {
    const { machine } = this.computer;
    const { region } = this.nvdimm;
    const { memory } = machine;
    if (this.visit) throw new Error('a recovery that visits its crash points cannot be restarted');
    const last = this.rootBase?.prefix === prefix ? this.rootBase : undefined;
    machine.restore((last?.node ?? prefix).snapshot);
    // Of one workload, only what it has stored can be another than at the crash point of the last root, or of the prefix.
    const among = (last ?? prefix).stored === pagesStored ? pagesStored : undefined;
    const content = memory.u8.subarray(region.host, region.host + region.size);
    for (const at of differentPages(content, visible, among)) {
      const now = memory.u8.subarray(region.host + at, region.host + at + PAGE_SIZE);
      const wanted = visible.slice(at, at + PAGE_SIZE);
      prefix.touched.keepStored(at, wanted, now);
      this.open.poke(at, wanted);
    }
    const open: Node['open'][number][] = [];
    for (const [block, set] of sets) {
      const stored = prefix.touched.stored(block);
      this.open.show(block, set, stored);
      open.push({ block, set, stored });
    }
    this.observePages(this.undecidedPages(sets));
    if (this.nvdimm.recording) this.nvdimm.engine.powerCycle(new Map());
    const { output } = prefix;
    const node = { snapshot: machine.snapshot(), open, decisions: [], output, observed: undefined };
    this.rootBase = { prefix, stored: pagesStored, node };
    this.at = node;
    return node;
  }

  private undecidedPages(sets: BlockSets): Set<number> {
    const { firstPage } = this.nvdimm.region;
    const undecided = [...sets].filter(([, set]) => !set.determined);
    return new Set(undecided.map(([block]) => firstPage + Math.floor(blockStart(block) / PAGE_SIZE)));
  }

  /** From now on accesses to these pages, and to no others of the NVDIMM, are seen. */
  private observePages(pages: Iterable<number>): void {
    const { memory } = this.computer.machine;
    const wanted = new Set(pages);
    for (const page of this.observedPages) {
      if (wanted.has(page)) continue;
      memory.clearFlag(page, PageFlag.loadSlow | (this.options.recording ? 0 : PageFlag.storeSlow));
      this.observedPages.delete(page);
    }
    for (const page of wanted) {
      if (this.observedPages.has(page)) continue;
      memory.u8[memory.layout.pageFlags + page]! |= PageFlag.loadSlow | PageFlag.storeSlow;
      this.observedPages.add(page);
    }
    this.computer.machine.dropFast(Access.load);
    this.computer.machine.dropFast(Access.store);
  }

  private observeAll(): void {
    const { firstPage, pages } = this.nvdimm.region;
    this.observePages(Array.from({ length: pages }, (_, i) => firstPage + i));
  }

  // ---- Runs ----------------------------------------------------------------------------------------------------------

  /** The node of the crash point that was prepared last. */
  get root(): Node {
    if (this.rootNode === undefined) throw new Error('no crash point has been prepared');
    return this.rootNode;
  }

  /** Runs recovery from a node. */
  run(node: Node, decide: Decide): Path {
    this.enter(node);
    return this.finish(decide);
  }

  /** Runs recovery with these contents in place of the prepared crash point's, each a subset of them. */
  runWith(sets: BlockSets, decide: Decide): Path {
    this.enterWith(sets);
    return this.finish(decide);
  }

  /**
   * Runs recovery from the root and visits its own crash points, with the decisions made before each. Only when stores are
   * recorded.
   */
  runVisiting(decide: Decide, visit: (point: NestedPoint, decisions: readonly Decision[]) => void): Path {
    this.enter(this.root);
    return this.finishVisiting(decide, visit);
  }

  /** The same on one image: contents of the open blocks. */
  runImageVisiting(image: ReadonlyMap<BlockNumber, Uint8Array>, visit: (point: NestedPoint) => void): Path {
    this.enterWith(singles(image));
    return this.finishVisiting(() => {
      throw new Error('a single content left something to decide');
    }, visit);
  }

  private finishVisiting(
    decide: Decide,
    visit: (point: NestedPoint, decisions: readonly Decision[]) => void,
  ): Path {
    if (!this.options.recording) throw new Error('failures during recovery need its stores recorded');
    this.visit = visit;
    this.visited = 0;
    const path = this.finish(decide);
    if (path.outcome.kind === 'pass') this.crash('end');
    this.visit = undefined;
    return path;
  }

  /** Instructions between a node and the one that reads, while `decide` is asked. */
  distanceFrom(node: Node): number {
    return this.computer.machine.turns.instructionsNow - node.snapshot.instructions;
  }

  /**
   * While `decide` is asked: the node just before the instruction that reads, from which this run may go on as well. Undefined when a device
   * reads, somewhere in the middle of an instruction.
   */
  nodeHere(): Node | undefined {
    if (this.reader < 0) return undefined;
    const { output, observed } = this;
    const snapshot = this.computer.machine.snapshot();
    return { snapshot, open: this.open.keep(), decisions: [...this.decisions], output, observed };
  }

  private enter(node: Node): void {
    if (this.visit) throw new Error('a recovery that visits its crash points cannot be restarted');
    if (this.at !== node) this.computer.machine.restore(node.snapshot);
    this.at = undefined;
    this.open.enter(node.open);
    this.decisions = [...node.decisions];
    this.output = node.output;
    this.observed = node.observed;
    this.finished = undefined;
    this.stopped = false;
    this.undecided = false;
  }

  private enterWith(sets: BlockSets): void {
    this.enter(this.root);
    this.open.replace(sets);
  }

  private finish(decide: Decide): Path {
    this.decide = decide;
    const { machine } = this.computer;
    // From power-on, wherever the node lies: what hangs must not depend on that.
    const reason = runOrLoop(machine, Math.max(0, this.budget - machine.instructions));
    return {
      decisions: this.decisions,
      sets: this.open.sets(),
      outcome: this.judge(reason),
      output: this.output,
      observed: this.observed,
    };
  }

  private judge(reason: RunEnd): Outcome {
    const { finished, observed } = this;
    return judge(reason, { guest: this.program.system !== undefined, finished, observed }, this.oracle);
  }

  // ---- What the program says -----------------------------------------------------------------------------------------

  private asked(): void {
    if (!this.stopAtPhase) return;
    this.stopped = true;
    this.computer.machine.pause();
  }

  private mark(mark: Mark): void {
    if (mark.kind === 'observe') this.observed = mark.value;
    if (mark.kind !== 'finish') return;
    this.finished = mark.code;
    this.computer.machine.pause();
  }

  // ---- What it does to the NVDIMM --------------------------------------------------------------------------------------

  /** Bytes are about to be read: each that is still undecided is decided now. */
  private load(from: number, length: number, reader: number): void {
    this.reader = reader;
    // A boot that others may share goes no farther than to what is not decided.
    if (this.stopAtPhase && !this.undecided && this.open.isUndecided(from, length)) {
      this.undecidedAt = this.nodeHere();
      this.undecided = true;
      this.asked();
    }
    if (this.undecided) return;
    this.tracking?.read(from, length);
    this.open.read(from, length, (values, set, block, offset) => {
      const value = this.decide(values, set, block, offset);
      const { hart } = this.computer.machine.turns.current;
      this.decisions.push({ block, offset, value, pc: BigInt.asUintN(64, hart.pc) });
      return value;
    });
  }

  private store(from: number, length: number): void {
    this.tracking?.store(from, length);
    this.open.store(from, length);
  }

  /** The power may fail again, here. */
  private crash(kind: 'fence' | 'end'): void {
    const index = this.visited++;
    const place = { index, kind, progress: this.progress! };
    this.visit!(nestedPoint(this.computer, place, this.open.sets()), [...this.decisions]);
  }
}
