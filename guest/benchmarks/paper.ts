/**
 * The measurements of Twizzler's paper, for `licorice bench paper`: `paper table1 | rbt KIND COUNT | kv KIND COUNT OBJECTS [durable] |
 * containers COUNT | logboi COUNT | ycsb STORE ROWS OPERATIONS BYTES | queries STORE ROWS`. Each line that it prints is a name, cycles, and the number of operations that took them; with the timing
 * model the cycles are those of the modelled processor, without it instructions.
 */
import '../libtwz/start.ts';
import { complain } from '../libtwz/io.ts';
import { parseNumber } from '../libtwz/number.ts';
import { argument, argumentCount } from '../libtwz/program.ts';
import { measureContainers } from '../programs/paper/containers.ts';
import { measureStore } from '../programs/paper/kv.ts';
import { measureLogs } from '../programs/paper/logs.ts';
import { measureQueries } from '../programs/paper/queries.ts';
import { measureTree } from '../programs/paper/rbt.ts';
import { findBackend } from '../programs/paper/store/backends.ts';
import { measureTranslation } from '../programs/paper/table1.ts';
import { measureYcsb } from '../programs/paper/ycsb.ts';

function usage(): u64 {
  complain(
    'usage',
    '',
    'paper table1 | rbt KIND COUNT | kv KIND COUNT OBJECTS [durable] | containers COUNT | logboi COUNT | ycsb STORE ROWS OPERATIONS BYTES | queries STORE ROWS',
  );
  return 2;
}

function numberAt(index: u64): u64 {
  const value = stack<FixedArray<u64, 1>>();
  return index < argumentCount() && parseNumber(argument(index), value.ptr) ? value[0] : 0;
}

function measureDatabase(what: str): u64 {
  const backend = argumentCount() > 3 ? findBackend(argument(2)) : null;
  if (backend === null || numberAt(3) === 0) return usage();
  if (what.equals('queries')) measureQueries(backend, numberAt(3));
  else if (what.equals('ycsb') && numberAt(4) !== 0 && numberAt(5) !== 0)
    measureYcsb(backend, numberAt(3), numberAt(4), numberAt(5));
  else return usage();
  return 0;
}

/** @export */
function main(): u64 {
  if (argumentCount() < 2) return usage();
  const what = argument(1);
  if (what.equals('table1')) measureTranslation();
  else if (what.equals('containers') && numberAt(2) !== 0) measureContainers(numberAt(2));
  else if (what.equals('logboi') && numberAt(2) !== 0) measureLogs(numberAt(2));
  else if (what.equals('rbt') && numberAt(3) !== 0)
    return measureTree(argument(2), numberAt(3)) ? 0 : usage();
  else if (what.equals('kv') && numberAt(3) !== 0 && numberAt(4) !== 0) {
    const durable = argumentCount() === 6 && argument(5).equals('durable');
    return measureStore(argument(2), numberAt(3), numberAt(4), durable) ? 0 : usage();
  } else return measureDatabase(what);
  return 0;
}
