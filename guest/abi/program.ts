/**
 * What a program finds when it starts: its arguments and streams, in the object of its stack slot from OBJ_NULLPAGE on, below the
 * stack. The parent (libtwz/program.ts) writes it.
 */
import { ObjectId } from './object.ts';

export const ARGUMENTS_MAGIC = 0x5347_5241;
export const MAX_ARGUMENTS = 256;
/** Where the stack of a program's first thread begins: it grows down from here. */
export const STACK_TOP = 0x100_0000;
/** Bytes of argument text. */
export const ARGUMENT_TEXT = 16384;

/** A stream of a program: the console, an object that holds a `ByteStream` or text, or nothing. */
export class StreamTarget {
  /** A STREAM_ constant. */
  kind: u64;
  readonly id: Inline<ObjectId>;
}

export const STREAM_CONSOLE = 0;
export const STREAM_PIPE = 1;
/** A text object, read from or appended to. */
export const STREAM_TEXT = 2;
/** An input that has ended, as a program in the background has it; an output that nobody sees. */
export const STREAM_EMPTY = 3;

export class ProgramArguments {
  magic: u32;
  count: u32;
  readonly input: Inline<StreamTarget>;
  readonly output: Inline<StreamTarget>;
  /** 1: the pipe at the input (at the output) ends with this program; 0: the program shares it with its parent. */
  closesInput: u64;
  closesOutput: u64;
  /** The directory that names without a slash are looked up in. */
  readonly directory: Inline<ObjectId>;
  /** Root of the names; 0: as the kernel says. */
  readonly root: Inline<ObjectId>;
  /** The user's own namespace: history and transaction logs are kept there; 0: the root. */
  readonly home: Inline<ObjectId>;
  /** The keyring (guest/abi/security.ts) whose owner new objects belong to; 0: they belong to everybody. */
  readonly keyring: Inline<ObjectId>;
  /** Offset in `text` and length of each argument; argument 0 is the program's name. */
  readonly offsets: FixedArray<u32, 256>;
  readonly lengths: FixedArray<u32, 256>;
  readonly text: FixedArray<u8, 16384>;
}
