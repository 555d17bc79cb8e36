/**
 * Transactions on the object store's metadata: a redo journal of 64-bit words. `txSet` collects, `txCommit` makes all of it
 * happen at one instant. Three fences:
 *
 *   1  the entries (and every new page that the caller cleaned) are persistent
 *   2  the header says how many: the transaction is decided
 *   3  the words are in their places; then the header is cleared, which may become persistent any time later
 *
 * The halves of the journal take turns, so the header that transaction n clears is persistent before transaction n+2
 * writes into the same half. Recovery repeats the decided ones in order; repeating is harmless.
 *
 * Invariants: between transactions `count` is 0; a word is read through `txGet` whenever a transaction may have set it.
 */
import { JOURNAL_ENTRIES, JOURNAL_HALF_PAGES, JOURNAL_PAGE, JournalHeader } from '../abi/store.ts';
import { cleanRange, LINE, PAGE, persistFence } from './arch.ts';
import { noteLoss, readable } from './damage.ts';

const INDEX_SIZE = 16384;

let base: usize = 0;
let sequence: u64 = 0;
let count: u32 = 0;
/** Transactions begun in this boot. */
let number: u64 = 1;
const addresses = zeroed<FixedArray<u64, 8192>>();
const values = zeroed<FixedArray<u64, 8192>>();
/** Open-addressing hash from address to entry number + 1. */
const index = zeroed<FixedArray<u16, 16384>>();

function half(which: u64): usize {
  return base + (JOURNAL_PAGE + which * JOURNAL_HALF_PAGES) * PAGE;
}

/** Makes every block of a half readable that is not: what it held is lost. */
function mend(journal: usize): void {
  for (let block = journal; block < journal + JOURNAL_HALF_PAGES * PAGE; block += LINE) {
    if (readable(block, LINE)) continue;
    cbo.zero(block);
    cbo.clean(block);
    noteLoss();
  }
  persistFence();
}

function replay(journal: usize): void {
  const header = at<JournalHeader>(journal);
  for (let i: u64 = 0; i < header.count; i++) {
    const entry = journal + 64 + i * 16;
    // What cannot be read is not repeated; `licorice image FILE check` tells what that has done.
    if (!readable(entry, 16)) continue;
    const address = base + load<u64>(entry);
    store<u64>(address, load<u64>(entry, 8));
    cbo.clean(address);
  }
  persistFence();
  header.count = 0;
  cbo.clean(journal);
  persistFence();
}

/** Finishes what a power failure interrupted. `region`: kernel address of the NVDIMM. Returns transactions repeated. */
export function recoverJournal(region: usize): u64 {
  base = region;
  // A header that is lost says nothing: its transaction has been done, or is not done.
  for (let which: u64 = 0; which < 2; which++) if (!readable(half(which), LINE)) mend(half(which));
  const first = at<JournalHeader>(half(0));
  const second = at<JournalHeader>(half(1));
  sequence = max(first.sequence, second.sequence);
  let repeated: u64 = 0;
  const olderFirst = first.sequence < second.sequence;
  for (let turn: u64 = 0; turn < 2; turn++) {
    const journal = half(olderFirst ? turn : 1 - turn);
    if (at<JournalHeader>(journal).count === 0) continue;
    replay(journal);
    repeated++;
  }
  mend(half(0));
  mend(half(1));
  return repeated;
}

function slotOf(address: usize): u64 {
  let slot = ((address >> 3) * 0x9e37_79b9_7f4a_7c15) >> 50;
  for (;;) {
    const entry = unchecked(index[slot]);
    if (entry === 0 || unchecked(addresses[entry - 1]) === address) return slot;
    slot = (slot + 1) & (INDEX_SIZE - 1);
  }
}

/** The word at `address` as the open transaction leaves it. */
export function txGet(address: usize): u64 {
  if (count !== 0) {
    const entry = index[slotOf(address)];
    if (entry !== 0) return values[entry - 1];
  }
  return load<u64>(address);
}

/** Sets an aligned word of the region in the open transaction. */
export function txSet(address: usize, value: u64): void {
  const slot = slotOf(address);
  const entry = index[slot];
  if (entry !== 0) {
    values[entry - 1] = value;
    return;
  }
  assert(count < JOURNAL_ENTRIES, 'transaction too large');
  addresses[count] = address;
  values[count] = value;
  count++;
  index[slot] = u16(count);
}

/** Words that the open transaction has set; callers with much to do commit before it reaches JOURNAL_ENTRIES. */
export function txSize(): u32 {
  return count;
}

/** Number of the open transaction, never 0. */
export function txNumber(): u64 {
  return number;
}

function clearIndex(): void {
  // Backwards, so that no probe chain is cut before the entries behind it are gone.
  for (let i = count; i > 0; i--) index[slotOf(addresses[i - 1])] = 0;
  count = 0;
  number++;
}

/** Forgets the open transaction. */
export function txAbort(): void {
  clearIndex();
}

/** Makes the open transaction happen, persistently. */
export function txCommit(): void {
  if (count === 0) {
    persistFence();
    return;
  }
  sequence++;
  const journal = half(sequence & 1);
  for (let i: u32 = 0; i < count; i++) {
    const entry = journal + 64 + u64(i) * 16;
    store<u64>(entry, addresses[i] - base);
    store<u64>(entry, values[i], 8);
  }
  cleanRange(journal + 64, u64(count) * 16);
  persistFence();

  volatileStore<u64>(journal, sequence, offsetof<JournalHeader>('sequence'));
  // The header's words share a cache block, which persists a prefix of its stores: never a count without its sequence.
  volatileStore<u64>(journal, u64(count));
  cbo.clean(journal);
  persistFence();

  for (let i: u32 = 0; i < count; i++) store<u64>(addresses[i], values[i]);
  for (let i: u32 = 0; i < count; i++) cbo.clean(addresses[i]);
  persistFence();

  volatileStore<u64>(journal, 0);
  cbo.clean(journal);
  clearIndex();
}

static_assert(JOURNAL_ENTRIES * 16 + 64 <= JOURNAL_HALF_PAGES * 4096, 'journal');
