/** Runs a batch of the differential tester on licorice's own machine, in this process. */
import { inspect } from 'node:util';
import { MiB } from '../../emulator/addresses.ts';
import { placeImages } from '../../emulator/boot/boot.ts';
import { makeVirtDevices, type VirtDevices } from '../../emulator/devices/virt.ts';
import type { EngineFactory } from '../../emulator/machine/engine.ts';
import { Machine } from '../../emulator/machine/machine.ts';

const MEMORY = 128 * MiB;

/** What the machine sends through the UART when it runs `elf` to its end, and how many instructions that took. */
export function runOnLicorice(
  elf: Uint8Array,
  engine?: EngineFactory,
): { readonly sent: Uint8Array; readonly instructions: number } {
  const sent: number[] = [];
  let devices: VirtDevices | undefined;
  const machine = new Machine({
    memory: MEMORY,
    ...(engine && { engine }),
    devices: (host) => {
      devices = makeVirtDevices(host, { uartOutput: (byte) => sent.push(byte), seed: 0 });
      return devices.all;
    },
  });
  const target = {
    memory: machine.memory,
    harts: 1,
    rom: devices!.rom,
    devices: machine.bus.devices,
    seed: 0,
  };
  machine.boot(placeImages(target, { kernel: { name: 'batch', bytes: elf } }).state);
  const reason = machine.run({ instructions: 10_000_000_000 });
  if (reason.kind !== 'exit') throw new Error(`the batch stopped: ${inspect(reason)}`);
  return { sent: Uint8Array.from(sent), instructions: machine.instructions };
}
