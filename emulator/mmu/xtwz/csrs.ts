/**
 * The CSRs of docs/xtwz.md §2 as rows for the machine's CSR table, and the rule that stands in for medeleg. All are
 * stored in the hart's state (registers.ts).
 */
import { Privilege } from '../../cpu/causes.ts';
import type { CsrRow, Halves } from '../../cpu/csr.ts';
import { Mstatus, Slot } from '../../cpu/csr-numbers.ts';
import type { Hart } from '../../cpu/hart.ts';
import { HART, POINTER_ENTRIES } from '../../cpu/state.ts';
import {
  CFG,
  CSR,
  FIRST_CAUSE,
  FIXED_POINTER_MASK,
  LAST_CAUSE,
  MCFG,
  POINTER_MASK,
  VERSION_ENTRIES_SHIFT,
  VERSION_XTWZP,
  XTWZ_VERSION,
} from './layout.ts';
import { refreshPointerOwner } from './pointers.ts';
import { FAULT_CSRS, XtwzSlot } from './registers.ts';

const halves = (mask: bigint): Halves => [
  Number(BigInt.asIntN(32, mask)),
  Number(BigInt.asIntN(32, mask >> 32n)),
];

/** As satp: S-mode traps under mstatus.TVM (§2). */
export const translationAllowed = (hart: Hart): boolean =>
  hart.privilege !== Privilege.supervisor || (hart.cellLo(Slot.mstatus) & Mstatus.TVM) === 0;

/** A pointer CSR: a write that changes it calls `changed`. */
function pointer(
  number: number,
  name: string,
  slot: number,
  mask: bigint,
  changed: (hart: Hart) => void,
): CsrRow {
  const [maskLo, maskHi] = halves(mask);
  return {
    number,
    name,
    section: 'Xtwz §2',
    slot,
    guard: translationAllowed,
    write: (hart, lo, hi) => {
      const oldLo = hart.cell(slot);
      if (oldLo === (lo & maskLo) && hart.hi === (hi & maskHi)) return;
      hart.setCell(slot, lo & maskLo, hi & maskHi);
      // An SC must not store to another place than its LR loaded from (§9).
      hart.setScalar(HART.reserved, 0);
      changed(hart);
    },
  };
}

function rootChanged(hart: Hart): void {
  refreshPointerOwner(hart);
  hart.environment.translationChanged(hart);
}

/** The five fault CSRs of a level. */
const faultRows = (prefix: 's' | 'm', first: number, slot: number): CsrRow[] =>
  FAULT_CSRS.map((name, i) => ({
    number: first + i,
    name: `${prefix}twz${name}`,
    section: 'Xtwz §5',
    slot: slot + i,
  }));

/**
 * The rows of a machine.
 * @param fixedChanged must drop the hart's translations of the fixed slots (§2)
 */
export function xtwzCsrs(fixedChanged: (hart: Hart) => void): readonly CsrRow[] {
  return [
    pointer(CSR.stwzview, 'stwzview', XtwzSlot.view, POINTER_MASK, rootChanged),
    pointer(CSR.stwzctx, 'stwzctx', XtwzSlot.context, POINTER_MASK, rootChanged),
    pointer(CSR.stwzfix, 'stwzfix', XtwzSlot.fixed, FIXED_POINTER_MASK, fixedChanged),
    {
      number: CSR.stwzcfg,
      name: 'stwzcfg',
      section: 'Xtwz §2',
      slot: XtwzSlot.config,
      write: (hart, lo) => {
        hart.setCell(XtwzSlot.config, lo & (CFG.persistentPointers | CFG.userInvalidate), 0);
        refreshPointerOwner(hart);
      },
    },
    ...faultRows('s', CSR.stwzidlo, XtwzSlot.supervisorFault),
    {
      number: CSR.mtwzcfg,
      name: 'mtwzcfg',
      section: 'Xtwz §2',
      slot: XtwzSlot.machineConfig,
      mask: [MCFG.delegate, 0],
      reset: [MCFG.delegate, 0],
    },
    ...faultRows('m', CSR.mtwzidlo, XtwzSlot.machineFault),
    {
      number: CSR.stwzver,
      name: 'stwzver',
      section: 'Xtwz §2',
      read: (hart) => {
        hart.hi = 0;
        return XTWZ_VERSION | VERSION_XTWZP | (POINTER_ENTRIES << VERSION_ENTRIES_SHIFT);
      },
      write: () => {},
    },
  ];
}

/** Who takes Xtwz's faults, instead of medeleg (§2): true for S. A `DelegationRule`. */
export function xtwzDelegation(hart: Hart, cause: number): boolean | undefined {
  if (cause < FIRST_CAUSE || cause > LAST_CAUSE) return undefined;
  return (hart.cellLo(XtwzSlot.machineConfig) & MCFG.delegate) !== 0;
}
