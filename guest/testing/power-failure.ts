/**
 * Power failures of a machine that runs the stress program: draws a legal image of the NVDIMM, boots another machine on it, lets the
 * kernel recover, and compares the store that it leaves with what the model allows.
 */
import { CACHE_BLOCK_SIZE, MiB, PAGE_SIZE } from '../../emulator/addresses.ts';
import { Initiator } from '../../emulator/machine/memory.ts';
import type { Snapshot } from '../../emulator/machine/state.ts';
import type { BlockNumber, Dpa } from '../../emulator/nvdimm/dpa.ts';
import { MemoryMedia } from '../../emulator/nvdimm/media.ts';
import type { Random } from '../../emulator/random.ts';
import { checkStore } from '../../tools/image/check.ts';
import { formatObjectId, ObjectStore, type StoredObject } from '../../tools/image/store.ts';
import * as R from '../stress/record.ts';
import { type ModelPage, pagesOf, type Survivor } from './stress-model.ts';
import { EMPTY_ID, layouts, type StressRun, stressArchive } from './stress-run.ts';
import { System } from './system.ts';

/** Instructions that a boot, the freeing of what was left, and the end may take. */
const BUDGET = 20_000_000;

/** Page offsets in an object, by page index (guest/stress/stress.ts). */
const PAGE_OFFSETS = [0x1000, 0x2000, 0x3000, 0x4000, 0x1f_f000, 0x20_0000, 0x2000_0000, 0x3dff_f000];

/** The NVDIMM's bytes as a power failure now may leave them: only what is guaranteed, or drawn out of all legal images. */
export function failedImage(system: System, random: Random): Uint8Array {
  const nvdimm = system.computer.nvdimm!;
  const { region, engine } = nvdimm;
  const image = system.computer.machine.memory.u8.slice(region.host, region.host + region.size);
  const oldest = random.below(4) === 0;
  const blocks: Iterable<[BlockNumber, Uint8Array]> = oldest
    ? engine.undetermined().map((block) => [block, engine.images(block).at(0n)])
    : engine.sampleImage(random, 'power');
  for (const [block, bytes] of blocks) image.set(bytes, block * CACHE_BLOCK_SIZE);
  return image;
}

/** A machine that boots again and again, each time on another image. */
export class RecoveryMachine {
  private readonly system: System;
  private readonly start: Snapshot;
  /** Instructions from reset to the end, of all boots together. */
  instructions = 0;

  constructor(size: number) {
    this.system = new System({
      media: new MemoryMedia(size),
      memory: 16 * MiB,
      quiet: true,
      writeThrough: false,
      archive: stressArchive('recover'),
    });
    this.system.computer.nvdimm!.readAll();
    this.start = this.system.computer.machine.snapshot();
  }

  /** Boots on `image` until the machine switches itself off. @returns the store that is left */
  recover(image: Uint8Array): ObjectStore {
    const { machine, nvdimm } = this.system.computer;
    const { region } = nvdimm!;
    const { memory } = machine;
    machine.restore(this.start);
    for (let at = 0; at < region.size; at += PAGE_SIZE) {
      const wanted = image.subarray(at, at + PAGE_SIZE);
      if (Buffer.compare(memory.u8.subarray(region.host + at, region.host + at + PAGE_SIZE), wanted) !== 0)
        memory.writeBytes(region.base + at, wanted, Initiator.host);
    }
    this.system.output = '';
    const reason = machine.run({ instructions: BUDGET });
    if (reason.kind !== 'exit' || reason.code !== 0)
      throw new Error(`recovery ended with ${JSON.stringify(reason)}: ${this.system.output}`);
    this.instructions += machine.instructions;
    const visible = memory.u8.subarray(region.host, region.host + region.size);
    const read = (address: Dpa, into: Uint8Array): void =>
      into.set(visible.subarray(address, address + into.length));
    return new ObjectStore({ size: region.size, read }, layouts);
  }
}

/** Compares a recovered store with what the model allows. @returns what is wrong */
export function compareStore(run: StressRun, workers: number, store: ObjectStore): string[] {
  const wrong = checkStore(store);
  const stored = new Map<string, StoredObject>();
  for (const object of store.objects()) stored.set(formatObjectId(object.id), object);
  const known = new Set<string>();
  const groups = Array.from({ length: workers }, (_, worker) =>
    run.model.outcomes(worker, run.inFlight(worker)),
  );
  groups.push([run.model.exchangedSurvivors()]);
  for (const outcomes of groups) {
    for (const { id } of outcomes.flat()) known.add(id);
  }
  const strangers = [...stored.keys()].filter((id) => !known.has(id));
  for (const [worker, outcomes] of groups.entries()) {
    const complaints = outcomes.map((outcome) => compareGroup(store, stored, outcomes, outcome, strangers));
    // The last that fits: a creation that has happened explains an object that nothing else does.
    const fitting = complaints.findLastIndex((list) => list.length === 0);
    if (fitting < 0) {
      wrong.push(
        `worker ${worker}, in the middle of ${JSON.stringify(run.inFlight(worker))}: ${complaints.map((list) => list.join(', ')).join(' / ')}`,
      );
      continue;
    }
    // A stranger that one creation explains explains no other.
    const made = outcomes[fitting]!.find(({ id }) => id === EMPTY_ID);
    if (made)
      strangers.splice(
        strangers.findIndex((id) => samePages(store, stored.get(id)!, made) === ''),
        1,
      );
  }
  for (const id of strangers) wrong.push(`${id} should not be there`);
  return wrong;
}

function compareGroup(
  store: ObjectStore,
  stored: ReadonlyMap<string, StoredObject>,
  outcomes: readonly (readonly Survivor[])[],
  outcome: readonly Survivor[],
  strangers: readonly string[],
): string[] {
  const wrong: string[] = [];
  const wanted = new Set(outcome.map(({ id }) => id));
  for (const { id } of outcomes.flat()) {
    if (!wanted.has(id) && stored.has(id)) wrong.push(`${id} is still there`);
  }
  for (const survivor of outcome) {
    if (survivor.id === EMPTY_ID) {
      if (!strangers.some((id) => samePages(store, stored.get(id)!, survivor) === ''))
        wrong.push('the new object is not there');
      continue;
    }
    const object = stored.get(survivor.id);
    if (object === undefined) wrong.push(`${survivor.id} is lost`);
    else {
      const difference = samePages(store, object, survivor);
      if (difference !== '') wrong.push(`${survivor.id}: ${difference}`);
    }
  }
  return wrong;
}

/** How an object's pages differ from what they should be; empty: they do not. */
function samePages(store: ObjectStore, object: StoredObject, expected: Survivor): string {
  for (const [index, page] of expected.pages.entries()) {
    const at = store.findPage(object, PAGE_OFFSETS[index]!);
    if ((at === undefined) !== (page === undefined))
      return `page ${index} ${at === undefined ? 'lost' : 'there'}`;
    if (at !== undefined && Buffer.compare(store.region.bytes(at, PAGE_SIZE), pageBytes(page!)) !== 0)
      return `page ${index} differs`;
  }
  return object.pages === pagesOf(expected) ? '' : `${object.pages} pages`;
}

function pageBytes(page: ModelPage): Uint8Array {
  const bytes = new Uint8Array(PAGE_SIZE);
  const view = new DataView(bytes.buffer);
  for (const [word, value] of page.entries()) view.setUint32(word * R.WORD_STRIDE * 8, value, true);
  return bytes;
}
