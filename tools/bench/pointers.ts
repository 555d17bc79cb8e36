/**
 * The second half of `licorice bench xtwz`: what one persistent pointer costs to follow, in instructions and in CPU
 * time. A ring of objects, in each a node that holds a pointer to the next; a program walks it. The same walk is made
 * with the lookaside of Xtwzp on and off, in software alone with a cache of FOT entries, and in software from the
 * table each time, for pointers to the same object and to others.
 */
import type { EngineFactory } from '../../emulator/machine/engine.ts';
import { SLOT, slotAddress, XtwzProgram } from '../../emulator/machine/xtwz-program.ts';
import { CFG, CSR, OBJECT_PAGES, REQUESTABLE } from '../../emulator/mmu/xtwz/layout.ts';
import { table } from './xtwz.ts';

/** Objects in the ring; a persistent pointer to the next has FOT index 1 in each. */
const RING = 8;
const FIRST_SLOT = 16;
const NODE = 0x1000;
/** Offset of FOT entry `e`: Twizzler's, below the metadata at 1 GiB − 0x800. */
const fotOffset = (e: number): number => 0x3fff_f800 - 32 * e;
/** In the data object: the software's cache (256 × 16 bytes), and its table from object to slot (64 × 16 bytes). */
const CACHE = 0x1000;
const SLOTS = 0x3000;

export const WAYS = ['lookaside', 'lookaside off', 'software', 'software, uncached'] as const;
export type Way = (typeof WAYS)[number];
export type Target = 'same object' | 'other object';
export const TARGETS: readonly Target[] = ['same object', 'other object'];

/**
 * Software's way, t0 = pointer, s0 = address in the holding object → t1. As a library would do it: index 0 is local;
 * else the cache, keyed by slot and index; else the FOT entry, and from its ID the slot.
 */
const software = (cached: boolean): string => `
  srli t2, t0, 30
  bnez t2, foreign
  srli t1, s0, 30
  slli t1, t1, 30
  or   t1, t1, t0
  j    done
foreign:
  srli t3, s0, 30
${
  cached
    ? `
  slli t4, t3, 4
  xor  t4, t4, t2
  andi t4, t4, 255
  slli t4, t4, 4
  add  t4, t4, s2
  slli t5, t3, 20
  or   t5, t5, t2
  ld   t6, 0(t4)
  bne  t6, t5, uncached
  ld   t6, 8(t4)
  slli t1, t0, 34
  srli t1, t1, 34
  or   t1, t1, t6
  j    done`
    : ''
}
uncached:
  slli a0, t3, 30
  li   a1, ${fotOffset(0)}
  add  a0, a0, a1
  slli a1, t2, 5
  sub  a0, a0, a1
  ld   a1, 0(a0)
  ld   a2, 8(a0)
  andi a3, a1, 63
  slli a3, a3, 4
  add  a3, a3, s3
  ld   a4, 0(a3)
  bne  a4, a1, failed
  ld   t6, 8(a3)
  slli t1, t0, 34
  srli t1, t1, 34
  or   t1, t1, t6
${
  cached
    ? `
  sd   t5, 0(t4)
  sd   t6, 8(t4)`
    : ''
}
done:
`;

const hardware = `
  xtwz.pptr t1, s0, t0
  bgez t1, translated
${software(true)}
  xtwz.pfill s0, t0, t1
translated:
`;

const source = (way: Way | 'nothing', count: number): string => `
  li   s0, ${slotAddress(FIRST_SLOT, NODE)}
  li   s1, ${count}
  li   s2, ${slotAddress(SLOT.data, CACHE)}
  li   s3, ${slotAddress(SLOT.data, SLOTS)}
loop:
  ld   t0, 0(s0)
${way === 'nothing' ? '  mv t1, s0' : way.startsWith('lookaside') ? hardware : software(way === 'software')}
  mv   s0, t1
  addi s1, s1, -1
  bnez s1, loop
  ecall
failed:
  li   a7, 99
  ecall
`;

interface Run {
  readonly instructions: number;
  readonly seconds: number;
}

function run(way: Way | 'nothing', target: Target, count: number, engine?: EngineFactory): Run {
  const program = new XtwzProgram(source(way, count), engine && { engine });
  const { build, view, context, machine } = program;
  const id = (i: number): bigint => 0x1000n + BigInt(i);
  for (let i = 0; i < RING; i++) {
    const object = build.object(id(i));
    const next = (i + 1) % RING;
    const page = build.populate(object, NODE >> 12, 1);
    const pointer = target === 'same object' ? BigInt(NODE) : (1n << 30n) | BigInt(NODE);
    machine.memory.write64(page, pointer);
    const fot = build.populate(object, OBJECT_PAGES - 1, 1);
    machine.memory.write64(fot + (fotOffset(1) & 0xfff), id(next));
    build.grant(context, object.id, REQUESTABLE);
    build.map(build.viewEntry(view, FIRST_SLOT + i), object.id, REQUESTABLE);
    const entry = program.dataPage + (SLOTS - 0x1000) + (Number(id(i)) & 63) * 16;
    machine.memory.write64(entry, id(i));
    machine.memory.write64(entry + 8, slotAddress(FIRST_SLOT + i, 0));
  }
  program.poke(CSR.stwzcfg, way === 'lookaside' ? BigInt(CFG.persistentPointers) : 0n);
  const start = process.cpuUsage();
  const traps = program.run();
  const { user, system } = process.cpuUsage(start);
  if (traps.length > 0 || program.x(17) === 99n) throw new Error(`the walk failed: ${way}, ${target}`);
  return { instructions: machine.instructions, seconds: (user + system) / 1e6 };
}

export interface PointerCost {
  readonly way: Way;
  readonly target: Target;
  /** Instructions to translate one pointer, what the loop itself takes left out. */
  readonly instructions: number;
  /** CPU nanoseconds of the emulator for it; the lowest of the rounds. */
  readonly nanoseconds: number;
}

/** Measures every way; `count` pointers are followed in each run. */
export function measurePointers(count: number, rounds: number, engine?: EngineFactory): PointerCost[] {
  const best = (way: Way | 'nothing', target: Target): Run => {
    const runs = Array.from({ length: rounds }, () => run(way, target, count, engine));
    return { instructions: runs[0]!.instructions, seconds: Math.min(...runs.map((r) => r.seconds)) };
  };
  return TARGETS.flatMap((target) => {
    const nothing = best('nothing', target);
    return WAYS.map((way) => {
      const cost = best(way, target);
      return {
        way,
        target,
        instructions: (cost.instructions - nothing.instructions) / count + 1, // the empty loop's mv
        nanoseconds: ((cost.seconds - nothing.seconds) * 1e9) / count,
      };
    });
  });
}

/** The costs as a table. */
export function formatPointers(costs: readonly PointerCost[]): string {
  return table([
    ['persistent pointer to', 'way', 'instructions', 'emulator ns'],
    ...costs.map((c) => [c.target, c.way, c.instructions.toFixed(1), c.nanoseconds.toFixed(1)]),
  ]);
}
