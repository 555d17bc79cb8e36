/**
 * The section .riscv.attributes (riscv-elf-psabi, "Attributes"): tells disassemblers and linkers which extensions the
 * code uses.
 */
import { SHT } from '../../../emulator/elf/constants.ts';
import { DebugBuffer } from './debug-buffer.ts';
import { ObjectSection } from './object.ts';

/** What the code generator may use, in the canonical order of ISA strings. */
export const ARCH =
  'rv64i2p1_m2p0_a2p1_f2p2_d2p2_c2p0_zicbom1p0_zicbop1p0_zicboz1p0_zicsr2p0_zifencei2p0_zba1p0_zbb1p0_zbs1p0';

const VERSION = 'A'.charCodeAt(0);
const TAG_FILE = 1;
const TAG_STACK_ALIGN = 4;
const TAG_ARCH = 5;
const STACK_ALIGN = 16;

export function attributesSection(): ObjectSection {
  const buffer = new DebugBuffer('.riscv.attributes');
  buffer.u8(VERSION);
  const vendor = buffer.length;
  buffer.u32(0);
  buffer.text('riscv');
  const file = buffer.length;
  buffer.uleb(TAG_FILE);
  buffer.u32(0);
  buffer.uleb(TAG_STACK_ALIGN);
  buffer.uleb(STACK_ALIGN);
  buffer.uleb(TAG_ARCH);
  buffer.text(ARCH);
  // Both lengths count themselves.
  buffer.patchU32(vendor, buffer.length - vendor);
  buffer.patchU32(file + 1, buffer.length - file);
  const section = new ObjectSection('.riscv.attributes', SHT.RISCV_ATTRIBUTES, 0, 1);
  section.data = buffer.finish().data;
  section.size = section.data.length;
  return section;
}
