/**
 * The end of the kernel by its own decision: says what, where and on whose behalf, with a backtrace, and stops the machine as failed, upon
 * which `licorice boot` saves its state for the debugger. Compiled checks (bounds, asserts) end here too.
 */
import { systemReset } from './arch.ts';
import { kernelSymbols, symbolsAt } from './archive.ts';
import { consolePrint, printHex, printNumber } from './console.ts';
import { objectAt, offsetAt } from './fault.ts';
import { thisHart } from './schedule.ts';
import { CodePlace, findCaller, printSymbol } from './symbols.ts';

/** Where the compiler says that a check failed. */
class SourceLocation {
  readonly file: str;
  line: u32;
  column: u32;
}

const MAX_CALLERS = 24;
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

/** Is the instruction before `address` a call? */
function followsCall(address: usize): bool {
  const word = u64(load<u16>(address - 4)) | (u64(load<u16>(address - 2)) << 16);
  // jal ra and jalr ra; c.jalr, whose register is not 0.
  if ((word & 0xfff) === 0x0ef || (word & 0x7fff) === 0x00e7) return true;
  return ((word >> 16) & 0xf07f) === 0x9002 && ((word >> 23) & 31) !== 0;
}

/** Without names there are no frames either: prints where the words on the stack point that are behind a call: callers, and some that returned. */
function scanStack(from: usize, end: usize): void {
  const low = symbolAddress('__text_start');
  const high = symbolAddress('__text_end');
  let shown = 0;
  for (let sp = from; sp < end && shown < MAX_CALLERS; sp += 8) {
    const value = load<u64>(sp);
    if (value < low + 4 || value >= high || !followsCall(value)) continue;
    consolePrint('  from ');
    printHex(value, 16);
    consolePrint('\n');
    shown++;
  }
}

/** Prints the callers, and whom the kernel worked for. */
function backtrace(): void {
  const end = thisHart().stack;
  const place = stack<CodePlace>();
  place.pc = asm<usize>`auipc ${result}, 0`;
  place.sp = asm<usize>`mv ${result}, sp`;
  const table = kernelSymbols();
  if (table === null) scanStack(place.sp, end);
  else {
    for (let i = 0; i < MAX_CALLERS && findCaller(table, place, end); i++) {
      if (place.pc < symbolAddress('__text_start') || place.pc >= symbolAddress('__text_end')) break;
      // The call is what is wanted, not what comes behind it.
      place.pc -= 1;
      consolePrint('  from');
      printSymbol(table, place.pc);
      consolePrint('\n');
    }
  }
  const thread = thisHart().current;
  if (thread === null) return;
  consolePrint('  for thread ');
  printNumber(thread.number);
  const pc = thread.registers[0];
  const code = objectAt(thread, pc);
  const names = code === null ? null : symbolsAt(code, offsetAt(pc));
  consolePrint(' at');
  if (names !== null) printSymbol(names, offsetAt(pc));
  consolePrint(' 0x');
  printHex(pc, 0);
  consolePrint('\n');
}
