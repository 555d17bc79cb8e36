/**
 * Where a program begins: at offset 0x1000 of the object in slot 0, with a stack. Calls the program's `main`, sends on what is
 * left of its output, and ends the thread with its result.
 */
import { STREAM_PIPE } from '../abi/program.ts';
import { SYS_THREAD_CONTROL, THREAD_EXIT } from '../abi/syscall.ts';
import { flush, programArguments, writeConsole } from './io.ts';
import { dataOf, openObject } from './object.ts';
import { ByteStream } from './stream.ts';
import { syscall } from './syscall.ts';

/**
 * @naked
 * @used
 * @export _start
 * @section .text.start
 */
function start(): void {
  asm`
    call main
    j __exit`;
}

/**
 * Ends the program's first thread.
 * @export __exit
 */
export function exit(code: u64): never {
  flush();
  const output = programArguments().output;
  if (output.kind === STREAM_PIPE) at<ByteStream>(dataOf(openObject(output.id))).close();
  syscall(SYS_THREAD_CONTROL, THREAD_EXIT, code, 0, 0, 0);
  unreachable();
}

/** Where the compiler says that a check failed. */
class SourceLocation {
  readonly file: str;
  line: u32;
  column: u32;
}

function show(text: str): void {
  writeConsole(text.ptr.address, text.length);
}

function showNumber(value: u64): void {
  const digits = stack<FixedArray<u8, 20>>();
  let length: u64 = 0;
  let rest = value;
  do {
    length++;
    digits[20 - length] = u8('0') + u8(rest % 10);
    rest /= 10;
  } while (rest !== 0);
  writeConsole(addressOf(digits) + 20 - length, length);
}

function showPlace(location: SourceLocation): void {
  flush();
  show('panic at ');
  show(location.file);
  show(':');
  showNumber(u64(location.line));
  show(': ');
}

/** Exit code of a program that panicked. */
const EXIT_PANIC = 134;

/** @export */
function __panic(message: str, location: SourceLocation): never {
  showPlace(location);
  show(message);
  show('\n');
  syscall(SYS_THREAD_CONTROL, THREAD_EXIT, EXIT_PANIC, 0, 0, 0);
  unreachable();
}

/** @export */
function __panic_bounds(index: u64, length: u64, location: SourceLocation): never {
  showPlace(location);
  show('index ');
  showNumber(index);
  show(' is out of bounds (length ');
  showNumber(length);
  show(')\n');
  syscall(SYS_THREAD_CONTROL, THREAD_EXIT, EXIT_PANIC, 0, 0, 0);
  unreachable();
}
