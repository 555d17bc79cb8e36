/**
 * A GDB stub for the whole machine: harts are threads, breakpoints and watchpoints are the machine's own, the run goes
 * forwards and backwards (time-travel.ts). It is a function from packets to replies; gdb-server.ts is the socket.
 *
 * Reading memory or registers has no effect on the guest. Addresses are virtual, as the current hart sees them.
 */

import { UserError } from '../../emulator/errors.ts';
import type { StopReason } from '../../emulator/machine/config.ts';
import type { Core } from '../../emulator/machine/core.ts';
import { virtualPlace } from './address-space.ts';
import type { Debugger } from './debugger.ts';
import { writeMemory, writeRegister } from './edit.ts';
import { runMonitor } from './gdb-monitor.ts';
import { fromHex, hexToValue, toHex, valueToHex } from './gdb-packets.ts';
import { PC, readRegister, registerName, targetDescription } from './gdb-registers.ts';
import type { TimeTravel } from './time-travel.ts';

/** Longest packet, in bytes. */
const PACKET_SIZE = 0x4000;
const SIGINT = 2;
const SIGTRAP = 5;

/** A request to run: what the server does next. */
export interface RunRequest {
  readonly direction: 'forwards' | 'backwards';
  readonly step: boolean;
}

export type Reply = string | RunRequest | { readonly kind: 'detach' | 'kill'; readonly reply: string };

interface Watch {
  readonly type: string;
  readonly address: bigint;
  readonly length: number;
}

export class GdbStub {
  private current = 0;
  private readonly breakpoints = new Set<bigint>();
  private readonly watchpoints: Watch[] = [];
  private lastStop = `S0${SIGTRAP}`;
  private readonly time: TimeTravel;

  constructor(private readonly debugged: Debugger) {
    this.time = debugged.time;
  }

  private get machine() {
    return this.debugged.machine;
  }

  /** Takes back what stops the guest: GDB has gone. */
  release(): void {
    this.machine.setBreakpoints([]);
    this.machine.setWatchpoints([]);
  }

  private get core(): Core {
    return this.machine.cores[this.current]!;
  }

  /** Answers a packet. */
  handle(packet: string): Reply {
    switch (packet[0]) {
      case '?':
        return this.lastStop;
      case 'g':
        return Array.from({ length: PC + 1 }, (_, i) => this.register(i)).join('');
      case 'G':
        for (let i = 0; i <= PC && packet.length >= 1 + 16 * (i + 1); i++) {
          this.setRegister(i, hexToValue(packet.slice(1 + 16 * i, 17 + 16 * i)));
        }
        return 'OK';
      case 'p':
        return this.register(Number.parseInt(packet.slice(1), 16)) || 'E01';
      case 'P': {
        const [number, value] = packet.slice(1).split('=');
        return this.setRegister(Number.parseInt(number!, 16), hexToValue(value!)) ? 'OK' : 'E01';
      }
      case 'm':
        return this.readMemory(packet.slice(1));
      case 'M':
        return this.writeMemory(packet.slice(1));
      case 'H':
        return this.select(packet.slice(2));
      case 'T':
        return Number.parseInt(packet.slice(1), 16) <= this.machine.cores.length ? 'OK' : 'E01';
      case 'c':
        return { direction: 'forwards', step: false };
      case 's':
        return { direction: 'forwards', step: true };
      case 'b':
        if (packet === 'bs') return { direction: 'backwards', step: true };
        return packet === 'bc' ? { direction: 'backwards', step: false } : '';
      case 'v':
        return this.verbose(packet);
      case 'Z':
      case 'z':
        return this.breakpoint(packet[0] === 'Z', packet.slice(1));
      case 'D':
        return { kind: 'detach', reply: 'OK' };
      case 'k':
        return { kind: 'kill', reply: '' };
      case 'q':
      case 'Q':
        return this.query(packet);
    }
    return '';
  }

  private register(number: number): string {
    const found = readRegister(this.machine, this.core, number);
    return found ? valueToHex(found.value, found.bytes) : '';
  }

  /** Edits are a part of the past that the run goes through again. */
  private setRegister(number: number, value: bigint): boolean {
    if (number === 0) return true;
    const name = registerName(this.machine, number);
    if (name === undefined) return false;
    this.look();
    writeRegister(this.debugged, name, value);
    return true;
  }

  /** Lets the debugger's core look at the hart that GDB looks at. */
  private look(): void {
    this.debugged.selectHart(this.current);
  }

  private select(id: string): string {
    const number = Number.parseInt(id, 16);
    if (number > this.machine.cores.length) return 'E01';
    if (number > 0) this.current = number - 1;
    return 'OK';
  }

  private readMemory(args: string): string {
    const [address, length] = args.split(',').map((part) => BigInt(`0x${part}`)) as [bigint, bigint];
    const bytes = this.machine.peekVirtual(this.core, address, Math.min(Number(length), PACKET_SIZE / 2));
    return bytes.length > 0 ? toHex(bytes) : 'E0e';
  }

  private writeMemory(args: string): string {
    const [place, data] = args.split(':');
    const [address, length] = place!.split(',').map((part) => BigInt(`0x${part}`)) as [bigint, bigint];
    const bytes = fromHex(data!);
    if (BigInt(bytes.length) !== length) return 'E01';
    this.look();
    try {
      writeMemory(this.debugged, virtualPlace(address), bytes);
    } catch (error) {
      if (error instanceof UserError) return 'E0e';
      throw error;
    }
    return 'OK';
  }

  private verbose(packet: string): Reply {
    if (packet === 'vCont?') return 'vCont;c;C;s;S';
    if (!packet.startsWith('vCont;')) return '';
    // One action for the thread that steps, perhaps another for the rest; the machine moves as a whole.
    for (const action of packet.slice(6).split(';')) {
      const [what, thread] = action.split(':');
      if (what![0] !== 's' && what![0] !== 'S') continue;
      if (thread !== undefined) this.select(thread);
      return { direction: 'forwards', step: true };
    }
    return { direction: 'forwards', step: false };
  }

  private breakpoint(insert: boolean, args: string): string {
    const [type, address, kind] = args.split(',');
    const at = BigInt(`0x${address}`);
    if (type === '0' || type === '1') {
      if (insert) this.breakpoints.add(at);
      else this.breakpoints.delete(at);
      this.machine.setBreakpoints(this.breakpoints);
      return 'OK';
    }
    if (type !== '2' && type !== '3' && type !== '4') return '';
    const watch = { type, address: at, length: Number.parseInt(kind!, 16) };
    const index = this.watchpoints.findIndex(
      (w) => w.type === type && w.address === at && w.length === watch.length,
    );
    if (insert && index < 0) this.watchpoints.push(watch);
    else if (!insert && index >= 0) this.watchpoints.splice(index, 1);
    this.machine.setWatchpoints(
      this.watchpoints.map((w) => ({
        address: w.address,
        length: w.length,
        loads: w.type !== '2',
        stores: w.type !== '3',
      })),
    );
    return 'OK';
  }

  private query(packet: string): Reply {
    if (packet.startsWith('qSupported')) {
      return [
        `PacketSize=${PACKET_SIZE.toString(16)}`,
        'QStartNoAckMode+;qXfer:features:read+;qXfer:memory-map:read+;vContSupported+',
        'swbreak+;hwbreak+;ReverseStep+;ReverseContinue+',
      ].join(';');
    }
    if (packet === 'QStartNoAckMode') return 'OK';
    if (packet === 'qAttached') return '1';
    if (packet === 'qC') return `QC${(this.current + 1).toString(16)}`;
    if (packet === 'qfThreadInfo')
      return `m${this.machine.cores.map((_, i) => (i + 1).toString(16)).join(',')}`;
    if (packet === 'qsThreadInfo') return 'l';
    if (packet.startsWith('qThreadExtraInfo,')) {
      const { hart } = this.machine.cores[Number.parseInt(packet.slice(17), 16) - 1] ?? this.core;
      return toHex(
        new TextEncoder().encode(`hart ${hart.index}, ${['U', 'S', '', 'M'][hart.privilege]}-mode`),
      );
    }
    if (packet.startsWith('qXfer:features:read:target.xml:')) {
      return part(targetDescription(this.machine), packet.slice(31));
    }
    if (packet.startsWith('qXfer:memory-map:read::')) return part(this.memoryMap(), packet.slice(23));
    if (packet.startsWith('qRcmd,')) {
      const line = new TextDecoder().decode(fromHex(packet.slice(6)));
      return toHex(new TextEncoder().encode(`${this.monitor(line)}\n`));
    }
    return '';
  }

  private monitor(line: string): string {
    this.look();
    return runMonitor(this.debugged, line);
  }

  private memoryMap(): string {
    const regions = this.machine.memory.regions.map(
      ({ base, size }) =>
        `<memory type="ram" start="0x${base.toString(16)}" length="0x${size.toString(16)}"/>`,
    );
    const high = 'ffff800000000000';
    // Virtual addresses are anything; GDB must not refuse to read what it does not find in the map.
    return [
      '<?xml version="1.0"?><!DOCTYPE memory-map PUBLIC "+//IDN gnu.org//DTD GDB Memory Map V1.0//EN" "http://sourceware.org/gdb/gdb-memory-map.dtd"><memory-map>',
      regions.length > 0 ? `<memory type="ram" start="0x0" length="0x${high}"/>` : '',
      `<memory type="ram" start="0x${high}" length="0x7fffffffffff"/>`,
      '</memory-map>',
    ].join('');
  }

  /** Performs a run request for up to `limit` instructions. Undefined: it goes on. */
  run(request: RunRequest, limit: number): string | undefined {
    if (request.direction === 'backwards') return this.runBackwards(request.step);
    if (request.step) return this.stopped(this.time.step());
    const atBreakpoint =
      this.breakpoints.size > 0 && this.machine.cores.some(({ hart }) => this.breakpoints.has(hart.pc));
    if (atBreakpoint && this.resuming) {
      const reason = this.time.step();
      this.resuming = false;
      if (reason.kind !== 'budget') return this.stopped(reason);
    }
    this.resuming = false;
    const reason = this.time.run(limit);
    return reason.kind === 'budget' ? undefined : this.stopped(reason);
  }

  /** The first instruction after `continue` is executed even if a breakpoint is at it. */
  private resuming = false;
  begin(): void {
    this.resuming = true;
  }

  private runBackwards(step: boolean): string {
    if (step) return this.time.stepBack() ? this.stop('') : this.stop('replaylog:begin;');
    const reason = this.time.runBack();
    return reason ? this.stopped(reason) : this.stop('replaylog:begin;');
  }

  /** GDB's interrupt. */
  interrupted(): string {
    this.lastStop = `T0${SIGINT}thread:${(this.current + 1).toString(16)};`;
    return this.lastStop;
  }

  private stop(why: string): string {
    this.lastStop = `T0${SIGTRAP}${why}thread:${(this.current + 1).toString(16)};`;
    return this.lastStop;
  }

  private stopped(reason: StopReason): string {
    switch (reason.kind) {
      case 'breakpoint':
        this.current = reason.hart;
        return this.stop('swbreak:;');
      case 'watchpoint': {
        this.current = reason.hart;
        const hit = this.watchpoints.find(
          (w) => reason.address < w.address + BigInt(w.length) && w.address < reason.address + 8n,
        );
        const name = hit?.type === '3' ? 'rwatch' : hit?.type === '4' ? 'awatch' : 'watch';
        return this.stop(`${name}:${(hit?.address ?? reason.address).toString(16)};`);
      }
      case 'exit':
        this.lastStop = `W${(reason.code & 0xff).toString(16).padStart(2, '0')}`;
        return this.lastStop;
      default:
        return this.stop('');
    }
  }
}

/** The part of a document that `offset,length` asks for: `m` when more follows, `l` when it is the last. */
function part(document: string, range: string): string {
  const [offset, length] = range.split(',').map((text) => Number.parseInt(text, 16)) as [number, number];
  const piece = document.slice(offset, offset + length);
  return (offset + piece.length < document.length ? 'm' : 'l') + piece;
}
