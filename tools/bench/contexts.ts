/**
 * The third part of `licorice bench xtwz`: switching among a thousand security contexts, each with rights of its own to
 * an object that all of them use, and what the TLBs make of it: walks, flushes, regime numbers taken back.
 */

import { MiB } from '../../emulator/addresses.ts';
import { Csr } from '../../emulator/cpu/csr-numbers.ts';
import { DRAM_BASE } from '../../emulator/machine/config.ts';
import { Access } from '../../emulator/mmu/translation.ts';
import { SpaceBuilder } from '../../emulator/mmu/xtwz/builder.ts';
import { CSR, RIGHT } from '../../emulator/mmu/xtwz/layout.ts';
import { Rig } from '../../emulator/mmu/xtwz/rig.ts';
import { table } from './xtwz.ts';

const MEMORY = 64 * MiB;
/** Slot that the object is mapped in. */
const SLOT = 1n;

export interface ContextSwitches {
  readonly contexts: number;
  readonly switches: number;
  /** Of the second half of the rounds, when everything has been seen once. */
  readonly accesses: number;
  readonly walks: number;
  readonly flushes: number;
  /** Times that 32 regime numbers or more were taken back; entries of other contexts stay. */
  readonly recycles: number;
}

/** Switches through `contexts` security contexts in turn, `rounds` times, with a load and a store in each. */
export function measureContexts(contexts: number, rounds: number): ContextSwitches {
  const rig = new Rig(1, MEMORY);
  const build = new SpaceBuilder(rig.memory, { from: DRAM_BASE, to: DRAM_BASE + MEMORY });
  const object = build.object(0x1234n);
  build.populate(object, 1, 1);
  const view = build.view(0x7000n, 128);
  build.map(build.viewEntry(view, Number(SLOT)), object.id, RIGHT.read | RIGHT.write);
  const records = Array.from({ length: contexts }, () => {
    const context = build.context();
    build.grant(context, object.id, RIGHT.read | RIGHT.write);
    return BigInt(context.record) | 1n;
  });
  rig.poke(0, Csr.satp, build.satp);
  rig.poke(0, CSR.stwzview, BigInt(view.descriptor) | 1n);
  rig.setPrivilege(0, 0);
  const { statistics } = rig.mmus[0]!.tlb;
  const va = (SLOT << 30n) | 0x1008n;
  const round = (): void => {
    for (const record of records) {
      rig.poke(0, CSR.stwzctx, record);
      if (rig.access(0, va, Access.load) < 0 || rig.access(0, va, Access.store) < 0)
        throw new Error('an access that is granted faulted');
    }
  };
  const first = Math.floor(rounds / 2);
  for (let i = 0; i < first; i++) round();
  const before = { ...statistics };
  for (let i = first; i < rounds; i++) round();
  return {
    contexts,
    switches: (rounds - first) * contexts,
    accesses: 2 * (rounds - first) * contexts,
    walks: statistics.walks - before.walks,
    flushes: statistics.flushes - before.flushes,
    recycles: statistics.recycles - before.recycles,
  };
}

/** The counts as a table. */
export function formatContexts(list: readonly ContextSwitches[]): string {
  return table([
    ['contexts in turn', 'switches', 'accesses', 'walks', 'flushes', 'recycles'],
    ...list.map((c) =>
      [c.contexts, c.switches, c.accesses, c.walks, c.flushes, c.recycles].map((n) => String(n)),
    ),
  ]);
}
