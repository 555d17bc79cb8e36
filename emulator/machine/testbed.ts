/**
 * What tests of the machine share: programs in assembly that record what they see, run on our machine and on QEMU.
 *
 * A program records 64-bit words with `record` (from a register; clobbers nothing but s11, which points to the next
 * place) and ends with `finish`. Every trap into M-mode records cause and tval, and goes on after the instruction
 * (its length found from its bits, or with `resume` set at that address). The end prints all records to the UART, so
 * the same program can be compared with QEMU by its output.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assembleFlat } from '../cpu/isa/assembler/assembler.ts';
import { makeVirtDevices } from '../devices/virt.ts';
import type { MachineConfig, StopReason } from './config.ts';
import { Machine } from './machine.ts';

/** Where records are kept. */
export const RECORDS = 0x8010_0000;
const UART = 0x1000_0000;
const FINISHER = 0x10_0000;

/** Lines that record the value of a register. */
export const record = (register: string): string => `sd ${register}, 0(s11)\naddi s11, s11, 8\n`;

/** Reads a CSR and records it; clobbers t0. A trap records its cause and tval instead, then t0's old value. */
export const recordCsr = (csr: string): string => `csrr t0, ${csr}\n${record('t0')}`;

/** A whole program around `body`: M-mode trap handler, all memory open to S and U, printing at the end. */
export function recordingProgram(body: string): string {
  return `
.globl _start
_start:
  li s11, ${RECORDS}
  la t0, trap
  csrw mtvec, t0
  li t0, -1
  csrw pmpaddr0, t0
  li t0, 0x1f
  csrw pmpcfg0, t0
${body}
finish:
  # back to M-mode, whatever the mode: the handler knows this call by a7
  li a7, 0x656e64
  ecall
print:
  li s10, ${RECORDS}
  li s9, ${UART}
1: bgeu s10, s11, 4f
  ld a0, 0(s10)
  addi s10, s10, 8
  li a1, 60
2: srl a2, a0, a1
  andi a2, a2, 15
  li a3, 10
  blt a2, a3, 3f
  addi a2, a2, 39
3: addi a2, a2, 48
  sb a2, 0(s9)
  addi a1, a1, -4
  bgez a1, 2b
  li a2, 10
  call put
  j 1b
put: # waits until the transmitter is empty
  lbu a4, 5(s9)
  andi a4, a4, 0x20
  beqz a4, put
  sb a2, 0(s9)
  ret
4: li t0, ${FINISHER}
  li t1, 0x5555
  sw t1, 0(t0)
  j .
.align 2
trap:
  csrw mscratch, t0
  csrr t0, mcause
  sd t0, 0(s11)
  csrr t0, mtval
  sd t0, 8(s11)
  addi s11, s11, 16
  li t0, 0x656e64
  bne t0, a7, 5f
  addi s11, s11, -16
  la t0, print
  csrw mepc, t0
  li t0, 0x1800
  csrs mstatus, t0
  li t0, 0x20000
  csrc mstatus, t0
  mret
5: csrr t0, mepc
  addi t0, t0, 4
  beqz s8, 6f
  mv t0, s8
  li s8, 0
6: csrw mepc, t0
  csrr t0, mscratch
  mret
`;
}

/** Bytes of a program; instructions are not compressed, so that the handler can step over any. */
export function assembleProgram(text: string): Uint8Array {
  return assembleFlat(text, 0x8000_0000n, { compress: false }).bytes;
}

export interface TestMachine {
  readonly machine: Machine;
  /** What the UART printed. */
  output(): string;
}

/** A machine with the devices of `virt`, the program in memory, all harts at its start in M-mode. */
export function testMachine(program: Uint8Array, config: MachineConfig = {}): TestMachine {
  let text = '';
  const machine = new Machine({
    memory: 4 * 1024 * 1024,
    devices: (host) =>
      makeVirtDevices(host, {
        uartOutput: (byte) => {
          text += String.fromCharCode(byte);
        },
        seed: 1,
      }).all,
    ...config,
  });
  machine.memory.writeBytes(0x8000_0000, program);
  machine.boot({ entry: 0x8000_0000n, mode: 'machine', dtb: 0 });
  return { machine, output: () => text };
}

/** Runs a program to its end; throws if it does not end by itself within `limit` instructions. */
export function runToEnd(test: TestMachine, limit = 10_000_000): StopReason {
  const reason = test.machine.run({ instructions: limit });
  if (reason.kind !== 'exit')
    throw new Error(
      `the program did not end: ${JSON.stringify(reason, (_, v) => (typeof v === 'bigint' ? v.toString(16) : v))}`,
    );
  return reason;
}

/** The records of a recording program with this body, as hexadecimal lines. */
export function recordsOf(body: string, config: MachineConfig = {}): string[] {
  const test = testMachine(assembleProgram(recordingProgram(body)), config);
  runToEnd(test);
  return lines(test.output());
}

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');

/** The same on QEMU's CPU without the extensions that this machine does not have. */
export function recordsOnQemu(body: string): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'licorice-'));
  try {
    const file = join(folder, 'program.bin');
    writeFileSync(file, assembleProgram(recordingProgram(body)));
    // To a file: through a pipe QEMU loses characters when nobody reads in time.
    const output = join(folder, 'output');
    const cpu = ['-machine', 'virt', '-cpu', 'rv64,h=false,debug=false', '-m', '128M', '-bios', file];
    const screen = ['-display', 'none', '-monitor', 'none', '-serial', `file:${output}`];
    execFileSync('qemu-system-riscv64', [...cpu, ...screen], { timeout: 30_000, stdio: 'ignore' });
    return lines(readFileSync(output, 'latin1'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
