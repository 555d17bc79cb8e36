/**
 * The persistence of memory in words: lines of a range by state, the stores to a line that a power failure may undo with the
 * code that made them, and what a power failure now could leave.
 */
import { CACHE_BLOCK_SIZE, PAGE_SIZE } from '../../emulator/addresses.ts';
import { UserError } from '../../emulator/errors.ts';
import { type BlockNumber, blockOf, blockStart, dpa } from '../../emulator/nvdimm/dpa.ts';
import type { StoreUnit } from '../../emulator/nvdimm/pending.ts';
import type { LineState, PersistencyEngine } from '../../emulator/nvdimm/persistency.ts';
import type { MemoryPlace } from './address-space.ts';
import type { Debugger } from './debugger.ts';
import { idText } from './object-space.ts';

export interface LineReport {
  readonly block: BlockNumber;
  /** Where it is, as offset of the range's beginning. */
  readonly offset: number;
  readonly state: LineState;
  readonly pending: readonly PendingReport[];
}

export interface PendingReport {
  readonly store: StoreUnit;
  /** Position before the instruction that stored: where it can be gone to. */
  readonly at: number;
  readonly code: string;
}

export interface PersistenceReport {
  readonly lines: readonly LineReport[];
  readonly counts: Readonly<Record<LineState, number>>;
  /** Bytes of the range that lie in no NVDIMM. */
  readonly volatileBytes: number;
}

/** @throws UserError when there is no NVDIMM whose stores are recorded, or they have not been up to here */
export function engineOf(debugged: Debugger): PersistencyEngine {
  const { nvdimm } = debugged.computer;
  if (!nvdimm?.recordable) throw new UserError('there is no NVDIMM whose stores are recorded');
  if (!nvdimm.recording) {
    const millions = Math.ceil(debugged.time.distanceToLines / 1e6);
    throw new UserError(
      `not known here yet: 'lines' runs ${millions} million instructions again to find out`,
    );
  }
  return nvdimm.engine;
}

/** The lines of a range of memory. */
export function persistenceOf(debugged: Debugger, place: MemoryPlace, length: number): PersistenceReport {
  const engine = engineOf(debugged);
  const { region } = debugged.computer.nvdimm!;
  const lines: LineReport[] = [];
  const counts = { clean: 0, dirty: 0, 'written-back': 0, persistent: 0 };
  let volatileBytes = 0;
  let done = 0;
  for (const piece of debugged.frame.space.pieces(place, length)) {
    const end = region.base + region.size;
    if (piece.pa < region.base || piece.pa >= end) volatileBytes += piece.length;
    else {
      const first = blockOf(dpa(piece.pa - region.base));
      const last = blockOf(dpa(piece.pa + piece.length - 1 - region.base));
      for (let block = first; block <= last; block++) {
        const state = engine.lineState(block as BlockNumber);
        counts[state]++;
        const offset = done + Math.max(blockStart(block as BlockNumber) + region.base - piece.pa, 0);
        lines.push({
          block: block as BlockNumber,
          offset,
          state,
          pending: pendingOf(debugged, block as BlockNumber),
        });
      }
    }
    done += piece.length;
  }
  return { lines, counts, volatileBytes };
}

/** The stores to a line that a power failure now may undo, oldest first. */
export function pendingOf(debugged: Debugger, block: BlockNumber): PendingReport[] {
  const engine = engineOf(debugged);
  return engine.pendingStores(block).map((store) => {
    const pc = (BigInt(store.pcHigh) << 32n) | BigInt(store.pcLow);
    return { store, at: debugged.time.positionOf(store), code: codeText(debugged, pc) };
  });
}

/** A place in the code of whatever program runs now, with its line. */
function codeText(debugged: Debugger, pc: bigint): string {
  const code = debugged.modules.at(debugged.core, pc, debugged.frame.space.view);
  const name = debugged.describe(pc) ?? `0x${pc.toString(16)}`;
  const row = code?.program.lineAt(code.address);
  return row === undefined ? name : `${name} (${row.file}:${row.line})`;
}

const byteText = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');

/** What a store wrote, as text. */
export function storeText({ offset, size, low, high }: StoreUnit): string {
  if (size === CACHE_BLOCK_SIZE) return 'the whole line zeroed (cbo.zero)';
  const value = (BigInt(high) << 32n) | BigInt(low);
  return `bytes ${offset}–${offset + size - 1} = 0x${value.toString(16)}`;
}

const MOST_LINES = 32;
/** Stores of a line that are shown among those of others. */
const MOST_STORES = 4;

const counted = (count: number | bigint, what: string): string =>
  `${count} ${what}${Number(count) === 1 ? '' : 's'}`;

/** Where pages of the NVDIMM belong: physical address of a page → object and offset. */
function owners({ objects }: Debugger): Map<number, { readonly name: string; readonly offset: number }> {
  const found = new Map<number, { name: string; offset: number }>();
  for (const { id, descriptor } of objects.all())
    for (const { offset, pa } of objects.pages(descriptor))
      found.set(pa, { name: idText(id).slice(0, 8), offset });
  return found;
}

/** A report as plain lines: counts, then every line that is not determined. */
export function formatPersistence(report: PersistenceReport): string[] {
  const { counts, volatileBytes } = report;
  const parts = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([state, count]) => `${count} ${state}`);
  if (volatileBytes > 0) parts.push(`${volatileBytes} bytes in volatile memory`);
  const lines = [parts.length === 0 ? 'nothing is there' : `lines: ${parts.join(', ')}`];
  const open = report.lines.filter(({ pending }) => pending.length > 0);
  for (const { offset, state, pending } of open.slice(0, MOST_LINES)) {
    lines.push(`+0x${offset.toString(16)} ${state}: ${counted(pending.length, 'store')} may be lost`);
    for (const { store, at, code } of pending) lines.push(`    ${storeText(store)} by ${code} at ${at}`);
  }
  if (open.length > MOST_LINES) lines.push(`… and ${open.length - MOST_LINES} more`);
  return lines;
}

/** What a power failure now could leave, of the whole NVDIMM. */
export function formatFailure(debugged: Debugger): string[] {
  const engine = engineOf(debugged);
  const blocks = engine.undetermined();
  if (blocks.length === 0) return ['a power failure now would lose nothing: every store is persistent'];
  const lines = [
    `a power failure now could leave ${counted(engine.countImages(), 'image')}: ${counted(blocks.length, 'line')} open`,
  ];
  const objects = owners(debugged);
  for (const block of blocks.slice(0, MOST_LINES)) {
    const images = engine.images(block);
    const pending = pendingOf(debugged, block);
    const start = blockStart(block);
    const page = Math.floor(start / PAGE_SIZE);
    const owner = objects.get(debugged.computer.nvdimm!.region.base + page * PAGE_SIZE);
    const where =
      owner === undefined
        ? `page 0x${page.toString(16)}`
        : `@${owner.name}:0x${(owner.offset + (start % PAGE_SIZE)).toString(16)}`;
    lines.push(
      `line 0x${block.toString(16)} (${where}) ${engine.lineState(block)}: ${counted(images.count, 'content')}, ${counted(pending.length, 'store')}`,
    );
    for (const { store, code } of pending.slice(0, MOST_STORES))
      lines.push(`    ${storeText(store)} by ${code}`);
    if (pending.length > MOST_STORES) lines.push(`    … and ${pending.length - MOST_STORES} more`);
    if (images.count <= 4n) {
      const changed = changedBytes(images.count, (i) => images.at(i));
      for (let i = 0n; i < images.count; i++)
        lines.push(
          `    or ${changed.from}–${changed.to - 1}: ${byteText(images.at(i).subarray(changed.from, changed.to))}`,
        );
    }
  }
  if (blocks.length > MOST_LINES) lines.push(`… and ${blocks.length - MOST_LINES} more lines`);
  return lines;
}

/** The bytes in which the contents differ. */
function changedBytes(count: bigint, at: (index: bigint) => Uint8Array): { from: number; to: number } {
  const first = at(0n);
  let from = CACHE_BLOCK_SIZE;
  let to = 0;
  for (let i = 1n; i < count; i++) {
    const other = at(i);
    for (let byte = 0; byte < CACHE_BLOCK_SIZE; byte++) {
      if (other[byte] === first[byte]) continue;
      from = Math.min(from, byte);
      to = Math.max(to, byte + 1);
    }
  }
  return from < to ? { from, to } : { from: 0, to: 8 };
}
