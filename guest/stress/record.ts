/**
 * What the stress program (stress.ts) and the model on the host (guest/testing/stress-model.ts) agree on: operations, the log through
 * which the program reports them, and the pages and words that it touches. Plain constants, so that both sides import this file.
 *
 * The log of a worker is a ring of pages, each with a header block and LOG_PER_PAGE records of eight words:
 *
 *   0  2·n + 1 while operation n (1, 2, …) is under way, 2·n + 2 when it is complete; written last
 *   1  operation 7:0 | slot 15:8 | other slot 23:16 | flags 31:24 | page 39:32 | other page 47:40 | count 55:48
 *   2  value
 *   3  result of the system call
 *   4  hash or other finding
 *   5  ID bits 63:0 of a created object
 *   6  ID bits 127:64
 *   7  ticket: operations of all workers in the order of their completion, 0, 1, …
 */

export const LOG_MAGIC = 0x6f_6c73_7365_72;
/** Words of a log page's header: magic, worker, page of the ring; in page 0 also: operations that the host has taken. */
export const LOG_HEADER_WORKER = 1;
export const LOG_HEADER_PAGE = 2;
export const LOG_HEADER_TAKEN = 3;
export const LOG_PAGES = 64;
export const LOG_PER_PAGE = 63;

export const MAX_WORKERS = 8;
/** Objects that a worker has at most. */
export const SLOTS = 12;
/** Objects that wait to be exchanged between workers. */
export const EXCHANGES = 4;

/** Pages that are touched, as page numbers of an object, by index; runs of indexes within a run are neighbours. */
export const PAGES = 8;
/** Index of the metadata's page in masks of present pages. */
export const META_PAGE = 8;
/** Words of a page that are written: word 65·k. */
export const WORDS = 8;
export const WORD_STRIDE = 65;

export const OP_CREATE = 1;
export const OP_WRITE = 2;
/** Hash of a page. */
export const OP_READ = 3;
export const OP_DELETE = 4;
export const OP_UNDELETE = 5;
export const OP_TIE = 6;
export const OP_UNTIE = 7;
/** Pages present, flags. */
export const OP_STAT = 8;
export const OP_COPY = 9;
export const OP_PIN = 10;
export const OP_UNPIN = 11;
/** Touches the metadata and compares it with stat. */
export const OP_META = 12;
/** Swaps a slot with an exchange. */
export const OP_EXCHANGE = 13;
/** The program checks these itself. */
export const OP_VIEW = 14;
export const OP_CONTEXT = 15;
export const OP_THREAD = 16;
export const OP_SYNC = 17;
export const OP_BECOME = 18;
/** An object that has ended is not found. */
export const OP_GONE = 19;
/** These, too, the program checks itself. */
export const OP_SIGNAL = 20;
export const OP_MASK = 21;
export const OP_ALARM = 22;
export const OP_FIXED = 23;
export const OP_FAULT = 24;
export const OP_REVOKE = 25;
/** The program found a mistake: number in the value. */
export const OP_WRONG = 26;
/**
 * A thread in a context with two buckets for an object tries to read it (flags 0: or to take its deletion back), after it was revoked (flags 1): value = what each
 * leads to, and the first one's mask of rights in bits 31:16. Finding: minus the result.
 */
export const OP_GRANT = 27;
/** A thread tries to enter code by the entry in the value, if the context was given it (flags 0), through a narrower gate (flags 1). Finding: exit code. */
export const OP_GATE = 28;

/** What a bucket of OP_GRANT leads to, by number: nothing; a capability for DELETE; delegations of READ, of READ and DELETE, by a stranger, of what may not be passed on. */
export const GRANT_KINDS = 6;
/** Entries of the code of OP_GATE, the bytes of each; which offsets the capability's gate is about, and what the bucket leaves of them. */
export const GATE_ENTRIES = 12;
export const GATE_ENTRY_BYTES = 16;
export const GATE_FIRST = 0x1040;
export const GATE_LENGTH = 64;
export const GATE_ALIGN = 5;
export const GATE_NARROW = 32;
/** Exit code of who is not let in. */
export const GATE_DENIED = 255;

/** Flags of OP_CREATE. */
export const CREATE_FLAG_PERSIST = 1;
export const CREATE_FLAG_HASHDATA = 2;
/** The other slot is copied whole, or a range of it. */
export const CREATE_FLAG_WHOLE = 4;
export const CREATE_FLAG_RANGE = 8;

/** Flag of OP_COPY: pages are removed, there is no source. */
export const COPY_FLAG_ZERO = 1;

/** Other slot: none. */
export const NO_SLOT = 255;
