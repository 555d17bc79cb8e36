/**
 * The guest's constants and structure layouts for host tools, read from the guest's own sources (guest/abi) by the
 * compiler's front end, so that each format has one definition. The build writes them to dist/guest/layouts.json; tools
 * read that file and need no compiler.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '../../emulator/errors.ts';
import type { ParseCache } from '../compiler/frontend/program.ts';

/** A structure: offsets and sizes in bytes. */
export interface StructLayout {
  readonly size: number;
  readonly fields: Readonly<Record<string, { readonly offset: number; readonly size: number }>>;
}

/** All that guest/abi defines: integer constants (as decimal text: they may have 64 bits) and structures. */
export interface GuestLayouts {
  readonly constants: Readonly<Record<string, string>>;
  readonly structs: Readonly<Record<string, StructLayout>>;
}

/** Reads the sources; used by the build. */
export async function readLayouts(guestFolder: string, cache?: ParseCache): Promise<GuestLayouts> {
  const [{ Program }, { diskHost }, { resolveGlobal }, { instantiateClass }, { sizeOf }] = await Promise.all([
    import('../compiler/frontend/program.ts'),
    import('../compiler/frontend/session.ts'),
    import('../compiler/frontend/globals.ts'),
    import('../compiler/frontend/resolve-types.ts'),
    import('../compiler/frontend/types.ts'),
  ]);
  const program = new Program({ host: diskHost, root: guestFolder, optimise: true, ...(cache && { cache }) });
  const constants: Record<string, string> = {};
  const structs: Record<string, StructLayout> = {};
  const folder = join(guestFolder, 'abi');
  for (const name of readdirSync(folder).sort()) {
    if (!name.endsWith('.ts') || name.endsWith('.test.ts')) continue;
    const module = program.load(join(folder, name));
    for (const [key, entity] of module?.exports ?? []) {
      if (entity.kind === 'globalVariable' && entity.isConst) {
        resolveGlobal(program, entity, entity.declaration);
        const value = entity.constant ?? entity.value;
        if (value?.kind === 'const') constants[key] = String(value.value);
      } else if (entity.kind === 'classTemplate') {
        const layout = instantiateClass(program, entity, [], entity.declaration)?.layout();
        if (layout === undefined) continue;
        const fields = layout.fields.map((field) => [
          field.name,
          { offset: field.offset, size: sizeOf(field.type) },
        ]);
        structs[key] = { size: layout.size, fields: Object.fromEntries(fields) };
      }
    }
  }
  const [first] = program.diagnostics.sorted();
  if (first) throw new UserError(`${first.file}(${first.line},${first.column}): ${first.message}`);
  return { constants, structs };
}

/** The layouts that the build wrote. */
export class Layouts {
  constructor(private readonly layouts: GuestLayouts) {}

  static load(path = join(guestOutput(), 'layouts.json')): Layouts {
    return new Layouts(JSON.parse(readFileSync(path, 'utf8')) as GuestLayouts);
  }

  /** The value of a constant of guest/abi. */
  constant(name: string): bigint {
    const value = this.layouts.constants[name];
    if (value === undefined) throw new Error(`guest/abi has no constant ${name}`);
    return BigInt(value);
  }

  /** The constants whose names begin with `prefix`, by value, named without it. */
  named(prefix: string): Map<bigint, string> {
    const found = Object.entries(this.layouts.constants).filter(([name]) => name.startsWith(prefix));
    return new Map(found.map(([name, value]) => [BigInt(value), name.slice(prefix.length)]));
  }

  struct(name: string): StructLayout {
    const struct = this.layouts.structs[name];
    if (struct === undefined) throw new Error(`guest/abi has no structure ${name}`);
    return struct;
  }

  /** Byte offset of a field. */
  offset(struct: string, field: string): number {
    const found = this.struct(struct).fields[field];
    if (found === undefined) throw new Error(`guest/abi's ${struct} has no field ${field}`);
    return found.offset;
  }
}

/** The folder with what the build made of the guest (kernel, boot archive, layouts). */
export function guestOutput(): string {
  return join(packageRoot(), 'dist', 'guest');
}

/** The folder of this package: the one above `dist` or `tools`. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!/[/\\](dist|tools)$/.test(folder)) {
    if (dirname(folder) === folder) throw new UserError('the licorice command lies outside of its package');
    folder = dirname(folder);
  }
  return dirname(folder);
}
