/** Torture workload: a text over three objects; appending within a segment and into the next, inserting, erasing, replacing, emptying. */
import '../libtwz/torture-only.ts';
import { Pool } from '../libtwz/pool.ts';
import { createText, Text } from '../libtwz/text.ts';
import { mix, runWorkload } from '../libtwz/torture.ts';
import { Tx } from '../libtwz/tx.ts';
import { container, setUp } from './shared/state.ts';

function text(): Text {
  return at<Text>(container());
}

function make(tx: Tx, pool: Pool): usize {
  return addressOf(createText(tx, pool));
}

function setup(): void {
  setUp(make);
  text().append('a text of some forty bytes to begin with');
}

function operation(index: u64): void {
  const bytes = text();
  if (index === 1) bytes.append(', and a little');
  else if (index === 2) bytes.append(' more than fits into one segment');
  else if (index === 3) bytes.insert(7, 'short ');
  else if (index === 4) bytes.erase(2, 30);
  else if (index === 5) bytes.assign('something else');
  else bytes.clear();
}

function check(): u64 {
  const bytes = text();
  let value = mix(0, bytes.length);
  for (let i: u64 = 0; i < bytes.length; i++) value = mix(value, u64(bytes.byteAt(i)));
  return value;
}

/** @export */
function torture(): u64 {
  return runWorkload(6, setup, operation, check);
}
