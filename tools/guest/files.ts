/** Files of the guest's build: which sources there are, and how outputs are written. */
import { readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Names of the programs or workloads in a folder of `root`/guest, sorted. */
export function namesIn(root: string, folder: string): string[] {
  return readdirSync(join(root, 'guest', folder))
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => file.slice(0, -'.ts'.length))
    .sort();
}

/** Writes a file so that who reads it at the same time sees the old one or the new one. */
export function replaceFile(path: string, contents: Uint8Array | string): void {
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, contents);
  renameSync(temporary, path);
}
