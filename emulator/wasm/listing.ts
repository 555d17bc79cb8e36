/** WebAssembly instructions as text, one per line, for people who look at generated code. Not a validator. */
import { Op, VOID } from './opcodes.ts';

/** `i64Load32U` → `i64.load32_u`: the text format's names from those of `Op`. */
function textName(key: string): string {
  const words = key.replace(/([A-Z])/g, '_$1').toLowerCase();
  const plain = words.replace(/^(i32|i64|f32|f64|local|global|memory)_/, '$1.');
  return plain.replace(/_(f|i)_?(32|64)/g, '_$1$2');
}

const names = new Map<number, string>(Object.entries(Op).map(([key, op]) => [op, textName(key)]));

/** An instruction: where it begins, and its text, indented by the blocks that are open. */
export interface ListedInstruction {
  readonly offset: number;
  readonly text: string;
}

class Reader {
  at = 0;
  private readonly view: DataView;

  constructor(readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  u8(): number {
    return this.bytes[this.at++]!;
  }
  /** LEB128, signed or not, as text. */
  leb(signed: boolean): string {
    let value = 0n;
    let shift = 0n;
    let byte: number;
    do {
      byte = this.u8();
      value |= BigInt(byte & 0x7f) << shift;
      shift += 7n;
    } while (byte & 0x80);
    return String(signed ? BigInt.asIntN(Number(shift), value) : value);
  }
  float(size: 4 | 8): string {
    const value = size === 4 ? this.view.getFloat32(this.at, true) : this.view.getFloat64(this.at, true);
    this.at += size;
    return String(value);
  }
}

/** Lists the instructions of a function body (as `CodeWriter.bytes` gives them). */
export function listCode(bytes: Uint8Array): ListedInstruction[] {
  const reader = new Reader(bytes);
  const result: ListedInstruction[] = [];
  let depth = 0;
  while (reader.at < bytes.length) {
    const offset = reader.at;
    let op = reader.u8();
    if (op === 0xfc) op = 0xfc00 | reader.u8();
    const name = names.get(op) ?? `0x${op.toString(16)}`;
    if (op === Op.end || op === Op.else) depth--;
    const indent = '  '.repeat(Math.max(0, depth));
    if (op === Op.else) depth++;
    const operands = readOperands(reader, op);
    if (op === Op.block || op === Op.loop || op === Op.if) depth++;
    result.push({ offset, text: `${indent}${[name, ...operands].join(' ')}` });
  }
  return result;
}

function readOperands(reader: Reader, op: number): string[] {
  if (op >= Op.i32Load && op <= Op.i64Store32) {
    reader.leb(false);
    return [`offset=${reader.leb(false)}`];
  }
  switch (op) {
    case Op.block:
    case Op.loop:
    case Op.if:
      return reader.u8() === VOID ? [] : ['(result)'];
    case Op.br:
    case Op.brIf:
    case Op.call:
    case Op.localGet:
    case Op.localSet:
    case Op.localTee:
    case Op.globalGet:
    case Op.globalSet:
    case Op.returnCall:
    case Op.memoryFill:
      return [reader.leb(false)];
    case Op.callIndirect:
    case Op.returnCallIndirect:
    case Op.memoryCopy:
      return [reader.leb(false), reader.leb(false)];
    case Op.brTable:
      return Array.from({ length: Number(reader.leb(false)) + 1 }, () => reader.leb(false));
    case Op.i32Const:
    case Op.i64Const:
      return [reader.leb(true)];
    case Op.f32Const:
      return [reader.float(4)];
    case Op.f64Const:
      return [reader.float(8)];
    default:
      return [];
  }
}
