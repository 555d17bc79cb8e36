/* What the runtime itself needs from its platform, besides what bench.h offers to programs. */
#ifndef PLATFORM_H
#define PLATFORM_H

#include <stddef.h>
#include <stdint.h>

void platform_write(const char *text, size_t length);
void __attribute__((noreturn)) platform_exit(uint32_t code);

/* Numbers of the supervisor's calls, in a7. */
enum platform_call { CALL_TRAP, CALL_WRITE, CALL_EXIT, CALL_SWITCH, CALL_MOVE };

#endif
