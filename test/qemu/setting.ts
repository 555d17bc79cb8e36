/** What kind of program it is, and the registers that hold it together: shared by the makers of its parts. */
export const MODE = { U: 0, S: 1, M: 3 } as const;

/** What kind of program it is; says what the generator may use. */
export interface Setting {
  readonly mode: number;
  readonly paged: boolean;
  /** M-mode code whose loads and stores go through translation (mstatus.MPRV). */
  readonly translatedData: boolean;
  /** mstatus.FS is off at first. */
  readonly floatOff: boolean;
  /** PMP entries begin and end inside of the data. */
  readonly protected: boolean;
  /** The one interrupt that the program may raise and enable, as a bit of mip (of several, QEMU takes the lowest). */
  readonly interrupt: number;
}

/** Registers that hold the program together: two pointers to data, and the loop counter. */
export const SP = 2;
export const GP = 3;
export const COUNTER = 4;
