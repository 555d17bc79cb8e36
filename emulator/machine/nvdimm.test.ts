/** Does a guest program on a real machine get from its NVDIMM what the model says: order, errors, failures? */
import { expect, test } from 'vitest';
import { MiB } from '../addresses.ts';
import { assembleFlat } from '../cpu/isa/assembler/assembler.ts';
import { Finisher } from '../devices/finisher.ts';
import { blockNumber, dpa } from '../nvdimm/dpa.ts';
import { MemoryMedia } from '../nvdimm/media.ts';
import type { NvdimmOptions } from '../nvdimm/nvdimm.ts';
import { Random } from '../random.ts';
import { DRAM_BASE } from './config.ts';
import { Machine } from './machine.ts';
import { nvdimmBase, nvdimmExtension } from './nvdimm.ts';
import { readState, restoreState, saveState } from './saved-state.ts';
import { restoreSnapshot, stateHash, takeSnapshot } from './state.ts';

const SIZE = 2 * MiB;
const BASE = nvdimmBase(DRAM_BASE + 4 * MiB);

/** A machine with a program at the start of DRAM, in M-mode; `s0` is the NVDIMM's first byte. */
function machineWith(program: string, options: Partial<NvdimmOptions> = {}, media = new MemoryMedia(SIZE)) {
  const extension = nvdimmExtension({ media, ...options });
  const machine = new Machine(
    { memory: 4 * MiB, nvdimm: { base: BASE, size: SIZE }, devices: (host) => [new Finisher(host)] },
    [extension],
  );
  const { bytes: code } = assembleFlat(
    `li s0, ${BASE}
     la t0, trap
     csrw mtvec, t0
     ${program}
     li t0, 0x100000
     li t1, 0x5555
     sw t1, 0(t0)
     1: j 1b
     .align 2
     trap: csrr a6, mcause
     csrr a7, mtval
     li t0, 0x100000
     li t1, 0x5555
     sw t1, 0(t0)
     2: j 2b`,
    BigInt(DRAM_BASE),
  );
  machine.memory.writeBytes(DRAM_BASE, code);
  machine.boot({ entry: BigInt(DRAM_BASE), mode: 'machine', dtb: 0 });
  return { machine, nvdimm: extension.nvdimm, media };
}

const media32 = (media: MemoryMedia, offset: number): number => {
  const bytes = new Uint8Array(4);
  media.read(dpa(offset), bytes);
  return new DataView(bytes.buffer).getUint32(0, true);
};

const PERSIST_TWO = `
  li t0, 11
  sd t0, 0(s0)
  cbo.clean (s0)
  fence w, w
  li t0, 22
  sd t0, 64(s0)
  addi t1, s0, 64
  cbo.flush (t1)`;

test('a program that cleans and fences finds its data on the media', () => {
  const { machine, nvdimm, media } = machineWith(`${PERSIST_TWO}\n fence w, w\n li t0, 33\n sd t0, 128(s0)`);
  expect(machine.run()).toMatchObject({ kind: 'exit', code: 0 });
  nvdimm.beforeOutput();
  expect([media32(media, 0), media32(media, 64), media32(media, 128)]).toEqual([11, 22, 0]);
  nvdimm.powerOff();
  expect(media32(media, 128)).toBe(33);
});

test('recording names the pending stores by pc, and gives the same run', () => {
  const light = machineWith(PERSIST_TWO);
  const { machine, nvdimm } = machineWith(PERSIST_TWO, { recording: true });
  light.machine.run();
  machine.run();
  expect(machine.instructions).toBe(light.machine.instructions);
  const engine = nvdimm.engine;
  expect(engine.lineState(blockNumber(0))).toBe('clean');
  expect(engine.lineState(blockNumber(1))).toBe('written-back');
  const [store] = engine.pendingStores(blockNumber(1));
  const word = machine.memory.read32(store!.pcLow);
  // sd t0, 64(s0)
  expect(word.toString(16)).toBe('4543023');
  expect(store).toMatchObject({ hart: 0, low: 22, size: 8 });
});

test('misaligned, atomic and zeroing stores are recorded as the model splits them', () => {
  const { machine, nvdimm } = machineWith(
    `li t0, -1
     sd t0, 60(s0)
     addi t1, s0, 256
     li t2, 5
     amoadd.d t3, t2, (t1)
     lr.d t4, (t1)
     sc.d t5, t0, (t1)
     li t6, 0x6000
     csrs mstatus, t6
     fld fa0, 0(s0)
     fsd fa0, 512(s0)
     addi t1, s0, 640
     cbo.zero (t1)
     addi a1, s0, 768
     c.sd a0, 0(a1)`,
    { recording: true },
  );
  machine.run();
  const sizes = (block: number) =>
    nvdimm.engine.pendingStores(blockNumber(block)).map(({ offset, size, low }) => [offset, size, low >>> 0]);
  expect(sizes(0)).toEqual([[60, 4, 0xffffffff]]);
  expect(sizes(1)).toEqual([[0, 4, 0xffffffff]]);
  expect(sizes(4)).toEqual([
    [0, 8, 5],
    [0, 8, 0xffffffff],
  ]);
  expect(sizes(8)).toEqual([[0, 8, 0]]);
  expect(sizes(10)).toEqual([[0, 64, 0]]);
  expect(sizes(12).length).toBe(1);
});

test('a load of poison raises the hardware-error exception; a whole block of stores clears it', () => {
  const poisoned = machineWith('ld t0, 200(s0)');
  poisoned.nvdimm.errors.poison(blockNumber(3));
  poisoned.machine.run();
  const { hart } = poisoned.machine.cores[0]!;
  expect([hart.x(16), hart.x(17) >>> 0, hart.hi]).toEqual([19, 200, BASE / 2 ** 32]);
  expect(poisoned.nvdimm.errors.known).toEqual([192]);
  const stores = Array.from({ length: 8 }, (_, i) => `sd s0, ${192 + 8 * i}(s0)`).join('\n');
  const cleared = machineWith(`${stores}\n ld t0, 200(s0)\n addi s1, x0, 7`);
  cleared.nvdimm.errors.poison(blockNumber(3));
  cleared.machine.run();
  expect(cleared.machine.cores[0]!.hart.x(9)).toBe(7);
  const zeroed = machineWith(`addi t1, s0, 192\n cbo.zero (t1)\n ld t0, 200(s0)\n addi s1, x0, 7`);
  zeroed.nvdimm.errors.poison(blockNumber(3));
  zeroed.machine.run();
  expect(zeroed.machine.cores[0]!.hart.x(9)).toBe(7);
});

test('the power fails at any instruction: the second record is never there without the first', () => {
  const program = `
    li s1, 50
    1: addi s2, s2, 1
    sd s2, 0(s0)
    cbo.clean (s0)
    fence w, w
    sd s2, 64(s0)
    addi t1, s0, 64
    cbo.clean (t1)
    fence w, w
    bne s1, s2, 1b`;
  const random = new Random(5);
  const seen = new Set<string>();
  for (let round = 0; round < 60; round++) {
    const { machine, nvdimm, media } = machineWith(program, { recording: true });
    machine.run({ instructions: 10 + random.below(380) });
    nvdimm.powerFail({ kind: 'sample', random });
    const [first, second] = [media32(media, 0), media32(media, 64)];
    expect(first === second || first === second + 1).toBe(true);
    seen.add(`${first - second}`);
  }
  expect([...seen].sort()).toEqual(['0', '1']);
});

test('the controller is on the bus and knows the hart: a deep flush saves from a failure of ADR', () => {
  const program = `
    ${PERSIST_TWO}
    fence w, w
    li t1, 0x10200040
    sw x0, 0(t1)
    fence o, w
    li t0, 33
    sd t0, 0(s0)
    cbo.clean (s0)
    fence w, w`;
  const { machine, nvdimm, media } = machineWith(program, { recording: true, trackDeep: true });
  machine.run();
  nvdimm.powerFail({ kind: 'oldest' }, 'adr-fail');
  expect([media32(media, 0), media32(media, 64)]).toEqual([11, 22]);
});

test.each([false, true])(
  'a run saved in the middle and finished elsewhere ends in the same state (recording: %s)',
  (recording) => {
    const program = `
    li s1, 200
    1: addi s2, s2, 1
    andi t0, s2, 7
    slli t0, t0, 6
    add t0, t0, s0
    sd s2, 0(t0)
    cbo.clean (t0)
    andi t1, s2, 3
    bnez t1, 2f
    fence w, w
    2: bne s1, s2, 1b`;
    const whole = machineWith(program, { recording });
    whole.machine.run();
    const first = machineWith(program, { recording });
    first.machine.run({ instructions: 777 });
    const second = machineWith('nop', { recording });
    restoreState(second.machine, readState(saveState(first.machine), 'state'), 'state');
    expect(stateHash(second.machine)).toBe(stateHash(first.machine));
    second.machine.run();
    expect(stateHash(second.machine)).toBe(stateHash(whole.machine));
    for (const block of [0, 64, 448]) {
      expect(second.machine.memory.read32(BASE + block)).toBe(whole.machine.memory.read32(BASE + block));
    }
    if (recording) expect(second.nvdimm.engine.countImages()).toBe(whole.nvdimm.engine.countImages());
  },
);

test('snapshots go back and forth with what is pending', () => {
  const { machine, nvdimm } = machineWith(
    `li s1, 300
     1: sd s1, 0(s0)
     sd s1, 64(s0)
     cbo.clean (s0)
     fence w, w
     addi s1, s1, -1
     bnez s1, 1b`,
    { recording: true, writeThrough: false },
  );
  const random = new Random(3);
  const points: { snapshot: ReturnType<typeof takeSnapshot>; hash: string; images: bigint }[] = [];
  for (let i = 0; i < 5; i++) {
    machine.run({ instructions: 50 + random.below(60) });
    const snapshot = takeSnapshot(machine);
    points.push({ snapshot, hash: stateHash(machine), images: nvdimm.engine.countImages() });
  }
  for (let i = 0; i < 40; i++) {
    const { snapshot, hash, images } = random.pick(points);
    restoreSnapshot(machine, snapshot);
    expect(stateHash(machine)).toBe(hash);
    expect(nvdimm.engine.countImages()).toBe(images);
    machine.run({ instructions: random.below(100) });
  }
});
