/* The platform in user mode: every service is an environment call to the supervisor (shim.c). */
#include "bench.h"
#include "paging.h"
#include "platform.h"

static uint64_t call(enum platform_call number, uint64_t first, uint64_t second) {
  register uint64_t a0 __asm__("a0") = first;
  register uint64_t a1 __asm__("a1") = second;
  register uint64_t a7 __asm__("a7") = number;
  __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a7) : "memory");
  return a0;
}

uint64_t platform_trap(uint64_t value) { return call(CALL_TRAP, value, 0); }
void platform_write(const char *text, size_t length) { call(CALL_WRITE, (uint64_t)text, length); }
void platform_exit(uint32_t code) {
  for (;;) call(CALL_EXIT, code, 0);
}
void platform_spaces_start(void) { call(CALL_SWITCH, 0, 0); }
uint8_t *platform_space_window(void) { return (uint8_t *)SPACE_WINDOW; }
void platform_switch_space(unsigned space) { call(CALL_SWITCH, space, 0); }
void platform_move_page(unsigned page, unsigned with) { call(CALL_MOVE, page, with); }
