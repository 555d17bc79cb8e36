/**
 * The end of the kernel by its own decision: says what and where, with a backtrace of return addresses that
 * `licorice` and the debugger turn into names, and stops the machine. Compiled checks (bounds, asserts) end here too.
 */
import { systemReset } from './arch.ts';
import { consolePrint, printHex, printNumber } from './console.ts';

/** Where the compiler says that a check failed. */
class SourceLocation {
  readonly file: str;
  line: u32;
  column: u32;
}

let panicking = false;

function beginPanic(location: SourceLocation): void {
  // A panic while panicking says no more.
  if (panicking) systemReset(0, 1);
  panicking = true;
  consolePrint('\nkernel panic at ');
  consolePrint(location.file);
  consolePrint(':');
  printNumber(u64(location.line));
  consolePrint(': ');
}

/** @export */
function __panic(message: str, location: SourceLocation): never {
  beginPanic(location);
  consolePrint(message);
  consolePrint('\n');
  backtrace();
  systemReset(0, 1);
}

/** @export */
function __panic_bounds(index: u64, length: u64, location: SourceLocation): never {
  beginPanic(location);
  consolePrint('index ');
  printNumber(index);
  consolePrint(' is out of bounds (length ');
  printNumber(length);
  consolePrint(')\n');
  backtrace();
  systemReset(0, 1);
}

/** Prints the words on the stack that point into the kernel's code: the callers, and perhaps a few that returned. */
function backtrace(): void {
  let sp = asm<usize>`mv ${result}, sp`;
  const end = (sp | 0x7fff) + 1;
  const low = symbolAddress('__text_start');
  const high = symbolAddress('__text_end');
  for (let shown = 0; sp < end && shown < 24; sp += 8) {
    const value = load<u64>(sp);
    if (value < low || value >= high) continue;
    consolePrint('  from ');
    printHex(value, 16);
    consolePrint('\n');
    shown++;
  }
}
