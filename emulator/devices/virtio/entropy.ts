/**
 * virtio-rng: a source of random bytes. Source: VIRTIO 1.2, section 5.4 "Entropy Device". The bytes come from a
 * generator seeded by the machine's configuration, so that a run can be repeated; they are not secret.
 */
import type { State } from '../../machine/bus.ts';
import { numbersField } from '../../machine/fields.ts';
import { Random } from '../../random.ts';
import type { BackendFactory, VirtioBackend, VirtioPort } from './mmio.ts';

const DEVICE_ID = 4;

class Entropy implements VirtioBackend {
  readonly deviceId = DEVICE_ID;
  readonly queueCount = 1;
  readonly features = 0;
  readonly config = new Uint8Array();
  private readonly random: Random;

  constructor(
    private readonly port: VirtioPort,
    seed: number,
  ) {
    this.random = new Random(seed);
  }

  notify(): void {
    const queue = this.port.queues[0]!;
    let wanted = false;
    for (let chain = queue.take(); chain !== undefined; chain = queue.take()) {
      chain.writeAt(0, this.random.bytes(chain.capacity));
      wanted = queue.give(chain) || wanted;
    }
    if (wanted) this.port.interrupt();
  }

  reset(): void {}

  save(): State {
    return { random: this.random.save() };
  }

  restore(state: State): void {
    this.random.restore(numbersField(state, 'random', 4));
  }
}

/** An entropy source that repeats for the same `seed`. */
export const virtioEntropy =
  (seed: number): BackendFactory =>
  (port) =>
    new Entropy(port, seed);
