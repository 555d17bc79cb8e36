/* The supervisor of the user-mode variant: answers environment calls; any other trap ends the run with a failure. */
#include "bench.h"
#include "devices.h"
#include "paging.h"
#include "platform.h"

#define ECALL_FROM_USER 8

static unsigned current_space;

uint64_t supervisor_trap(uint64_t number, uint64_t first, uint64_t second, uint64_t cause) {
  if (cause != ECALL_FROM_USER) finisher_exit(100 + (uint32_t)(cause & 63));
  switch ((enum platform_call)number) {
    case CALL_TRAP:
      return first * 3 + 1;
    case CALL_WRITE:
      uart_write((const char *)first, second);
      return 0;
    case CALL_EXIT:
      finisher_exit((uint32_t)first);
    case CALL_SWITCH:
      current_space = (unsigned)first;
      paging_switch(current_space);
      return 0;
    case CALL_MOVE:
      paging_move(current_space, (unsigned)first, (unsigned)second);
      return 0;
  }
  finisher_exit(99);
}
