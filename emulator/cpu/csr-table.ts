/** The CSR table: all standard rows. An extension's rows are added to it where a machine is made. */
import type { CsrRow } from './csr.ts';
import { COUNTER_CSRS } from './csr-counters.ts';
import { MACHINE_CSRS } from './csr-machine.ts';
import { SUPERVISOR_CSRS } from './csr-supervisor.ts';
import { PMP_CSRS } from './pmp.ts';

export const STANDARD_CSRS: readonly CsrRow[] = [
  ...MACHINE_CSRS,
  ...SUPERVISOR_CSRS,
  ...COUNTER_CSRS,
  ...PMP_CSRS,
];
