/* See paging.h. Leaves have A and D set, so that neither emulator has to update them. */
#include "paging.h"

#include "bench.h"

enum { V = 1, R = 2, W = 4, X = 8, U = 16, A = 64, D = 128 };

#define TABLES __attribute__((section(".tables"), aligned(4096)))
/* 64 MiB of 4-KiB pages from 0x80000000: more than the largest benchmark. */
#define LEAF_TABLES 32
/* Index of the window's first page in its leaf table. */
#define WINDOW_PAGE (SPACE_WINDOW >> 12 & 511)

static uint64_t roots[SPACE_COUNT][512] TABLES;
static uint64_t dram_middle[512] TABLES;
static uint64_t dram_leaves[LEAF_TABLES][512] TABLES;
static uint64_t device_middle[512] TABLES;
static uint64_t window_middle[SPACE_COUNT][512] TABLES;
static uint64_t window_leaves[SPACE_COUNT][512] TABLES;
static uint8_t window_pages[SPACE_COUNT][SPACE_PAGES][4096] TABLES;

extern char __program_start[], __program_end[];

static uint64_t table(const void *next) { return (uint64_t)next >> 12 << 10 | V; }
static uint64_t leaf(uint64_t address, uint64_t flags) { return address >> 12 << 10 | flags | A | D | V; }

/* Every space has its own ASID, so that a switch needs no fence. */
static uint64_t satp_of(unsigned space) {
  return 8ull << 60 | (uint64_t)(space + 1) << 44 | (uint64_t)roots[space] >> 12;
}

uint64_t paging_build(int user) {
  for (uint64_t i = 0; i < LEAF_TABLES; i++) {
    for (uint64_t k = 0; k < 512; k++) {
      uint64_t address = 0x80000000ul + (i << 21) + (k << 12);
      int program = address >= (uint64_t)__program_start && address < (uint64_t)__program_end;
      dram_leaves[i][k] = leaf(address, R | W | X | (user && program ? U : 0));
    }
    dram_middle[i] = table(dram_leaves[i]);
  }
  device_middle[0] = leaf(0, R | W);                      /* the test finisher at 0x100000 */
  device_middle[0x10000000 >> 21] = leaf(0x10000000, R | W); /* the UART */
  for (unsigned space = 0; space < SPACE_COUNT; space++) {
    for (unsigned page = 0; page < SPACE_PAGES; page++)
      window_leaves[space][WINDOW_PAGE + page] = leaf((uint64_t)window_pages[space][page], R | W | (user ? U : 0));
    window_middle[space][0] = table(window_leaves[space]);
    roots[space][0] = table(device_middle);
    roots[space][1] = table(window_middle[space]);
    roots[space][2] = table(dram_middle);
  }
  return satp_of(0);
}

void paging_switch(unsigned space) { __asm__ volatile("csrw satp, %0" ::"r"(satp_of(space)) : "memory"); }

void paging_move(unsigned space, unsigned page, unsigned with) {
  uint64_t *leaves = window_leaves[space] + WINDOW_PAGE, hold = leaves[page];
  leaves[page] = leaves[with];
  leaves[with] = hold;
  uint64_t asid = space + 1;
  __asm__ volatile("sfence.vma %0, %1" ::"r"(SPACE_WINDOW + page * 4096ul), "r"(asid) : "memory");
  __asm__ volatile("sfence.vma %0, %1" ::"r"(SPACE_WINDOW + with * 4096ul), "r"(asid) : "memory");
}
