/* Sv39 page tables of the benchmarks: an identity map of the program, and the address spaces of bench.h. */
#ifndef PAGING_H
#define PAGING_H

#include <stdint.h>

/* Virtual address of the window that differs between spaces. */
#define SPACE_WINDOW 0x40000000ul

/* Builds all tables and returns the satp value of space 0. `user`: the program's pages are for user mode. */
uint64_t paging_build(int user);
/* The satp value of a space: its own ASID, so that a switch needs no fence. */
uint64_t paging_satp(unsigned space);
/* Exchanges what two window pages of a space map to, and fences both. */
void paging_move(unsigned space, unsigned page, unsigned with);

#endif
