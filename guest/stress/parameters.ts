/** What the test gives a program of this folder: numbers, as text in the archive's entry `.stress`. */
import { ObjectId } from '../abi/object.ts';
import { findProgram } from '../libtwz/name.ts';
import { dataOf, openObject } from '../libtwz/object.ts';

/** Reads `count` numbers; those that are not given stay as they are, and must be 0 before. */
export function readParameters(into: Ptr<u64>, count: i64): void {
  const id = stack<ObjectId>();
  if (!findProgram('.stress', id)) panic('no parameters');
  const text = at<Ptr<u8>>(dataOf(openObject(id)));
  let field: i64 = 0;
  for (let i: i64 = 0; text[i] !== 0 && field < count; i++) {
    if (text[i] === u8(' ')) field++;
    else into[field] = into[field] * 10 + u64(text[i] - u8('0'));
  }
}
