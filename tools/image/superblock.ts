/**
 * The superblock of a damaged store. Its constant part is there twice. What changes of it is there once, but nearly all of it follows from the rest of the
 * store and is derived by repair.ts; here are the words that do not: the root of names, which its contents tell, and whether the store was shut down in
 * order, which it then counts as not.
 */
import { randomInt } from 'node:crypto';
import { CACHE_BLOCK_SIZE, PAGE_SIZE } from '../../emulator/addresses.ts';
import type { Media } from '../../emulator/nvdimm/media.ts';
import type { Layouts } from '../guest/layouts.ts';
import { readNamespace } from './names.ts';
import { RegionReader, withoutLost } from './region.ts';
import { formatObjectId, ObjectStore, type StoredObject } from './store.ts';

const MASK_64 = (1n << 64n) - 1n;

/** Has one of the blocks in [from, to) been lost? */
function isLost(poison: Iterable<number>, from: number, to: number): boolean {
  for (const block of poison) if (block < to && block + CACHE_BLOCK_SIZE > from) return true;
  return false;
}

/**
 * Opens a store of which blocks cannot be read: those are zeros. The constant part of the superblock is taken from where it can be read.
 * @param poison device physical addresses of the blocks
 * @throws UserError when neither copy of it can be read: nothing says where anything is then
 */
export function openDamaged(
  media: Pick<Media, 'size' | 'read'>,
  layouts: Layouts,
  name: string,
  poison: readonly number[],
): ObjectStore {
  const constants = layouts.offset('Superblock', 'reserved');
  const region = new RegionReader(withoutLost(media, poison));
  const magic = layouts.constant('STORE_MAGIC');
  const first = !isLost(poison, 0, constants) && region.u64(0) === magic;
  if (!first && !isLost(poison, PAGE_SIZE, PAGE_SIZE + constants) && region.u64(PAGE_SIZE) === magic)
    region.patchBytes(0, region.bytes(PAGE_SIZE, constants));
  const store = new ObjectStore(region, layouts, name);
  if (!first) store.region.patchBytes(0, region.bytes(0, constants));
  return store;
}

/** Offset and end of the words that the store's users change: two blocks, of which either may be lost. */
function parts(layouts: Layouts): { readonly first: number; readonly second: number; readonly end: number } {
  const first = layouts.offset('Superblock', 'freeHead');
  return { first, second: first + CACHE_BLOCK_SIZE, end: layouts.struct('Superblock').size };
}

/** Can the part that changes not be read? Nothing else makes sense then. */
export function isSuperblockLost(layouts: Layouts, poison: readonly number[]): boolean {
  return isLost(poison, parts(layouts).first, parts(layouts).end);
}

/** The namespace that no other one names and that has no parent, of several the one with most names. */
function findRoot(store: ObjectStore, objects: Iterable<StoredObject>): StoredObject | undefined {
  const { layouts } = store;
  const base = Number(layouts.constant('OBJ_NULLPAGE'));
  const gone = Number(layouts.constant('RF_DELETED')) | Number(layouts.constant('RF_BUILDING'));
  const at = (field: string): number => base + layouts.offset('Namespace', field);
  const magic = layouts.constant('NAMESPACE_MAGIC');
  const namespaces = [...objects].filter(
    (object) => (object.flags & gone) === 0 && store.word(object, at('magic'), 8) === magic,
  );
  const names = new Map(namespaces.map((object) => [object, readNamespace(store, object)]));
  const named = new Set([...names.values()].flat().map(({ id }) => id));
  const isOrphan = (object: StoredObject): boolean =>
    !named.has(object.id) &&
    store.word(object, at('parent'), 8) === 0n &&
    store.word(object, at('parent') + 8, 8) === 0n;
  const count = (object: StoredObject): number => names.get(object)!.length;
  return namespaces.filter(isOrphan).sort((a, b) => count(b) - count(a))[0];
}

/**
 * Sets the words of a lost superblock that nothing else tells. To be called when `objects` are known; what can be derived is the caller's.
 * @returns a line for each thing that was done
 */
export function rebuildSuperblock(
  store: ObjectStore,
  objects: Iterable<StoredObject>,
  poison: ReadonlySet<number>,
): string[] {
  const { layouts, region } = store;
  const { first, second, end } = parts(layouts);
  const set = (field: string, value: bigint): void =>
    region.patch(layouts.offset('Superblock', field), value);
  const done: string[] = [];
  if (isLost(poison, first, second)) {
    const root = findRoot(store, objects);
    set('nameRoot', (root?.id ?? 0n) & MASK_64);
    region.patch(layouts.offset('Superblock', 'nameRoot') + 8, (root?.id ?? 0n) >> 64n);
    // Transactions may be open: the next boot looks.
    set('running', 1n);
    done.push(
      root
        ? `the root of names was lost; it is object ${formatObjectId(root.id)}, which has ${readNamespace(store, root).length} names and no parent`
        : 'the root of names was lost, and no namespace can be it; the guest will make a new one',
    );
  }
  if (isLost(poison, second, end)) {
    // The guest stirs it into its random numbers: it must be none that was there before.
    set('boots', BigInt(randomInt(2 ** 32, 2 ** 47)));
    done.push('the number of boots was lost; it is a random one');
  }
  return done;
}
