/**
 * Where a program begins: at offset 0x1000 of the object in slot 0, with a stack. Prepares for faults, tells its name, calls the program's
 * `main`, sends on what is left of its output, and ends the thread with its result. However a program ends, its pipes end with it.
 */
import { FAULT_SIGNAL } from '../abi/fault.ts';
import { OBJ_NULLPAGE } from '../abi/object.ts';
import { SYS_THREAD_CONTROL, THREAD_EXIT } from '../abi/syscall.ts';
import { ThreadRepr } from '../abi/thread.ts';
import { SLOT_THREAD, SLOT_VIEW, slotAddress, ViewHeader } from '../abi/view.ts';
import { endByFault } from './fault-report.ts';
import { closeStreams, flush, writeConsole } from './io.ts';
import { argument } from './program.ts';
import { syscall } from './syscall.ts';

/** Bytes of a KSO's name, the zero at its end not counted. */
const NAME_ROOM = 255;

/**
 * @naked
 * @used
 * @export _start
 * @section .text.start
 */
function start(): void {
  asm`
    call __twz_begin
    call main
    j __exit`;
}

/** @export __twz_begin */
function begin(): void {
  const view = at<ViewHeader>(slotAddress(SLOT_VIEW, OBJ_NULLPAGE));
  // Signals do what the kernel does by default.
  view.faultMask = u64(1) << FAULT_SIGNAL;
  view.faultHandler = addressOf(endByFault);
  const name = at<ThreadRepr>(slotAddress(SLOT_THREAD, OBJ_NULLPAGE)).kso.name;
  // Only the first program has nobody who tells it its name.
  const text = argument(0).length === 0 ? 'init' : argument(0);
  memory.copy(addressOf(name), text.ptr.address, min<u64>(text.length, NAME_ROOM));
}

/**
 * Ends the program's first thread.
 * @export __exit
 */
export function exit(code: u64): never {
  flush();
  closeStreams();
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
  exit(EXIT_PANIC);
}

/** @export */
function __panic_bounds(index: u64, length: u64, location: SourceLocation): never {
  showPlace(location);
  show('index ');
  showNumber(index);
  show(' is out of bounds (length ');
  showNumber(length);
  show(')\n');
  exit(EXIT_PANIC);
}
