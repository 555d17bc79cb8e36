/**
 * What the stress program's operations (guest/stress) must do, in plain data: the oracle of the kernel's objects. It takes
 * completed operations in the order of their tickets and throws at the first whose result is not the one that it expects. It can
 * also be asked what the store must hold after a power failure.
 */
import * as R from '../stress/record.ts';

/** The written words of a page. Never changed: a write makes another one, so copies share. */
export type ModelPage = readonly number[];

const ZERO_PAGE: ModelPage = Array.from({ length: R.WORDS }, () => 0);

const ENOENT = -2;
/** As exit codes have it. */
const EPERM = 1;
/** guest/abi/object.ts */
const RIGHT = { read: 4, delete: 64 } as const;
const STAT = { persistent: 1, deleted: 2, pinned: 4, hashed: 16 } as const;

export interface ModelObject {
  /** `hi:lo` in hexadecimal. */
  readonly id: string;
  readonly persistent: boolean;
  readonly hashed: boolean;
  /** By page index; undefined: absent. */
  pages: (ModelPage | undefined)[];
  meta: boolean;
  deleted: boolean;
  pinned: boolean;
  /** Objects that this one keeps, with the number of ties. */
  readonly ties: Map<ModelObject, number>;
}

/** An operation as the log tells it. */
export interface Operation {
  readonly worker: number;
  readonly op: number;
  readonly slot: number;
  readonly other: number;
  readonly flags: number;
  /** Page index, or the first of a range. */
  readonly page: number;
  /** Word of a page, or the target of a range. */
  readonly page2: number;
  /** Pages of a range. */
  readonly count: number;
  readonly value: number;
  readonly result: number;
  readonly finding: number;
  readonly findingHigh: number;
  readonly id: string;
}

/** The program's hash of a page (stress.ts, hashPage). */
export function hashOf(page: ModelPage): number {
  let sum = 0;
  for (let word = 0; word < R.WORDS; word++) {
    sum = (sum + Math.imul(page[word]!, 2 * word * R.WORD_STRIDE + 1)) | 0;
  }
  return sum >>> 0;
}

/** What a created object, or the target of a copy, holds then. */
export function copiedPages(
  before: readonly (ModelPage | undefined)[],
  source: readonly (ModelPage | undefined)[] | undefined,
  { page, page2, count }: Pick<Operation, 'page' | 'page2' | 'count'>,
): (ModelPage | undefined)[] {
  const pages = [...before];
  for (let i = 0; i < count; i++) pages[page2 + i] = source?.[page + i];
  return pages;
}

const noPages = (): (ModelPage | undefined)[] => new Array<ModelPage | undefined>(R.PAGES).fill(undefined);

export class StressModel {
  readonly slots: (ModelObject | undefined)[][];
  readonly exchanges: (ModelObject | undefined)[] = new Array<undefined>(R.EXCHANGES).fill(undefined);
  /** Objects that exist. */
  readonly objects = new Set<ModelObject>();
  /** Completed operations by code. */
  readonly counts = new Array<number>(R.OP_GATE + 1).fill(0);

  constructor(workers: number) {
    this.slots = Array.from({ length: workers }, () => new Array<undefined>(R.SLOTS).fill(undefined));
  }

  /** What a create makes, when it succeeds. */
  createdBy(operation: Operation): ModelObject {
    const { flags } = operation;
    const source = this.slots[operation.worker]![operation.other];
    const whole = (flags & R.CREATE_FLAG_WHOLE) !== 0;
    let pages = noPages();
    if (whole) pages = [...source!.pages];
    else if (flags & R.CREATE_FLAG_RANGE) pages = copiedPages(pages, source!.pages, operation);
    return {
      id: operation.id,
      persistent: (flags & R.CREATE_FLAG_PERSIST) !== 0,
      hashed: (flags & R.CREATE_FLAG_HASHDATA) !== 0,
      pages,
      meta: whole && source!.meta,
      deleted: false,
      pinned: false,
      ties: new Map(),
    };
  }

  /** Does a completed operation, and compares what it found. */
  apply(operation: Operation): void {
    this.counts[operation.op]!++;
    const { op, worker, slot } = operation;
    const slots = this.slots[worker]!;
    if (op === R.OP_CREATE) {
      this.expect(operation, 'result', operation.result, 0);
      const object = this.createdBy(operation);
      this.objects.add(object);
      slots[slot] = object;
      return;
    }
    if (op === R.OP_EXCHANGE) {
      const mine = slots[slot];
      slots[slot] = this.exchanges[operation.other];
      this.exchanges[operation.other] = mine;
      return;
    }
    if (op === R.OP_WRONG) this.fail(operation, `found mistake ${operation.value}`);
    if (op === R.OP_GONE) {
      this.expect(operation, 'result', operation.result, ENOENT);
      return;
    }
    if (op === R.OP_GRANT || op === R.OP_GATE) {
      this.expect(operation, 'result', operation.result, 0);
      const expected = op === R.OP_GRANT ? grantOutcome(operation) : gateOutcome(operation);
      this.expect(operation, 'exit code', operation.finding, expected);
      return;
    }
    // What a worker does without objects it judges itself.
    if (slot === R.NO_SLOT) return;
    const object = slots[slot];
    if (object === undefined) this.fail(operation, 'the slot is empty');
    this.expect(operation, 'result', operation.result, 0);
    this.change(operation, object);
  }

  /**
   * What may be left of a worker's objects after a power failure, when it was in the middle of `operation`: nothing of it has
   * happened, or all, or, for a write, the page is there and the word is not written.
   */
  outcomes(worker: number, operation: Operation | undefined): Survivor[][] {
    const before = this.slots[worker]!;
    const outcomes = [survivors(before)];
    if (operation === undefined || operation.op === R.OP_EXCHANGE || operation.op === R.OP_WRONG)
      return outcomes;
    const after = (op: Operation): void => {
      const alone = new StressModel(0);
      alone.slots[worker] = cloneSlots(before);
      if (op.op === R.OP_CREATE) alone.slots[worker]![op.slot] = this.createdBy(op);
      else if (op.slot !== R.NO_SLOT) alone.change(op, alone.slots[worker]![op.slot]!);
      outcomes.push(survivors(alone.slots[worker]!));
    };
    const { op, slot, page } = operation;
    // A page that is read is there afterwards, as it is before a word of it is written.
    if (op === R.OP_WRITE)
      after({ ...operation, op: R.OP_READ, finding: hashOf(before[slot]!.pages[page] ?? ZERO_PAGE) });
    else if (op === R.OP_READ)
      after({ ...operation, finding: hashOf(before[slot]!.pages[page] ?? ZERO_PAGE) });
    if (op === R.OP_META) after({ ...operation, finding: 1 });
    else if (op !== R.OP_READ && op !== R.OP_STAT) after(operation);
    return outcomes;
  }

  /** What is left of the objects that wait in exchanges. */
  exchangedSurvivors(): Survivor[] {
    return survivors(this.exchanges);
  }

  private change(operation: Operation, object: ModelObject): void {
    const slots = this.slots[operation.worker]!;
    const { page } = operation;
    switch (operation.op) {
      case R.OP_WRITE:
        object.pages[page] = writtenPage(object.pages[page], operation);
        return;
      case R.OP_READ:
        this.expect(operation, 'hash', operation.finding, hashOf(object.pages[page] ?? ZERO_PAGE));
        object.pages[page] ??= ZERO_PAGE;
        return;
      case R.OP_DELETE:
        object.deleted = true;
        this.settle();
        return;
      case R.OP_UNDELETE:
        object.deleted = false;
        return;
      case R.OP_TIE:
      case R.OP_UNTIE: {
        const child = slots[operation.other];
        if (child === undefined) this.fail(operation, 'the other slot is empty');
        const by = operation.op === R.OP_TIE ? 1 : -1;
        object.ties.set(child, (object.ties.get(child) ?? 0) + by);
        this.settle();
        return;
      }
      case R.OP_STAT:
        this.expect(operation, 'pages', operation.finding, pagesOf(object));
        this.expect(operation, 'flags', operation.findingHigh, flagsOf(object));
        return;
      case R.OP_COPY:
        object.pages = copiedPages(object.pages, slots[operation.other]?.pages, operation);
        return;
      case R.OP_PIN:
      case R.OP_UNPIN:
        object.pinned = operation.op === R.OP_PIN;
        this.settle();
        return;
      case R.OP_META:
        this.expect(operation, 'metadata agree', operation.finding, 1);
        object.meta = true;
        return;
    }
  }

  /** What nothing keeps ends, with its ties: what is deleted, not pinned, and tied to nothing that stays, be it in a ring. */
  private settle(): void {
    for (const slots of this.slots) {
      if (slots === undefined) continue;
      const stays = keptBy(
        slots.filter((object) => object && (!object.deleted || object.pinned)) as ModelObject[],
      );
      for (let s = 0; s < R.SLOTS; s++) {
        const object = slots[s];
        if (object === undefined || stays.has(object)) continue;
        slots[s] = undefined;
        this.objects.delete(object);
      }
    }
  }

  private expect(operation: Operation, what: string, found: number, expected: number): void {
    if (found !== expected) this.fail(operation, `${what} ${found}, expected ${expected}`);
  }

  private fail(operation: Operation, why: string): never {
    throw new Error(`${why}, by ${JSON.stringify(operation)}`);
  }
}

/** What a thread finds when it tries to read an object, or to take its deletion back, with what its context was given (guest/stress/security.ts). */
function grantOutcome({ flags, value }: Operation): number {
  const both = RIGHT.read | RIGHT.delete;
  // Nothing, a capability, two delegations; one that a stranger signed; one of what may not be passed on.
  const given = [0, RIGHT.delete, RIGHT.read, both, 0, 0];
  const mask = (value >>> 16) & 255;
  const first = given[value & 255]! & (mask === 0 ? both : mask);
  const rights = (flags & 2) !== 0 ? 0 : first | given[(value >>> 8) & 255]!;
  return (rights & ((flags & 1) !== 0 ? RIGHT.delete : RIGHT.read)) !== 0 ? 0 : EPERM;
}

/** Where a thread ends that enters code by an entry: at the entry's number, or it is not let in. */
function gateOutcome({ flags, value }: Operation): number {
  const offset = 0x1000 + value * R.GATE_ENTRY_BYTES;
  const from = offset - R.GATE_FIRST;
  const length = (flags & 2) !== 0 ? R.GATE_NARROW : R.GATE_LENGTH;
  const open = (flags & 1) !== 0 && from >= 0 && from < length && offset % 2 ** R.GATE_ALIGN === 0;
  return open ? value : R.GATE_DENIED;
}

/** What a persistent object holds after a power failure. `id` is empty for one whose creation was not reported. */
export type Survivor = Pick<ModelObject, 'id' | 'pages' | 'meta'>;

/** Objects that stay by themselves, and what they keep by ties. */
function keptBy(
  roots: readonly ModelObject[],
  counts: (child: ModelObject) => boolean = () => true,
): Set<ModelObject> {
  const kept = new Set(roots);
  for (const parent of kept)
    for (const [child, number] of parent.ties) if (number > 0 && counts(child)) kept.add(child);
  return kept;
}

/** The objects that outlive power: persistent ones that are not deleted, and what they keep by ties. Pins and other ties are lost. */
export function survivors(slots: readonly (ModelObject | undefined)[]): Survivor[] {
  const persistent = slots.filter((object) => object?.persistent === true) as ModelObject[];
  const alive = keptBy(
    persistent.filter(({ deleted }) => !deleted),
    (child) => child.persistent,
  );
  return [...alive];
}

/** A copy that can be changed without the original. */
function cloneSlots(slots: readonly (ModelObject | undefined)[]): (ModelObject | undefined)[] {
  const copies = new Map<ModelObject, ModelObject>();
  for (const object of slots) {
    if (object) copies.set(object, { ...object, pages: [...object.pages], ties: new Map() });
  }
  for (const [object, copy] of copies) {
    for (const [child, number] of object.ties) {
      const other = copies.get(child);
      if (other) copy.ties.set(other, number);
    }
  }
  return slots.map((object) => object && copies.get(object));
}

/** A page after OP_WRITE. */
export function writtenPage(before: ModelPage | undefined, { page2, value }: Operation): ModelPage {
  const words = [...(before ?? ZERO_PAGE)];
  words[page2] = value;
  return words;
}

export function pagesOf(object: Pick<ModelObject, 'pages' | 'meta'>): number {
  let pages = object.meta ? 1 : 0;
  for (const page of object.pages) if (page !== undefined) pages++;
  return pages;
}

function flagsOf(object: ModelObject): number {
  return (
    (object.persistent ? STAT.persistent : 0) |
    (object.deleted ? STAT.deleted : 0) |
    (object.pinned ? STAT.pinned : 0) |
    (object.hashed ? STAT.hashed : 0)
  );
}
