/** States of a session in words, on few lines: why it stopped, where it stands, frames, registers, memory, code. */

import { CACHE_BLOCK_SIZE } from '../../emulator/addresses.ts';
import { CAUSE_NAMES, PRIVILEGE_LETTER } from '../../emulator/cpu/causes.ts';
import { disassemble } from '../../emulator/cpu/isa/disassembler.ts';
import { X_NAMES } from '../../emulator/cpu/isa/registers.ts';
import { blockStart } from '../../emulator/nvdimm/dpa.ts';
import { AddressSpace, type MemoryPlace, toNumber, virtualPlace } from './address-space.ts';
import type { Frame } from './backtrace.ts';
import type { Debugger, Stop } from './debugger.ts';
import { idText } from './object-space.ts';
import type { Hit } from './observer.ts';
import type { SourceFiles } from './source.ts';
import { placeText } from './values.ts';

export const hex = (value: bigint | number, digits = 0): string =>
  `0x${value.toString(16).padStart(digits, '0')}`;

/** The name of a system call by its number, from the guest's own constants. */
export function systemCallName(debugged: Debugger, number: bigint): string {
  const name = debugged.layouts?.named('SYS_').get(number);
  return name === undefined ? `system call ${number}` : name.toLowerCase();
}

/** A frame: `#1 find (node=0x…) at rbtree.ts:60`. */
export function frameText(debugged: Debugger, frame: Frame): string {
  const where = frame.source ? ` at ${frame.source.file}:${frame.source.line}` : '';
  const pc = frame.kind === 'inlined' ? '' : ` ${hex(frame.pc)}`;
  const program = frame.code && debugged.modules.all.length > 1 ? `${frame.code.program.name}!` : '';
  const trap = frame.trap === undefined ? '' : ` <${frame.trap}>`;
  const inlined = frame.kind === 'inlined' ? ' [inlined]' : '';
  return `#${frame.level}${trap}${pc} ${program}${frame.name}${inlined}${where}`;
}

/** Why the guest stands where it stands: one line for each reason. */
export function stopReasons(debugged: Debugger, { end }: Stop): string[] {
  switch (end.kind) {
    case 'there':
    case 'limit':
      return [];
    case 'interrupted':
      return ['interrupted'];
    case 'beginning':
      return ['the beginning of time'];
    case 'end':
      switch (end.reason.kind) {
        case 'exit':
          return [
            `the end of time: the guest switched the machine off (${end.reason.by}, code ${end.reason.code})`,
          ];
        case 'idle':
          return ['the guest waits for input: nothing else can wake it'];
        case 'stuck':
          return [`the end of time: hart ${end.reason.hart} traps for ever (exception ${end.reason.cause})`];
        default:
          return [`the end of time: ${end.reason.kind}`];
      }
    case 'point': {
      const lines: string[] = [];
      for (const point of end.points) {
        const hits = end.hits.filter(({ id }) => id === point.id);
        if (end.reason.kind === 'trap') lines.push(`stop ${point.id}: ${trapText(debugged, end.reason)}`);
        else if (hits.length === 0) lines.push(`stop ${point.id}: ${point.text}`);
        for (const hit of hits.slice(0, 4))
          lines.push(`stop ${point.id}: ${hitText(debugged, hit, point.text)}`);
      }
      return lines;
    }
  }
}

function trapText(debugged: Debugger, reason: { cause: number; interrupt: boolean; hart: number }): string {
  if (reason.interrupt) return `interrupt ${reason.cause}`;
  const name = CAUSE_NAMES[reason.cause] ?? `exception ${reason.cause}`;
  if (reason.cause !== 8) return name;
  const { hart } = debugged.machine.cores[reason.hart]!;
  const args = [10, 11, 12, 13].map((i) => hex(hart.getX(i))).join(', ');
  return `system call ${systemCallName(debugged, hart.getX(17))}(${args}, …)`;
}

function hitText(debugged: Debugger, hit: Hit, text: string): string {
  if (hit.kind === 'line') {
    const { region } = debugged.computer.nvdimm!;
    const pa = region.base + blockStart(hit.block);
    return `${hit.from} → ${hit.to}: ${text}, line ${hex(hit.block)} (physical ${hex(pa)})`;
  }
  if (hit.kind === 'csr') return `${text}: ${hex(hit.from)} → ${hex(hit.to)}`;
  if (hit.access === 'load') return `${text} was read`;
  const now = debugged.machine.memory.readBytes(hit.pa - (hit.pa % 8), 8);
  const size = Math.min(hit.old.length, 8);
  const old = toNumber(hit.old.subarray(0, size));
  const wholeNow = size <= 8 ? toNumber(now.subarray(hit.pa % 8, Math.min((hit.pa % 8) + size, 8))) : 0n;
  return `${text}: ${hex(old)} → ${hex(wholeNow)}`;
}

/** Why and where it stands, with the source line or the instruction. */
export function stopText(debugged: Debugger, stop: Stop, sources: SourceFiles): string[] {
  const lines = stopReasons(debugged, stop);
  const { frame } = debugged;
  lines.push(
    `[${stop.at}] ${debugged.machine.cores.length > 1 ? `hart ${stop.hart} ` : ''}${frameText(debugged, frame).replace(/^#0 /, '')}`,
  );
  const text = frame.source && sources.lines(frame.source.file)?.[frame.source.line - 1];
  if (frame.source && text !== undefined) lines.push(`${String(frame.source.line).padStart(5)}  ${text}`);
  else lines.push(`       ${instructionText(debugged, frame.space, frame.pc).text}`);
  return lines;
}

/** One instruction, with its length. */
export function instructionText(
  debugged: Debugger,
  space: AddressSpace,
  pc: bigint,
): { readonly text: string; readonly length: number } {
  const bytes = space.read(virtualPlace(pc), 4);
  if (bytes.length < 2) return { text: '<nothing is mapped here>', length: 2 };
  const isShort = (bytes[0]! & 3) !== 3;
  const word = Number(toNumber(bytes.subarray(0, isShort ? 2 : 4)));
  const text = disassemble(word, pc, { symbol: (address) => debugged.describe(address, space) });
  return { text: text.replace('\t', ' '), length: isShort ? 2 : 4 };
}

/** A piece of code: address, instruction, and what is at its beginning. */
export function codeLines(debugged: Debugger, space: AddressSpace, start: bigint, count: number): string[] {
  const lines: string[] = [];
  let at = start;
  for (let i = 0; i < count; i++) {
    const { text, length } = instructionText(debugged, space, at);
    const mark = at === debugged.frame.pc ? '=>' : '  ';
    lines.push(`${mark} ${hex(at)} <${debugged.describe(at, space) ?? '?'}>: ${text}`);
    at += BigInt(length);
  }
  return lines;
}

/** Integer registers, four to a line. */
export function registerLines({ registers, pc }: Frame): string[] {
  const lines = [`pc   ${hex(pc, 16)}`];
  for (let row = 0; row < 8; row++) {
    const cells = [0, 1, 2, 3].map((column) => {
      const i = row + 8 * column;
      const value = registers[i];
      return `${X_NAMES[i]!.padEnd(4)} ${value === undefined ? '?'.padEnd(18) : hex(value, 16)}`;
    });
    lines.push(cells.join('  '));
  }
  return lines;
}

/** Memory in hexadecimal and as text, 16 bytes to a line. */
export function memoryLines(
  space: AddressSpace,
  place: MemoryPlace,
  length: number,
  perLine: 8 | 16 = 16,
): string[] {
  const lines: string[] = [];
  for (let done = 0; done < length; done += perLine) {
    const at = AddressSpace.offset(place, done);
    const bytes = space.read(at, Math.min(perLine, length - done));
    const cells = Array.from({ length: perLine }, (_, i) => {
      const byte = bytes[i];
      return byte === undefined ? (done + i < length ? '??' : '  ') : byte.toString(16).padStart(2, '0');
    });
    const text = [...bytes]
      .map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.'))
      .join('');
    const name = at.kind === 'virtual' ? hex(at.address, 12) : placeText(at);
    const halves = [cells.slice(0, 8), cells.slice(8)].filter((half) => half.length > 0);
    lines.push(`${name}  ${halves.map((half) => half.join(' ')).join('  ')}  ${text}`);
  }
  return lines;
}

/** Harts and where they are. */
export function hartLines(debugged: Debugger): string[] {
  return debugged.machine.cores.map(({ hart }, i) => {
    const mark = i === debugged.core.hart.index ? '*' : ' ';
    const place = debugged.describe(hart.pc) ?? '';
    const waits = hart.runState === 0 ? '' : ' waits';
    return `${mark} hart ${i}  ${PRIVILEGE_LETTER[hart.privilege]}  ${hex(hart.pc)} ${place}${waits}`;
  });
}

/** Threads of the guest. */
export function threadLines(debugged: Debugger): string[] {
  return debugged.threads.list().map((thread) => {
    const pc = thread.saved[0] ?? 0n;
    const hart = thread.hart === undefined ? '' : ` on hart ${thread.hart}`;
    return `  thread ${thread.number}  ${thread.state}${hart}  pc ${hex(pc)}  ${idText(thread.representation).slice(0, 8)}`;
  });
}

export const LINE_BYTES = CACHE_BLOCK_SIZE;
