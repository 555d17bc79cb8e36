/**
 * virtio-console with one port: queue 0 carries what the host types to the guest, queue 1 what the guest prints.
 * Source: VIRTIO 1.2, section 5.3 "Console Device".
 */
import type { DeviceHost, State } from '../../machine/bus.ts';
import { bytesField } from '../../machine/fields.ts';
import type { BackendFactory, VirtioBackend, VirtioPort } from './mmio.ts';

const DEVICE_ID = 3;
const RECEIVE = 0;
const TRANSMIT = 1;
/** u16 columns, u16 rows, u32 ports, u32 emergency write: zero where the feature is not offered. */
const CONFIG_SIZE = 12;

class Console implements VirtioBackend {
  readonly deviceId = DEVICE_ID;
  readonly queueCount = 2;
  readonly features = 0;
  readonly config = new Uint8Array(CONFIG_SIZE);
  /** Typed, and not yet taken by the guest. */
  private waiting: number[] = [];

  constructor(
    private readonly port: VirtioPort,
    private readonly host: DeviceHost,
    private readonly output: (bytes: Uint8Array) => void,
  ) {}

  notify(index: number): void {
    if (index === RECEIVE) this.deliver();
    else this.transmit();
  }

  input(data: Uint8Array): void {
    for (const byte of data) this.waiting.push(byte);
    this.deliver();
  }

  reset(): void {}

  save(): State {
    return { waiting: Uint8Array.from(this.waiting) };
  }

  restore(state: State): void {
    this.waiting = [...bytesField(state, 'waiting')];
  }

  private deliver(): void {
    const queue = this.port.queues[RECEIVE]!;
    let wanted = false;
    while (this.waiting.length > 0) {
      const chain = queue.take();
      if (chain === undefined) break;
      chain.writeAt(0, Uint8Array.from(this.waiting.splice(0, chain.capacity)));
      wanted = queue.give(chain) || wanted;
    }
    if (wanted) this.port.interrupt();
  }

  private transmit(): void {
    const queue = this.port.queues[TRANSMIT]!;
    let wanted = false;
    for (let chain = queue.take(); chain !== undefined; chain = queue.take()) {
      this.host.beforeOutput();
      this.output(chain.readAll());
      wanted = queue.give(chain) || wanted;
    }
    if (wanted) this.port.interrupt();
  }
}

/** A console that prints to `output`. */
export const virtioConsole =
  (output: (bytes: Uint8Array) => void): BackendFactory =>
  (port, host) =>
    new Console(port, host, output);
