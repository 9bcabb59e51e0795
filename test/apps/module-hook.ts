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
    packages: new Set(['traced']),
    onPackage: () => {},
    findNames: (_library, path) =>
      path === 'client.js' ? ['Client', 'limit', 'missing'] : undefined,
    onLoad: (_library, _path, folder, variables) => {
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
