/** Call frame information in .debug_frame (DWARF 5, section 6.4): how to find the caller's registers at each address. */
import { CFA } from '../../dwarf/constants.ts';
import type { Sym } from '../ir/ir.ts';
import type { CompiledFunc } from '../riscv/emit.ts';
import type { DebugBuffer } from './debug-buffer.ts';
import type { ObjectSymbol } from './object.ts';

/** Registers are saved at multiples of this from the CFA. */
const DATA_ALIGNMENT = -8;
const RA = 1;
const SP = 2;
/** Version of .debug_frame that goes with DWARF 4 and 5. */
const VERSION = 4;

export function writeFrames(
  buffer: DebugBuffer,
  funcs: readonly CompiledFunc[],
  symbolOf: (sym: Sym) => ObjectSymbol,
): void {
  const common = buffer.startUnit();
  buffer.u32(0xffff_ffff);
  buffer.u8(VERSION);
  buffer.text('');
  // Address size, segment selector size.
  buffer.raw([8, 0]);
  buffer.uleb(1);
  buffer.sleb(DATA_ALIGNMENT);
  buffer.uleb(RA);
  buffer.raw([CFA.defCfa, SP, 0]);
  pad(buffer);
  buffer.endUnit(common);
  for (const compiled of funcs) {
    const entry = buffer.startUnit();
    buffer.offsetIn(buffer, 0);
    buffer.address(symbolOf(compiled.func));
    buffer.u64(compiled.bytes.length);
    writeOps(buffer, compiled);
    pad(buffer);
    buffer.endUnit(entry);
  }
}

function writeOps(buffer: DebugBuffer, { cfi }: CompiledFunc): void {
  let address = 0;
  for (const { offset, what } of cfi) {
    advance(buffer, offset - address);
    address = offset;
    switch (what.kind) {
      case 'cfaOffset':
        buffer.u8(CFA.defCfaOffset);
        buffer.uleb(what.offset);
        break;
      case 'saved':
        buffer.u8(CFA.offset | what.register);
        buffer.uleb(what.offset / DATA_ALIGNMENT);
        break;
      case 'restored':
        buffer.u8(CFA.restore | what.register);
        break;
      case 'remember':
        buffer.u8(CFA.rememberState);
        break;
      default:
        buffer.u8(CFA.restoreState);
    }
  }
}

function advance(buffer: DebugBuffer, delta: number): void {
  if (delta === 0) return;
  if (delta < 64) buffer.u8(CFA.advance | delta);
  else if (delta < 256) buffer.raw([CFA.advance1, delta]);
  else if (delta < 65536) {
    buffer.u8(CFA.advance2);
    buffer.u16(delta);
  } else {
    buffer.u8(CFA.advance4);
    buffer.u32(delta);
  }
}

/** Fills up to a multiple of 8 with DW_CFA_nop. */
function pad(buffer: DebugBuffer): void {
  while (buffer.length % 8 !== 4) buffer.u8(0);
}
