/**
 * The object store on the NVDIMM, as it lies on the media. The kernel writes it, `licorice image` reads and writes it.
 * Every change is one transaction of a redo journal (guest/kernel/journal.ts), so the media always holds the state after some number
 * of whole operations. All links are byte offsets from the start of the region, 0 = none, so the image does not
 * depend on where it is mapped; only page-tree entries hold page numbers, relative to `Superblock.base`.
 *
 *   page 0             Superblock
 *   page 1             copy of its constant part
 *   JOURNAL_PAGE…      two journal halves
 *   refs               one u32 per page of the region: reference count, or REF_FREE | next free page
 *   buckets            one u64 per bucket: first record of the chain
 *   data…              pages: user pages, page-tree tables, record pages
 */
import type { ObjectId } from './object.ts';

export const STORE_MAGIC = 0x3145_524f_5453_5754;
export const STORE_VERSION = 2;

export const JOURNAL_PAGE = 2;
/** Pages of each half of the journal. */
export const JOURNAL_HALF_PAGES = 32;
/** Entries that fit into a half, after its header block of 64 bytes. */
export const JOURNAL_ENTRIES = 8188;

export class Superblock {
  magic: u64;
  version: u64;
  /** Physical address of the region that page-tree entries are relative to nothing else than. */
  base: u64;
  /** Pages of the region. */
  pages: u64;
  /** Offsets and counts. */
  references: u64;
  buckets: u64;
  bucketCount: u64;
  /** First page number of the data area. */
  dataStart: u64;
  /** Check over the words before; the constant part ends here. */
  check: u64;
  readonly reserved: FixedArray<u64, 7>;
  // The changing part, all of it changed through the journal. On a block of its own.
  /** First free page number (linked through `references`), 0 = none. */
  freeHead: u64;
  /** Pages at and above it have never been used. */
  watermark: u64;
  /** Free pages, listed ones and those above the watermark. */
  freeCount: u64;
  /** First free record. */
  recordFree: u64;
  /** First object marked deleted, linked through `Record.deletedNext`. */
  deletedHead: u64;
  readonly nameRoot: Inline<ObjectId>;
  /** 1 from the start of the kernel until it shuts down in order. */
  running: u64;
  /** Boots so far. */
  boots: u64;
  /** First resume record. */
  resumeHead: u64;
  objects: u64;
  /** Pages that hold records. */
  recordPages: u64;
}

/** References word of a free page. */
export const REF_FREE: u32 = 0x8000_0000;
/** The number of users was lost to a media error, or the page cannot be read however often it is written: it is never free. */
export const REF_LOST: u32 = 0x4000_0000;

/** `Record.kind`. */
export const RECORD_FREE = 0;
export const RECORD_OBJECT = 1;
/** Parent–child tie: `root` = parent record, `pages` = child record, `next` = next tie of the parent. */
export const RECORD_TIE = 2;
/**
 * Thread to restart after a power failure: `id` = view, `kuid` = thread representation, `next` = next one, nonce = ID of its security context
 * object, 0 = none but, with RF_SUPERUSER, the superuser's.
 */
export const RECORD_RESUME = 3;

/** `Record.flags`. */
export const RF_DELETED = 1;
/** Being copied together: not there yet, ended by recovery. */
export const RF_BUILDING = 2;
/** Deleted so that nobody finds it any more, even while ties keep it. */
export const RF_HIDDEN = 4;
/** The second block of the record was lost and has been made up: the ID cannot be verified, and capabilities are void. */
export const RF_DAMAGED = 16;

/** Of a RECORD_RESUME: the thread has the superuser's context. */
export const RF_SUPERUSER = 1;

/** 128 bytes: two blocks, either of which may be lost to a media error without what is behind it in its chain being lost. */
export class Record {
  readonly id: Inline<ObjectId>;
  readonly kuid: Inline<ObjectId>;
  nonceLo: u64;
  /** Default rights and MIP_HASHDATA in bits 31:0, kind in 47:32, flags in 63:48. */
  info: u64;
  /** Page-tree entry of level 2 (docs/xtwz.md §3.6), its PPN that of the machine. */
  root: u64;
  next: u64;
  // The second block.
  nonceHi: u64;
  /** User pages present. */
  pages: u64;
  deletedNext: u64;
  deletedPrevious: u64;
  /** First tie record of the objects that live as long as this one. */
  ties: u64;
  /** Ties by which others keep this one. */
  tiedBy: u64;
  /** Capabilities with a smaller revocation number are void. */
  revocation: u64;
  /** Records of the directory: `next` once more. */
  nextCopy: u64;
}

static_assert(sizeof<Record>() === 128, 'Record');
static_assert(offsetof<Record>('nonceHi') === 64, 'blocks of a record');
static_assert(offsetof<Superblock>('freeHead') === 128, 'Superblock');

/** First block of a journal half. */
export class JournalHeader {
  /** Number of entries once the transaction is decided, 0 before and after. */
  count: u64;
  /** Grows by one with each transaction. */
  sequence: u64;
}
