/**
 * Registers as GDB numbers and names them (`org.gnu.gdb.riscv.*` features): x0–x31 and pc are 0–32, f0–f31 33–64, CSRs 65 + number, the
 * privilege mode 4161. Reading has no effect on the guest.
 */
import type { Core } from '../../emulator/machine/core.ts';
import type { Machine } from '../../emulator/machine/machine.ts';

const X_NAMES =
  'zero ra sp gp tp t0 t1 t2 fp s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 t3 t4 t5 t6'.split(
    ' ',
  );
const F_NAMES =
  'ft0 ft1 ft2 ft3 ft4 ft5 ft6 ft7 fs0 fs1 fa0 fa1 fa2 fa3 fa4 fa5 fa6 fa7 fs2 fs3 fs4 fs5 fs6 fs7 fs8 fs9 fs10 fs11 ft8 ft9 ft10 ft11'.split(
    ' ',
  );

export const PC = 32;
const F0 = 33;
const CSR0 = 65;
const PRIVILEGE = CSR0 + 4096;

/** The target description. */
export function targetDescription(machine: Machine): string {
  const reg = (name: string, number: number, extra = ''): string =>
    `<reg name="${name}" bitsize="64" regnum="${number}"${extra}/>`;
  const x = X_NAMES.map((name, i) =>
    reg(name, i, i === 1 ? ' type="code_ptr"' : i === 2 ? ' type="data_ptr"' : ''),
  );
  const f = F_NAMES.map((name, i) => reg(name, F0 + i, ' type="ieee_double"'));
  const csrs = machine.csrs.rows
    .filter((row) => row.number > 3)
    .map((row) => reg(row.name, CSR0 + row.number, ' group="csr"'));
  return [
    '<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><target version="1.0">',
    '<architecture>riscv:rv64</architecture>',
    `<feature name="org.gnu.gdb.riscv.cpu">${x.join('')}${reg('pc', PC, ' type="code_ptr"')}</feature>`,
    `<feature name="org.gnu.gdb.riscv.fpu">${f.join('')}${['fflags', 'frm', 'fcsr']
      .map((name, i) => `<reg name="${name}" bitsize="32" regnum="${CSR0 + 1 + i}"/>`)
      .join('')}</feature>`,
    `<feature name="org.gnu.gdb.riscv.csr">${csrs.join('')}</feature>`,
    `<feature name="org.gnu.gdb.riscv.virtual">${reg('priv', PRIVILEGE)}</feature>`,
    '</target>',
  ].join('');
}

/** A register's value and width in bytes; undefined if there is none of that number. */
export function readRegister(
  machine: Machine,
  core: Core,
  number: number,
): { value: bigint; bytes: number } | undefined {
  const { hart } = core;
  if (number < PC) return { value: hart.getX(number), bytes: 8 };
  if (number === PC) return { value: hart.pc, bytes: 8 };
  if (number < CSR0) return { value: hart.getF(number - F0), bytes: 8 };
  if (number === PRIVILEGE) return { value: BigInt(hart.privilege), bytes: 8 };
  const value = machine.csrs.peek(hart, number - CSR0);
  return value === undefined ? undefined : { value, bytes: number - CSR0 <= 3 ? 4 : 8 };
}

/** The name of a register that can be set from outside, as the debugger knows it. */
export function registerName(machine: Machine, number: number): string | undefined {
  if (number < PC) return `x${number}`;
  if (number === PC) return 'pc';
  if (number < CSR0) return `f${number - F0}`;
  return machine.csrs.rows.find((row) => row.number === number - CSR0)?.name;
}
