/**
 * The steps of a walk in words, for debuggers and `licorice explain`: every entry read with its address, raw bits,
 * decoded fields and what followed, and at the end the verdict or what is missing.
 */
import type { WalkStep } from '../translation.ts';
import {
  type Access,
  ADDRESS,
  ALL_RIGHTS,
  CONTEXT,
  DESCRIPTOR,
  ENTRY,
  HASH,
  OBJECT_VALUE,
  REASON,
  REQUESTABLE,
  RIGHT,
  TABLE_WORD,
  VALID,
  VIEW,
} from './layout.ts';
import { frame, Outcome, type Reading, type WalkObserver, type XtwzWalker } from './walk.ts';

const hex = (value: number | bigint): string => `0x${value.toString(16)}`;
const word = (lo: number, hi: number): bigint => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);

/** A 128-bit object ID as people write it: 32 hexadecimal digits. */
export const formatId = (id0: number, id1: number, id2: number, id3: number): string =>
  ((word(id2, id3) << 64n) | word(id0, id1)).toString(16).padStart(32, '0');

const RIGHT_NAMES = [
  [RIGHT.read, 'read'],
  [RIGHT.write, 'write'],
  [RIGHT.exec, 'exec'],
  [RIGHT.use, 'use'],
  [RIGHT.delete, 'delete'],
] as const;
/** Rights as words: `read write`, or `none`. */
export function formatRights(rights: number): string {
  const names = RIGHT_NAMES.filter(([bit]) => rights & bit).map(([, name]) => name);
  return names.length === 0 ? 'none' : names.join(' ');
}

export const ACCESS_NAMES = ['fetch', 'load', 'store', 'cache-block management'] as const;

/** What each reason of a fault means, for people; `null page` and the like stand in the specification, §5. */
const REASON_TEXT: Readonly<Record<number, string>> = {
  [REASON.hole]: 'the address is in no window: bits 63:47 are mixed',
  [REASON.user]: 'the supervisor window is not for U-mode',
  [REASON.sum]: 'S-mode may use the object window only with sstatus.SUM = 1',
  [REASON.supervisorFetch]: 'S-mode does not execute from the object window',
  [REASON.nullPage]: 'null dereference: the offset is below 0x1000',
  [REASON.noView]: 'there is no view: stwzview.V = 0',
  [REASON.viewPage]: "the page of the view's table is absent",
  [REASON.entry]: 'the view entry is not VALID: nothing is mapped in this slot',
  [REASON.noTable]: 'there is no object table',
  [REASON.unknown]: 'the object is not in the object table',
  [REASON.notReady]: "the object's descriptor is not ready: root V = 0",
  [REASON.limit]: "the offset is beyond the object's LIMIT",
  [REASON.absentLarge]: 'the page is absent: level-1 entry V = 0',
  [REASON.absent]: 'the page is absent: level-0 entry V = 0',
  [REASON.copyOnWrite]: 'a store to a copy-on-write page',
  [REASON.malformed]: 'the entry is malformed: reserved bits are set or a field has an illegal value',
};

const PAGE_TYPES = ['DRAM', 'NVDIMM', 'I/O', 'reserved'] as const;

type Fields = Record<string, string | number | bigint | boolean>;

function treeFields(lo: number, hi: number): Fields {
  const flag = (bit: number, name: string): string => (lo & bit ? name : '-');
  const fields: Fields = {
    address: hex(frame(lo, hi)),
    flags:
      flag(ENTRY.dirty, 'D') +
      flag(ENTRY.accessed, 'A') +
      flag(ENTRY.copyOnWrite, 'C') +
      flag(ENTRY.leaf, 'L') +
      flag(ENTRY.valid, 'V'),
  };
  if (lo & ENTRY.leaf) fields['type'] = PAGE_TYPES[(lo & ENTRY.typeMask) >>> ENTRY.typeShift]!;
  return fields;
}

function tableFields(lo: number, hi: number): Fields {
  return {
    valid: (lo & VALID) !== 0,
    address: hex((hi & TABLE_WORD.addressHi) * 2 ** 32 + ((lo & TABLE_WORD.addressLo) >>> 0)),
    buckets: 2 ** ((lo >>> TABLE_WORD.log2Shift) & TABLE_WORD.log2Mask),
  };
}

/** Collects the steps of one walk into a list. */
export class StepRecorder implements WalkObserver {
  private readonly steps: WalkStep[];
  /** Remark on the search that led to the next entry. */
  private search = '';

  constructor(steps: WalkStep[]) {
    this.steps = steps;
  }

  /** The first step: how the address is read. */
  begin(va: bigint): void {
    const fields: Fields = { va: hex(va) };
    const top = va >> BigInt(ADDRESS.offsetBits + ADDRESS.slotBits);
    let verdict = 'in no window';
    if (top === 0n) {
      fields['slot'] = hex(va >> BigInt(ADDRESS.offsetBits));
      fields['offset'] = hex(BigInt.asUintN(ADDRESS.offsetBits, va));
      verdict = 'object window';
    } else if (va >= ADDRESS.supervisorBase) verdict = 'supervisor window';
    this.steps.push({ what: 'address', fields, verdict });
  }

  searched(
    what: Reading,
    table: number,
    log2: number,
    first: number,
    second: number,
    compared: number,
  ): void {
    const hit = compared <= HASH.bucketEntries ? first : second;
    this.search = `found in bucket ${hit} of ${2 ** log2}, after ${compared} compared`;
    this.misses = { what, table, text: `buckets ${first} and ${second} of ${2 ** log2} searched: no entry` };
  }
  /** The last search, until an entry of it is read. */
  private misses: { readonly what: Reading; readonly table: number; readonly text: string } | undefined;

  read(what: Reading, pa: number, words: readonly number[]): void {
    const [lo, hi] = [words[0]!, words[1]!];
    if (this.misses?.what === what) this.misses = undefined;
    else this.pushMiss();
    const push = (raw: bigint, fields: Fields, verdict: string): void => {
      this.steps.push({ what, address: pa, raw, fields, verdict });
    };
    switch (what) {
      case 'view entry':
      case 'fixed entry': {
        const flags = words[6]!;
        const valid = (flags & VIEW.valid) !== 0;
        const fields: Fields = { flags: hex(flags), valid };
        if (valid) {
          fields['id'] = formatId(lo, hi, words[2]!, words[3]!);
          fields['requests'] = formatRights(flags & REQUESTABLE);
        }
        const empty = what === 'fixed entry' ? 'not VALID: the view decides' : 'not VALID';
        push(word(flags, words[7]!), fields, valid ? 'names the object' : empty);
        break;
      }
      case 'object table':
      case 'context table':
        push(word(lo, hi), tableFields(lo, hi), lo & VALID ? 'a table' : 'no table');
        break;
      case 'object entry': {
        const [vlo, vhi] = [words[4]!, words[5]!];
        const descriptor = (vhi & OBJECT_VALUE.addressHi) * 2 ** 32 + ((vlo & OBJECT_VALUE.addressLo) >>> 0);
        const id = formatId(lo, hi, words[2]!, words[3]!);
        push(word(vlo, vhi), { id, descriptor: hex(descriptor) }, this.search);
        break;
      }
      case 'rights entry': {
        const rights = words[4]! & ALL_RIGHTS;
        push(word(words[4]!, words[5]!), { rights: formatRights(rights) }, this.search);
        break;
      }
      case 'descriptor attributes':
        push(
          word(lo, hi),
          {
            defaults: formatRights(lo & DESCRIPTOR.defaultRights),
            persistent: (lo & DESCRIPTOR.persist) !== 0,
            noAccessedDirty: (lo & DESCRIPTOR.noAccessedDirty) !== 0,
            limitPages: hi & DESCRIPTOR.limitHi || 'none',
          },
          'the object',
        );
        break;
      case 'context policy':
        push(
          word(lo, hi),
          {
            mask: formatRights(lo & CONTEXT.mask),
            defaults: (lo & CONTEXT.useDefaults) !== 0,
            all: (lo & CONTEXT.all) !== 0,
          },
          lo & CONTEXT.all ? 'grants everything' : 'the table decides',
        );
        break;
      default: {
        let verdict = 'next table';
        if ((lo & ENTRY.valid) === 0) verdict = 'absent';
        else if (what === 'set accessed/dirty') verdict = 'written back';
        else if (lo & ENTRY.leaf) verdict = what.endsWith('1') ? 'a 2-MiB page' : 'a 4-KiB page';
        push(word(lo, hi), treeFields(lo, hi), verdict);
      }
    }
  }

  /** Adds what came of it all. */
  finish(walker: XtwzWalker, outcome: Outcome, access: Access): void {
    this.pushMiss();
    if (!walker.direct && walker.step > 0) this.rightsStep(walker, outcome);
    this.steps.push({ what: 'result', verdict: this.verdict(walker, outcome, access) });
  }

  /** Adds the last search, if it found nothing. */
  private pushMiss(): void {
    if (!this.misses) return;
    const { what, table, text } = this.misses;
    this.steps.push({ what, address: table, verdict: text });
    this.misses = undefined;
  }

  private rightsStep(walker: XtwzWalker, outcome: Outcome): void {
    if (walker.granted === 0 && walker.effective === 0 && walker.missing === 0) return;
    const short = outcome === Outcome.fault && walker.missing !== 0;
    this.steps.push({
      what: 'rights',
      fields: {
        requested: formatRights(walker.requested),
        granted: formatRights(walker.granted),
        effective: formatRights(walker.requested & walker.granted),
      },
      verdict: short ? `missing: ${formatRights(walker.missing)}` : 'enough',
    });
  }

  private verdict(walker: XtwzWalker, outcome: Outcome, access: Access): string {
    if (outcome === Outcome.ok) {
      const way = walker.direct ? 'supervisor window, ' : '';
      return `${way}physical ${hex(walker.pa)}`;
    }
    if (outcome === Outcome.accessFault)
      return `access fault: the table at ${hex(walker.accessFaultAt)} is in no memory, or PMP forbids it`;
    const where = `fault (cause ${walker.cause}): `;
    if (walker.missing === 0) return where + (REASON_TEXT[walker.reason] ?? `reason ${walker.reason}`);
    const lacking = formatRights(walker.missing);
    const who =
      walker.reason === REASON.notRequested
        ? 'the view entry does not request it'
        : walker.noEntry
          ? 'the context has no entry for the object, and its defaults do not give it'
          : "the context's entry does not grant it";
    return `${where}the ${ACCESS_NAMES[access]} needs ${lacking}: ${who}`;
  }
}
