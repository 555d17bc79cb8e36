/**
 * Predecoded records: what the interpreter runs instead of instruction words. One record for each halfword of a
 * code page, so that the record of address a lies at (a & 0xfff) * 4 in its page's records; that of the second
 * half of a 4-byte instruction is its own (code may jump there).
 *
 * A record, 8 bytes, little-endian:
 *
 *   byte 0      handler: index into `HANDLERS`; 0 = not decoded, so fresh zeroed memory is valid
 *   byte 1      rs1 * 8
 *   bytes 3:2   rd: byte offset of its cell from the hart's base (`HART.sink` for x0; floating point: number * 8);
 *               in instructions with an immediate and no rd: rs2 * 8
 *   bytes 7:4   the immediate, signed (branches and jumps: times 4, a distance between records); without one:
 *               byte 4 rs2 * 8 · byte 5 rs3 * 8 · byte 6 rounding mode * 4
 */
import { COMPRESSED } from './isa/compressed.ts';
import type { Instruction } from './isa/instruction.ts';
import type { InstructionRow } from './isa/row.ts';
import { ROWS } from './isa/table.ts';
import { HART, xOffset } from './state.ts';

export const RECORD_SIZE = 8;
/** Bytes of records from one halfword of code to the next, as a shift of the byte address. */
export const RECORD_SHIFT = 2;
/** Bytes of the records of one page. */
export const PAGE_RECORDS_SIZE = 4096 << RECORD_SHIFT;

/** Bytes of a page's cells. */
export const PAGE_CELLS_SIZE = 2048 * 4;

/** Offsets in what is kept for each code page. */
export const PAGE_RECORDS = {
  /** A `PageEnd` record: execution ran off the page. */
  end: PAGE_RECORDS_SIZE,
  /** The record of the instruction that begins in the last halfword and ends in the next page, see `Cross`. */
  cross: PAGE_RECORDS_SIZE + 16,
  /** A `PageEnd` record behind it. */
  crossEnd: PAGE_RECORDS_SIZE + 32,
  /** i32: host address of the records of the page that `cross` ends in. */
  crossNext: PAGE_RECORDS_SIZE + 48,
  /**
   * The translator's cells, an i32 for each halfword: how often a jump came here, while it is not negative; then
   * the complement of the index of the translated region that begins here.
   */
  cells: PAGE_RECORDS_SIZE + 64,
  /** Bytes from one page's records to the next. */
  stride: PAGE_RECORDS_SIZE + 64 + PAGE_CELLS_SIZE,
} as const;

/**
 * Where computed jumps went, as the profiled interpreter saw them, for each hart from `HART.engine` + `offset` on: a
 * table of entries by the low bits of the jump's address. An entry, 64 bytes:
 *
 *   i32 tag          low half of the jump's virtual address
 *   i32 × 8 at 32    low halves of targets, each at the place that its hash gives; 0 = none
 */
export const JUMP_TARGETS = {
  offset: 0x1000,
  entries: 1024,
  size: 64,
  targets: 32,
  slots: 8,
  /** A target's slot: the top bits of its product with this. */
  multiplier: 0x9e37_79b1 | 0,
} as const;

/** What the profiled interpreter returns, before an instruction that it has not counted, besides an `Exit`. */
export const Profile = {
  /** The place at pc was jumped to often enough. */
  Hot: 16,
  /** The place at pc has been translated. */
  Translated: 17,
  /** Jumps after which a place is hot. */
  threshold: 6000,
} as const;

/** Handlers that are no instruction of the table. */
export const Special = {
  /** Not decoded yet: Exit.Decode. */
  Decode: 0,
  /** Continues on the next page. */
  PageEnd: 1,
  /** A 4-byte instruction in the last halfword: runs `PAGE_RECORDS.cross` if the next page is still the same. */
  Cross: 2,
  System: 3,
  Illegal: 4,
  Breakpoint: 5,
} as const;
const SPECIAL_COUNT = 6;

/** An instruction of the table in one of its lengths. */
export interface Handler {
  readonly id: number;
  readonly row: InstructionRow;
  /** Bytes: 2 or 4. */
  readonly length: number;
}

const compressible = new Set(COMPRESSED.map((row) => row.base));

const instructions: Handler[] = [];
for (const [id, row] of ROWS.entries()) {
  if (!row.meaning) continue;
  instructions.push({ id, row, length: 4 });
  if (compressible.has(id)) instructions.push({ id, row, length: 2 });
}

/** By handler number; undefined for the special ones. */
export const HANDLERS: readonly (Handler | undefined)[] = [
  ...new Array<undefined>(SPECIAL_COUNT).fill(undefined),
  ...instructions,
];
if (HANDLERS.length > 256) throw new Error(`${HANDLERS.length} handlers do not fit a byte`);

/** Handler numbers by id * 2 + (length is 2); System where a row has no meaning. */
const handlerOf: number[] = new Array(ROWS.length * 2).fill(Special.System);
for (const [number, handler] of HANDLERS.entries()) {
  if (handler) handlerOf[handler.id * 2 + (handler.length === 2 ? 1 : 0)] = number;
}

/** Where a row's rs2 goes in the record: byte 2 beside an immediate, else byte 4. */
export const rs2Place = (row: InstructionRow): 2 | 4 => (hasImmediate(row) ? 2 : 4);

/** Whether bytes 7:4 are an immediate. */
export function hasImmediate(row: InstructionRow): boolean {
  return row.immediate !== 'none' && row.immediate !== 'aqrl';
}

const isJump = (row: InstructionRow): boolean => row.immediate === 'b' || row.immediate === 'j';

/** How to fill a row's record: bit 0 immediate, 1 scaled immediate, 2 integer rd, 3 floating-point rd. */
const shape: number[] = ROWS.map(
  (row) =>
    (hasImmediate(row) ? 1 : 0) |
    (isJump(row) ? 2 : 0) |
    (row.operands.includes('rd') ? 4 : 0) |
    (row.operands.includes('fd') ? 8 : 0),
);

/** Writes the record of a decoded instruction at byte address `at`. */
export function writeRecord(memory: DataView, at: number, i: Instruction): void {
  if (i.id < 0) {
    memory.setInt32(at, Special.Illegal, true);
    return;
  }
  const form = shape[i.id]!;
  const handler = handlerOf[i.id * 2 + (i.length === 2 ? 1 : 0)]!;
  const rd = form & 4 ? (i.rd === 0 ? HART.sink : xOffset(i.rd)) : form & 8 ? i.rd * 8 : i.rs2 * 8;
  memory.setInt32(at, handler | (i.rs1 << 11) | (rd << 16), true);
  const operands =
    form & 1 ? (form & 2 ? i.imm << RECORD_SHIFT : i.imm) : (i.rs2 << 3) | (i.rs3 << 11) | (i.rm << 18);
  memory.setInt32(at + 4, operands, true);
}
