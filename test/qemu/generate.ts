/**
 * Makes one random program for the differential tester: 64 KiB with its initial state, code, data and page tables
 * (layout.ts), in M, S or U mode, with or without paging, PMP and delegation. The body is a loop over a few hundred
 * random instructions, so every program executes more than a thousand. The same seed gives the same program.
 *
 * What is kept out, because two correct machines may differ in it: time and counters, wild stores that could hit the
 * harness or a device, and the registers on which the harness itself depends (mtvec, mscratch, stvec, sscratch).
 */
import { Random } from '../../emulator/random.ts';
import { Body } from './body.ts';
import { Code } from './code.ts';
import { CODE, CODE_PAGES, DATA, DATA_PAGES, HEADER, PROGRAM_BASE, STRIDE } from './layout.ts';
import { COUNTER, GP, MODE, type Setting, SP } from './setting.ts';
import { buildTables, PAGING } from './tables.ts';
import { randomFloat, randomInteger } from './values.ts';

export interface Program {
  readonly seed: number;
  /** The region of STRIDE bytes. */
  readonly memory: Uint8Array;
  readonly description: string;
  /** Names of the rows of the table used, as often as they were. */
  readonly uses: ReadonlyMap<string, number>;
  /** Instructions in one pass of the body, and passes. */
  readonly body: number;
  readonly passes: number;
  /** Offset of each atom of the code, for people. */
  readonly codeSize: number;
}

const MSTATUS = {
  SIE: 1n << 1n,
  MIE: 1n << 3n,
  SPIE: 1n << 5n,
  MPIE: 1n << 7n,
  SPP: 1n << 8n,
  MPP: 11n,
  FS: 13n,
  MPRV: 1n << 17n,
  SUM: 1n << 18n,
  MXR: 1n << 19n,
  TVM: 1n << 20n,
  TW: 1n << 21n,
  TSR: 1n << 22n,
};
/** Exceptions that may be delegated; ecall from S-mode (9) ends programs and stays with M-mode. */
const DELEGABLE = 0xb1ffn;
/** Bits of mip: supervisor software, timer, external. */
const INTERRUPTS = [1 << 1, 1 << 5, 1 << 9];

/** Makes program `index` of a batch from `seed`; the same seed at another index differs only in its addresses. */
export function generate(seed: number, index: number): Program {
  const random = new Random(seed);
  const base = PROGRAM_BASE + index * STRIDE;
  const memory = new Uint8Array(STRIDE);
  const view = new DataView(memory.buffer);
  const put = (offset: number, value: bigint) => view.setBigUint64(offset, BigInt.asUintN(64, value), true);

  const mode = random.pick([MODE.U, MODE.S, MODE.M]);
  const paging = random.chance(0.6) ? random.pick(PAGING) : undefined;
  const setting: Setting = {
    mode,
    paged: paging !== undefined && mode !== MODE.M,
    translatedData: paging !== undefined && mode === MODE.M,
    floatOff: random.chance(0.06),
    protected: random.chance(0.2),
    interrupt: random.pick(INTERRUPTS),
  };
  // In M-mode the tables matter for loads and stores under MPRV, as S or as U.
  const user = mode === MODE.U || (mode === MODE.M && random.chance(0.5));
  const mapping = paging && buildTables(random, paging, user, base, memory);
  const codeBase = setting.paged ? mapping!.code : BigInt(base + CODE);
  const dataBase = mapping ? mapping.data : BigInt(base + DATA);

  // Integer registers, floating-point registers, data.
  for (let register = 1; register < 32; register++) put(HEADER.x + 8 * register, randomInteger(random));
  put(HEADER.x + 8 * SP, dataBase + 0x2f00n + BigInt(random.below(16) * 16));
  put(HEADER.x + 8 * GP, dataBase + 0x1000n + BigInt(random.below(8) * 8));
  for (let register = 0; register < 32; register++) put(HEADER.f + 8 * register, randomFloat(random));
  put(HEADER.fcsr, BigInt(random.below(32) | (random.below(5) << 5)));
  for (let offset = DATA; offset < DATA + DATA_PAGES * 0x1000; offset += 8) {
    put(offset, random.chance(0.6) ? randomFloat(random) : randomInteger(random));
  }

  // Code.
  const passes = 8 + random.below(5);
  const code = new Code(random);
  code.constant(COUNTER, passes);
  code.cut();
  const loop = code.count;
  const body = new Body(random, code, setting);
  const before = code.length;
  const length = 170 + random.below(80);
  while (code.length - before < length) body.atom();
  const tail = code.count;
  code.emit('addi', { rd: COUNTER, rs1: COUNTER, imm: -1 });
  code.jumpBack('bne', { rs1: COUNTER, rs2: 0 }, loop);
  code.cut();
  code.emit('ecall');
  const { bytes, starts } = code.assemble(tail);
  if (bytes.length > CODE_PAGES * 0x1000) throw new Error(`program of seed ${seed} is too long`);
  // Random placement, so that instructions cross page boundaries; now and then the code lies at the very end.
  const slack = (CODE_PAGES * 0x1000 - bytes.length) >> 1;
  const shift = 2 * random.below(slack + 1);
  memory.set(bytes, CODE + shift);
  const start = codeBase + BigInt(shift);
  const end = start + BigInt(starts.at(-2)!);
  put(HEADER.entry, start);
  put(HEADER.end, end);
  // A fetch that fails before any jump goes on at x1: at the end.
  put(HEADER.x + 8, end);
  put(HEADER.codeOffset, codeBase - BigInt(base + CODE));

  // Control and status registers.
  const trapReturns = random.chance(0.15);
  const delegates = mode !== MODE.M && !trapReturns && random.chance(0.6);
  let mstatus = BigInt(mode) << MSTATUS.MPP;
  mstatus |= BigInt(setting.floatOff ? 0 : 3) << MSTATUS.FS;
  for (const bit of [MSTATUS.SPIE, MSTATUS.MPIE, MSTATUS.SPP, MSTATUS.SUM, MSTATUS.MXR, MSTATUS.SIE]) {
    if (random.chance(0.5)) mstatus |= bit;
  }
  if (setting.translatedData) mstatus |= MSTATUS.MPRV;
  if (random.chance(0.2)) mstatus |= MSTATUS.TVM;
  if (random.chance(0.5)) mstatus |= MSTATUS.TW;
  if (trapReturns) mstatus |= MSTATUS.TSR;
  put(HEADER.mstatus, mstatus);
  put(HEADER.satp, mapping ? mapping.satp : 0n);
  put(HEADER.medeleg, delegates ? random.u64() & DELEGABLE : 0n);
  const interrupts = () => (random.chance(0.6) ? BigInt(setting.interrupt) : 0n);
  put(HEADER.mideleg, delegates ? interrupts() : 0n);
  put(HEADER.mie, random.chance(0.4) ? interrupts() : 0n);
  put(HEADER.mip, random.chance(0.3) ? interrupts() : 0n);
  put(HEADER.mcounteren, BigInt(random.below(8)));
  put(HEADER.scounteren, BigInt(random.below(8)));
  put(HEADER.menvcfg, BigInt(random.below(2)));
  put(HEADER.senvcfg, BigInt(random.below(2)));
  const protection = setting.protected ? randomProtection(random, base) : undefined;
  put(HEADER.pmpcfg0, protection?.config ?? 0x1fn);
  for (let entry = 0; entry < 8; entry++) {
    put(HEADER.pmpaddr + 8 * entry, protection?.addresses[entry] ?? (entry === 0 ? ALL_ADDRESSES : 0n));
  }

  const name = { 0: 'U', 1: 'S', 3: 'M' }[mode];
  const parts = [`${name}-mode`, paging?.name ?? 'bare'];
  if (delegates) parts.push('delegation');
  if (protection) parts.push('PMP');
  if (setting.floatOff) parts.push('FS off');
  return {
    seed,
    memory,
    description: parts.join(', '),
    uses: code.uses,
    body: code.length - before,
    passes,
    codeSize: bytes.length,
  };
}

/** pmpaddr of a NAPOT range that holds every address: all of its 54 bits. */
const ALL_ADDRESSES = (1n << 54n) - 1n;

/** A few PMP entries around the data of the program, and one that allows everything behind them. */
function randomProtection(random: Random, base: number): { config: bigint; addresses: bigint[] } {
  const NA4 = 2;
  const NAPOT = 3;
  const TOR = 1;
  const configs: number[] = [];
  const addresses: bigint[] = [];
  const data = BigInt(base + DATA) >> 2n;
  for (let entry = 0; entry < 3; entry++) {
    const word = data + BigInt(random.below((DATA_PAGES * 0x1000) >> 2));
    // W without R is reserved.
    const rights = random.pick([0, 1, 3, 4, 5, 7]);
    const kind = random.below(4);
    if (kind < 2) {
      const bits = BigInt(1 + random.below(10));
      addresses.push((word & ~((1n << bits) - 1n)) | ((1n << (bits - 1n)) - 1n));
      configs.push((NAPOT << 3) | rights);
    } else if (kind === 2) {
      addresses.push(word);
      configs.push((NA4 << 3) | rights);
    } else {
      // Top of range: from the address of the entry before, if that is lower.
      addresses.push(data + BigInt(random.below((DATA_PAGES * 0x1000) >> 2)));
      configs.push(entry === 0 ? 0 : (TOR << 3) | rights);
    }
  }
  configs.push((NAPOT << 3) | 7);
  addresses.push(ALL_ADDRESSES);
  const config = configs.reduce((sum, value, entry) => sum | (BigInt(value) << BigInt(8 * entry)), 0n);
  return { config, addresses: addresses.map((address) => BigInt.asUintN(54, address)) };
}
