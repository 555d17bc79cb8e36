/** Looking for text, from the cursor on and then from the beginning. */
import { byteAt, cursor, textLength } from './buffer.ts';
import { moved } from './movement.ts';
import { tell } from './screen.ts';

const wanted = zeroed<FixedArray<u8, 128>>();
let length: u64 = 0;

function isAt(index: u64): bool {
  if (index + length > textLength()) return false;
  for (let i: u64 = 0; i < length; i++) if (byteAt(index + i) !== wanted[i]) return false;
  return true;
}

/** Goes to the next place of a text; an empty one: of the text that was looked for last. */
export function findNext(text: str): void {
  if (text.length !== 0) {
    length = min<u64>(text.length, 128);
    memory.copy(addressOf(wanted), text.ptr.address, length);
  }
  if (length === 0) return;
  const total = textLength();
  for (let i: u64 = 1; i <= total; i++) {
    const index = (cursor() + i) % (total + 1);
    if (!isAt(index)) continue;
    if (index <= cursor()) tell('from the beginning');
    moved(index);
    return;
  }
  tell(isAt(cursor()) ? 'only here' : 'not found');
}
