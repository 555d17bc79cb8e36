/** `test` and `[`: conditions on text, numbers and names. The shell has `!`, `&&` and `||`, so a condition is one comparison. */
import { NameType } from '../../abi/name.ts';
import { READ, WRITE } from '../../abi/object.ts';
import { complain } from '../../libtwz/io.ts';
import { Found, lookup } from '../../libtwz/name.ts';
import { openObject, rightsTo, sizeOf } from '../../libtwz/object.ts';
import { field } from './arena.ts';
import { readInteger } from './arithmetic.ts';

/** Exit codes. */
const TRUE: u64 = 0;
const FALSE: u64 = 1;
const MISUSE: u64 = 2;

function verdict(value: bool): u64 {
  return value ? TRUE : FALSE;
}

function misuse(what: str, message: str): u64 {
  complain('test', what, message);
  return MISUSE;
}

/** Tests fields [from, to), the operands without the command's name. Returns the exit code. */
export function testCondition(from: u64, to: u64): u64 {
  const count = to - from;
  if (count === 0) return FALSE;
  if (count > 1 && field(from).equals('!')) {
    const status = testCondition(from + 1, to);
    return status === MISUSE ? MISUSE : verdict(status === FALSE);
  }
  if (count === 1) return verdict(field(from).length !== 0);
  if (count === 2) return testOne(field(from), field(from + 1));
  if (count === 3) return compare(field(from), field(from + 1), field(from + 2));
  return misuse('', 'one condition at a time (combine with && and ||)');
}

function testOne(operator: str, operand: str): u64 {
  if (operator.equals('-n')) return verdict(operand.length !== 0);
  if (operator.equals('-z')) return verdict(operand.length === 0);
  const found = stack<Found>();
  const known = lookup(operand, found) === 0;
  if (operator.equals('-e')) return verdict(known);
  if (operator.equals('-d')) return verdict(known && found.type === NameType.namespace);
  if (operator.equals('-f')) return verdict(known && found.type !== NameType.namespace);
  if (operator.equals('-s')) {
    if ((rightsTo(found.id) & READ) === 0) return FALSE;
    return verdict(known && found.type === NameType.text && sizeOf(openObject(found.id)) !== 0);
  }
  if (operator.equals('-r')) return verdict(known && (rightsTo(found.id) & READ) !== 0);
  if (operator.equals('-w')) return verdict(known && (rightsTo(found.id) & WRITE) !== 0);
  return misuse(operator, 'unknown (-n -z TEXT; -e -f -d -s -r -w NAME)');
}

function compare(left: str, operator: str, right: str): u64 {
  if (operator.equals('=')) return verdict(left.equals(right));
  if (operator.equals('!=')) return verdict(!left.equals(right));
  const a = stack<FixedArray<i64, 1>>();
  const b = stack<FixedArray<i64, 1>>();
  const known =
    operator.equals('-eq') ||
    operator.equals('-ne') ||
    operator.equals('-lt') ||
    operator.equals('-le') ||
    operator.equals('-gt') ||
    operator.equals('-ge');
  if (!known) return misuse(operator, 'unknown (= != for text; -eq -ne -lt -le -gt -ge for numbers)');
  if (!readInteger(left, a.ptr)) return misuse(left, 'is not a number');
  if (!readInteger(right, b.ptr)) return misuse(right, 'is not a number');
  if (operator.equals('-eq')) return verdict(a[0] === b[0]);
  if (operator.equals('-ne')) return verdict(a[0] !== b[0]);
  if (operator.equals('-lt')) return verdict(a[0] < b[0]);
  if (operator.equals('-le')) return verdict(a[0] <= b[0]);
  if (operator.equals('-gt')) return verdict(a[0] > b[0]);
  return verdict(a[0] >= b[0]);
}
