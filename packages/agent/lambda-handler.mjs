// Loads the handler of an AWS Lambda function, and exports it as `handler`, so that each invocation is recorded. The
// variable PERFORMANCE_LAMBDA_HANDLER contains the handler of the application, for example `src/orders.handler`. The
// handler is found in the same way as by the runtime of AWS.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(import.meta.url);
const { wrapLambdaHandler } = require('./index.js');

export const handler = wrapLambdaHandler(await loadHandler());

async function loadHandler() {
  const { PERFORMANCE_LAMBDA_HANDLER: name, LAMBDA_TASK_ROOT: root = process.cwd() } = process.env;
  if (!name) throw createError('Runtime.HandlerNotFound', 'PERFORMANCE_LAMBDA_HANDLER is not set');
  // The application sees the handler that it configured.
  process.env._HANDLER = name;
  const match = /^([^.]*)\.(.+)$/.exec(basename(name));
  if (!match || name.includes('..')) {
    throw createError('Runtime.MalformedHandlerName', 'Bad handler');
  }
  const [, file, path] = match;
  const loaded = await loadModule(resolve(root, dirname(name), file), file, root, dirname(name));
  const found = path.split('.').reduce((value, key) => value?.[key], loaded);
  if (typeof found !== 'function') {
    const problem = found ? 'is not a function' : 'is undefined or not exported';
    throw createError('Runtime.HandlerNotFound', `${name} ${problem}`);
  }
  return found;
}

/** Tries the files in the same order as the runtime of AWS. */
async function loadModule(path, file, root, folder) {
  if (existsSync(path)) return require(path);
  const isModule = existsSync(`${path}.js`) && isModuleFolder(dirname(path));
  if (!isModule && existsSync(`${path}.js`)) return require(`${path}.js`);
  for (const extension of isModule ? ['.js', '.mjs'] : ['.mjs']) {
    if (existsSync(path + extension)) return import(pathToFileURL(path + extension).href);
  }
  if (existsSync(`${path}.cjs`)) return require(`${path}.cjs`);
  return require(require.resolve(file, { paths: [root, resolve(root, folder)] }));
}

/** Whether the package of a folder contains ES modules. */
function isModuleFolder(folder) {
  if (folder.endsWith('/node_modules')) return false;
  const manifest = join(folder, 'package.json');
  if (existsSync(manifest)) {
    try {
      return JSON.parse(readFileSync(manifest, 'utf8')).type === 'module';
    } catch {
      return false;
    }
  }
  return dirname(folder) !== folder && isModuleFolder(dirname(folder));
}

/** The runtime reports the name of an error as its type. */
function createError(name, message) {
  return Object.assign(new Error(message), { name });
}
