/**
 * Blocks of the media that cannot be read (poison), wear that makes more of them, and the scrub that finds them.
 *
 * A poisoned block is *latent* until a load hits it or a scrub passes over it; then it is *known*: in the list that
 * the guest reads, and in its health. Loading one raises the hardware-error exception. Writing all 64 bytes of it
 * clears it, since the device then has no old data to merge with; a part of them does not.
 *
 * Invariant: `record.poison` holds each block once, by ascending address.
 */
import { CACHE_BLOCK_SIZE } from '../addresses.ts';
import type { State } from '../machine/bus.ts';
import { numbersField } from '../machine/fields.ts';
import { Random } from '../random.ts';
import { type DeviceRecord, MAX_POISON } from './device-record.ts';
import { type BlockNumber, blockNumber, blockOf, blockStart, type Dpa, dpa } from './dpa.ts';

/** Bytes that the device writes at once to its media: wear is counted in these lines. */
export const WEAR_LINE = 256;

/** Seeded wear: lines fail after a number of writes that is drawn for each. */
export interface WearModel {
  readonly seed: number;
  /** Writes to a line that the average one bears; each line's own limit lies between half and one and a half. */
  readonly endurance: number;
}

export class MediaErrors {
  /** Bytes of a poisoned block written since it was poisoned: bit i of low = byte i, of high = byte 32 + i. */
  private readonly overwritten = new Map<BlockNumber, { low: number; high: number }>();
  private readonly writes = new Map<number, number>();
  private wear: WearModel | undefined;

  /**
   * @param record where poison is kept
   * @param watch called with a block when loads and stores of it must be observed from now on
   * @param unwatch called when they need not be any more
   */
  constructor(
    private readonly record: DeviceRecord,
    private readonly watch: (block: BlockNumber) => void,
    private readonly unwatch: (block: BlockNumber) => void,
  ) {
    for (const { dpa } of record.poison) watch(blockOf(dpa as Dpa));
  }

  /** Blocks that the guest has been told of, ascending. */
  get known(): readonly Dpa[] {
    return this.record.poison.filter((entry) => entry.known).map((entry) => dpa(entry.dpa));
  }

  /** True when the media have any unreadable block. */
  get any(): boolean {
    return this.record.poison.length > 0;
  }

  /** Makes a block unreadable, unknown to the guest. A full list drops it: the device can remember no more. */
  poison(block: BlockNumber): void {
    const address = blockStart(block);
    const list = this.record.poison;
    const at = list.findIndex((entry) => entry.dpa >= address);
    if (list[at]?.dpa === address) {
      this.overwritten.delete(block);
      return;
    }
    if (list.length === MAX_POISON) return;
    list.splice(at < 0 ? list.length : at, 0, { dpa: address, known: false });
    this.watch(block);
  }

  /** Makes a block readable again. */
  clear(block: BlockNumber): void {
    const address = blockStart(block);
    const at = this.record.poison.findIndex((entry) => entry.dpa === address);
    if (at < 0) return;
    this.record.poison.splice(at, 1);
    this.overwritten.delete(block);
    this.unwatch(block);
  }

  /** A load of a range. False when it hits poison, which is then known. */
  load(address: Dpa, length: number): boolean {
    let good = true;
    for (const entry of this.record.poison) {
      if (entry.dpa >= address + length) break;
      if (entry.dpa + CACHE_BLOCK_SIZE <= address) continue;
      entry.known = true;
      good = false;
    }
    return good;
  }

  /** A store to a range: poisoned blocks whose bytes have now all been written are cleared. */
  store(address: Dpa, length: number): void {
    for (const entry of [...this.record.poison]) {
      if (entry.dpa >= address + length) break;
      const from = Math.max(0, address - entry.dpa);
      const to = Math.min(CACHE_BLOCK_SIZE, address + length - entry.dpa);
      if (from >= to) continue;
      const block = blockOf(dpa(entry.dpa));
      const mask = this.overwritten.get(block) ?? { low: 0, high: 0 };
      for (let i = from; i < to; i++) {
        if (i < 32) mask.low |= 1 << i;
        else mask.high |= 1 << (i - 32);
      }
      this.overwritten.set(block, mask);
      if (mask.low === -1 && mask.high === -1) this.clear(block);
    }
  }

  /** A scrub passes over a range: latent poison in it becomes known. */
  scrub(address: number, length: number): number {
    let found = 0;
    for (const entry of this.record.poison) {
      if (entry.known || entry.dpa < address || entry.dpa >= address + length) continue;
      entry.known = true;
      found++;
    }
    return found;
  }

  /** Lets lines wear out from now on. */
  setWear(wear: WearModel): void {
    this.wear = wear;
  }

  /** A block has been written back. A line that has borne enough becomes unreadable with it. */
  wrote(block: BlockNumber): void {
    const wear = this.wear;
    if (wear === undefined) return;
    const line = Math.floor(blockStart(block) / WEAR_LINE);
    const count = (this.writes.get(line) ?? 0) + 1;
    this.writes.set(line, count);
    this.record.wear = Math.max(this.record.wear, Math.floor((10_000 * count) / wear.endurance));
    const limit = wear.endurance * (0.5 + new Random(wear.seed ^ Math.imul(line + 1, 0x9e3779b1)).float());
    if (count >= limit) this.poison(block);
  }

  /** What the record does not hold: how far poisoned blocks are overwritten, and how often lines were written. */
  save(): State {
    const overwritten = [...this.overwritten].sort(([a], [b]) => a - b);
    return {
      overwritten: overwritten.flatMap(([block, { low, high }]) => [block, low, high]),
      writes: [...this.writes].sort(([a], [b]) => a - b).flat(),
    };
  }

  /** Takes back what `save` gave; the record has been put back already, and `watch` been told. */
  restore(state: State): void {
    this.overwritten.clear();
    this.writes.clear();
    const overwritten = numbersField(state, 'overwritten');
    for (let i = 0; i + 2 < overwritten.length; i += 3) {
      this.overwritten.set(blockNumber(overwritten[i]!), {
        low: overwritten[i + 1]!,
        high: overwritten[i + 2]!,
      });
    }
    const writes = numbersField(state, 'writes');
    for (let i = 0; i + 1 < writes.length; i += 2) this.writes.set(writes[i]!, writes[i + 1]!);
  }

  /** Bit rot while the power was off: `count` blocks at seeded places have become unreadable. */
  rot(seed: number, count: number, mediaSize: number): void {
    const random = new Random(seed);
    for (let i = 0; i < count; i++) this.poison(blockNumber(random.below(mediaSize / CACHE_BLOCK_SIZE)));
  }
}
