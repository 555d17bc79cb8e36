/**
 * Does it scale? Switching among 1,000 contexts must flush nothing, and 100,000 objects must fit into one object table
 * and be found.
 */
import { describe, expect, it } from 'vitest';
import { Csr } from '../../cpu/csr-numbers.ts';
import { Access } from '../translation.ts';
import { SpaceBuilder } from './builder.ts';
import { CSR, HASH, RIGHT } from './layout.ts';
import { Random } from './random-world.ts';
import { Rig } from './rig.ts';

const BASE = 0x8000_0000;
const MiB = 1 << 20;

describe('scale', () => {
  it('switches among 1,000 contexts and 10 views without a flush', () => {
    const rig = new Rig(1, 32 * MiB);
    const build = new SpaceBuilder(rig.memory, { from: BASE, to: BASE + 32 * MiB });
    const object = build.object(0x1234n);
    const page = build.populate(object, 1, 1);
    const views = Array.from({ length: 10 }, (_, i) => {
      const view = build.view(0x7000n + BigInt(i), 128);
      build.map(build.viewEntry(view, i + 1), object.id, RIGHT.read | RIGHT.write);
      return view;
    });
    const contexts = Array.from({ length: 1000 }, (_, i) => {
      const context = build.context();
      // Every third context may not write.
      build.grant(context, object.id, i % 3 === 0 ? RIGHT.read : RIGHT.read | RIGHT.write);
      return context;
    });
    rig.poke(0, Csr.satp, build.satp);
    rig.setPrivilege(0, 0);
    const { statistics } = rig.mmus[0]!.tlb;
    const flushes = statistics.flushes;
    const visit = (i: number): void => {
      rig.setPrivilege(0, 1); // the kernel switches
      rig.poke(0, CSR.stwzview, BigInt(views[i % 10]!.descriptor) | 1n);
      rig.poke(0, CSR.stwzctx, BigInt(contexts[i]!.record) | 1n);
      rig.setPrivilege(0, 0);
      const va = (BigInt((i % 10) + 1) << 30n) | 0x1008n;
      expect(rig.access(0, va, Access.load)).toBe(page + 8);
      expect(rig.access(0, va, Access.store)).toBe(i % 3 === 0 ? -1 : page + 8);
    };
    for (let round = 0; round < 3; round++) for (let i = 0; i < 1000; i++) visit(i);
    expect(statistics.flushes - flushes).toBe(0);
    // 512 regime numbers serve 1,000 contexts: the longest unused are taken back, 32 at a time.
    expect(statistics.recycles).toBeLessThanOrEqual(3000 / 32);

    // A hundred contexts in turn, each with a page of its own in the TLB: the second round needs no walk at all.
    const hundred = Array.from({ length: 100 }, (_, i) => {
      const own = build.object(0x9000n + BigInt(i));
      build.populate(own, 8, 1);
      build.grant(contexts[i]!, own.id, RIGHT.read);
      build.map(build.viewEntry(views[0]!, 20 + i), own.id, RIGHT.read);
      return (BigInt(20 + i) << 30n) | (8n << 12n);
    });
    rig.poke(0, CSR.stwzview, BigInt(views[0]!.descriptor) | 1n);
    const round = (): number => {
      const before = statistics.walks;
      for (const [i, va] of hundred.entries()) {
        rig.poke(0, CSR.stwzctx, BigInt(contexts[i]!.record) | 1n);
        expect(rig.access(0, va, Access.load)).toBeGreaterThan(0);
      }
      return statistics.walks - before;
    };
    expect(round()).toBe(100);
    expect(round()).toBe(0);
    expect(statistics.flushes - flushes).toBe(0);
  });

  it('finds each of 100,000 objects in one table, and none that is not there', () => {
    const count = 100_000;
    const rig = new Rig(1, 64 * MiB);
    const build = new SpaceBuilder(rig.memory, { from: BASE, to: BASE + 64 * MiB });
    const random = new Random(1);
    // One shared page tree: the table is what counts here.
    const first = build.object(0xabcn);
    const page = build.populate(first, 1, 1);
    const value = BigInt(first.descriptor) | 1n;
    const ids: bigint[] = [];
    for (let i = 0; i < count; i++) {
      const id = (random.word() << 64n) | random.word();
      ids.push(id);
      build.insert(build.objects, id, value);
    }
    expect(build.objects.entries).toBe(count + 1);
    // Two buckets of 8 at most half full on the average: the table has grown to what holds them, no further.
    expect(2 ** build.objects.log2 * HASH.bucketEntries).toBeLessThanOrEqual(4 * count);
    const view = build.view(0x7000n, 1);
    const context = build.context((1n << 9n) | 0n); // grants everything
    rig.poke(0, Csr.satp, build.satp);
    rig.poke(0, CSR.stwzview, BigInt(view.descriptor) | 1n);
    rig.poke(0, CSR.stwzctx, BigInt(context.record) | 1n);
    rig.setPrivilege(0, 0);
    const entry = build.viewEntry(view, 1);
    const reaches = (id: bigint): boolean => {
      build.map(entry, id, RIGHT.read);
      expect(rig.execute(0, 0, 0, 1n << 30n, undefined)).toBe(true);
      return rig.access(0, (1n << 30n) | 0x1000n, Access.load) === page;
    };
    for (let i = 0; i < count; i += 40) expect(reaches(ids[i]!)).toBe(true);
    for (let i = 0; i < 300; i++) expect(reaches((random.word() << 64n) | random.word())).toBe(false);
  }, 120_000);
});
