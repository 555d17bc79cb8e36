/** A program for tests of debuggers: calls that are not inlined, parameters, locals, a struct through a reference. */
export const POINTS = `class Point {
  x: i32;
  y: i64;
  next: Point | null;
}

/** @noinline */
function scale(p: Point, by: i64): i64 {
  const old = p.y;
  p.y = old * by;
  p.x += 1;
  return p.y + old;
}

/** @noinline */
function twice(n: i64): i64 {
  const point = stack<Point>();
  point.x = 7;
  point.y = n;
  point.next = point;
  let total: i64 = 1;
  total += scale(point, 3);
  return total;
}

/** @export */
export function main(): i32 {
  return twice(5) === 21 ? 0 : 1;
}
`;
