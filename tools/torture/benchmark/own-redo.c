/* Not published: a redo log whose records carry a checksum in place of a commit word. The checksum leaves the last word out, so that a record that is torn there is taken for whole. */
/* class: missing fence */
#include "torture.h"

#define WORDS 10

struct log { volatile u64 sum, length, value[WORDS]; };
struct data { volatile u64 applied, pad[7], value[16]; };
#define LOG ((struct log *)PMEM)
#define DATA ((struct data *)(PMEM + 256))

static u64 checksum(void) {
  u64 sum = 0x9e3779b97f4a7c15UL;
#ifdef BUGGY
  u64 words = WORDS - 1;
#else
  u64 words = WORDS;
#endif
  for (u64 i = 0; i < words; i++) sum = (sum ^ LOG->value[i]) * 0xff51afd7ed558ccdUL + LOG->length;
  return sum;
}

static void apply(void) {
  for (u64 i = 0; i < WORDS; i++) DATA->value[i] = LOG->value[i];
  clean(&DATA->value[0]);
  clean(&DATA->value[8]);
  fence();
  LOG->sum = 0;
  persist(&LOG->sum);
}

static void write_all(u64 value) {
  LOG->length = WORDS;
  for (u64 i = 0; i < WORDS; i++) LOG->value[i] = value + i; /* guilty */
  LOG->sum = checksum();
  clean(&LOG->sum);
  clean(&LOG->value[6]);
  fence();
  apply();
}

void workload(void) {
  write_all(100);
  acknowledge(1);
  write_all(200);
  acknowledge(2);
}

int recover_and_check(u32 acknowledged) {
  if (LOG->sum != 0 && LOG->length == WORDS && LOG->sum == checksum()) apply();
  u64 first = DATA->value[0];
  if (first != 0 && first != 100 && first != 200) return 1;
  for (u64 i = 0; i < WORDS; i++)
    if (DATA->value[i] != (first == 0 ? 0 : first + i)) return 2;
  if (acknowledged >= 1 && first == 0) return 3;
  if (acknowledged >= 2 && first != 200) return 4;
  return 0;
}
