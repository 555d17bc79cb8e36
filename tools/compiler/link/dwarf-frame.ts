/** Call frame information in .debug_frame (DWARF 5, section 6.4): how to find the caller's registers at each address. */
import { CFA, OP } from '../../dwarf/constants.ts';
import type { Func, Sym } from '../ir/ir.ts';
import type { TrapFrame } from '../ir/trap-frame.ts';
import type { CompiledFunc } from '../riscv/emit.ts';
import type { DebugBuffer } from './debug-buffer.ts';
import type { ObjectSymbol } from './object.ts';

/** Registers are saved at multiples of this from the CFA. */
const DATA_ALIGNMENT = -8;
const RA = 1;
const SP = 2;
/** Column of the pc of code that trapped, as GNU's tools number it for RISC-V: its x1 is a register like others. */
const TRAP_PC = 64;
/** Version of .debug_frame that goes with DWARF 4 and 5. */
const VERSION = 4;

/** A naked function that handles traps. */
export interface TrapHandler {
  readonly func: Func;
  readonly bytes: Uint8Array;
  readonly frame: TrapFrame;
}

export function writeFrames(
  buffer: DebugBuffer,
  funcs: readonly CompiledFunc[],
  handlers: readonly TrapHandler[],
  symbolOf: (sym: Sym) => ObjectSymbol,
): void {
  writeCommon(buffer, '', RA);
  for (const compiled of funcs)
    writeEntry(buffer, 0, symbolOf(compiled.func), compiled.bytes, () => writeOps(buffer, compiled));
  if (handlers.length === 0) return;
  const traps = buffer.length;
  // 'S': frames of traps, whose pc is the instruction itself and not the one after a call.
  writeCommon(buffer, 'S', TRAP_PC);
  for (const { func, bytes, frame } of handlers)
    writeEntry(buffer, traps, symbolOf(func), bytes, () => writeTrapOps(buffer, bytes, frame));
}

/** The entry of a function. @param common where what it has in common with others lies */
function writeEntry(
  buffer: DebugBuffer,
  common: number,
  symbol: ObjectSymbol,
  bytes: Uint8Array,
  writeRules: () => void,
): void {
  const entry = buffer.startUnit();
  buffer.offsetIn(buffer, common);
  buffer.address(symbol);
  buffer.u64(bytes.length);
  writeRules();
  pad(buffer);
  buffer.endUnit(entry);
}

/** What entries have in common. */
function writeCommon(buffer: DebugBuffer, augmentation: string, returnColumn: number): void {
  const common = buffer.startUnit();
  buffer.u32(0xffff_ffff);
  buffer.u8(VERSION);
  buffer.text(augmentation);
  // Address size, segment selector size.
  buffer.raw([8, 0]);
  buffer.uleb(1);
  buffer.sleb(DATA_ALIGNMENT);
  buffer.uleb(returnColumn);
  buffer.raw([CFA.defCfa, SP, 0]);
  pad(buffer);
  buffer.endUnit(common);
}

/** Size of the call (`jal`) of a handler, before the function's last instruction. */
const CALL_BYTES = 4;
const C_EBREAK = 0x9002;

/**
 * A trap handler that ends in a call and an instruction that is never reached: while it calls, registers are where its
 * `@trapframe` says. Before that nothing is said of the code that trapped.
 */
function writeTrapOps(buffer: DebugBuffer, bytes: Uint8Array, { register, offset }: TrapFrame): void {
  buffer.u8(CFA.undefined);
  buffer.uleb(TRAP_PC);
  const last = bytes[bytes.length - 2]! | (bytes[bytes.length - 1]! << 8);
  advance(buffer, bytes.length - (last === C_EBREAK ? 2 : 4) - CALL_BYTES);
  for (let number = 0; number < 32; number++) {
    const expression = [OP.breg0 + register, ...sleb(offset), OP.deref, OP.plusUconst, ...uleb(8 * number)];
    buffer.u8(CFA.expression);
    buffer.uleb(number === 0 ? TRAP_PC : number);
    buffer.uleb(expression.length);
    buffer.raw(expression);
  }
}

/** LEB128 of a number from 0. */
const uleb = (value: number): number[] =>
  value < 128 ? [value] : [(value % 128) | 0x80, ...uleb(Math.floor(value / 128))];
/** Of the same as a signed one. */
const sleb = (value: number): number[] =>
  value < 64 ? [value] : [(value % 128) | 0x80, ...sleb(Math.floor(value / 128))];

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
