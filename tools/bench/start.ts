/**
 * How long does it take from `npm start` to the prompt? The command runs as a user runs it, in a process of its own, on a new image and on one that has been
 * used. Of the wall-clock time, what the emulator took (`--stats`: from power-on to power-off right after the prompt) is shown beside the rest: Node's
 * start, reading the guest, making the machine.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../guest/layouts.ts';

const PROMPT = 'licorice\x1b[0m$ ';

export interface StartTime {
  readonly image: 'new' | 'used';
  /** Milliseconds until the prompt is shown. */
  readonly prompt: number;
  /** Milliseconds in the emulator, until the machine is off again. */
  readonly emulator: number;
}

/** Starts once and switches off at the prompt. */
function startOnce(folder: string, image: 'new' | 'used'): Promise<StartTime> {
  const bootstrap = join(packageRoot(), 'tools', 'bootstrap.mjs');
  const begin = performance.now();
  const child = spawn(process.execPath, [bootstrap, 'start', '--nvdimm', join(folder, 'image'), '--stats'], {
    cwd: folder,
  });
  let prompt = 0;
  let shown = '';
  let statistics = '';
  child.stdout.on('data', (data: Buffer) => {
    shown += data.toString();
    if (prompt !== 0 || !shown.includes(PROMPT)) return;
    prompt = performance.now() - begin;
    child.stdin.write('poweroff\r');
  });
  child.stderr.on('data', (data: Buffer) => {
    statistics += data.toString();
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', () => {
      const seconds = /^host time +([\d.]+) s/m.exec(statistics)?.[1];
      if (prompt === 0 || seconds === undefined) {
        reject(new Error(`the guest did not come to its prompt: ${shown}${statistics}`));
      } else resolve({ image, prompt, emulator: Number(seconds) * 1000 });
    });
  });
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

/** Medians of so many starts each on a new and on a used image. */
export async function measureStart(rounds: number): Promise<StartTime[]> {
  const times: StartTime[] = [];
  for (let round = 0; round < rounds; round++) {
    const folder = mkdtempSync(join(tmpdir(), 'licorice-start-'));
    try {
      times.push(await startOnce(folder, 'new'), await startOnce(folder, 'used'));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  return (['new', 'used'] as const).map((image) => {
    const own = times.filter((time) => time.image === image);
    return {
      image,
      prompt: median(own.map(({ prompt }) => prompt)),
      emulator: median(own.map(({ emulator }) => emulator)),
    };
  });
}

export function formatStart(times: readonly StartTime[], rounds: number): string {
  const lines = times.map(
    ({ image, prompt, emulator }) =>
      `${image.padEnd(10)} ${prompt.toFixed(0).padStart(12)} ${emulator.toFixed(0).padStart(18)}`,
  );
  return [
    `from npm start to the prompt, ms (median of ${rounds})`,
    `${'image'.padEnd(10)} ${'prompt'.padStart(12)} ${'in the emulator'.padStart(18)}`,
    ...lines,
  ].join('\n');
}
