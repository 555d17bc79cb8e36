/* Translation tables of the benchmarks: an identity map of the program, and the address spaces of bench.h. As Sv39
 * page tables (paging.c) or in the object space (object-paging.c). */
#ifndef PAGING_H
#define PAGING_H

#include <stdint.h>

/* Virtual address of the window that differs between spaces. (The first page of an object cannot be reached.) */
#define SPACE_WINDOW 0x40001000ul

/* Builds all tables and returns the satp value of space 0. `user`: the program's pages are for user mode. */
uint64_t paging_build(int user);
/* Makes a space current. Needs no fence. */
void paging_switch(unsigned space);
/* Exchanges what two window pages of a space map to, with the fences or invalidations needed. */
void paging_move(unsigned space, unsigned page, unsigned with);

#endif
