/**
 * Whose fence completes whose write-backs, when a program is put to the test.
 *
 * On hardware a fence completes all that its hart has written back, whoever had it do so. A program that lacks a fence then looks
 * right wherever the kernel, or another thread on the same hart, happens to execute one between its flush and its commit: no program
 * can rely on that. So by default each has to fence for itself: the kernel (or whatever runs above user mode) of each hart is an *issuer*
 * (persistency.ts) of its own, and so is each thread of a guest program. That allows more images than hardware does, and never fewer.
 *
 * A thread's own fence completes what it has written back wherever it runs by then: the kernel fences when a thread leaves a
 * hart (guest/kernel/schedule.ts). No system call promises to make persistent what its caller has stored or written back
 * (docs/kernel.md), so there are no exceptions.
 */
import type { Computer } from '../../emulator/boot/computer.ts';
import { Privilege } from '../../emulator/cpu/causes.ts';
import { Slot } from '../../emulator/cpu/csr-numbers.ts';

/** `own`: only of the same thread, or of the kernel for itself. `hardware`: all of the hart. */
export type FenceModel = 'own' | 'hardware';

export const DEFAULT_FENCES: FenceModel = 'own';

/** Bare-metal programs have no threads that the tester knows of: a hart's user mode is one issuer. */
const BARE_USER = 0x1000;

/** Has a computer's NVDIMM tell issuers apart. @param guest whether the guest's kernel runs on it */
export function separateFences({ machine, nvdimm }: Computer, guest: boolean): void {
  nvdimm!.issuerOf = (index) => {
    const { hart } = machine.cores[index]!;
    if (hart.privilege !== Privilege.user) return index;
    // In user mode the kernel keeps the address of the thread there; it lies far above the numbers of harts.
    return guest ? hart.cellLo(Slot.sscratch) >>> 0 : BARE_USER + index;
  };
}
