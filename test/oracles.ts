/**
 * The programs of other projects that tests compare with (QEMU, GCC, GDB, OpenSBI, U-Boot, tmux): where they
 * are, and what to say when one is missing. On a developer's machine a test that needs a missing one is skipped
 * with the name of the Debian package; under `LICORICE_REQUIRE_ORACLES=1` (CI) its absence is a failure.
 */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe } from 'vitest';

/** An external program or file, by the name tests use for it. */
export interface Oracle {
  readonly name: string;
  /** Debian package that provides it. */
  readonly debianPackage: string;
  /** An absolute path, or a program name searched on PATH. */
  readonly path: string;
}

export const QEMU: Oracle = { name: 'QEMU', debianPackage: 'qemu-system-misc', path: 'qemu-system-riscv64' };
export const GCC: Oracle = {
  name: 'GCC for RISC-V',
  debianPackage: 'gcc-riscv64-unknown-elf',
  path: 'riscv64-unknown-elf-gcc',
};
export const PICOLIBC: Oracle = {
  name: 'picolibc',
  debianPackage: 'picolibc-riscv64-unknown-elf',
  path: '/usr/lib/picolibc/riscv64-unknown-elf/picolibc.specs',
};
export const OBJDUMP: Oracle = {
  name: 'objdump for RISC-V',
  debianPackage: 'binutils-riscv64-unknown-elf',
  path: 'riscv64-unknown-elf-objdump',
};
export const GDB: Oracle = { name: 'GDB', debianPackage: 'gdb-multiarch', path: 'gdb-multiarch' };
export const OPENSBI: Oracle = {
  name: 'OpenSBI',
  debianPackage: 'opensbi',
  path: '/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_jump.elf',
};
export const UBOOT: Oracle = {
  name: 'U-Boot',
  debianPackage: 'u-boot-qemu',
  path: '/usr/lib/u-boot/qemu-riscv64_smode/u-boot.bin',
};
export const TMUX: Oracle = { name: 'tmux', debianPackage: 'tmux', path: 'tmux' };

/** The absolute path of an oracle, or undefined when it is not installed. */
export function findOracle(oracle: Oracle): string | undefined {
  if (oracle.path.startsWith('/')) return existsSync(oracle.path) ? oracle.path : undefined;
  for (const dir of (process.env['PATH'] ?? '').split(delimiter)) {
    const candidate = join(dir, oracle.path);
    if (dir && existsSync(candidate)) return candidate;
  }
  return undefined;
}

/** Like `describe`, for tests that need oracles: runs them, or says which Debian package is missing. */
export function describeWith(oracles: readonly Oracle[], title: string, body: () => void): void {
  const missing = oracles.filter((oracle) => findOracle(oracle) === undefined);
  if (missing.length === 0) {
    describe(title, body);
    return;
  }
  const names = missing
    .map((oracle) => `${oracle.name} (apt-get install ${oracle.debianPackage})`)
    .join(', ');
  if (process.env['LICORICE_REQUIRE_ORACLES'] === '1') {
    describe(title, () => {
      throw new Error(`missing: ${names}`);
    });
    return;
  }
  process.stderr.write(`skipped "${title}": missing ${names}\n`);
  describe.skip(`${title} [skipped: missing ${names}]`, body);
}
