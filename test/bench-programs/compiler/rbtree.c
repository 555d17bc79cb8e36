/* A red-black tree with parent pointers: insertions in pseudo-random order, then lookups. */
#include <stdbool.h>
#include <stdint.h>
#define NODES 4096

struct node {
  uint64_t key;
  struct node *left, *right, *parent;
  bool red;
};
struct tree {
  struct node *root;
};
static struct node pool[NODES];
static struct tree tree;

static void replace_child(struct tree *t, struct node *parent, struct node *old, struct node *by) {
  if (!parent) t->root = by;
  else if (parent->left == old) parent->left = by;
  else parent->right = by;
  by->parent = parent;
}

static void rotate_left(struct tree *t, struct node *x) {
  struct node *y = x->right;
  x->right = y->left;
  if (y->left) y->left->parent = x;
  replace_child(t, x->parent, x, y);
  y->left = x;
  x->parent = y;
}

static void rotate_right(struct tree *t, struct node *x) {
  struct node *y = x->left;
  x->left = y->right;
  if (y->right) y->right->parent = x;
  replace_child(t, x->parent, x, y);
  y->right = x;
  x->parent = y;
}

static void insert(struct tree *t, struct node *added) {
  struct node *parent = 0, *at = t->root;
  while (at) {
    parent = at;
    at = added->key < at->key ? at->left : at->right;
  }
  added->left = 0;
  added->right = 0;
  added->parent = parent;
  added->red = true;
  if (!parent) t->root = added;
  else if (added->key < parent->key) parent->left = added;
  else parent->right = added;
  struct node *node = added;
  for (;;) {
    struct node *up = node->parent;
    if (!up || !up->red) break;
    struct node *grand = up->parent;
    if (up == grand->left) {
      struct node *uncle = grand->right;
      if (uncle && uncle->red) {
        up->red = false;
        uncle->red = false;
        grand->red = true;
        node = grand;
        continue;
      }
      if (node == up->right) {
        rotate_left(t, up);
        node = up;
        up = node->parent;
      }
      up->red = false;
      grand->red = true;
      rotate_right(t, grand);
    } else {
      struct node *uncle = grand->left;
      if (uncle && uncle->red) {
        up->red = false;
        uncle->red = false;
        grand->red = true;
        node = grand;
        continue;
      }
      if (node == up->left) {
        rotate_right(t, up);
        node = up;
        up = node->parent;
      }
      up->red = false;
      grand->red = true;
      rotate_left(t, grand);
    }
  }
  t->root->red = false;
}

static struct node *find(struct tree *t, uint64_t key) {
  struct node *at = t->root;
  while (at && at->key != key) at = key < at->key ? at->left : at->right;
  return at;
}

uint64_t run(uint64_t rounds) {
  uint64_t sum = 0, seed = 88172645463325252;
  for (uint64_t r = 0; r < rounds; r++) {
    tree.root = 0;
    for (uint64_t i = 0; i < NODES; i++) {
      seed ^= seed << 13;
      seed ^= seed >> 7;
      seed ^= seed << 17;
      struct node *node = &pool[i];
      node->key = seed >> 40;
      insert(&tree, node);
    }
    for (uint64_t i = 0; i < NODES; i++) {
      struct node *node = find(&tree, pool[i].key + (i & 1));
      if (node) sum += node->key;
    }
  }
  return sum;
}
