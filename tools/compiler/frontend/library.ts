/**
 * The guest's own sources as a library for programs that lie elsewhere: `licorice/libtwz/io.ts` in an import is `libtwz/io.ts` of the
 * guest that belongs to this compiler, wherever it is installed.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '../../../emulator/errors.ts';

/** What imports of the library begin with. */
export const LIBRARY_PREFIX = 'licorice/';

let folder: string | undefined;

/** The folder of the guest's sources. @throws UserError when the installation lacks it */
export function guestFolder(): string {
  folder ??= findGuestFolder();
  return folder;
}

function findGuestFolder(): string {
  for (let above = dirname(fileURLToPath(import.meta.url)); ; above = dirname(above)) {
    if (existsSync(join(above, 'guest', 'guest.d.ts'))) return join(above, 'guest');
    if (above === dirname(above))
      throw new UserError('guest/guest.d.ts is missing from this installation; install it again');
  }
}

/** The ambient declarations that belong to this compiler. */
export const ambientFile = (): string => join(guestFolder(), 'guest.d.ts');
