/**
 * Where the programs of a differential batch, their initial state and their results lie: shared by the generator
 * (which writes the memory image), the harness (assembly, which gets these as preprocessor symbols) and the
 * comparison (which reads the records that the harness sends through the UART).
 *
 *   0x8000_0000  harness: code, trap handlers, frames
 *   0x8010_0000  program 0, then one every STRIDE bytes:
 *     +0x0000    header: initial state (HEADER), trap log
 *     +0x1000    code, 2 pages
 *     +0x3000    data, 4 pages
 *     +0x7000    page tables, up to 9 pages
 */
export const HARNESS_BASE = 0x8000_0000;
export const PROGRAM_BASE = 0x8010_0000;
export const STRIDE = 0x1_0000;
export const CODE = 0x1000;
export const CODE_PAGES = 2;
export const DATA = 0x3000;
export const DATA_PAGES = 4;
export const TABLES = 0x7000;
export const TABLE_PAGES = 9;

/** Byte offsets in a program's header; every field is 64 bits. */
export const HEADER = {
  /** x0 to x31. */
  x: 0x000,
  /** f0 to f31. */
  f: 0x100,
  fcsr: 0x200,
  /** With MPP = the mode in which the program runs. */
  mstatus: 0x208,
  /** Virtual address of the first instruction, and of the ecall that ends the program. */
  entry: 0x210,
  end: 0x218,
  /** Virtual minus physical address of the code. */
  codeOffset: 0x220,
  satp: 0x228,
  medeleg: 0x230,
  mideleg: 0x238,
  mie: 0x240,
  mip: 0x248,
  mcounteren: 0x250,
  scounteren: 0x258,
  menvcfg: 0x260,
  senvcfg: 0x268,
  pmpcfg0: 0x270,
  /** pmpaddr0 to pmpaddr7. */
  pmpaddr: 0x278,
  /** Trap log: LOG_ENTRIES of { cause, epc, tval, status }. */
  log: 0x400,
} as const;
export const LOG_ENTRIES = 96;
export const LOG_ENTRY_SIZE = 32;
export const HEADER_SIZE = 0x1000;
/** A program that traps more often than this is ended. */
export const TRAP_LIMIT = 2000;

/** Fields of a result record, 64 bits each, in the order in which the harness sends them. */
export const RECORD_FIELDS: readonly string[] = [
  'index',
  ...Array.from({ length: 31 }, (_, i) => `x${i + 1}`),
  ...Array.from({ length: 32 }, (_, i) => `f${i}`),
  'fcsr',
  'mstatus',
  'mepc',
  'mcause',
  'mtval',
  'sepc',
  'scause',
  'stval',
  'mie',
  'mip',
  'medeleg',
  'mideleg',
  'mcounteren',
  'scounteren',
  'menvcfg',
  'senvcfg',
  'satp',
  'pmpcfg0',
  ...Array.from({ length: 8 }, (_, i) => `pmpaddr${i}`),
  'traps',
  'trap digest',
  ...Array.from({ length: STRIDE / 0x1000 - 1 }, (_, i) => `page ${i + 1} digest`),
];
export const RECORD_SIZE = RECORD_FIELDS.length * 8;

/** Preprocessor symbols for the harness. The trap log leaves the first `logSkip` traps (at most 2047) out. */
export function harnessDefines(programs: number, verbose: boolean, logSkip: number): string[] {
  const numbers: Record<string, number> = {
    PROGRAMS: programs,
    VERBOSE: verbose ? 1 : 0,
    PROGRAM_BASE,
    STRIDE,
    LOG_ENTRIES,
    LOG_SKIP: logSkip,
    TRAP_LIMIT,
  };
  for (const [name, offset] of Object.entries(HEADER)) numbers[`H_${name.toUpperCase()}`] = offset;
  return Object.entries(numbers).map(([name, value]) => `-D${name}=${value}`);
}
