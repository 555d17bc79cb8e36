/**
 * Here-documents: `<<END` makes the lines up to one that says END the input of its command. They follow the line that the command is on, so the lexer
 * has to jump over them; what has been found is kept by the address of the `<<`, for as long as its text is read and run.
 */
import { readToken, Token, TokenKind } from './lexer.ts';

const DOCUMENTS = 32;

class Document {
  /** Addresses: behind the word that names the end, of the line feed behind which the lines begin, of the lines, and behind the last one. */
  place: usize;
  lineFeed: usize;
  start: usize;
  length: u64;
  after: usize;
}

const documents = zeroed<FixedArray<Inline<Document>, 32>>();
let next: u64 = 0;

/** Another text lies there now. */
export function forgetDocuments(text: str): void {
  const start = text.ptr.address;
  for (const document of documents) {
    if (document.place >= start && document.place <= start + text.length) document.place = 0;
  }
}

/** Bytes behind a line feed that are lines of documents. */
export function linesTaken(lineFeed: usize): u64 {
  let after = lineFeed + 1;
  for (const document of documents) {
    if (document.place !== 0 && document.lineFeed === lineFeed) after = max<usize>(after, document.after);
  }
  return after - lineFeed - 1;
}

/** Is anything of the word quoted? */
export function isQuoted(word: str): bool {
  for (const byte of word.bytes) if (byte === u8("'") || byte === u8('"') || byte === u8('\\')) return true;
  return false;
}

/** Is a line the word, its quotes taken off? */
function ends(line: str, word: str): bool {
  let i: u64 = 0;
  for (const byte of word.bytes) {
    if (byte === u8("'") || byte === u8('"') || byte === u8('\\')) continue;
    if (i === line.length || line[i] !== byte) return false;
    i++;
  }
  return i === line.length;
}

/** The lines of the document whose word `word` ends at `at` of the text (`isFound` tells whether they end there). */
export function findDocument(text: str, at: u64, word: str): str {
  const place = text.ptr.address + at;
  for (const document of documents) {
    if (document.place === place) return strOf(changetype<Ptr<u8>>(document.start), document.length);
  }
  const token = stack<Token>();
  token.end = at;
  do readToken(text, token.end, token);
  while (
    token.kind !== TokenKind.newline &&
    token.kind !== TokenKind.end &&
    token.kind !== TokenKind.unfinished
  );
  if (token.kind !== TokenKind.newline) return '';
  const lineFeed = token.text.ptr.address - text.ptr.address;
  const first = lineFeed + 1 + linesTaken(token.text.ptr.address);
  let start = first;
  while (start < text.length) {
    let end = start;
    while (end < text.length && text[end] !== 10) end++;
    if (!ends(text.subslice(start, end), word)) {
      start = end + 1;
      continue;
    }
    const document = documents[next % DOCUMENTS];
    next++;
    document.place = place;
    document.lineFeed = token.text.ptr.address;
    document.start = text.ptr.address + first;
    document.length = start - first;
    document.after = text.ptr.address + min<u64>(end + 1, text.length);
    return strOf(changetype<Ptr<u8>>(document.start), document.length);
  }
  return '';
}

/** Was the document found whose word ends at `at`? */
export function isFound(text: str, at: u64): bool {
  for (const document of documents) if (document.place === text.ptr.address + at) return true;
  return false;
}
