/**
 * What the compiler adds to programs that do not bring it along: block operations under their C names, a panic that
 * stops at `ebreak`, and the entry of bare-metal programs. It is guest TypeScript, compiled like the rest, and each function only when
 * it is needed.
 */

/** Path under which the source appears in messages and debug information. */
export const RUNTIME_PATH = '/licorice/runtime.ts';

export const RUNTIME_SOURCE = `
class SourceLocation {
  file: str;
  line: u32;
  column: u32;
}

/** Copies forwards, in words when both areas are aligned. */
/** @export */
export function memcpy(target: usize, source: usize, size: usize): usize {
  let to = target;
  let from = source;
  const end = target + size;
  if (((to | from) & 7) === 0) {
    while (to + 32 <= end) {
      const a = load<u64>(from);
      const b = load<u64>(from, 8);
      const c = load<u64>(from, 16);
      const d = load<u64>(from, 24);
      store<u64>(to, a);
      store<u64>(to, b, 8);
      store<u64>(to, c, 16);
      store<u64>(to, d, 24);
      to += 32;
      from += 32;
    }
    while (to + 8 <= end) {
      store<u64>(to, load<u64>(from));
      to += 8;
      from += 8;
    }
  }
  while (to < end) {
    store<u8>(to, load<u8>(from));
    to++;
    from++;
  }
  return target;
}

/** @export */
export function memmove(target: usize, source: usize, size: usize): usize {
  if (target - source >= size) return memcpy(target, source, size);
  let left = size;
  if (((target | source | size) & 7) === 0) {
    while (left > 0) {
      left -= 8;
      store<u64>(target + left, load<u64>(source + left));
    }
  }
  while (left > 0) {
    left--;
    store<u8>(target + left, load<u8>(source + left));
  }
  return target;
}

/** @export */
export function memset(target: usize, value: i32, size: usize): usize {
  let to = target;
  const end = target + size;
  const byte = u8(value);
  while ((to & 7) !== 0 && to < end) {
    store<u8>(to, byte);
    to++;
  }
  const word = u64(byte) * 0x0101_0101_0101_0101;
  while (to + 32 <= end) {
    store<u64>(to, word);
    store<u64>(to, word, 8);
    store<u64>(to, word, 16);
    store<u64>(to, word, 24);
    to += 32;
  }
  while (to + 8 <= end) {
    store<u64>(to, word);
    to += 8;
  }
  while (to < end) {
    store<u8>(to, byte);
    to++;
  }
  return target;
}

/** @export */
export function memcmp(left: usize, right: usize, size: usize): i32 {
  let a = left;
  let b = right;
  const end = left + size;
  if (((a | b) & 7) === 0) {
    while (a + 8 <= end && load<u64>(a) === load<u64>(b)) {
      a += 8;
      b += 8;
    }
  }
  while (a < end) {
    const difference = i32(load<u8>(a)) - i32(load<u8>(b));
    if (difference !== 0) return difference;
    a++;
    b++;
  }
  return 0;
}

/** @export */
export function __str_equals(a: str, b: str): bool {
  return a.length === b.length && memory.compare(a.ptr.address, b.ptr.address, a.length) === 0;
}

/** @export @cold */
export function __panic(message: str, location: SourceLocation): never {
  for (;;) ebreak();
}

/** @export @cold */
export function __panic_bounds(index: u64, length: u64, location: SourceLocation): never {
  __panic('index out of bounds', location);
}

/** Entry of bare-metal programs: hart 0 runs main on a stack of 64 KiB with floating point on; its status ends the machine.
 * @export _start
 * @naked
 * @section .text.start */
export function start(): void {
  asm\`
    bnez a0, 2f
    la sp, __stack_top
    li t0, 0x6000
    csrs sstatus, t0
    li a0, 0
    call main
    li t0, 0x100000
    li t1, 0x5555
    sext.w a0, a0
    beqz a0, 1f
    slli t1, a0, 16
    li t2, 0x3333
    or t1, t1, t2
  1:
    sw t1, 0(t0)
  2:
    wfi
    j 2b
  \`;
}
`;
