/**
 * From reset to the first user instruction. The boot hart sets up memory, objects, store, devices and the archive's objects, makes
 * the first thread (init, in a new view, with the superuser's context), starts the other harts, and schedules.
 */
import { KsoType } from '../abi/kso.ts';
import { EXEC, OBJ_NULLPAGE, READ, WRITE } from '../abi/object.ts';
import { CreateSource } from '../abi/syscall.ts';
import {
  SLOT_EXEC,
  SLOT_STACK,
  slotAddress,
  VE_VALID,
  VIEW_TABLE,
  ViewEntry,
  ViewHeader,
} from '../abi/view.ts';
import {
  CONFIG_POINTERS,
  CSR_CONFIG,
  IRQ_EXTERNAL,
  IRQ_SOFTWARE,
  IRQ_TIMER,
  PAGE,
  SENVCFG_CACHE_BLOCKS,
  SSTATUS_SUM,
  startHart,
  toPhysical,
  toVirtual,
} from './arch.ts';
import { initProgram, loadArchive } from './archive.ts';
import { initClock } from './clock.ts';
import { consolePrint, initConsole, printNumber, setPlainConsole } from './console.ts';
import { initContexts, superuserContext } from './context.ts';
import { createdObject, createObject } from './create.ts';
import { damageMet } from './damage.ts';
import { enableInterrupts, initDevices } from './device.ts';
import { objectSpacePage, setHart } from './entry.ts';
import { MachineInfo, readDeviceTree } from './fdt.ts';
import { initKso } from './kso.ts';
import { lockKernel } from './lock.ts';
import { addMemory, initMemory } from './memory.ts';
import { initObjects, KObject } from './object.ts';
import { stirRandom } from './random.ts';
import { forgetThreads, resumeThreads } from './resume.ts';
import { harts, MAX_HARTS, makeRunnable, setHartCount } from './schedule.ts';
import { Mount, mountStore, storePresent, storeSuperblock } from './store.ts';
import { noteStart } from './sys-machine.ts';
import { attachContext, initThreads, makeThread } from './thread.ts';
import { startScheduling } from './trap.ts';
import { objectPage } from './tree.ts';

const machine = zeroed<MachineInfo>();
const STACK_SIZE = 32768;

/** @export */
function kernelMain(hart: u64, tree: u64): never {
  const self = harts[hart];
  self.index = hart;
  self.stack = symbolAddress('bootStacks') + (hart + 1) * STACK_SIZE;
  setHart(self);
  csr.set('sstatus', SSTATUS_SUM);
  // User space persists its own data: cbo.clean, cbo.flush and cbo.zero, and cbo.inval as a flush.
  csr.write('senvcfg', SENVCFG_CACHE_BLOCKS);
  // The lookaside of persistent pointers; libtwz fills it.
  csr.write(CSR_CONFIG, CONFIG_POINTERS);
  if (tree !== 0) bootFirst(hart, tree);
  enableInterrupts(hart);
  csr.set('sie', IRQ_SOFTWARE | IRQ_TIMER | IRQ_EXTERNAL);
  lockKernel();
  startScheduling(self);
}

function roundUp(value: u64): u64 {
  return (value + PAGE - 1) & ~u64(PAGE - 1);
}

/** Hands out the memory that nobody uses: all but the kernel, the archive and the device tree. */
function giveMemory(tree: u64): void {
  const end = machine.memoryStart + machine.memorySize;
  let start = roundUp(toPhysical(symbolAddress('_end')));
  start = initMemory(machine.memoryStart, end, start);
  const treeEnd = roundUp(tree + machine.treeSize);
  const holes = stack<FixedArray<u64, 4>>();
  const treeFirst = tree < machine.initrdStart || machine.initrdEnd === 0;
  const inside = tree >= start && tree < end;
  holes[0] = treeFirst && inside ? tree & ~u64(PAGE - 1) : machine.initrdStart & ~u64(PAGE - 1);
  holes[1] = treeFirst && inside ? treeEnd : roundUp(machine.initrdEnd);
  holes[2] = !treeFirst && inside ? tree & ~u64(PAGE - 1) : machine.initrdStart & ~u64(PAGE - 1);
  holes[3] = !treeFirst && inside ? treeEnd : roundUp(machine.initrdEnd);
  for (let i: u64 = 0; i < 4; i += 2) {
    if (holes[i] < start) continue;
    addMemory(start, holes[i]);
    start = holes[i + 1];
  }
  addMemory(start, end);
}

function bootFirst(hart: u64, tree: u64): void {
  initConsole();
  if (!readDeviceTree(toVirtual(tree), machine)) panic('no device tree');
  setPlainConsole(machine.quiet);
  initClock(machine.timebase);
  giveMemory(tree);
  initObjects(addressOf(objectSpacePage));
  initContexts();
  initThreads();
  if (machine.seedSize !== 0) stirRandom(machine.seed, machine.seedSize);
  const mount = mountStore(machine.nvdimmStart, machine.nvdimmSize);
  if (storePresent()) stirRandom(ptrTo(storeSuperblock().boots).address, 8);
  noteStart(mount === Mount.dirty);
  initKso();
  initDevices(machine.nvdimmController);
  const archived = loadArchive(machine.initrdStart, machine.initrdEnd - machine.initrdStart);
  // What the archive held has been copied into objects.
  addMemory(roundUp(machine.initrdStart), machine.initrdEnd & ~u64(PAGE - 1));
  if (!machine.quiet) report(mount, archived);
  if (damageMet() !== 0)
    consolePrint('licorice: the store has media errors; licorice image FILE check lists them\n');
  setHartCount(min<u64>(machine.harts, MAX_HARTS));
  if (mount !== Mount.dirty) forgetThreads();
  const resumed = mount === Mount.dirty ? resumeThreads() : 0;
  if (resumed !== 0) {
    consolePrint('resumed threads: ');
    printNumber(resumed);
    consolePrint('\n');
  }
  startInit();
  for (let other: u64 = 0; other < min<u64>(machine.harts, MAX_HARTS); other++) {
    if (other !== hart) startHart(other, toPhysical(symbolAddress('_start')), 0);
  }
}

function report(mount: Mount, archived: u64): void {
  consolePrint('licorice: ');
  printNumber(machine.memorySize >> 20);
  consolePrint(' MiB of memory, ');
  if (storePresent()) {
    printNumber(machine.nvdimmSize >> 20);
    consolePrint(' MiB of NVDIMM, ');
    printNumber(storeSuperblock().objects);
    consolePrint(
      mount === Mount.formatted
        ? ' objects (new store)'
        : mount === Mount.dirty
          ? ' objects (after a power failure)'
          : ' objects',
    );
  } else if (mount === Mount.foreign) consolePrint('an NVDIMM that holds no object store (left alone)');
  else if (mount === Mount.damaged)
    consolePrint('an NVDIMM of which the superblock cannot be read (left alone)');
  else if (mount === Mount.moved) consolePrint('an NVDIMM made for another address (left alone)');
  else consolePrint('no NVDIMM');
  consolePrint(', ');
  printNumber(machine.harts);
  consolePrint(machine.harts === 1 ? ' hart, ' : ' harts, ');
  printNumber(archived);
  consolePrint(' programs\n');
}

/** An object of the kernel's making for the first thread. */
function newObject(rights: u64, sources: Ptr<Inline<CreateSource>>, count: u64): KObject {
  const result = createObject(rights, 0, 0, sources, count);
  assert(result === 0, 'no memory for the first thread');
  return createdObject();
}

const initSource = zeroed<FixedArray<Inline<CreateSource>, 1>>();

/** Writes an entry of a view that nobody uses yet. */
function setViewEntry(view: KObject, slot: u64, object: KObject, flags: u64): void {
  const offset = VIEW_TABLE + slot * sizeof<ViewEntry>();
  const entry = at<ViewEntry>(objectPage(view, offset) + (offset & 0xfff));
  entry.lo = object.lo;
  entry.hi = object.hi;
  entry.flags = u32(flags) | VE_VALID;
}

/** The first thread: the archive's `init` in slot 0 of a new view, with a stack, as superuser. */
function startInit(): void {
  const program = initProgram();
  if (program === null) panic('the boot archive has no init');
  initSource[0].source.lo = program.lo;
  initSource[0].source.hi = program.hi;
  const code = newObject(READ | EXEC, initSource.ptr, 1);
  const none = at<Ptr<Inline<CreateSource>>>(8);
  // Nobody but the superuser has anything to do with them; all may see that the thread is there.
  const view = newObject(READ, none, 0);
  const stackObject = newObject(0, none, 0);
  const repr = newObject(READ, none, 0);
  const header = at<ViewHeader>(objectPage(view, OBJ_NULLPAGE));
  header.kso.type = u32(KsoType.view);
  header.execLo = program.lo;
  header.execHi = program.hi;
  setViewEntry(view, SLOT_EXEC, code, READ | WRITE | EXEC);
  const thread = makeThread(repr, view, stackObject);
  assert(thread !== null, 'no memory for the first thread');
  attachContext(thread!, superuserContext());
  thread!.registers[0] = slotAddress(SLOT_EXEC, OBJ_NULLPAGE);
  // The stack grows down from the top of the data area's first 16 MiB.
  thread!.registers[2] = slotAddress(SLOT_STACK, 0x100_0000);
  makeRunnable(thread!);
}
