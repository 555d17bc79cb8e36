/** Where a trap handler in assembly keeps the registers of the code that trapped: what unwinders are told of it. */
import { X_NAMES, xNumber } from '../../../emulator/cpu/isa/registers.ts';

/** The word at `register` + `offset` points to 32 words: the pc, x1 … x31. */
export interface TrapFrame {
  /** 1–31. */
  readonly register: number;
  /** Bytes, from 0. */
  readonly offset: number;
}

/** Reads `tp+16`; undefined when it is something else. */
export function parseTrapFrame(text: string): TrapFrame | undefined {
  const [, name, offset] = /^(\w+)\+(\d{1,4})$/.exec(text) ?? [];
  const register = name === undefined ? undefined : xNumber(name);
  return register === undefined || register === 0 ? undefined : { register, offset: Number(offset) };
}

export const trapFrameText = ({ register, offset }: TrapFrame): string => `${X_NAMES[register]}+${offset}`;
