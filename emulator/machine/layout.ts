/**
 * Where everything lies in a machine's one linear memory. Computed once from the sizes of the machine's parts and
 * never changed; generated code takes these numbers as constants.
 *
 *   0x00000  unused, so that host address 0 is never valid
 *   harts    HART_STRIDE bytes for each hart (emulator/cpu/state.ts)
 *   flags    one byte for each physical page, regions in order (`PageFlag`)
 *   engine   predecoded records and whatever else the engines keep
 *   regions  DRAM first, then the NVDIMM, each on a 64-KiB boundary
 */
import { type HostAddr, hostAddr, KiB, MiB, type PAddr, PAGE_SHIFT, PAGE_SIZE } from '../addresses.ts';
import { HART_STRIDE } from '../cpu/state.ts';
import { UserError } from '../errors.ts';

/** What a region of physical memory is made of. */
export type RegionKind = 'dram' | 'nvdimm';

/** A region of physical memory as a configuration asks for it. */
export interface RegionSpec {
  readonly name: string;
  readonly kind: RegionKind;
  /** First guest physical address; a multiple of PAGE_SIZE. */
  readonly base: PAddr;
  /** Bytes; a multiple of PAGE_SIZE. */
  readonly size: number;
}

/** A region placed in linear memory. */
export interface Region extends RegionSpec {
  /** Linear-memory address of its first byte. */
  readonly host: HostAddr;
  /** Index of its first page: its flag byte is at `layout.pageFlags + firstPage`. */
  readonly firstPage: number;
  /** Pages in it. */
  readonly pages: number;
}

export interface MemoryLayout {
  readonly harts: number;
  /** Host address of hart 0; hart i is at hartBase + i * HART_STRIDE. */
  readonly hartBase: HostAddr;
  /** Host address of the flag byte of page 0. */
  readonly pageFlags: HostAddr;
  /** Pages of all regions together. */
  readonly pages: number;
  /** The engines' area. */
  readonly engine: { readonly base: HostAddr; readonly size: number };
  /** DRAM first; in order of page index. */
  readonly regions: readonly Region[];
  /** Bytes of linear memory. */
  readonly size: number;
}

const WASM_PAGE = 64 * KiB;
const WASM_LIMIT = 65536 * WASM_PAGE;
/** Records are 16 KiB for each code page, so this holds 4096 code pages; untouched bytes cost nothing. */
export const ENGINE_BYTES = 64 * MiB;

const roundUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit;

/**
 * Places a machine's parts.
 * @param harts number of harts, 1–8
 * @param specs regions; the first must be the DRAM
 * @throws UserError when a size is not possible or the whole does not fit into 4 GiB of linear memory
 */
export function layOut(
  harts: number,
  specs: readonly RegionSpec[],
  engineBytes = ENGINE_BYTES,
): MemoryLayout {
  if (!Number.isInteger(harts) || harts < 1 || harts > 8)
    throw new UserError(`a machine has 1 to 8 harts, not ${harts}`);
  if (specs[0]?.kind !== 'dram') throw new Error('the first region must be the DRAM');
  const hartBase = WASM_PAGE;
  const pageFlags = hartBase + harts * HART_STRIDE;
  let pages = 0;
  for (const spec of specs) {
    if (spec.size <= 0 || spec.size % PAGE_SIZE !== 0 || spec.base % PAGE_SIZE !== 0)
      throw new UserError(`${spec.name}: size and address must be multiples of ${PAGE_SIZE} bytes`);
    pages += spec.size / PAGE_SIZE;
  }
  const engineBase = roundUp(pageFlags + pages, WASM_PAGE);
  let host = roundUp(engineBase + engineBytes, WASM_PAGE);
  let firstPage = 0;
  const regions: Region[] = [];
  for (const spec of specs) {
    const overlap = regions.find((r) => spec.base < r.base + r.size && r.base < spec.base + spec.size);
    if (overlap) throw new UserError(`${spec.name} and ${overlap.name} overlap in physical memory`);
    const count = spec.size >>> 0 === spec.size ? spec.size >>> PAGE_SHIFT : spec.size / PAGE_SIZE;
    regions.push({ ...spec, host: hostAddr(host), firstPage, pages: count });
    firstPage += count;
    host = roundUp(host + spec.size, WASM_PAGE);
  }
  if (host > WASM_LIMIT) {
    const most = Math.floor((WASM_LIMIT - (engineBase + engineBytes)) / MiB);
    throw new UserError(
      `memory is too large: ${specs.map((s) => `${s.name} ${Math.ceil(s.size / MiB)} MiB`).join(' + ')}; at most ${most} MiB together`,
    );
  }
  return {
    harts,
    hartBase: hostAddr(hartBase),
    pageFlags: hostAddr(pageFlags),
    pages,
    engine: { base: hostAddr(engineBase), size: engineBytes },
    regions,
    size: host,
  };
}
