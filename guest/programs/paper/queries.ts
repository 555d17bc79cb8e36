/**
 * The queries of the paper's Figure 5 on the key-value stores, with the table and the questions of its program: `people` with first and last
 * name, salary, age, children and job. Made here as a database does them: rows are found by number in one tree; what needs an order is sorted in
 * memory by references to copies of the rows.
 *
 *   mean    average salary                      find   rows with one first name, without an index
 *   median  average of the middle salaries      index  making an index of first names
 *   sort    all rows by age                     probe  rows with one first name, by the index
 */
import { beginRegion, endRegion, newData, report } from './measure.ts';
import { Random } from './random.ts';
import { Backend, Cursor, compareKeys, isAbsent } from './store/store.ts';

const PEOPLE: u64 = 0;
const BY_NAME: u64 = 1;
/** Rows of a transaction, when a table or index is made. */
const GROUP = 1000;
const PROBES: u64 = 200;
const MOST_ROW = 128;

/** A row; the texts follow each other in `texts`. */
class Row {
  salary: f64;
  firstLength: u8;
  lastLength: u8;
  jobLength: u8;
  age: u8;
  children: u8;
  readonly texts: FixedArray<u8, 8>;

  get firstName(): str {
    return strOf(this.texts.ptr, u64(this.firstLength));
  }
}

const ROW_HEAD = offsetof<Row>('texts');

const random = zeroed<Random>();
const cursor = zeroed<Cursor>();
const keyBuffer = zeroed<FixedArray<u64, 8>>();

const rowBuffer = zeroed<FixedArray<u64, 16>>();
/** Volatile memory to sort in: copies of rows, then references to them, twice. */
let copies: usize = 0;
let order: Ptr<usize> | null = null;
let spare: Ptr<usize> | null = null;

/** The key of a row: its number, the highest byte first. */
function rowKey(number: u64): str {
  store<u64>(addressOf(keyBuffer), bswap<u64>(number));
  return strOf(changetype<Ptr<u8>>(keyBuffer.ptr), 8);
}

/** Appends a random name, as the paper's program makes them: every letter may be the last. */
function randomName(to: usize): u64 {
  let length: u64 = 0;
  while (length < random.below(24)) {
    store<u8>(to + length, u8('a') + u8(random.below(25)));
    length++;
  }
  return length;
}

function makeRow(number: u64, rows: u64): str {
  const row = at<Row>(addressOf(rowBuffer));
  let end = addressOf(row.texts);
  let length: u64 = 5;
  if (number === rows / 2) memory.copy(end, 'abcde'.ptr.address, 5);
  else length = randomName(end);
  row.firstLength = u8(length);
  end += length;
  length = randomName(end);
  row.lastLength = u8(length);
  end += length;
  length = randomName(end);
  row.jobLength = u8(length);
  end += length;
  row.salary = f64(random.below(1_000_000));
  row.age = u8(random.below(100));
  row.children = u8(random.below(8));
  return strOf(changetype<Ptr<u8>>(rowBuffer.ptr), end - addressOf(row));
}

function fillTable(backend: Backend, rows: u64): void {
  for (let i: u64 = 0; i < rows; ) {
    backend.begin();
    for (let end = min<u64>(rows, i + GROUP); i < end; i++) backend.put(PEOPLE, rowKey(i), makeRow(i, rows));
    backend.commit();
  }
}

/** Bytes at a cursor may lie at any address; a row's numbers are read from a copy. */
function salaryOf(value: str): f64 {
  return load<f64>(value.ptr.address);
}

function mean(backend: Backend): f64 {
  let sum: f64 = 0.0;
  let count: u64 = 0;
  for (backend.first(cursor); cursor.valid; backend.next(cursor)) {
    sum += salaryOf(backend.value(cursor));
    count++;
  }
  return sum / f64(count);
}

/** Copies all rows, each with its number before it, to memory; how many there are. */
function copyRows(backend: Backend): u64 {
  let count: u64 = 0;
  let to = copies;
  for (backend.first(cursor); cursor.valid; backend.next(cursor)) {
    const value = backend.value(cursor);
    order![i64(count)] = to;
    store<u64>(to, bswap<u64>(load<u64>(backend.key(cursor).ptr.address)));
    memory.copy(to + 8, value.ptr.address, value.length);
    to += (8 + value.length + 7) & ~u64(7);
    count++;
  }
  return count;
}

function rowAt(copy: usize): Row {
  return at<Row>(copy + 8);
}

function byAge(a: usize, b: usize): bool {
  return rowAt(a).age <= rowAt(b).age;
}

function bySalary(a: usize, b: usize): bool {
  return load<f64>(a) <= load<f64>(b);
}

function byName(a: usize, b: usize): bool {
  return compareKeys(rowAt(a).firstName, rowAt(b).firstName) <= 0;
}

/** Sorts `order[0 … count)` by merging, which keeps equal ones in order. `inOrder(a, b)`: may `a` come before `b`? */
function sortRows(count: u64, inOrder: (a: usize, b: usize) => bool): void {
  for (let width: u64 = 1; width < count; width *= 2) {
    const from = order!;
    const to = spare!;
    for (let start: u64 = 0; start < count; start += 2 * width) {
      const middle = min<u64>(start + width, count);
      const end = min<u64>(start + 2 * width, count);
      let left = start;
      let right = middle;
      for (let i = start; i < end; i++) {
        const takeLeft = left < middle && (right === end || inOrder(from[i64(left)], from[i64(right)]));
        to[i64(i)] = from[i64(takeLeft ? left++ : right++)];
      }
    }
    order = to;
    spare = from;
  }
}

function sumOf(bytes: usize, length: u64): u64 {
  let sum: u64 = 0;
  for (let i: u64 = 0; i < length; i++) sum = sum * 31 + u64(load<u8>(bytes + i));
  return sum;
}

/** All rows by age; a sum over them in that order stands for the output. */
function sort(backend: Backend): u64 {
  const count = copyRows(backend);
  sortRows(count, byAge);
  let sum: u64 = 0;
  for (let i: u64 = 0; i < count; i++) {
    const row = rowAt(order![i64(i)]);
    const length = ROW_HEAD + u64(row.firstLength) + u64(row.lastLength) + u64(row.jobLength);
    sum = sum * 31 + sumOf(addressOf(row), length);
  }
  return sum;
}

/** SELECT AVG(Salary) FROM (SELECT Salary FROM people ORDER BY Salary LIMIT 2 OFFSET (SELECT (COUNT(*) - 1) / 2 FROM people)) */
function median(backend: Backend): f64 {
  let count: u64 = 0;
  for (backend.first(cursor); cursor.valid; backend.next(cursor)) count++;
  let i: u64 = 0;
  for (backend.first(cursor); cursor.valid; backend.next(cursor)) {
    order![i64(i)] = copies + i * 8;
    store<f64>(copies + i * 8, salaryOf(backend.value(cursor)));
    i++;
  }
  sortRows(count, bySalary);
  const middle = (count - 1) / 2;
  const low = load<f64>(order![i64(middle)]);
  return count === 1 ? low : (low + load<f64>(order![i64(middle) + 1])) / 2.0;
}

/** Rows whose first name this is, one by one. */
function find(backend: Backend, name: str): u64 {
  let found: u64 = 0;
  for (backend.first(cursor); cursor.valid; backend.next(cursor)) {
    if (at<Row>(backend.value(cursor).ptr.address).firstName.equals(name)) found++;
  }
  return found;
}

/** The key of an index entry: the name, a zero, the row's number. */
function indexKey(name: str, number: u64): str {
  memory.copy(addressOf(keyBuffer), name.ptr.address, name.length);
  store<u8>(addressOf(keyBuffer) + name.length, 0);
  const digits = bswap<u64>(number);
  memory.copy(addressOf(keyBuffer) + name.length + 1, ptrTo(digits).address, 8);
  return strOf(changetype<Ptr<u8>>(keyBuffer.ptr), name.length + 9);
}

/** Makes the index: names are sorted first, so that they come to the tree in order. */
function makeIndex(backend: Backend): void {
  const count = copyRows(backend);
  sortRows(count, byName);
  for (let i: u64 = 0; i < count; ) {
    backend.begin();
    for (let end = min<u64>(count, i + GROUP); i < end; i++) {
      const copy = order![i64(i)];
      backend.put(BY_NAME, indexKey(rowAt(copy).firstName, load<u64>(copy)), '');
    }
    backend.commit();
  }
}

/** Rows whose first name this is, by the index. */
function probe(backend: Backend, name: str): u64 {
  const wanted = stack<FixedArray<u64, 8>>();
  const key = indexKey(name, 0);
  const prefix = key.length - 8;
  memory.copy(addressOf(wanted), key.ptr.address, prefix);
  cursor.tree = BY_NAME;
  let sum: u64 = 0;
  for (backend.seek(cursor, key); cursor.valid; backend.next(cursor)) {
    const found = backend.key(cursor);
    if (found.length !== prefix + 8 || memory.compare(found.ptr.address, addressOf(wanted), prefix) !== 0)
      break;
    const row = backend.get(PEOPLE, found.subslice(prefix));
    if (isAbsent(row)) panic('the index names a row that is not there');
    sum += sumOf(row.ptr.address, row.length);
  }
  cursor.tree = PEOPLE;
  return sum;
}

function nameOf(backend: Backend, number: u64): str {
  return at<Row>(backend.get(PEOPLE, rowKey(number)).ptr.address).firstName;
}

/** Probes for the names of rows all over the table, of four letters or more: short ones are many people's. */
function probeMany(backend: Backend, rows: u64): u64 {
  const name = stack<FixedArray<u64, 4>>();
  let sum: u64 = 0;
  for (let i: u64 = 0; i < PROBES; i++) {
    let number = (i * 7919 + rows / 2) % rows;
    let first = nameOf(backend, number);
    while (first.length < 4) {
      number = (number + 1) % rows;
      first = nameOf(backend, number);
    }
    memory.copy(addressOf(name), first.ptr.address, first.length);
    sum += probe(backend, strOf(changetype<Ptr<u8>>(name.ptr), first.length));
  }
  return sum;
}

function prepareSorting(rows: u64): void {
  const references = newData(rows * 16, false);
  order = at<Ptr<usize>>(references);
  spare = at<Ptr<usize>>(references + rows * 8);
  copies = newData(rows * MOST_ROW, false);
}

/** Fills a table and times the queries on it. */
export function measureQueries(backend: Backend, rows: u64): void {
  const first = newData(0x68_0000 + rows * 512, true);
  const second = backend.objects > 1 ? newData(0x60_0000, true) : 0;
  backend.format(first, second);
  backend.open(first, second);
  random.state = 0x8765_4321;
  prepareSorting(rows);
  fillTable(backend, rows);
  cursor.tree = PEOPLE;
  let check: u64 = 0;
  let start = beginRegion();
  check += sort(backend);
  endRegion('sort', start, rows);
  start = beginRegion();
  check += u64(mean(backend));
  endRegion('mean', start, rows);
  start = beginRegion();
  check += u64(median(backend));
  endRegion('median', start, rows);
  start = beginRegion();
  makeIndex(backend);
  endRegion('index', start, rows);
  start = beginRegion();
  const found = find(backend, 'abcde');
  endRegion('find', start, rows);
  start = beginRegion();
  check += probeMany(backend, rows);
  endRegion('probe', start, PROBES);
  if (found === 0) panic('the needle is not found');

  // All backends must come to the same answers: the host compares this line.
  report('answer', check, found);
}
