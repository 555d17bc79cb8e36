/**
 * The processor as the kernel uses it: the supervisor window, CSR bits, SBI calls, barriers for persistence, and the
 * few instructions that have no spelling in the language.
 */

/** Virtual address of physical address 0 (docs/xtwz.md §1): the kernel sees all memory from here on. */
export const KERNEL_BASE: u64 = 0xffff_8000_0000_0000;
export const PAGE = 4096;
export const PAGE_SHIFT = 12;
export const LINE = 64;

/** Kernel address of a physical address. */
export function toVirtual(physical: u64): usize {
  return physical + KERNEL_BASE;
}

/** Physical address of a kernel address. */
export function toPhysical(address: usize): u64 {
  return address - KERNEL_BASE;
}

/** satp.MODE of the object space. */
export const SATP_XTWZ: u64 = 0xe000_0000_0000_0000;

/** sstatus bits. */
export const SSTATUS_SIE = 0x2;
export const SSTATUS_SPIE = 0x20;
export const SSTATUS_SPP = 0x100;
export const SSTATUS_FS = 0x6000;
export const SSTATUS_FS_CLEAN = 0x4000;
export const SSTATUS_FS_INITIAL = 0x2000;
export const SSTATUS_SUM = 0x4_0000;

/** senvcfg: CBZE, CBCFE, CBIE = 01 (cbo.inval flushes: user space must not discard data). */
export const SENVCFG_CACHE_BLOCKS = 0xd0;

/** sie and sip bits. */
export const IRQ_SOFTWARE = 0x2;
export const IRQ_TIMER = 0x20;
export const IRQ_EXTERNAL = 0x200;

/** scause values. */
export const CAUSE_INTERRUPT: u64 = 0x8000_0000_0000_0000;
export const CAUSE_FETCH_ACCESS = 1;
export const CAUSE_ILLEGAL = 2;
export const CAUSE_BREAKPOINT = 3;
export const CAUSE_LOAD_ACCESS = 5;
export const CAUSE_STORE_ACCESS = 7;
export const CAUSE_ECALL_USER = 8;
export const CAUSE_HARDWARE_ERROR = 19;
export const CAUSE_ADDRESS = 24;
export const CAUSE_NULL = 25;
export const CAUSE_VIEW = 26;
export const CAUSE_OBJECT = 27;
export const CAUSE_RIGHTS = 28;
export const CAUSE_PAGE = 29;
export const CAUSE_COW = 30;
export const CAUSE_TABLE = 31;

/** `stwzinfo` reasons that the kernel tells apart (docs/xtwz.md §5). */
export const REASON_NO_VIEW = 6;
export const REASON_VIEW_PAGE = 7;
export const REASON_ENTRY = 8;
export const REASON_UNKNOWN = 10;
export const REASON_NOT_READY = 11;
export const REASON_NOT_REQUESTED = 12;
export const REASON_LIMIT = 14;

/** Calls the firmware: SBI extension `eid`, function `fid`. Returns the error (0 = success); the value is dropped. */
export function sbiCall(eid: u64, fid: u64, a0: u64, a1: u64, a2: u64): i64 {
  const error: i64 = 0;
  asm`ecall${inReg('a7', eid)}${inReg('a6', fid)}${inReg('a0', a0)}${inReg('a1', a1)}${inReg('a2', a2)}${outReg('a0', error)}${clobber('a1 memory')}`;
  return error;
}

const SBI_TIME: u64 = 0x5449_4d45;
const SBI_IPI: u64 = 0x73_5049;
const SBI_HSM: u64 = 0x48_534d;
const SBI_SRST: u64 = 0x5352_5354;

/** The timer interrupt comes when `time` reaches `deadline`. */
export function setTimer(deadline: u64): void {
  sbiCall(SBI_TIME, 0, deadline, 0, 0);
}

/** A software interrupt to each hart of the mask. */
export function sendIpi(mask: u64): void {
  sbiCall(SBI_IPI, 0, mask, 0, 0);
}

/** Starts a hart at a physical address, with a0 = its number and a1 = `argument`. */
export function startHart(hart: u64, physical: u64, argument: u64): i64 {
  return sbiCall(SBI_HSM, 0, hart, physical, argument);
}

/** Power off (0) or cold reboot (1); reason 1 after a panic. */
export function systemReset(kind: u64, reason: u64): never {
  sbiCall(SBI_SRST, 0, kind, reason, 0);
  for (;;) wfi();
}

/** `time` ticks, 100 ns each on this machine. */
export function ticks(): u64 {
  return csr.read('time');
}

/** What has been cleaned is persistent when this returns (docs/persistency.md). */
export function persistFence(): void {
  fence('rw', 'rw');
}

/** Starts the write-back of all blocks of [address, address + size); `persistFence` completes it. */
export function cleanRange(address: usize, size: u64): void {
  const end = address + size;
  for (let block = address & ~u64(LINE - 1); block < end; block += LINE) cbo.clean(block);
}

/** Fills a page with zeros. */
export function zeroPage(page: usize): void {
  for (let block = page; block < page + PAGE; block += LINE) cbo.zero(block);
}

/** Xtwz CSRs, by number (docs/xtwz.md §2). */
export const CSR_VIEW = 0x5c0;
export const CSR_CONTEXT = 0x5c1;
export const CSR_FIXED = 0x5c2;
export const CSR_CONFIG = 0x5c3;
/** `stwzcfg`: the lookaside of persistent pointers is on. */
export const CONFIG_POINTERS = 1;
export const CSR_FAULT_ID_LO = 0x5c8;
export const CSR_FAULT_ID_HI = 0x5c9;
export const CSR_FAULT_OFFSET = 0x5ca;
export const CSR_FAULT_INFO = 0x5cb;
export const CSR_FAULT_DESCRIPTOR = 0x5cc;

/** Bit 0 of the view, context and fixed-table CSRs. */
export const TWZ_VALID = 1;

/** Drops, on all harts, what was cached from the view entry of `address` in the view of descriptor `view`; 0: all. */
export function invalidateView(address: usize, view: u64): void {
  if (address === 0) asm`xtwz.inval.view.g zero, ${view}`;
  else asm`xtwz.inval.view.g ${address}, ${view}`;
}

/** Drops, on all harts, what was cached of the object with this descriptor, under one context (0: all). */
export function invalidateObject(descriptor: u64, context: u64): void {
  if (context === 0) asm`xtwz.inval.obj.g ${descriptor}, zero`;
  else asm`xtwz.inval.obj.g ${descriptor}, ${context}`;
}

/** Drops, on all harts, what was cached of one page; bit 0 of `offset`: of the 2 MiB around it. */
export function invalidatePage(descriptor: u64, offset: u64): void {
  asm`xtwz.inval.page.g ${descriptor}, ${offset}`;
}
