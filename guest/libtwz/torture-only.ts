/** `main` of programs that only `licorice torture` runs: says so. */
import './start.ts';
import { printLine } from './io.ts';

/** @export */
function main(): u64 {
  printLine('this program is a workload for licorice torture');
  return 2;
}
