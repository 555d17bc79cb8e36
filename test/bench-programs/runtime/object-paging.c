/*
 * See paging.h. The object space (docs/xtwz.md): the program is one object, whose pages are those of the program at their
 * own offsets, in the slot that makes its addresses those of DRAM. An address space is a view: it maps the program, and
 * an object of its own in the window's slot. The one context may do everything. Leaves have A and D set.
 *
 * `paging_build` runs in machine mode with paging off, where the address of a variable is physical; the others run in
 * the supervisor window.
 */
#include "bench.h"
#include "paging.h"

enum { V = 1, L = 2, A = 64, D = 128 };
enum { READ = 4, WRITE = 8, EXEC = 16, ENTRY_VALID = 0x1000 };
#define POLICY_ALL (1ul << 9)

#define TABLES __attribute__((section(".tables"), aligned(4096)))
/* 64 MiB of 4-KiB pages: more than the largest benchmark. */
#define LEAF_TABLES 32
#define WINDOW_PAGE (SPACE_WINDOW >> 12 & 511)
#define PROGRAM_SLOT (0x80000000ul >> 30)
#define WINDOW_SLOT (SPACE_WINDOW >> 30)
/* Entry of a view's level-1 table that leads to its table of slots, at offset 0x400000. */
#define VIEW_TABLE_INDEX (0x400000 >> 21)
#define PROGRAM_ID 1ul
#define WINDOW_ID(space) (16ul + (space))

struct view_entry {
  uint64_t id[2], res0;
  uint32_t flags, res1;
};
struct descriptor {
  uint64_t root, attributes, id[2], software[4];
}; /* 64 bytes: an array of them is aligned as it must be */
struct bucket {
  struct {
    uint64_t id[2], value, software;
  } entries[8];
};

static uint64_t object_space[512] TABLES;
static struct bucket object_table[2] TABLES;
static uint64_t program_level1[512] TABLES;
static uint64_t program_leaves[LEAF_TABLES][512] TABLES;
static uint64_t window_level1[SPACE_COUNT][512] TABLES;
static uint64_t window_leaves[SPACE_COUNT][512] TABLES;
static uint8_t window_pages[SPACE_COUNT][SPACE_PAGES][4096] TABLES;
static uint64_t view_level1[SPACE_COUNT][512] TABLES;
static uint64_t view_leaves[SPACE_COUNT][512] TABLES;
static struct view_entry view_entries[SPACE_COUNT][128] TABLES;
/* The program, the windows, the views. */
static struct descriptor descriptors[1 + 2 * SPACE_COUNT] TABLES;
static uint64_t context[8] TABLES;
/* stwzview of each space, and the physical addresses of the windows' descriptors. */
static uint64_t view_of[SPACE_COUNT], window_descriptor[SPACE_COUNT];

extern char __program_start[], __program_end[];

static uint64_t table(const void *next) { return (uint64_t)next >> 12 << 10 | V; }
static uint64_t leaf(uint64_t address) { return address >> 12 << 10 | D | A | L | V; }

static void add_object(uint64_t id, struct descriptor *descriptor, const uint64_t *level1) {
  descriptor->root = table(level1);
  descriptor->id[0] = id;
  struct bucket *bucket = &object_table[id & 1];
  unsigned at = 0;
  while (bucket->entries[at].value & V) at++;
  bucket->entries[at].id[0] = id;
  bucket->entries[at].value = (uint64_t)descriptor | V;
}

static void map(unsigned space, uint64_t slot, uint64_t id) {
  view_entries[space][slot] = (struct view_entry){.id = {id, 0}, .flags = ENTRY_VALID | READ | WRITE | EXEC};
}

uint64_t paging_build(int user) {
  (void)user;
  object_space[0] = (uint64_t)object_table | 1 << 1 | V; /* two buckets */
  for (uint64_t i = 0; i < LEAF_TABLES; i++) {
    for (uint64_t k = 0; k < 512; k++) {
      uint64_t address = 0x80000000ul + (i << 21) + (k << 12);
      if (address >= (uint64_t)__program_start && address < (uint64_t)__program_end) program_leaves[i][k] = leaf(address);
    }
    program_level1[i] = table(program_leaves[i]);
  }
  add_object(PROGRAM_ID, &descriptors[0], program_level1);
  for (unsigned space = 0; space < SPACE_COUNT; space++) {
    struct descriptor *window = &descriptors[1 + space], *view = &descriptors[1 + SPACE_COUNT + space];
    for (unsigned page = 0; page < SPACE_PAGES; page++)
      window_leaves[space][WINDOW_PAGE + page] = leaf((uint64_t)window_pages[space][page]);
    window_level1[space][0] = table(window_leaves[space]);
    add_object(WINDOW_ID(space), window, window_level1[space]);
    window_descriptor[space] = (uint64_t)window;
    map(space, PROGRAM_SLOT, PROGRAM_ID);
    map(space, WINDOW_SLOT, WINDOW_ID(space));
    view_leaves[space][0] = leaf((uint64_t)view_entries[space]);
    view_level1[space][VIEW_TABLE_INDEX] = table(view_leaves[space]);
    view->root = table(view_level1[space]);
    view_of[space] = (uint64_t)view | V;
  }
  context[1] = POLICY_ALL;
  __asm__ volatile("csrw 0x5c0, %0\n csrw 0x5c1, %1" ::"r"(view_of[0]), "r"((uint64_t)context | V) : "memory");
  return 14ul << 60 | (uint64_t)object_space >> 12;
}

void paging_switch(unsigned space) { __asm__ volatile("csrw 0x5c0, %0" ::"r"(view_of[space]) : "memory"); }

/* xtwz.inval.page descriptor, offset */
static void invalidate_page(uint64_t descriptor, uint64_t offset) {
  __asm__ volatile(".insn r 0x0b, 0, 2, x0, %0, %1" ::"r"(descriptor), "r"(offset) : "memory");
}

void paging_move(unsigned space, unsigned page, unsigned with) {
  uint64_t *leaves = window_leaves[space] + WINDOW_PAGE, hold = leaves[page];
  leaves[page] = leaves[with];
  leaves[with] = hold;
  invalidate_page(window_descriptor[space], (WINDOW_PAGE + page) * 4096ul);
  invalidate_page(window_descriptor[space], (WINDOW_PAGE + with) * 4096ul);
}
