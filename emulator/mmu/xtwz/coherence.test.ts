/**
 * Do caches obey docs/xtwz.md §7? Random sequences of table changes, invalidations and switches of view, context and
 * fixed table on 1–4 harts: every access must end in a way that the specification allows.
 *
 * The model keeps, for each hart, every value of every table entry that a cache may still hold. An access may reach
 * any page that some mixture of those values and memory gives; it may fault only if memory, walked now by the naive
 * walker, faults, and then with exactly those fault CSRs (rule 1). When every change is followed by the invalidation
 * that §7 asks for, the mixture is memory alone, so stale results are caught as well.
 */
import { describe, expect, it } from 'vitest';
import { Csr } from '../../cpu/csr-numbers.ts';
import { Access } from '../translation.ts';
import { type BuiltContext, type BuiltObject, SpaceBuilder } from './builder.ts';
import { CONTEXT, CSR, DESCRIPTOR, ENTRY, HASH, OPCODE, RIGHT, VIEW } from './layout.ts';
import { naiveWalk } from './naive-walk.ts';
import { Random } from './random-world.ts';
import { Rig } from './rig.ts';

const SCALE = Number(process.env['LICORICE_SCALE'] ?? 1);
const RUNS = 12 * SCALE;
const STEPS = 1500;
const SLOTS = [1, 2, 3, 0x10002] as const;
const FIXED_SLOT = 0x10002;
const PAGES = [1, 2, 513] as const;
const BASE = 0x8000_0000;

/** Values that a hart's caches may hold, by the entry they were read from. */
type Held = Map<string, Set<bigint>>;

class World {
  readonly rig: Rig;
  readonly build: SpaceBuilder;
  readonly objects: BuiltObject[] = [];
  readonly views: BuiltObject[] = [];
  readonly contexts: BuiltContext[] = [];
  readonly fixedTables: number[] = [];
  readonly held: Held[] = [];
  /** Physical addresses of page-tree leaves: object, then page. */
  readonly leaves: number[][] = [];
  readonly data: number;
  readonly random: Random;
  readonly harts: number;
  readonly careful: boolean;
  stale = 0;
  faults = 0;
  hits = 0;

  constructor(seed: number) {
    this.random = new Random(seed);
    this.harts = 1 + this.random.below(4);
    this.careful = this.random.oneIn(2);
    this.rig = new Rig(this.harts, 4 << 20);
    this.build = new SpaceBuilder(this.rig.memory, { from: BASE, to: BASE + (3 << 20) });
    this.data = BASE + (3 << 20);
    const { build, random } = this;
    for (let i = 0; i < 5; i++) {
      const object = build.object(
        (BigInt(i) << 64n) | random.word(),
        BigInt(random.next() & 0x7c) | BigInt(random.oneIn(2) ? DESCRIPTOR.noAccessedDirty : 0),
      );
      this.objects.push(object);
      this.leaves.push(PAGES.map((page) => build.mapPage(object, page, this.dataPage(), this.leafFlags())));
    }
    for (let i = 0; i < 3; i++) {
      const view = build.view(0xf000n + BigInt(i), 64);
      build.populate(view, (VIEW.tableOffset + FIXED_SLOT * 32) >> 12, 1);
      this.views.push(view);
      const context = build.context(
        BigInt(random.next() & 0x7c) | BigInt(random.oneIn(2) ? CONTEXT.useDefaults : 0),
      );
      this.contexts.push(context);
      for (const object of this.objects) if (!random.oneIn(4)) build.grant(context, object.id, this.rights());
      for (const slot of SLOTS) this.mapRandom(build.viewEntry(view, slot));
      this.fixedTables.push(build.pages(1));
      this.mapRandom(this.fixedEntry(i));
    }
    for (let h = 0; h < this.harts; h++) {
      this.held.push(new Map());
      this.rig.poke(h, Csr.satp, build.satp);
      this.rig.poke(h, CSR.stwzview, BigInt(this.views[0]!.descriptor) | 1n);
      this.rig.poke(h, CSR.stwzctx, BigInt(this.contexts[0]!.record) | 1n);
      this.switchRoots(h);
      this.rig.setPrivilege(h, 0);
    }
  }

  private dataPage(): number {
    return this.data + this.random.below(64) * 4096;
  }
  private leafFlags(): number {
    return (
      (this.random.oneIn(4) ? ENTRY.copyOnWrite : 0) |
      (this.random.oneIn(2) ? ENTRY.accessed | ENTRY.dirty : 0)
    );
  }
  private rights(): number {
    return this.random.oneIn(2) ? 0x1c : this.random.next() & 0x7c;
  }
  private fixedEntry(table: number): number {
    return this.fixedTables[table]! + (FIXED_SLOT - 0x10000) * 32;
  }
  private mapRandom(entry: number): void {
    const { random } = this;
    this.build.map(
      entry,
      random.pick(this.objects).id,
      random.oneIn(2) ? 0x1c : random.next() & 0x1c,
      !random.oneIn(5),
    );
  }

  switchRoots(h: number): void {
    const { random, rig } = this;
    const which = random.below(3);
    if (which !== 1) rig.poke(h, CSR.stwzview, BigInt(random.pick(this.views).descriptor) | 1n);
    if (which !== 0) rig.poke(h, CSR.stwzctx, BigInt(random.pick(this.contexts).record) | 1n);
    if (random.oneIn(3)) {
      const next = random.oneIn(3) ? 0n : BigInt(random.pick(this.fixedTables)) | 1n;
      if (next !== rig.peek(h, CSR.stwzfix)) {
        this.release(h, (key) => key.startsWith('fixed ') || key.endsWith(`slot ${FIXED_SLOT}`));
      }
      rig.poke(h, CSR.stwzfix, next);
    }
  }

  /** Forgets what a hart's caches may hold of some entries. */
  release(h: number, which: (key: string) => boolean): void {
    for (const key of [...this.held[h]!.keys()]) if (which(key)) this.held[h]!.delete(key);
  }

  /** One random change of the tables, with its invalidation, if it is done. */
  change(): void {
    const { random, build } = this;
    const view = random.below(3);
    const o = random.below(this.objects.length);
    const object = this.objects[o]!;
    const desc = BigInt(object.descriptor);
    switch (random.below(7)) {
      case 0: {
        const slot = random.pick(SLOTS);
        this.mapRandom(build.viewEntry(this.views[view]!, slot));
        this.invalidate(
          OPCODE.invalidate.view,
          BigInt(slot) << 30n,
          BigInt(this.views[view]!.descriptor) | 1n,
          (key) =>
            slot === FIXED_SLOT
              ? key.endsWith(`slot ${slot}`)
              : key === `view ${this.views[view]!.descriptor} slot ${slot}`,
        );
        return;
      }
      case 1: {
        // Mostly the table in use: that is where a stale translation can come from.
        const used = this.fixedTables.indexOf(
          Number(this.rig.peek(random.below(this.harts), CSR.stwzfix) & ~1n),
        );
        this.mapRandom(this.fixedEntry(used < 0 || random.oneIn(4) ? random.below(3) : used));
        const slot = random.oneIn(2) ? BigInt(FIXED_SLOT) << 30n : undefined;
        this.invalidate(OPCODE.invalidate.view, slot, undefined, (key) => key.startsWith('fixed '));
        return;
      }
      case 2: {
        const context = random.pick(this.contexts);
        build.grant(context, object.id, this.rights());
        this.invalidate(
          OPCODE.invalidate.object,
          desc,
          BigInt(context.record) | 1n,
          (key) => key === `rights ${context.record} ${object.descriptor}`,
        );
        return;
      }
      case 3: {
        const p = random.below(PAGES.length);
        const leaf = this.leaves[o]![p]!;
        const gone = random.oneIn(5);
        build.mapPage(object, PAGES[p]!, this.dataPage(), this.leafFlags());
        if (gone) build.store(leaf, 0n);
        this.invalidate(
          OPCODE.invalidate.page,
          desc,
          BigInt(PAGES[p]!) << 12n,
          (key) => key === `leaf ${leaf}`,
        );
        return;
      }
      case 4: {
        // A context's policy: everything that the context was asked for.
        const context = random.pick(this.contexts);
        const policy = BigInt(random.next() & 0x7c) | BigInt(random.oneIn(2) ? CONTEXT.useDefaults : 0);
        build.store(context.record + CONTEXT.policy, policy | BigInt(random.oneIn(8) ? CONTEXT.all : 0));
        this.invalidate(OPCODE.invalidate.object, undefined, BigInt(context.record) | 1n, (key) =>
          key.startsWith(`rights ${context.record} `),
        );
        return;
      }
      case 5: {
        // The descriptor: copy-on-write as a whole, a limit, or not ready.
        const root = build.load(object.descriptor);
        const limit = random.oneIn(3) ? BigInt(1 + random.below(600)) << 32n : 0n;
        build.store(
          object.descriptor,
          random.oneIn(5) ? root & ~1n : (root | 1n) ^ (random.oneIn(2) ? BigInt(ENTRY.copyOnWrite) : 0n),
        );
        build.store(object.descriptor + DESCRIPTOR.attributes, limit | BigInt(random.next() & 0x27c));
        this.invalidate(
          OPCODE.invalidate.object,
          desc,
          undefined,
          (key) =>
            key.endsWith(` ${object.descriptor}`) || this.leaves[o]!.some((leaf) => key === `leaf ${leaf}`),
        );
        return;
      }
      default: {
        // Deletion from the object table, or its return.
        const entry = build.find(build.objects, object.id);
        if (entry >= 0) build.store(entry + HASH.value, 0n);
        else build.insert(build.objects, object.id, desc | 1n);
        this.invalidate(
          OPCODE.invalidate.object,
          desc,
          undefined,
          (key) =>
            key.endsWith(` ${object.descriptor}`) || this.leaves[o]!.some((leaf) => key === `leaf ${leaf}`),
        );
      }
    }
  }

  /** Makes the invalidation (always when careful), on one hart after the other or on all at once. */
  private invalidate(
    what: number,
    rs1: bigint | undefined,
    rs2: bigint | undefined,
    which: (key: string) => boolean,
  ): void {
    const { random, rig } = this;
    if (!this.careful && random.oneIn(2)) return;
    const all = random.oneIn(2);
    if (all) {
      const h = random.below(this.harts);
      expect(rig.execute(h, OPCODE.funct3.invalidate, what | OPCODE.invalidate.global, rs1, rs2)).toBe(true);
      for (let i = 0; i < this.harts; i++) this.release(i, which);
      return;
    }
    for (let h = 0; h < this.harts; h++) {
      if (!this.careful && random.oneIn(3)) continue;
      expect(rig.execute(h, OPCODE.funct3.invalidate, what, rs1, rs2)).toBe(true);
      this.release(h, which);
    }
  }

  /** One access of a hart, judged. */
  access(name: string): void {
    const { random, rig } = this;
    const h = random.below(this.harts);
    const slot = random.pick(SLOTS);
    const va = (BigInt(slot) << 30n) | (BigInt(random.pick(PAGES)) << 12n) | BigInt(random.below(512) * 8);
    const kind = random.pick(['fetch', 'load', 'store'] as const);
    const csr = (number: number): bigint => rig.peek(h, number);
    const roots = {
      satp: csr(Csr.satp),
      stwzview: csr(CSR.stwzview),
      stwzctx: csr(CSR.stwzctx),
      stwzfix: csr(CSR.stwzfix),
    };
    const read = (pa: bigint): bigint => rig.memory.read64(Number(pa));
    const want = naiveWalk(
      { read, write: () => true },
      { va, access: kind, priv: 'U', sum: false, mxr: false, ...roots },
    );
    const allowed = this.reachable(h, va, slot, kind, roots);
    const got = rig.access(h, va, Access[kind]);
    if (got < 0) {
      this.faults++;
      const where = `${name}: hart ${h}, ${kind} at 0x${va.toString(16)}`;
      if (want.kind !== 'fault')
        throw new Error(`${where} faulted (cause ${rig.mmus[h]!.cause}), memory gives ${want.kind}`);
      const seen = {
        kind: 'fault',
        cause: rig.mmus[h]!.cause,
        stwzidlo: csr(CSR.stwzidlo),
        stwzidhi: csr(CSR.stwzidhi),
        stwzoff: csr(CSR.stwzoff),
        stwzinfo: csr(CSR.stwzinfo),
        stwzdesc: csr(CSR.stwzdesc),
      };
      expect(seen, where).toEqual(want);
      return;
    }
    this.hits++;
    const used = allowed.get(got);
    if (used === undefined) {
      throw new Error(
        `${name}: hart ${h}, ${kind} at 0x${va.toString(16)} reached 0x${got.toString(16)}; allowed: ${[...allowed.keys()].map((a) => a.toString(16))}, memory: ${want.kind}`,
      );
    }
    this.hold(h, used);
    if (want.kind !== 'ok' || Number(want.pa) !== got) this.stale++;
  }

  /**
   * Physical addresses that an access may reach, each with the values of memory that it may have used besides held ones: if the
   * access gets there, a cache may hold them from now on. Where memory alone lets it through they count at once, since
   * a walk may have been made whatever was cached.
   */
  private reachable(
    h: number,
    va: bigint,
    slot: number,
    kind: 'fetch' | 'load' | 'store',
    roots: { stwzview: bigint; stwzctx: bigint; stwzfix: bigint },
  ): Map<number, [string, bigint][]> {
    const { build } = this;
    const held = this.held[h]!;
    const used: [string, bigint][] = [];
    const result = new Map<number, [string, bigint][]>();
    const need = kind === 'fetch' ? RIGHT.exec : kind === 'load' ? RIGHT.read : RIGHT.read | RIGHT.write;
    /** Tries the value in memory and every held one. `memory`: all values so far are memory's. */
    const each = (
      key: string,
      present: bigint | undefined,
      memory: boolean,
      next: (value: bigint, memory: boolean) => void,
    ): void => {
      if (present !== undefined) {
        used.push([key, present]);
        next(present, memory);
        used.pop();
      }
      for (const value of held.get(key) ?? []) if (value !== present) next(value, false);
    };
    const view = Number(roots.stwzview & ~1n);
    const context = Number(roots.stwzctx & ~1n);
    // An entry's value: flags above the object's index, so that it fits one number.
    const entryAt = (at: number): bigint | undefined => {
      const flags = build.load(at + VIEW.flags);
      if ((flags & BigInt(VIEW.valid)) === 0n) return undefined;
      const lo = build.load(at);
      const index = this.objects.findIndex((o) => BigInt.asUintN(64, o.id) === lo);
      return (flags << 8n) | BigInt(index);
    };
    const kept: [string, bigint][] = [];
    const withEntry = (entry: bigint, memory: boolean): void => {
      const object = this.objects[Number(entry & 0xffn)]!;
      const requested = Number(entry >> 8n) & 0x1c;
      const d = object.descriptor;
      const inTable = build.find(build.objects, object.id) >= 0 ? 1n : undefined;
      each(`object ${d}`, inTable, memory, (_, m1) => {
        each(`root ${d}`, build.load(d) & 1n ? build.load(d) : undefined, m1, (root, m2) => {
          each(`attributes ${d}`, build.load(d + 8), m2, (attributes, m3) => {
            each(
              `rights ${context} ${d}`,
              BigInt(this.granted(context, object, attributes)),
              m3,
              (granted, m4) => {
                if ((requested & Number(granted) & need) !== need) return;
                const limit = Number((attributes >> 32n) & 0x7ffffn);
                const page = Number((va >> 12n) & 0x3ffffn);
                if (limit !== 0 && page >= limit) return;
                const p = PAGES.indexOf(page as (typeof PAGES)[number]);
                const at = this.leaves[this.objects.indexOf(object)]![p]!;
                const now = build.load(at);
                // Accessed and dirty bits come and go by themselves here: they are not part of the value.
                const plain = (leaf: bigint): bigint => leaf & ~0xc0n;
                each(`leaf ${at}`, now & 1n ? plain(now) : undefined, m4, (leaf, m5) => {
                  const cow = (root | leaf) & BigInt(ENTRY.copyOnWrite);
                  if (kind === 'store' && cow !== 0n) return;
                  const pa = Number(leaf >> 10n) * 4096 + Number(va & 0xfffn);
                  result.set(pa, [...(result.get(pa) ?? []), ...used]);
                  if (m5) kept.push(...used);
                });
              },
            );
          });
        });
      });
    };
    const fromView = (memory: boolean): void =>
      each(`view ${view} slot ${slot}`, entryAt(build.viewEntry(this.viewAt(view), slot)), memory, withEntry);
    if (slot === FIXED_SLOT) {
      const table = roots.stwzfix & 1n ? Number(roots.stwzfix & ~1n) : -1;
      const present = table < 0 ? undefined : entryAt(table + (slot - 0x10000) * 32);
      each(`fixed ${table}`, present, true, withEntry);
      // The view's entry counts if the fixed one is not VALID; a held translation of it may outlive that.
      if (present === undefined) fromView(true);
      else {
        for (const value of held.get(`view ${view} slot ${slot}`) ?? []) withEntry(value, false);
      }
    } else fromView(true);
    this.hold(h, kept);
    return result;
  }

  /** Notes values that a hart's caches may hold. */
  private hold(h: number, used: readonly [string, bigint][]): void {
    const held = this.held[h]!;
    for (const [key, value] of used) held.set(key, (held.get(key) ?? new Set()).add(value));
  }

  private viewAt(descriptor: number): BuiltObject {
    return this.views.find((view) => view.descriptor === descriptor)!;
  }

  private granted(record: number, object: BuiltObject, attributes: bigint): number {
    const { build } = this;
    const policy = Number(build.load(record + CONTEXT.policy) & 0xffffn);
    if (policy & CONTEXT.all) return 0x7c;
    const context = this.contexts.find((c) => c.record === record)!;
    const entry = build.find(context.table, object.id);
    if (entry >= 0) return Number(build.load(entry + HASH.value)) & 0x7c;
    return policy & CONTEXT.useDefaults ? Number(attributes) & ~policy & 0x7c : 0;
  }
}

describe('what caches may do', () => {
  it(`holds in ${RUNS} random runs of ${STEPS} steps`, () => {
    const total = { stale: 0, staleCareful: 0, faults: 0, hits: 0 };
    const harts = new Set<number>();
    for (let run = 1; run <= RUNS; run++) {
      const world = new World(run);
      harts.add(world.harts);
      for (let step = 0; step < STEPS; step++) {
        const kind = world.random.below(10);
        if (kind < 2) world.change();
        else if (kind === 2) world.switchRoots(world.random.below(world.harts));
        else world.access(`run ${run}, step ${step}`);
      }
      total.faults += world.faults;
      total.hits += world.hits;
      if (world.careful) total.staleCareful += world.stale;
      else total.stale += world.stale;
    }
    // With every invalidation made nothing is stale; without some of them the test must have seen staleness.
    expect(total.staleCareful).toBe(0);
    expect(total.stale).toBeGreaterThan(RUNS / 4);
    expect(total.hits).toBeGreaterThan(RUNS * 100);
    expect(total.faults).toBeGreaterThan(RUNS * 100);
    if (SCALE > 1) console.log(total);
    if (RUNS >= 12) expect([...harts].sort()).toEqual([1, 2, 3, 4]);
  }, 3_600_000);
});
