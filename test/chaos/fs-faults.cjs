// Makes file operations in the spool folder fail with the codes in `globalThis.chaosFaults`. Loaded with `--require`,
// so that it replaces the functions before the agent takes references.
const fs = require('node:fs');
const { syncBuiltinESMExports } = require('node:module');
const { resolve } = require('node:path');
const { isMainThread } = require('node:worker_threads');

const spool = resolve(process.env.PERFORMANCE_SPOOL_DIR);
/** Errors by operation: `read`, `write`, `remove`. */
const faults = {};
globalThis.chaosFaults = faults;
/** Descriptors of files in the spool. */
const descriptors = new Set();
const isSpool = (path) => typeof path === 'string' && resolve(path).startsWith(spool);

function createError(operation, code) {
  return Object.assign(new Error(`${code}: simulated, ${operation}`), {
    code,
    syscall: operation,
    errno: -1,
  });
}

function classifyOpen(flags = 'r') {
  const writes =
    typeof flags === 'number'
      ? (flags & (fs.constants.O_WRONLY | fs.constants.O_RDWR)) !== 0
      : /[wa+]/.test(flags);
  return writes ? 'write' : 'read';
}

/** Returns the error for a call, or undefined. */
function findFault(operation, target, flags) {
  const kind = operation === 'open' ? classifyOpen(flags) : operation;
  if (!faults[kind]) return undefined;
  const applies = typeof target === 'number' ? descriptors.has(target) : isSpool(target);
  return applies ? createError(kind, faults[kind]) : undefined;
}

function wrapSync(name, operation, flagsIndex) {
  const original = fs[name];
  fs[name] = (...args) => {
    const fault = findFault(operation, args[0], args[flagsIndex]);
    if (fault) throw fault;
    const result = original.apply(fs, args);
    if (name === 'openSync' && isSpool(args[0])) descriptors.add(result);
    if (name === 'closeSync') descriptors.delete(args[0]);
    return result;
  };
}

function wrapCallback(name, operation, flagsIndex) {
  const original = fs[name];
  fs[name] = (...args) => {
    const callback = args.at(-1);
    const fault = findFault(operation, args[0], args[flagsIndex]);
    if (fault) return void process.nextTick(callback, fault);
    if (name === 'open' && isSpool(args[0])) {
      args[args.length - 1] = (error, fd) => {
        if (!error) descriptors.add(fd);
        callback(error, fd);
      };
    }
    return original.apply(fs, args);
  };
}

function wrapPromise(name, operation, flagsIndex) {
  const original = fs.promises[name];
  fs.promises[name] = async (...args) => {
    const fault = findFault(operation, args[0], args[flagsIndex]);
    if (fault) throw fault;
    const result = await original.apply(fs.promises, args);
    if (name === 'open' && isSpool(args[0])) wrapHandle(result);
    return result;
  };
}

function wrapHandle(handle) {
  descriptors.add(handle.fd);
  const operations = { read: 'read', readFile: 'read', readv: 'read' };
  for (const name of ['write', 'writev', 'writeFile', 'appendFile', 'truncate', 'sync', 'datasync'])
    operations[name] = 'write';
  for (const [name, operation] of Object.entries(operations)) {
    const original = handle[name].bind(handle);
    handle[name] = async (...args) => {
      if (faults[operation]) throw createError(operation, faults[operation]);
      return original(...args);
    };
  }
}

if (isMainThread) {
  for (const wrap of [wrapCallback, wrapPromise]) wrap('open', 'open', 1);
  wrapSync('openSync', 'open', 1);
  wrapSync('closeSync', 'close');
  for (const name of ['read', 'readv', 'readFile']) wrapCallback(name, 'read');
  for (const name of ['readSync', 'readvSync', 'readFileSync']) wrapSync(name, 'read');
  wrapPromise('readFile', 'read');
  for (const name of [
    'write',
    'writev',
    'writeFile',
    'appendFile',
    'rename',
    'mkdir',
    'ftruncate',
    'fsync',
  ]) {
    wrapCallback(name, 'write');
    wrapSync(`${name}Sync`, 'write');
  }
  for (const name of ['writeFile', 'appendFile', 'rename', 'mkdir']) wrapPromise(name, 'write');
  for (const name of ['unlink', 'rm', 'rmdir']) {
    wrapCallback(name, 'remove');
    wrapSync(`${name}Sync`, 'remove');
    wrapPromise(name, 'remove');
  }
  syncBuiltinESMExports();
}
