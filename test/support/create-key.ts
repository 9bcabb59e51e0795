import type { PerfscopeServer } from './perfscope-server.ts';
import { runPerfscope } from './run-perfscope.ts';

/** Creates an API key with `perfscope keys create`, and returns it. Its name is the role. */
export async function createKey(
  server: PerfscopeServer,
  role: string,
  organization?: string,
): Promise<string> {
  const args = organization ? ['--organization', organization] : [];
  const { stdout, stderr } = await runPerfscope(
    ['keys', 'create', '--role', role, '--name', role, ...args],
    server.env,
  );
  const [key] = /psk_\S+/.exec(stdout) ?? [];
  if (key === undefined) throw new Error(stdout + stderr);
  return key;
}
