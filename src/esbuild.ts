/**
 * A plugin for applications that esbuild bundles. The agent can't measure a library that is inside the bundle, so the
 * plugin excludes these libraries.
 *
 * @module esbuild
 * @sortStrategy alphabetical
 */
export {
  type EsbuildBuild,
  type EsbuildPlugin,
  type PerfscopePluginOptions,
  perfscopePlugin,
} from './agent/bundling/esbuild-plugin.ts';
