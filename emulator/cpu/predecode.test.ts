/** Do the records of code pages stay right when they are dropped, given away, or shared by two mappings? */
import { describe, expect, it } from 'vitest';
import { paddr } from '../addresses.ts';
import { layOut } from '../machine/layout.ts';
import { PhysicalMemory } from '../machine/memory.ts';
import { BareMachine, DRAM_BASE } from './bare-machine.ts';
import { encode } from './isa/encode.ts';
import { idOf } from './isa/table.ts';
import { Predecoder } from './predecode.ts';
import { PAGE_RECORDS, Special } from './records.ts';
import { Exit, HART, PageFlag } from './state.ts';

const PAGES = 64;

/** A memory whose engine area has room for three pages of records. */
function smallArea(): { memory: PhysicalMemory; predecoder: Predecoder } {
  const layout = layOut(
    1,
    [{ name: 'DRAM', kind: 'dram', base: paddr(DRAM_BASE), size: PAGES * 4096 }],
    3 * PAGE_RECORDS.stride + 1024,
  );
  const memory = new PhysicalMemory(layout);
  memory.u8.fill(0xff, layout.hartBase + HART.fetchTlb, layout.hartBase + HART.engine);
  return { memory, predecoder: new Predecoder(memory) };
}

describe('predecoder', () => {
  it('gives the place of the oldest page to a new one, and drops what led to it', () => {
    const { memory, predecoder } = smallArea();
    const places = [0, 1, 2].map((page) => predecoder.recordsOf(page));
    expect(new Set(places).size).toBe(3);
    expect(predecoder.decode(0, 0)).toBe(true);
    // A fetch TLB entry that leads to page 0.
    const entry = memory.layout.hartBase + HART.fetchTlb;
    memory.view.setBigInt64(entry, BigInt(DRAM_BASE), true);
    memory.view.setInt32(entry + 8, places[0]!, true);
    expect(predecoder.recordsOf(3)).toBe(places[0]);
    expect(memory.view.getBigInt64(entry, true)).toBe(-1n);
    expect(memory.flags(0) & PageFlag.code).toBe(0);
    expect(memory.flags(3) & PageFlag.code).toBe(PageFlag.code);
    expect(memory.view.getInt32(places[0]!, true)).toBe(Special.Decode);
    expect(predecoder.recordsOf(0)).toBe(places[1]);
  });

  it('forgets an instruction across two pages when the place of the second one is given away', () => {
    const { predecoder, memory } = smallArea();
    const second = predecoder.recordsOf(1);
    const first = predecoder.recordsOf(0);
    predecoder.decodeCross(0, 1, encode(idOf('addi'), 1, 1, 0, 1));
    expect(memory.view.getInt32(first + PAGE_RECORDS.crossNext, true)).toBe(second);
    predecoder.recordsOf(2);
    expect(predecoder.recordsOf(3)).toBe(second);
    expect(memory.view.getInt32(first + PAGE_RECORDS.crossNext, true)).toBe(0);
  });

  it('takes a page out of the store TLB when it becomes code', () => {
    const { memory, predecoder } = smallArea();
    const entry = memory.layout.hartBase + HART.storeTlb + 5 * 16;
    const va = 0x1234_5000;
    memory.view.setBigInt64(entry, BigInt(va), true);
    memory.view.setInt32(entry + 8, memory.hostOfPage(7) - va, true);
    predecoder.recordsOf(6);
    expect(memory.view.getBigInt64(entry, true)).toBe(BigInt(va));
    predecoder.recordsOf(7);
    expect(memory.view.getBigInt64(entry, true)).toBe(-1n);
  });

  it('keeps breakpoints when a page is dropped and decoded again', () => {
    const machine = new BareMachine(PAGES * 4096);
    const addi = encode(idOf('addi'), 1, 1, 0, 1);
    const code = new Uint8Array(new Uint32Array([addi, addi, encode(idOf('ecall'))]).buffer);
    machine.engine.setBreakpoint(0, 2, true);
    machine.load(code);
    expect(machine.run(10)).toBe(Exit.Breakpoint);
    machine.engine.dropPage(0);
    machine.load(code);
    expect(machine.run(10)).toBe(Exit.Breakpoint);
    machine.engine.setBreakpoint(0, 2, false);
    expect(machine.run(10)).toBe(Exit.System);
    expect(machine.x(1)).toBe(3n);
  });
});
