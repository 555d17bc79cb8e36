/** Source files of programs under debugging: found by the path that the compiler noted, and kept. */
import { existsSync, readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { packageRoot } from '../guest/layouts.ts';

export class SourceFiles {
  private readonly known = new Map<string, readonly string[] | undefined>();

  /** @param folders where relative paths are looked for, besides the working folder and the guest's sources */
  constructor(private readonly folders: () => readonly string[] = () => []) {}

  /** The lines of a file; undefined when it is not there. */
  lines(file: string): readonly string[] | undefined {
    if (!this.known.has(file)) this.known.set(file, this.read(file));
    return this.known.get(file);
  }

  /** Where a file is on this host. */
  path(file: string): string | undefined {
    if (isAbsolute(file)) return existsSync(file) ? file : undefined;
    const near = ['.', join(packageRoot(), 'guest')].map((folder) => join(folder, file));
    const found = near.find((path) => existsSync(path));
    return (
      found ??
      this.folders()
        .map((folder) => join(folder, file))
        .find((path) => existsSync(path))
    );
  }

  private read(file: string): readonly string[] | undefined {
    const path = this.path(file);
    if (path === undefined) return undefined;
    try {
      return readFileSync(path, 'utf8').split('\n');
    } catch {
      return undefined;
    }
  }
}
