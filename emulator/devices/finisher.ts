/**
 * The SiFive test finisher: a 32-bit write ends the run with an exit code or restarts the machine. Source: SiFive
 * "test" device as QEMU's `virt` has it; the device tree also offers it as a syscon for power-off and reset.
 *
 *   bits 15:0   0x5555 pass · 0x3333 fail · 0x7777 reset
 *   bits 31:16  exit code of a failure
 */
import {
  type AccessSize,
  BUS_ERROR,
  type Device,
  type DeviceHost,
  type DeviceTreeNode,
  type State,
} from '../machine/bus.ts';
import { MEMORY_MAP } from './memory-map.ts';
import { phandles, unitName } from './tree-names.ts';

export const FINISHER = { pass: 0x5555, fail: 0x3333, reset: 0x7777 } as const;

export class Finisher implements Device {
  readonly name = 'test';
  readonly base = MEMORY_MAP.test.base;
  readonly size = MEMORY_MAP.test.size;

  constructor(private readonly host: DeviceHost) {}

  read(): number {
    return 0;
  }

  write(offset: number, size: AccessSize, value: number): number | undefined {
    if (size === 1) return BUS_ERROR;
    if (offset !== 0) return;
    const code = value >>> 16;
    switch (value & 0xffff) {
      case FINISHER.pass:
        this.host.beforeOutput();
        this.host.power({ kind: 'exit', code: 0, by: 'test finisher' });
        break;
      case FINISHER.fail:
        this.host.beforeOutput();
        this.host.power({ kind: 'exit', code, by: 'test finisher' });
        break;
      case FINISHER.reset:
        this.host.power({ kind: 'reset', by: 'test finisher' });
        break;
    }
    return;
  }

  save(): State {
    return {};
  }

  restore(): void {}

  deviceTree(): readonly DeviceTreeNode[] {
    const { test } = phandles(this.host.hartCount);
    return [
      {
        name: unitName('test', this.base),
        properties: {
          phandle: [test],
          reg: [0, this.base, 0, this.size],
          compatible: ['sifive,test1', 'sifive,test0', 'syscon'],
        },
      },
      {
        name: 'poweroff',
        parent: '/',
        properties: { value: [FINISHER.pass], offset: [0], regmap: [test], compatible: 'syscon-poweroff' },
      },
      {
        name: 'reboot',
        parent: '/',
        properties: { value: [FINISHER.reset], offset: [0], regmap: [test], compatible: 'syscon-reboot' },
      },
    ];
  }
}
