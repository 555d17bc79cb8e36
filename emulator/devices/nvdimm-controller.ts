/**
 * The NVDIMM's controller: what ACPI's NFIT and device-specific methods give on a PC, as a small register file of
 * our own. docs/nvdimm.md describes it register by register; the offsets and bits here are that table.
 *
 * Registers are 32 bits wide and take 32-bit accesses only (64-bit ones arrive as two); those of 64 bits have their
 * low half first. The second half of the range is a window on the label area, in bytes.
 */

import { CACHE_BLOCK_SIZE } from '../addresses.ts';
import {
  type AccessSize,
  BUS_ERROR,
  type Device,
  type DeviceHost,
  type DeviceTreeNode,
  type State,
  type Timer,
} from '../machine/bus.ts';
import { numberField } from '../machine/fields.ts';
import { blockOf, dpa } from '../nvdimm/dpa.ts';
import { LABEL_AREA_SIZE } from '../nvdimm/labels.ts';
import type { Nvdimm } from '../nvdimm/nvdimm.ts';
import { MEMORY_MAP } from './memory-map.ts';
import { unitName } from './tree-names.ts';

export const NVDIMM_REGISTER = {
  /** "LNVD". */
  magic: 0x000,
  version: 0x004,
  /** Bytes of the media, 64 bits. */
  mediaSize: 0x008,
  /** Physical address of the media, 64 bits. */
  mediaBase: 0x010,
  labelSize: 0x018,
  blockSize: 0x01c,
  /** 0: mem-ctrl (ADR), 1: cpu (eADR). */
  domain: 0x020,
  /** Bits of `NVDIMM_HEALTH`. */
  health: 0x024,
  unsafeShutdowns: 0x028,
  powerCycles: 0x02c,
  /** Times that the write-pending queue was lost. */
  flushFailures: 0x030,
  /** Used part of the rated life, in parts of 10 000. */
  wear: 0x034,
  /** Cache blocks that were written back to it, 64 bits. */
  blockWrites: 0x038,
  /** Writing: deep flush. Reading: waits for it, gives 0. */
  flushHint: 0x040,
  /** Known unreadable blocks. */
  poisonCount: 0x048,
  /** Which of them `poisonAddress` gives. */
  poisonIndex: 0x04c,
  /** Device physical address, 64 bits; all ones when there is no such entry. */
  poisonAddress: 0x050,
  /** Range of a command, 64 bits each: device physical address and bytes. */
  rangeStart: 0x060,
  rangeLength: 0x068,
  /** Starts a command of `NVDIMM_COMMAND`. */
  command: 0x070,
  /** Of the last command: `NVDIMM_STATUS`. */
  status: 0x074,
  /** Device physical address that the scrub has reached, 64 bits. */
  scrubbed: 0x078,
} as const;

export const NVDIMM_HEALTH = {
  /** Unreadable blocks are known. */
  poison: 1 << 0,
  /** More than 90 % of the rated life is used. */
  worn: 1 << 1,
  /** The write-pending queue was lost at some power failure. */
  flushFailed: 1 << 2,
} as const;

export const NVDIMM_COMMAND = {
  /** Reads the range through and makes its latent errors known. Takes time. */
  scrub: 1,
  /** Stops a scrub. */
  stop: 2,
  /** Zeroes the whole blocks of the range that are unreadable. */
  clear: 3,
} as const;

export const NVDIMM_STATUS = { idle: 0, busy: 1, done: 2, bad: 3 } as const;

const MAGIC = 0x44564e4c; // "LNVD"
const VERSION = 1;
const LABEL_WINDOW = 0x2_0000;
/** Bytes that a scrub reads in a nanosecond of guest time: 1 GB/s. */
const SCRUB_BYTES_PER_NS = 1;
/** A scrub stops to tell of its progress after this many bytes. */
const SCRUB_STEP = 1 << 20;
const WORN = 9000;

export class NvdimmController implements Device {
  readonly name = 'nvdimm';
  readonly base = MEMORY_MAP.nvdimm.base;
  readonly size = MEMORY_MAP.nvdimm.size;

  private readonly timer: Timer;
  private poisonIndex = 0;
  private rangeStart = 0;
  private rangeLength: number;
  private status: number = NVDIMM_STATUS.idle;
  private scrubbed = 0;
  private scrubEnd = 0;
  private readonly labelByte = new Uint8Array(4);

  /** @param hart the index of the hart whose access is being made */
  constructor(
    host: DeviceHost,
    private readonly nvdimm: Nvdimm,
    private readonly hart: () => number,
  ) {
    this.rangeLength = nvdimm.media.size;
    this.timer = host.timer('nvdimm.scrub', () => this.scrubStep());
    this.now = () => host.now();
  }

  private readonly now: () => number;

  read(offset: number, size: AccessSize): number {
    if (offset === NVDIMM_REGISTER.flushHint && size === 4) this.nvdimm.flushHintRead(this.hart());
    return this.peek(offset, size);
  }

  peek(offset: number, size: AccessSize): number {
    if (offset >= LABEL_WINDOW) return this.readLabel(offset - LABEL_WINDOW, size);
    if (size !== 4 || offset % 4 !== 0) return BUS_ERROR;
    const record = this.nvdimm.media.record;
    switch (offset) {
      case NVDIMM_REGISTER.magic:
        return MAGIC;
      case NVDIMM_REGISTER.version:
        return VERSION;
      case NVDIMM_REGISTER.labelSize:
        return LABEL_AREA_SIZE;
      case NVDIMM_REGISTER.blockSize:
        return CACHE_BLOCK_SIZE;
      case NVDIMM_REGISTER.domain:
        return this.nvdimm.domain === 'cpu' ? 1 : 0;
      case NVDIMM_REGISTER.health:
        return this.health();
      case NVDIMM_REGISTER.unsafeShutdowns:
        return record.unsafeShutdowns;
      case NVDIMM_REGISTER.powerCycles:
        return record.powerCycles;
      case NVDIMM_REGISTER.flushFailures:
        return record.flushFailures;
      case NVDIMM_REGISTER.wear:
        return record.wear;
      case NVDIMM_REGISTER.poisonCount:
        return this.nvdimm.errors.known.length;
      case NVDIMM_REGISTER.poisonIndex:
        return this.poisonIndex;
      case NVDIMM_REGISTER.status:
        return this.status;
      default:
        return this.readWide(offset);
    }
  }

  write(offset: number, size: AccessSize, value: number): number | undefined {
    if (offset >= LABEL_WINDOW) return this.writeLabel(offset - LABEL_WINDOW, size, value);
    if (size !== 4 || offset % 4 !== 0) return BUS_ERROR;
    switch (offset) {
      case NVDIMM_REGISTER.flushHint:
        this.nvdimm.flushHint(this.hart());
        return;
      case NVDIMM_REGISTER.poisonIndex:
        this.poisonIndex = value;
        return;
      case NVDIMM_REGISTER.rangeStart:
        this.rangeStart = high(this.rangeStart) * 2 ** 32 + value;
        return;
      case NVDIMM_REGISTER.rangeStart + 4:
        this.rangeStart = value * 2 ** 32 + low(this.rangeStart);
        return;
      case NVDIMM_REGISTER.rangeLength:
        this.rangeLength = high(this.rangeLength) * 2 ** 32 + value;
        return;
      case NVDIMM_REGISTER.rangeLength + 4:
        this.rangeLength = value * 2 ** 32 + low(this.rangeLength);
        return;
      case NVDIMM_REGISTER.command:
        this.start(value);
        return;
      default:
        return;
    }
  }

  reset(): void {
    this.timer.cancel();
    this.poisonIndex = 0;
    this.rangeStart = 0;
    this.rangeLength = this.nvdimm.media.size;
    this.status = NVDIMM_STATUS.idle;
    this.scrubbed = 0;
    this.scrubEnd = 0;
  }

  save(): State {
    const { poisonIndex, rangeStart, rangeLength, status, scrubbed, scrubEnd } = this;
    return { poisonIndex, rangeStart, rangeLength, status, scrubbed, scrubEnd };
  }

  restore(state: State): void {
    this.poisonIndex = numberField(state, 'poisonIndex');
    this.rangeStart = numberField(state, 'rangeStart');
    this.rangeLength = numberField(state, 'rangeLength');
    this.status = numberField(state, 'status');
    this.scrubbed = numberField(state, 'scrubbed');
    this.scrubEnd = numberField(state, 'scrubEnd');
  }

  /** The controller, and the media as Linux's binding `pmem-region` describes them. */
  deviceTree(): readonly DeviceTreeNode[] {
    const { base, size } = this.nvdimm.region;
    return [
      {
        name: unitName('nvdimm', this.base),
        properties: {
          compatible: 'licorice,nvdimm-controller',
          reg: [0, this.base, 0, this.size],
          'licorice,persistence-domain': this.nvdimm.domain,
        },
      },
      {
        name: unitName('pmem', base),
        parent: '/',
        properties: {
          compatible: 'pmem-region',
          reg: [high(base), low(base), high(size), low(size)],
        },
      },
    ];
  }

  private health(): number {
    const record = this.nvdimm.media.record;
    return (
      (this.nvdimm.errors.known.length > 0 ? NVDIMM_HEALTH.poison : 0) |
      (record.wear > WORN ? NVDIMM_HEALTH.worn : 0) |
      (record.flushFailures > 0 ? NVDIMM_HEALTH.flushFailed : 0)
    );
  }

  /** Registers of 64 bits. Those that are none read as zero. */
  private readWide(offset: number): number {
    const value = this.wideValue(offset - (offset % 8));
    return offset % 8 === 0 ? low(value) : high(value);
  }

  private wideValue(offset: number): number {
    switch (offset) {
      case NVDIMM_REGISTER.mediaSize:
        return this.nvdimm.media.size;
      case NVDIMM_REGISTER.mediaBase:
        return this.nvdimm.region.base;
      case NVDIMM_REGISTER.blockWrites:
        return this.nvdimm.media.record.blockWrites;
      case NVDIMM_REGISTER.poisonAddress:
        return this.nvdimm.errors.known[this.poisonIndex] ?? 2 ** 64 - 1;
      case NVDIMM_REGISTER.rangeStart:
        return this.rangeStart;
      case NVDIMM_REGISTER.rangeLength:
        return this.rangeLength;
      case NVDIMM_REGISTER.scrubbed:
        return this.scrubbed;
      default:
        return 0;
    }
  }

  private start(command: number): void {
    const size = this.nvdimm.media.size;
    if (command === NVDIMM_COMMAND.stop) {
      this.timer.cancel();
      if (this.status === NVDIMM_STATUS.busy) this.status = NVDIMM_STATUS.idle;
      return;
    }
    if (this.status === NVDIMM_STATUS.busy) return;
    if (this.rangeStart + this.rangeLength > size) {
      this.status = NVDIMM_STATUS.bad;
    } else if (command === NVDIMM_COMMAND.scrub) {
      this.status = NVDIMM_STATUS.busy;
      this.scrubbed = this.rangeStart;
      this.scrubEnd = this.rangeStart + this.rangeLength;
      this.scheduleScrub();
    } else if (command === NVDIMM_COMMAND.clear) {
      for (const address of this.nvdimm.errors.known) {
        const inside =
          address >= this.rangeStart && address + CACHE_BLOCK_SIZE <= this.rangeStart + this.rangeLength;
        if (inside) this.nvdimm.clearError(blockOf(dpa(address)));
      }
      this.status = NVDIMM_STATUS.done;
    } else {
      this.status = NVDIMM_STATUS.bad;
    }
  }

  private scheduleScrub(): void {
    const step = Math.min(SCRUB_STEP, this.scrubEnd - this.scrubbed);
    this.timer.setAt(this.now() + step / SCRUB_BYTES_PER_NS);
  }

  private scrubStep(): void {
    const step = Math.min(SCRUB_STEP, this.scrubEnd - this.scrubbed);
    this.nvdimm.errors.scrub(this.scrubbed, step);
    this.scrubbed += step;
    if (this.scrubbed < this.scrubEnd) this.scheduleScrub();
    else this.status = NVDIMM_STATUS.done;
  }

  private readLabel(offset: number, size: AccessSize): number {
    if (offset + size > LABEL_AREA_SIZE) return BUS_ERROR;
    this.nvdimm.media.readLabels(offset, this.labelByte.subarray(0, size));
    let value = 0;
    for (let i = size - 1; i >= 0; i--) value = value * 256 + this.labelByte[i]!;
    return value;
  }

  private writeLabel(offset: number, size: AccessSize, value: number): number | undefined {
    if (offset + size > LABEL_AREA_SIZE) return BUS_ERROR;
    for (let i = 0; i < size; i++) this.labelByte[i] = value >>> (8 * i);
    this.nvdimm.writeLabels(offset, this.labelByte.subarray(0, size));
    return;
  }
}

const low = (value: number): number => (value >= 2 ** 64 - 1 ? 0xffff_ffff : value % 2 ** 32);
const high = (value: number): number => (value >= 2 ** 64 - 1 ? 0xffff_ffff : Math.floor(value / 2 ** 32));
