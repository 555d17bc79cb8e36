/**
 * Finds a region: the guest code reachable from a hot address over direct branches, jumps and calls, up to a limit,
 * cut into basic blocks. A call whose callee fits is an edge to the callee, and a return is an edge to each of the
 * call sites known to lead there (compared with the return address when it happens), so that a loop with its small
 * callees becomes one function in WebAssembly.
 *
 * Addresses inside a region are *deltas*: bytes from the root, as signed numbers; the root's own virtual address is
 * 64 bits wide and appears only in constants. A block never crosses a page.
 */
import { PAGE_SIZE } from '../../addresses.ts';
import { decode, isCompressed } from '../isa/decode.ts';
import { Instruction } from '../isa/instruction.ts';
import { idOf, ROWS } from '../isa/table.ts';
import { type Block, successors, type Terminator } from './block.ts';
import { isSimpleCsrAccess } from './csr-access.ts';
import { convertSkips } from './skips.ts';

/** A page that the region has code of. */
export interface RegionPage {
  /** Index of the physical page. */
  readonly page: number;
  /** Host address of its records: what the fetch TLB must still say when control crosses into the page. */
  readonly records: number;
}

export interface Region {
  /** Virtual address of the root, unsigned. */
  readonly root: bigint;
  /** Blocks; the root's is the first. */
  readonly blocks: readonly Block[];
  /** Index of the block that begins at a delta. */
  readonly blockAt: ReadonlyMap<number, number>;
  /** Pages by their delta from the root's page, in pages. */
  readonly pages: ReadonlyMap<number, RegionPage>;
  /** Instructions in all blocks. */
  readonly instructions: number;
}

/** What region discovery needs to know of the guest's memory. */
export interface CodeSource {
  /** The physical page now mapped at a virtual page (given as a distance from the root's), if fetches can hit it. */
  pageAt(distance: number): RegionPage | undefined;
  /** The 16 bits at an offset of a physical page. */
  halfword(page: number, offset: number): number;
  /** Whether the interpreter has executed (decoded) the instruction at this place; cold code stays outside. */
  isWarm(page: RegionPage, offset: number): boolean;
  /** Low halves of the virtual addresses where the computed jump at an address (its low half) has gone. */
  jumpTargets(site: number): readonly number[];
  /** Whether a region begins here already. */
  isTranslated(page: RegionPage, offset: number): boolean;
  /** CSRs whose accesses must leave the engine. */
  readonly observedCsrs: ReadonlySet<number>;
}

/** Instructions that are looked at, and so the most that a region can have. */
export const REGION_LIMIT = 320;
/** Instructions in a region that is no loop: the way to the next loops, which are regions of their own. */
const STRAIGHT_LIMIT = 96;
/** Deltas must fit the packed exits of the writer: ±4 MiB. */
const DELTA_LIMIT = 1 << 22;
/** Return sites that one return is compared with at most. */
const CANDIDATE_LIMIT = 8;

const JAL = idOf('jal');
const JALR = idOf('jalr');
const FIRST_BRANCH = idOf('beq');
const LAST_BRANCH = idOf('bgeu');
const RA = 1;

export const isBranch = (id: number): boolean => id >= FIRST_BRANCH && id <= LAST_BRANCH;

function isTranslatable(instruction: Instruction, { observedCsrs }: CodeSource): boolean {
  const { id } = instruction;
  if (id < 0) return false;
  if (ROWS[id]!.meaning !== undefined) return true;
  return isSimpleCsrAccess(instruction) && !observedCsrs.has(instruction.imm);
}

interface Visited {
  readonly instruction: Instruction;
  /** Entry delta of the function that the instruction was reached in. */
  readonly callee: number;
}

/** What exploring found: instructions, where blocks begin, and where returns and computed jumps may go. */
interface Explored {
  readonly visited: ReadonlyMap<number, Visited>;
  readonly leaders: ReadonlySet<number>;
  readonly returnSites: ReadonlyMap<number, readonly number[]>;
  readonly jumps: ReadonlyMap<number, readonly number[]>;
}

const isReturn = (instruction: Instruction): boolean =>
  instruction.rd === 0 && instruction.rs1 === RA && instruction.imm === 0;

/**
 * Explores from `root`. Returns undefined when not even the first instruction can be translated.
 * @param root virtual address of the first instruction
 */
export function findRegion(root: bigint, source: CodeSource, limit = REGION_LIMIT): Region | undefined {
  const rootOffset = Number(root & BigInt(PAGE_SIZE - 1));
  const visited = new Map<number, Visited>();
  const leaders = new Set<number>([0]);
  const pages = new Map<number, RegionPage>();
  /** Return sites by the entry of the function called. */
  const returnSites = new Map<number, number[]>();
  /** Targets of computed jumps, by the jump. */
  const jumps = new Map<number, number[]>();
  const queue: { at: number; callee: number }[] = [{ at: 0, callee: 0 }];

  const pageOf = (delta: number): RegionPage | undefined => {
    const distance = Math.floor((rootOffset + delta) / PAGE_SIZE);
    let page = pages.get(distance);
    if (page === undefined) {
      page = source.pageAt(distance);
      if (page !== undefined) pages.set(distance, page);
    }
    return page;
  };
  const offsetOf = (delta: number): number => (rootOffset + delta) & (PAGE_SIZE - 1);

  /** Looks at a jump's target too; after a call, at the place to which it returns. */
  const goTo = (target: number, isCall: boolean, next: number, callee: number): void => {
    if (!isCall) {
      queue.push({ at: target, callee });
      return;
    }
    const sites = returnSites.get(target) ?? [];
    sites.push(next);
    returnSites.set(target, sites);
    queue.push({ at: target, callee: target }, { at: next, callee });
  };
  const targetsAt = (delta: number): number[] => {
    const rootLow = Number(root & 0xffff_ffffn);
    const targets = source.jumpTargets((rootLow + delta) | 0).map((low) => (low - rootLow) | 0);
    return targets.filter((target) => Math.abs(target) < DELTA_LIMIT).slice(0, CANDIDATE_LIMIT);
  };

  const fetch = (delta: number): Instruction | undefined => {
    if (Math.abs(delta) >= DELTA_LIMIT) return undefined;
    const page = pageOf(delta);
    const offset = offsetOf(delta);
    if (page === undefined || !source.isWarm(page, offset)) return undefined;
    let word = source.halfword(page.page, offset);
    if (!isCompressed(word)) {
      // An instruction across two pages is the interpreter's.
      if (offset === PAGE_SIZE - 2) return undefined;
      word |= source.halfword(page.page, offset + 2) << 16;
    }
    return decode(word, new Instruction());
  };

  for (let head = 0; head < queue.length && visited.size < limit; head++) {
    let { at } = queue[head]!;
    const { callee } = queue[head]!;
    leaders.add(at);
    while (visited.size < limit) {
      if (visited.has(at)) {
        leaders.add(at);
        break;
      }
      if (offsetOf(at) === 0) leaders.add(at);
      const instruction = fetch(at);
      if (instruction === undefined || !isTranslatable(instruction, source)) break;
      visited.set(at, { instruction, callee });
      const next = at + instruction.length;
      if (isBranch(instruction.id)) {
        queue.push({ at: at + instruction.imm, callee });
        leaders.add(next);
      } else if (instruction.id === JAL) {
        goTo(at + instruction.imm, instruction.rd === RA, next, callee);
        break;
      } else if (instruction.id === JALR) {
        if (!isReturn(instruction)) {
          const targets = targetsAt(at);
          jumps.set(at, targets);
          for (const target of targets) goTo(target, instruction.rd === RA, next, callee);
        }
        break;
      }
      at = next;
    }
  }
  if (!visited.has(0)) return undefined;
  return cut(root, { visited, leaders, returnSites, jumps }, pages, (delta) => {
    const page = pageOf(delta);
    return page !== undefined && source.isTranslated(page, offsetOf(delta));
  });
}

/**
 * Cuts what was visited into blocks and keeps a part of them. If the root is in a loop, the part that leads back to
 * it: the loop, with the loops and the callees in it. Else what is near, up to where translated code begins.
 */
function cut(
  root: bigint,
  explored: Explored,
  pages: ReadonlyMap<number, RegionPage>,
  isTranslated: (delta: number) => boolean,
): Region {
  const all = new Map<number, Block>();
  const predecessors = new Map<number, number[]>();
  const pending = [0];
  while (pending.length > 0) {
    const start = pending.pop()!;
    if (all.has(start) || !explored.visited.has(start)) continue;
    const block = cutBlock(start, explored);
    all.set(start, block);
    for (const next of successors(block.terminator)) {
      predecessors.set(next, [...(predecessors.get(next) ?? []), start]);
      pending.push(next);
    }
  }
  const loop = leadingTo(0, predecessors);
  const isLoop = loop.size > 1 || predecessors.has(0);
  const blocks: Block[] = [];
  const kept = new Set<number>();
  let count = 0;
  for (const queue = [0]; queue.length > 0; ) {
    const start = queue.shift()!;
    const block = all.get(start);
    if (block === undefined || kept.has(start)) continue;
    if (isLoop ? !loop.has(start) : start !== 0 && (count >= STRAIGHT_LIMIT || isTranslated(start))) continue;
    kept.add(start);
    blocks.push(block);
    count += block.instructions.length;
    queue.push(...successors(block.terminator));
  }
  const rootOffset = Number(root & BigInt(PAGE_SIZE - 1));
  const pageOf = (delta: number): number => Math.floor((rootOffset + delta) / PAGE_SIZE);
  const converted = convertSkips(blocks, (a, b) => pageOf(a) === pageOf(b));
  const blockAt = new Map(converted.map(({ start }, i) => [start, i]));
  return { root, blocks: converted, blockAt, pages, instructions: count };
}

/** The blocks from which `target` can be reached, itself included. */
function leadingTo(target: number, predecessors: ReadonlyMap<number, readonly number[]>): Set<number> {
  const found = new Set([target]);
  const queue = [target];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    for (const before of predecessors.get(next) ?? []) {
      if (found.has(before)) continue;
      found.add(before);
      queue.push(before);
    }
  }
  return found;
}

function cutBlock(start: number, { visited, leaders, returnSites, jumps }: Explored): Block {
  const instructions: Instruction[] = [];
  const deltas: number[] = [];
  const finish = (terminator: Terminator): Block => ({ start, instructions, deltas, terminator });
  for (let at = start; ; ) {
    const here = visited.get(at);
    if (here === undefined) return finish({ kind: 'stop', at });
    if (at !== start && leaders.has(at)) return finish({ kind: 'goto', next: at });
    const { instruction, callee } = here;
    instructions.push(instruction);
    deltas.push(at);
    const next = at + instruction.length;
    if (isBranch(instruction.id)) return finish({ kind: 'branch', taken: at + instruction.imm, next });
    if (instruction.id === JAL) return finish({ kind: 'goto', next: at + instruction.imm });
    if (instruction.id === JALR) {
      const targets = isReturn(instruction) ? (returnSites.get(callee) ?? []) : (jumps.get(at) ?? []);
      const known = [...new Set(targets)].filter((target) => visited.has(target));
      return finish({ kind: 'indirect', candidates: known.slice(0, CANDIDATE_LIMIT) });
    }
    at = next;
  }
}
