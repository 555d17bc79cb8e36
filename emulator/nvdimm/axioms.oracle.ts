/**
 * The axioms of P-RVWMO (docs/persistency.md, "The axioms") and nothing else: from a whole execution, written down
 * as a list of events in global memory order, the contents that a failure at its end may leave in one block. It
 * tries sets of atoms and keeps those that the axioms allow, so it shares no idea with the engine whose oracle it is.
 * Exponential: for tests only.
 */
import { CACHE_BLOCK_SIZE } from '../addresses.ts';

export type Event =
  | {
      readonly kind: 'store';
      readonly hart: number;
      readonly address: number;
      readonly bytes: readonly number[];
    }
  | { readonly kind: 'zero' | 'clean'; readonly hart: number; readonly block: number }
  /** Discarding cbo.inval; `discards` = how many of the atoms' events just before it never reach the media. */
  | { readonly kind: 'inval'; readonly hart: number; readonly block: number; readonly keep: number }
  | { readonly kind: 'fence'; readonly hart: number; readonly pred: number; readonly succ: number }
  | { readonly kind: 'hint'; readonly hart: number };

export type Mode = 'mem-ctrl' | 'cpu' | 'adr-fail';

/** What becomes persistent as a whole: bytes of one store within aligned 8 bytes, or one byte of a cbo.zero. */
interface Atom {
  /** Position of its event in the execution, then of the piece in its store. */
  readonly event: number;
  readonly piece: number;
  readonly writes: readonly (readonly [offset: number, value: number])[];
}

const W = 1;
const O = 4;

/** The atoms of one block in memory order; cbo.zero only of the bytes that are ever anything but zero. */
function atomsOf(events: readonly Event[], block: number, interesting: readonly number[]): Atom[] {
  const atoms: Atom[] = [];
  events.forEach((event, index) => {
    if (event.kind === 'zero' && event.block === block) {
      for (const offset of interesting) atoms.push({ event: index, piece: 0, writes: [[offset, 0]] });
    }
    if (event.kind !== 'store') return;
    const pieces = new Map<number, [number, number][]>();
    event.bytes.forEach((value, i) => {
      const address = event.address + i;
      if (Math.floor(address / CACHE_BLOCK_SIZE) !== block) return;
      const word = Math.floor(address / 8);
      const piece = pieces.get(word) ?? [];
      piece.push([address % CACHE_BLOCK_SIZE, value]);
      pieces.set(word, piece);
    });
    for (const [word, writes] of [...pieces].sort(([a], [b]) => a - b)) {
      atoms.push({ event: index, piece: word, writes });
    }
  });
  return atoms;
}

const before = (a: Atom, b: Atom): boolean => a.event < b.event || (a.event === b.event && a.piece < b.piece);

/** The events after which `hart` has completed what it did before `index`: FENCEs with `bit` that are not hints. */
function fencesAfter(events: readonly Event[], hart: number, index: number, bit: number): number[] {
  const found: number[] = [];
  events.forEach((event, at) => {
    if (at <= index || event.kind !== 'fence' || event.hart !== hart) return;
    if ((event.pred & bit) !== 0 && event.succ !== 0) found.push(at);
  });
  return found;
}

/**
 * The contents (as hexadecimal) that a failure after the last event may leave in `block`, whose content was
 * `initial` before the first one.
 */
export function legalContents(
  events: readonly Event[],
  block: number,
  initial: Uint8Array,
  mode: Mode,
): Set<string> {
  const interesting: number[] = [];
  for (let offset = 0; offset < CACHE_BLOCK_SIZE; offset++) {
    const written = events.some(
      (e) =>
        e.kind === 'store' &&
        block * CACHE_BLOCK_SIZE + offset >= e.address &&
        block * CACHE_BLOCK_SIZE + offset < e.address + e.bytes.length,
    );
    if (written || initial[offset] !== 0) interesting.push(offset);
  }
  const zeros = events.some((event) => event.kind === 'zero');
  if (zeros && interesting.length > 10) throw new RangeError(`${interesting.length} bytes to tear: too many`);
  const all = atomsOf(events, block, interesting);

  // Discarded: at a cbo.inval, everything after some point that is not before the last write-back of the block.
  // `keep` names that point in whole stores (a cbo.zero counts as one), counted from the earliest legal one.
  const gone = new Set<Atom>();
  events.forEach((event, at) => {
    if (event.kind !== 'inval' || event.block !== block) return;
    const cleans = events.flatMap((e, i) => (i < at && e.kind === 'clean' && e.block === block ? [i] : []));
    const lastClean = Math.max(-1, ...cleans);
    const unsafe = all.filter((atom) => atom.event < at && atom.event > lastClean && !gone.has(atom));
    const units = [...new Set(unsafe.map((atom) => `${atom.event} ${atom.piece}`))];
    const dropped = new Set(units.slice(event.keep));
    for (const atom of unsafe) if (dropped.has(`${atom.event} ${atom.piece}`)) gone.add(atom);
  });
  const atoms = all.filter((atom) => !gone.has(atom));

  // Guaranteed: written back by a cache-block operation whose hart then completed a fence (and, when the
  // write-pending queue is lost, which a completed flush hint followed).
  const guaranteed = (atom: Atom): boolean => {
    if (mode === 'cpu') return true;
    return events.some((e, at) => {
      if (e.kind !== 'clean' || e.block !== block || at < atom.event) return false;
      const fences = fencesAfter(events, e.hart, at, W);
      if (mode === 'mem-ctrl') return fences.length > 0;
      return events.some(
        (hint, hinted) =>
          hint.kind === 'hint' &&
          fences.some((f) => f < hinted) &&
          fencesAfter(events, hint.hart, hinted, O).length > 0,
      );
    });
  };

  // Every set of atoms that holds all guaranteed ones and, with each atom, all that are before it. An atom is
  // decided after its predecessors, so a set that breaks the second rule is given up at once.
  const required = atoms.map(guaranteed);
  const predecessors = atoms.map((atom) =>
    atoms.flatMap((other, index) => (before(other, atom) ? [index] : [])),
  );
  const chosen: boolean[] = [];
  const contents = new Set<string>();
  const decide = (index: number): void => {
    if (index === atoms.length) {
      const bytes = initial.slice();
      atoms.forEach((atom, i) => {
        if (chosen[i]) for (const [offset, value] of atom.writes) bytes[offset] = value;
      });
      contents.add(Buffer.from(bytes).toString('hex'));
      return;
    }
    if (!required[index]) {
      chosen[index] = false;
      decide(index + 1);
    }
    if (predecessors[index]!.every((earlier) => chosen[earlier])) {
      chosen[index] = true;
      decide(index + 1);
    }
  };
  decide(0);
  return contents;
}
