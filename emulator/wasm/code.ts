/**
 * Writes the body of one WebAssembly function: its locals and its instructions. Nothing is checked here (the
 * engine validates the module) and nothing is allocated per instruction. Labels are relative depths, as in the
 * format; `depth` counts the blocks that are open, so that a caller can turn an absolute label into a depth.
 */
import { ByteWriter } from './bytes.ts';
import { Op, type ValType, VOID } from './opcodes.ts';

export class CodeWriter extends ByteWriter {
  /** Blocks, loops and ifs that are open. */
  depth = 0;
  /** Types of the locals after the parameters. */
  readonly localTypes: ValType[] = [];
  private parameterCount: number;

  constructor(parameterCount = 0, capacity = 1024) {
    super(capacity);
    this.parameterCount = parameterCount;
  }

  /** Starts a new function with the same buffer. */
  restart(parameterCount: number): void {
    this.reset();
    this.depth = 0;
    this.localTypes.length = 0;
    this.parameterCount = parameterCount;
  }

  /** Declares a local variable and returns its index. */
  local(type: ValType): number {
    return this.parameterCount + this.localTypes.push(type) - 1;
  }

  /** An instruction without immediates. */
  op(op: number): void {
    if (op >= 0xfc00) {
      this.u8(0xfc);
      this.uleb(op & 0xff);
    } else {
      this.u8(op);
    }
  }

  /** A load or store: the address operand plus `offset`; `align` is the log2 of the promised alignment. */
  memory(op: number, offset: number, align = 0): void {
    this.u8(op);
    this.u8(align);
    this.uleb(offset);
  }

  i32Const(value: number): void {
    this.u8(Op.i32Const);
    this.sleb32(value);
  }

  /** A number must be an integer within ±2^53. */
  i64Const(value: number | bigint): void {
    this.u8(Op.i64Const);
    this.sleb64(value);
  }

  f32Const(value: number): void {
    this.u8(Op.f32Const);
    this.f32(value);
  }

  f64Const(value: number): void {
    this.u8(Op.f64Const);
    this.f64(value);
  }

  localGet(index: number): void {
    this.u8(Op.localGet);
    this.uleb(index);
  }

  localSet(index: number): void {
    this.u8(Op.localSet);
    this.uleb(index);
  }

  localTee(index: number): void {
    this.u8(Op.localTee);
    this.uleb(index);
  }

  globalGet(index: number): void {
    this.u8(Op.globalGet);
    this.uleb(index);
  }

  globalSet(index: number): void {
    this.u8(Op.globalSet);
    this.uleb(index);
  }

  /** Opens a block; the result is its label, for `depthOf`. */
  block(type: number = VOID): number {
    this.u8(Op.block);
    this.u8(type);
    return ++this.depth;
  }

  loop(type: number = VOID): number {
    this.u8(Op.loop);
    this.u8(type);
    return ++this.depth;
  }

  if(type: number = VOID): number {
    this.u8(Op.if);
    this.u8(type);
    return ++this.depth;
  }

  else(): void {
    this.u8(Op.else);
  }

  /** Closes the innermost block, loop or if. */
  end(): void {
    this.depth--;
    this.u8(Op.end);
  }

  /** The relative depth, here, of a label that `block`, `loop` or `if` returned; 0 names the function itself. */
  depthOf(label: number): number {
    return this.depth - label;
  }

  /** Branches to a label that `block`, `loop` or `if` returned. */
  br(label: number): void {
    this.u8(Op.br);
    this.uleb(this.depth - label);
  }

  brIf(label: number): void {
    this.u8(Op.brIf);
    this.uleb(this.depth - label);
  }

  /** `labels` and `fallback` as returned by `block`, `loop` or `if`. */
  brTable(labels: ArrayLike<number>, fallback: number): void {
    this.u8(Op.brTable);
    this.uleb(labels.length);
    for (let i = 0; i < labels.length; i++) this.uleb(this.depth - labels[i]!);
    this.uleb(this.depth - fallback);
  }

  call(functionIndex: number): void {
    this.u8(Op.call);
    this.uleb(functionIndex);
  }

  callIndirect(typeIndex: number, table = 0): void {
    this.u8(Op.callIndirect);
    this.uleb(typeIndex);
    this.uleb(table);
  }

  returnCall(functionIndex: number): void {
    this.u8(Op.returnCall);
    this.uleb(functionIndex);
  }

  returnCallIndirect(typeIndex: number, table = 0): void {
    this.u8(Op.returnCallIndirect);
    this.uleb(typeIndex);
    this.uleb(table);
  }

  /** `memory.copy` and `memory.fill` name memory 0. */
  memoryCopy(): void {
    this.op(Op.memoryCopy);
    this.u8(0);
    this.u8(0);
  }

  memoryFill(): void {
    this.op(Op.memoryFill);
    this.u8(0);
  }

  /** Appends the finished function (size, locals, instructions, end) to a code section. */
  finishInto(section: ByteWriter, scratch: ByteWriter): void {
    scratch.reset();
    const types = this.localTypes;
    let groups = 0;
    for (let i = 0; i < types.length; i++) if (i === 0 || types[i] !== types[i - 1]) groups++;
    scratch.uleb(groups);
    for (let i = 0; i < types.length; ) {
      let end = i + 1;
      while (end < types.length && types[end] === types[i]) end++;
      scratch.uleb(end - i);
      scratch.u8(types[i]!);
      i = end;
    }
    section.uleb(scratch.length + this.length + 1);
    section.raw(scratch.bytes());
    section.raw(this.bytes());
    section.u8(Op.end);
  }
}
