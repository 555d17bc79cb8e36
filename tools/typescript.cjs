/**
 * TypeScript as the bundle loads it: from V8's code cache, which takes a third of the time of compiling it. The caches lie beside the bundle, one
 * for each version of V8 and set of its flags; what is missing or refused is written when the process, or thread, ends.
 */
const { existsSync, readFileSync, renameSync, writeFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { dirname, join } = require('node:path');
const { cachedDataVersionTag } = require('node:v8');
const vm = require('node:vm');
const { threadId } = require('node:worker_threads');

const path = require.resolve('typescript');
// The bundle is in dist/, beside this.
const folder = join(dirname(require.resolve('../package.json')), 'dist');

function read(file) {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

function load() {
  const source = readFileSync(path, 'utf8');
  // V8 knows a source by its length alone.
  const { version } = JSON.parse(readFileSync(require.resolve('typescript/package.json'), 'utf8'));
  const file = join(folder, `typescript-${version}-${cachedDataVersionTag().toString(16)}.v8`);
  const cachedData = read(file);
  const wrapped = `(function (exports, require, module, __filename, __dirname) {${source}\n})`;
  const script = new vm.Script(wrapped, { filename: path, cachedData });
  if (cachedData === undefined || script.cachedDataRejected) {
    process.on('exit', () => {
      // Several threads may find it missing; the first that ends writes it.
      if (cachedData === undefined && existsSync(file)) return;
      const part = `${file}.${process.pid}.${threadId}`;
      try {
        writeFileSync(part, script.createCachedData());
        renameSync(part, file);
      } catch {
        // A folder that cannot be written to has no cache.
      }
    });
  }
  const module = { exports: {} };
  script.runInThisContext()(module.exports, createRequire(path), module, path, dirname(path));
  return module.exports;
}

// As plain properties: its own are functions that look the value up, at each use.
module.exports = { ...load() };
