/**
 * Memory as the code under the cursor sees it: a core's translation, or in the object window the view of any thread. Reads and
 * writes have no effect on the guest but the write itself; rights are not asked for, so that everything can be looked at.
 */
import { PAGE_SIZE } from '../../emulator/addresses.ts';
import type { Core } from '../../emulator/machine/core.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import { Access } from '../../emulator/mmu/translation.ts';
import { ADDRESS } from '../../emulator/mmu/xtwz/layout.ts';
import type { ObjectPlace, ObjectSpace, ViewState } from './object-space.ts';

/** Where a value lies. */
export type MemoryPlace =
  | { readonly kind: 'virtual'; readonly address: bigint }
  | { readonly kind: 'object'; readonly object: ObjectPlace }
  | { readonly kind: 'physical'; readonly address: number };

export const virtualPlace = (address: bigint): MemoryPlace => ({
  kind: 'virtual',
  address: BigInt.asUintN(64, address),
});

export class AddressSpace {
  constructor(
    private readonly machine: Machine,
    readonly objects: ObjectSpace,
    readonly core: Core,
    /** The view in force; by default the core's own. */
    readonly view: ViewState = objects.viewOf(core),
  ) {}

  /** The object and offset of a virtual address in the object window. */
  objectOf(va: bigint): ObjectPlace | undefined {
    return this.objects.isOn(this.core) ? this.objects.objectOf(this.view, va) : undefined;
  }

  /** The physical address of a place; undefined where nothing is mapped. */
  physical(place: MemoryPlace): number | undefined {
    if (place.kind === 'physical')
      return this.machine.memory.contains(place.address, 1) ? place.address : undefined;
    if (place.kind === 'object') return this.objects.physicalOf(place.object);
    const { address } = place;
    if (this.objects.isOn(this.core)) {
      if (address >= ADDRESS.supervisorBase) {
        const pa = Number(address - ADDRESS.supervisorBase);
        return this.machine.memory.contains(pa, 1) ? pa : undefined;
      }
      const object = this.objects.objectOf(this.view, address);
      return object && this.objects.physicalOf(object);
    }
    const { mmu, hart } = this.core;
    const pa =
      mmu.explain(address, Access.load, hart.privilege).pa ?? mmu.explain(address, Access.fetch, 0).pa;
    return pa !== undefined && this.machine.memory.contains(pa, 1) ? pa : undefined;
  }

  /** The place so many bytes further. */
  static offset(place: MemoryPlace, bytes: number): MemoryPlace {
    if (place.kind === 'virtual') return virtualPlace(place.address + BigInt(bytes));
    if (place.kind === 'physical') return { kind: 'physical', address: place.address + bytes };
    return { kind: 'object', object: { id: place.object.id, offset: place.object.offset + bytes } };
  }

  private static low(place: MemoryPlace): number {
    if (place.kind === 'virtual') return Number(place.address & 0xfffn);
    return (place.kind === 'physical' ? place.address : place.object.offset) % PAGE_SIZE;
  }

  /** Up to `length` bytes; fewer where a page is not mapped. */
  read(place: MemoryPlace, length: number): Uint8Array {
    const out = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const at = AddressSpace.offset(place, done);
      const pa = this.physical(at);
      if (pa === undefined) break;
      const count = Math.min(length - done, PAGE_SIZE - AddressSpace.low(at));
      if (!this.machine.memory.contains(pa, count)) break;
      out.set(this.machine.memory.readBytes(pa, count), done);
      done += count;
    }
    return out.subarray(0, done);
  }

  /** An unsigned number of 1, 2, 4 or 8 bytes. */
  readNumber(place: MemoryPlace, size: number): bigint | undefined {
    const bytes = this.read(place, size);
    return bytes.length === size ? toNumber(bytes) : undefined;
  }

  /** Pieces of physical memory for a range, in order; what is not mapped is left out. */
  pieces(place: MemoryPlace, length: number): { readonly pa: number; readonly length: number }[] {
    const list: { pa: number; length: number }[] = [];
    for (let done = 0; done < length; ) {
      const at = AddressSpace.offset(place, done);
      const count = Math.min(length - done, PAGE_SIZE - AddressSpace.low(at));
      const pa = this.physical(at);
      if (pa !== undefined) list.push({ pa, length: count });
      done += count;
    }
    return list;
  }
}

/** Little-endian bytes as an unsigned number. */
export function toNumber(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
  return value;
}

/** A number as little-endian bytes. */
export function toBytes(value: bigint, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
}
