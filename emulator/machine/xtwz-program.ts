/**
 * For tests and benchmarks: a machine with an object space in memory, running a small assembly program in U-mode from an
 * object, with a supervisor that logs every trap. An `ecall` of the program ends it; any other trap skips its
 * instruction (or returns to ra, when the fetch failed), so that a program can show several faults in a row.
 */
import { MiB } from '../addresses.ts';
import { Csr } from '../cpu/csr-numbers.ts';
import { assembleFlat } from '../cpu/isa/assembler/assembler.ts';
import { type BuiltContext, type BuiltObject, SpaceBuilder } from '../mmu/xtwz/builder.ts';
import { ADDRESS, CSR, REQUESTABLE } from '../mmu/xtwz/layout.ts';
import { DRAM_BASE, type MachineConfig } from './config.ts';
import { Machine } from './machine.ts';
import { xtwzExtension } from './xtwz.ts';

/** One trap, as the supervisor logged it. */
export interface LoggedTrap {
  readonly scause: bigint;
  readonly stval: bigint;
  readonly stwzinfo: bigint;
  readonly stwzid: bigint;
  readonly stwzoff: bigint;
  readonly stwzdesc: bigint;
  readonly sepc: bigint;
}

const HANDLER = DRAM_BASE;
const LOG = DRAM_BASE + 0x1_0000;
/** Eight words of the trap, then room for two registers. */
const LOG_ENTRY = 80;
const SPACE = DRAM_BASE + 1 * MiB;
/** Slots of the program's objects. */
export const SLOT = { code: 1, data: 2, view: 3, first: 4 } as const;
/** First byte of a slot that is not in the null page. */
export const slotAddress = (slot: number, offset = 0x1000): bigint => (BigInt(slot) << 30n) | BigInt(offset);

const SUPERVISOR = `
handler:
  csrrw sp, sscratch, sp
  sd t0, 64(sp)
  sd t1, 72(sp)
${['scause', 'stval', 'stwzinfo', 'stwzidlo', 'stwzidhi', 'stwzoff', 'stwzdesc', 'sepc']
  .map((name, i) => `  csrr t0, ${name}\n  sd t0, ${8 * i}(sp)`)
  .join('\n')}
  csrr t1, scause
  li t0, 8
stop:
  beq t0, t1, stop
  csrr t0, stwzinfo
  andi t0, t0, 0x30
  bnez t0, skip
  li t0, 24
  bltu t1, t0, skip
  csrw sepc, ra
  j back
skip:
  csrr t0, sepc
  addi t0, t0, 4
  csrw sepc, t0
back:
  ld t0, 64(sp)
  ld t1, 72(sp)
  addi sp, sp, ${LOG_ENTRY}
  csrrw sp, sscratch, sp
  sret
`;

export class XtwzProgram {
  readonly machine: Machine;
  readonly build: SpaceBuilder;
  readonly code: BuiltObject;
  readonly data: BuiltObject;
  readonly view: BuiltObject;
  readonly context: BuiltContext;
  /** Physical address of the data object's first page. */
  readonly dataPage: number;
  private readonly stop: bigint;

  /** @param source assembly of the program, which starts at its first instruction; 4-byte encodings only */
  constructor(source: string, config: MachineConfig = {}) {
    this.machine = new Machine({ memory: 64 * MiB, ...config }, [xtwzExtension()]);
    const { memory } = this.machine;
    this.build = new SpaceBuilder(memory, { from: SPACE, to: DRAM_BASE + memory.regions[0]!.size });
    const { build } = this;
    const supervisor = assembleFlat(SUPERVISOR, BigInt(HANDLER) + ADDRESS.supervisorBase, {
      compress: false,
    });
    memory.writeBytes(HANDLER, supervisor.bytes);
    this.stop = supervisor.symbols.get('stop')!;
    const program = assembleFlat(source, slotAddress(SLOT.code), { compress: false });
    this.code = build.object(0xc0den);
    const pages = Math.ceil(program.bytes.length / 4096);
    memory.writeBytes(build.populate(this.code, 1, pages), program.bytes);
    this.data = build.object(0xda7an);
    this.dataPage = build.populate(this.data, 1, 16);
    this.view = build.view(0x71e8n, 128);
    this.context = build.context();
    for (const [slot, object] of [
      [SLOT.code, this.code],
      [SLOT.data, this.data],
      [SLOT.view, this.view],
    ] as const) {
      build.grant(this.context, object.id, REQUESTABLE);
      build.map(build.viewEntry(this.view, slot), object.id, REQUESTABLE);
    }
    this.poke(Csr.pmpaddr0, 0x3f_ffff_ffff_ffffn);
    this.poke(Csr.pmpcfg0, 0x1fn);
    this.poke(Csr.medeleg, 0xb3ffn);
    this.poke(Csr.menvcfg, 0xf0n);
    this.poke(Csr.senvcfg, 0xf0n);
    this.poke(Csr.satp, build.satp);
    this.poke(CSR.stwzview, BigInt(this.view.descriptor) | 1n);
    this.poke(CSR.stwzctx, BigInt(this.context.record) | 1n);
    this.poke(Csr.stvec, BigInt(HANDLER) + ADDRESS.supervisorBase);
    this.restart();
  }

  /** Puts the hart at the program's first instruction, in U-mode, with an empty log. */
  restart(): void {
    this.poke(Csr.sscratch, BigInt(LOG) + ADDRESS.supervisorBase);
    const { hart, mmu } = this.core;
    hart.privilege = 0;
    hart.pc = slotAddress(SLOT.code);
    mmu.update();
  }

  get core() {
    return this.machine.cores[0]!;
  }
  poke(csr: number, value: bigint): void {
    if (!this.machine.csrs.poke(this.core.hart, csr, value)) throw new Error(`no CSR 0x${csr.toString(16)}`);
  }
  /** Integer register of the program, by number. */
  x(register: number): bigint {
    return this.core.hart.getX(register);
  }

  /** Runs until the program's ecall. Returns the traps before it. */
  run(instructions = 1_000_000_000): LoggedTrap[] {
    const { machine } = this;
    machine.setBreakpoints([this.stop]);
    for (;;) {
      const reason = machine.run({ instructions });
      if (reason.kind !== 'breakpoint') throw new Error(`the program ended with ${reason.kind}`);
      // The breakpoint is at the comparison that ends the program: it is passed for every other trap.
      if (this.x(5) === this.x(6)) return this.log();
      machine.setBreakpoints([]);
      machine.run({ instructions: 1 });
      machine.setBreakpoints([this.stop]);
    }
  }

  private log(): LoggedTrap[] {
    const { memory } = this.machine;
    const end = Number(this.x(2) - ADDRESS.supervisorBase);
    const traps: LoggedTrap[] = [];
    for (let at = LOG; at < end; at += LOG_ENTRY) {
      const word = (i: number): bigint => memory.read64(at + 8 * i);
      traps.push({
        scause: word(0),
        stval: word(1),
        stwzinfo: word(2),
        stwzid: (word(4) << 64n) | word(3),
        stwzoff: word(5),
        stwzdesc: word(6),
        sepc: word(7),
      });
    }
    return traps;
  }
}
