// Bundles the agent with its dependencies. The bundle is CommonJS, so that one copy of the agent serves `import`,
// `require`, `--import`, and `--require`. Loading few files also keeps the startup time of applications short.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { dts } from 'rolldown-plugin-dts';
import { PRIVATE_GLOBALS, providePrivateReferences } from './private-references.mjs';

/** The modules that run only on supported versions of Node.js. The files in `packages/agent` load them. */
const ENTRIES = {
  'register-agent': 'src/register.ts',
  library: 'src/index.ts',
  client: 'src/client.ts',
  'opentelemetry-components': 'src/opentelemetry.ts',
  esbuild: 'src/esbuild.ts',
  'agent-command': 'src/agent-bin.ts',
  'doctor-preload': 'src/agent/doctor/doctor-preload.ts',
};
/** The modules that run on every version of Node.js, and on other runtimes. */
const PORTABLE_ENTRIES = {
  'check-runtime': 'src/core/config/check-runtime.ts',
  'unsupported-library': 'src/unsupported-library.ts',
  'unsupported-opentelemetry': 'src/unsupported-opentelemetry.ts',
};
const PORTABLE_TARGET = 'es2018';
/** The compiled declarations of the modules that applications import. */
const DECLARATIONS = ['register', 'index', 'client', 'opentelemetry', 'esbuild'];
/** Part of the OpenTelemetry API that finds the global state. See `isolateOpentelemetryApi`. */
const GLOBAL_API_CODE = '`opentelemetry.js.api.';
/** Replacements for dependencies that the agent doesn't need. */
const REPLACEMENTS = {
  // The Prometheus exporter imports it, but the agent uses only its serializer.
  http: 'export const createServer = undefined;',
  // It would print lines in an application that sets DEBUG.
  debug: 'module.exports = () => () => {};',
};

/**
 * Writes the bundled modules and declarations to `folder`.
 *
 * @param {string} folder
 * @param {string} version
 * @returns {Promise<string[]>} the folders of the bundled packages, sorted
 */
export async function bundleAgent(folder, version) {
  const chunks = await writeBundle(ENTRIES, version, {
    dir: folder,
    format: 'cjs',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunk-[name]-[hash].js',
  });
  if (chunks.some(({ code = '' }) => code.includes(GLOBAL_API_CODE))) {
    throw new Error('The bundled OpenTelemetry API uses the global state of the application.');
  }
  await writeBundle(
    PORTABLE_ENTRIES,
    version,
    { dir: folder, format: 'cjs', entryFileNames: '[name].js', chunkFileNames: '[name].js' },
    PORTABLE_TARGET,
  );
  // Browsers and their bundlers need an ES module.
  await writeBundle({ client: ENTRIES.client }, version, {
    dir: folder,
    format: 'esm',
    entryFileNames: '[name].mjs',
  });
  await writeDeclarations(folder, '[name].ts');
  await writeDeclarations(folder, '[name].mts', ['client']);
  return findPackageFolders(chunks.flatMap(({ moduleIds = [] }) => moduleIds));
}

/**
 * Returns the folders of the packages that contain files, sorted.
 *
 * @param {readonly string[]} files
 * @returns {string[]}
 */
export function findPackageFolders(files) {
  const folders = files.flatMap(
    (file) => file.match(/^.*node_modules\/(@[^/]+\/)?[^/]+/)?.[0] ?? [],
  );
  return [...new Set(folders)].toSorted();
}

/**
 * Bundles modules. Like the sources, the bundles are strict. Otherwise, wrappers of the agent would replace an undefined
 * `this` by the global object.
 *
 * @param target oldest version of JavaScript. Default: the newest, with private references to globals.
 */
async function writeBundle(input, version, output, target) {
  const hasPrivateReferences = output.format === 'cjs' && target === undefined;
  const bundler = await rolldown({
    input,
    platform: 'node',
    // Prefers ES modules, which allow tree shaking: only ten of the semantic conventions are used.
    resolve: { mainFields: ['module', 'main'] },
    transform: {
      define: { __PERFSCOPE_VERSION__: JSON.stringify(version) },
      ...(hasPrivateReferences && { inject: PRIVATE_GLOBALS }),
      target,
    },
    plugins: [
      replacePackages(),
      isolateOpentelemetryApi(),
      ...(hasPrivateReferences ? [providePrivateReferences()] : []),
      escapeUnicode(),
    ],
  });
  try {
    // Comments would be a fifth of the package. The licenses are in their own file.
    const options = { exports: 'named', comments: false, strict: true, ...output };
    return (await bundler.write(options)).output;
  } finally {
    await bundler.close();
  }
}

/** V8 keeps the source text in memory, with two bytes for each character if one of them isn't in Latin-1. */
function escapeUnicode() {
  const toEscape = (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return {
    name: 'escape-unicode',
    generateBundle: (_options, bundle) => {
      for (const chunk of Object.values(bundle))
        if (chunk.type === 'chunk') chunk.code = chunk.code.replace(/[^\0-\x7f]/g, toEscape);
    },
  };
}

function replacePackages() {
  const prefix = '\0replacement:';
  return {
    name: 'replace-packages',
    resolveId: (source) => (Object.hasOwn(REPLACEMENTS, source) ? prefix + source : undefined),
    load: (id) => (id.startsWith(prefix) ? REPLACEMENTS[id.slice(prefix.length)] : undefined),
  };
}

/**
 * Disconnects the bundled copy of the OpenTelemetry API from the application's copies. Otherwise, the SDK of the agent
 * would send its messages to the application's logger.
 */
function isolateOpentelemetryApi() {
  return {
    name: 'isolate-opentelemetry-api',
    load: {
      filter: { id: /@opentelemetry\/api\/.*\/global-utils\.m?js$/ },
      handler: () =>
        'export const registerGlobal = () => false, getGlobal = () => undefined, unregisterGlobal = () => {};',
    },
  };
}

/** Bundles each declaration file into one file without imports of other declaration files. */
async function writeDeclarations(folder, entryFileNames, names = DECLARATIONS) {
  for (const name of names) {
    const bundler = await rolldown({
      input: { [`${name}.d`]: `dist/${name}.d.ts` },
      external: [/^node:/],
      // Omits imports whose types are not used in the public API.
      treeshake: { moduleSideEffects: false },
      plugins: [dts({ dtsOnly: true, generator: 'oxc' })],
    });
    await bundler.write({ dir: folder, entryFileNames });
    await bundler.close();
  }
}

/**
 * Returns the names and license texts of packages.
 *
 * @param {readonly string[]} folders
 * @returns {string}
 */
export function formatLicenses(folders) {
  return folders
    .map((folder) => {
      const { name, version, license } = JSON.parse(
        readFileSync(join(folder, 'package.json'), 'utf8'),
      );
      return `${name} ${version} (${license})\n\n${readLicenseText(folder, license)}`;
    })
    .join(`\n${'-'.repeat(80)}\n`);
}

/** Returns the text of the license file, or of the section in the README. Throws if there is none. */
function readLicenseText(folder, license) {
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (file) return readFileSync(join(folder, file), 'utf8');
  const readme = readFileSync(join(folder, 'README.md'), 'utf8');
  const [, section] = /^#+ *licen[cs]e\s+([\s\S]*)/im.exec(readme) ?? [];
  if (section) return section;
  if (license === 'Apache-2.0') return readFileSync('LICENSE', 'utf8');
  throw new Error(`${folder} contains no license text`);
}
