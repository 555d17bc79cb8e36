/**
 * Is anything that the guest has reported as persistent ever missing or torn after `kill -9` of the emulator?
 *
 * The guest writes records of three cache blocks, cleans and fences each, then advances a commit counter in the same
 * way, then prints the record's number. At random instants the emulator is killed; the file is then looked at: every
 * record up to the counter must be whole, and the counter must not be behind what was printed. The next round goes
 * on where this one ended. LICORICE_KILLS sets the number of rounds (default 12; 300 were run, docs/nvdimm.md).
 */
import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { assembleFlat } from '../emulator/cpu/isa/assembler/assembler.ts';
import { Random } from '../emulator/random.ts';
import { type BuiltCommand, buildLicorice } from './command.ts';

const ROUNDS = Number(process.env['LICORICE_KILLS'] ?? 12);
const RECORD_BYTES = 192;
/** Records, after which their places are used again. */
const SLOTS = 4096;
const FIRST_RECORD = 4096;

/**
 * Record n fills its 24 words with n + 1000 * word index. `s1` is the counter at the start, so the guest itself
 * recovers by it; records are written over those of SLOTS numbers before.
 */
const GUEST = `
  li s0, 0x100000000
  ld s1, 0(s0)
  li s3, 0x10000000
next:
  addi s1, s1, 1
  li t0, ${SLOTS - 1}
  and t0, s1, t0
  li t1, ${RECORD_BYTES}
  mul t0, t0, t1
  li t1, ${FIRST_RECORD}
  add t0, t0, t1
  add s2, s0, t0
  mv t0, s2
  mv t1, s1
  li t2, 24
fill:
  sd t1, 0(t0)
  addi t0, t0, 8
  addi t1, t1, 1000
  addi t2, t2, -1
  bnez t2, fill
  cbo.clean (s2)
  addi t0, s2, 64
  cbo.flush (t0)
  addi t0, t0, 64
  cbo.clean (t0)
  fence w, w
  sd s1, 0(s0)
  cbo.clean (s0)
  fence w, o
  mv t0, s1
  li t3, 60
digit:
  srl t1, t0, t3
  andi t1, t1, 15
  addi t1, t1, 48
  li t2, 58
  blt t1, t2, put
  addi t1, t1, 39
put:
  sb t1, 0(s3)
  addi t3, t3, -4
  bgez t3, digit
  li t1, 10
  sb t1, 0(s3)
  j next`;

let command: BuiltCommand;
let folder: string;
beforeAll(async () => {
  command = await buildLicorice();
  folder = mkdtempSync(join(tmpdir(), 'licorice-killed-'));
  writeFileSync(join(folder, 'guest.bin'), assembleFlat(GUEST, 0x8000_0000n).bytes);
});
afterAll(() => {
  command.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs the guest until it is killed. The number of the last record that it has reported in full, or 0. */
function runAndKill(
  milliseconds: number,
  options: readonly string[],
): Promise<{ reported: number; errors: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [
      command.script,
      'run',
      join(folder, 'guest.bin'),
      '--bios',
      'none',
      '--nvdimm',
      join(folder, 'test.nvm'),
      '--size',
      '2M',
      ...options,
    ]);
    let tail = '';
    let reported = 0;
    let errors = '';
    let timer: NodeJS.Timeout | undefined;
    child.stdout.setEncoding('latin1');
    child.stdout.on('data', (text: string) => {
      // From the first sign of life on: the instants are in the run, not in the start of Node.
      timer ??= setTimeout(() => child.kill('SIGKILL'), milliseconds);
      const lines = (tail + text).split('\n');
      tail = lines.pop()!;
      const last = lines.pop();
      if (last !== undefined) reported = Number.parseInt(last, 16);
    });
    child.stderr.on('data', (text) => {
      errors += text;
    });
    child.once('close', () => {
      clearTimeout(timer);
      resolve({ reported, errors });
    });
  });
}

/** The committed record number in the file; throws when a record up to it is not whole. */
function checkFile(): number {
  const fd = openSync(join(folder, 'test.nvm'), 'r');
  try {
    const read = (position: number, length: number): DataView => {
      const bytes = new Uint8Array(length);
      readSync(fd, bytes, 0, length, position);
      return new DataView(bytes.buffer);
    };
    const counter = Number(read(0, 8).getBigUint64(0, true));
    const records = read(FIRST_RECORD, SLOTS * RECORD_BYTES);
    // The record after the counter may be under way, over the one of SLOTS before it.
    for (let n = Math.max(1, counter - SLOTS + 2); n <= counter; n++) {
      const start = (n % SLOTS) * RECORD_BYTES;
      for (let word = 0; word < RECORD_BYTES / 8; word++) {
        const value = Number(records.getBigUint64(start + 8 * word, true));
        if (value !== n + 1000 * word) {
          throw new Error(`record ${n} of ${counter}, word ${word}: ${value} instead of ${n + 1000 * word}`);
        }
      }
    }
    return counter;
  } finally {
    closeSync(fd);
  }
}

test(`${ROUNDS} times kill -9 at random instants`, async () => {
  const random = new Random(2026);
  let total = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const engine = random.pick(['interp', 'jit']);
    const { reported, errors } = await runAndKill(5 + random.below(120), ['--engine', engine]);
    expect(errors).toBe('');
    const committed = checkFile();
    expect(committed).toBeGreaterThanOrEqual(reported);
    expect(reported).toBeGreaterThan(total);
    total = reported;
  }
  if (process.env['LICORICE_KILLS']) process.stdout.write(`${total} records reported in ${ROUNDS} rounds\n`);
}, 3_600_000);

test('the next start counts each of these ends as an unsafe shutdown', () => {
  const fd = openSync(join(folder, 'test.nvm'), 'r');
  const record = new Uint8Array(84);
  readSync(fd, record, 0, record.length, 2 * 1024 * 1024 + 128 * 1024);
  closeSync(fd);
  const view = new DataView(record.buffer);
  expect(view.getUint32(40, true)).toBe(ROUNDS);
  expect(view.getUint32(44, true)).toBe(ROUNDS - 1);
});
