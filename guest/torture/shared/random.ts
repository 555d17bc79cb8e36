/** Random operations that a number alone determines, for workloads of any length. */
import { mix } from '../../libtwz/torture.ts';

/** The random number of an operation. */
export function randomOf(index: u64): u64 {
  const first = mix(index, 1);
  return mix(first ^ (first >> 29), 2) >> 7;
}
