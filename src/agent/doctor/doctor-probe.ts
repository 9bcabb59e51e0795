// Loaded by `perfscope doctor` into the application that it looks at. Nothing is written.
import { getSharedAgent } from '../agent.ts';
import { registerAgent } from '../register-agent.ts';

/** Time in ms in which an application loads what it loads at its start. */
const REPORT_DELAY_MS = 3000;

await registerAgent({ dryRun: true });
process.on('exit', reportLibraries);
setTimeout(() => reportLibraries(0), REPORT_DELAY_MS).unref();
process.channel?.unref();

function reportLibraries(exitCode: number): void {
  if (!process.connected) return;
  process.send?.({ found: getSharedAgent().loadedLibraries, exitCode });
}
