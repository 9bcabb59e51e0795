// `perfscope doctor` loads this module into the application that it checks. This module writes no
// rows.
import { findQuestdbTargets } from '../../core/config/startup-config.ts';
import { guard } from '../../core/guard.ts';
import { startTimeout } from '../../core/guarded-timers.ts';
import { registerAgent } from '../register-agent.ts';
import { getSharedAgent } from '../shared-agent.ts';

/** What fails, for {@link guard}. */
const PART = 'the report for doctor';
/** Time for the application to load its libraries. */
const REPORT_DELAY_MS = 3000;

registerAgent({ dryRun: true });
process.on('exit', guard(PART, reportLibraries));
startTimeout(PART, () => reportLibraries(0), REPORT_DELAY_MS);
process.channel?.unref();

function reportLibraries(exitCode: number): void {
  if (!process.connected) return;
  const { config, loadedLibraries } = getSharedAgent();
  const { enabled } = config.settings;
  process.send?.({
    libraries: loadedLibraries,
    isEnabled: enabled,
    questdbUrl: findQuestdbTargets(config)?.write.url,
    exitCode,
  });
}
