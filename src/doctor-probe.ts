// Loaded by `perfscope doctor` into the application that it looks at. Nothing is written.
import { DOCTOR } from './register-mode.ts';
import { sharedMonitor } from './shared-monitor.ts';

/** Time in ms in which an application loads what it loads at its start. */
const SETTLE_MS = 3000;

Object.assign(globalThis, { [DOCTOR]: true });
await import('./register.ts');
process.on('exit', tell);
setTimeout(() => tell(0), SETTLE_MS).unref();
process.channel?.unref();

function tell(exitCode: number): void {
  if (!process.connected) return;
  process.send?.({ found: sharedMonitor().libraries, exitCode });
}
