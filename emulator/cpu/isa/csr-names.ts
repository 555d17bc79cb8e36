/** Names and numbers of control and status registers (privileged manual, chapter 2, tables of CSR addresses). */

const NAMES = new Map<number, string>();

function define(first: number, names: string): void {
  let number = first;
  for (const name of names.split(' ')) {
    if (name !== '-') NAMES.set(number, name);
    number++;
  }
}

function numbered(first: number, prefix: string, from: number, to: number, suffix = ''): void {
  for (let i = from; i <= to; i++) NAMES.set(first + i - from, `${prefix}${i}${suffix}`);
}

define(0x001, 'fflags frm fcsr');
define(0x100, 'sstatus - - - sie stvec scounteren');
define(0x10a, 'senvcfg');
define(0x140, 'sscratch sepc scause stval sip');
define(0x14d, 'stimecmp');
define(0x180, 'satp');
define(0x300, 'mstatus misa medeleg mideleg mie mtvec mcounteren');
define(0x30a, 'menvcfg');
define(0x320, 'mcountinhibit');
numbered(0x323, 'mhpmevent', 3, 31);
define(0x340, 'mscratch mepc mcause mtval mip');
define(0x34a, 'mtinst mtval2');
numbered(0x3a0, 'pmpcfg', 0, 15);
numbered(0x3b0, 'pmpaddr', 0, 63);
define(0x747, 'mseccfg');
define(0x5a8, 'scontext');
define(0x7a0, 'tselect tdata1 tdata2 tdata3 tinfo');
define(0x7a8, 'mcontext');
define(0x7b0, 'dcsr dpc dscratch0 dscratch1');
define(0xb00, 'mcycle - minstret');
numbered(0xb03, 'mhpmcounter', 3, 31);
define(0xc00, 'cycle time instret');
numbered(0xc03, 'hpmcounter', 3, 31);
define(0xf11, 'mvendorid marchid mimpid mhartid mconfigptr');

const NUMBERS = new Map([...NAMES].map(([number, name]) => [name, number]));

/** All CSR numbers that the manual names, in ascending order. */
export const CSR_NUMBERS: readonly number[] = [...NAMES.keys()].sort((a, b) => a - b);

/** The name of a CSR, or undefined for a number without one. */
export const csrName = (number: number): string | undefined => NAMES.get(number);
/** The number of a CSR, or undefined. */
export const csrNumber = (name: string): number | undefined => NUMBERS.get(name);

/** Adds the CSRs of an extension of our own. */
export function defineCsrName(number: number, name: string): void {
  NAMES.set(number, name);
  NUMBERS.set(name, number);
}
