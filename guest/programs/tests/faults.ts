/** Cases about faults: each kind as an upcall, resumed; handlers that cannot be called; what the kernel says when nobody handles one. */
import {
  FAULT_EXCEPTION,
  FAULT_FAULT,
  FAULT_NULL,
  FAULT_OBJECT,
  FAULT_PAGE,
  FAULT_POINTER,
  FAULT_SECURITY,
  FAULTS,
  FaultFrame,
  OBJECT_BAD_ADDRESS,
  OBJECT_NOT_MAPPED,
  OBJECT_UNKNOWN,
  PAGE_LIMIT,
  SECURITY_NOT_GRANTED,
  SECURITY_NOT_REQUESTED,
} from '../../abi/fault.ts';
import { EXEC, MIP_HASHDATA, OBJ_NULLPAGE, ObjectId, READ, WRITE } from '../../abi/object.ts';
import { EXIT_FAULT } from '../../abi/signal.ts';
import { POWER_PANIC, SYS_POWER, SYS_THREAD_CONTROL, THREAD_EXIT, THREAD_RESUME } from '../../abi/syscall.ts';
import { SLOT_STACK, slotAddress } from '../../abi/view.ts';
import { syscall } from '../../libtwz/syscall.ts';
import {
  catchFault,
  caught,
  caughtCount,
  check,
  checkEqual,
  command,
  copyOf,
  create,
  exitThread,
  handleFaults,
  imprison,
  map,
  mapWith,
  OPEN,
  openProgram,
  TestThread,
  tryCall,
  tryLoad,
  tryStore,
  viewHeader,
} from './testing.ts';

/** Address of a slot that names nothing. */
const NOWHERE: u64 = 0x1_2345 << 30;
const threads = zeroed<FixedArray<Inline<TestThread>, 2>>();

/** Every kind of fault that the kernel raises comes to the handler with what it is about, and the thread goes on. */
function kinds(): void {
  handleFaults(catchFault);
  checkEqual(i64(tryLoad(NOWHERE + 0x5008)), FAULT_OBJECT, 'empty slot');
  checkEqual(i64(caught.detail), OBJECT_NOT_MAPPED, 'empty slot: detail');
  checkEqual(i64(caught.address), i64(NOWHERE + 0x5008), 'empty slot: address');
  checkEqual(i64(caught.offset), 0x5008, 'empty slot: offset');
  checkEqual(i64(caught.access), 1, 'empty slot: a load');
  const nobody = stack<ObjectId>();
  nobody.lo = 12345;
  nobody.hi = 6789;
  const strange = map(nobody);
  checkEqual(i64(tryStore(strange + OBJ_NULLPAGE, 1)), FAULT_OBJECT, 'unknown object');
  checkEqual(i64(caught.detail), OBJECT_UNKNOWN, 'unknown object: detail');
  check(caught.object.lo === 12345 && caught.object.hi === 6789, 'unknown object: its ID');
  checkEqual(i64(tryLoad(0xffff_8000_8000_0000)), FAULT_OBJECT, "the kernel's window");
  checkEqual(i64(caught.detail), OBJECT_BAD_ADDRESS, "the kernel's window: detail");
  checkEqual(i64(tryStore(0x8000_0000_0000, 1)), FAULT_OBJECT, 'above the object window');

  const id = stack<ObjectId>();
  create(id, OPEN);
  const base = map(id);
  checkEqual(i64(tryLoad(base + 8)), FAULT_NULL, 'null page');
  check(caught.object.lo === id.lo && caught.object.hi === id.hi, 'null page: the object');
  checkEqual(i64(caught.offset), 8, 'null page: offset');
  checkEqual(i64(tryStore(0, 1)), FAULT_NULL, 'null pointer');

  const readable = mapWith(id, READ);
  checkEqual(i64(tryLoad(readable + OBJ_NULLPAGE)), FAULTS, 'reading is no fault');
  checkEqual(i64(tryStore(readable + 0x1238, 1)), FAULT_SECURITY, 'writing what is mapped to read');
  checkEqual(i64(caught.detail), SECURITY_NOT_REQUESTED | WRITE, 'mapped to read: detail');
  checkEqual(i64(caught.access), 2, 'a store');
  checkEqual(i64(tryCall(base + OBJ_NULLPAGE)), FAULT_SECURITY, 'executing what is mapped as data');
  checkEqual(i64(caught.detail), SECURITY_NOT_REQUESTED | EXEC, 'mapped as data: detail');
  checkEqual(i64(caught.access), 0, 'a fetch');

  const frozen = stack<ObjectId>();
  store<u64>(base + OBJ_NULLPAGE, 99);
  checkEqual(copyOf(frozen, id, READ | WRITE | MIP_HASHDATA), 0, 'immutable copy');
  const ice = map(frozen);
  checkEqual(i64(load<u64>(ice + OBJ_NULLPAGE)), 99, 'immutable contents');
  checkEqual(i64(tryLoad(ice + 0x20_0000)), FAULT_PAGE, 'a page that an immutable object does not have');
  checkEqual(i64(caught.detail), PAGE_LIMIT, 'absent page: detail');
  checkEqual(i64(tryStore(ice + OBJ_NULLPAGE, 1)), FAULT_SECURITY, 'not even the superuser changes it');

  exceptions();
}

function exceptions(): void {
  const code = stack<ObjectId>();
  create(code, OPEN | EXEC);
  const base = mapWith(code, READ | WRITE | EXEC);
  // An illegal instruction, then a breakpoint, each followed by a return.
  store<u32>(base + OBJ_NULLPAGE, 0);
  store<u32>(base + OBJ_NULLPAGE + 4, 0x0000_8067);
  store<u32>(base + OBJ_NULLPAGE + 8, 0x0010_0073);
  store<u32>(base + OBJ_NULLPAGE + 12, 0x0000_8067);
  // csrr a0, sstatus: a supervisor's register.
  store<u32>(base + OBJ_NULLPAGE + 16, 0x1000_2573);
  fenceI();
  checkEqual(i64(tryCall(base + OBJ_NULLPAGE)), FAULT_EXCEPTION, 'illegal instruction');
  checkEqual(i64(caught.info0), 2, 'illegal instruction: cause');
  checkEqual(i64(tryCall(base + OBJ_NULLPAGE + 8)), FAULT_EXCEPTION, 'breakpoint');
  checkEqual(i64(caught.info0), 3, 'breakpoint: cause');
  checkEqual(i64(tryCall(base + OBJ_NULLPAGE + 16)), FAULT_EXCEPTION, "a supervisor's register");
  check(caughtCount >= 10, 'all of them came to the handler');
}

/** All registers but those that the handler changes are as they were after a fault. */
function registers(): void {
  handleFaults(catchFault);
  const wrong = pattern(NOWHERE + OBJ_NULLPAGE);
  checkEqual(i64(wrong), 0, 'registers that a fault changed');
}

/**
 * Sets registers to a pattern, loads from a0 (which faults), and counts those that differ.
 * @naked
 */
function pattern(address: usize): u64 {
  return asm<u64>`
    addi sp, sp, -112
    sd ra, 0(sp)
    sd s0, 8(sp)
    sd s1, 16(sp)
    sd s2, 24(sp)
    sd s3, 32(sp)
    sd s11, 40(sp)
    sd gp, 48(sp)
    li t0, 101
    li t1, 102
    li t6, 103
    li s0, 104
    li s1, 105
    li s2, 106
    li s3, 107
    li s11, 108
    li a1, 109
    li a7, 110
    li ra, 111
    li gp, 112
    sd t0, -8(sp)
    sd t0, -128(sp)
    .option push
    .option norvc
    ld a2, 0(a0)
    .option pop
    li a0, 0
    addi t0, t0, -101
    snez t0, t0
    add a0, a0, t0
    addi t1, t1, -102
    snez t1, t1
    add a0, a0, t1
    addi t6, t6, -103
    snez t6, t6
    add a0, a0, t6
    addi s0, s0, -104
    snez s0, s0
    add a0, a0, s0
    addi s11, s11, -108
    snez s11, s11
    add a0, a0, s11
    addi a7, a7, -110
    snez a7, a7
    add a0, a0, a7
    addi ra, ra, -111
    snez ra, ra
    add a0, a0, ra
    addi gp, gp, -112
    snez gp, gp
    add a0, a0, gp
    ld t1, -8(sp)
    addi t1, t1, -101
    snez t1, t1
    add a0, a0, t1
    ld t1, -128(sp)
    addi t1, t1, -101
    snez t1, t1
    add a0, a0, t1
    ld ra, 0(sp)
    ld s0, 8(sp)
    ld s1, 16(sp)
    ld s2, 24(sp)
    ld s3, 32(sp)
    ld s11, 40(sp)
    ld gp, 48(sp)
    addi sp, sp, 112
    ret`;
}

/** Rights that the contexts do not grant: the same fault, whatever the view asks for. */
function notGranted(_argument: u64): void {
  const closed = stack<ObjectId>();
  create(closed, READ);
  const base = map(closed);
  checkEqual(i64(tryLoad(base + OBJ_NULLPAGE)), FAULTS, 'what default rights grant');
  checkEqual(i64(tryStore(base + OBJ_NULLPAGE, 1)), FAULT_SECURITY, 'what they do not');
  checkEqual(i64(caught.detail), SECURITY_NOT_GRANTED | WRITE, 'not granted: detail');
  check(caught.object.lo === closed.lo && caught.object.hi === closed.hi, 'not granted: the object');
  exitThread(5);
}

/** Nobody handles the fault of this function; the test on the host knows its name and line. */
function storeToNull(address: u64): void {
  volatileStore<u64>(address, 1);
}

function report(): void {
  threads[0].start(storeToNull, 0x18);
  checkEqual(i64(threads[0].wait()), EXIT_FAULT + FAULT_NULL, 'exit code');
  threads[1].start(storeToNull, NOWHERE + 0x5010);
  checkEqual(i64(threads[1].wait()), EXIT_FAULT + FAULT_OBJECT, 'exit code');
}

let depth: u64 = 0;

/** A handler that faults itself, a few times. */
function nestedHandler(_fault: u64, frame: FaultFrame): void {
  depth++;
  if (depth < 5) volatileLoad<u64>(NOWHERE + depth * 8);
  frame.registers[0] += (load<u16>(frame.registers[0]) & 3) === 3 ? 4 : 2;
  syscall(SYS_THREAD_CONTROL, THREAD_RESUME, addressOf(frame), 0, 0, 0);
}

function nested(): void {
  handleFaults(nestedHandler);
  volatileLoad<u64>(NOWHERE);
  checkEqual(i64(depth), 5, 'faults inside of handlers');
  // Handlers that ended do not count: many more faults than may be nested.
  for (let i = 0; i < 100; i++) volatileLoad<u64>(NOWHERE);
  checkEqual(i64(depth), 105, 'one after the other');
}

let doubles: u64 = 0;

function doubleHandler(fault: u64, frame: FaultFrame): void {
  doubles++;
  checkEqual(i64(fault), FAULT_FAULT, 'number of a double fault');
  checkEqual(i64(frame.address), i64(NOWHERE + 0x4000), 'the fault that could not be delivered');
  syscall(SYS_THREAD_CONTROL, THREAD_EXIT, 77, 0, 0, 0);
}

function loadNowhere(_argument: u64): void {
  volatileLoad<u64>(NOWHERE + 0x2010);
}

/** A handler that cannot be entered: the double-fault handler is called; without one the thread ends with a report. */
function doubleFault(): void {
  viewHeader().faultHandler = NOWHERE + 0x4000;
  viewHeader().doubleFaultHandler = addressOf(doubleHandler);
  threads[0].start(loadNowhere, 0);
  checkEqual(i64(threads[0].wait()), 77, 'the double-fault handler ended the thread');
  checkEqual(i64(doubles), 1, 'called once');
  viewHeader().doubleFaultHandler = NOWHERE + 0x5000;
  threads[1].start(loadNowhere, 0);
  checkEqual(i64(threads[1].wait()), EXIT_FAULT + FAULT_OBJECT, 'both cannot be entered');
}

/** A stack that cannot take the frame. */
function badStack(_argument: u64): void {
  asm`
    li sp, 64
    ld t0, 0(sp)`;
}

function noStack(): void {
  handleFaults(catchFault);
  threads[0].start(badStack, 0);
  checkEqual(i64(threads[0].wait()), EXIT_FAULT + FAULT_NULL, 'no stack for the frame');
  checkEqual(i64(caughtCount), 0, 'the handler was not called');
}

/** Masked kinds go past the handler. */
function masked(): void {
  handleFaults(catchFault);
  viewHeader().faultMask = u64(1) << FAULT_OBJECT;
  threads[0].start(loadNowhere, 0);
  checkEqual(i64(threads[0].wait()), EXIT_FAULT + FAULT_OBJECT, 'a masked fault ends the thread');
  checkEqual(i64(tryLoad(slotAddress(SLOT_STACK, 16))), FAULT_NULL, 'others are handled');
}

/** Floating-point registers of one thread are never seen by another. */
function fillFloats(_argument: u64): void {
  for (let i = 0; i < 20; i++) {
    asm`
      li t0, 0x1234567
      fmv.d.x fa0, t0
      fmv.d.x ft5, t0
      fmv.d.x fs11, t0
      fsflags t0`;
    syscall(SYS_THREAD_CONTROL, 2, 0, 0, 0, 0);
  }
}

function readFloats(): u64 {
  return asm<u64>`
    fmv.x.d t0, fa0
    fmv.x.d t1, ft5
    or t0, t0, t1
    fmv.x.d t1, fs11
    or t0, t0, t1
    csrr t1, fcsr
    or ${result}, t0, t1`;
}

let seen: u64 = 0;
function lookAtFloats(_argument: u64): void {
  seen |= readFloats();
}

function floats(): void {
  for (let i = 0; i < 8; i++) {
    threads[0].start(fillFloats, 0);
    threads[1].start(lookAtFloats, 0);
    threads[1].wait();
    threads[0].wait();
  }
  checkEqual(i64(seen), 0, "another thread's floating-point registers");
}

/** @export */
function main(): void {
  const which = command();
  if (which.equals('kinds')) kinds();
  else if (which.equals('registers')) registers();
  else if (which.equals('rights')) {
    openProgram();
    checkEqual(i64(imprison(notGranted, 0)), 5, 'the thread came to its end');
  } else if (which.equals('report')) report();
  else if (which.equals('panic')) syscall(SYS_POWER, POWER_PANIC, 0, 0, 0, 0);
  else if (which.equals('nested')) nested();
  else if (which.equals('double')) doubleFault();
  else if (which.equals('stack')) noStack();
  else if (which.equals('masked')) masked();
  else if (which.equals('floats')) floats();
  else check(false, 'no such case');
}

static_assert(FAULT_POINTER < FAULTS);
