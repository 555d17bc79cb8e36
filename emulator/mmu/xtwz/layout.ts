/**
 * Every number of the Xtwz specification (docs/xtwz.md), once: address split, CSRs, formats in memory, causes,
 * reasons, encodings. The walker, the CSRs, the instructions, host tools and the guest's own constants derive from
 * here; `layout.test.ts` holds the specification's tables to it.
 *
 * 64-bit words are read as two unsigned 32-bit halves: a mask named `…Lo` or `…Hi` applies to that half.
 */

/** satp.MODE of the object-space mode (§1). */
export const XTWZ_SATP_MODE = 14;
/** Version that `stwzver` tells. */
export const XTWZ_VERSION = 1;

/** The split of a virtual address in the object window (§1). */
export const ADDRESS = {
  /** Bits of the offset in an object; objects are 2^30 bytes. */
  offsetBits: 30,
  /** Bits of the slot number. */
  slotBits: 17,
  slots: 1 << 17,
  /** Offsets below this are null. */
  nullBytes: 0x1000,
  /** bits 63:47 all ones: the supervisor window; its first address. */
  supervisorBase: 0xffff_8000_0000_0000n,
} as const;

/** Rights, in Twizzler's numbering (§1). */
export const RIGHT = { read: 0x04, write: 0x08, exec: 0x10, use: 0x20, delete: 0x40 } as const;
/** The rights that the walk reads from a view entry. */
export const REQUESTABLE = RIGHT.read | RIGHT.write | RIGHT.exec;
/** All rights: what policy.ALL grants, and the bits of a rights entry that the hardware reads. */
export const ALL_RIGHTS = REQUESTABLE | RIGHT.use | RIGHT.delete;

/** CSR numbers (§2). The M-level fault CSRs are in the same order as the S-level ones. */
export const CSR = {
  stwzview: 0x5c0,
  stwzctx: 0x5c1,
  stwzfix: 0x5c2,
  stwzcfg: 0x5c3,
  stwzidlo: 0x5c8,
  stwzidhi: 0x5c9,
  stwzoff: 0x5ca,
  stwzinfo: 0x5cb,
  stwzdesc: 0x5cc,
  mtwzcfg: 0x7c0,
  mtwzidlo: 0x7c8,
  mtwzidhi: 0x7c9,
  mtwzoff: 0x7ca,
  mtwzinfo: 0x7cb,
  mtwzdesc: 0x7cc,
  stwzver: 0xdc0,
} as const;

/** Bit 0 of stwzview, stwzctx, stwzfix, and of every table word and entry. */
export const VALID = 1;
/** Writable bits of the pointer CSRs: V and an aligned physical address below 2^56. */
export const POINTER_MASK = 0x00ff_ffff_ffff_ffc1n;
export const FIXED_POINTER_MASK = 0x00ff_ffff_ffff_fc01n;
/** stwzcfg. */
export const CFG = { persistentPointers: 1, userInvalidate: 2 } as const;
/** mtwzcfg. */
export const MCFG = { delegate: 1 } as const;
/** stwzver: bit 8 says Xtwzp, bits 31:16 the lookaside's entries. */
export const VERSION_XTWZP = 0x100;
export const VERSION_ENTRIES_SHIFT = 16;

/** Object space page and table word (§3.1). */
export const SPACE = { objectTable: 0 } as const;
export const TABLE_WORD = {
  /** Low half: V, log2 of the buckets in bits 6:1, address from bit 12. */
  log2Shift: 1,
  log2Mask: 0x3f,
  addressLo: 0xffff_f000,
  addressHi: 0x00ff_ffff,
  reservedLo: 0x0000_0f80,
  reservedHi: 0xff00_0000,
  minLog2: 1,
  maxLog2: 31,
} as const;

/** Hashed tables (§3.2): entries of 32 bytes in buckets of 8. */
export const HASH = {
  entryBytes: 32,
  bucketEntries: 8,
  bucketBytes: 256,
  idLo: 0,
  idHi: 8,
  value: 16,
  software: 24,
} as const;
/** Value word of the object table: descriptor's address in bits 55:6. */
export const OBJECT_VALUE = {
  addressLo: 0xffff_ffc0,
  addressHi: 0x00ff_ffff,
  reservedLo: 0x3e,
  reservedHi: 0xff00_0000,
} as const;

/** Object descriptor (§3.3). */
export const DESCRIPTOR = {
  bytes: 64,
  root: 0,
  attributes: 8,
  idLo: 16,
  idHi: 24,
  software: 32,
  /** attributes, low half. */
  defaultRights: ALL_RIGHTS,
  persist: 1 << 8,
  noAccessedDirty: 1 << 9,
  /** attributes, high half: bits 50:32 of the word, in pages. */
  limitHi: 0x7_ffff,
} as const;

/** View (§3.4): the table's place in the view object, and the fields of an entry. */
export const VIEW = {
  tableOffset: 0x40_0000,
  tableBytes: 0x40_0000,
  entryBytes: 32,
  idLo: 0,
  idHi: 8,
  res0: 16,
  flags: 24,
  res1: 28,
  valid: 0x1000,
  fixed: 0x2000,
} as const;

/** Context record (§3.5). */
export const CONTEXT = {
  bytes: 64,
  table: 0,
  policy: 8,
  software: 16,
  /** policy, low half. */
  mask: ALL_RIGHTS,
  useDefaults: 1 << 8,
  all: 1 << 9,
} as const;

/** Page-tree entry (§3.6). */
export const ENTRY = {
  valid: 1 << 0,
  leaf: 1 << 1,
  copyOnWrite: 1 << 2,
  reservedLo: 1 << 3,
  typeShift: 4,
  typeMask: 3 << 4,
  typeReserved: 3,
  accessed: 1 << 6,
  dirty: 1 << 7,
  reservedHi: 0xffc0_0000,
  /** PPN bits 8:0 of a 2-MiB leaf, which must be zero: bits 18:10 of the entry. */
  largeLowPpn: 0x1ff << 10,
  bytes: 8,
  entries: 512,
} as const;
/** TYPE of a leaf. */
export const PAGE_TYPE = { dram: 0, nvdimm: 1, io: 2 } as const;
/** Bytes that a level-1 entry covers. */
export const LARGE_PAGE = 2 * 1024 * 1024;
/** Pages in an object. */
export const OBJECT_PAGES = 1 << 18;

/** Fixed slots (§3.7): two runs of 16. */
export const FIXED = { firstLow: 0x10000, firstHigh: 0x1fff0, run: 16, entries: 32 } as const;
/** Index of a slot in the fixed table, or -1. */
export function fixedIndex(slot: number): number {
  if (slot >= FIXED.firstLow && slot < FIXED.firstLow + FIXED.run) return slot - FIXED.firstLow;
  if (slot >= FIXED.firstHigh) return FIXED.run + slot - FIXED.firstHigh;
  return -1;
}

/** Exception causes (§5). */
export const CAUSE = {
  address: 24,
  null: 25,
  view: 26,
  object: 27,
  rights: 28,
  page: 29,
  copyOnWrite: 30,
  table: 31,
} as const;
export const FIRST_CAUSE = CAUSE.address;
export const LAST_CAUSE = CAUSE.table;
/** stwzinfo 3:0. */
export const STEP = { address: 0, view: 1, object: 2, rights: 3, page: 4 } as const;
/** stwzinfo 5:4. */
export const ACCESS = { fetch: 0, load: 1, store: 2, cacheBlock: 3 } as const;
export type Access = (typeof ACCESS)[keyof typeof ACCESS];
/** stwzinfo 39:32. */
export const REASON = {
  hole: 1,
  user: 2,
  sum: 3,
  supervisorFetch: 4,
  nullPage: 5,
  noView: 6,
  viewPage: 7,
  entry: 8,
  noTable: 9,
  unknown: 10,
  notReady: 11,
  notRequested: 12,
  notGranted: 13,
  limit: 14,
  absentLarge: 15,
  absent: 16,
  copyOnWrite: 17,
  malformed: 18,
} as const;
/** Positions of the fields of stwzinfo; the last three are in its high half. */
export const INFO = {
  step: 0,
  access: 4,
  privilege: 6,
  missing: 8,
  requested: 16,
  granted: 24,
  reasonHi: 0,
  noEntryHi: 8,
  fixedHi: 9,
} as const;

/** Instructions (§8): major opcode, funct3, funct7. */
export const OPCODE = {
  major: 0x0b,
  funct3: { invalidate: 0, pointer: 1, fill: 2, loadPointer: 3 },
  invalidate: { view: 0x00, object: 0x01, page: 0x02, global: 0x40 },
  pointer: { translate: 0x00, invalidate: 0x01 },
} as const;

/** Xtwzp (§10). */
export const POINTER = {
  /** FOT indexes from here on are never entered. */
  maxIndex: 1 << 20,
} as const;
