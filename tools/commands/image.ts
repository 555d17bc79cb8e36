/**
 * `licorice image`: what is in an NVDIMM image, seen from the host, by name or object ID. The actions that only look take any image: the
 * copy of a machine that runs, or what a power failure left; it is read as the kernel's recovery would find it. Those that
 * change one want it shut down in order and not in use (tools/image/save.ts).
 */
import type { Argv, CommandModule } from 'yargs';
import { UserError } from '../../emulator/errors.ts';
import type { ObjectStore, StoredObject } from '../image/store.ts';
import type { PutType, Transferred } from '../image/transfer.ts';

interface ImageArguments {
  file: string;
  path: string;
  json: boolean;
}

/** Opens the store of an image, hands it to `use`, and closes the file. */
async function withStore(file: string, use: (store: ObjectStore) => Promise<void> | void): Promise<void> {
  const { NvdimmFile } = await import('../../emulator/nvdimm/file.ts');
  const { ObjectStore } = await import('../image/store.ts');
  const { Layouts } = await import('../guest/layouts.ts');
  const media = NvdimmFile.open(file, { readOnly: true });
  try {
    await use(new ObjectStore(media, Layouts.load(), file));
  } finally {
    media.close();
  }
}

const TYPES: Readonly<Record<number, string>> = { 1: 'object', 2: 'namespace', 3: 'text' };

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

function rightsText(rights: number): string {
  const names = ['read', 'write', 'exec', 'use', 'delete'];
  return names.filter((_, bit) => (rights >> (bit + 2)) & 1).join(' ') || 'none';
}

async function list(args: ImageArguments & { long: boolean; all: boolean }): Promise<void> {
  const { readNamespace, resolvePath, NAMESPACE } = await import('../image/names.ts');
  const { formatObjectId } = await import('../image/store.ts');
  await withStore(args.file, (store) => {
    const { object, type } = resolvePath(store, args.path);
    if (type !== NAMESPACE) throw new UserError(`${args.path}: not a namespace`);
    const shown = readNamespace(store, object).filter(({ name }) => args.all || !name.startsWith('.'));
    const names = shown.map((name) => {
      const stored = store.find(name.id);
      return {
        name: name.name,
        type: TYPES[name.type] ?? `type ${name.type}`,
        id: formatObjectId(name.id),
        size: stored ? (store.dataSize(stored) ?? stored.pages * 4096) : undefined,
      };
    });
    if (args.json) print(JSON.stringify(names));
    else if (!args.long) for (const { name, type } of names) print(type === 'namespace' ? `${name}/` : name);
    else {
      for (const { name, type, id, size } of names) {
        print(`${type.padEnd(10)} ${String(size ?? 'missing').padStart(10)}  ${id}  ${name}`);
      }
    }
  });
}

async function stat(args: ImageArguments): Promise<void> {
  const { resolvePath } = await import('../image/names.ts');
  const { formatObjectId } = await import('../image/store.ts');
  const { computeId } = await import('../image/check.ts');
  await withStore(args.file, (store) => {
    const { object, type } = resolvePath(store, args.path);
    const facts = {
      object: formatObjectId(object.id),
      type: TYPES[type],
      pages: object.pages,
      size: store.dataSize(object),
      defaultRights: rightsText(object.pFlags),
      key: object.kuid === 0n ? undefined : formatObjectId(object.kuid),
      idVerified: computeId(store, object) === object.id,
    };
    if (args.json) print(JSON.stringify(facts));
    else {
      for (const [name, value] of Object.entries(facts)) {
        if (value !== undefined) print(`${name.padEnd(14)} ${value}`);
      }
    }
  });
}

/** The data of an object: as long as it says, or its pages up to the last one below the metadata. */
function dataOf(store: ObjectStore, object: StoredObject): Uint8Array {
  const base = Number(store.layouts.constant('OBJ_NULLPAGE'));
  const top = Number(store.layouts.constant('OBJ_TOPDATA'));
  let end = base + (store.dataSize(object) ?? 0);
  if (store.dataSize(object) === undefined) {
    for (const { offset } of store.pages(object)) if (offset < top) end = Math.max(end, offset + 4096);
  }
  return store.read(object, base, end - base);
}

async function cat(args: ImageArguments): Promise<void> {
  const { resolvePath } = await import('../image/names.ts');
  await withStore(args.file, (store) => {
    process.stdout.write(dataOf(store, resolvePath(store, args.path).object));
  });
}

async function fot(args: ImageArguments): Promise<void> {
  const { resolvePath } = await import('../image/names.ts');
  const { formatObjectId } = await import('../image/store.ts');
  await withStore(args.file, (store) => {
    const { object } = resolvePath(store, args.path);
    const { layouts } = store;
    const meta = Number(layouts.constant('META_OFFSET'));
    const count = Number(store.word(object, meta + layouts.offset('MetaInfo', 'fotEntries'), 4));
    const entries = Array.from({ length: count }, (_, i) => {
      const at = meta - (i + 1) * layouts.struct('FotEntry').size;
      const word = (field: string): bigint => store.word(object, at + layouts.offset('FotEntry', field), 8);
      const flags = word('flags');
      const id = word('lo') | (word('hi') << 64n);
      const valid = (flags & layouts.constant('FE_VALID')) !== 0n;
      return {
        index: i + 1,
        valid,
        id: formatObjectId(id),
        stored: valid && store.find(id) !== undefined,
        rights: rightsText(Number(flags & 0x7cn)),
      };
    });
    if (args.json) print(JSON.stringify(entries));
    else {
      for (const entry of entries) {
        const note = entry.valid ? (entry.stored ? '' : '  (not stored)') : '  (not valid)';
        print(`${String(entry.index).padStart(6)}  ${entry.id}  ${entry.rights}${note}`);
      }
    }
  });
}

async function repair(args: ImageArguments): Promise<void> {
  const { repairImage } = await import('../image/save.ts');
  const { done, left } = repairImage(args.file);
  if (args.json) print(JSON.stringify({ done, left }));
  else {
    for (const line of done) print(`mended: ${line}`);
    for (const line of left) print(`left: ${line}`);
    print(`${done.length} repairs, ${left.length} errors left`);
  }
  if (left.length > 0) process.exitCode = 1;
}

async function check(args: ImageArguments & { repair: boolean }): Promise<void> {
  if (args.repair) return repair(args);
  const { checkImage } = await import('../image/save.ts');
  const { objects, dirty, found } = checkImage(args.file);
  if (args.json) print(JSON.stringify({ objects, dirty, found }));
  else {
    for (const line of found) print(line);
    const state = dirty ? 'not shut down in order' : 'shut down in order';
    print(`${objects} objects, ${state}, ${found.length} errors`);
  }
  if (found.length > 0) process.exitCode = 1;
}

interface ChangeArguments extends ImageArguments {
  host?: string;
  to: string;
  name?: string;
  type?: string;
  owner?: string;
  rights?: string;
  replace: boolean;
  size?: string;
}

async function create(args: ChangeArguments): Promise<void> {
  const { createImage } = await import('../image/create.ts');
  const { parseSize } = await import('./machine-options.ts');
  createImage(args.file, args.size === undefined ? undefined : parseSize(args.size, '--size'));
}

/** A line about an object that was put or copied. */
function transferLine(item: Transferred, format: (id: bigint) => string): string {
  const type = item.type === undefined ? '' : `  ${TYPES[item.type]}`;
  const name = item.name === undefined ? '' : ` ${item.name}`;
  return `${format(item.id)}${type}${name}${item.same ? '  (the same is there)' : ''}`;
}

async function printTransferred(items: readonly Transferred[], json: boolean): Promise<void> {
  const { formatObjectId } = await import('../image/store.ts');
  const plain = items.map((item) => ({
    ...item,
    id: formatObjectId(item.id),
    type: item.type && TYPES[item.type],
  }));
  if (json) print(JSON.stringify(plain));
  else for (const item of items) print(transferLine(item, formatObjectId));
}

async function put(args: ChangeArguments): Promise<void> {
  const { basename } = await import('node:path');
  const { changeImage } = await import('../image/save.ts');
  const { put: putBytes } = await import('../image/transfer.ts');
  const { readImage } = await import('./machine-options.ts');
  const { bytes } = readImage(args.host!, 'file');
  const items: Transferred[] = [];
  await changeImage(args.file, (writer) => {
    const { type, owner, rights } = args;
    items.push(
      putBytes(writer, bytes, args.name ?? basename(args.host!), {
        ...(type !== undefined && { type: type as PutType }),
        ...(owner !== undefined && { owner }),
        ...(rights !== undefined && { rights }),
      }),
    );
  });
  await printTransferred(items, args.json);
}

async function get(args: ChangeArguments): Promise<void> {
  const { basename } = await import('node:path');
  const { resolvePath, NAMESPACE } = await import('../image/names.ts');
  const { writeFileAtomically } = await import('../output.ts');
  await withStore(args.file, (store) => {
    const { object, type } = resolvePath(store, args.path);
    if (type === NAMESPACE) throw new UserError(`${args.path}: is a namespace; get takes one object`);
    writeFileAtomically(args.host ?? basename(args.path).replaceAll(':', '-'), dataOf(store, object));
  });
}

async function rm(args: ChangeArguments): Promise<void> {
  const { changeImage } = await import('../image/save.ts');
  const { remove } = await import('../image/transfer.ts');
  await changeImage(args.file, (writer) => remove(writer, args.path));
}

async function cp(args: ChangeArguments): Promise<void> {
  const { basename } = await import('node:path');
  const { changeImage, needsOrder } = await import('../image/save.ts');
  const { copyAcross } = await import('../image/transfer.ts');
  const items: Transferred[] = [];
  await withStore(args.file, async (from) => {
    needsOrder(from, args.file);
    await changeImage(args.to, (writer) => {
      items.push(...copyAcross(from, args.path, writer, args.name ?? basename(args.path), args.replace));
    });
  });
  await printTransferred(items, args.json);
}

const withFile = <T>(yargs: Argv<T>) =>
  yargs
    .positional('file', { type: 'string', demandOption: true, describe: 'NVDIMM image' })
    .option('json', { type: 'boolean', default: false, describe: 'print JSON' });

const withPath = <T>(yargs: Argv<T>) =>
  withFile(yargs).positional('path', {
    type: 'string',
    default: '/',
    describe: 'name, or object ID as hi:lo',
  });

/** yargs infers what a builder adds; the handlers say what they take. */
const as = <T>(handler: (args: T) => Promise<void>) => handler as never;

export const imageCommand: CommandModule = {
  command: 'image <action>',
  describe: 'look into an NVDIMM image from the host, and change what is in it',
  builder: (yargs) =>
    yargs
      .command(
        'ls <file> [path]',
        'list the names in a namespace',
        (y: Argv) =>
          withPath(y)
            .option('long', { alias: 'l', type: 'boolean', default: false, describe: 'types, sizes, IDs' })
            .option('all', {
              alias: 'a',
              type: 'boolean',
              default: false,
              describe: 'also names that begin with a point',
            }),
        list,
      )
      .command('stat <file> <path>', 'tell what an object is', withPath, stat)
      .command('cat <file> <path>', "print an object's data", withPath, cat)
      .command('fot <file> <path>', 'list a foreign object table', withPath, fot)
      .command(
        'check <file>',
        'check the whole store',
        (y: Argv) =>
          withFile(y).option('repair', {
            type: 'boolean',
            default: false,
            describe: 'mend what can be mended, and say what was done',
          }),
        as(check),
      )
      .command(
        'create <file>',
        'make an image with an empty store',
        (y: Argv) =>
          withFile(y).option('size', { type: 'string', requiresArg: true, describe: 'size (256M)' }),
        as(create),
      )
      .command(
        'put <file> <host> [name]',
        "make an object of a host file's bytes",
        (y: Argv) =>
          withFile(y)
            .positional('host', { type: 'string', describe: 'host file' })
            .positional('name', { type: 'string', describe: 'its name in the image' })
            .option('type', {
              choices: ['text', 'object', 'program'],
              requiresArg: true,
              describe: 'what it becomes; by default what the contents are',
            })
            .option('owner', {
              type: 'string',
              requiresArg: true,
              describe: 'whose it is: a user, root or nobody; by default whose the namespace is',
            })
            .option('rights', {
              type: 'string',
              requiresArg: true,
              describe: "everybody's rights to it, of rwxud; by default none (all, if it is nobody's)",
            }),
        as(put),
      )
      .command(
        'get <file> <path> [host]',
        "write an object's data to a host file",
        (y: Argv) => withPath(y).positional('host', { type: 'string', describe: 'host file' }),
        as(get),
      )
      .command('rm <file> <path>', 'remove a name, and its object if it has no other', withPath, as(rm))
      .command(
        'cp <file> <path> <to> [name]',
        'copy an object and all that it refers to into another image',
        (y: Argv) =>
          withPath(y)
            .positional('to', { type: 'string', describe: 'the other image' })
            .positional('name', { type: 'string', describe: 'the name there' })
            .option('replace', {
              type: 'boolean',
              default: false,
              describe: 'overwrite what is there with other contents',
            }),
        as(cp),
      )
      .demandCommand(1, 'name what to do: ls, stat, cat, fot, check, create, put, get, rm or cp'),
  handler: () => {},
};
