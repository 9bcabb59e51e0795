// Gives the bundled agent its own references to timers, clocks, random numbers, classes, and file functions, taken when
// the agent is loaded. Applications and test libraries replace these globals, for example with a fixed clock. The agent
// must not notice, and a replacement must not see the agent's calls. Also applies to the bundled dependencies.
import fs from 'node:fs';

const PREFIX = '\0private-references:';
const GLOBALS_MODULE = `${PREFIX}globals`;
const FS_MODULE = `${PREFIX}fs`;
const TIMERS_MODULE = `${PREFIX}timers-promises`;

const TIMER_FUNCTIONS = [
  'setTimeout',
  'clearTimeout',
  'setInterval',
  'clearInterval',
  'setImmediate',
  'clearImmediate',
];

/** Uses `node:timers`, because test environments replace the globals before they load the agent. */
const GLOBALS_CODE = `
const timers = globalThis.process?.getBuiltinModule?.('node:timers') ?? globalThis;
${TIMER_FUNCTIONS.map((name) => `export const ${name} = timers.${name};`).join('\n')}
export const Date = globalThis.Date;
export const dateNow = Date.now;
export const performanceNow = globalThis.performance.now.bind(globalThis.performance);
export const performance = { now: performanceNow, timeOrigin: globalThis.performance.timeOrigin };
export const random = globalThis.Math.random;
export const queueMicrotask = globalThis.queueMicrotask;
export const URL = globalThis.URL;
export const AbortController = globalThis.AbortController;
export const nextTick = globalThis.process?.nextTick;
`;

/** Exports of `node:fs` that have their own code below. */
const OWN_FS_EXPORTS = ['promises', 'default', 'mkdirSync', 'writeFileSync'];
/** Returns whether Node.js loads another module when a property of `node:fs` is read, as for the classes of streams. */
const isLazy = (name) => Object.getOwnPropertyDescriptor(fs, name).get !== undefined;

/**
 * Reads \`promises\` on demand, because it loads another module. Node's own \`writeFileSync\` calls the functions
 * \`openSync\` and \`writeSync\` of its module, which can be replacements. Before Node 26.12, \`mkdirSync\` with the option
 * \`recursive\` never returns for a folder in \`/proc\`.
 */
const FS_CODE = `
const fs = process.getBuiltinModule('node:fs');
${Object.keys(fs)
  .filter((name) => !OWN_FS_EXPORTS.includes(name) && !isLazy(name))
  .map((name) => `export const ${name} = fs.${name};`)
  .join('\n')}
const { mkdirSync: makeFolder } = fs;
const { dirname } = process.getBuiltinModule('node:path');
export function mkdirSync(path, { recursive = false, mode = 0o777 } = {}) {
  try {
    makeFolder(path, mode);
  } catch (error) {
    if (!recursive) throw error;
    if (error.code === 'ENOENT' && dirname(path) !== path) {
      mkdirSync(dirname(path), { recursive, mode });
      makeSharedFolder(path, mode);
    } else if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}
function makeSharedFolder(path, mode) {
  try {
    makeFolder(path, mode);
  } catch (error) {
    // Another process can create the same folder at the same time.
    if (error.code !== 'EEXIST') throw error;
  }
}
export function writeFileSync(path, data, { mode = 0o666, flag = 'w' } = {}) {
  const bytes = typeof data === 'string' ? Buffer.from(data) : data;
  const fd = openSync(path, flag, mode);
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
  } finally {
    closeSync(fd);
  }
}
export default fs;
export const promises = new Proxy({}, { get: (_, name) => fs.promises[name] });
`;

const TIMERS_CODE = `
const timers = process.getBuiltinModule('node:timers/promises');
export const setTimeout = timers.setTimeout;
export const setImmediate = timers.setImmediate;
`;

const MODULES = new Map([
  ['node:fs', FS_MODULE],
  ['fs', FS_MODULE],
  ['node:timers/promises', TIMERS_MODULE],
]);
const CODE = new Map([
  [GLOBALS_MODULE, GLOBALS_CODE],
  [FS_MODULE, FS_CODE],
  [TIMERS_MODULE, TIMERS_CODE],
]);

/** Replacements for \`transform.inject\` of rolldown. */
export const PRIVATE_GLOBALS = {
  ...Object.fromEntries(TIMER_FUNCTIONS.map((name) => [name, [GLOBALS_MODULE, name]])),
  Date: [GLOBALS_MODULE, 'Date'],
  'Date.now': [GLOBALS_MODULE, 'dateNow'],
  performance: [GLOBALS_MODULE, 'performance'],
  'performance.now': [GLOBALS_MODULE, 'performanceNow'],
  'Math.random': [GLOBALS_MODULE, 'random'],
  URL: [GLOBALS_MODULE, 'URL'],
  AbortController: [GLOBALS_MODULE, 'AbortController'],
  queueMicrotask: [GLOBALS_MODULE, 'queueMicrotask'],
  'process.nextTick': [GLOBALS_MODULE, 'nextTick'],
};

/** Plugin of rolldown that provides the modules of the private references. */
export function providePrivateReferences() {
  return {
    name: 'private-references',
    resolveId: (source) => (CODE.has(source) ? source : MODULES.get(source)),
    load: (id) => CODE.get(id),
  };
}
