/** Runs a batch of the differential tester on licorice's own machine, in this process. */
import { inspect } from 'node:util';
import { Computer } from '../../emulator/boot/computer.ts';
import type { EngineFactory } from '../../emulator/machine/engine.ts';

/** No batch runs longer. */
const MOST_INSTRUCTIONS = 10_000_000_000;

/** What the machine sends through the UART when it runs `elf` to its end, and how many instructions that took. */
export function runOnLicorice(
  elf: Uint8Array,
  engine?: EngineFactory,
): { readonly sent: Uint8Array; readonly instructions: number } {
  const sent: number[] = [];
  const computer = new Computer({
    uartOutput: (byte) => sent.push(byte),
    seed: 0,
    xtwz: false,
    ...(engine && { engine }),
  });
  computer.boot({ kernel: { name: 'batch', bytes: elf } });
  const reason = computer.machine.run({ instructions: MOST_INSTRUCTIONS });
  if (reason.kind !== 'exit') throw new Error(`the batch stopped: ${inspect(reason)}`);
  return { sent: Uint8Array.from(sent), instructions: computer.machine.instructions };
}
