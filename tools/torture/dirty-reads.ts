/**
 * What one thread, or hart, builds upon another one's store that is not persistent yet ("dirty reads": inter-thread inconsistencies of PMRace, ASPLOS
 * 2022). Somebody loads what another has stored and no fence has completed; later a store of its own becomes persistent, or it
 * acknowledges, while a power failure may still undo the first store. Seen without any oracle, in runs that go well.
 *
 * That the second store depends on what was loaded is taken for granted, up to the next operation.
 */
import { CACHE_BLOCK_SIZE } from '../../emulator/addresses.ts';
import type { Computer } from '../../emulator/boot/computer.ts';
import { Privilege } from '../../emulator/cpu/causes.ts';
import { PageFlag } from '../../emulator/cpu/state.ts';
import { Access } from '../../emulator/mmu/translation.ts';
import { type BlockNumber, blockOf, dpa } from '../../emulator/nvdimm/dpa.ts';
import type { StoreUnit } from '../../emulator/nvdimm/pending.ts';
import { blocksOf, type News, type RunEvent } from './events.ts';

/** Plain data. Addresses of instructions. */
export interface DirtyRead {
  /** The store that was not persistent. */
  readonly store: bigint;
  /** The load by another thread that found it. */
  readonly load: bigint;
  /** What that thread stored then, and has made persistent first; absent: it has acknowledged an operation. */
  readonly dependent?: bigint;
  readonly operation: number;
}

/** A store that somebody else has loaded. */
interface Loaded {
  readonly block: BlockNumber;
  readonly unit: StoreUnit;
  readonly load: bigint;
}

/** A store behind such a load. */
interface Dependent {
  readonly block: BlockNumber;
  readonly instret: number;
  readonly pc: bigint;
}

/** Who may load what others have stored: in an operation, if it says in which. */
class Reader {
  /** By place in memory order. */
  readonly loaded = new Map<number, Loaded>();
  dependents: Dependent[] = [];

  constructor(readonly operation: number) {}
}

const pcOf = ({ pcHigh, pcLow }: StoreUnit): bigint => (BigInt(pcHigh) << 32n) | BigInt(pcLow);

export class DirtyReads {
  private readonly found = new Map<string, DirtyRead>();
  /** By instruction that stored: who. */
  private readonly makers = new Map<number, number>();
  private readonly readers = new Map<number, Reader>();
  /** Its fence has not taken effect yet when it is told of. */
  private fencing: Reader | undefined;

  constructor(
    private readonly computer: Computer,
    private readonly guest: boolean,
  ) {
    const { machine, nvdimm } = computer;
    const { memory } = machine;
    const { region } = nvdimm!;
    memory.onLoad((pa, length, initiator) => {
      if (initiator >= 0 && pa >= region.base && pa < region.base + region.size)
        this.load(pa - region.base, length, initiator);
      return true;
    });
    for (let page = region.firstPage; page < region.firstPage + region.pages; page++)
      memory.u8[memory.layout.pageFlags + page]! |= PageFlag.loadSlow;
    // One page the usual way, so that everybody hears of it.
    memory.clearFlag(region.firstPage, PageFlag.loadSlow);
    memory.setFlag(region.firstPage, PageFlag.loadSlow);
    machine.dropFast(Access.load);
  }

  get list(): DirtyRead[] {
    return [...this.found.values()];
  }

  /** Another run begins. */
  restart(): void {
    this.makers.clear();
    this.readers.clear();
    this.fencing = undefined;
  }

  began(operation: number): void {
    this.settle();
    this.readers.set(this.issuer, new Reader(operation));
  }

  acknowledged(): void {
    this.settle();
    const reader = this.readers.get(this.issuer);
    if (reader === undefined) return;
    for (const one of reader.loaded.values()) if (this.isPending(one)) this.tell(one, reader, undefined);
    this.readers.delete(this.issuer);
  }

  private get issuer(): number {
    return this.computer.nvdimm!.issuerOf(this.computer.machine.turns.current.hart.index);
  }

  /** Something is about to happen to the NVDIMM. */
  event(event: News & Pick<RunEvent, 'issuer' | 'pc'>): void {
    this.settle();
    const { kind, issuer, pc } = event;
    const instret = this.computer.machine.turns.instructionsNow;
    if (kind === 'store' || kind === 'zero') {
      this.makers.set(instret, issuer);
      const reader = this.readers.get(issuer);
      if (reader && reader.loaded.size > 0)
        for (const block of blocksOf(event)) reader.dependents.push({ block, instret, pc });
    } else if (kind === 'fence') this.fencing = this.readers.get(issuer);
  }

  private load(from: number, length: number, hart: number): void {
    const { machine, nvdimm } = this.computer;
    const core = machine.cores[hart]!;
    // What the kernel reads, and translations, are its own affair.
    if (core.mmu.walking || (this.guest && core.hart.privilege !== Privilege.user)) return;
    const issuer = nvdimm!.issuerOf(hart);
    this.settle();
    const block = blockOf(dpa(from));
    const start = from % CACHE_BLOCK_SIZE;
    const unit = nvdimm!.engine
      .pendingStores(block)
      .findLast(({ offset, size }) => offset < start + length && start < offset + size);
    const maker = unit && this.makers.get(unit.instret);
    if (unit === undefined || maker === undefined || maker === issuer) return;
    let reader = this.readers.get(issuer);
    if (reader === undefined) {
      reader = new Reader(0);
      this.readers.set(issuer, reader);
    }
    if (reader.loaded.has(unit.seq)) return;
    reader.loaded.set(unit.seq, { block, unit, load: BigInt.asUintN(64, core.hart.pc) });
  }

  /** What a fence has made persistent, it has by now. */
  private settle(): void {
    const reader = this.fencing;
    this.fencing = undefined;
    if (reader === undefined) return;
    for (const [seq, one] of reader.loaded) if (!this.isPending(one)) reader.loaded.delete(seq);
    reader.dependents = reader.dependents.filter(({ block, instret, pc }) => {
      const { engine } = this.computer.nvdimm!;
      if (engine.pendingStores(block).some((unit) => unit.instret === instret)) return true;
      for (const one of reader.loaded.values()) if (one.unit.instret < instret) this.tell(one, reader, pc);
      return false;
    });
  }

  private isPending({ block, unit }: Loaded): boolean {
    return this.computer.nvdimm!.engine.pendingStores(block).some(({ seq }) => seq === unit.seq);
  }

  private tell({ unit, load }: Loaded, { operation }: Reader, dependent: bigint | undefined): void {
    const store = pcOf(unit);
    const key = `${store} ${load} ${dependent}`;
    if (this.found.has(key)) return;
    this.found.set(key, { store, load, operation, ...(dependent !== undefined && { dependent }) });
  }
}
