/**
 * The virtio-mmio transport: the registers through which a driver finds a virtio device and its queues. Source:
 * Virtual I/O Device (VIRTIO) 1.2, sections 4.2.2 (version 2) and 4.2.4 (legacy, version 1). QEMU's `virt` shows
 * version 1 unless told otherwise, and so does this machine.
 *
 * Invariant: the interrupt line is high exactly while InterruptStatus is not 0.
 */
import {
  type AccessSize,
  BUS_ERROR,
  type Device,
  type DeviceHost,
  type DeviceTreeNode,
  type InterruptLine,
  type State,
} from '../../machine/bus.ts';
import { numberField, stateField, statesField } from '../../machine/fields.ts';
import { IRQ, virtioRegion } from '../memory-map.ts';
import { interruptProperties, unitName } from '../tree-names.ts';
import { QUEUE_SIZE_MAX, QueueError, VirtQueue } from './queue.ts';

/** What is behind a transport: a block device, a console … */
export interface VirtioBackend {
  /** VIRTIO 1.2, section 5 "Device Types". */
  readonly deviceId: number;
  /** Feature bits 31:0 that the device offers. */
  readonly features: number;
  readonly queueCount: number;
  /** The device-specific configuration space. */
  readonly config: Uint8Array;
  /** The driver notified queue `index`. */
  notify(index: number): void;
  /** Host input for the device (`Machine.input`). */
  input?(data: Uint8Array): void;
  reset(): void;
  save(): State;
  restore(state: State): void;
}

/** What a backend gets from its transport. */
export interface VirtioPort {
  readonly queues: readonly VirtQueue[];
  /** Raises the used-buffer interrupt. */
  interrupt(): void;
}

export type BackendFactory = (port: VirtioPort, host: DeviceHost) => VirtioBackend;

const MAGIC = 0x74726976;
/** QEMU's vendor ID: drivers do not look at it, people do. */
const VENDOR = 0x554d4551;

const REGISTER = {
  magic: 0x00,
  version: 0x04,
  deviceId: 0x08,
  vendorId: 0x0c,
  deviceFeatures: 0x10,
  deviceFeaturesSelect: 0x14,
  driverFeatures: 0x20,
  driverFeaturesSelect: 0x24,
  /** Legacy. */
  guestPageSize: 0x28,
  queueSelect: 0x30,
  queueSizeMax: 0x34,
  queueSize: 0x38,
  /** Legacy. */
  queueAlign: 0x3c,
  /** Legacy: first page of the queue; 0 resets it. */
  queuePage: 0x40,
  queueReady: 0x44,
  queueNotify: 0x50,
  interruptStatus: 0x60,
  interruptAck: 0x64,
  status: 0x70,
  descriptorsLow: 0x80,
  descriptorsHigh: 0x84,
  availableLow: 0x90,
  availableHigh: 0x94,
  usedLow: 0xa0,
  usedHigh: 0xa4,
  sharedMemoryLengthLow: 0xb0,
  sharedMemoryLengthHigh: 0xb4,
  configGeneration: 0xfc,
  config: 0x100,
} as const;

const STATUS = { driverOk: 4, needsReset: 0x40 } as const;
const INTERRUPT = { usedBuffer: 1, configChange: 2 } as const;
/** Bits 63:32 of the features: VIRTIO_F_VERSION_1 is bit 32. */
const FEATURES_HIGH_VERSION_1 = 1;
/** VIRTIO_F_INDIRECT_DESC. */
const FEATURE_INDIRECT = 2 ** 28;
const DEFAULT_LEGACY_ALIGN = 4096;

export class VirtioMmio implements Device, VirtioPort {
  readonly name: string;
  readonly base: number;
  readonly size: number;
  readonly queues: readonly VirtQueue[];
  readonly backend: VirtioBackend | undefined;

  private deviceFeaturesSelect = 0;
  private driverFeaturesSelect = 0;
  private driverFeatures = [0, 0];
  private guestPageSize = 0;
  private queueSelect = 0;
  private queueAlign = DEFAULT_LEGACY_ALIGN;
  private interruptStatus = 0;
  private status = 0;

  /** The transport in `slot`, with no device behind it when `make` is absent. */
  constructor(
    private readonly host: DeviceHost,
    private readonly irq: InterruptLine,
    private readonly slot: number,
    private readonly legacy: boolean,
    make?: BackendFactory,
  ) {
    this.name = `virtio${slot}`;
    ({ base: this.base, size: this.size } = virtioRegion(slot));
    const queues: VirtQueue[] = [];
    this.queues = queues;
    this.backend = make?.(this, host);
    for (let index = 0; index < (this.backend?.queueCount ?? 0); index++) {
      queues.push(new VirtQueue(host.memory));
    }
  }

  input(data: Uint8Array): void {
    // Also before the driver is ready: what was typed waits for it.
    this.guarded(() => this.backend?.input?.(data));
  }

  interrupt(): void {
    this.interruptStatus |= INTERRUPT.usedBuffer;
    this.update();
  }

  read(offset: number, size: AccessSize): number {
    if (offset >= REGISTER.config) return this.readConfig(offset - REGISTER.config, size);
    if (size !== 4) return BUS_ERROR;
    if (offset === REGISTER.magic) return MAGIC;
    if (offset === REGISTER.version) return this.legacy ? 1 : 2;
    if (offset === REGISTER.vendorId) return VENDOR;
    if (this.backend === undefined) return 0;
    const queue = this.queues[this.queueSelect];
    switch (offset) {
      case REGISTER.deviceId:
        return this.backend.deviceId;
      case REGISTER.deviceFeatures:
        if (this.deviceFeaturesSelect === 0) return (this.backend.features | FEATURE_INDIRECT) >>> 0;
        return this.deviceFeaturesSelect === 1 && !this.legacy ? FEATURES_HIGH_VERSION_1 : 0;
      case REGISTER.queueSizeMax:
        return queue ? QUEUE_SIZE_MAX : 0;
      case REGISTER.queuePage:
        return this.legacy && queue && this.guestPageSize
          ? Math.floor(queue.descriptors / this.guestPageSize)
          : 0;
      case REGISTER.queueReady:
        return !this.legacy && queue?.ready ? 1 : 0;
      case REGISTER.interruptStatus:
        return this.interruptStatus;
      case REGISTER.status:
        return this.status;
      case REGISTER.sharedMemoryLengthLow:
      case REGISTER.sharedMemoryLengthHigh:
        // No shared memory regions: their length reads as all ones.
        return 0xffff_ffff;
      default:
        return 0;
    }
  }

  write(offset: number, size: AccessSize, value: number): number | undefined {
    if (this.backend === undefined) return;
    // The configuration of every device here is read-only.
    if (offset >= REGISTER.config) return;
    if (size !== 4) return BUS_ERROR;
    const queue = this.queues[this.queueSelect];
    switch (offset) {
      case REGISTER.deviceFeaturesSelect:
        this.deviceFeaturesSelect = value;
        break;
      case REGISTER.driverFeaturesSelect:
        this.driverFeaturesSelect = value;
        break;
      case REGISTER.driverFeatures:
        if (this.driverFeaturesSelect < 2) this.driverFeatures[this.driverFeaturesSelect] = value;
        break;
      case REGISTER.queueSelect:
        this.queueSelect = value;
        break;
      case REGISTER.queueSize:
        if (queue && value <= QUEUE_SIZE_MAX) queue.size = value;
        break;
      case REGISTER.queueNotify:
        if (value < this.queues.length) this.guarded(() => this.backend!.notify(value));
        break;
      case REGISTER.interruptAck:
        this.interruptStatus &= ~value;
        this.update();
        break;
      case REGISTER.status:
        this.writeStatus(value);
        break;
      default:
        if (this.legacy) this.writeLegacy(offset, value, queue);
        else if (queue) this.writeModern(offset, value, queue);
    }
    return;
  }

  reset(): void {
    this.guestPageSize = 0;
    this.resetByDriver();
  }

  /** What a write of 0 to Status does. The page size belongs to the transport: drivers set it before they reset. */
  private resetByDriver(): void {
    this.deviceFeaturesSelect = 0;
    this.driverFeaturesSelect = 0;
    this.driverFeatures = [0, 0];
    this.queueSelect = 0;
    this.queueAlign = DEFAULT_LEGACY_ALIGN;
    this.interruptStatus = 0;
    this.status = 0;
    for (const queue of this.queues) queue.reset();
    this.backend?.reset();
    this.update();
  }

  save(): State {
    return {
      deviceFeaturesSelect: this.deviceFeaturesSelect,
      driverFeaturesSelect: this.driverFeaturesSelect,
      driverFeaturesLow: this.driverFeatures[0]!,
      driverFeaturesHigh: this.driverFeatures[1]!,
      guestPageSize: this.guestPageSize,
      queueSelect: this.queueSelect,
      queueAlign: this.queueAlign,
      interruptStatus: this.interruptStatus,
      status: this.status,
      queues: this.queues.map((queue) => queue.save()),
      backend: this.backend?.save() ?? {},
    };
  }

  restore(state: State): void {
    this.deviceFeaturesSelect = numberField(state, 'deviceFeaturesSelect');
    this.driverFeaturesSelect = numberField(state, 'driverFeaturesSelect');
    this.driverFeatures = [numberField(state, 'driverFeaturesLow'), numberField(state, 'driverFeaturesHigh')];
    this.guestPageSize = numberField(state, 'guestPageSize');
    this.queueSelect = numberField(state, 'queueSelect');
    this.queueAlign = numberField(state, 'queueAlign');
    this.interruptStatus = numberField(state, 'interruptStatus');
    this.status = numberField(state, 'status');
    statesField(state, 'queues', this.queues.length).forEach((saved, index) => {
      this.queues[index]!.restore(saved);
    });
    this.backend?.restore(stateField(state, 'backend'));
  }

  deviceTree(): readonly DeviceTreeNode[] {
    return [
      {
        name: unitName('virtio_mmio', this.base),
        properties: {
          ...interruptProperties(this.host.hartCount, IRQ.virtio + this.slot),
          reg: [0, this.base, 0, this.size],
          compatible: 'virtio,mmio',
        },
      },
    ];
  }

  private writeStatus(value: number): void {
    if (value === 0) {
      this.resetByDriver();
      return;
    }
    const started = (value & ~this.status & STATUS.driverOk) !== 0;
    this.status = value;
    // Buffers may have been made available before the driver said that it is ready.
    if (started) {
      for (let index = 0; index < this.queues.length; index++)
        this.guarded(() => this.backend!.notify(index));
    }
  }

  private writeLegacy(offset: number, value: number, queue: VirtQueue | undefined): void {
    if (offset === REGISTER.guestPageSize) this.guestPageSize = value;
    else if (offset === REGISTER.queueAlign) this.queueAlign = value;
    else if (offset === REGISTER.queuePage && queue) {
      if (value === 0) {
        queue.reset();
        return;
      }
      const descriptors = value * this.guestPageSize;
      const available = descriptors + 16 * queue.size;
      const availableEnd = available + 2 * (3 + queue.size);
      const align = Math.max(this.queueAlign, 1);
      queue.descriptors = descriptors;
      queue.available = available;
      queue.used = Math.ceil(availableEnd / align) * align;
      queue.ready = true;
    }
  }

  private writeModern(offset: number, value: number, queue: VirtQueue): void {
    switch (offset) {
      case REGISTER.queueReady:
        queue.ready = (value & 1) !== 0;
        if (!queue.ready) queue.reset();
        break;
      case REGISTER.descriptorsLow:
        queue.descriptors = withLow(queue.descriptors, value);
        break;
      case REGISTER.descriptorsHigh:
        queue.descriptors = withHigh(queue.descriptors, value);
        break;
      case REGISTER.availableLow:
        queue.available = withLow(queue.available, value);
        break;
      case REGISTER.availableHigh:
        queue.available = withHigh(queue.available, value);
        break;
      case REGISTER.usedLow:
        queue.used = withLow(queue.used, value);
        break;
      case REGISTER.usedHigh:
        queue.used = withHigh(queue.used, value);
        break;
    }
  }

  private readConfig(offset: number, size: AccessSize): number {
    const config = this.backend?.config;
    if (config === undefined) return 0;
    let value = 0;
    for (let index = 0; index < size; index++) value += (config[offset + index] ?? 0) * 2 ** (8 * index);
    return value;
  }

  /** Runs device work; a driver that broke the protocol stops the device until it is reset. */
  private guarded(work: () => void): void {
    if ((this.status & STATUS.needsReset) !== 0) return;
    try {
      work();
    } catch (error) {
      if (!(error instanceof QueueError)) throw error;
      this.status |= STATUS.needsReset;
      if (!this.legacy) this.interruptStatus |= INTERRUPT.configChange;
      this.update();
    }
  }

  private update(): void {
    this.irq.set(this.interruptStatus !== 0);
  }
}

const withLow = (address: number, low: number): number => Math.floor(address / 2 ** 32) * 2 ** 32 + low;
const withHigh = (address: number, high: number): number => high * 2 ** 32 + (address % 2 ** 32);
