/** Does the interpreter do what the manual says: arithmetic edges, jumps, pages, budget, self-modifying code, traces? */
import { describe, expect, it } from 'vitest';
import { BareMachine, DRAM_BASE } from './bare-machine.ts';
import { compress, encode } from './isa/encode.ts';
import { idOf, ROWS } from './isa/table.ts';
import { Exit, HART } from './state.ts';
import { TRACE_RECORD, tracedHandler } from './trace.ts';

const MEMORY = 1 << 20;

/** Little-endian code of 32-bit words. */
function code(...words: number[]): Uint8Array {
  const bytes = new Uint8Array(words.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [i, word] of words.entries()) view.setUint32(i * 4, word, true);
  return bytes;
}

const ins = (name: string, rd = 0, rs1 = 0, rs2 = 0, imm = 0): number =>
  encode(idOf(name), rd, rs1, rs2, imm);
const ECALL = ins('ecall');

const calculator = new BareMachine(MEMORY);

/** x3 = op(x1, x2). */
function compute(name: string, a: bigint, b: bigint): bigint {
  const { operands } = ROWS[idOf(name)]!;
  calculator.engine.dropPage(0);
  calculator.load(code(ins(name, 3, 1, operands.includes('rs2') ? 2 : 0), ECALL));
  calculator.setX(1, a);
  calculator.setX(2, b);
  expect(calculator.run(100)).toBe(Exit.System);
  return calculator.x(3);
}

const MIN = -(1n << 63n);
const s64 = (x: bigint): bigint => BigInt.asIntN(64, x);
const s32 = (x: bigint): bigint => BigInt.asIntN(32, x);
const u64 = (x: bigint): bigint => BigInt.asUintN(64, x);
const u32 = (x: bigint): bigint => BigInt.asUintN(32, x);
const VALUES = [0n, 1n, -1n, 2n, MIN, -MIN - 1n, 0x7fff_ffffn, -0x8000_0000n, 0x1234_5678_9abc_def0n];

/** What the manual says, in unbounded arithmetic. */
const REFERENCE: Record<string, (a: bigint, b: bigint) => bigint> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  mulh: (a, b) => (a * b) >> 64n,
  mulhu: (a, b) => (u64(a) * u64(b)) >> 64n,
  mulhsu: (a, b) => (a * u64(b)) >> 64n,
  div: (a, b) => (b === 0n ? -1n : a / b),
  divu: (a, b) => (b === 0n ? -1n : u64(a) / u64(b)),
  rem: (a, b) => (b === 0n ? a : a % b),
  remu: (a, b) => (b === 0n ? a : u64(a) % u64(b)),
  divw: (a, b) => s32(s32(b) === 0n ? -1n : s32(a) / s32(b)),
  divuw: (a, b) => s32(u32(b) === 0n ? -1n : u32(a) / u32(b)),
  remw: (a, b) => s32(s32(b) === 0n ? a : s32(a) % s32(b)),
  remuw: (a, b) => s32(u32(b) === 0n ? a : u32(a) % u32(b)),
  addw: (a, b) => s32(a + b),
  subw: (a, b) => s32(a - b),
  mulw: (a, b) => s32(a * b),
  sll: (a, b) => a << (b & 63n),
  srl: (a, b) => u64(a) >> (b & 63n),
  sra: (a, b) => a >> (b & 63n),
  sllw: (a, b) => s32(a << (b & 31n)),
  srlw: (a, b) => s32(u32(a) >> (b & 31n)),
  sraw: (a, b) => s32(a) >> (b & 31n),
  slt: (a, b) => (a < b ? 1n : 0n),
  sltu: (a, b) => (u64(a) < u64(b) ? 1n : 0n),
  'add.uw': (a, b) => u32(a) + b,
  sh3add: (a, b) => (a << 3n) + b,
  'sh2add.uw': (a, b) => (u32(a) << 2n) + b,
  andn: (a, b) => a & ~b,
  orn: (a, b) => a | ~b,
  xnor: (a, b) => ~(a ^ b),
  minu: (a, b) => (u64(a) < u64(b) ? a : b),
  max: (a, b) => [a, b][Number(b > a)]!,
  maxu: (a, b) => (u64(a) > u64(b) ? a : b),
  rol: (a, b) => (u64(a) << (b & 63n)) | (u64(a) >> (64n - (b & 63n))),
  rorw: (a, b) => s32((u32(a) >> (b & 31n)) | (u32(a) << (32n - (b & 31n)))),
  bclr: (a, b) => a & ~(1n << (b & 63n)),
  bext: (a, b) => (u64(a) >> (b & 63n)) & 1n,
  binv: (a, b) => a ^ (1n << (b & 63n)),
  bset: (a, b) => a | (1n << (b & 63n)),
};

describe('interpreter', () => {
  for (const [name, reference] of Object.entries(REFERENCE)) {
    it(`computes ${name} on edge values`, () => {
      for (const a of VALUES) {
        for (const b of VALUES) expect(compute(name, a, b), `${a} ${b}`).toBe(s64(reference(a, b)));
      }
    });
  }

  it('computes the unary bit operations', () => {
    const x = 0x00f0_0010_8000_0100n;
    expect(compute('rev8', x, 0n)).toBe(s64(0x0001_0080_1000_f000n));
    expect(compute('orc.b', x, 0n)).toBe(s64(0x00ff_00ff_ff00_ff00n));
    expect(compute('clz', x, 0n)).toBe(8n);
    expect(compute('ctzw', x, 0n)).toBe(8n);
    expect(compute('cpop', x, 0n)).toBe(7n);
    expect(compute('clzw', x, 0n)).toBe(0n);
    expect(compute('sext.b', 0x80n, 0n)).toBe(-128n);
    expect(compute('zext.h', -1n, 0n)).toBe(0xffffn);
  });

  it('leaves x0 at zero, whatever writes to it', () => {
    const machine = new BareMachine(MEMORY);
    machine.setX(1, BigInt(DRAM_BASE));
    machine.load(
      code(ins('addi', 0, 1, 0, 5), ins('ld', 0, 1), ins('jal', 0, 0, 0, 4), ins('add', 2, 0, 0), ECALL),
    );
    expect(machine.run(10)).toBe(Exit.System);
    expect(machine.x(0)).toBe(0n);
    expect(machine.x(2)).toBe(0n);
  });

  it('stops at exactly the budget, with the pc of the next instruction', () => {
    const loop = code(ins('addi', 1, 1, 0, 1), ins('jal', 0, 0, 0, -4));
    for (const budget of [0, 1, 2, 3, 1000, 1001]) {
      const machine = new BareMachine(MEMORY);
      machine.load(loop);
      expect(machine.run(budget)).toBe(Exit.Budget);
      expect(machine.word(HART.budget)).toBe(0);
      expect(machine.x(1)).toBe(BigInt(Math.ceil(budget / 2)));
      expect(machine.pc).toBe(BigInt(DRAM_BASE + (budget % 2) * 4));
    }
  });

  it('does not count or execute the instruction of an exit', () => {
    const machine = new BareMachine(MEMORY);
    machine.setX(1, 0x1000n);
    machine.load(code(ins('addi', 2, 0, 0, 7), ins('lw', 2, 1, 0, 8)));
    expect(machine.run(10)).toBe(Exit.Load);
    expect(machine.word(HART.budget)).toBe(9);
    expect(machine.pc).toBe(BigInt(DRAM_BASE + 4));
    expect(machine.view.getBigUint64(machine.hart + HART.exitValue, true)).toBe(0x1008n);
    expect(machine.x(2)).toBe(7n);
  });

  it('gives the bits of system and illegal instructions', () => {
    const machine = new BareMachine(MEMORY);
    machine.load(code(ECALL));
    expect(machine.run(5)).toBe(Exit.System);
    expect(machine.word(HART.exitValue)).toBe(ECALL);
    machine.load(code(0xffff_ffff), DRAM_BASE + 64);
    expect(machine.run(5)).toBe(Exit.Illegal);
    expect(machine.word(HART.exitValue)).toBe(-1);
    machine.load(new Uint8Array([0, 0]), DRAM_BASE + 128);
    expect(machine.run(5)).toBe(Exit.Illegal);
    expect(machine.word(HART.exitValue)).toBe(0);
  });

  it('leaves at a fence unless nobody wants to know of it', () => {
    const machine = new BareMachine(MEMORY);
    const program = code(ins('fence', 0, 0, 0, 0x33), ECALL);
    machine.load(program);
    expect(machine.run(5)).toBe(Exit.System);
    expect(machine.pc).toBe(BigInt(DRAM_BASE));
    machine.setWord(HART.fenceQuiet, 1);
    expect(machine.run(5)).toBe(Exit.System);
    expect(machine.pc).toBe(BigInt(DRAM_BASE + 4));
  });

  it('runs over page ends: in sequence, by jumps, and through an instruction on both pages', () => {
    const machine = new BareMachine(MEMORY);
    const nop16 = compress(idOf('addi'), 0, 0, 0, 0);
    const base = DRAM_BASE + 0xff8;
    machine.load(code(ins('addi', 1, 1, 0, 1)), base);
    machine.load(new Uint8Array([nop16 & 0xff, nop16 >> 8]), base + 4);
    machine.load(
      code(ins('addi', 1, 1, 0, 2), ins('addi', 3, 3, 0, -1), ins('bne', 0, 3, 0, -14), ECALL),
      base + 6,
    );
    machine.pc = BigInt(base);
    machine.setX(3, 500n);
    expect(machine.run(100_000)).toBe(Exit.System);
    expect(machine.x(1)).toBe(1500n);
    expect(machine.word(HART.budget)).toBe(100_000 - 5 * 500);
  });

  it('sees stores to code at once, also to the second half of an instruction on two pages', () => {
    const machine = new BareMachine(MEMORY);
    const base = DRAM_BASE + 0xffe;
    machine.load(code(ins('addi', 1, 1, 0, 1), ins('jalr', 0, 5)), base);
    // The upper half of "addi x1, x1, 256".
    machine.setX(2, BigInt(ins('addi', 1, 1, 0, 256) >>> 16));
    machine.setX(4, BigInt(base + 2));
    machine.setX(5, BigInt(DRAM_BASE + 12));
    const start = code(ins('addi', 6, 0, 0, 3), ins('jalr', 0, 7), ECALL, ins('addi', 6, 6, 0, -1));
    machine.load(start);
    machine.load(
      code(ins('bne', 0, 6, 0, -12), ins('sh', 0, 4, 2), ins('addi', 5, 5, 0, 24), ins('jalr', 0, 7)),
      DRAM_BASE + 16,
    );
    machine.load(code(ECALL), DRAM_BASE + 36);
    machine.setX(7, BigInt(base));
    machine.pc = BigInt(DRAM_BASE);
    expect(machine.run(1000)).toBe(Exit.System);
    expect(machine.pc).toBe(BigInt(DRAM_BASE + 36));
    expect(machine.x(1)).toBe(3n + 256n);
  });

  it('loads misaligned in the window and leaves misaligned atomics to JavaScript', () => {
    const machine = new BareMachine(MEMORY);
    const data = BigInt(DRAM_BASE + 0x2001);
    machine.setX(1, data);
    machine.view.setBigUint64(machine.memory.hostOf(Number(data)), 0x8877_6655_4433_2211n, true);
    machine.load(code(ins('ld', 2, 1), ins('lwu', 3, 1, 0, 4), ins('lr.w', 4, 1)));
    expect(machine.run(10)).toBe(Exit.Load);
    expect(u64(machine.x(2))).toBe(0x8877_6655_4433_2211n);
    expect(machine.x(3)).toBe(0x8877_6655n);
    machine.load(code(ins('amoadd.w', 4, 1, 2)), DRAM_BASE + 0x100);
    expect(machine.run(10)).toBe(Exit.Store);
  });

  it.each([true, false])('does atomics (window: %s)', (window) => {
    const machine = new BareMachine(MEMORY, {}, window);
    const at = machine.memory.hostOf(DRAM_BASE + 0x2000);
    machine.view.setInt32(at, -5, true);
    machine.setX(1, BigInt(DRAM_BASE + 0x2000));
    machine.setX(2, 3n);
    machine.load(
      code(
        ins('amominu.w', 3, 1, 2),
        ins('amomax.w', 4, 1, 3),
        ins('lr.w', 5, 1),
        ins('sc.w', 6, 1, 3),
        ins('sc.w', 7, 1, 3),
        ECALL,
      ),
    );
    expect(machine.run(20)).toBe(Exit.System);
    expect([3, 4, 5, 6, 7].map((i) => machine.x(i))).toEqual([-5n, 3n, 3n, 0n, 1n]);
    expect(machine.view.getInt32(at, true)).toBe(-5);
  });

  it('stops at a breakpoint and goes on from it', () => {
    const machine = new BareMachine(MEMORY);
    machine.load(code(ins('addi', 1, 1, 0, 1), ins('addi', 1, 1, 0, 1), ECALL));
    machine.engine.setBreakpoint(0, 2, true);
    expect(machine.run(10)).toBe(Exit.Breakpoint);
    expect(machine.x(1)).toBe(1n);
    machine.setWord(HART.budget, 5);
    expect(machine.engine.runWord(machine.hart, ins('addi', 1, 1, 0, 1))).toBe(Exit.Budget);
    expect(machine.word(HART.budget)).toBe(4);
    expect(machine.run(10)).toBe(Exit.System);
    expect(machine.x(1)).toBe(2n);
  });

  it('traces every instruction executed, with the address of each access', () => {
    const machine = new BareMachine(MEMORY, { traced: true });
    machine.setX(1, BigInt(DRAM_BASE + 0x2000));
    machine.load(code(ins('addi', 2, 0, 0, 7), ins('sd', 0, 1, 2, 16), ins('lb', 3, 1, 0, 17), ECALL));
    const ring = machine.memory.hostOf(DRAM_BASE + 0x3000);
    machine.setWord(HART.traceNext, ring);
    machine.setWord(HART.traceEnd, ring + 2 * TRACE_RECORD.size);
    expect(machine.run(10)).toBe(Exit.TraceFull);
    expect(machine.word(HART.budget)).toBe(8);
    machine.setWord(HART.traceEnd, ring + 100 * TRACE_RECORD.size);
    expect(machine.run(10)).toBe(Exit.System);
    expect(machine.word(HART.traceNext)).toBe(ring + 3 * TRACE_RECORD.size);
    const records = [0, 1, 2].map((i) => ring + i * TRACE_RECORD.size);
    const names = records.map(
      (at) => tracedHandler(machine.view.getUint8(at + TRACE_RECORD.record)).row.name,
    );
    expect(names).toEqual(['addi', 'sd', 'lb']);
    const pcs = records.map((at) => Number(machine.view.getBigUint64(at + TRACE_RECORD.pc, true)));
    expect(pcs).toEqual([DRAM_BASE, DRAM_BASE + 4, DRAM_BASE + 8]);
    const addresses = records
      .slice(1)
      .map((at) => Number(machine.view.getBigUint64(at + TRACE_RECORD.address, true)));
    expect(addresses).toEqual([DRAM_BASE + 0x2010, DRAM_BASE + 0x2011]);
  });
});
