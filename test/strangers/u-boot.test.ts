/**
 * Do Debian's OpenSBI and U-Boot, which nobody here wrote, reach the prompt with 1 and with 4 harts, and does U-Boot
 * answer `version`, `bdinfo` and `md` as on QEMU?
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { MiB } from '../../emulator/addresses.ts';
import { Random } from '../../emulator/random.ts';
import { describeWith, findOracle, OPENSBI, QEMU, UBOOT } from '../oracles.ts';
import { type Conversation, onLicorice, onQemu } from './conversation.ts';

const PROMPT = '=> ';
const MEMORY = 256 * MiB;
const firmware = (name: string): string => join(dirname(findOracle(OPENSBI)!), name);
const image = (path: string) => ({ name: path, bytes: readFileSync(path) });

/** Boots to the prompt without the countdown; returns what was printed on the way. */
async function toPrompt(guest: Conversation): Promise<string> {
  const before = await guest.until('Hit any key');
  guest.type(' ');
  return before + (await guest.until(PROMPT));
}

/** The lines that a command prints. */
async function answer(guest: Conversation, command: string): Promise<string[]> {
  guest.type(`${command}\r`);
  const lines = (await guest.until(PROMPT)).split(/\r?\n/);
  // Without the echo of the command and the prompt.
  return lines.slice(1, -1);
}

/** What may differ: where the device tree lies and how long it is, what depends on that, and flash, which is not here. */
const steady = (lines: readonly string[]): string[] =>
  lines.filter((line) => !/fdt|reserved\[|relocaddr|reloc off|flash/.test(line));

describeWith([OPENSBI, UBOOT, QEMU], 'OpenSBI and U-Boot', () => {
  test.each([
    ['fw_dynamic.bin', 1],
    ['fw_dynamic.bin', 4],
    ['fw_jump.elf', 1],
  ])(
    '%s with %i harts answers like on QEMU',
    async (name, harts) => {
      const ours = onLicorice(
        { firmware: image(firmware(name)), kernel: image(findOracle(UBOOT)!) },
        { harts, memory: MEMORY },
      );
      const qemu = onQemu([
        ...['-m', '256M', '-smp', String(harts)],
        ...['-bios', firmware(name), '-kernel', findOracle(UBOOT)!],
      ]);
      try {
        const [banner, theirs] = [await toPrompt(ours), await toPrompt(qemu)];
        for (const line of [
          'Platform HART Count',
          'Runtime SBI Version',
          'Domain0 Next Address',
          'Boot HART Domain',
          'U-Boot 20',
          'DRAM:',
        ]) {
          const find = (text: string) => text.split(/\r?\n/).find((candidate) => candidate.startsWith(line));
          expect(find(banner), line).toBeDefined();
          expect(find(banner)).toBe(find(theirs));
        }
        for (const command of [
          'version',
          'bdinfo',
          'md 80200000 20',
          'md.b 80200100 30',
          'printenv bootcmd',
        ]) {
          const [got, expected] = [await answer(ours, command), await answer(qemu, command)];
          expect(steady(got), command).toEqual(steady(expected));
          expect(got.length).toBeGreaterThan(0);
        }
      } finally {
        qemu.close();
      }
    },
    120_000,
  );

  test.each([
    ['legacy', false],
    ['modern', true],
  ])('U-Boot reads and writes a %s virtio disk', async (_name, modernVirtio) => {
    const content = new Random(1).bytes(64 * 512);
    const disk = {
      ...{ size: content.length, readOnly: false, id: 'disk' },
      read: (offset: number, into: Uint8Array) => into.set(content.subarray(offset, offset + into.length)),
      write: (offset: number, bytes: Uint8Array) => content.set(bytes, offset),
      flush: () => {},
    };
    const guest = onLicorice(
      { kernel: image(findOracle(UBOOT)!) },
      { memory: MEMORY, modernVirtio, disks: [disk] },
    );
    await toPrompt(guest);
    await answer(guest, 'virtio scan');
    expect((await answer(guest, 'virtio info')).join(' ')).toContain('(64 x 512)');
    expect((await answer(guest, 'virtio read 84000000 10 8')).join(' ')).toContain('8 blocks read: OK');
    const shown = (await answer(guest, 'md.b 84000000 10')).join(' ');
    const sector = [...content.subarray(16 * 512, 16 * 512 + 16)];
    expect(shown).toContain(sector.map((byte) => byte.toString(16).padStart(2, '0')).join(' '));
    await answer(guest, 'mw.b 84000000 5a 400');
    expect((await answer(guest, 'virtio write 84000000 3 2')).join(' ')).toContain('2 blocks written: OK');
    expect([...content.subarray(3 * 512, 5 * 512)]).toEqual(new Array(1024).fill(0x5a));
  });

  test('U-Boot in S-mode runs on the built-in SBI as well, and powers off', async () => {
    const guest = onLicorice({ kernel: image(findOracle(UBOOT)!) }, { memory: MEMORY });
    expect(await toPrompt(guest)).toContain('U-Boot 20');
    expect((await answer(guest, 'version')).join()).toContain('U-Boot');
    guest.type('poweroff\r');
    await expect(guest.until('never printed')).rejects.toThrow(/exit/);
  });
});
