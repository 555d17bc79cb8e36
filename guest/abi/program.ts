/**
 * What a program finds when it starts: its arguments and streams, in the object of its stack slot from OBJ_NULLPAGE on, below the
 * stack. The parent (libtwz/program.ts) writes it.
 */
import { ObjectId } from './object.ts';

export const ARGUMENTS_MAGIC = 0x5347_5241;
export const MAX_ARGUMENTS = 64;
/** Where the stack of a program's first thread begins: it grows down from here. */
export const STACK_TOP = 0x100_0000;
/** Bytes of argument text. */
export const ARGUMENT_TEXT = 16384;

/** A stream of a program: the console, or an object that holds a `ByteStream` or text. */
export class StreamTarget {
  /** STREAM_CONSOLE, STREAM_PIPE, STREAM_TEXT. */
  kind: u64;
  readonly id: Inline<ObjectId>;
}

export const STREAM_CONSOLE = 0;
export const STREAM_PIPE = 1;
/** A text object, read from or appended to. */
export const STREAM_TEXT = 2;

export class ProgramArguments {
  magic: u32;
  count: u32;
  readonly input: Inline<StreamTarget>;
  readonly output: Inline<StreamTarget>;
  /** The directory that names without a slash are looked up in. */
  readonly directory: Inline<ObjectId>;
  /** Root of the names; 0: as the kernel says. */
  readonly root: Inline<ObjectId>;
  /** Offset in `text` and length of each argument; argument 0 is the program's name. */
  readonly offsets: FixedArray<u32, 64>;
  readonly lengths: FixedArray<u32, 64>;
  readonly text: FixedArray<u8, 16384>;
}
