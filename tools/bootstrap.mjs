/**
 * `npm start`, `npm test` and `npm run build` on a machine that has only Node: installs the packages when the
 * lock file has changed since they were installed, builds the bundle when a source is newer than it, and then
 * runs what was asked for. Plain JavaScript without imports from the project, because nothing is built yet.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  fail(`licorice needs Node 20.19 or newer; this is ${process.versions.node}`);
}

function fail(message) {
  process.stderr.write(`licorice: ${message}\n`);
  process.exit(2);
}

function run(command, args, quiet = false) {
  const result = spawnSync(command, args, {
    cwd: root,
    stdio: quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit',
  });
  if (result.error) fail(`cannot run ${command}: ${result.error.message}`);
  if (result.status !== 0 && quiet) process.stderr.write(`${result.stdout}${result.stderr}`);
  return result.status ?? 1;
}

/** Installs the packages unless those of this very lock file are there. */
function install() {
  const want = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  const mark = join(root, 'node_modules', '.licorice-lock');
  if (existsSync(mark) && readFileSync(mark, 'utf8') === want) return;
  process.stderr.write('licorice: installing packages (once)\n');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  // Not `npm ci`: it insists on lock entries for every platform's optional binaries, which not every registry has.
  if (run(npm, ['install', '--no-save', '--no-audit', '--no-fund'], true) !== 0) {
    fail('npm install failed; is the npm registry reachable?');
  }
  writeFileSync(mark, want);
}

/** The newest modification time, in ms, of the files below `path`. */
function newest(path) {
  const status = statSync(path);
  if (!status.isDirectory()) return status.mtimeMs;
  let time = status.mtimeMs;
  for (const name of readdirSync(path)) time = Math.max(time, newest(join(path, name)));
  return time;
}

/** Builds dist/ unless the last build that succeeded is newer than every source. */
async function build(force) {
  const mark = join(root, 'dist', '.built');
  const sources = ['emulator', 'guest', 'tools', 'package-lock.json'].map((name) => join(root, name));
  if (!force && existsSync(mark) && statSync(mark).mtimeMs > Math.max(...sources.map(newest))) return;
  process.stderr.write('licorice: building\n');
  const start = new Date();
  try {
    const { buildAll } = await import('./build.mjs');
    await buildAll(root);
  } catch (error) {
    // What is wrong with a source is the message; anything else is a defect of the build, and wants its stack.
    if (error.exitCode !== undefined) fail(error.message);
    throw error;
  }
  writeFileSync(mark, '');
  // What was changed during the build is to be built again.
  utimesSync(mark, start, start);
}

const [command, ...rest] = process.argv.slice(2);
install();
await build(command === 'build');
switch (command) {
  case 'build':
    break;
  case 'start':
    process.exit(run(process.execPath, [join(root, 'dist', 'licorice.js'), 'boot', ...rest]));
    break;
  case 'test':
    process.exit(run(process.execPath, [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', ...rest]));
    break;
  default:
    fail(`bootstrap: unknown command '${command ?? ''}' (start, test, build)`);
}
