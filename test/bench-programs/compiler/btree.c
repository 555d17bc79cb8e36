/* A B-tree with up to 15 keys a node: insertions with splitting on the way down, then lookups. */
#include <stdbool.h>
#include <stdint.h>
#define KEYS 15
#define NODES 2048

struct node {
  uint32_t count;
  bool leaf;
  uint64_t keys[KEYS];
  struct node *children[KEYS + 1];
};
static struct node pool[NODES];
static uint64_t used;

static struct node *allocate(bool leaf) {
  struct node *node = &pool[used];
  used++;
  node->count = 0;
  node->leaf = leaf;
  return node;
}

static void split_child(struct node *parent, uint32_t index, struct node *child) {
  struct node *right = allocate(child->leaf);
  uint32_t half = KEYS / 2;
  right->count = half;
  for (uint32_t i = 0; i < half; i++) right->keys[i] = child->keys[i + half + 1];
  if (!child->leaf) {
    for (uint32_t i = 0; i <= half; i++) right->children[i] = child->children[i + half + 1];
  }
  child->count = half;
  for (uint32_t i = parent->count; i > index; i--) {
    parent->children[i + 1] = parent->children[i];
    parent->keys[i] = parent->keys[i - 1];
  }
  parent->children[index + 1] = right;
  parent->keys[index] = child->keys[half];
  parent->count++;
}

static uint32_t position(struct node *node, uint64_t key) {
  uint32_t i = 0;
  while (i < node->count && node->keys[i] < key) i++;
  return i;
}

static struct node *insert(struct node *root, uint64_t key) {
  struct node *top = root;
  if (root->count == KEYS) {
    top = allocate(false);
    top->children[0] = root;
    split_child(top, 0, root);
  }
  struct node *node = top;
  while (!node->leaf) {
    uint32_t i = position(node, key);
    struct node *child = node->children[i];
    if (child->count == KEYS) {
      split_child(node, i, child);
      if (node->keys[i] < key) i++;
      child = node->children[i];
    }
    node = child;
  }
  uint32_t i = node->count;
  while (i > 0 && node->keys[i - 1] > key) {
    node->keys[i] = node->keys[i - 1];
    i--;
  }
  node->keys[i] = key;
  node->count++;
  return top;
}

static bool contains(struct node *root, uint64_t key) {
  struct node *node = root;
  for (;;) {
    uint32_t i = position(node, key);
    if (i < node->count && node->keys[i] == key) return true;
    if (node->leaf) return false;
    node = node->children[i];
  }
}

uint64_t run(uint64_t rounds) {
  uint64_t sum = 0;
  for (uint64_t r = 0; r < rounds; r++) {
    used = 0;
    struct node *root = allocate(true);
    uint64_t seed = 1234567;
    for (uint64_t i = 0; i < 5000; i++) {
      seed = seed * 6364136223846793005 + 1442695040888963407;
      root = insert(root, seed >> 44);
    }
    seed = 1234567;
    for (uint64_t i = 0; i < 5000; i++) {
      seed = seed * 6364136223846793005 + 1442695040888963407;
      if (contains(root, (seed >> 44) + (i & 1))) sum += i;
    }
  }
  return sum;
}
