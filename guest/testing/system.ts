/**
 * The whole system for tests: a computer with the guest that the build made, a private NVDIMM, and what it prints.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MiB } from '../../emulator/addresses.ts';
import { Computer } from '../../emulator/boot/computer.ts';
import type { ImageFile } from '../../emulator/boot/image.ts';
import type { StopReason } from '../../emulator/machine/config.ts';
import type { EngineFactory } from '../../emulator/machine/engine.ts';
import { MemoryMedia } from '../../emulator/nvdimm/media.ts';
import { guestOutput } from '../../tools/guest/layouts.ts';

export interface SystemOptions {
  readonly harts?: number;
  /** Bytes of DRAM; default 256 MiB. */
  readonly memory?: number;
  /** The interpreter by default. */
  readonly engine?: EngineFactory;
  readonly media?: MemoryMedia;
  /** Record every store, so that legal images can be drawn. */
  readonly recording?: boolean;
  /** Keep the media up to date (default). */
  readonly writeThrough?: boolean;
  /** Boot without messages, output as it is. */
  readonly quiet?: boolean;
  /** Another boot archive than the build's. */
  readonly archive?: ImageFile;
}

/** A file of dist/guest. */
export const guestFile = (name: string): { name: string; bytes: Uint8Array } => ({
  name,
  bytes: readFileSync(join(guestOutput(), name)),
});

export class System {
  output = '';
  readonly computer: Computer;

  constructor(options: SystemOptions = {}) {
    this.computer = new Computer({
      memory: options.memory ?? 256 * MiB,
      ...(options.engine && { engine: options.engine }),
      harts: options.harts ?? 1,
      seed: 1,
      uartOutput: (byte) => {
        this.output += String.fromCharCode(byte);
      },
      nvdimm: {
        media: options.media ?? new MemoryMedia(64 * MiB),
        recording: options.recording === true,
        writeThrough: options.writeThrough !== false,
      },
    });
    this.computer.boot({
      kernel: guestFile('kernel.elf'),
      initrd: options.archive ?? guestFile('archive.img'),
      ...(options.quiet && { append: 'quiet' }),
    });
    this.computer.nvdimm?.powerOn();
  }

  /** Runs; when the guest ends in order, so does the NVDIMM. */
  run(instructions: number): StopReason {
    const reason = this.computer.machine.run({ instructions });
    if (reason.kind === 'exit') this.computer.nvdimm?.powerOff();
    return reason;
  }
}
