/**
 * Talks to a guest through its serial console, on licorice in this process or on QEMU in a child: waits for a text,
 * types a line, returns what was printed in between.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import type { BootFiles } from '../../emulator/boot/boot.ts';
import { Computer, type ComputerOptions } from '../../emulator/boot/computer.ts';
import { findOracle, QEMU } from '../oracles.ts';

/** A guest with a console. */
export interface Conversation {
  /** Everything printed up to and including the next `text`. Rejects when it does not come. */
  until(text: string): Promise<string>;
  type(text: string): void;
  close(): void;
}

const MOST_INSTRUCTIONS = 3_000_000_000;
const SLICE = 1_000_000;

/** A guest on licorice. */
export function onLicorice(
  files: BootFiles,
  options: Omit<ComputerOptions, 'uartOutput' | 'seed'> = {},
): Conversation & { readonly computer: Computer } {
  let printed = '';
  const computer = new Computer({
    ...options,
    seed: 0,
    uartOutput: (byte) => {
      printed += String.fromCharCode(byte);
    },
  });
  computer.boot(files);
  const { machine } = computer;
  return {
    computer,
    until: (text) => {
      const limit = machine.instructions + MOST_INSTRUCTIONS;
      for (;;) {
        const found = take();
        if (found !== undefined) return Promise.resolve(found);
        const reason = machine.run({ instructions: SLICE });
        const last = take();
        if (last !== undefined) return Promise.resolve(last);
        if (reason.kind !== 'budget' || machine.instructions > limit) {
          return Promise.reject(new Error(`no '${text}' (${reason.kind}) in:\n${printed.slice(-2000)}`));
        }
      }
      function take(): string | undefined {
        const at = printed.indexOf(text);
        if (at < 0) return undefined;
        const result = printed.slice(0, at + text.length);
        printed = printed.slice(at + text.length);
        return result;
      }
    },
    type: (text) => machine.input('uart', new TextEncoder().encode(text)),
    close: () => {},
  };
}

const QEMU_PATIENCE_MS = 60_000;

/** A guest on QEMU. */
export function onQemu(args: readonly string[]): Conversation {
  const qemu: ChildProcessWithoutNullStreams = spawn(findOracle(QEMU)!, [
    ...['-M', 'virt', '-display', 'none', '-monitor', 'none', '-serial', 'stdio'],
    ...args,
  ]);
  let printed = '';
  let arrived = () => {};
  qemu.stdout.on('data', (data: Buffer) => {
    printed += data.toString('latin1');
    arrived();
  });
  return {
    until: (text) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(
          () => reject(new Error(`no '${text}' from QEMU in:\n${printed.slice(-2000)}`)),
          QEMU_PATIENCE_MS,
        );
        arrived = () => {
          const at = printed.indexOf(text);
          if (at < 0) return;
          const result = printed.slice(0, at + text.length);
          printed = printed.slice(at + text.length);
          arrived = () => {};
          clearTimeout(timer);
          resolve(result);
        };
        arrived();
      }),
    type: (text) => void qemu.stdin.write(text),
    close: () => void qemu.kill('SIGKILL'),
  };
}
