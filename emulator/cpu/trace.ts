/**
 * The trace that the traced interpreter writes: one record for each instruction executed, in order, into a ring in
 * linear memory that its reader empties. The instruction that an exit leaves unexecuted is not in it; whoever
 * executes it in JavaScript knows what it does.
 */
import { HANDLERS, type Handler } from './records.ts';

/**
 * A trace record, 24 bytes, little-endian:
 *
 *   i64 pc        virtual address of the instruction
 *   i64 record    its predecoded record (cpu/records.ts); byte 0 is the handler, see `tracedHandler`
 *   i64 address   virtual address of the load, store or AMO; undefined content for other instructions. Of `xtwz.pld`
 *                 bits 62:0; bit 63: what it loaded is a pointer to another object
 */
export const TRACE_RECORD = { pc: 0, record: 8, address: 16, size: 24 } as const;

/** The instruction of a trace record, from the low byte of its `record` field. */
export const tracedHandler = (record: number): Handler => HANDLERS[record & 0xff]!;
