/**
 * Hashing of a machine's state: the same state gives the same hash on any host. Memory is hashed page by page, zero
 * pages left out, each page by its own digest, so pages that did not change since the last hash need not be read
 * again.
 */
import { createHash, type Hash } from 'node:crypto';
import { PAGE_SIZE } from '../addresses.ts';
import type { StateValue } from './bus.ts';
import type { PhysicalMemory } from './memory.ts';

/** Feeds a state value to a hash, unambiguously: every value is preceded by its type and length. */
export function hashValue(hash: Hash, value: StateValue): void {
  if (value === null) hash.update('n;');
  else if (typeof value === 'number') hash.update(`d${Object.is(value, -0) ? '-0' : value};`);
  else if (typeof value === 'boolean') hash.update(value ? 't;' : 'f;');
  else if (typeof value === 'string') hash.update(`s${value.length}:${value};`);
  else if (value instanceof Uint8Array) hash.update(`b${value.length}:`).update(value);
  else if (Array.isArray(value)) {
    hash.update(`a${value.length}:`);
    for (const item of value as readonly StateValue[]) hashValue(hash, item);
  } else {
    const object = value as { readonly [name: string]: StateValue };
    const names = Object.keys(object).sort();
    hash.update(`o${names.length}:`);
    for (const name of names) {
      hash.update(`${name}=`);
      hashValue(hash, object[name]!);
    }
  }
}

/** True when a page of linear memory holds only zeros. */
export function isZeroPage(words: Int32Array, host: number): boolean {
  const start = host >>> 2;
  for (let i = start; i < start + PAGE_SIZE / 4; i += 4)
    if ((words[i]! | words[i + 1]! | words[i + 2]! | words[i + 3]!) !== 0) return false;
  return true;
}

/** Feeds all of memory to a hash: region by region, non-zero pages with their addresses. */
export function hashMemory(hash: Hash, memory: PhysicalMemory): void {
  for (const region of memory.regions) {
    hash.update(`${region.name}@${region.base}+${region.size};`);
    for (let i = 0; i < region.pages; i++) {
      memory.makePresent(region.firstPage + i);
      const host = region.host + i * PAGE_SIZE;
      if (isZeroPage(memory.i32, host)) continue;
      hash.update(`p${i}:`).update(memory.u8.subarray(host, host + PAGE_SIZE));
    }
  }
}

export const newHash = (): Hash => createHash('sha256');
