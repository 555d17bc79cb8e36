/** Does a watchpoint on a CSR see every write, also those that translated code would make by itself, in both directions? */
import { expect, test } from 'vitest';
import { assembleFlat } from '../../emulator/cpu/isa/assembler/assembler.ts';
import { DRAM_BASE } from '../../emulator/machine/config.ts';
import type { Debugger } from './debugger.ts';
import { openFiles } from './open.ts';

/** Writes mscratch twice in each turn of its loop, the second time with what it holds already, and only reads mepc. */
const PROGRAM = `
_start:
  li t0, 0
loop:
  addi t0, t0, 1
  csrw mscratch, t0
first:
  csrr t1, mepc
  csrs mscratch, t0
second:
  csrs mscratch, zero
  j loop`;

/** Instructions of a turn, and where in it a write has just been made. */
const TURN = 6;

function open(): Debugger {
  const { bytes } = assembleFlat(PROGRAM, BigInt(DRAM_BASE));
  return openFiles({ kernel: { name: 'csr', bytes }, bare: true }).debugged;
}

async function stops(debugged: Debugger, direction: 'forward' | 'backward', count: number) {
  const seen: { at: number; from: bigint; to: bigint }[] = [];
  for (let i = 0; i < count; i++) {
    const { at, end } = await debugged.continue(direction);
    const hit = end.kind === 'point' ? end.hits[0] : undefined;
    if (hit?.kind !== 'csr') throw new Error(`the run ended as '${end.kind}'`);
    seen.push({ at, from: hit.from, to: hit.to });
  }
  return seen;
}

test('each write stops, read accesses do not, and when the watchpoint is gone nothing does', async () => {
  const debugged = open();
  const { machine } = debugged;
  // Hot: the loop is translated.
  await debugged.goTo(500_000);
  const point = debugged.add('$mscratch', { kind: 'csr', number: machine.csrs.byName('mscratch')!.number });
  const seen = await stops(debugged, 'forward', 8);
  for (const [i, { at, from, to }] of seen.entries()) {
    if (i >= 2) expect(at - seen[i - 2]!.at).toBe(TURN);
    // Changed and not changed, in turn.
    expect(from === to).toBe(seen[0]!.from === seen[0]!.to ? i % 2 === 0 : i % 2 === 1);
    expect(to).toBe(debugged.machine.cores[0]!.hart.getX(5) - BigInt(((seen.at(-1)!.at - at) / TURN) | 0));
  }
  const back = await stops(debugged, 'backward', 7);
  expect(back.map(({ at }) => at)).toEqual(
    seen
      .slice(0, -1)
      .reverse()
      .map(({ at }) => at),
  );
  debugged.remove(point.id);
  expect((await debugged.continue('forward', 100_000)).end.kind).toBe('limit');
});
