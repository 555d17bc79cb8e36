/**
 * Exception and interrupt causes (Privileged ISA §3.1.15), with those that this machine adds in the custom range,
 * and which of them medeleg and mideleg can delegate.
 */

/** Exception codes of mcause and scause. */
export const Cause = {
  fetchMisaligned: 0,
  fetchAccess: 1,
  illegalInstruction: 2,
  breakpoint: 3,
  loadMisaligned: 4,
  loadAccess: 5,
  storeMisaligned: 6,
  storeAccess: 7,
  ecallFromU: 8,
  ecallFromS: 9,
  ecallFromM: 11,
  fetchPageFault: 12,
  loadPageFault: 13,
  storePageFault: 15,
  /** Corrupted data: a load of a poisoned NVDIMM block. */
  hardwareError: 19,
} as const;

/** Names for people, by exception code. */
export const CAUSE_NAMES: Readonly<Record<number, string>> = {
  0: 'instruction address misaligned',
  1: 'instruction access fault',
  2: 'illegal instruction',
  3: 'breakpoint',
  4: 'load address misaligned',
  5: 'load access fault',
  6: 'store/AMO address misaligned',
  7: 'store/AMO access fault',
  8: 'environment call from U-mode',
  9: 'environment call from S-mode',
  11: 'environment call from M-mode',
  12: 'instruction page fault',
  13: 'load page fault',
  15: 'store/AMO page fault',
  19: 'hardware error',
  24: 'Xtwz address fault',
  25: 'Xtwz null dereference',
  26: 'Xtwz view fault',
  27: 'Xtwz object fault',
  28: 'Xtwz rights fault',
  29: 'Xtwz page fault',
  30: 'Xtwz copy-on-write fault',
  31: 'Xtwz table fault',
};

/** Exceptions that medeleg can delegate: all but M-mode's own call, and Xtwz's (24–31), which mtwzcfg delegates. */
export const DELEGABLE_EXCEPTIONS = 0x0008_b3ff;

/** Bits of mip and mie. */
export const Interrupt = {
  supervisorSoftware: 1,
  machineSoftware: 3,
  supervisorTimer: 5,
  machineTimer: 7,
  supervisorExternal: 9,
  machineExternal: 11,
} as const;

export const SUPERVISOR_INTERRUPTS = 0x222;
export const ALL_INTERRUPTS = 0xaaa;

/** From the highest priority to the lowest (Privileged ISA §3.1.9). */
export const INTERRUPT_PRIORITY = [11, 3, 7, 9, 1, 5] as const;

/** Privilege modes. */
export const Privilege = { user: 0, supervisor: 1, machine: 3 } as const;
export const PRIVILEGE_LETTER = ['U', 'S', '?', 'M'] as const;
