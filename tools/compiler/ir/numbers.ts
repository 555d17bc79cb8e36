/** Constants as the IR keeps them: integers wrapped to their type and signed, floats as bit patterns. */
import { Type } from './types.ts';

const bitBuffer = new DataView(new ArrayBuffer(8));

/** IEEE bit pattern of a number. */
export function floatBits(type: Type, value: number): bigint {
  if (type === Type.F32) {
    bitBuffer.setFloat32(0, value);
    return BigInt(bitBuffer.getUint32(0));
  }
  bitBuffer.setFloat64(0, value);
  return bitBuffer.getBigUint64(0);
}

/** The number that a bit pattern of type f32 or f64 stands for. */
export function floatOfBits(type: Type, bits: bigint): number {
  if (type === Type.F32) {
    bitBuffer.setUint32(0, Number(bits));
    return bitBuffer.getFloat32(0);
  }
  bitBuffer.setBigUint64(0, bits);
  return bitBuffer.getFloat64(0);
}

/** `value` wrapped to the type, in the signed form that constants are kept in. */
export const wrapInt = (type: Type, value: bigint): bigint =>
  type === Type.I32 ? BigInt.asIntN(32, value) : BigInt.asIntN(64, value);
