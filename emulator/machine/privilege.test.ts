/**
 * Do traps, privilege checks, PMP and paging do what QEMU does? Each program records what it sees (causes, tvals,
 * CSRs, page-table entries) and must record the same on both; where the manual fixes the answer it stands here too.
 */
import { expect, test } from 'vitest';
import { describeWith, QEMU } from '../../test/oracles.ts';
import { record, recordCsr, recordsOf, recordsOnQemu } from './testbed.ts';

/** Enters a mode (0 U, 1 S) at the next line. Clobbers t0, t1. */
let labels = 0;
function enter(mode: 0 | 1): string {
  const label = `enter${labels++}`;
  return `li t0, 0x1800\ncsrc mstatus, t0\nli t0, ${mode << 11}\ncsrs mstatus, t0\nla t0, ${label}\ncsrw mepc, t0\nmret\n${label}:\n`;
}

/** An S-mode handler at `stvec` that records scause, stval and sstatus and steps over the instruction. */
const SUPERVISOR_HANDLER = `
  la t0, shandler
  csrw stvec, t0
  j after_shandler
.align 2
shandler:
  csrr t0, scause
  sd t0, 0(s11)
  csrr t0, stval
  sd t0, 8(s11)
  csrr t0, sstatus
  sd t0, 16(s11)
  addi s11, s11, 24
  csrr t0, sepc
  addi t0, t0, 4
  csrw sepc, t0
  sret
after_shandler:
`;

/** Every privileged instruction and a read of a CSR of each level. */
const PRIVILEGED = `
  ecall
  ebreak
  .word 0
  .word 0xffffffff
  sfence.vma
  csrr t0, sstatus
  csrr t0, mstatus
  csrr t0, satp
  csrr t0, cycle
  csrr t0, instret
  csrr t0, hpmcounter3
  csrr t0, stimecmp
`;

const TABLES = 0x8020_0000;
const DATA = 0x8030_0000;

/**
 * Sv39 (or another mode) with a level-0 table at TABLES + 0x2000 for virtual 0x40000000 + i * 4096, mapping pages of
 * DATA with the given flags; DRAM's first gigabyte is mapped one to one, for S-mode or for U-mode.
 */
function paging(flags: readonly number[], mode = 8, user = false): string {
  const levels = mode - 5; // 3, 4, 5
  const top = levels - 3;
  // Tables above Sv39's root, each pointing to the next by its entry 0.
  let text = '';
  for (let i = 0; i < top; i++)
    text += `li t0, ${TABLES + 0x10000 + i * 0x1000}\nli t1, ${(((i === top - 1 ? TABLES : TABLES + 0x11000 + i * 0x1000) >>> 12) << 10) | 1}\nsd t1, 0(t0)\n`;
  const store = (at: number, entry: number): string => `li t0, ${at}\nli t1, ${entry}\nsd t1, 0(t0)\n`;
  const pointer = (to: number): number => ((to >>> 12) << 10) | 1;
  text += store(TABLES + 8, pointer(TABLES + 0x1000));
  text += store(TABLES + 16, ((0x80000 << 10) | (user ? 0xdf : 0xcf)) >>> 0);
  text += store(TABLES, 0xcf); // devices, one to one
  text += store(TABLES + 0x1000, pointer(TABLES + 0x2000));
  for (const [i, flag] of flags.entries())
    text += store(TABLES + 0x2000 + 8 * i, ((((DATA >>> 12) + i) << 10) | flag) >>> 0);
  const root = top > 0 ? TABLES + 0x10000 : TABLES;
  return `${text}li t0, ${root >>> 12}\nli t1, ${mode}\nslli t1, t1, 60\nor t0, t0, t1\ncsrw satp, t0\nsfence.vma\n`;
}

/**
 * Executes (by a jump and return), loads and stores at page `i`; what faults is recorded. Fetches come first: once a
 * load has filled QEMU's TLB it no longer checks that S-mode does not execute a user page.
 */
const touch = (i: number): string => `
  li t2, ${0x4000_0000 + i * 4096 + 16}
  la s8, back${labels}
  jalr t2
back${labels++}:
  li s8, 0
  ld t3, 0(t2)
  sd t3, 8(t2)
`;

const recordEntries = (count: number): string =>
  Array.from(
    { length: count },
    (_, i) => `li t2, ${TABLES + 0x2000 + 8 * i}\nld t3, 0(t2)\n${record('t3')}`,
  ).join('');

/** Puts a return instruction at offset 16 of each data page, while translation is off. */
const returns = (count: number): string =>
  Array.from(
    { length: count },
    (_, i) => `li t2, ${DATA + i * 4096 + 16}\nli t3, 0x8067\nsd t3, 0(t2)\n`,
  ).join('');

/** All combinations of V R W X U, then A and D. */
const FLAGS = [
  ...Array.from({ length: 32 }, (_, i) => i),
  ...[0x07, 0x47, 0x87, 0xc7, 0x0f, 0x4f, 0xcf, 0x5f, 0xdf, 0x43, 0x83, 0xc1, 0x41, 0x81],
];

const PROGRAMS: Readonly<Record<string, string>> = {
  'exceptions from M, S and U, not delegated': `${PRIVILEGED}${enter(1)}${PRIVILEGED}${enterSupervisorToUser()}${PRIVILEGED}`,
  'the same with counters enabled for S only': `li t0, 7\ncsrw mcounteren, t0\n${enter(1)}${PRIVILEGED}${enterSupervisorToUser()}${PRIVILEGED}`,
  'the same with counters and the timer enabled for U': `li t0, 7\ncsrw mcounteren, t0\ncsrw scounteren, t0\nli t0, -1\ncsrw menvcfg, t0\n${enter(1)}${PRIVILEGED}${enterSupervisorToUser()}${PRIVILEGED}`,
  'exceptions delegated to S, from S and from U': `${SUPERVISOR_HANDLER}li t0, 0xb1ff\ncsrw medeleg, t0\n${PRIVILEGED}${enter(1)}${PRIVILEGED}${enterSupervisorToUser()}${PRIVILEGED}`,
  'TVM, TW and TSR trap in S-mode': `li t0, 0x700000\ncsrs mstatus, t0\n${enter(1)}csrr t0, satp\ncsrw satp, t0\nsfence.vma\nwfi\nsret\n`,
  'sret and mret where they are not allowed': `${enter(1)}mret\n${enterSupervisorToUser()}sret\nmret\nwfi\n`,
  'mret and sret restore the interrupt enables and clear MPRV': `
    li t0, 0x20088
    csrs mstatus, t0
    ${recordCsr('mstatus')}
    ${enter(1)}
    ${recordCsr('sstatus')}
    la t0, 1f
    csrw sepc, t0
    li t0, 0x120
    csrs sstatus, t0
    sret
1:  ${recordCsr('sstatus')}`,
  'loads and stores through MPRV': `${returns(4)}${paging([0x7, 0x17, 0xc3, 0])}
    li t0, 0x21800
    csrc mstatus, t0
    li t0, 0x20800
    csrs mstatus, t0
    ${[0, 1, 2, 3].map((i) => `li t2, ${0x4000_0000 + i * 4096}\nld t3, 0(t2)\nsd t3, 0(t2)\n`).join('')}
    li t0, 0x20000
    csrc mstatus, t0
    ${recordEntries(4)}`,
  'page faults and accessed bits for all flags, from S-mode': `${returns(FLAGS.length)}${paging(FLAGS)}${enter(1)}${FLAGS.map((_, i) => touch(i)).join('')}${recordEntries(FLAGS.length)}`,
  'the same with SUM and MXR': `${returns(FLAGS.length)}${paging(FLAGS)}li t0, 0xc0000\ncsrs mstatus, t0\n${enter(1)}${FLAGS.map((_, i) => touch(i)).join('')}${recordEntries(FLAGS.length)}`,
  'the same from U-mode': `${returns(FLAGS.length)}${paging(FLAGS, 8, true)}${enter(0)}${FLAGS.map((_, i) => touch(i)).join('')}`,
  Sv48: `${returns(8)}${paging([0, 7, 0xf, 0x17, 0xcf, 0xdf, 0x41, 0xc3], 9)}${enter(1)}${[0, 1, 2, 3, 4, 5, 6, 7].map(touch).join('')}${recordEntries(8)}`,
  Sv57: `${returns(8)}${paging([0, 7, 0xf, 0x17, 0xcf, 0xdf, 0x41, 0xc3], 10)}${enter(1)}${[0, 1, 2, 3, 4, 5, 6, 7].map(touch).join('')}${recordEntries(8)}`,
  'addresses whose upper bits are not all equal, misaligned superpages, reserved bits': `${paging([0xcf])}
    li t0, ${TABLES + 8 * 4}
    li t1, ${((0x80200 << 10) | 0xcf) >>> 0}   # a gigabyte page at 2 MiB
    sd t1, 0(t0)
    li t0, ${TABLES + 8 * 5}
    li t1, ${((0x80000 << 10) | 0xcf) >>> 0}
    li t2, 1
    slli t2, t2, 54
    or t1, t1, t2
    sd t1, 0(t0)
    li t0, ${TABLES + 0x1000 + 8}
    li t1, ${((0x80001 << 10) | 0xcf) >>> 0}   # a 2-MiB page at 4 KiB
    sd t1, 0(t0)
    ${enter(1)}
    ${[
      '0x4000000000',
      '0x8000000000000000',
      '-0x4000000001',
      '0x100000000',
      '0x140000000',
      '0x40200000',
      '0x7fffffffff',
    ]
      .map((va) => `li t2, ${va}\nld t3, 0(t2)\nsd t3, 0(t2)\n`)
      .join('')}`,
  'misaligned loads, stores and atomics, within a page and across two': `${paging([0xc7, 0xc7, 0xc3, 0, 0xc7, 1])}${enter(1)}
    li t4, 0x1122334455667788
    ${[0x1003, 0x1ffd, 0x0ffc, 0x1ffe, 0x2ffd, 0x3ffd, 0x4ffb, 0x2001]
      .map(
        (offset) => `li t2, ${0x4000_0000 + offset}
    sd t4, 0(t2)\nsw t4, 1(t2)\nsh t4, 1(t2)\nli t3, 0\nld t3, 0(t2)\n${record('t3')}lw t3, 0(t2)\n${record('t3')}lhu t3, 0(t2)\n${record('t3')}`,
      )
      .join('')}
    li t2, 0x40000002
    lr.w t3, (t2)
    sc.w t3, t4, (t2)
    ${record('t3')}
    li t2, 0x40002004
    amoor.w t3, t4, (t2)
    lr.w t3, (t2)
    sc.w t3, t4, (t2)
    ${record('t3')}`,
  'LR and SC: success, another address, a store between, a trap between': `
    li t2, ${DATA}
    li t4, 5
    sd t4, 0(t2)
    lr.d t3, (t2)\nsc.d t5, t4, (t2)\n${record('t5')}
    sc.d t5, t4, (t2)\n${record('t5')}
    lr.d t3, (t2)\naddi t6, t2, 8\nsc.d t5, t4, (t6)\n${record('t5')}sc.d t5, t4, (t2)\n${record('t5')}
    lr.w t3, (t2)\nsw t4, 0(t2)\nsc.w t5, t4, (t2)\n${record('t5')}
    lr.w t3, (t2)\nli t6, 6\nsw t6, 0(t2)\nsc.w t5, t4, (t2)\n${record('t5')}
    lr.w t3, (t2)\necall\nsc.w t5, t4, (t2)\n${record('t5')}`,
  'PMP: TOR, NA4 and NAPOT regions, partly matching accesses, no match': `
    csrw pmpcfg0, zero
    li t0, ${DATA >>> 2}\ncsrw pmpaddr0, t0
    li t0, ${(DATA + 0x1000) >>> 2}\ncsrw pmpaddr1, t0
    li t0, ${(DATA + 0x2004) >>> 2}\ncsrw pmpaddr2, t0
    li t0, ${((DATA + 0x3000) >>> 2) | 1}\ncsrw pmpaddr3, t0
    li t0, ${((0x8000_0000 >>> 2) | 0x7fff) >>> 0}\ncsrw pmpaddr4, t0   # the code, 256 KiB
    li t0, ${((0x8010_0000 >>> 2) | 0x7fff) >>> 0}\ncsrw pmpaddr5, t0   # the records
    li t0, 0x1f1f19130900
    csrw pmpcfg0, t0
    ${recordCsr('pmpcfg0')}
    ${enter(1)}
    ${[
      0, 0xff8, 0xffc, 0xffe, 0x1000, 0x2000, 0x2004, 0x2006, 0x2008, 0x2ff8, 0x3000, 0x3008, 0x300c, 0x3010,
      -8, -4,
    ]
      .map((offset) => `li t2, ${DATA + offset}\nld t3, 0(t2)\nlw t3, 0(t2)\nsw t3, 0(t2)\nsd t3, 0(t2)\n`)
      .join('')}`,
  'PMP: locked entries bind M-mode and cannot be changed': `
    li t0, ${((DATA + 0x1000) >>> 2) | 0x1ff}\ncsrw pmpaddr1, t0
    li t0, 0x991f
    csrw pmpcfg0, t0
    li t0, 0\ncsrw pmpaddr1, t0
    ${recordCsr('pmpaddr1')}
    li t0, 0x1f\ncsrw pmpcfg0, t0
    ${recordCsr('pmpcfg0')}
    li t2, ${DATA + 0x1000}
    ld t3, 0(t2)\nsd t3, 0(t2)\nli t2, ${DATA}\nsd t3, 0(t2)`,
  'cause and address of fetches: unmapped, not executable, odd targets': `${paging([0xc7, 0xc3, 0xcf])}${enter(1)}
    ${[0x4000_0000, 0x4000_1000, 0x4000_3000, 0x4000_2001, 0x4000_2ffe]
      .map((va) => `li t2, ${va}\nla s8, f${va.toString(16)}\njalr t2\nf${va.toString(16)}:\nli s8, 0\n`)
      .join('')}`,
  'accesses to nothing, to devices, and fetches from them': `
    ${[0, 0x5000, 0x1000_0005, 0x2000_0000_0000, 0x9000_0000]
      .map((pa) => `li t2, ${pa}\nlbu t3, 0(t2)\n`)
      .join('')}
    li t2, 0x90000000\nsd t3, 0(t2)\nlr.w t3, (t2)
    la s8, nowhere\njalr t2\nnowhere: li s8, 0\n`,
};

/** From S-mode to U-mode without the help of M-mode. */
function enterSupervisorToUser(): string {
  const label = `user${labels++}`;
  return `li t0, 0x100\ncsrc sstatus, t0\nla t0, ${label}\ncsrw sepc, t0\nsret\n${label}:\n`;
}

test('atomics report store faults and misaligned stores, where QEMU 7.2 says load (manual: table of causes)', () => {
  const body = `${paging([0xc7, 0xc3, 0])}${enter(1)}
    ${[0x4000_0002, 0x4000_1000, 0x4000_2000].map((va) => `li t2, ${va}\namoadd.w t3, t4, (t2)\n`).join('')}`;
  const expected = [6, 0x4000_0002, 15, 0x4000_1000, 15, 0x4000_2000];
  expect(recordsOf(body)).toEqual(expected.map((value) => value.toString(16).padStart(16, '0')));
});

test('interrupts are taken in the order of the manual (§3.1.9), vectored, and not when delegated', () => {
  // QEMU 7.2 takes the lowest number first.
  const body = `
    csrw mideleg, zero
    li t0, 0x222\ncsrw mip, t0
    la t0, vector
    ori t0, t0, 1
    csrw mtvec, t0
    li t0, 0x222\ncsrw mie, t0
    csrsi mstatus, 8
    nop
    nop
    nop
    la t0, trap
    csrw mtvec, t0
    li t0, 0x222\ncsrw mideleg, t0\ncsrw mip, t0
    ${SUPERVISOR_HANDLER}
    csrwi mie, 0
    j past
.align 2
vector:
    ${'j interrupt\n'.repeat(16)}
interrupt:
    csrr t0, mcause
    sd t0, 0(s11)
    csrr t0, mepc
    csrr t1, mcause
    andi t1, t1, 63
    li t0, 1
    sll t0, t0, t1
    csrc mip, t0
    csrr t0, mstatus
    sd t0, 8(s11)
    addi s11, s11, 16
    mret
past: ${recordCsr('mip')}${recordCsr('sip')}`;
  const cause = (code: number): string => `80000000000000${code.toString(16).padStart(2, '0')}`;
  const status = '0000000a00001880';
  expect(recordsOf(body)).toEqual([
    ...[cause(9), status, cause(1), status, cause(5), status],
    ...['00000000000002a2', '0000000000000222'],
  ]);
});

describeWith([QEMU], 'the same records as on QEMU', () => {
  test.each(Object.entries(PROGRAMS))('%s', (_, body) => {
    const ours = recordsOf(body);
    expect(ours.length).toBeGreaterThan(0);
    expect(ours).toEqual(recordsOnQemu(body));
  });
});
