/**
 * Does the backing file work as the memory-backend-file of QEMU's memory, and does the same guest program see the
 * same bytes there, both ways?
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MiB } from '../emulator/addresses.ts';
import { assembleFlat } from '../emulator/cpu/isa/assembler/assembler.ts';
import { tinyElf } from '../emulator/elf/tiny.ts';
import { dpa } from '../emulator/nvdimm/dpa.ts';
import { NvdimmFile } from '../emulator/nvdimm/file.ts';
import { Random } from '../emulator/random.ts';
import { type BuiltCommand, buildLicorice } from './command.ts';
import { describeWith, findOracle, QEMU } from './oracles.ts';

const SIZE = 64 * MiB;
/** Bytes that the guest reads; the program lies behind them where the media are QEMU's main memory. */
const READ = 2 * MiB;
const PROGRAM = 0x8300_0000;
/** Where the guest leaves a mark: offset and value. */
const MARK_OFFSET = 0x40_0000;

/**
 * Finds the media (above 4 GiB; where nothing is, at the start of main memory), prints a hash of the first READ
 * bytes (h = 31 h + word, over 64-bit words), and persists it at MARK_OFFSET.
 */
const GUEST = `
  la t0, absent
  csrw mtvec, t0
  li s0, 0x100000000
  ld t1, 0(s0)
  j found
  .align 2
absent:
  li s0, 0x80000000
found:
  li t0, ${READ / 8}
  mv t1, s0
  li s1, 0
  li t3, 31
sum:
  ld t2, 0(t1)
  mul s1, s1, t3
  add s1, s1, t2
  addi t1, t1, 8
  addi t0, t0, -1
  bnez t0, sum
  li t0, ${MARK_OFFSET}
  add t0, s0, t0
  sd s1, 0(t0)
  fence rw, rw
  li s3, 0x10000000
  li t3, 60
digit:
  srl t1, s1, t3
  andi t1, t1, 15
  addi t1, t1, 48
  li t2, 58
  blt t1, t2, put
  addi t1, t1, 39
put:
  sb t1, 0(s3)
  addi t3, t3, -4
  bgez t3, digit
  li t0, 0x100000
  li t1, 0x5555
  sw t1, 0(t0)
stop:
  j stop`;

describeWith([QEMU], "the file as QEMU's memory", () => {
  let command: BuiltCommand;
  let folder: string;
  let file: string;
  let elf: string;
  const content = new Uint8Array(READ);

  beforeAll(async () => {
    command = await buildLicorice();
    folder = mkdtempSync(join(tmpdir(), 'licorice-qemu-'));
    file = join(folder, 'test.nvm');
    elf = join(folder, 'guest.elf');
    const { bytes } = assembleFlat(GUEST, BigInt(PROGRAM));
    writeFileSync(elf, tinyElf([{ address: BigInt(PROGRAM), data: bytes }], BigInt(PROGRAM)));
    const random = new Random(77);
    for (let i = 0; i < READ; i++) content[i] = random.u32();
    const media = NvdimmFile.open(file, { size: SIZE });
    media.write(dpa(0), content);
    media.close();
  });
  afterAll(() => {
    command.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  const onLicorice = (): string => {
    const args = [command.script, 'run', elf, '--bios', 'none', '--nvdimm', file];
    const run = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 });
    expect([run.status, run.stderr]).toEqual([0, '']);
    return run.stdout;
  };
  const onQemu = (): string => {
    const backend = `memory-backend-file,id=media,size=${SIZE},mem-path=${file},share=on`;
    const args = [
      '-M',
      'virt,memory-backend=media',
      '-object',
      backend,
      '-m',
      String(SIZE / MiB),
      '-nographic',
    ];
    const run = spawnSync(
      findOracle(QEMU)!,
      [...args, '-bios', 'none', '-device', `loader,file=${elf},cpu-num=0`],
      { encoding: 'utf8', timeout: 60_000 },
    );
    expect([run.status, run.stderr]).toEqual([0, '']);
    return run.stdout;
  };
  const mark = (): bigint => {
    const media = NvdimmFile.open(file);
    const bytes = new Uint8Array(8);
    media.read(dpa(MARK_OFFSET), bytes);
    media.close();
    return new DataView(bytes.buffer).getBigUint64(0, true);
  };
  const expected = (): string => {
    const view = new DataView(content.buffer);
    let hash = 0n;
    for (let at = 0; at < READ; at += 8) hash = BigInt.asUintN(64, hash * 31n + view.getBigUint64(at, true));
    return hash.toString(16).padStart(16, '0');
  };

  test('the same program prints the same hash of the same bytes, and each sees what the other wrote', () => {
    expect(onLicorice()).toBe(expected());
    expect(mark().toString(16)).toBe(expected().replace(/^0+/, ''));
    expect(onQemu()).toBe(expected());
    // Other content: QEMU's guest hashes it and leaves its mark, which is then in the file and in licorice's run.
    const media = NvdimmFile.open(file);
    content[0]! ^= 0xff;
    media.write(dpa(0), content.subarray(0, 64));
    media.close();
    expect(onQemu()).toBe(expected());
    expect(mark().toString(16)).toBe(expected().replace(/^0+/, ''));
    expect(onLicorice()).toBe(expected());
  });
});
