/**
 * `tree NAME put KEY VALUE | get KEY | del KEY | list | check | churn COUNT [SEED]`: a persistent red-black tree in a named object. `churn` inserts and
 * removes keys, one transaction each; pull the plug in between, and `check` finds a whole tree. The nodes lie in three objects by their
 * keys' remainder, so the tree's links cross objects.
 */
import '../libtwz/start.ts';
import { NameType } from '../abi/name.ts';
import { ObjectId } from '../abi/object.ts';
import { ENOENT, SYS_TIE } from '../abi/syscall.ts';
import { Anchor, allocateIn, createHeap, heapOf, isHeap } from '../libtwz/alloc.ts';
import { errorText, lookupText, nameText } from '../libtwz/errors.ts';
import { workOn } from '../libtwz/fault-report.ts';
import { complain, flush, print, printLine, printNumber } from '../libtwz/io.ts';
import { assignName, Found, lookup } from '../libtwz/name.ts';
import { parseNumber } from '../libtwz/number.ts';
import { baseOf, dataOf, deleteObject, openObject } from '../libtwz/object.ts';
import { argument, argumentCount } from '../libtwz/program.ts';
import { createTree, isWhole, nextNode, Tree } from '../libtwz/rbtree.ts';
import { syscall } from '../libtwz/syscall.ts';
import { Tx } from '../libtwz/tx.ts';

/** What a tree object's root points to. */
@persistent
class Forest {
  tree: Tree | null;
  /** The heaps of the second and the third object. */
  second: Anchor | null;
  third: Anchor | null;
}

/** Opens the tree of this name; makes one if there is none and `make`. Null: it cannot be had. */
function openTree(path: str, make: bool): Forest | null {
  const found = stack<Found>();
  workOn(path);
  const result = lookup(path, found);
  if (result === 0) {
    const base = openObject(found.id);
    const root = found.type === NameType.object && isHeap(base) ? heapOf(base).root : null;
    if (root !== null) return at<Forest>(addressOf(root));
    complain('tree', path, 'is not a tree');
    return null;
  }
  if (result !== -ENOENT) {
    complain('tree', path, lookupText(result));
    return null;
  }
  if (found.name.length === 0 || !make) {
    complain('tree', path, make ? 'no such namespace' : 'no such tree (put makes it)');
    return null;
  }
  const id = stack<ObjectId>();
  const second = stack<ObjectId>();
  const third = stack<ObjectId>();
  let made = createHeap(id);
  if (made === 0) made = createPart(id, second);
  if (made === 0) made = createPart(id, third);
  if (made !== 0) {
    complain('tree', path, errorText(made));
    deleteObject(id);
    return null;
  }
  const forest = makeForest(openObject(id), openObject(second), openObject(third));
  const named = assignName(found.parent, found.name, id, NameType.object, false);
  if (named === 0) return forest;
  complain('tree', path, nameText(named));
  deleteObject(id);
  return null;
}

/** Another object of the tree: it lives as long as the first one. */
function createPart(first: ObjectId, id: ObjectId): i64 {
  let result = createHeap(id);
  if (result === 0) result = syscall(SYS_TIE, first.lo, first.hi, id.lo, id.hi, 0);
  if (id.lo !== 0 || id.hi !== 0) deleteObject(id);
  return result;
}

function makeForest(base: usize, second: usize, third: usize): Forest {
  using tx = Tx.begin();
  const tree = createTree(tx, base);
  const forest = at<Forest>(makeRoot(tx, base));
  forest.tree = tree;
  forest.second = at<Anchor>(dataOf(second));
  forest.third = at<Anchor>(dataOf(third));
  heapOf(base).root = at<Anchor>(addressOf(forest));
  return forest;
}

function makeRoot(tx: Tx, base: usize): usize {
  return allocateIn(tx, base, sizeof<Forest>());
}

function put(forest: Forest, key: u64, value: u64): void {
  const tree = forest.tree!;
  const first = addressOf(tree);
  const place = key % 3 === 0 ? addressOf(forest.third) : key % 3 === 1 ? first : addressOf(forest.second);
  using tx = Tx.begin();
  tree.insert(tx, baseOf(place), key, value);
}

function remove(forest: Forest, key: u64): bool {
  using tx = Tx.begin();
  return forest.tree!.remove(tx, key);
}

function churn(forest: Forest, count: u64, seed: u64): void {
  let state = seed * 2 + 1;
  for (let i: u64 = 0; i < count; i++) {
    state = state * 6364136223846793005 + 1442695040888963407;
    const key = (state >> 33) % 500;
    if (((state >> 60) & 1) !== 0) put(forest, key, i);
    else remove(forest, key);
    if ((i + 1) % 100 === 0) {
      printNumber(i + 1);
      printLine(' operations done');
      flush();
    }
  }
}

const USAGE = 'tree NAME put KEY VALUE | get KEY | del KEY | list | check | churn COUNT [SEED]';

function usage(): u64 {
  complain('usage', '', USAGE);
  return 2;
}

/** @export */
function main(): u64 {
  const count = argumentCount();
  if (count === 2 && argument(1).equals('--help')) {
    printLine(USAGE);
    printLine('keeps numbers in a persistent red-black tree over three objects; churn changes it for ever');
    return 0;
  }
  if (count < 3) return usage();
  const numbers = stack<FixedArray<u64, 2>>();
  for (let i: u64 = 3; i < count; i++) {
    if (i > 4 || !parseNumber(argument(i), numbers.ptr.add(i64(i - 3)))) return usage();
  }
  const action = argument(2);
  const forest = openTree(argument(1), action.equals('put') || action.equals('churn'));
  if (forest === null) return 1;
  const tree = forest.tree!;
  if (action.equals('put') && count === 5) put(forest, numbers[0], numbers[1]);
  else if (action.equals('get') && count === 4) {
    const node = tree.find(numbers[0]);
    if (node === null) {
      complain('tree', argument(3), 'no such key');
      return 1;
    }
    printNumber(node.value);
    printLine('');
  } else if (action.equals('del') && count === 4) {
    if (!remove(forest, numbers[0])) {
      complain('tree', argument(3), 'no such key');
      return 1;
    }
  } else if (action.equals('list') && count === 3) {
    for (let node = tree.first(); node !== null; node = nextNode(node)) {
      printNumber(node.key);
      print(' ');
      printNumber(node.value);
      printLine('');
    }
  } else if (action.equals('check') && count === 3) {
    if (!isWhole(tree)) {
      complain('tree', argument(1), 'is BROKEN');
      return 1;
    }
    printNumber(tree.count);
    printLine(' keys, whole');
  } else if (action.equals('churn') && count >= 4) churn(forest, numbers[0], numbers[1]);
  else return usage();
  return 0;
}
