import { existsSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { LIBRARIES } from '../instrumentation/library-table.ts';

/** Options of {@link perfscopePlugin}. */
export interface PerfscopePluginOptions {
  /** Names of libraries to bundle nevertheless, such as `express`. They are not measured. Default: none. */
  readonly bundle?: readonly string[];
}

/**
 * `OnResolveArgs` of esbuild.
 *
 * @inline
 */
interface ResolveArguments {
  /** Path in the import. */
  readonly path: string;
  /** Folder of the file that contains the import. */
  readonly resolveDir: string;
}

/**
 * `OnResolveResult` of esbuild.
 *
 * @inline
 */
interface ResolveResult {
  /** Resolved path. */
  readonly path?: string;
  /** Whether the bundle loads the module at runtime. */
  readonly external?: boolean;
  /** Warnings to print. */
  readonly warnings?: { readonly text: string }[];
}

/** The parts of esbuild's `PluginBuild` that the plugin uses. esbuild creates this object. */
export interface EsbuildBuild {
  /** Options of the build. */
  readonly initialOptions: {
    /** Working directory. Default: the working directory of the process. */
    readonly absWorkingDir?: string;
    /** Folder of the output files. */
    readonly outdir?: string;
    /** Path of the output file. */
    readonly outfile?: string;
  };
  /**
   * Registers a function that resolves imports.
   *
   * @example
   * import { type EsbuildBuild, perfscopePlugin } from '@perfscope/agent/esbuild';
   *
   * const build: EsbuildBuild = {
   *   initialOptions: { outdir: 'dist' },
   *   onResolve: ({ filter }) => console.log(filter.test('express')),
   * };
   * perfscopePlugin().setup(build);
   * @param options `filter` matches the paths of the imports
   * @param callback returns how to resolve an import. `undefined`: esbuild resolves the import.
   */
  onResolve(
    options: {
      /** Pattern of the paths. */
      filter: RegExp;
    },
    callback: (args: ResolveArguments) => ResolveResult | undefined,
  ): void;
}

/** A plugin of esbuild 0.17 or newer. */
export interface EsbuildPlugin {
  /** Name of the plugin in esbuild's messages. */
  readonly name: string;
  /**
   * Registers the plugin. esbuild calls this method.
   *
   * @example
   * import esbuild from 'esbuild';
   * import { perfscopePlugin } from '@perfscope/agent/esbuild';
   *
   * await esbuild.build({ entryPoints: ['app.ts'], bundle: true, platform: 'node', plugins: [perfscopePlugin()] });
   * @param build the build of esbuild
   */
  setup(build: EsbuildBuild): void;
}

/**
 * Creates a plugin for esbuild that excludes the libraries that the agent measures from the bundle. The libraries must be
 * installed in a `node_modules` folder that the bundle can load. Libraries that are not installed there are bundled as
 * usual, with a warning if esbuild finds them elsewhere.
 *
 * @example
 * import esbuild from 'esbuild';
 * import { perfscopePlugin } from '@perfscope/agent/esbuild';
 *
 * await esbuild.build({ entryPoints: ['app.ts'], bundle: true, platform: 'node', plugins: [perfscopePlugin()] });
 * @param options libraries to bundle nevertheless. Default: none.
 * @returns the plugin, for `plugins` of esbuild's options
 * @throws TypeError if `bundle` contains a name that is not a library that the agent measures
 */
export function perfscopePlugin({ bundle = [] }: PerfscopePluginOptions = {}): EsbuildPlugin {
  const names = LIBRARIES.filter(({ isBuiltIn, usesChannels }) => !isBuiltIn && !usesChannels).map(
    ({ name }) => name,
  );
  const unknown = bundle.filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new TypeError(`unknown library in bundle: ${unknown.join(', ')}`);
  const external = names.filter((name) => !bundle.includes(name));
  return {
    name: 'perfscope',
    setup(build) {
      const output = getOutputFolder(build.initialOptions);
      const filter = new RegExp(`^(?:${external.map(escapePattern).join('|')})(?:/|$)`);
      build.onResolve({ filter }, ({ path, resolveDir }) => {
        const name = external.find((each) => path === each || path.startsWith(`${each}/`));
        const imported = name && findPackage(resolveDir, name);
        if (imported === undefined || name === undefined) return undefined;
        if (findPackage(output, name) === imported) return { path, external: true };
        const text = `${name} is bundled, so Perfscope can't measure it: the bundle can't load ${imported} from ${output}`;
        return { warnings: [{ text }] };
      });
    },
  };
}

function getOutputFolder({
  absWorkingDir = process.cwd(),
  outdir,
  outfile,
}: EsbuildBuild['initialOptions']): string {
  return resolve(absWorkingDir, outdir ?? (outfile === undefined ? '' : dirname(outfile)));
}

/** Returns the folder of a package that a file in `folder` would load. */
function findPackage(folder: string, name: string): string | undefined {
  for (let current = folder; ; current = dirname(current)) {
    const candidate = join(current, 'node_modules', name);
    if (existsSync(candidate)) return realpathSync(candidate);
    if (dirname(current) === current) return undefined;
  }
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}
