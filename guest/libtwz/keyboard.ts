/**
 * Keys of a terminal: bytes, and the escape sequences of cursor keys and their like (ECMA-48, xterm), as one number each. Reports of the terminal's size
 * are taken in on the way (terminal.ts).
 */
import { consoleByte } from './io.ts';
import { setTerminalSize } from './terminal.ts';

/** Keys that are not bytes have numbers from 256 on. */
export enum Key {
  up = 256,
  down = 257,
  right = 258,
  left = 259,
  home = 260,
  end = 261,
  insert = 262,
  delete = 263,
  pageUp = 264,
  pageDown = 265,
  wordRight = 266,
  wordLeft = 267,
  wordDelete = 268,
  pasteStart = 269,
  pasteEnd = 270,
  /** The terminal has another size now. */
  resized = 271,
  /** Something that means nothing here. */
  unknown = 272,
}

const ESCAPE = 27;
const PARAMETERS = 4;

/** A key: a byte below 256, or a member of `Key`. Waits for it. */
export function readKey(): u32 {
  const byte = consoleByte();
  if (byte !== ESCAPE) return u32(byte);
  const kind = consoleByte();
  switch (kind) {
    case u8('['):
      return controlSequence();
    case u8('O'):
      return letterKey(consoleByte(), false);
    case u8('b'):
      return u32(Key.wordLeft);
    case u8('f'):
      return u32(Key.wordRight);
    case u8('d'):
      return u32(Key.wordDelete);
  }
  return u32(Key.unknown);
}

/** The rest of `CSI parameters letter`. */
function controlSequence(): u32 {
  const parameters = stack<FixedArray<u64, 4>>();
  let index: u64 = 0;
  for (;;) {
    const byte = consoleByte();
    if (byte >= u8('0') && byte <= u8('9')) {
      if (index < PARAMETERS) parameters[index] = parameters[index] * 10 + u64(byte - u8('0'));
    } else if (byte === u8(';')) index++;
    else if (byte === u8('~')) return numberKey(parameters[0]);
    else if (byte === u8('t') && parameters[0] === 48) {
      setTerminalSize(parameters[1], parameters[2]);
      return u32(Key.resized);
    } else if (byte >= u8('@')) return letterKey(byte, parameters[1] > 1);
  }
}

function letterKey(letter: u8, modified: bool): u32 {
  switch (letter) {
    case u8('A'):
      return u32(Key.up);
    case u8('B'):
      return u32(Key.down);
    case u8('C'):
      return u32(modified ? Key.wordRight : Key.right);
    case u8('D'):
      return u32(modified ? Key.wordLeft : Key.left);
    case u8('H'):
      return u32(Key.home);
    case u8('F'):
      return u32(Key.end);
  }
  return u32(Key.unknown);
}

function numberKey(number: u64): u32 {
  switch (number) {
    case 1:
    case 7:
      return u32(Key.home);
    case 2:
      return u32(Key.insert);
    case 3:
      return u32(Key.delete);
    case 4:
    case 8:
      return u32(Key.end);
    case 5:
      return u32(Key.pageUp);
    case 6:
      return u32(Key.pageDown);
    case 200:
      return u32(Key.pasteStart);
    case 201:
      return u32(Key.pasteEnd);
  }
  return u32(Key.unknown);
}
