/*
 * What a bare-metal C program needs to be tortured (docs/torture.md). A program defines workload, and
 * recover_and_check, which repairs what a power failure left and gives 0 if all promises were kept.
 */
#ifndef TORTURE_H
#define TORTURE_H

typedef unsigned int u32;
typedef unsigned long u64;

/* The NVDIMM of a machine with less than 2 GiB of DRAM. */
#define PMEM 0x100000000UL
#define BLOCK 64

#define TORTURE_REGISTER(offset) (*(volatile u32 *)(0x102000UL + (offset)))

void workload(void);
int recover_and_check(u32 acknowledged);

/* Operation number i (1, 2, ...) is durable: the program promises it. */
static inline void acknowledge(u32 i) { TORTURE_REGISTER(0) = i; }

/* cbo.clean: the block that holds p is written back. A fence makes that certain. */
static inline void clean(volatile void *p) {
  __asm__ volatile(".insn i 0x0f, 2, x0, %0, 1" : : "r"(p) : "memory");
}

static inline void fence(void) { __asm__ volatile("fence rw, rw" : : : "memory"); }

static inline void persist(volatile void *p) {
  clean(p);
  fence();
}

#endif
