/**
 * Namespaces as they lie in objects: entries that name objects. Written by libtwz/name.ts and by `licorice image`.
 */
import { ObjectId } from './object.ts';

export const NAMESPACE_MAGIC = 0x5350_454d_414e_5754;
/** Bytes of a name, at most. */
export const NAME_MAX = 79;

export enum NameType {
  object = 1,
  namespace = 2,
  /** A text object: MetaInfo.size bytes of UTF-8. */
  text = 3,
}

/** 128 bytes: two cache blocks. */
export class NameEntry {
  /** Bit 0: in use. Bit 1: which of the two IDs counts. Changed by one store. */
  state: u32;
  type: u32;
  length: u32;
  readonly reserved: FixedArray<u8, 4>;
  readonly ids: FixedArray<Inline<ObjectId>, 2>;
  readonly name: FixedArray<u8, 80>;
}

/** From OBJ_NULLPAGE on. */
export class Namespace {
  magic: u64;
  /** Entries that have ever been used. */
  count: u64;
  readonly parent: Inline<ObjectId>;
  readonly reserved: FixedArray<u64, 4>;
  /** Kept by libtwz while names change (libtwz/mutex.ts). */
  readonly mutex: FixedArray<u64, 8>;
  readonly entries: FixedArray<Inline<NameEntry>, 1>;
}

static_assert(sizeof<NameEntry>() === 128, 'NameEntry');
static_assert(offsetof<Namespace>('entries') === 128, 'Namespace');
