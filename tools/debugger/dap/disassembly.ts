/** Instructions around an address, as the protocol asks for them: so many before it, so many after it. */
import { virtualPlace } from '../address-space.ts';
import type { Debugger } from '../debugger.ts';
import { hex, instructionText } from '../describe.ts';
import type { SourceFiles } from '../source.ts';
import type { DisassembledInstruction } from './protocol.ts';

/** How far back the beginning of the code is looked for where no symbol says it. */
const GUESS = 256n;

/**
 * @param skip instructions from `address` to the first one; negative: before it. Lengths vary, so what lies before is read
 *   from the beginning of its function
 */
export function disassembleAround(
  debugged: Debugger,
  sources: SourceFiles,
  address: bigint,
  skip: number,
  count: number,
): DisassembledInstruction[] {
  const before = skip < 0 ? addressesBefore(debugged, address, -skip) : [];
  const list = before.map((at) => one(debugged, sources, at).row);
  let at = address;
  while (list.length < count + Math.max(skip, 0)) {
    const { row, length } = one(debugged, sources, at);
    list.push(row);
    at += BigInt(length);
  }
  return list.slice(Math.max(skip, 0), Math.max(skip, 0) + count);
}

/** The addresses of the last `count` instructions before `address`; where there are fewer, guesses of two bytes each. */
function addressesBefore(debugged: Debugger, address: bigint, count: number): bigint[] {
  const { frame } = debugged;
  const found: bigint[] = [];
  let end = address;
  while (found.length < count) {
    const code = debugged.modules.at(debugged.core, end - 1n, frame.space.view);
    const symbol = code?.program.symbolAt(code.address);
    const start =
      code !== undefined && symbol !== undefined
        ? BigInt.asUintN(64, symbol.address + code.bias)
        : end - GUESS;
    if (start < 0n || start >= end) break;
    const run: bigint[] = [];
    for (let at = start; at < end; at += BigInt(instructionText(debugged, frame.space, at).length))
      run.push(at);
    found.unshift(...run);
    end = start;
    if (symbol === undefined) break;
  }
  const last = found.slice(-count);
  while (last.length < count) last.unshift(BigInt.asUintN(64, (last[0] ?? address) - 2n));
  return last;
}

function one(
  debugged: Debugger,
  sources: SourceFiles,
  at: bigint,
): { readonly row: DisassembledInstruction; readonly length: number } {
  const { frame } = debugged;
  const { text, length } = instructionText(debugged, frame.space, at);
  const bytes = frame.space.read(virtualPlace(at), length);
  const code = debugged.modules.at(debugged.core, at, frame.space.view);
  const line = code?.program.lineAt(code.address);
  const path = line && sources.path(line.file);
  const name = debugged.describe(at);
  return {
    length,
    row: {
      address: hex(at),
      instructionBytes: Buffer.from(bytes).toString('hex'),
      instruction: text,
      ...(name !== undefined && { symbol: name }),
      ...(line && path !== undefined && { location: { name: line.file, path }, line: line.line }),
    },
  };
}
