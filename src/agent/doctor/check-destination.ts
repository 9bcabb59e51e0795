import { findQuestdbTargets, type StartupConfig } from '../../core/config/startup-config.ts';
import { PerfscopeError } from '../../core/perfscope-error.ts';
import { execSql, isUnreachable } from '../../storage/questdb/exec-sql-http.ts';
import { checkOtlpEndpoint } from '../otlp-export/check-otlp-endpoint.ts';

const DEFAULT_TIMEOUT_MS = 5000;

export interface DestinationOptions {
  /** Maximum time to wait for QuestDB, in ms. Default: 5000. */
  readonly timeoutMs?: number;
}

/**
 * Checks that the agent can send rows to QuestDB, and metrics to the OTLP endpoint if one is configured. Never rejects.
 *
 * @returns one line for each destination. See {@link checkDestination}.
 */
export async function checkDestinations(
  config: Pick<StartupConfig, 'settings' | 'discoveryFile'>,
  options: DestinationOptions = {},
): Promise<string[]> {
  const { otlp } = config.settings;
  if (!otlp) return [await checkDestination(config, options)];
  const metrics = await checkOtlpEndpoint(otlp, options);
  if (findQuestdbTargets(config)) return [metrics, await checkDestination(config, options)];
  return [metrics, 'Rows are not sent to QuestDB: only an OTLP endpoint is configured.'];
}

/**
 * Checks that the agent can send rows: to the configured QuestDB, or to the QuestDB of the local server. Never
 * rejects.
 *
 * @returns one line, which starts with `✗` if rows are not sent. It contains no credentials.
 */
export async function checkDestination(
  config: Pick<StartupConfig, 'settings' | 'discoveryFile'>,
  { timeoutMs = DEFAULT_TIMEOUT_MS }: DestinationOptions = {},
): Promise<string> {
  const targets = findQuestdbTargets(config);
  if (!targets) {
    return '✗ rows are not sent: no server is running on this machine, and PERFORMANCE_QUESTDB_URL has no valid value';
  }
  const { write, writesPaused } = targets;
  if (writesPaused !== undefined) return `✗ rows wait in the spool: ${writesPaused}`;
  try {
    const { dataset } = await execSql(write, 'SELECT systimestamp()', { timeoutMs });
    // An empty JSON object is a valid result, but other servers return it too.
    if (dataset.length === 1) return `✓ rows are sent to ${write.url}`;
    return `✗ rows are not sent: the response of ${write.url} is not from QuestDB`;
  } catch (error) {
    const problem = isUnreachable(error) ? "can't be reached" : 'does not accept requests';
    return `✗ rows are not sent: ${write.url} ${problem}: ${formatReason(error)}`;
  }
}

function formatReason(error: unknown): string {
  const { status, reason } = error instanceof PerfscopeError ? error.params : {};
  return status === undefined ? String(reason ?? error) : `HTTP ${status} ${reason}`.trim();
}
