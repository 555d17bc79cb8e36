/**
 * The whole state of a machine: as named fields (for files and hashes), and as an in-memory snapshot that shares
 * pages with others (for going back thousands of times per second).
 */
import { PAGE_SIZE } from '../addresses.ts';
import { HART_REGISTER_BYTES } from '../cpu/state.ts';
import type { TlbCopy } from '../mmu/tlb.ts';
import { Access } from '../mmu/translation.ts';
import type { State, StateValue } from './bus.ts';
import { bytesField, numberField, stateField, statesField } from './fields.ts';
import {
  pointerBytes,
  restoreHart,
  restoreTranslations,
  saveHart,
  saveTranslations,
  slotCacheBytes,
} from './hart-state.ts';
import { hashMemory, hashValue, isZeroPage, newHash } from './hash.ts';
import type { Machine } from './machine.ts';
import { Initiator, type PhysicalMemory } from './memory.ts';
import type { MemorySnapshot } from './snapshots.ts';

/** A machine's state in memory. Immutable; valid for the machine that made it. */
export interface Snapshot {
  /** Instructions of all harts at which it was taken. */
  readonly instructions: number;
  /** Guest time in nanoseconds. */
  readonly now: number;
  readonly memory: MemorySnapshot;
  readonly fields: State;
  readonly harts: readonly HartSnapshot[];
}

interface HartSnapshot {
  readonly bytes: Uint8Array;
  /** The persistent-pointer lookaside. */
  readonly pointers: Uint8Array;
  readonly slots: Uint8Array;
  readonly translations: TlbCopy;
  readonly regimes: ReturnType<Machine['cores'][number]['mmu']['regimes']['save']>;
}

/** State that is neither memory nor harts. */
function saveParts(machine: Machine): State {
  const devices: Record<string, StateValue> = {};
  for (const device of machine.bus.devices) if (device.save) devices[device.name] = device.save();
  for (const part of machine.stateful) devices[part.name] = part.save();
  return {
    turns: machine.turns.save(),
    timers: machine.scheduler.save(),
    builtInSbi: machine.builtInSbi,
    devices,
  };
}

function restoreParts(machine: Machine, fields: State): void {
  machine.turns.restore(stateField(fields, 'turns'));
  machine.builtInSbi = fields['builtInSbi'] === true;
  const devices = stateField(fields, 'devices');
  const parts = [...machine.bus.devices, ...machine.stateful];
  for (const part of parts) {
    if (!part.restore) continue;
    try {
      part.restore(stateField(devices, part.name));
    } catch (error) {
      throw new Error(`${part.name}: ${(error as Error).message}`);
    }
  }
  for (const name of Object.keys(devices))
    if (!parts.some((part) => part.name === name)) throw new Error(`there is no device ${name}`);
  // Last: devices must not have armed timers of their own while they were restored.
  machine.scheduler.restore(stateField(fields, 'timers'));
}

/**
 * Takes a snapshot: copies the pages modified since the last one, and the harts. In a hook that comes before an instruction has had any
 * effect (an observer of its loads) it is of the state before that instruction, and the run may go on.
 */
export function takeSnapshot(machine: Machine): Snapshot {
  machine.turns.settle();
  const memory = machine.memorySnapshots.take();
  machine.dropFast(Access.store);
  return {
    instructions: machine.instructions,
    now: machine.now,
    memory,
    fields: saveParts(machine),
    harts: machine.cores.map((core) => ({
      bytes: machine.memory.u8.slice(core.hart.base, core.hart.base + HART_REGISTER_BYTES),
      pointers: pointerBytes(core).slice(),
      slots: slotCacheBytes(core).slice(),
      translations: core.mmu.tlb.copy(),
      regimes: core.mmu.regimes.save(),
    })),
  };
}

/**
 * The same snapshot with what devices know now: for a machine that has come to the snapshot's state again, and knows more of it
 * than when it was taken (an NVDIMM that records stores on demand).
 */
export function refreshSnapshot(machine: Machine, snapshot: Snapshot): Snapshot {
  return { ...snapshot, fields: saveParts(machine) };
}

/** Puts the machine back to a snapshot: copies back the pages that differ. Translated code stays. */
export function restoreSnapshot(machine: Machine, snapshot: Snapshot): void {
  machine.memorySnapshots.restore(snapshot.memory, (page) => machine.engine.dropPage(page));
  for (const [i, saved] of snapshot.harts.entries()) {
    const core = machine.cores[i]!;
    const { hart, mmu } = core;
    machine.memory.u8.set(saved.bytes, hart.base);
    pointerBytes(core).set(saved.pointers);
    slotCacheBytes(core).set(saved.slots);
    hart.attention = true;
    mmu.restoreTranslations(saved.translations, saved.regimes);
  }
  restoreParts(machine, snapshot.fields);
}

/** Everything but memory as named fields. */
export function saveFields(machine: Machine): State {
  return {
    parts: saveParts(machine),
    harts: machine.cores.map((core) => ({
      ...saveHart(core, machine.csrs),
      translations: saveTranslations(core),
    })),
  };
}

/** Pages that are not zero: `pages` are indexes as 32-bit numbers, `contents` their bytes in that order. */
export function saveMemory(memory: PhysicalMemory): State {
  const pages: number[] = [];
  for (const region of memory.regions)
    for (let i = 0; i < region.pages; i++) {
      memory.makePresent(region.firstPage + i);
      if (!isZeroPage(memory.i32, region.host + i * PAGE_SIZE)) pages.push(region.firstPage + i);
    }
  const contents = new Uint8Array(pages.length * PAGE_SIZE);
  for (const [i, page] of pages.entries()) {
    const host = memory.hostOfPage(page);
    contents.set(memory.u8.subarray(host, host + PAGE_SIZE), i * PAGE_SIZE);
  }
  return { pages: new Uint8Array(Uint32Array.from(pages).buffer), contents };
}

/** Puts back what `saveFields` and `saveMemory` gave. Throws an Error that names what does not fit. */
export function restoreAll(machine: Machine, fields: State, memoryState: State): void {
  restoreMemoryAndHarts(machine, fields, memoryState);
  restoreParts(machine, stateField(fields, 'parts'));
}

/** Puts back memory and harts alone: enough to look at a state, in a machine without its devices. */
export function restoreMemoryAndHarts(machine: Machine, fields: State, memoryState: State): void {
  const { memory } = machine;
  machine.memorySnapshots.forget();
  machine.engine.dropAll();
  const pages = new Uint32Array(bytesField(memoryState, 'pages').slice().buffer);
  const contents = bytesField(memoryState, 'contents', pages.length * PAGE_SIZE);
  for (let page = 0; page < memory.layout.pages; page++) {
    memory.makePresent(page);
    if (!isZeroPage(memory.i32, memory.hostOfPage(page)))
      memory.fill(memory.addressOf(page), PAGE_SIZE, 0, Initiator.host);
  }
  for (const [i, page] of pages.entries()) {
    if (page >= memory.layout.pages) throw new Error(`page ${page} is beyond memory`);
    const content = contents.subarray(i * PAGE_SIZE, (i + 1) * PAGE_SIZE);
    memory.writeBytes(memory.addressOf(page), content, Initiator.host);
  }
  const harts = statesField(fields, 'harts');
  if (harts.length !== machine.cores.length) throw new Error(`${harts.length} harts are saved`);
  for (const [i, saved] of harts.entries()) {
    const core = machine.cores[i]!;
    restoreHart(core, machine.csrs, saved);
    restoreTranslations(core, stateField(saved, 'translations'));
  }
}

/** What a state was saved from; a machine of the same shape must be made before it is restored. */
export interface Shape {
  readonly harts: number;
  readonly memory: number;
  readonly quantum: number;
  readonly nvdimm?: { readonly base: number; readonly size: number };
}

export function shapeOf(machine: Machine): Shape {
  const nvdimm = machine.memory.regions.find((region) => region.kind === 'nvdimm');
  return {
    harts: machine.cores.length,
    memory: machine.memory.regions[0]!.size,
    quantum: machine.turns.quantum,
    ...(nvdimm && { nvdimm: { base: nvdimm.base, size: nvdimm.size } }),
  };
}

/** A shape from its saved fields. */
export function shapeFrom(state: State): Shape {
  const nvdimm = state['nvdimm'] === undefined ? undefined : stateField(state, 'nvdimm');
  return {
    harts: numberField(state, 'harts'),
    memory: numberField(state, 'memory'),
    quantum: numberField(state, 'quantum'),
    ...(nvdimm && { nvdimm: { base: numberField(nvdimm, 'base'), size: numberField(nvdimm, 'size') } }),
  };
}

/**
 * SHA-256 of all that the guest can see or that its future depends on, in hexadecimal. TLBs are left out: they do
 * not matter to a guest that keeps the rules of sfence.vma, and engines fill them differently.
 */
export function stateHash(machine: Machine): string {
  const hash = newHash();
  hashValue(hash, saveParts(machine));
  for (const core of machine.cores) hashValue(hash, saveHart(core, machine.csrs));
  hashMemory(hash, machine.memory);
  return hash.digest('hex');
}
