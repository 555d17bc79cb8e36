/* A left-leaning red-black tree (Sedgewick 2008): insertions, look-ups, deletions of the minimum and a walk. */
#include "bench.h"

const char benchmark_name[] = "rbtree";

struct tree {
  struct tree *left, *right;
  uint64_t key;
  uint32_t value;
  uint8_t red;
};

#define NODES 16384
static struct tree pool[NODES], *unused;

static int is_red(const struct tree *t) { return t && t->red; }

static struct tree *rotate_left(struct tree *t) {
  struct tree *r = t->right;
  t->right = r->left;
  r->left = t;
  r->red = t->red;
  t->red = 1;
  return r;
}

static struct tree *rotate_right(struct tree *t) {
  struct tree *l = t->left;
  t->left = l->right;
  l->right = t;
  l->red = t->red;
  t->red = 1;
  return l;
}

static void flip(struct tree *t) {
  t->red ^= 1;
  t->left->red ^= 1;
  t->right->red ^= 1;
}

static struct tree *balance(struct tree *t) {
  if (is_red(t->right) && !is_red(t->left)) t = rotate_left(t);
  if (is_red(t->left) && is_red(t->left->left)) t = rotate_right(t);
  if (is_red(t->left) && is_red(t->right)) flip(t);
  return t;
}

static struct tree *insert(struct tree *t, uint64_t key, uint32_t value) {
  if (!t) {
    t = unused;
    if (!t) return NULL;
    unused = t->left;
    *t = (struct tree){NULL, NULL, key, value, 1};
    return t;
  }
  if (key < t->key)
    t->left = insert(t->left, key, value);
  else if (key > t->key)
    t->right = insert(t->right, key, value);
  else
    t->value += value;
  return balance(t);
}

static struct tree *remove_minimum(struct tree *t) {
  if (!t->left) {
    t->left = unused;
    unused = t;
    return NULL;
  }
  if (!is_red(t->left) && !is_red(t->left->left)) {
    flip(t);
    if (is_red(t->right->left)) {
      t->right = rotate_right(t->right);
      t = rotate_left(t);
      flip(t);
    }
  }
  t->left = remove_minimum(t->left);
  return balance(t);
}

static const struct tree *look_up(const struct tree *t, uint64_t key) {
  while (t && t->key != key) t = key < t->key ? t->left : t->right;
  return t;
}

static uint64_t walk(const struct tree *t, uint64_t checksum) {
  if (!t) return checksum;
  checksum = walk(t->left, checksum);
  checksum = fold(checksum, t->key + t->value);
  return walk(t->right, checksum);
}

uint64_t benchmark(void) {
  uint64_t seed = 13, checksum = 0;
  for (int i = 0; i < NODES; i++) {
    pool[i].left = unused;
    unused = &pool[i];
  }
  struct tree *root = NULL;
  for (int round = 0; round < SCALED(24); round++) {
    for (int i = 0; i < 12000 && unused; i++) root = insert(root, next_random(&seed) >> 46, (uint32_t)i);
    for (int i = 0; i < 30000; i++) {
      const struct tree *found = look_up(root, next_random(&seed) >> 46);
      checksum += found ? found->value : 1;
    }
    checksum = walk(root, checksum);
    for (int i = 0; i < 9000 && root && root->left; i++) {
      root = remove_minimum(root);
      root->red = 0;
    }
  }
  return checksum;
}
