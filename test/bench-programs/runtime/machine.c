/* The platform in machine mode. Address spaces need translation, so a program that starts them goes on in supervisor
 * mode, under Sv39, with the same identity map. */
#include "bench.h"
#include "devices.h"
#include "paging.h"
#include "platform.h"

#define ECALL_FROM_MACHINE 11
#define ECALL_FROM_SUPERVISOR 9

uint64_t machine_trap(uint64_t cause, uint64_t epc, uint64_t value) {
  if (cause == ECALL_FROM_MACHINE || cause == ECALL_FROM_SUPERVISOR) return value * 3 + 1;
  (void)epc;
  finisher_exit(100 + (uint32_t)(cause & 63));
}

uint64_t platform_trap(uint64_t value) {
  register uint64_t a0 __asm__("a0") = value;
  __asm__ volatile("ecall" : "+r"(a0)::"memory");
  return a0;
}

void platform_write(const char *text, size_t length) { uart_write(text, length); }
void platform_exit(uint32_t code) { finisher_exit(code); }

static unsigned current_space;

void platform_spaces_start(void) {
  uint64_t satp = paging_build(0);
  __asm__ volatile(
      "csrw pmpaddr0, %0\n csrw pmpcfg0, %1\n csrw satp, %2\n sfence.vma\n"
      "csrc mstatus, %3\n csrs mstatus, %4\n la t0, 1f\n csrw mepc, t0\n mret\n1:\n" ::"r"(~0ull >> 10),
      "r"(0x1full), "r"(satp), "r"(0x1800ull), "r"(0x800ull)
      : "t0", "memory");
}

uint8_t *platform_space_window(void) { return (uint8_t *)SPACE_WINDOW; }

void platform_switch_space(unsigned space) {
  current_space = space;
  paging_switch(space);
}

void platform_move_page(unsigned page, unsigned with) { paging_move(current_space, page, with); }
