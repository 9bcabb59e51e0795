// Waits until the process that started it ends, then kills the servers of a pool and deletes it.
// Usage: node remove-questdb-pool.mjs FOLDER
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const [folder = ''] = process.argv.slice(2);
process.stdin.resume();
process.stdin.once('close', () => {
  for (const list of ['free', 'used']) {
    for (const name of readdirSync(join(folder, list))) {
      const { pid } = JSON.parse(readFileSync(join(folder, list, name), 'utf8'));
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // A test killed the server.
      }
    }
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});
