import nodeModule from 'node:module';
import { fileURLToPath } from 'node:url';
import { guard, reportFailure } from '../../../core/guard.ts';
import type { Library } from './library.ts';

/** What fails, for {@link guard}. */
const PART = 'the hook for ES modules';
/** Global function that the changed modules call. Not enumerable, so that the application doesn't notice it. */
const CALLBACK_KEY = 'perfscope.module';
/** If a file's variables include this one, the file is a CommonJS file. */
const COMMONJS_VARIABLE = 'module';

/** A library that the builds of applications contain. See `BundlePatch`. */
interface BundledLibrary {
  readonly name: string;
  readonly url: RegExp;
  readonly functions: Readonly<Record<string, RegExp>>;
}

export interface ModuleHookOptions {
  readonly bundles: readonly BundledLibrary[];
  /** Called at the start of a file that contains a library. */
  readonly onBundle: (name: string, file: string, functions: Record<string, unknown>) => void;
  /** Returns the names of the variables to pass to `onLoad`, or undefined if the file isn't patched. */
  readonly findNames: (library: Library, path: string) => readonly string[] | undefined;
  /** Names of the packages for `onPackage`. */
  readonly packages: ReadonlySet<string>;
  /** Called before the application runs an ES module of one of `packages`. */
  readonly onPackage: (name: string, folder: string) => void;
  /** Modules of Node.js for `onBuiltIn`. */
  readonly builtIns: ReadonlySet<string>;
  /** Called before an ES module imports one of `builtIns`. */
  readonly onBuiltIn: (name: string) => void;
  /** Called at the end of a patched module. */
  readonly onLoad: (
    library: Library,
    path: string,
    folder: string,
    variables: Record<string, unknown>,
  ) => void;
}

/**
 * Calls `onLoad` at the end of each patched ES module, with some of the module's variables. The hook appends one
 * line to the source text of these modules, so positions in stack traces don't change. The same applies to CommonJS
 * files with the variable `module`. All other files are loaded unchanged.
 *
 * @see https://nodejs.org/api/module.html#moduleregisterhooksoptions
 */
export function hookModules(libraries: readonly Library[], options: ModuleHookOptions): void {
  if (!canHookModules()) return;
  const byName = new Map(libraries.map((each) => [each.name, each]));
  const onModule = guard(
    PART,
    (name: string, path: string, folder: string, variables: Record<string, unknown>) => {
      const library = byName.get(name);
      if (library) options.onLoad(library, path, folder, variables);
    },
  );
  const onBundle = guard(PART, options.onBundle);
  Object.defineProperty(globalThis, Symbol.for(CALLBACK_KEY), {
    value: Object.assign(onModule, { onBundle }),
    configurable: true,
  });
  const changeSource = (
    file: PackageFile,
    source: unknown,
    isModule: boolean,
  ): string | undefined => {
    const library = byName.get(file.name);
    const names = library && options.findNames(library, file.path);
    if (!names || names.includes(COMMONJS_VARIABLE) === isModule) return undefined;
    const text = toText(source);
    return exportVariable(text, names) + formatSuffix(file, names, text);
  };
  nodeModule.registerHooks({
    load: (url, context, nextLoad) => {
      const result = nextLoad(url, context);
      try {
        // A file that is loaded by `require` has no format.
        const isModule = result.format === 'module';
        if (result.format === 'builtin' && options.builtIns.has(url)) options.onBuiltIn(url);
        if (!isModule && (result.format ?? 'commonjs') !== 'commonjs') return result;
        const file = findPackageFile(url);
        if (!file) {
          const source = isModule ? changeBundle(url, result.source, options.bundles) : undefined;
          return source === undefined ? result : { ...result, source };
        }
        if (!options.packages.has(file.name)) return result;
        if (isModule) options.onPackage(file.name, fileURLToPath(file.folderUrl));
        if (result.source == null) return result;
        const source = changeSource(file, result.source, isModule);
        return source === undefined ? result : { ...result, source };
      } catch (error) {
        reportFailure(PART, error);
        return result;
      }
    },
  });
}

/**
 * Returns whether a version of Node.js can change ES modules, and loads all other files as before. In older versions, a
 * CommonJS file that an ES module imports gets another `require` if a hook is registered. This `require` ignores other
 * hooks, and fails to load some ES modules with the error ERR_VM_MODULE_LINK_FAILURE.
 */
export function canHookModules(version: string = process.versions.node): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  if (major === 24) return minor > 11 || (minor === 11 && patch >= 1);
  return major > 25 || (major === 22 && minor >= 23);
}

const FOLDER = '/node_modules/';

/** A file in a package. */
interface PackageFile {
  /** Name of the package. */
  readonly name: string;
  /** Path in the package. */
  readonly path: string;
  /** URL of the package's folder. */
  readonly folderUrl: string;
}

/** Splits the URL of a file in a package. Returns undefined for other URLs. Runs for each module, so it is fast. */
export function findPackageFile(url: string): PackageFile | undefined {
  if (!url.startsWith('file:')) return undefined;
  const end = url.search(/[?#]/);
  const file = end < 0 ? url : url.slice(0, end);
  const start = file.lastIndexOf(FOLDER) + FOLDER.length;
  if (start < FOLDER.length) return undefined;
  const firstEnd = file.indexOf('/', start);
  const nameEnd = file[start] === '@' ? file.indexOf('/', firstEnd + 1) : firstEnd;
  if (firstEnd < 0 || nameEnd < 0) return undefined;
  return {
    name: file.slice(start, nameEnd),
    path: file.slice(nameEnd + 1),
    folderUrl: file.slice(0, nameEnd),
  };
}

/**
 * Adds a call to the first line of a file that contains a library. Functions exist before the code of their file runs, so the
 * agent can replace them before the file uses them. Positions in stack traces don't change, except in the first line.
 */
function changeBundle(
  url: string,
  source: unknown,
  bundles: readonly BundledLibrary[],
): string | undefined {
  const bundle = bundles.find((each) => each.url.test(url));
  if (bundle === undefined || source == null) return undefined;
  const text = toText(source);
  const names = Object.entries(bundle.functions).map(
    ([name, pattern]) => [name, pattern.exec(text)?.[1]] as const,
  );
  if (names[0]?.[1] === undefined) return undefined;
  const properties = names.flatMap(([name, local]) =>
    local === undefined
      ? []
      : [`get ${name}() { return ${local}; }, set ${name}(value) { ${local} = value; }`],
  );
  const args = [bundle.name, fileURLToPath(url)].map((each) => JSON.stringify(each)).join(', ');
  const symbol = `Symbol.for(${JSON.stringify(CALLBACK_KEY)})`;
  return `globalThis[${symbol}]?.onBundle(${args}, { ${properties.join(', ')} });${text}`;
}

function toText(source: unknown): string {
  return typeof source === 'string' ? source : new TextDecoder().decode(source as Uint8Array);
}

/**
 * Exports the variable itself instead of its value, so that an assignment also changes the default export. The line stays
 * the same.
 */
function exportVariable(source: string, names: readonly string[]): string {
  return source.replace(/^export default ([\w$]+);?$/m, (line, name: string) =>
    names.includes(name) ? `export { ${name} as default };` : line,
  );
}

/** Returns the name of an exported variable in the module. A minified module exports it with another name. */
function findLocalName(source: string, name: string): string {
  const [, local] = new RegExp(`[{,]\\s{0,9}([\\w$]+) as ${name}\\s{0,9}[,}]`).exec(source) ?? [];
  return local ?? name;
}

/**
 * Returns the line that passes variables to the agent. A variable that doesn't exist is undefined. An assignment to a
 * constant throws an error, which becomes the reason why the library is not measured.
 */
function formatSuffix(
  { name, path, folderUrl }: PackageFile,
  variables: readonly string[],
  source: string,
): string {
  const properties = variables.map((each) => {
    const local = findLocalName(source, each);
    return `get ${each}() { return typeof ${local} === 'undefined' ? undefined : ${local}; }, set ${each}(value) { ${local} = value; }`;
  });
  const args = [name, path, fileURLToPath(folderUrl)]
    .map((each) => JSON.stringify(each))
    .join(', ');
  const symbol = `Symbol.for(${JSON.stringify(CALLBACK_KEY)})`;
  return `\n;globalThis[${symbol}]?.(${args}, { ${properties.join(', ')} });\n`;
}
