import { describe, expect, it } from 'vitest';
import { countCommands, runLibraryProgram, sumCommands } from '../support/library-program.ts';

describe.each([
  ['prisma-5', 'binary.js', 'CommonJS'],
  ['prisma-5', 'binary.js', 'ESM'],
  ['prisma-6', 'binary.js', 'CommonJS'],
  ['prisma-6', 'library.mjs', 'ESM'],
] as const)('%s with a replaced engine, %s, and %s', (folder, runtime, modules) => {
  it.concurrent.each([22, 24, 26] as const)('records each operation on Node %s', async (node) => {
    const run = await runLibraryProgram<{ errors: unknown }>({
      program: 'prisma-engine.cjs',
      library: `./node_modules/@prisma/client/runtime/${runtime}`,
      folder,
      node,
      modules,
      env: { ENGINE_TYPE: runtime.slice(0, runtime.indexOf('.')) },
    });
    expect(run.stderr).toBe('');
    expect(run.result.errors).toEqual(['P2002', 'PrismaClientInitializationError']);
    expect(countCommands(run.rows, 'postgresql')).toEqual({
      'findMany Room {city, status}': 2,
      'findMany Room {city}': 1,
      'findFirst Room': 1,
      'SELECT id FROM rooms WHERE city = ?': 1,
      'SELECT id FROM rooms WHERE status = ?': 1,
      'create Room P2002': 1,
      'CONNECT P1001': 1,
    });
    // Each operation takes 30 ms.
    const { durationMs = 0 } =
      sumCommands(run.rows, 'postgresql')['findMany Room {city, status}'] ?? {};
    expect(durationMs).toBeGreaterThan(58);
    const [error] = run.rows.filter(({ table }) => table === 'error_logs');
    expect(error?.columns.context).toBe('{"server":"localhost:1234/hotel"}');
    expect(JSON.stringify(run.rows)).not.toContain('secret');
  });
});
