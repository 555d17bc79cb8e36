/** Does the device tree say what QEMU's says about the same machine, and survive flattening and reading back? */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeWith, findOracle, QEMU } from '../../test/oracles.ts';
import { MiB } from '../addresses.ts';
import { DRAM_BASE } from '../machine/config.ts';
import { buildDeviceTree } from './device-tree.ts';
import { FakeHost } from './fake-host.ts';
import { flattenTree, parseTree, TreeNode } from './fdt.ts';
import { makeVirtDevices } from './virt.ts';

function ourTree(harts: number): Uint8Array {
  const devices = makeVirtDevices(new FakeHost(harts), { uartOutput: () => {}, seed: 1 });
  return buildDeviceTree({
    harts,
    memory: { base: DRAM_BASE, size: 256 * MiB },
    devices: devices.all,
    bootargs: 'console=ttyS0',
    seed: 1,
  });
}

test('a tree read back is the tree that was flattened', () => {
  const root = new TreeNode('').cells('#address-cells', 2).flag('empty');
  root
    .child('a@1')
    .strings('names', 'x', 'yz')
    .child('b')
    .bytes('odd', Uint8Array.of(1, 2, 3, 4, 5));
  root.child('c').cells64('reg', 0x12_3456_789a, 0x1000);
  const back = parseTree(flattenTree(root));
  expect(back).toEqual(root);
  expect([...back.find('c')!.properties.get('reg')!]).toEqual([
    0, 0, 0, 0x12, 0x34, 0x56, 0x78, 0x9a, 0, 0, 0, 0, 0, 0, 0x10, 0,
  ]);
});

test('no cut makes the reader throw anything but one line', () => {
  const blob = ourTree(1);
  for (let length = 0; length < blob.length; length += 7) {
    expect(() => parseTree(blob.subarray(0, length), 'x.dtb')).toThrow(/^x\.dtb: [^\n]*$/);
  }
});

/** Nodes that QEMU has and this machine does not, because it has no such device. */
const NOT_HERE = /^(pmu|fw-cfg@|flash@|platform-bus@|soc\/pci@)/;
/** Properties whose values are meant to differ. */
const OWN = new Set(['model', 'rng-seed', 'riscv,isa', 'mmu-type']);

describeWith([QEMU], "QEMU's device tree", () => {
  test.each([1, 4])(
    'with %i harts, every node and property of QEMU that applies is there with the same value',
    (harts) => {
      const folder = mkdtempSync(join(tmpdir(), 'licorice-dtb-'));
      try {
        const file = join(folder, 'virt.dtb');
        const size = ['-m', '256M', '-smp', String(harts)];
        const machine = ['-M', `virt,dumpdtb=${file}`, '-append', 'console=ttyS0', '-display', 'none'];
        execFileSync(findOracle(QEMU)!, [...machine, ...size, '-kernel', process.execPath], {
          stdio: 'ignore',
        });
        const ours = parseTree(ourTree(harts));
        let compared = 0;
        const visit = (theirs: TreeNode, path: string) => {
          for (const child of theirs.children) {
            const childPath = path ? `${path}/${child.name}` : child.name;
            if (NOT_HERE.test(childPath)) continue;
            const mine = ours.find(childPath);
            expect(mine, childPath).toBeDefined();
            for (const [name, value] of child.properties) {
              if (OWN.has(name)) continue;
              compared++;
              expect([...(mine!.properties.get(name) ?? [-1])], `${childPath} ${name}`).toEqual([...value]);
            }
            visit(child, childPath);
          }
        };
        visit(parseTree(readFileSync(file)), '');
        expect(compared).toBeGreaterThan(60);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );
});
