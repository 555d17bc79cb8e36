/**
 * How a program under test and the tester talk (docs/torture.md): a page of registers beside the test finisher for
 * bare-metal programs, and registers of the custom CSR space, which user mode may use, for guest programs. Only
 * machines of `licorice torture` have them. Both are views of the same `Marks`.
 *
 * Page, registers of 32 bits:
 *   0x0  W   acknowledge: operation `value` is durable by the program's promise (1, 2, …; ascending)
 *   0x4  R   phase: 0 the workload runs, 1 the machine comes up after a power failure
 *   0x8  R   the last acknowledged operation before the failure, 0 for none
 *   0xc  W   begin: operation `value` begins
 *   0x10 R   the last operation that had begun
 *   0x14 R   bit n − 1: operation n was acknowledged
 *   0x18 R   bit n − 1: operation n had begun
 *
 * CSRs:
 *   0x800 RW value of the next mark
 *   0x801 W  a mark: kind [7:0] (`MARK`), number [39:8]
 *   0xcc0 R  phase
 *   0xcc1 R  1 when `ready` had been marked before the failure
 *   0xcc2 R  the last acknowledged operation
 *   0xcc3 R  the last operation that had begun
 *   0xcc4 R  bit n − 1: operation n was acknowledged
 *   0xcc5 R  bit n − 1: operation n had begun
 *   0xcc6 R  the number of operations that the user asks for, 0 for none
 */
import { paddr } from '../../emulator/addresses.ts';
import type { CsrRow } from '../../emulator/cpu/csr.ts';
import type { Hart } from '../../emulator/cpu/hart.ts';
import { MEMORY_MAP } from '../../emulator/devices/memory-map.ts';
import { type AccessSize, BUS_ERROR, type Device } from '../../emulator/machine/bus.ts';
import type { MachineExtension } from '../../emulator/machine/machine.ts';

export const TORTURE_REGISTER = {
  acknowledge: 0x0,
  phase: 0x4,
  acknowledged: 0x8,
  begin: 0xc,
  begun: 0x10,
  acknowledgedSet: 0x14,
  begunSet: 0x18,
} as const;

export const TORTURE_CSR = {
  value: 0x800,
  mark: 0x801,
  phase: 0xcc0,
  ready: 0xcc1,
  acknowledged: 0xcc2,
  begun: 0xcc3,
  acknowledgedSet: 0xcc4,
  begunSet: 0xcc5,
  operations: 0xcc6,
} as const;

const MARK = { ready: 1, begin: 2, acknowledge: 3, observe: 4, finish: 5 } as const;

/** The page after the real-time clock's: free on QEMU's `virt`. */
export const TORTURE_BASE = paddr(MEMORY_MAP.rtc.base + MEMORY_MAP.rtc.size);

/** What a program has said so far. Plain data. */
export interface Progress {
  /** Preparations are over: the power may fail. Bare-metal programs are ready from the start. */
  readonly ready: boolean;
  /** The last operation that began, 0 for none. */
  readonly begun: number;
  /** The last acknowledged operation, 0 for none. */
  readonly acknowledged: number;
  /** Bit n − 1: operation n (1–32) had begun; was acknowledged. For workloads whose operations overlap. */
  readonly begunSet: number;
  readonly acknowledgedSet: number;
}

/** The bit of an operation in the sets; 0 for one that has none. */
export const operationBit = (operation: number): number =>
  operation >= 1 && operation <= 32 ? 1 << (operation - 1) : 0;

export const NO_PROGRESS: Progress = {
  ready: false,
  begun: 0,
  acknowledged: 0,
  begunSet: 0,
  acknowledgedSet: 0,
};

/** How far a program is after a mark. */
export function progressAfter(progress: Progress, mark: Mark): Progress {
  if (mark.kind === 'ready') return { ...progress, ready: true };
  if (mark.kind === 'begin')
    return {
      ...progress,
      begun: mark.operation,
      begunSet: progress.begunSet | operationBit(mark.operation),
    };
  if (mark.kind !== 'acknowledge') return progress;
  const { operation } = mark;
  return {
    ...progress,
    acknowledged: operation,
    begun: Math.max(progress.begun, operation),
    acknowledgedSet: progress.acknowledgedSet | operationBit(operation),
  };
}

/** Something that a program tells the tester. Values are 64 bits, unsigned. */
export type Mark =
  | { readonly kind: 'ready'; readonly value: bigint }
  | { readonly kind: 'begin'; readonly operation: number }
  | { readonly kind: 'acknowledge'; readonly operation: number; readonly value: bigint }
  | { readonly kind: 'observe'; readonly value: bigint }
  /** The run is over; not 0: something is wrong. */
  | { readonly kind: 'finish'; readonly code: number };

export interface TortureHost {
  /** True after a power failure. */
  readonly recovering: boolean;
  /** The workload: how far it is; recovery: how far it was. */
  progress(): Progress;
  mark(mark: Mark): void;
  /** The phase is about to be read: from here on a program knows whether it recovers. */
  phaseRead?(): void;
  /** A program has asked how many operations the user wants. */
  operationsRead?(): void;
}

/**
 * The registers of one machine; make new ones for each.
 * @param operations that the user asks for; 0: the program's own number
 */
export function tortureExtension(host: TortureHost, operations = 0): MachineExtension {
  return {
    name: 'torture',
    csrs: csrRows(host, operations),
    attach: (machine) => machine.bus.add(new TorturePage(host)),
  };
}

function readPhase(host: TortureHost): number {
  host.phaseRead?.();
  return host.recovering ? 1 : 0;
}

class TorturePage implements Device {
  readonly name = 'torture';
  readonly base = TORTURE_BASE;
  readonly size = 0x1000;

  constructor(private readonly host: TortureHost) {}

  read(offset: number, size: AccessSize): number {
    if (size !== 4) return BUS_ERROR;
    if (offset === TORTURE_REGISTER.phase) return readPhase(this.host);
    if (offset === TORTURE_REGISTER.acknowledged) return this.host.progress().acknowledged;
    if (offset === TORTURE_REGISTER.acknowledgedSet) return this.host.progress().acknowledgedSet;
    if (offset === TORTURE_REGISTER.begunSet) return this.host.progress().begunSet;
    return offset === TORTURE_REGISTER.begun ? this.host.progress().begun : 0;
  }

  write(offset: number, size: AccessSize, value: number): number | undefined {
    if (size !== 4) return BUS_ERROR;
    const operation = value >>> 0;
    if (offset === TORTURE_REGISTER.begin) this.host.mark({ kind: 'begin', operation });
    if (offset === TORTURE_REGISTER.acknowledge)
      this.host.mark({ kind: 'acknowledge', operation, value: 0n });
    return;
  }
}

function csrRows(host: TortureHost, operations: number): readonly CsrRow[] {
  const section = 'licorice torture';
  const readable = (number: number, name: string, read: () => number): CsrRow => ({
    number,
    name,
    section,
    read: (hart: Hart) => {
      hart.hi = 0;
      return read();
    },
  });
  let value = 0n;
  return [
    {
      number: TORTURE_CSR.value,
      name: 'tortvalue',
      section,
      read: (hart) => {
        hart.hi = Number(value >> 32n) | 0;
        return Number(value & 0xffff_ffffn) | 0;
      },
      write: (_hart, lo, hi) => {
        value = (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
      },
    },
    {
      number: TORTURE_CSR.mark,
      name: 'tortmark',
      section,
      read: (hart) => {
        hart.hi = 0;
        return 0;
      },
      write: (_hart, lo, hi) => {
        const mark = markOf(lo & 0xff, (lo >>> 8) | ((hi & 0xff) << 24), value);
        if (mark) host.mark(mark);
      },
    },
    readable(TORTURE_CSR.phase, 'tortphase', () => readPhase(host)),
    readable(TORTURE_CSR.ready, 'tortready', () => (host.progress().ready ? 1 : 0)),
    readable(TORTURE_CSR.acknowledged, 'tortacked', () => host.progress().acknowledged),
    readable(TORTURE_CSR.begun, 'tortbegun', () => host.progress().begun),
    readable(TORTURE_CSR.acknowledgedSet, 'tortackedset', () => host.progress().acknowledgedSet),
    readable(TORTURE_CSR.operations, 'tortoperations', () => {
      host.operationsRead?.();
      return operations;
    }),
    readable(TORTURE_CSR.begunSet, 'tortbegunset', () => host.progress().begunSet),
  ];
}

function markOf(kind: number, operation: number, value: bigint): Mark | undefined {
  switch (kind) {
    case MARK.ready:
      return { kind: 'ready', value };
    case MARK.begin:
      return { kind: 'begin', operation };
    case MARK.acknowledge:
      return { kind: 'acknowledge', operation, value };
    case MARK.observe:
      return { kind: 'observe', value };
    case MARK.finish:
      return { kind: 'finish', code: Number(BigInt.asIntN(32, value)) };
    default:
      return undefined;
  }
}
