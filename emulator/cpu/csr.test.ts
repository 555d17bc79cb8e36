/**
 * Do the CSRs keep the bits that the manual says they keep, and does QEMU agree on every bit that both implement?
 * Where QEMU keeps bits that this machine leaves out (hypervisor, vectors, reserved encodings) the mask excludes
 * them; docs/machine.md lists each with its section.
 */
import { describe, expect, test } from 'vitest';
import { describeWith, QEMU } from '../../test/oracles.ts';
import { record, recordCsr, recordsOf, recordsOnQemu } from '../machine/testbed.ts';

const ALL = 0xffff_ffff_ffff_ffffn;

/** Name, what it reads as after all ones and after all zeros are written from reset, bits to compare with QEMU. */
const REGISTERS: readonly [csr: string, ones: bigint, zeros: bigint, compare: bigint][] = [
  ['mstatus', 0x8000_000a_007e_79aan, 0xa_0000_0000n, 0x8000_000a_007e_79aan],
  ['misa', 0x8000_0000_0014_112dn, 0x8000_0000_0014_112dn, ALL],
  ['mie', 0xaaan, 0n, 0xaaan],
  ['medeleg', 0x8_b3ffn, 0n, 0xb3ffn],
  ['mideleg', 0x222n, 0n, 0x222n],
  ['mepc', ALL - 1n, 0n, ALL - 1n],
  ['mcause', ALL, 0n, ALL],
  ['mtval', ALL, 0n, ALL],
  ['mcounteren', 0xffff_ffffn, 0n, 0xffff_ffffn],
  ['mcountinhibit', 5n, 0n, 5n],
  ['menvcfg', 0x8000_0000_0000_00f1n, 0n, 0x8000_0000_0000_00f1n],
  ['senvcfg', 0xf1n, 0n, 0xf1n],
  ['scounteren', 0xffff_ffffn, 0n, 0xffff_ffffn],
  ['stvec', 0n, 0n, ALL],
  ['sepc', ALL - 1n, 0n, ALL - 1n],
  ['scause', ALL, 0n, ALL],
  ['stval', ALL, 0n, ALL],
  ['sscratch', ALL, 0n, ALL],
  ['stimecmp', ALL, 0n, ALL],
  ['satp', 0n, 0n, ALL], // mode 15 does not exist: ignored
  ['sstatus', 0x8000_0002_000c_6122n, 0x2_0000_0000n, 0x8000_0002_000c_6122n],
  ['pmpaddr5', 0x3f_ffff_ffff_ffffn, 0n, 0x3f_ffff_ffff_ffffn],
  ['pmpcfg2', 0x9f9f_9f9f_9f9f_9f9fn, 0x9f9f_9f9f_9f9f_9f9fn, 0x9f9f_9f9f_9f9f_9f9fn], // locked by the ones
  ['mhpmcounter3', 0n, 0n, 0n],
  ['mhpmevent3', 0n, 0n, 0n],
];

/** Values written besides ones and zeros when comparing with QEMU: legal in every register's fields. */
const PATTERNS = [0x8000_0000_8000_8155n, 0x0123_4567_89ab_c855n, 0x800n, 0x6000n, 0x1234_5678_9abc_c000n];

/** Restores what the rest of a program depends on after a register was written. */
const calm = (csr: string): string =>
  ['mstatus', 'sstatus', 'mie', 'mideleg', 'medeleg', 'satp', 'sie'].includes(csr)
    ? `csrw ${csr}, zero\n`
    : '';

const hex = (value: bigint): string => value.toString(16).padStart(16, '0');

test.each(REGISTERS)(
  '%s keeps the bits of the manual when ones and zeros are written',
  (csr, ones, zeros) => {
    const body = `li t1, -1\ncsrw ${csr}, t1\n${recordCsr(csr)}csrw ${csr}, zero\n${recordCsr(csr)}${calm(csr)}`;
    expect(recordsOf(body)).toEqual([hex(ones), hex(zeros)]);
  },
);

test('a trap vector with a reserved mode is not written, and one with a mode keeps it', () => {
  const body = `csrr t3, mtvec\nli t1, -1\ncsrw mtvec, t1\ncsrr t2, mtvec\nsub t2, t2, t3\n${record('t2')}
li t1, 0x80000001\ncsrw stvec, t1\n${recordCsr('stvec')}`;
  expect(recordsOf(body)).toEqual([0n, 0x8000_0001n].map(hex));
});

const FLOAT = 'li t0, 0x2000\ncsrs mstatus, t0\n';

test('fcsr, frm and fflags are one register, and writing them makes the floating-point state dirty', () => {
  const body = `${FLOAT}li t1, -1\ncsrw fcsr, t1\n${recordCsr('fcsr')}csrwi frm, 2\n${recordCsr('fcsr')}csrwi fflags, 3
${recordCsr('fcsr')}${recordCsr('mstatus')}`;
  expect(recordsOf(body)).toEqual([0xffn, 0x5fn, 0x43n, 0x8000_000a_0000_6000n].map(hex));
});

test.each([
  ['fcsr with FS = 0', recordCsr('fcsr'), 0x0030_22f3n],
  ['a number that does not exist', recordCsr('0x7c5'), 0x7c50_22f3n],
  ['pmpcfg1, which RV64 does not have', recordCsr('0x3a1'), 0x3a10_22f3n],
  ['a write of mhartid', 'csrw mhartid, t0\n', 0xf142_9073n],
  ['a set of mhartid with a register', 'csrs mhartid, t1\n', 0xf143_2073n],
])('%s is an illegal instruction, and tval is the instruction', (_, body, tval) => {
  const [cause, value] = recordsOf(body);
  expect([cause, value]).toEqual([hex(2n), hex(tval)]);
});

test('csrrs with x0 reads a read-only register', () => {
  expect(recordsOf(recordCsr('mhartid'))).toEqual([hex(0n)]);
});

test('minstret counts retired instructions: not an ecall, and a written value is what the next one reads', () => {
  const body = `csrr t1, minstret\ncsrr t2, minstret\nsub t2, t2, t1\nsd t2, 0(s11)\naddi s11, s11, 8
li t1, 1000\ncsrw minstret, t1\n${recordCsr('minstret')}
csrwi mcountinhibit, 4\ncsrr t1, minstret\nnop\nnop\ncsrr t2, minstret\nsub t2, t2, t1\nsd t2, 0(s11)\naddi s11, s11, 8\n`;
  expect(recordsOf(body)).toEqual([1n, 1000n, 0n].map(hex));
});

describeWith([QEMU], 'compared with QEMU', () => {
  test('every register reads back what QEMU reads back, on the bits that both have', () => {
    const steps: { csr: string; value: bigint; compare: bigint }[] = [];
    let body = '';
    for (const [csr, , , compare] of REGISTERS) {
      for (const value of [ALL, 0n, ...PATTERNS]) {
        if (csr === 'satp' && value !== ALL) continue;
        steps.push({ csr, value, compare });
        body += `li t1, ${BigInt.asIntN(64, value)}\ncsrw ${csr}, t1\n${recordCsr(csr)}${calm(csr)}`;
      }
    }
    const ours = recordsOf(body);
    const theirs = recordsOnQemu(body);
    expect(ours.length).toBe(steps.length);
    expect(theirs.length).toBe(steps.length);
    const masked = (records: string[]): string[] =>
      steps.map(
        ({ csr, value, compare }, i) =>
          `${csr} <- ${hex(value)}: ${hex(BigInt(`0x${records[i]}`) & compare)}`,
      );
    expect(masked(ours)).toEqual(masked(theirs));
  });

  describe('which registers exist', () => {
    test('reading every CSR number from M-mode traps exactly where QEMU traps', () => {
      const numbers: number[] = [];
      for (let number = 0; number < 4096; number++) if (inRange(number)) numbers.push(number);
      const body = numbers.map((number) => `li t0, 0\ncsrr t0, ${number}\nsnez t0, t0\n`).join('');
      const trapped = (records: string[]): string[] => records.filter((_, i) => i % 2 === 1);
      // tval is the instruction; its upper 12 bits are the number.
      const missing = (records: string[]): string[] =>
        trapped(records).map((tval) => `0x${(Number.parseInt(tval, 16) >>> 20).toString(16)}`);
      expect(missing(recordsOf(body))).toEqual(missing(recordsOnQemu(body)));
    });
  });
});

/** Standard numbers but for those of extensions that only one of the two has, or that QEMU was told to leave out. */
function inRange(number: number): boolean {
  const custom = (number & 0xc0) === 0xc0 && number >> 8 >= 5;
  const hypervisor = (number & 0x300) === 0x200;
  const debug = number >= 0x7a0 && number <= 0x7af;
  // The manual has 29 event counters (§3.1.10); QEMU leaves out those that it does not count.
  const counter = (number & 0xf7f) >= 0xb13 && (number & 0xf7f) <= 0xb1f;
  return !custom && !hypervisor && !debug && !counter && (number & 0xfe0) !== 0xc00;
}
