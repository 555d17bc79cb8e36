/**
 * Where a program begins: at offset 0x1000 of the object in slot 0, with a stack (kernel: guest/kernel/boot.ts; later threads:
 * thread.ts). Calls the program's `main` and ends the thread with its result.
 */
import { SYS_THREAD_CONTROL, THREAD_EXIT } from '../abi/syscall.ts';

/**
 * @naked
 * @used
 * @export _start
 * @section .text.start
 */
function start(): void {
  asm`
    call main
    mv a1, a0
    li a0, ${THREAD_EXIT}
    li a7, ${SYS_THREAD_CONTROL}
    ecall`;
}
