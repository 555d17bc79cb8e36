/** Binary search in sorted arrays. */

/**
 * The number of items at the beginning for which `test` holds: the index of the first for which it does not.
 * @param items sorted so that `test` holds for a beginning of them and for none after it
 */
export function upperBound<T>(
  items: ArrayLike<T>,
  test: (item: T) => boolean,
  length = items.length,
): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (test(items[middle]!)) low = middle + 1;
    else high = middle;
  }
  return low;
}
