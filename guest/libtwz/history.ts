/** The lines typed before: kept in memory, or in a persistent object, where one is there whole or not at all. */
import { persist, storePersistent } from './persist.ts';

/** Bytes of a line, at most. */
export const LINE_MAX = 1024;
const ENTRIES: u64 = 64;

export const HISTORY_MAGIC = 0x5952_4f54_5349_4854;

/** The lines typed before, in memory or in a persistent object. */
export class History {
  magic: u64;
  /** Lines remembered so far; line n is in place n modulo 64. */
  count: u64;
  readonly lengths: FixedArray<u64, 64>;
  readonly lines: FixedArray<u8, 65536>;
}

const volatileHistory = zeroed<History>();
let history: History | null = null;

export function useHistory(kept: History): void {
  history = kept;
}

function theHistory(): History {
  return history === null ? volatileHistory : history;
}

/** The number of the line that is yet to be typed; lines have consecutive numbers. */
export function historyEnd(): u64 {
  return theHistory().count;
}

/** Is the line of this number still kept? */
export function hasEntry(index: u64): bool {
  const count = theHistory().count;
  return index < count && count - index <= ENTRIES;
}

/** The line of a number for which `hasEntry` holds. */
export function historyEntry(index: u64): str {
  const slot = index % ENTRIES;
  const kept = theHistory();
  return strOf(kept.lines.ptr.add(i64(slot * LINE_MAX)), min<u64>(kept.lengths[slot], LINE_MAX));
}

/** The number of the newest line up to `from` that has a text in it; one that is not kept if there is none. */
export function findInHistory(text: str, from: u64): u64 {
  for (let index = from; hasEntry(index); index--) {
    const line = historyEntry(index);
    for (let start: u64 = 0; start + text.length <= line.length; start++) {
      if (line.subslice(start, start + text.length).equals(text)) return index;
    }
  }
  return ~u64(0);
}

/** Adds a line to the history, unless it is empty, too long, or the last one again. */
export function rememberLine(text: str): void {
  const kept = theHistory();
  if (text.length === 0 || text.length > LINE_MAX) return;
  if (kept.count !== 0 && historyEntry(kept.count - 1).equals(text)) return;
  const slot = kept.count % ENTRIES;
  const target = addressOf(kept.lines) + slot * LINE_MAX;
  memory.copy(target, text.ptr.address, text.length);
  kept.lengths[slot] = text.length;
  if (history === null) {
    kept.count++;
    return;
  }
  persist(target, text.length);
  persist(ptrTo(kept.lengths[slot]).address, 8);
  storePersistent(ptrTo(kept.count).address, kept.count + 1);
}

/** Line `index` of the history, oldest first; empty past the end. */
export function historyLine(index: u64): str {
  const count = theHistory().count;
  const first = count > ENTRIES ? count - ENTRIES : 0;
  return first + index >= count ? '' : historyEntry(first + index);
}
