/**
 * The platform-level interrupt controller: gathers the devices' lines and gives each hart's M and S mode the most
 * urgent one. Source: RISC-V PLIC specification 1.0.0; the parameters are those of QEMU's `virt` (priorities 0–7,
 * context 2 * hart for M-mode, 2 * hart + 1 for S-mode).
 *
 *   0x000000 + 4 * source      priority; 0 never interrupts
 *   0x001000                   pending bits, read-only
 *   0x002000 + 0x80 * context  enable bits
 *   0x200000 + 0x1000 * ctx    threshold, then claim/complete
 *
 * Lines are level-triggered: a source is pending while its line is high and it is not claimed; completion makes it
 * pending again if the line is still high.
 */
import {
  type AccessSize,
  BUS_ERROR,
  type Device,
  type DeviceHost,
  type DeviceTreeNode,
  HartInterrupt,
  type InterruptLine,
  type State,
} from '../machine/bus.ts';
import { numbersField } from '../machine/fields.ts';
import { MEMORY_MAP, PLIC_SOURCES } from './memory-map.ts';
import { phandles, unitName } from './tree-names.ts';

const PRIORITY_MASK = 7;
const PENDING = 0x1000;
const ENABLE = 0x2000;
const ENABLE_STRIDE = 0x80;
const CONTEXT = 0x20_0000;
const CONTEXT_STRIDE = 0x1000;
/** 32-bit words of one bit for each source, source 0 included. */
const WORDS = Math.ceil((PLIC_SOURCES + 1) / 32);
const CONTEXTS_PER_HART = 2;

export class Plic implements Device {
  readonly name = 'plic';
  readonly base = MEMORY_MAP.plic.base;
  readonly size = MEMORY_MAP.plic.size;

  private readonly harts: number;
  private readonly contexts: number;
  /** By source. */
  private readonly priority = new Uint8Array(PLIC_SOURCES + 1);
  /** Bits by source. */
  private readonly levels = new Uint32Array(WORDS);
  private readonly pending = new Uint32Array(WORDS);
  private readonly claimed = new Uint32Array(WORDS);
  /** WORDS words for each context. */
  private readonly enable: Uint32Array;
  private readonly threshold: Uint8Array;
  private readonly outputs: InterruptLine[] = [];

  constructor(host: DeviceHost) {
    this.harts = host.hartCount;
    this.contexts = host.hartCount * CONTEXTS_PER_HART;
    this.enable = new Uint32Array(this.contexts * WORDS);
    this.threshold = new Uint8Array(this.contexts);
    for (let hart = 0; hart < host.hartCount; hart++) {
      this.outputs.push(
        host.hartLine(hart, HartInterrupt.machineExternal),
        host.hartLine(hart, HartInterrupt.supervisorExternal),
      );
    }
  }

  /** The input line of `source`, 1 to PLIC_SOURCES. */
  line(source: number): InterruptLine {
    if (source < 1 || source > PLIC_SOURCES) throw new RangeError(`no PLIC source ${source}`);
    const word = source >> 5;
    const bit = (1 << (source & 31)) >>> 0;
    return {
      set: (level) => {
        if (level === ((this.levels[word]! & bit) !== 0)) return;
        this.levels[word]! ^= bit;
        if (!level) this.pending[word]! &= ~bit;
        else if ((this.claimed[word]! & bit) === 0) this.pending[word]! |= bit;
        this.update();
      },
    };
  }

  read(offset: number, size: AccessSize): number {
    return this.access(offset, size, true);
  }

  /** A claim by a debugger must not claim. */
  peek(offset: number, size: AccessSize): number {
    return this.access(offset, size, false);
  }

  write(offset: number, size: AccessSize, value: number): number | undefined {
    if (size !== 4 || (offset & 3) !== 0) return BUS_ERROR;
    if (offset < PENDING) {
      const source = offset >> 2;
      if (source >= 1 && source <= PLIC_SOURCES) this.priority[source] = value & PRIORITY_MASK;
    } else if (offset >= ENABLE && offset < CONTEXT) {
      const index = this.enableIndex(offset);
      // Source 0 does not exist, so its bit cannot be set.
      if (index >= 0) this.enable[index] = index % WORDS === 0 ? value & ~1 : value;
    } else if (offset >= CONTEXT) {
      const context = Math.floor((offset - CONTEXT) / CONTEXT_STRIDE);
      if (context >= this.contexts) return;
      const register = offset % CONTEXT_STRIDE;
      if (register === 0) this.threshold[context] = value & PRIORITY_MASK;
      else if (register === 4) this.complete(value);
    }
    this.update();
    return;
  }

  reset(): void {
    this.priority.fill(0);
    this.claimed.fill(0);
    this.pending.set(this.levels);
    this.enable.fill(0);
    this.threshold.fill(0);
    this.update();
  }

  save(): State {
    return {
      priority: [...this.priority],
      levels: [...this.levels],
      pending: [...this.pending],
      claimed: [...this.claimed],
      enable: [...this.enable],
      threshold: [...this.threshold],
    };
  }

  restore(state: State): void {
    for (const name of ['priority', 'levels', 'pending', 'claimed', 'enable', 'threshold'] as const) {
      this[name].set(numbersField(state, name, this[name].length));
    }
  }

  deviceTree(): readonly DeviceTreeNode[] {
    const handles = phandles(this.harts);
    return [
      {
        name: unitName('plic', this.base),
        properties: {
          phandle: [handles.plic],
          compatible: ['sifive,plic-1.0.0', 'riscv,plic0'],
          reg: [0, this.base, 0, this.size],
          'interrupt-controller': true,
          '#interrupt-cells': [1],
          '#address-cells': [0],
          'riscv,ndev': [PLIC_SOURCES],
          'interrupts-extended': handles.cpuInterrupts.flatMap((phandle) => [
            phandle,
            HartInterrupt.machineExternal,
            phandle,
            HartInterrupt.supervisorExternal,
          ]),
        },
      },
    ];
  }

  private access(offset: number, size: AccessSize, claim: boolean): number {
    if (size !== 4 || (offset & 3) !== 0) return BUS_ERROR;
    if (offset < PENDING) return this.priority[offset >> 2] ?? 0;
    if (offset < ENABLE) return this.pending[(offset - PENDING) >> 2] ?? 0;
    if (offset < CONTEXT) return this.enable[this.enableIndex(offset)] ?? 0;
    const context = Math.floor((offset - CONTEXT) / CONTEXT_STRIDE);
    if (context >= this.contexts) return 0;
    const register = offset % CONTEXT_STRIDE;
    if (register === 0) return this.threshold[context]!;
    if (register !== 4) return 0;
    const source = this.best(context);
    if (claim && source !== 0) {
      const bit = (1 << (source & 31)) >>> 0;
      this.pending[source >> 5]! &= ~bit;
      this.claimed[source >> 5]! |= bit;
      this.update();
    }
    return source;
  }

  private complete(source: number): void {
    if (source < 1 || source > PLIC_SOURCES) return;
    const word = source >> 5;
    const bit = (1 << (source & 31)) >>> 0;
    if ((this.claimed[word]! & bit) === 0) return;
    this.claimed[word]! &= ~bit;
    this.pending[word]! |= this.levels[word]! & bit;
  }

  private enableIndex(offset: number): number {
    const context = Math.floor((offset - ENABLE) / ENABLE_STRIDE);
    const word = (offset % ENABLE_STRIDE) >> 2;
    return context < this.contexts && word < WORDS ? context * WORDS + word : -1;
  }

  /** The enabled pending source of highest priority above the threshold, the lowest number of equals, or 0. */
  private best(context: number): number {
    let best = 0;
    let highest = this.threshold[context]!;
    for (let word = 0; word < WORDS; word++) {
      let bits = this.pending[word]! & this.enable[context * WORDS + word]!;
      while (bits !== 0) {
        const source = word * 32 + 31 - Math.clz32(bits & -bits);
        bits &= bits - 1;
        if (this.priority[source]! > highest) {
          highest = this.priority[source]!;
          best = source;
        }
      }
    }
    return best;
  }

  private update(): void {
    for (let context = 0; context < this.contexts; context++) {
      this.outputs[context]!.set(this.best(context) !== 0);
    }
  }
}
