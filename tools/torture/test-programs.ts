/** Small bare-metal programs that several tests put to the test. */
import { MiB } from '../../emulator/addresses.ts';
import { nvdimmAddress } from '../../emulator/boot/computer.ts';
import { assembleFlat } from '../../emulator/cpu/isa/assembler/assembler.ts';
import { TORTURE_BASE, TORTURE_REGISTER } from './device.ts';
import type { Program } from './program.ts';

const MEMORY = 4 * MiB;

/** s0: the NVDIMM; `persist` makes the block at s0 + a0 persistent; codes end the run. */
function program(workload: string, recovery: string): Program {
  const text = `
    li s0, ${nvdimmAddress(MEMORY)}
    li s1, ${TORTURE_BASE}
    li s2, 1
    lw t0, ${TORTURE_REGISTER.phase}(s1)
    bnez t0, recover
    sw s2, ${TORTURE_REGISTER.begin}(s1)
    call work
    sw s2, ${TORTURE_REGISTER.acknowledge}(s1)
    li a1, 0x5555
    j finish
  persist:
    add t0, s0, a0
    cbo.clean (t0)
    fence rw, rw
    ret
  work:
    mv s3, ra
    ${workload}
    jr s3
  recover:
    lw s4, ${TORTURE_REGISTER.acknowledged}(s1)
    ${recovery}
    li a1, 0x5555
    j finish
  failed:
    li a1, 0x33333
  finish:
    li t0, 0x100000
    sw a1, 0(t0)
    j .
  `;
  const { bytes } = assembleFlat(text, 0x8000_0000n, { compress: false });
  return { elf: { name: 'test program', bytes }, memory: MEMORY, nvdimm: 64 * 1024, budget: 2000 };
}

/** Data at 64, a flag at 0 that says that it is there: the data are not cleaned. */
export const unflushed = program(
  `li t1, 7
   sd t1, 64(s0)
   sd s2, 0(s0)
   li a0, 0
   call persist`,
  `ld t1, 0(s0)
   beqz t1, absent
   ld t1, 64(s0)
   beqz t1, failed
   j checked
  absent:
   bnez s4, failed
  checked:`,
);

/** Two words change together by an undo log, whose recovery closes the log before it has copied back. */
export const undo = (early: boolean): Program => {
  const close = 'sd zero, 0(s0)\nli a0, 0\ncall persist';
  const copy =
    'ld t1, 192(s0)\nsd t1, 64(s0)\nsd t1, 128(s0)\nli a0, 64\ncall persist\nli a0, 128\ncall persist';
  return program(
    `li a0, 192
     call persist
     sd s2, 0(s0)
     li a0, 0
     call persist
     sd s2, 64(s0)
     sd s2, 128(s0)
     li a0, 64
     call persist
     li a0, 128
     call persist
     ${close}`,
    `ld t1, 0(s0)
     beqz t1, closed
     ${early ? `${close}\n${copy}` : `${copy}\n${close}`}
    closed:
     ld t1, 64(s0)
     ld t2, 128(s0)
     bne t1, t2, failed`,
  );
};

/** A block that is zeroed by `cbo.zero` at once, as its author believes: recovery copes with all of it zero, and with none of it. */
export const torn: Program = program(
  `li t1, 0x00ff00ff
   sw t1, 64(s0)
   li a0, 64
   call persist
   addi t0, s0, 64
   cbo.zero (t0)
   call persist`,
  `lbu t1, 64(s0)
   lbu t2, 66(s0)
   bne t1, t2, failed`,
);

/** The same mistake in a recovery: it zeroes a block that the workload filled, and says so behind that. */
export const tornRecovery: Program = program(
  `li t1, 0x00ff00ff
   sw t1, 64(s0)
   li a0, 64
   call persist
   sd s2, 0(s0)
   li a0, 0
   call persist`,
  `ld t1, 0(s0)
   beqz t1, clean
   lbu t1, 64(s0)
   lbu t2, 66(s0)
   bne t1, t2, failed
   addi t0, s0, 64
   cbo.zero (t0)
   li a0, 64
   call persist
   sd zero, 0(s0)
   li a0, 0
   call persist
  clean:`,
);
