/**
 * The boot ROM: the words that QEMU's `virt` has at its reset vector, followed by the `fw_dynamic_info` structure in
 * which OpenSBI finds the next stage. Guests only read it: the harts start where its code would jump to, with the
 * registers that it would have set (a0 hart, a1 device tree, a2 `DYNAMIC_INFO_ADDRESS`).
 * Source: OpenSBI documentation, `docs/firmware/fw_dynamic.md`.
 */
import { type AccessSize, BUS_ERROR, type Device, type State } from '../machine/bus.ts';
import { bytesField } from '../machine/fields.ts';
import { MEMORY_MAP } from './memory-map.ts';

/** Where the next stage starts and what it finds. */
export interface BootInfo {
  /** Where all harts start, in M-mode. */
  readonly start: number;
  /** Physical address of the device tree blob. */
  readonly dtb: number;
  /** Where firmware shall go on in S-mode, or 0 for nowhere. */
  readonly next: number;
}

/** auipc t0 · addi a2, t0, 40 · csrr a0, mhartid · ld a1, 32(t0) · ld t0, 24(t0) · jr t0 */
const RESET_VECTOR = [0x00000297, 0x02828613, 0xf1402573, 0x0202b583, 0x0182b283, 0x00028067];
const START_OFFSET = 24;
const DTB_OFFSET = 32;
const DYNAMIC_INFO = 40;
/** Where firmware finds `fw_dynamic_info`; passed in a2. */
export const DYNAMIC_INFO_ADDRESS = MEMORY_MAP.rom.base + DYNAMIC_INFO;
/** 'OSBI', version, next address, next mode (1 = S), options, boot hart: 64 bits each. */
const DYNAMIC_MAGIC = 0x4942534f;
const DYNAMIC_VERSION = 2;
const SUPERVISOR = 1;

export class BootRom implements Device {
  readonly name = 'rom';
  readonly base = MEMORY_MAP.rom.base;
  readonly size = MEMORY_MAP.rom.size;
  private readonly content = new DataView(new ArrayBuffer(256));

  /** Fills the ROM; done once, when the images are placed. */
  load(info: BootInfo): void {
    RESET_VECTOR.forEach((word, index) => {
      this.content.setUint32(index * 4, word, true);
    });
    this.put(START_OFFSET, info.start);
    this.put(DTB_OFFSET, info.dtb);
    const dynamic = [DYNAMIC_MAGIC, DYNAMIC_VERSION, info.next, SUPERVISOR, 0, 0];
    dynamic.forEach((value, index) => {
      this.put(DYNAMIC_INFO + index * 8, value);
    });
  }

  read(offset: number, size: AccessSize): number {
    if (offset + size > this.content.byteLength) return 0;
    if (size === 1) return this.content.getUint8(offset);
    return size === 2 ? this.content.getUint16(offset, true) : this.content.getUint32(offset, true);
  }

  write(): number {
    return BUS_ERROR;
  }

  save(): State {
    return { content: new Uint8Array(this.content.buffer.slice(0)) };
  }

  restore(state: State): void {
    new Uint8Array(this.content.buffer).set(bytesField(state, 'content'));
  }

  private put(offset: number, value: number): void {
    this.content.setBigUint64(offset, BigInt(value), true);
  }
}
