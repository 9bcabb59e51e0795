import nodeModule from 'node:module';
import { fileURLToPath } from 'node:url';
import { guard, reportFailure } from '../../../core/guard.ts';
import type { Library } from './library.ts';

/** What fails, for {@link guard}. */
const PART = 'the hook for ES modules';
/** Global function that the changed modules call. Not enumerable, so that the application doesn't notice it. */
const CALLBACK_KEY = 'perfscope.module';

export interface ModuleHookOptions {
  /**
   * Called for each file of a library. Returns the names of the variables to pass to `onLoad`, or undefined if the file
   * isn't patched.
   */
  readonly findNames: (
    library: Library,
    path: string,
    folder: string,
  ) => readonly string[] | undefined;
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
 * line to the source text of these modules, so lines in stack traces don't change. All other modules are loaded
 * unchanged.
 *
 * @see https://nodejs.org/api/module.html#moduleregisterhooksoptions
 */
export function hookModules(libraries: readonly Library[], options: ModuleHookOptions): void {
  // Missing in Node.js 22.14, which then loads ES modules without the agent.
  const registerHooks = nodeModule.registerHooks as typeof nodeModule.registerHooks | undefined;
  if (registerHooks === undefined) return;
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
  const changeSource = (
    url: string,
    { format, source }: nodeModule.LoadFnOutput,
  ): string | undefined => {
    const file = findPackageFile(url);
    const library = file && byName.get(file.name);
    const names = library && options.findNames(library, file.path, file.folder);
    if (!names || format !== 'module') return undefined;
    const suffix = formatSuffix(library.name, file.path, file.folder, names);
    return exportVariable(toText(source), names) + suffix;
  };
  registerHooks({
    load: (url, context, nextLoad) => {
      const result = nextLoad(url, context);
      try {
        const source = changeSource(url, result);
        return source === undefined ? result : { ...result, source };
      } catch (error) {
        reportFailure(PART, error);
        return result;
      }
    },
  });
}

const FOLDER = '/node_modules/';

/** Splits the URL of a file in a package. Returns undefined for other URLs. */
export function findPackageFile(
  url: string,
): { name: string; path: string; folder: string } | undefined {
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
 * Exports the variable itself instead of its value, so that an assignment also changes the default export. The line stays
 * the same.
 */
function exportVariable(source: string, names: readonly string[]): string {
  return source.replace(/^export default ([\w$]+);?$/m, (line, name: string) =>
    names.includes(name) ? `export { ${name} as default };` : line,
  );
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
