/**
 * A program's input and output: the console, a pipe, or a text object, as its parent chose (guest/abi/program.ts). Output is gathered in a
 * buffer and goes out at the end of a line, when it is full, and at exit.
 */
import {
  ACTION_CONSOLE_WRITE,
  CONSOLE_RECEIVED,
  CONSOLE_TAKEN,
  Device,
  DeviceRepr,
  KsoEntry,
  KsoList,
  KsoType,
} from '../abi/kso.ts';
import { OBJ_NULLPAGE, ObjectId, READ, WRITE } from '../abi/object.ts';
import {
  ProgramArguments,
  STREAM_CONSOLE,
  STREAM_EMPTY,
  STREAM_PIPE,
  STREAM_TEXT,
  StreamTarget,
} from '../abi/program.ts';
import { EXIT_SIGNAL, SIGNAL_PIPE } from '../abi/signal.ts';
import { ROOT_KSO, SYS_ACTION, SYS_ROOT } from '../abi/syscall.ts';
import { SLOT_STACK, slotAddress } from '../abi/view.ts';
import { sleepOn } from './lock.ts';
import { dataOf, openObject, setSize, sizeOf } from './object.ts';
import { clean } from './persist.ts';
import { exit } from './start.ts';
import { ByteStream } from './stream.ts';
import { syscall } from './syscall.ts';
import { readCooked } from './terminal.ts';
import { mapObject, unmapObject } from './view.ts';

const BUFFER = 1024;
const buffer = zeroed<FixedArray<u8, 1024>>();
let filled: u64 = 0;

const consoleId = zeroed<ObjectId>();
let consoleRepr: DeviceRepr | null = null;
/** Bytes read so far from a text object. */
let textPosition: u64 = 0;

/** What the parent left for this program; null in the first program. */
export function programArguments(): ProgramArguments {
  return at<ProgramArguments>(slotAddress(SLOT_STACK, OBJ_NULLPAGE));
}

/** Finds a device among the kernel's objects; false if there is none. */
export function findDevice(device: Device, id: ObjectId): bool {
  const root = stack<ObjectId>();
  if (syscall(SYS_ROOT, ROOT_KSO, addressOf(root), 0, 0, 0) < 0) return false;
  const list = at<KsoList>(dataOf(mapObject(root.lo, root.hi, READ)));
  for (let i: u64 = 0; i < list.count; i++) {
    const entry: KsoEntry = list.entries[i];
    if (entry.flags === 0 || entry.type !== u32(KsoType.device) || entry.info !== u64(device)) continue;
    assign(id, entry.id);
    return true;
  }
  return false;
}

/** The console's representation object. */
export function console(): DeviceRepr {
  if (consoleRepr === null) {
    if (!findDevice(Device.console, consoleId)) panic('no console');
    consoleRepr = at<DeviceRepr>(dataOf(mapObject(consoleId.lo, consoleId.hi, READ | WRITE)));
  }
  return consoleRepr!;
}

/** Writes bytes to the console at once. */
export function writeConsole(address: usize, size: u64): void {
  console();
  let done: u64 = 0;
  while (done < size) {
    const written = syscall(
      SYS_ACTION,
      consoleId.lo,
      consoleId.hi,
      ACTION_CONSOLE_WRITE,
      address + done,
      size - done,
    );
    if (written <= 0) return;
    done += u64(written);
  }
}

/** Sends what is in the output buffer on its way. The program ends here when it writes to a pipe that nobody reads. */
export function flush(): void {
  if (filled === 0) return;
  const target = programArguments().output;
  const address = addressOf(buffer);
  const size = filled;
  filled = 0;
  if (target.kind === STREAM_PIPE) {
    if (!pipeOf(target).write(address, size)) exit(EXIT_SIGNAL + SIGNAL_PIPE);
  } else if (target.kind === STREAM_TEXT) appendText(target, address, size);
  else if (target.kind === STREAM_CONSOLE) writeConsole(address, size);
}

/** Tells the programs at the other ends of this one's pipes that it has finished. */
export function closeStreams(): void {
  closePipes(programArguments());
}

/** The same for the program with these arguments. Doing it twice does no harm. */
export function closePipes(own: ProgramArguments): void {
  if (own.closesOutput !== 0 && own.output.kind === STREAM_PIPE) {
    const base = openObject(own.output.id);
    at<ByteStream>(dataOf(base)).close();
    unmapObject(base);
  }
  if (own.closesInput !== 0 && own.input.kind === STREAM_PIPE) {
    const base = openObject(own.input.id);
    at<ByteStream>(dataOf(base)).abandon();
    unmapObject(base);
  }
}

function pipeOf(target: StreamTarget): ByteStream {
  return at<ByteStream>(dataOf(openObject(target.id)));
}

function appendText(target: StreamTarget, address: usize, size: u64): void {
  const base = openObject(target.id);
  const end = sizeOf(base);
  memory.copy(dataOf(base) + end, address, size);
  clean(dataOf(base) + end, size);
  setSize(base, end + size);
}

export function writeByte(byte: u8): void {
  buffer[filled] = byte;
  filled++;
  if (filled === BUFFER || byte === u8('\n')) flush();
}

/** Prints text to the program's output. */
export function print(text: str): void {
  for (const byte of text.bytes) writeByte(byte);
}

export function printLine(text: str): void {
  print(text);
  writeByte(u8('\n'));
}

/** Prints a number in decimal. */
export function printNumber(value: u64): void {
  if (value >= 10) printNumber(value / 10);
  writeByte(u8('0') + u8(value % 10));
}

/** Prints a number in decimal, at least `width` columns, spaces in front. */
export function printColumn(value: u64, width: u64): void {
  let digits: u64 = 1;
  for (let rest = value / 10; rest !== 0; rest /= 10) digits++;
  for (; digits < width; digits++) writeByte(u8(' '));
  printNumber(value);
}

/** Prints the low `digits` hexadecimal digits. */
export function printHex(value: u64, digits: u64): void {
  for (let i = digits; i > 0; i--) {
    const digit = u8((value >> ((i - 1) * 4)) & 15);
    writeByte(digit < 10 ? u8('0') + digit : u8('a') + (digit - 10));
  }
}

export function printId(id: ObjectId): void {
  printHex(id.hi, 16);
  writeByte(u8(':'));
  printHex(id.lo, 16);
}

/** Prints a message of an error to the console, whatever the output is. */
export function complain(program: str, what: str, message: str): void {
  flush();
  writeConsole(program.ptr.address, program.length);
  writeConsole(': '.ptr.address, 2);
  if (what.length !== 0) {
    writeConsole(what.ptr.address, what.length);
    writeConsole(': '.ptr.address, 2);
  }
  writeConsole(message.ptr.address, message.length);
  writeConsole('\n'.ptr.address, 1);
}

/** The next byte of the console; waits for it. */
export function consoleByte(): u8 {
  const repr = console();
  for (;;) {
    const received = atomic.load<u64>(ptrTo(repr.info[CONSOLE_RECEIVED]), Order.acquire);
    const taken = atomic.load<u64>(ptrTo(repr.info[CONSOLE_TAKEN]), Order.acquire);
    if (received !== taken) {
      const byte = repr.ring[taken & 1023];
      // Two programs may read at once; each byte is for one of them.
      if (atomic.compareExchange<u64>(ptrTo(repr.info[CONSOLE_TAKEN]), taken, taken + 1) === taken)
        return byte;
      continue;
    }
    sleepOn(ptrTo(repr.info[CONSOLE_RECEIVED]).address, received);
  }
}

/** Is there a byte to be had from the console without waiting? */
export function consoleReady(): bool {
  const repr = console();
  return atomic.load<u64>(ptrTo(repr.info[CONSOLE_RECEIVED]), Order.acquire) !== repr.info[CONSOLE_TAKEN];
}

/** Goes to another place in the text object that is the input; returns the one before. For who redirects its own input. */
export function moveInText(position: u64): u64 {
  const before = textPosition;
  textPosition = position;
  return before;
}

/** Reads up to `size` bytes of the program's input; 0 at its end. From the console: a line, with the simplest editing. */
export function read(address: usize, size: u64): u64 {
  flush();
  const target = programArguments().input;
  if (target.kind === STREAM_PIPE) return pipeOf(target).read(address, size);
  if (target.kind === STREAM_EMPTY) return 0;
  if (target.kind === STREAM_TEXT) {
    const base = openObject(target.id);
    const count = min<u64>(size, sizeOf(base) - textPosition);
    memory.copy(address, dataOf(base) + textPosition, count);
    textPosition += count;
    return count;
  }
  return readCooked(address, size);
}
