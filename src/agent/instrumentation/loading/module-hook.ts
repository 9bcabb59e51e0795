import nodeModule from 'node:module';
import { fileURLToPath } from 'node:url';
import { guard, reportFailure } from '../../../core/guard.ts';
import type { Library } from './library.ts';

/** What fails, for {@link guard}. */
const PART = 'the hook for ES modules';
/** Global function that the changed modules call. Not enumerable, so that the application doesn't notice it. */
const CALLBACK_KEY = 'perfscope.module';

export interface ModuleHookOptions {
  /** Returns the names of the variables to pass to `onLoad`, or undefined if the file isn't patched. */
  readonly findNames: (library: Library, path: string) => readonly string[] | undefined;
  /** Names of the packages for `onPackage`. */
  readonly packages: ReadonlySet<string>;
  /** Called before the application runs an ES module of one of `packages`. */
  readonly onPackage: (name: string, folder: string) => void;
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
 * line to the source text of these modules, so positions in stack traces don't change. All other modules are loaded
 * unchanged.
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
  Object.defineProperty(globalThis, Symbol.for(CALLBACK_KEY), {
    value: onModule,
    configurable: true,
  });
  const createSuffix = ({ name, path, folder }: PackageFile): string | undefined => {
    const library = byName.get(name);
    const names = library && options.findNames(library, path);
    return names && formatSuffix(name, path, folder, names);
  };
  nodeModule.registerHooks({
    load: (url, context, nextLoad) => {
      const result = nextLoad(url, context);
      try {
        const file = result.format === 'module' ? findPackageFile(url) : undefined;
        if (!file || !options.packages.has(file.name)) return result;
        options.onPackage(file.name, file.folder);
        const suffix = createSuffix(file);
        if (suffix === undefined) return result;
        return { ...result, source: `${toText(result.source)}${suffix}` };
      } catch (error) {
        reportFailure(PART, error);
        return result;
      }
    },
  });
}

/** Whether this version of Node.js can change ES modules. Node.js 22.14 can't. */
export function canHookModules(): boolean {
  return (nodeModule.registerHooks as typeof nodeModule.registerHooks | undefined) !== undefined;
}

const FOLDER = '/node_modules/';

/** A file in a package. */
interface PackageFile {
  /** Name of the package. */
  readonly name: string;
  /** Path in the package. */
  readonly path: string;
  /** Folder of the package. */
  readonly folder: string;
}

/** Splits the URL of a file in a package. Returns undefined for other URLs. */
export function findPackageFile(url: string): PackageFile | undefined {
  const start = url.lastIndexOf(FOLDER);
  if (start < 0 || !url.startsWith('file:')) return undefined;
  const rest = url.slice(start + FOLDER.length);
  const [first = '', second = ''] = rest.split('/', 2);
  const name = first.startsWith('@') ? `${first}/${second}` : first;
  const path = rest.slice(name.length + 1).split(/[?#]/, 1)[0]!;
  return { name, path, folder: fileURLToPath(url.slice(0, start + FOLDER.length + name.length)) };
}

function toText(source: unknown): string {
  return typeof source === 'string' ? source : new TextDecoder().decode(source as Uint8Array);
}

/**
 * Returns the line that passes variables to the agent. A variable that doesn't exist is undefined. An assignment to a
 * constant throws an error, which becomes the reason why the library is not measured.
 */
function formatSuffix(
  name: string,
  path: string,
  folder: string,
  variables: readonly string[],
): string {
  const properties = variables.map(
    (each) =>
      `get ${each}() { return typeof ${each} === 'undefined' ? undefined : ${each}; }, set ${each}(value) { ${each} = value; }`,
  );
  const args = [name, path, folder].map((each) => JSON.stringify(each)).join(', ');
  const symbol = `Symbol.for(${JSON.stringify(CALLBACK_KEY)})`;
  return `\n;globalThis[${symbol}]?.(${args}, { ${properties.join(', ')} });\n`;
}
