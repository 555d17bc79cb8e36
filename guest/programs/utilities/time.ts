/** Dates: printing them, and `date`. */

import { hasClock, now } from '../../libtwz/clock.ts';
import { complain, print, printLine, printNumber, writeByte } from '../../libtwz/io.ts';
import { argumentCount } from '../../libtwz/program.ts';

const NANOSECONDS: u64 = 1_000_000_000;

function print2(value: u64): void {
  if (value < 10) writeByte(u8('0'));
  printNumber(value);
}

/** Prints a day counted from 1970-01-01 as a date of the Gregorian calendar (Howard Hinnant's civil_from_days). */
function printDate(days: u64): void {
  const shifted = days + 719_468;
  const era = shifted / 146_097;
  const ofEra = shifted % 146_097;
  const yearOfEra = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365;
  const ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
  const month0 = (5 * ofYear + 2) / 153;
  const day = ofYear - (153 * month0 + 2) / 5 + 1;
  const month = month0 < 10 ? month0 + 3 : month0 - 9;
  printNumber(yearOfEra + era * 400 + (month <= 2 ? 1 : 0));
  writeByte(u8('-'));
  print2(month);
  writeByte(u8('-'));
  print2(day);
}

/** Prints a time, in nanoseconds since 1970, as date and time of day (UTC). */
export function printTime(time: u64): void {
  const seconds = time / NANOSECONDS;
  printDate(seconds / 86_400);
  writeByte(u8(' '));
  print2((seconds / 3600) % 24);
  writeByte(u8(':'));
  print2((seconds / 60) % 60);
  writeByte(u8(':'));
  print2(seconds % 60);
  print(' UTC');
}

export function showDate(): i64 {
  if (argumentCount() !== 1) return -1;
  if (!hasClock()) {
    complain('date', '', 'there is no clock');
    return 1;
  }
  printTime(now());
  printLine('');
  return 0;
}
