// Patches the library `traced` of a test, as the agent patches libraries. Prints why a file is not patched.
import { hookModules } from '../../src/agent/instrumentation/loading/module-hook.ts';

type ClientClass = new () => { name(): string };

hookModules(
  [
    {
      name: 'traced',
      category: 'framework',
      versions: { from: '1.0.0', to: 1 },
      measured: 'Everything.',
    },
  ],
  {
    bundles: [],
    onBundle: () => {},
    packages: new Set(['traced']),
    builtIns: new Set(),
    onBuiltIn: () => {},
    onPackage: () => {},
    findNames: (_library, path) =>
      ({ 'client.js': ['Client', 'limit', 'missing'], 'client.cjs': ['module'] })[path],
    onLoad: (_library, path, folder, variables) => {
      if (path === 'client.cjs') {
        const file = variables.module as { exports: object };
        file.exports = { ...file.exports, limit: 2 };
        return;
      }
      const Client = variables.Client as ClientClass;
      try {
        if (variables.missing !== undefined) throw new Error('missing is defined');
        const copy = /copy-\w+/.exec(folder)?.[0] ?? '';
        variables.Client = class extends Client {
          override name() {
            return `patched ${super.name()}${copy}`;
          }
        };
        variables.limit = 2;
      } catch (error) {
        console.log(String(error));
      }
    },
  },
);
