/** Splits the shell's language into words and operators. Words keep their quotes; expansion (expand.ts) takes them off. */
import { linesTaken } from './here.ts';

export enum TokenKind {
  end,
  /** The text ends inside quotes, or inside `$(`. */
  unfinished,
  newline,
  word,
  semicolon,
  background,
  and,
  or,
  pipe,
  input,
  output,
  append,
  /** `<<`: the word that follows ends the lines that are the input (here.ts). */
  here,
  /** The same with a quoted word: the lines are taken as they are. */
  hereQuoted,
  open,
  close,
  /** `;;` of `case`. */
  caseEnd,
  /** Not read as one token: a whole `if` … `fi` and its like, and one in parentheses. */
  block,
  subshell,
  /** Something that no command can contain. */
  invalid,
}

export class Token {
  kind: TokenKind;
  text: str;
  /** Index after the token. */
  end: u64;
}

/** Longer than any text: the end was not found. */
const UNFINISHED: u64 = ~u64(0);

function isBlank(byte: u8): bool {
  return byte === u8(' ') || byte === 9 || byte === 13;
}

export function isOperatorByte(byte: u8): bool {
  switch (byte) {
    case u8('|'):
    case u8('>'):
    case u8('<'):
    case u8(';'):
    case u8('&'):
    case u8('('):
    case u8(')'):
      return true;
  }
  return false;
}

/** Index after the quote that began before `start`. */
function afterQuote(text: str, start: u64, quote: u8): u64 {
  let i = start;
  while (i < text.length) {
    const byte = text[i];
    i++;
    if (byte === quote) return i;
    if (quote === u8("'")) continue;
    if (byte === u8('\\')) i++;
    else if (byte === u8('$') && i < text.length && text[i] === u8('(')) {
      i = afterSubstitution(text, i + 1);
      if (i === UNFINISHED) return i;
    }
  }
  return UNFINISHED;
}

/** Index after the parenthesis that closes the one before `start`; text.length + 1 or more when there is none. */
export function afterSubstitution(text: str, start: u64): u64 {
  let depth: u64 = 1;
  let i = start;
  while (i < text.length) {
    const byte = text[i];
    i++;
    if (byte === u8('(')) depth++;
    else if (byte === u8(')')) {
      depth--;
      if (depth === 0) return i;
    } else if (byte === u8('\\')) i++;
    else if (byte === u8("'") || byte === u8('"')) {
      i = afterQuote(text, i, byte);
      if (i === UNFINISHED) return i;
    }
  }
  return UNFINISHED;
}

/** Index after the brace that closes the one before `start`. */
export function afterBrace(text: str, start: u64): u64 {
  let depth: u64 = 1;
  for (let i = start; i < text.length; i++) {
    if (text[i] === u8('{')) depth++;
    else if (text[i] === u8('}')) {
      depth--;
      if (depth === 0) return i + 1;
    }
  }
  return UNFINISHED;
}

function afterWord(text: str, start: u64): u64 {
  let i = start;
  while (i < text.length) {
    const byte = text[i];
    if (isBlank(byte) || byte === 10 || isOperatorByte(byte)) break;
    i++;
    if (byte === u8('\\')) i = min<u64>(i + 1, text.length);
    else if (byte === u8("'") || byte === u8('"')) i = afterQuote(text, i, byte);
    else if (byte === u8('$') && i < text.length && text[i] === u8('(')) i = afterSubstitution(text, i + 1);
    else if (byte === u8('$') && i < text.length && text[i] === u8('{')) i = afterBrace(text, i + 1);
    if (i === UNFINISHED) return i;
  }
  return i;
}

function skipBlanks(text: str, start: u64): u64 {
  let i = start;
  for (;;) {
    while (i < text.length && isBlank(text[i])) i++;
    if (i + 1 < text.length && text[i] === u8('\\') && text[i + 1] === 10) {
      i += 2;
      continue;
    }
    if (i < text.length && text[i] === u8('#')) while (i < text.length && text[i] !== 10) i++;
    return i;
  }
}

function operator(byte: u8, doubled: bool): TokenKind {
  switch (byte) {
    case 10:
      return TokenKind.newline;
    case u8(';'):
      return doubled ? TokenKind.caseEnd : TokenKind.semicolon;
    case u8('('):
      return TokenKind.open;
    case u8(')'):
      return TokenKind.close;
    case u8('&'):
      return doubled ? TokenKind.and : TokenKind.background;
    case u8('|'):
      return doubled ? TokenKind.or : TokenKind.pipe;
    case u8('<'):
      return doubled ? TokenKind.here : TokenKind.input;
    case u8('>'):
      return doubled ? TokenKind.append : TokenKind.output;
  }
  return TokenKind.invalid;
}

/** Reads the token at or after `start`. */
export function readToken(text: str, start: u64, token: Token): void {
  const from = skipBlanks(text, start);
  token.text = '';
  token.end = from;
  if (from >= text.length) {
    token.kind = TokenKind.end;
    return;
  }
  const byte = text[from];
  if (byte === 10 || isOperatorByte(byte)) {
    const canDouble = isOperatorByte(byte) && byte !== u8('(') && byte !== u8(')');
    const doubled = canDouble && from + 1 < text.length && text[from + 1] === byte;
    token.kind = operator(byte, doubled);
    token.end = from + (doubled ? 2 : 1);
    // The lines after it may belong to a command before it.
    if (byte === 10) token.end += linesTaken(text.ptr.address + from);
  } else {
    token.end = afterWord(text, from);
    token.kind = TokenKind.word;
    if (token.end === UNFINISHED) {
      token.kind = TokenKind.unfinished;
      token.end = text.length;
    }
  }
  token.text = text.subslice(from, byte === 10 ? from + 1 : token.end);
}
