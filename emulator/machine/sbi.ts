/**
 * The Supervisor Binary Interface for kernels that run without firmware: what OpenSBI would answer in M-mode, answered
 * by the machine. RISC-V SBI specification 2.0: base, legacy calls, TIME, IPI, RFENCE, HSM, SRST, DBCN.
 *
 * A call takes its extension in a7, its function in a6 and its arguments in a0–a5, and returns an error in a0 and a
 * value in a1; legacy calls return only a0. Calls are rare beside instructions, so this file uses bigint freely.
 */
import { Interrupt, Privilege } from '../cpu/causes.ts';
import type { CsrFile } from '../cpu/csr.ts';
import { Csr, Mstatus, RunState, Slot } from '../cpu/csr-numbers.ts';
import { HART } from '../cpu/state.ts';
import type { PowerRequest } from './bus.ts';
import type { Core } from './core.ts';
import { Initiator, type PhysicalMemory } from './memory.ts';

/** Error codes (SBI §3, table 1). */
const SUCCESS = 0n;
const NOT_SUPPORTED = -2n;
const INVALID_PARAM = -3n;
const INVALID_ADDRESS = -5n;
const ALREADY_AVAILABLE = -6n;

const Extension = {
  base: 0x10n,
  time: 0x54494d45n,
  ipi: 0x735049n,
  rfence: 0x52464e43n,
  hsm: 0x48534dn,
  reset: 0x53525354n,
  console: 0x4442434en,
} as const;
/** Legacy extensions 0x00–0x08, one function each. */
const LEGACY_LAST = 8n;
const KNOWN = new Set<bigint>(Object.values(Extension));

/** SBI 2.0: major in bits 30:24, minor in bits 23:0. */
const SPEC_VERSION = 2n << 24n;
/** Not one of the registered implementations: "lc". */
const IMPLEMENTATION = 0x6c63n;

/** HSM states (SBI §9.1). */
const STARTED = 0n;
const STOPPED = 1n;
const SUSPENDED = 4n;

/** A character device for the console calls. */
export interface SbiConsole {
  write(byte: number): void;
  /** The next byte typed, or -1. */
  read(): number;
}

export interface SbiServices {
  readonly cores: readonly Core[];
  readonly memory: PhysicalMemory;
  readonly csrs: CsrFile;
  readonly console: SbiConsole;
  power(request: PowerRequest): void;
}

interface Answer {
  readonly error: bigint;
  readonly value?: bigint;
}
const ok = (value = 0n): Answer => ({ error: SUCCESS, value });
const fail = (error: bigint): Answer => ({ error });

export class Sbi {
  private readonly services: SbiServices;

  constructor(services: SbiServices) {
    this.services = services;
  }

  /** Answers the call that the core makes. The caller moves pc. */
  call(core: Core): void {
    const { hart } = core;
    const extension = hart.getX(17);
    if (extension <= LEGACY_LAST) {
      hart.putX(10, this.legacy(core, extension));
      return;
    }
    const { error, value } = this.dispatch(core, extension, hart.getX(16));
    hart.putX(10, error);
    hart.putX(11, value ?? 0n);
  }

  private dispatch(core: Core, extension: bigint, fn: bigint): Answer {
    const { hart } = core;
    const [a0, a1, a2, a3, a4] = [10, 11, 12, 13, 14].map((i) => hart.getX(i)) as [
      bigint,
      bigint,
      bigint,
      bigint,
      bigint,
    ];
    switch (extension) {
      case Extension.base:
        return this.base(fn, a0);
      case Extension.time:
        if (fn !== 0n) return fail(NOT_SUPPORTED);
        this.setTimer(core, a0);
        return ok();
      case Extension.ipi:
        if (fn !== 0n) return fail(NOT_SUPPORTED);
        return this.forHarts(a0, a1, (target) => this.sendIpi(target));
      case Extension.rfence:
        return this.remoteFence(fn, a0, a1, a2, a3, a4);
      case Extension.hsm:
        return this.hartState(core, fn, a0, a1, a2);
      case Extension.reset:
        if (fn !== 0n) return fail(NOT_SUPPORTED);
        return this.systemReset(a0, a1);
      case Extension.console:
        return this.debugConsole(fn, a0, a1, a2);
      default:
        return fail(NOT_SUPPORTED);
    }
  }

  private base(fn: bigint, probed: bigint): Answer {
    switch (fn) {
      case 0n:
        return ok(SPEC_VERSION);
      case 1n:
        return ok(IMPLEMENTATION);
      case 2n:
        return ok(1n); // implementation version
      case 3n:
        return ok(probed <= LEGACY_LAST || KNOWN.has(probed) ? 1n : 0n);
      case 4n: // mvendorid
        return ok(this.services.csrs.peek(this.services.cores[0]!.hart, Csr.mvendorid));
      case 5n:
        return ok(this.services.csrs.peek(this.services.cores[0]!.hart, Csr.marchid));
      case 6n:
        return ok(this.services.csrs.peek(this.services.cores[0]!.hart, Csr.mimpid));
      default:
        return fail(NOT_SUPPORTED);
    }
  }

  private setTimer(core: Core, deadline: bigint): void {
    this.services.csrs.poke(core.hart, Csr.stimecmp, deadline);
  }

  private sendIpi(core: Core): void {
    const { hart } = core;
    hart.setCellLo(Slot.mip, hart.cellLo(Slot.mip) | (1 << Interrupt.supervisorSoftware));
    hart.attention = true;
  }

  /** Applies an action to the harts of a mask (base -1: all). */
  private forHarts(mask: bigint, base: bigint, action: (core: Core) => void): Answer {
    const { cores } = this.services;
    const all = base === 0xffff_ffff_ffff_ffffn;
    if (!all && base >= BigInt(cores.length)) return fail(INVALID_PARAM);
    const chosen: Core[] = [];
    if (all) chosen.push(...cores);
    else {
      for (let bit = 0n; bit < 64n; bit++) {
        if (((mask >> bit) & 1n) === 0n) continue;
        const core = cores[Number(base + bit)];
        if (!core) return fail(INVALID_PARAM);
        chosen.push(core);
      }
    }
    for (const core of chosen) action(core);
    return ok();
  }

  private remoteFence(
    fn: bigint,
    mask: bigint,
    base: bigint,
    start: bigint,
    size: bigint,
    asid: bigint,
  ): Answer {
    switch (fn) {
      case 0n: // FENCE.I: stores to code are seen at once
        return this.forHarts(mask, base, () => {});
      case 1n:
        return this.forHarts(mask, base, (core) => fenceRange(core, start, size, undefined));
      case 2n:
        return this.forHarts(mask, base, (core) => fenceRange(core, start, size, asid));
      default:
        return fail(NOT_SUPPORTED);
    }
  }

  private hartState(core: Core, fn: bigint, a0: bigint, a1: bigint, a2: bigint): Answer {
    const target = a0 < BigInt(this.services.cores.length) ? this.services.cores[Number(a0)] : undefined;
    switch (fn) {
      case 0n:
        if (!target) return fail(INVALID_PARAM);
        if (target.hart.runState !== RunState.stopped) return fail(ALREADY_AVAILABLE);
        if (this.services.memory.hostOf(Number(a1)) < 0) return fail(INVALID_ADDRESS);
        startInSupervisor(target, a1, a2, this.services.csrs);
        return ok();
      case 1n:
        core.hart.runState = RunState.stopped;
        core.hart.attention = true;
        return ok();
      case 2n:
        if (!target) return fail(INVALID_PARAM);
        if (target.hart.runState === RunState.stopped) return ok(STOPPED);
        return ok(target.hart.runState === RunState.waiting ? SUSPENDED : STARTED);
      case 3n:
        // Retentive suspension is WFI; no other kind exists here.
        if (a0 !== 0n) return fail(NOT_SUPPORTED);
        core.hart.runState = RunState.waiting;
        core.hart.attention = true;
        return ok();
      default:
        return fail(NOT_SUPPORTED);
    }
  }

  private systemReset(type: bigint, reason: bigint): Answer {
    if (type === 0n) {
      const by = 'SBI system reset (shutdown)';
      if (reason === 0n) this.services.power({ kind: 'exit', code: 0, by });
      else this.services.power({ kind: 'exit', code: 1, by, failure: true });
      return ok();
    }
    if (type === 1n || type === 2n) {
      this.services.power({ kind: 'reset', by: 'SBI system reset (reboot)' });
      return ok();
    }
    return fail(INVALID_PARAM);
  }

  private debugConsole(fn: bigint, length: bigint, low: bigint, high: bigint): Answer {
    const { memory, console } = this.services;
    if (fn === 2n) {
      console.write(Number(length & 0xffn));
      return ok();
    }
    if (fn !== 0n && fn !== 1n) return fail(NOT_SUPPORTED);
    const pa = Number(low);
    const count = Number(length);
    if (high !== 0n || (count > 0 && !memory.contains(pa, count))) return fail(INVALID_PARAM);
    if (fn === 0n) {
      for (const byte of memory.readBytes(pa, count, Initiator.device)) console.write(byte);
      return ok(length);
    }
    let read = 0;
    while (read < count) {
      const byte = console.read();
      if (byte < 0) break;
      memory.write8(pa + read++, byte);
    }
    return ok(BigInt(read));
  }

  private legacy(core: Core, extension: bigint): bigint {
    const { hart } = core;
    const a0 = hart.getX(10);
    switch (Number(extension)) {
      case 0:
        this.setTimer(core, a0);
        return 0n;
      case 1:
        this.services.console.write(Number(a0 & 0xffn));
        return 0n;
      case 2:
        return BigInt(this.services.console.read());
      case 3:
        hart.setCellLo(Slot.mip, hart.cellLo(Slot.mip) & ~(1 << Interrupt.supervisorSoftware));
        return 0n;
      case 4:
        return this.forHarts(this.legacyMask(core, a0), 0n, (target) => this.sendIpi(target)).error;
      case 5:
        return 0n;
      case 6:
      case 7: {
        const asid = extension === 7n ? hart.getX(13) : undefined;
        const [start, size] = [hart.getX(11), hart.getX(12)];
        return this.forHarts(this.legacyMask(core, a0), 0n, (c) => fenceRange(c, start, size, asid)).error;
      }
      default:
        this.services.power({ kind: 'exit', code: 0, by: 'SBI legacy shutdown' });
        return 0n;
    }
  }

  /** The hart mask at a virtual address of the caller; no address means all harts. */
  private legacyMask(core: Core, pointer: bigint): bigint {
    const all = (1n << BigInt(this.services.cores.length)) - 1n;
    if (pointer === 0n) return all;
    const pa = core.mmu.peek(pointer);
    return pa !== undefined && this.services.memory.contains(pa, 8)
      ? this.services.memory.read64(pa) & all
      : 0n;
  }
}

const PAGE = 4096n;
/** Up to so many pages are dropped one by one, beyond that everything. */
const FENCE_PAGES = 64n;

function fenceRange(core: Core, start: bigint, size: bigint, asid: bigint | undefined): void {
  const whole = (start === 0n && size === 0n) || size >= PAGE * FENCE_PAGES;
  if (whole) {
    core.mmu.fence(0, 0, false, Number((asid ?? 0n) & 0xffffn), asid !== undefined);
    return;
  }
  for (let va = start & ~(PAGE - 1n); va < start + size; va += PAGE)
    core.mmu.fence(Number(BigInt.asIntN(32, va)), Number(BigInt.asIntN(32, va >> 32n)), true, 0, false);
}

/** Starts a hart as HSM does (SBI §9.1): S-mode, translation and interrupts off, a0 = hart, a1 = opaque. */
export function startInSupervisor(core: Core, address: bigint, opaque: bigint, csrs: CsrFile): void {
  const { hart } = core;
  hart.privilege = Privilege.supervisor;
  hart.setCellLo(Slot.mstatus, hart.cellLo(Slot.mstatus) & ~Mstatus.SIE);
  hart.setScalar(HART.fs, 3); // firmware leaves floating point on, and dirty
  csrs.poke(hart, Csr.satp, 0n);
  hart.pc = address;
  hart.putX(10, BigInt(hart.index));
  hart.putX(11, opaque);
  hart.runState = RunState.running;
  hart.attention = true;
  core.mmu.update();
}
