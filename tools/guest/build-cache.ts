/**
 * What the last build of the guest was made from, so that a file whose sources have not changed is not compiled again. An
 * entry holds only for the same compiler and while the ELF is the one that was written.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from './files.ts';

/** SHA-256 of each source by its path below the root. */
type Inputs = Readonly<Record<string, string>>;

interface Entry {
  readonly inputs: Inputs;
  /** SHA-256 of the ELF. */
  readonly output: string;
}

const hash = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

function readHash(path: string): string | undefined {
  try {
    return hash(readFileSync(path));
  } catch {
    return undefined;
  }
}

export class BuildCache {
  private readonly compiler: string;
  private readonly entries: Record<string, Entry> = {};
  /** Sources are shared by many programs. */
  private readonly hashes = new Map<string, string | undefined>();

  /**
   * @param path the cache's file; one that is missing, damaged or another compiler's is an empty cache
   * @param compiler the file by whose contents the compiler is known
   */
  constructor(
    private readonly path: string,
    private readonly root: string,
    compiler: string,
  ) {
    this.compiler = readHash(compiler) ?? '';
    try {
      const saved = JSON.parse(readFileSync(path, 'utf8')) as {
        compiler: string;
        entries: Record<string, Entry>;
      };
      if (saved.compiler === this.compiler) this.entries = saved.entries;
    } catch {
      // An empty cache.
    }
  }

  /** The ELF at `output` if it is still what compiling `file` would give. */
  find(file: string, output: string): Uint8Array | undefined {
    const entry = this.entries[file];
    if (entry === undefined) return undefined;
    for (const [path, expected] of Object.entries(entry.inputs)) {
      if (this.hashOf(path) !== expected) return undefined;
    }
    try {
      const elf = readFileSync(output);
      return hash(elf) === entry.output ? elf : undefined;
    } catch {
      return undefined;
    }
  }

  /** Notes what `file` was compiled from: paths below the root. */
  store(file: string, inputs: readonly string[], elf: Uint8Array): void {
    const hashes = inputs.map((path) => [path, this.hashOf(path) ?? ''] as const);
    this.entries[file] = { inputs: Object.fromEntries(hashes), output: hash(elf) };
  }

  save(): void {
    replaceFile(this.path, JSON.stringify({ compiler: this.compiler, entries: this.entries }));
  }

  private hashOf(path: string): string | undefined {
    if (!this.hashes.has(path)) this.hashes.set(path, readHash(join(this.root, path)));
    return this.hashes.get(path);
  }
}
