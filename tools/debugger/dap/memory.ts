/** Memory and code as an editor asks for them: by a reference, which is an address or an expression, and an offset. */
import { virtualPlace } from '../address-space.ts';
import type { Debugger } from '../debugger.ts';
import { hex } from '../describe.ts';
import { writeMemory } from '../edit.ts';
import { asNumber } from '../evaluate.ts';
import type { SourceFiles } from '../source.ts';
import { disassembleAround } from './disassembly.ts';
import { type JsonObject, numberOf, textOf } from './messages.ts';
import type { ResponseBodies } from './protocol.ts';

/** Bytes that one `readMemory` gives at most. */
const MOST_BYTES = 1 << 20;

function address(debugged: Debugger, args: JsonObject): bigint {
  const reference = textOf(args, 'memoryReference') ?? '';
  const base = /^0x[0-9a-f]+$/i.test(reference) ? BigInt(reference) : asNumber(debugged.evaluate(reference));
  return BigInt.asUintN(64, base + BigInt(numberOf(args, 'offset') ?? 0));
}

export function answerReadMemory(debugged: Debugger, args: JsonObject): ResponseBodies['readMemory'] {
  const start = address(debugged, args);
  const count = Math.min(numberOf(args, 'count') ?? 0, MOST_BYTES);
  const bytes = debugged.frame.space.read(virtualPlace(start), count);
  return {
    address: hex(start),
    data: Buffer.from(bytes).toString('base64'),
    ...(bytes.length < count && { unreadableBytes: count - bytes.length }),
  };
}

export function answerWriteMemory(debugged: Debugger, args: JsonObject): ResponseBodies['writeMemory'] {
  const bytes = Buffer.from(textOf(args, 'data') ?? '', 'base64');
  writeMemory(debugged, virtualPlace(address(debugged, args)), bytes);
  return { bytesWritten: bytes.length };
}

export function answerDisassemble(
  debugged: Debugger,
  sources: SourceFiles,
  args: JsonObject,
): ResponseBodies['disassemble'] {
  const skip = numberOf(args, 'instructionOffset') ?? 0;
  const count = numberOf(args, 'instructionCount') ?? 1;
  return { instructions: disassembleAround(debugged, sources, address(debugged, args), skip, count) };
}
