/**
 * Does a missing fence show although the kernel, or another thread, happens to execute one in its place? Programs whose flush and
 * commit have a system call between them, or a turn of another thread; and random programs with a trap handler that cleans
 * and fences for itself, whose images are held to those of the axioms.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MiB } from '../../emulator/addresses.ts';
import { nvdimmAddress } from '../../emulator/boot/computer.ts';
import { assembleFlat } from '../../emulator/cpu/isa/assembler/assembler.ts';
import { type Event, legalContents } from '../../emulator/nvdimm/axioms.oracle.ts';
import { blockNumber } from '../../emulator/nvdimm/dpa.ts';
import { FENCE } from '../../emulator/nvdimm/persistency.ts';
import { Random } from '../../emulator/random.ts';
import { reportOf } from './assemble.ts';
import { replay, runCampaign } from './campaign.ts';
import type { CrashPoint } from './crash.ts';
import { TORTURE_BASE } from './device.ts';
import type { FenceModel } from './fences.ts';
import { isFailure } from './outcome.ts';
import type { Program } from './program.ts';
import { GuestFolder, lineOf } from './test-guest.ts';
import { runWorkload } from './workload.ts';

const LIMITS = { maxRuns: 1000, samples: 0, seed: 0 };
const SCALE = Number(process.env['LICORICE_SCALE'] ?? 1);

/** A word is stored and cleaned; then comes `between`; then a flag that says that the word is there. */
const committed = (between: string, before = ''): string => `
import 'LIB/torture-only.ts';
import { ObjectId, DELETE, READ, WRITE } from 'LIB/../abi/object.ts';
import { CREATE_PERSIST } from 'LIB/../abi/syscall.ts';
import { allocateIn } from 'LIB/alloc.ts';
import { createObject } from 'LIB/object.ts';
import { clean, persist, persistFence } from 'LIB/persist.ts';
import { Thread, yieldThread } from 'LIB/thread.ts';
import { finish, makeSubject, mix, runWorkload, setSubjectRoot, subjectRoot } from 'LIB/torture.ts';
import { Tx } from 'LIB/tx.ts';

@persistent
class Pair {
  flag: u64;
  readonly padding: FixedArray<u64, 7>;
  word: u64;
  readonly more: FixedArray<u64, 7>;
  other: u64;
}

let pair: Pair;
const thread = zeroed<Thread>();

function setup(): void {
  const base = makeSubject();
  using tx = Tx.begin();
  const place = (allocateIn(tx, base, 256 + 64) + 63) & ~u64(63);
  pair = at<Pair>(place);
  setSubjectRoot(tx, base, place);
}

function createSomething(): void {
  const id = stack<ObjectId>();
  if (createObject(id, READ | WRITE | DELETE | CREATE_PERSIST) !== 0) finish(50);
}

function persistOther(value: u64): u64 {
  pair.other = value;
  persist(ptrTo(pair.other).address, 8);
  return 0;
}

function operation(index: u64): void {
  ${before}
  pair.word = index;
  clean(ptrTo(pair.word).address, 8);
  ${between}
  pair.flag = index;
  persist(ptrTo(pair.flag).address, 8);
}

function check(): u64 {
  pair = at<Pair>(subjectRoot());
  if (pair.word < pair.flag) finish(40);
  return mix(0, pair.flag);
}

/** @export */
function torture(): u64 {
  return runWorkload(2, setup, operation, check);
}
`;

describe('a missing fence, hidden by', { timeout: 300_000 }, () => {
  let folder: GuestFolder;
  beforeAll(() => {
    folder = new GuestFolder();
  });
  afterAll(() => folder.remove());

  test.each([
    ['a system call that persists something of its own', 'createSomething();', ''],
    ['a switch to another thread and back', 'yieldThread();', ''],
    [
      'the fence of another thread',
      'yieldThread();',
      'if (thread.start(persistOther, index) !== 0) finish(51);',
    ],
  ])('%s', async (_title, between, before) => {
    const text = committed(between, before);
    const onHardware = await folder.program('buggy', text, { fences: 'hardware' });
    expect(runCampaign(onHardware, LIMITS).findings).toEqual([]);

    const buggy = await folder.program('buggy', text);
    const found = runCampaign(buggy, LIMITS);
    expect(found.exhaustive).toBe(true);
    const [finding, ...others] = reportOf(buggy, LIMITS, found).findings;
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ missing: 'fence', minimal: true, outcome: 'ended with code 40' });
    expect(finding!.lost.map(({ line }) => line)).toEqual([lineOf(text, 'pair.word = index')]);
    expect(finding!.fixes[0]).toMatchObject({ kind: 'fence', works: true, findingsLeft: 0 });
    expect(finding!.seed).toMatch(/^T1\./);
    // The seed says under which fences it fails, whatever replays it.
    expect(isFailure(replay(onHardware, finding!.seed).outcome)).toBe(true);

    const fixed = await folder.program('fixed', committed(`persistFence();\n  ${between}`, before));
    const result = runCampaign(fixed, LIMITS);
    expect(result.findings).toEqual([]);
    expect(result.exhaustive).toBe(true);
  });

  test('advice without an oracle: written back, acknowledged, and fenced by the kernel only', async () => {
    const text = committed('').replace(
      'persist(ptrTo(pair.flag).address, 8)',
      'clean(ptrTo(pair.flag).address, 8);\n  createSomething()',
    );
    const told = async (fences: FenceModel): Promise<(number | undefined)[]> => {
      const program = await folder.program('unfenced', text, { fences });
      const { advice } = reportOf(program, LIMITS, runCampaign(program, LIMITS), { fixes: false });
      return advice.filter(({ kind }) => kind === 'missing fence').map(({ place }) => place.line);
    };
    expect(await told('hardware')).toEqual([]);
    expect(await told('own')).toEqual([lineOf(text, 'pair.word = index'), lineOf(text, 'pair.flag = index')]);
  });
});

const MEMORY = 4 * MiB;
const USER = 1;
const HANDLER = 0;

/** What one level does next, as instructions and as the axioms' events. */
interface Deed {
  readonly text: string;
  readonly event: Event;
}

function deedOf(random: Random, level: number): Deed {
  const block = random.below(2);
  const kind = random.below(4);
  if (kind < 2) {
    const value = 1 + random.below(3);
    const address = block * 64 + random.below(2) * 8;
    return {
      text: `li t1, ${value}\nsb t1, ${address}(s0)`,
      event: { kind: 'store', hart: level, address, bytes: [value] },
    };
  }
  if (kind === 2)
    return {
      text: `addi t2, s0, ${block * 64}\ncbo.clean (t2)`,
      event: { kind: 'clean', hart: level, block },
    };
  return {
    text: 'fence rw, rw',
    event: { kind: 'fence', hart: level, pred: FENCE.R | FENCE.W, succ: FENCE.R | FENCE.W },
  };
}

/** A program in user mode whose system calls do deeds of their own, in the order of `events`. */
function randomProgram(random: Random): { readonly program: Program; readonly events: readonly Event[] } {
  const events: Event[] = [];
  const user: string[] = [];
  const handlers: string[] = [];
  const deeds = (level: number, most: number): string =>
    Array.from({ length: random.below(most + 1) }, () => {
      const { text, event } = deedOf(random, level);
      events.push(event);
      return text;
    }).join('\n');
  const calls = 1 + random.below(3);
  for (let call = 0; call < calls; call++) {
    user.push(deeds(USER, 3), `li a7, ${call}\necall`);
    handlers.push(`call${call}:\n${deeds(HANDLER, 2)}\nj back`);
  }
  user.push(deeds(USER, 2));
  const text = `
    li s0, ${nvdimmAddress(MEMORY)}
    li s1, ${TORTURE_BASE}
    # Everything is allowed in user mode, cache-block operations too.
    li t0, -1
    csrw pmpaddr0, t0
    li t0, 0x1f
    csrw pmpcfg0, t0
    li t0, 0x70
    csrw menvcfg, t0
    csrw senvcfg, t0
    la t0, handler
    csrw mtvec, t0
    la t0, user
    csrw mepc, t0
    li t0, 0x1800
    csrc mstatus, t0
    mret
  user:
    ${user.join('\n')}
    li a7, ${calls}
    ecall
  handler:
    csrr t0, mepc
    addi t0, t0, 4
    csrw mepc, t0
    ${handlers.map((_, call) => `li t0, ${call}\nbeq a7, t0, call${call}`).join('\n')}
    li t0, 0x100000
    li t1, 0x5555
    sw t1, 0(t0)
    j .
    ${handlers.join('\n')}
  back:
    mret
  `;
  const { bytes } = assembleFlat(text, 0x8000_0000n, { compress: false });
  const elf = { name: 'levels', bytes };
  return { program: { elf, memory: MEMORY, nvdimm: 16 * 1024, budget: 5000 }, events };
}

test('two levels of privilege leave what the axioms allow to two harts', { timeout: 120_000 }, () => {
  let stricter = 0;
  for (let seed = 0; seed < 60 * SCALE; seed++) {
    const { program, events } = randomProgram(new Random(7000 + seed));
    const contents = (fences: FenceModel): string[][] => {
      let end: CrashPoint | undefined;
      runWorkload(
        { ...program, fences },
        {
          visit: (point) => {
            end = { ...point, visible: point.visible.slice() };
          },
        },
      );
      return [0, 1].map((block) => {
        const set = end!.sets.get(blockNumber(block));
        const all = set ? [...set] : [end!.visible.subarray(block * 64, block * 64 + 64)];
        return all.map((bytes) => Buffer.from(bytes).toString('hex')).sort();
      });
    };
    const allowed = (of: readonly Event[]): string[][] =>
      [0, 1].map((block) => [...legalContents(of, block, new Uint8Array(64), 'mem-ctrl')].sort());
    const own = contents('own');
    expect(own, `program ${seed}`).toEqual(allowed(events));
    const hardware = contents('hardware');
    expect(hardware, `program ${seed}`).toEqual(allowed(events.map((event) => ({ ...event, hart: 0 }))));
    if (JSON.stringify(own) !== JSON.stringify(hardware)) stricter++;
  }
  expect(stricter).toBeGreaterThan(0);
});
