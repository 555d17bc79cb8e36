/**
 * What a run does to the NVDIMM, event by event: stores, cache-block operations, fences and marks, for timelines and for
 * the advice that needs no oracle. Told before each event takes effect.
 */
import { CACHE_BLOCK_SIZE } from '../../emulator/addresses.ts';
import type { Computer } from '../../emulator/boot/computer.ts';
import { type BlockNumber, blockOf, dpa } from '../../emulator/nvdimm/dpa.ts';
import { FENCE } from '../../emulator/nvdimm/persistency.ts';
import { observeNvdimm, visibleOf } from './crash.ts';
import type { Mark } from './device.ts';

/** An event of a run. Plain data. */
export interface RunEvent {
  readonly kind: 'store' | 'clean' | 'flush' | 'inval' | 'zero' | 'fence' | 'begin' | 'acknowledge';
  readonly instret: number;
  /** −1: a device. */
  readonly hart: number;
  /** Who issues it: a fence completes what the same issuer has written back (fences.ts). −1: a device. */
  readonly issuer: number;
  readonly pc: bigint;
  /** Byte offset in the NVDIMM, −1 for a fence or mark. */
  readonly address: number;
  /** Bytes. */
  readonly size: number;
  /** store: the value, little-endian, for at most 8 bytes. */
  readonly value: bigint;
  /** store: the bytes were the same before. */
  readonly silent: boolean;
  /** begin, acknowledge: the operation. */
  readonly operation: number;
  /** A flush that writes nothing back, a fence that completes nothing. */
  readonly redundant: boolean;
  /** A fence of all loads and stores before it and all behind it; those of locks are weaker. */
  readonly full: boolean;
}

/** An event that is about to happen. */
export interface News extends Pick<RunEvent, 'kind' | 'hart' | 'address' | 'size' | 'full'> {
  /** Judged at the last moment. */
  redundant(): boolean;
}

/** What most events are not. */
const PLAIN = { full: false, redundant: () => false } as const;

/** Loads and stores of memory, in either set of a fence. */
const ALL = FENCE.R | FENCE.W;

type Draft = { -readonly [K in keyof RunEvent]: RunEvent[K] };

export class EventLog {
  events: RunEvent[] = [];
  /** Stores whose values memory does not hold yet, and what it held before. */
  private open: { readonly event: Draft; readonly before: Uint8Array }[] = [];
  enabled = false;
  private readonly visible: Uint8Array;

  /** @param before called before each event is noted, when the ones before it have taken effect */
  constructor(
    private readonly computer: Computer,
    private readonly before: (event: News & Pick<RunEvent, 'issuer' | 'pc'>) => void = () => {},
  ) {
    const { machine, nvdimm } = computer;
    const { region } = nvdimm!;
    this.visible = visibleOf(computer);
    observeNvdimm(computer, {
      fence: (pred, succ, hart) => {
        const matters = (): boolean => nvdimm!.fenceMatters(pred, succ, hart.index);
        const full = (pred & succ & ALL) === ALL;
        const redundant = (): boolean => !matters();
        this.note({ kind: 'fence', hart: hart.index, address: -1, size: 0, full, redundant });
      },
      cacheBlock: (operation, pa, hart) => {
        const address = pa - region.base;
        const flush = operation === 'clean' || operation === 'flush';
        const dirty = (): boolean => nvdimm!.engine.lineState(blockOf(dpa(address))) === 'dirty';
        const redundant = (): boolean => flush && !dirty();
        this.note({
          ...PLAIN,
          kind: operation,
          hart: hart.index,
          address,
          size: CACHE_BLOCK_SIZE,
          redundant,
        });
      },
    });
    nvdimm!.beforeStore = (address, size, initiator) => {
      const last = this.events[this.events.length - 1];
      // The store part of a `cbo.zero`, which has been noted.
      if (last?.kind === 'zero' && last.instret === machine.turns.instructionsNow) return;
      this.note({ ...PLAIN, kind: 'store', hart: initiator, address, size });
    };
  }

  /** Goes on behind these events. */
  restart(events: readonly RunEvent[]): void {
    this.events = [...events];
    this.open = [];
  }

  mark(mark: Mark): void {
    if (mark.kind !== 'begin' && mark.kind !== 'acknowledge') return;
    const hart = this.computer.machine.turns.current.hart.index;
    this.note({ ...PLAIN, kind: mark.kind, hart, address: -1, size: 0 }, mark.operation);
  }

  private note(news: News, operation = 0): void {
    const { machine, nvdimm } = this.computer;
    const { kind, hart, address, size, full } = news;
    const issuer = hart < 0 ? -1 : nvdimm!.issuerOf(hart);
    const pc = hart < 0 ? 0n : BigInt.asUintN(64, machine.cores[hart]!.hart.pc);
    this.before({ ...news, issuer, pc });
    if (!this.enabled) return;
    this.settle();
    const instret = machine.turns.instructionsNow;
    const redundant = news.redundant();
    const rest = { value: 0n, silent: false, operation, redundant, full };
    const event: Draft = { kind, instret, hart, issuer, pc, address, size, ...rest };
    this.events.push(event);
    if (kind === 'store') this.open.push({ event, before: this.visible.slice(address, address + size) });
  }

  /** Fills in what stores have stored, now that they have. */
  settle(): void {
    for (const { event, before } of this.open) {
      // The pieces of one instruction are noted before any of them is performed.
      if (event.instret === this.computer.machine.turns.instructionsNow) return;
      for (let i = Math.min(event.size, 8) - 1; i >= 0; i--)
        event.value = (event.value << 8n) | BigInt(this.visible[event.address + i]!);
      const now = this.visible.subarray(event.address, event.address + event.size);
      event.silent = Buffer.compare(before, now) === 0;
    }
    this.open = [];
  }
}

/** The blocks that an event of some size touches. */
export function blocksOf({ address, size }: Pick<RunEvent, 'address' | 'size'>): BlockNumber[] {
  const blocks: BlockNumber[] = [];
  if (address < 0) return blocks;
  for (let block = blockOf(dpa(address)); block * CACHE_BLOCK_SIZE < address + size; block++)
    blocks.push(block);
  return blocks;
}
