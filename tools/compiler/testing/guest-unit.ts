/**
 * Tests of guest code from vitest: compiles guest functions, loads them into a machine, calls them with arguments and
 * looks at results, memory and console. Nothing is mocked: the code that runs is the code that is shipped.
 *
 * A call starts in M-mode with a stack of its own and floating point on, and ends when the function returns; what it
 * changed in memory stays for the next call.
 */
import { MiB } from '../../../emulator/addresses.ts';
import { placeImages } from '../../../emulator/boot/boot.ts';
import { Csr } from '../../../emulator/cpu/csr-numbers.ts';
import { makeVirtDevices, type VirtDevices } from '../../../emulator/devices/virt.ts';
import { type ElfSymbol, readElf } from '../../../emulator/elf/reader.ts';
import { UserError } from '../../../emulator/errors.ts';
import type { StopReason } from '../../../emulator/machine/config.ts';
import { Machine } from '../../../emulator/machine/machine.ts';
import { type CompileOptions, compile } from '../compile.ts';
import { formatDiagnostic } from '../frontend/diagnostics.ts';
import { diskHost } from '../frontend/session.ts';

const MEMORY = 32 * MiB;
/** Calls return here: an address that holds no code of the program. */
const RETURN_ADDRESS = 0x8000_0000n + BigInt(MEMORY) - 0x1000n;
const RA = 1;
const SP = 2;
const A0 = 10;
const MSTATUS_FS = 0x6000n;

/** How many instructions a test may take before it counts as hanging. */
const LIMIT = 200_000_000;

export interface UnitOptions {
  readonly optimise?: boolean;
  /** Persistent pointers are loaded with Xtwzp's instruction, as in programs; by default they are not. */
  readonly xtwzp?: boolean;
  /** Names of functions to be called, besides exported ones. */
  readonly roots?: readonly string[];
  /** Object files of other compilers. */
  readonly objects?: readonly { readonly name: string; readonly bytes: Uint8Array }[];
}

/** An executable loaded into a machine. */
export class LoadedProgram {
  readonly machine: Machine;
  private readonly sent: number[] = [];
  private readonly symbols: ReadonlyMap<string, ElfSymbol>;
  private readonly entry: bigint;

  constructor(
    readonly elf: Uint8Array,
    private readonly symbolPrefix = '',
  ) {
    let devices: VirtDevices | undefined;
    this.machine = new Machine({
      memory: MEMORY,
      devices: (host) => {
        devices = makeVirtDevices(host, { uartOutput: (byte) => this.sent.push(byte), seed: 0 });
        return devices.all;
      },
    });
    const { machine } = this;
    const file = { name: 'unit', bytes: elf };
    const booted = placeImages(
      { memory: machine.memory, harts: 1, rom: devices!.rom, devices: machine.bus.devices, seed: 0 },
      { kernel: file, bare: true },
    );
    machine.boot(booted.state);
    const { entry, symbols } = readElf(elf, 'unit');
    this.entry = entry;
    this.symbols = new Map(symbols.map((symbol) => [symbol.name, symbol]));
  }

  /** What the program has sent to the console so far. */
  get console(): string {
    return new TextDecoder().decode(Uint8Array.from(this.sent));
  }

  /** Runs from the entry to the end; the exit code. */
  run(): number {
    this.machine.cores[0]!.hart.pc = this.entry;
    const reason = this.machine.run({ instructions: LIMIT });
    if (reason.kind !== 'exit') throw new Error(`the program did not end: ${describe(reason)}`);
    return reason.code;
  }

  /** Address of a function or variable, by its name in the source. */
  address(name: string): bigint {
    const symbol = this.symbols.get(this.symbolPrefix + name) ?? this.symbols.get(name);
    if (symbol === undefined) throw new Error(`the unit has no symbol '${name}'`);
    return symbol.value;
  }

  /**
   * Calls a function. Integer and reference arguments are bigints, in a0, a1, …; the result is a0, unsigned 64 bits
   * (32-bit results are sign-extended by the calling convention).
   */
  call(name: string, ...args: readonly bigint[]): bigint {
    const reason = this.start(name, args);
    const { hart } = this.machine.cores[0]!;
    if (reason.kind !== 'breakpoint' || hart.pc !== RETURN_ADDRESS) {
      throw new Error(`'${name}' did not return: ${describe(reason)}; pc = 0x${hart.pc.toString(16)}`);
    }
    return BigInt.asUintN(64, hart.getX(A0));
  }

  /** Calls a function that is to end the machine or stop at `ebreak`; how it stopped. */
  callUntilStop(name: string, ...args: readonly bigint[]): StopReason {
    return this.start(name, args);
  }

  /** Instructions that one call takes. */
  count(name: string, ...args: readonly bigint[]): number {
    const before = this.machine.instructions;
    this.call(name, ...args);
    return this.machine.instructions - before;
  }

  /** Reads guest memory at a virtual (here: physical) address. */
  read(address: bigint, size: number): Uint8Array {
    return this.machine.peekVirtual(this.machine.cores[0]!, address, size);
  }

  private start(name: string, args: readonly bigint[]): StopReason {
    const { machine } = this;
    const { hart } = machine.cores[0]!;
    const entry = this.address(name);
    machine.csrs.poke(hart, Csr.mstatus, MSTATUS_FS);
    hart.putX(RA, RETURN_ADDRESS);
    hart.putX(SP, RETURN_ADDRESS - 0x1000n);
    args.forEach((arg, index) => {
      hart.putX(A0 + index, arg);
    });
    hart.pc = entry;
    machine.setBreakpoints([RETURN_ADDRESS]);
    return machine.run({ instructions: LIMIT });
  }
}

const describe = (reason: StopReason): string =>
  JSON.stringify(reason, (_, value: unknown) =>
    typeof value === 'bigint' ? `0x${value.toString(16)}` : value,
  );

/** Compiles one source text (other modules are read from disk) and loads it. */
export function unit(source: string, options: UnitOptions = {}): LoadedProgram {
  return unitOf({ '/unit/unit.ts': source }, '/unit/unit.ts', options);
}

/** Compiles several sources, given by absolute path, of which one is the entry. */
export function unitOf(
  sources: Readonly<Record<string, string>>,
  entry: string,
  options: UnitOptions = {},
): LoadedProgram {
  const result = compile(entry, unitCompileOptions(sources, entry, options));
  if (!result.ok) {
    throw new UserError(result.diagnostics.map((d) => formatDiagnostic(d, (file) => file)).join('\n'));
  }
  const prefix = `${entry.slice(entry.lastIndexOf('/') + 1).replace(/\.ts$/, '')}.`;
  return new LoadedProgram(result.elf, prefix);
}

/** Gives a unit without `main` the entry that every executable has; nothing runs it. */
const ENTRY = '\n/** @export _start\n * @naked */\nfunction unitEntry(): void { asm`ebreak`; }\n';

/** Every top-level function is kept, so that tests can call it. */
function unitCompileOptions(
  sources: Readonly<Record<string, string>>,
  entry: string,
  options: UnitOptions,
): CompileOptions {
  const text = sources[entry] ?? diskHost.read(entry) ?? '';
  const named = [...text.matchAll(/\b(?:function|const|let) (\w+)/g)].map((match) => match[1]!);
  const hasMain = named.includes('main');
  return {
    target: 'bare',
    objects: options.objects ?? [],
    optimise: options.optimise ?? true,
    xtwzp: options.xtwzp ?? false,
    root: entry.slice(0, entry.lastIndexOf('/')),
    roots: [...(options.roots ?? []), ...named],
    host: {
      read: (path) => {
        const source = sources[path] ?? diskHost.read(path);
        return path === entry && !hasMain && source !== undefined ? source + ENTRY : source;
      },
    },
  };
}
