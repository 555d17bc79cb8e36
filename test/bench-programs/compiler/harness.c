/* Runs one kernel on the bare machine: prints its result and the instructions that it retired, and powers off. */
#include <stddef.h>
#include <stdint.h>

#ifndef ROUNDS
#define ROUNDS 3
#endif

uint64_t run(uint64_t rounds);

__asm__(
    ".section .text.start, \"ax\"\n"
    ".globl _start\n"
    "_start:\n"
    "  la sp, stack_end\n"
    "  li t0, 0x6000\n"
    "  csrs mstatus, t0\n"
    "  call harness\n"
    "0: j 0b\n"
    ".section .bss\n"
    ".balign 16\n"
    ".space 65536\n"
    "stack_end:\n"
    ".text\n");

static void put(char c) { *(volatile char *)0x10000000 = c; }

static void print(uint64_t value) {
  for (int shift = 60; shift >= 0; shift -= 4) put("0123456789abcdef"[(value >> shift) & 15]);
  put('\n');
}

static inline uint64_t retired(void) {
  uint64_t value;
  __asm__ volatile("csrr %0, minstret" : "=r"(value)::"memory");
  return value;
}

void *memcpy(void *to, const void *from, size_t size) {
  for (size_t i = 0; i < size; i++) ((char *)to)[i] = ((const char *)from)[i];
  return to;
}

void *memset(void *to, int value, size_t size) {
  for (size_t i = 0; i < size; i++) ((char *)to)[i] = (char)value;
  return to;
}

void harness(void) {
  uint64_t before = retired();
  uint64_t result = run(ROUNDS);
  uint64_t count = retired() - before;
  print(result);
  print(count);
  *(volatile uint32_t *)0x100000 = 0x5555;
}
