// `@perfscope/agent/esbuild`: the plugin for applications that esbuild bundles.
export {
  type EsbuildBuild,
  type EsbuildPlugin,
  type PerfscopePluginOptions,
  perfscopePlugin,
} from './agent/bundling/esbuild-plugin.ts';
