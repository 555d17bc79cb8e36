/** Writing results: a file is complete or not there, and trouble is told in one line. */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { UserError } from '../emulator/errors.ts';

/** Writes beside the target first, so that an error never leaves half a file. */
export function writeFileAtomically(path: string, data: string | Uint8Array, executable = false): void {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, data, { mode: executable ? 0o755 : 0o644 });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError(`cannot write ${path}: ${reason}`);
  }
}
