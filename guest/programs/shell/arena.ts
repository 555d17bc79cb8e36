/**
 * Text that lives as long as the command it belongs to: a stack of bytes, and on top of it the fields (expanded words) that point into it. Whoever
 * runs a command marks both before and releases them after, so a command inside another one (`$(…)`) leaves no trace.
 */
import { complain } from '../../libtwz/io.ts';

const BYTES = 262144;
const FIELDS = 2048;

const bytes = zeroed<FixedArray<u8, 262144>>();
const fields = zeroed<FixedArray<Inline<Field>, 2048>>();
let used: u64 = 0;
let fieldsUsed: u64 = 0;
let full = false;

/** A word after expansion. */
export class Field {
  text: str;
}

/** How full both stacks are. */
export class Mark {
  bytes: u64;
  fields: u64;
}

export function mark(place: Mark): void {
  place.bytes = used;
  place.fields = fieldsUsed;
}

export function release(place: Mark): void {
  used = place.bytes;
  fieldsUsed = place.fields;
  full = false;
}

/** Did something not fit since the last release? It was said when it happened. */
export function overflowed(): bool {
  return full;
}

function overflow(): void {
  if (!full) complain('sh', '', 'the command is too long');
  full = true;
}

/** Where the next byte goes. */
export function top(): u64 {
  return used;
}

/** Cuts the bytes off again from `position` on. */
export function cut(position: u64): void {
  used = position;
}

export function put(byte: u8): void {
  if (used === BYTES) {
    overflow();
    return;
  }
  unchecked((bytes[used] = byte));
  used++;
}

export function putText(text: str): void {
  for (const byte of text.bytes) put(byte);
}

/** The bytes since `start`. */
export function textSince(start: u64): str {
  return strOf(bytes.ptr.add(i64(start)), used - start);
}

export function byteAt(position: u64): u8 {
  return bytes[position];
}

export function setByte(position: u64, byte: u8): void {
  bytes[position] = byte;
}

export function fieldCount(): u64 {
  return fieldsUsed;
}

export function field(index: u64): str {
  return fields[index].text;
}

export function setField(index: u64, text: str): void {
  fields[index].text = text;
}

export function addField(text: str): void {
  if (fieldsUsed === FIELDS) {
    overflow();
    return;
  }
  fields[fieldsUsed].text = text;
  fieldsUsed++;
}
