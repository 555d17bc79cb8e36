/**
 * YCSB's core workloads A to F (Cooper et al., SoCC 2010) on the key-value stores: rows of `user` and a scattered number, values of a
 * given size. A row is read whole. An update reads it, changes a tenth of it (one field of ten) and writes it, and is one transaction, as is an insert.
 *
 *   A  reads 50 %, updates 50 %           D  reads of the latest rows 95 %, inserts 5 %
 *   B  reads 95 %, updates 5 %            E  scans of 1 to 100 rows 95 %, inserts 5 %
 *   C  reads                              F  reads 50 %, reads with an update behind 50 %
 *
 * Run one after the other on the same rows in YCSB's order: A, B, C, F, D, E. Rows are chosen by a scrambled zipfian distribution.
 */
import { beginRegion, endRegion, newData } from './measure.ts';
import { Random, scatter, Zipf } from './random.ts';
import { Backend, Cursor, isAbsent } from './store/store.ts';

const ROWS: u64 = 0;
const LONGEST_SCAN: u64 = 100;
/** Rows of a transaction while the table is filled. */
const LOAD_GROUP = 100;
const MOST_BYTES = 1024;

/** Percentages of reads, updates, inserts, scans, reads with an update; and whether the latest rows are read. */
class Mix {
  name: str;
  update: u64;
  insert: u64;
  scan: u64;
  modify: u64;
  latest: bool;
}

const MIXES: FixedArray<Inline<Mix>, 6> = [
  { name: 'A', update: 50, insert: 0, scan: 0, modify: 0, latest: false },
  { name: 'B', update: 5, insert: 0, scan: 0, modify: 0, latest: false },
  { name: 'C', update: 0, insert: 0, scan: 0, modify: 0, latest: false },
  { name: 'F', update: 0, insert: 0, scan: 0, modify: 50, latest: false },
  { name: 'D', update: 0, insert: 5, scan: 0, modify: 0, latest: true },
  { name: 'E', update: 0, insert: 5, scan: 95, modify: 0, latest: false },
];

const keyBuffer = zeroed<FixedArray<u64, 3>>();
const row = zeroed<FixedArray<u64, 128>>();
const random = zeroed<Random>();
const zipf = zeroed<Zipf>();

/** `user` and twenty digits (YCSB's `zeropadding=20`). */
function keyOf(number: u64): str {
  const bytes = changetype<Ptr<u8>>(keyBuffer.ptr);
  let rest = scatter(number);
  for (let i = 23; i >= 4; i--) {
    bytes[i] = u8('0') + u8(rest % 10);
    rest /= 10;
  }
  memory.copy(bytes.address, 'user'.ptr.address, 4);
  return strOf(bytes, 24);
}

/** What a row holds, made from its number. */
function fillRow(number: u64, size: u64): str {
  for (let i: u64 = 0; i < (size + 7) / 8; i++) row[i] = number * 0x9e37_79b9_7f4a_7c15 + i;
  return strOf(changetype<Ptr<u8>>(row.ptr), size);
}

/** Reads a row to `row`. */
function readRow(backend: Backend, number: u64): str {
  const value = backend.get(ROWS, keyOf(number));
  if (isAbsent(value)) panic('a row is missing');
  memory.copy(addressOf(row), value.ptr.address, value.length);
  return strOf(changetype<Ptr<u8>>(row.ptr), value.length);
}

function updateRow(backend: Backend, number: u64): void {
  backend.begin();
  const value = readRow(backend, number);
  const field = max<u64>(value.length / 10, 1);
  memory.fill(addressOf(row) + random.below(10) * field, u8(random.next()), min<u64>(field, value.length));
  backend.put(ROWS, keyOf(number), value);
  backend.commit();
}

function insertRow(backend: Backend, number: u64, size: u64): void {
  backend.begin();
  backend.put(ROWS, keyOf(number), fillRow(number, size));
  backend.commit();
}

function scanRows(backend: Backend, number: u64): u64 {
  const cursor = stack<Cursor>();
  cursor.tree = ROWS;
  const length = 1 + random.below(LONGEST_SCAN);
  let sum: u64 = 0;
  backend.seek(cursor, keyOf(number));
  for (let i: u64 = 0; i < length && cursor.valid; i++) {
    const value = backend.value(cursor);
    memory.copy(addressOf(row), value.ptr.address, value.length);
    sum += row[0];
    backend.next(cursor);
  }
  return sum;
}

/** Does `operations` of a mix. Returns how many rows there are then. */
function runMix(backend: Backend, mix: Mix, count: u64, rows: u64, operations: u64, size: u64): u64 {
  let total = rows;
  let sum: u64 = 0;
  const start = beginRegion();
  for (let i: u64 = 0; i < operations; i++) {
    const rank = zipf.draw(random);
    const number = mix.latest ? total - 1 - rank : scatter(rank) % count;
    const action = random.below(100);
    if (action < mix.update) updateRow(backend, number);
    else if (action < mix.update + mix.insert) {
      insertRow(backend, total, size);
      total++;
    } else if (action < mix.update + mix.insert + mix.scan) sum += scanRows(backend, number);
    else {
      sum += u64(readRow(backend, number)[0]);
      if (action >= 100 - mix.modify) updateRow(backend, number);
    }
  }
  endRegion(mix.name, start, operations);
  if (sum === ~u64(0)) panic('nothing was read');
  return total;
}

/** Fills a table of `count` rows and runs the six workloads on it. */
export function measureYcsb(backend: Backend, count: u64, operations: u64, size: u64): void {
  if (size > MOST_BYTES) panic('rows have at most 1024 bytes');
  // Pages that are there already, as in a file that has its room: two thirds of a page are used on average, and logs take 6 MB.
  const room = 0x68_0000 + ((count + 12 * operations) * (size + 64) * 5) / 2;
  const first = newData(room, true);
  const second = backend.objects > 1 ? newData(0x60_0000, true) : 0;
  backend.format(first, second);
  backend.open(first, second);
  random.state = 0x1234_5678;
  zipf.prepare(count);
  for (let i: u64 = 0; i < count; ) {
    backend.begin();
    for (let end = min<u64>(count, i + LOAD_GROUP); i < end; i++)
      backend.put(ROWS, keyOf(i), fillRow(i, size));
    backend.commit();
  }
  let rows = count;
  for (const mix of MIXES) rows = runMix(backend, mix, count, rows, operations, size);
  if (!backend.isWhole(ROWS)) panic('the table is broken');
}
