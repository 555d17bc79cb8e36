/** Xtwz (docs/xtwz.md) as an extension of a machine: its CSRs, its translation mode, its instructions and faults. */
import { xtwzCsrs, xtwzDelegation } from '../mmu/xtwz/csrs.ts';
import { XtwzInstructions } from '../mmu/xtwz/instructions.ts';
import { XtwzMode } from '../mmu/xtwz/mode.ts';
import type { MachineExtension } from './machine.ts';

/** What each hart's entry in the device tree says (§11). */
export const XTWZ_ISA = 'xtwz_xtwzp';

/** Xtwz for one machine; make a new one for each. */
export function xtwzExtension(): MachineExtension {
  let instructions: XtwzInstructions | undefined;
  return {
    name: 'Xtwz',
    csrs: xtwzCsrs((hart) => instructions?.fixedChanged(hart)),
    modes: [new XtwzMode()],
    delegation: xtwzDelegation,
    attach: (machine) => {
      const { cores } = machine;
      instructions = new XtwzInstructions(
        cores.map((core) => core.hart),
        cores.map((core) => core.mmu),
      );
      const unit = instructions;
      machine.customInstructions.push((hart, word) => {
        const done = unit.execute(hart, word);
        return done === undefined ? undefined : done ? 'done' : 'illegal';
      });
    },
  };
}
