/**
 * The form of a Twizzler object, shared by the kernel, libtwz and host tools: 1 GiB of offsets with a null page at the
 * bottom and the metadata at the top, below which the foreign object table grows down. Formats follow Twizzler's C
 * implementation (`metainfo`, `fotentry`), except where a comment says otherwise.
 *
 *   0x00000000  null page, never mapped
 *   0x00001000  data
 *   0x3e000000  OBJ_TOPDATA: highest end of data
 *               FOT entry e at META_OFFSET − 32·e (entry 0 is unused: index 0 means this object)
 *   0x3ffff800  META_OFFSET: MetaInfo
 */

/** Bytes of an object's address range (2^30). */
export const OBJ_MAXSIZE = 0x4000_0000;
export const OBJ_OFFSET_MASK = 0x3fff_ffff;
export const OBJ_SHIFT = 30;
/** Bytes of a cache block. */
export const CACHE_LINE = 64;
/** Bytes of the null page; offsets below it are null pointers. */
export const OBJ_NULLPAGE = 0x1000;
/** First offset above the data area. */
export const OBJ_TOPDATA = 0x3e00_0000;
/** Offset of `MetaInfo`. */
export const META_OFFSET = 0x3fff_f800;
/** `MetaInfo.magic`. */
export const META_MAGIC = 0x5457_5a4f;
/** Largest FOT index, inclusive: what fits between OBJ_TOPDATA and META_OFFSET. */
export const FOT_MAX = 0xf_ff7f;

/** Rights and requests, in object attributes, view entries, FOT entries and capabilities (Twizzler's numbering). */
export const READ = 0x04;
export const WRITE = 0x08;
export const EXEC = 0x10;
export const USE = 0x20;
export const DELETE = 0x40;
export const ALL_RIGHTS = 0x7c;

/** `MetaInfo.pFlags`: default rights (READ…DELETE above), and: */
export const MIP_HASHDATA = 0x01;

/** `MetaInfo.flags`: `size` is meaningful. */
export const MIF_SIZE = 0x01;

/** Metadata of an object, at META_OFFSET. Immutable but for `flags`, `fotEntries`, `size` and the extensions. */
export class MetaInfo {
  magic: u32;
  flags: u16;
  pFlags: u16;
  /** Number of FOT entries handed out, entry 0 not counted. Grows only. */
  fotEntries: u32;
  /** Bytes of this structure with its extensions. */
  milen: u32;
  nonceLo: u64;
  nonceHi: u64;
  /** ID of the object that holds the public key which signs capabilities for this one; 0 = none. */
  kuidLo: u64;
  kuidHi: u64;
  /** Bytes of data from OBJ_NULLPAGE on, if MIF_SIZE. */
  size: u64;
  /** Undo log or other recovery record of the object's data: offset, 0 = none (Twizzler: padding). */
  recovery: u64;
  /** Extensions: tag and pointer; the first with tag 0 ends them. */
  readonly extensions: FixedArray<Inline<MetaExtension>, 8>;
}

export class MetaExtension {
  tag: u64;
  /** Persistent pointer. */
  pointer: u64;
}

/** `FotEntry.flags`: the requested rights (READ…USE), and: */
export const FE_NAME = 0x1000;
/** What is pointed to is made of that object, by each program for itself: `info` says how. */
export const FE_DERIVE = 0x2000;
/** The entry is taken (being filled in). */
export const FE_ALLOC = 0x1_0000;
/** The entry is complete and persistent. */
export const FE_VALID = 0x2_0000;

/** Entry of the foreign object table, 32 bytes: an ID, or with FE_NAME a name and its resolver. */
export class FotEntry {
  /** ID bits 63:0, or persistent pointer to the name. */
  lo: u64;
  /** ID bits 127:64, or the resolver: 0 = hierarchical names, below 4096 a function of the program, else persistent pointer to one. */
  hi: u64;
  flags: u64;
  /** FE_DERIVE: 0 for a copy on write, else the number of a function of the program. */
  info: u64;
}

export const FOT_ENTRY_SIZE = 32;

/** Offset of FOT entry `index` (1 to FOT_MAX). */
export function fotOffset(index: u64): u64 {
  return META_OFFSET - index * FOT_ENTRY_SIZE;
}

/** A 128-bit object ID in memory. */
export class ObjectId {
  lo: u64;
  hi: u64;
}

static_assert(sizeof<FotEntry>() === 32, 'FotEntry');
static_assert(offsetof<MetaInfo>('size') === 48, 'MetaInfo');
