/** Torture workload: a string that is appended to, inserted into, cut, replaced and cleared. */
import '../libtwz/torture-only.ts';
import { createPool } from '../libtwz/pool.ts';
import { createText, Text } from '../libtwz/text.ts';
import { finish, makeSubject, mix, runWorkload, setSubjectRoot, subjectRoot } from '../libtwz/torture.ts';
import { Tx } from '../libtwz/tx.ts';

function text(): Text {
  return at<Text>(subjectRoot());
}

function setup(): void {
  const base = makeSubject();
  makeText(base);
  text().append('The quick brown fox jumps over the lazy dog. ');
}

function makeText(base: usize): void {
  using tx = Tx.begin();
  setSubjectRoot(tx, base, addressOf(createText(tx, createPool(tx, base))));
}

function operation(index: u64): void {
  if (index === 1) text().append('Sphinx of black quartz, judge my vow.');
  else if (index === 2) text().insert(4, 'very ');
  else if (index === 3) text().erase(9, 6);
  else if (index === 4) text().assign('short');
  else text().clear();
}

function check(): u64 {
  const bytes = text();
  const length = bytes.length;
  if (length > 500) finish(20);
  let value: u64 = mix(0, length);
  for (let i: u64 = 0; i < length; i++) value = mix(value, u64(bytes.byteAt(i)));
  return value;
}

/** @export */
function torture(): u64 {
  return runWorkload(5, setup, operation, check);
}
