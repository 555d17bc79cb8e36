/** Values that find bugs: the edges of integers and of floating point, mixed with plain random bits. */
import type { Random } from '../../emulator/random.ts';

const BOX = 0xffff_ffff_0000_0000n;

const SINGLES = [
  0x00000000, 0x80000000, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001, 0xffc12345,
  0x00000001, 0x807fffff, 0x00800000, 0x7f7fffff, 0x3f7fffff, 0x3f800001, 0x4f000000, 0xcf000000, 0x4f800000,
  0x5f000000, 0xdf000000, 0x3f000000, 0xbf000000, 0x40490fdb, 0x33800000, 0x0d800000, 0x4effffff, 0x3fc00000,
].map((bits) => BigInt(bits));

const DOUBLES = [
  0x0000000000000000n,
  0x8000000000000000n,
  0x3ff0000000000000n,
  0xbff0000000000000n,
  0x7ff0000000000000n,
  0xfff0000000000000n,
  0x7ff8000000000000n,
  0x7ff0000000000001n,
  0xfff8000012345678n,
  0x0000000000000001n,
  0x800fffffffffffffn,
  0x0010000000000000n,
  0x7fefffffffffffffn,
  0x3fefffffffffffffn,
  0x3ff0000000000001n,
  0x41dfffffffc00000n,
  0x41e0000000000000n,
  0xc1e0000000000000n,
  0x43e0000000000000n,
  0xc3e0000000000000n,
  0x43f0000000000000n,
  0x3fe0000000000000n,
  0xbfe0000000000000n,
  0x400921fb54442d18n,
  0x36a0000000000000n,
  0x380fffffffffffffn,
  0x47efffffe0000000n,
  0x47efffffefffffffn,
  0x3690000000000000n,
  0x4330000000000001n,
];

const INTEGERS = [
  0n,
  1n,
  2n,
  3n,
  7n,
  63n,
  64n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fffn,
  0x8000n,
  0xffffn,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  0x100000000n,
  0x7fffffffffffffffn,
  0x8000000000000000n,
  -1n,
  -2n,
  -128n,
  -32768n,
  -2147483648n,
  -2147483649n,
  0x0123456789abcdefn,
  0x5555555555555555n,
  0xaaaaaaaaaaaaaaaan,
];

const unsigned = (value: bigint): bigint => BigInt.asUintN(64, value);

export function randomInteger(random: Random): bigint {
  switch (random.below(6)) {
    case 0:
    case 1:
      return unsigned(random.pick(INTEGERS));
    case 2:
      return unsigned(1n << BigInt(random.below(64)));
    case 3:
      return unsigned(BigInt.asIntN(32, random.u64()));
    case 4:
      return BigInt(random.below(256));
    default:
      return random.u64();
  }
}

/** The bits of a 64-bit floating-point register: doubles, boxed singles, now and then a badly boxed one. */
export function randomFloat(random: Random): bigint {
  switch (random.below(10)) {
    case 0:
    case 1:
    case 2:
      return random.pick(DOUBLES);
    case 3:
    case 4:
    case 5:
      return BOX | random.pick(SINGLES);
    case 6:
      // A double of moderate size.
      return (random.u64() & 0x800f_ffff_ffff_ffffn) | (BigInt(1023 - 40 + random.below(80)) << 52n);
    case 7:
      // A boxed single of moderate size.
      return BOX | BigInt(((random.u32() & 0x807fffff) | ((127 - 20 + random.below(40)) << 23)) >>> 0);
    case 8:
      return BOX | BigInt(random.u32());
    default:
      return random.u64();
  }
}
