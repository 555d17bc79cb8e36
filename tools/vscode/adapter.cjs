/** What VS Code starts: `licorice dap` of the checkout that this extension is linked from. */
const { realpathSync } = require('node:fs');
const { join } = require('node:path');
const { pathToFileURL } = require('node:url');

const program = join(realpathSync(__dirname), '..', '..', 'dist', 'licorice.js');
process.argv = [process.argv[0], program, 'dap'];
import(pathToFileURL(program).href);
