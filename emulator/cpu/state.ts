/**
 * The layout of a hart's state in linear memory: the one place that both engines (generated WebAssembly) and the
 * JavaScript slow paths read. Everything an instruction touches without leaving WebAssembly lies here, at fixed
 * byte offsets from the hart's base; a machine's state is these bytes plus memory plus the named fields of its
 * devices. All fields are little-endian; i64 fields are 8-aligned.
 *
 * Invariants: x0 reads as zero because nothing ever writes its cell; `pc` is exact whenever WebAssembly is not
 * running; `budget` counts down by one for each retired instruction and for each attempted one that traps.
 */

/** Byte offset of integer register `i` (0–31), i64. */
export const xOffset = (i: number): number => i * 8;
/** Byte offset of floating-point register `i` (0–31), i64, single precision NaN-boxed. */
export const fOffset = (i: number): number => 0x100 + i * 8;

/** Byte offsets of the scalar fields. */
export const HART = {
  /** i64: program counter. */
  pc: 0x200,
  /** i32, signed: instructions that may still be started before the engine must return `Exit.Budget`. */
  budget: 0x208,
  /** i32: why WebAssembly returned, an `Exit`. */
  exit: 0x20c,
  /**
   * i64: operand of the exit: the virtual address of the access (Load, Store), or the raw instruction bits
   * (System, Illegal, FloatSlow).
   */
  exitValue: 0x210,
  /** i64: instructions retired by this hart before `budget` was last loaded. instret = this + loaded − budget. */
  retiredBase: 0x218,
  /** i32: value of `budget` when it was last loaded. */
  budgetLoaded: 0x220,
  /** i32: privilege mode, 0 U, 1 S, 3 M. */
  privilege: 0x224,
  /** i32: accrued floating-point exceptions (fcsr bits 4:0). */
  fflags: 0x228,
  /** i32: mstatus.FS as the engines need it: 0 off (every FP instruction is illegal), else 1–3. FP writes set 3. */
  fs: 0x230,
  /** i32: 1 while the hart holds a reservation (LR). */
  reserved: 0x234,
  /** i64: virtual address of the reservation. An SC elsewhere fails without an access, as on QEMU. */
  reservation: 0x238,
  /** i64: value loaded by the LR, sign-extended. An SC fails if memory no longer holds it: harts take turns. */
  reservationValue: 0x240,
  /**
   * The direct window: virtual addresses [directBase, directBase + directSize) are DRAM at `dramHost`, with all
   * rights, without the TLB. directSize is 0 whenever that does not hold for loads and stores of the current mode
   * (translation on, a PMP entry in the way, a load watchpoint). Stores in it still test the page's flags.
   * Loads need not be aligned in it, so directSize is 7 less than the bytes of the window.
   */
  directBase: 0x248,
  /** i64: bytes. */
  directSize: 0x250,
  /** i32: host address of the first byte of the direct window. */
  directHost: 0x258,
  /**
   * i32 each: tag bits (regime << 3, regime 0–511) that a TLB entry must carry to hit, for fetches, for loads and
   * for stores. A regime is a whole translation context: mode, root, ASID or view and security context, effective
   * privilege, SUM, MXR. Loads and stores differ from fetches under MPRV.
   */
  fetchRegime: 0x260,
  dataRegime: 0x264,
  /** i32: envcfg-derived permissions of cache-block operations at this privilege (`CboEnable`). */
  cboEnable: 0x268,
  /** i32: hart index. */
  index: 0x26c,
  /**
   * i64: the present owner of persistent-pointer lookaside entries, shifted to its place in their tags
   * (POINTER_TAG); 0 while the lookaside is off (docs/xtwz.md §10).
   */
  pointerOwner: 0x270,
  /** i32: 1 when translations of Xtwz's fixed slots may be cached since stwzfix was written last. */
  fixedCached: 0x278,
  /**
   * i32 each: the hart's base, exclusive-or the spread of the regime times the size of an entry (`tlbSpread`), for
   * fetches and for loads and stores. The base is a multiple of the bytes of a TLB (64 KiB), so that exclusive-or with an
   * entry's distance, taken by the virtual address alone, gives the entry's address less the table's offset.
   */
  fetchPlace: 0x2b0,
  dataPlace: 0x2b4,
  /**
   * i64: not 0 when a FENCE need not leave with Exit.System: harts take turns, so it only matters to parts that want
   * to know of it (persistence, timing). Derived, not saved: kept by the machine (`MachineHooks.fencesMatter`).
   */
  fenceQuiet: 0x2b8,
  /**
   * i64: not 0 when engines zero blocks of DRAM themselves: nobody wants to know of a `cbo.zero` there. Derived, not saved: kept by
   * the machine (`MachineHooks.zeroesOfDramMatter`).
   */
  zeroQuiet: 0x2c0,
  /** i64: where writes to x0 go. */
  sink: 0x2a0,
  /** i32 each: next free byte and end of the trace ring (the traced interpreter, cpu/trace.ts). */
  traceNext: 0x2a8,
  traceEnd: 0x2ac,
  /**
   * i32 × 8: the rounding mode for each value of an instruction's rm field. Cells 0–6 hold their own number, set by
   * the interpreter; cell 7 is the dynamic rounding mode, frm (fcsr bits 7:5, here in bits 2:0).
   */
  roundingModes: 0x280,
  frm: 0x29c,
  /** i64 each: CSR values by slot (cpu/csr gives each stored CSR a slot). */
  csrs: 0x800,
  /** TLBs of TLB_ENTRY_SIZE bytes an entry: FETCH_TLB_ENTRIES for fetches, DATA_TLB_ENTRIES each for loads and stores. */
  fetchTlb: 0x2000,
  loadTlb: 0x10000,
  storeTlb: 0x20000,
  /** The TLB of observed pages: OBSERVED_TLB_ENTRIES entries of OBSERVED_ENTRY_SIZE bytes. */
  observedTlb: 0x6000,
  /** From here to `pointerLookaside`: the translator's jump cache and return stack. */
  engine: 0x30000,
  /** Persistent-pointer lookaside: POINTER_ENTRIES entries of POINTER_ENTRY_SIZE bytes. */
  pointerLookaside: 0x5c000,
  /** The pairs of view and context that own lookaside entries (mmu/xtwz/pointers.ts); 1 KiB. */
  pointerOwners: 0x5d000,
  /** What walks through the object space found of each slot (mmu/xtwz/slot-cache.ts): SLOT_CACHE_BYTES. */
  slotCache: 0x5e000,
} as const;

/** Permissions of cache-block operations at the present privilege (`HART.cboEnable`). */
export const CboEnable = {
  /** cbo.clean and cbo.flush. */
  cleanFlush: 1,
  /** cbo.zero. */
  zero: 2,
  /** Bits 3:2: cbo.inval: 0 illegal, 1 flushes, 3 invalidates. */
  INVAL_SHIFT: 2,
} as const;

/** Bytes of a hart's state before the first TLB: registers, scalars and CSRs. */
export const HART_REGISTER_BYTES = HART.fetchTlb;

/** Entries of the software TLB of fetches, direct-mapped (`fetchTlbIndex`), a power of two. */
export const FETCH_TLB_ENTRIES = 1024;
/** Entries of each of the software TLBs of loads and of stores, direct-mapped (`dataTlbIndex`), a power of two. */
export const DATA_TLB_ENTRIES = 4096;
export const REGIMES = 512;
export const REGIME_SHIFT = 3;
/** Regime numbers with their bits in reverse: numbers given out one after the other are far apart. */
const REVERSED = Uint16Array.from({ length: REGIMES }, (_, regime) => {
  let reversed = 0;
  for (let bit = 1; bit < REGIMES; bit <<= 1) reversed = (reversed << 1) | (regime & bit ? 1 : 0);
  return reversed;
});
/**
 * By how much the entries of a regime are moved (by exclusive or) in a TLB of `entries`, at least REGIMES: contexts
 * that use the same addresses must not displace each other. Every regime has a place of its own for a page.
 */
export const tlbSpread = (regime: number, entries: number): number => REVERSED[regime]! * (entries / REGIMES);
/** The entry of a virtual page (given by low bits of an address) in the fetch TLB, in a regime. */
export const fetchTlbIndex = (vaLow: number, regime: number): number =>
  ((vaLow >>> 12) & (FETCH_TLB_ENTRIES - 1)) ^ tlbSpread(regime, FETCH_TLB_ENTRIES);
/**
 * By how much the load and store TLBs move bits 63:30 of an address down onto its page number (by exclusive or):
 * objects are mapped at multiples of 1 GiB, and all of them are used most at their beginning and at their end.
 */
export const TLB_FOLD = 18;
/** The entry of a virtual page in a table of `entries` that is indexed as the load and store TLBs, in a regime. */
export const dataTlbIndex = (
  vaLow: number,
  vaHigh: number,
  regime: number,
  entries = DATA_TLB_ENTRIES,
): number =>
  (((vaLow >>> 12) ^ ((vaLow >>> 30) | (vaHigh << 2))) & (entries - 1)) ^ tlbSpread(regime, entries);
/**
 * TLB entry, 16 bytes:
 *
 *   i64 tag     bits 63:12 virtual page number · bits 11:3 regime · bits 2:0 zero; -1 = empty
 *   i32 addend  load, store: host address of the page minus the low 32 bits of its virtual address (wrapping)
 *               fetch: host address of the page's predecoded records
 *   i32 aux     load, store: unused by the engines (owner for selective invalidation); fetch: physical page index
 *
 * An access of size s hits if ((va & (~0xfff | (s - 1))) | regimeTag) === tag: an access that is not naturally
 * aligned has low bits set and so always takes the slow path.
 */
export const TLB_ENTRY_SIZE = 16;
export const TLB_EMPTY = -1n;

/**
 * Entry of the TLB of observed pages (`PageFlag.loadSlow`), 32 bytes. Loads that miss the load TLB look here, in the
 * interpreter, which makes those of blocks that nobody wants to see without leaving. Its place is that of the page's
 * entry in the load TLB, modulo OBSERVED_TLB_ENTRIES.
 *
 *   i64 tag, i32 addend  as in the load TLB
 *   i32                  unused
 *   i64 blocks           bit n: loads of cache block n of the page must be seen
 *   i64 discarded        bit n: so must loads of it into x0
 */
export const OBSERVED_TLB_ENTRIES = 64;
export const OBSERVED_ENTRY_SIZE = 32;
export const OBSERVED_BLOCKS = 16;
export const OBSERVED_DISCARDED = 24;

/**
 * Persistent-pointer lookaside entry, 16 bytes, in the direct-mapped place `(index ^ slot << 4) & 255`:
 *
 *   i64 tag     bits 63:37 owner (not 0) · bits 36:17 FOT index (not 0) · bits 16:0 slot of the holding object; 0 = empty
 *   i64 target  first address of the slot in which the pointer's object is mapped
 */
export const POINTER_ENTRIES = 256;
export const POINTER_ENTRY_SIZE = 16;
export const POINTER_TARGET = 8;
export const POINTER_TAG = { indexShift: 17, ownerShift: 37, slotHashShift: 4 } as const;

export const SLOT_CACHE_BYTES = 0x1000;
/** Bytes of the lookaside with its owners: one run from `HART.pointerLookaside`. */
export const POINTER_BYTES = HART.pointerOwners + 0x400 - HART.pointerLookaside;

/** Bytes from one hart's state to the next. */
export const HART_STRIDE = 0x60000;

/**
 * Why an engine returned to JavaScript. The pc names the instruction concerned, not yet executed and not yet counted
 * in `budget`: whoever executes it in JavaScript, or raises its trap, lowers the budget by one.
 */
export const Exit = {
  /** The budget is used up. */
  Budget: 0,
  /** Fetch TLB miss at pc. */
  Fetch: 1,
  /** The record at pc is not decoded yet. */
  Decode: 2,
  /** A load, store or AMO missed its TLB or is not naturally aligned; exitValue = virtual address. */
  Load: 3,
  Store: 4,
  /** An instruction whose meaning lies in JavaScript: CSR access, ecall, ebreak, xret, wfi, fences, cbo.* … */
  System: 5,
  /** An illegal instruction; exitValue = its bits. */
  Illegal: 6,
  /** Floating point outside of what host arithmetic does exactly: done in software. */
  FloatSlow: 7,
  /** A debugger's breakpoint record. */
  Breakpoint: 8,
  /** The trace ring is full (traced interpreter only). */
  TraceFull: 9,
} as const;
export type Exit = (typeof Exit)[keyof typeof Exit];

/**
 * Flags of a physical page, one byte each, in linear memory (`MemoryLayout.pageFlags`), DRAM first, then NVDIMM.
 * A store may take the fast path only into a page whose byte is 0; a load only from one without `loadSlow`.
 */
export const PageFlag = {
  /** Holds predecoded or translated code. */
  code: 0x01,
  /** Unmodified since the last snapshot: the first store copies it. */
  clean: 0x02,
  /** Stores are recorded (persistency recording, write watchpoints). */
  storeSlow: 0x04,
  /** Loads are observed as well (undetermined NVDIMM bytes, poison, read watchpoints). */
  loadSlow: 0x08,
  /** Not yet read in from the backing file. */
  absent: 0x10,
} as const;
