/**
 * Harts with their MMUs and CSRs, but no engine: what tests of translation and invalidation drive directly. PMP is
 * opened, and Xtwz is on the same footing as in a machine (emulator/machine).
 */
import { paddr } from '../../addresses.ts';
import { CsrFile } from '../../cpu/csr.ts';
import { Csr } from '../../cpu/csr-numbers.ts';
import { STANDARD_CSRS } from '../../cpu/csr-table.ts';
import { Hart } from '../../cpu/hart.ts';
import { layOut } from '../../machine/layout.ts';
import { PhysicalMemory } from '../../machine/memory.ts';
import { FAULT, Mmu } from '../mmu.ts';
import { STANDARD_MODES } from '../sv.ts';
import type { Access } from '../translation.ts';
import { xtwzCsrs } from './csrs.ts';
import { XtwzInstructions } from './instructions.ts';
import { OPCODE } from './layout.ts';
import { XtwzMode } from './mode.ts';

export class Rig {
  readonly memory: PhysicalMemory;
  readonly harts: Hart[] = [];
  readonly mmus: Mmu[] = [];
  readonly csrs: CsrFile;
  readonly instructions: XtwzInstructions;

  /** @param bytes of DRAM */
  constructor(harts: number, bytes: number) {
    const memory = new PhysicalMemory(
      layOut(harts, [{ name: 'DRAM', kind: 'dram', base: paddr(0x8000_0000), size: bytes }], 65536),
    );
    this.memory = memory;
    const modes = [...STANDARD_MODES, new XtwzMode()];
    this.instructions = new XtwzInstructions(this.harts, this.mmus);
    this.csrs = new CsrFile([...STANDARD_CSRS, ...xtwzCsrs((hart) => this.instructions.fixedChanged(hart))]);
    for (let i = 0; i < harts; i++) {
      const hart = new Hart(i, memory);
      const mmu = new Mmu(hart, memory, modes);
      this.harts.push(hart);
      this.mmus.push(mmu);
      hart.environment = {
        ticks: () => ({ low: 0, high: 0 }),
        supervisorTimerChanged: () => {},
        translationChanged: () => mmu.update(),
        modeChanged: () => mmu.switchMode(),
        protectionChanged: () => mmu.protectionChanged(),
        hasTranslationMode: (mode) => mmu.hasMode(mode),
      };
      this.csrs.reset(hart);
      hart.privilege = 3;
      this.csrs.poke(hart, Csr.pmpaddr0, (1n << 54n) - 1n);
      this.csrs.poke(hart, Csr.pmpcfg0, 0x1fn);
      mmu.protectionChanged();
    }
  }

  poke(hart: number, csr: number, value: bigint): void {
    if (!this.csrs.poke(this.harts[hart]!, csr, value)) throw new Error(`no CSR 0x${csr.toString(16)}`);
  }
  peek(hart: number, csr: number): bigint {
    return this.csrs.peek(this.harts[hart]!, csr)!;
  }

  setPrivilege(hart: number, privilege: number): void {
    this.harts[hart]!.privilege = privilege;
    this.mmus[hart]!.update();
  }

  /** The physical address that an access reaches, or -1 after a fault (its cause in the MMU). */
  access(hart: number, va: bigint, access: Access): number {
    const lo = Number(BigInt.asIntN(32, va));
    const hi = Number(BigInt.asIntN(32, va >> 32n));
    const pa = this.mmus[hart]!.translate(lo, hi, access, 1);
    return pa === FAULT ? -1 : pa;
  }

  /**
   * Executes an instruction of Xtwz in S-mode, with its operands in x5, x6 and x7; undefined stands for x0.
   * @param funct7 for xtwz.pfill: ignored
   */
  execute(hart: number, funct3: number, funct7: number, rs1?: bigint, rs2?: bigint, rs3?: bigint): boolean {
    const h = this.harts[hart]!;
    for (const [register, value] of [rs1, rs2, rs3].entries()) h.putX(5 + register, value ?? 0n);
    const r1 = rs1 === undefined ? 0 : 5;
    const r2 = rs2 === undefined ? 0 : 6;
    const top = funct3 === OPCODE.funct3.fill ? (rs3 === undefined ? 0 : 7) << 2 : funct7;
    const before = h.privilege;
    this.setPrivilege(hart, 1);
    const word = OPCODE.major | (funct3 << 12) | (r1 << 15) | (r2 << 20) | (top << 25);
    const done = this.instructions.execute(h, word);
    this.setPrivilege(hart, before);
    return done === true;
  }
}
