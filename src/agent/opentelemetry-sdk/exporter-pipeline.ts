import type { EnvironmentVariables } from '../../core/config/parse-settings.ts';
import { runGuarded } from '../../core/guard.ts';
import { stderrLogger } from '../../core/log.ts';
import type { OtelResourceMetrics } from '../../core/otel/metric-data.ts';
import type { OtelResourceSpans } from '../../core/otel/span-data.ts';
import { createError } from '../../core/perfscope-error.ts';
import type { Agent } from '../agent.ts';
import { createArgumentError } from '../argument-checks.ts';
import { flushOnExit } from '../process/flush-on-exit.ts';
import { isRegistered } from '../registered.ts';
import { runWhenIdle } from '../run-when-idle.ts';
import { getSharedAgent, overrideVariables } from '../shared-agent.ts';
import { type ExporterOptions, getOptionName, toEnvironment } from './exporter-options.ts';
import { EXPORT_PART } from './sdk-metric-adapter.ts';

/**
 * Converts the exports of the application's SDK to rows, and passes the rows to the writer of this process. All exporters
 * of a process share one pipeline.
 */
export class ExporterPipeline {
  readonly #agent: Agent;
  readonly #processEndListeners: (() => void)[] = [];
  /** Environment variables that the options of all exporters override. */
  #variables: EnvironmentVariables = {};
  #isWarned = false;

  constructor(agent: Agent) {
    this.#agent = agent;
    if (!this.isActive) return;
    const exportRest = () => {
      for (const listener of this.#processEndListeners) runGuarded(EXPORT_PART, listener);
    };
    flushOnExit({
      config: agent.config,
      health: agent.health,
      flushSync: (options) => {
        exportRest();
        return agent.flushSync(options);
      },
      closeSync: () => {
        exportRest();
        agent.closeSync();
      },
      sendSpooled: (timeoutMs) => agent.sendSpooled(timeoutMs),
      sendInBackground: () => agent.sendInBackground(),
    });
    runWhenIdle('the start', [() => agent.connect()]);
  }

  /**
   * Applies options as environment variables. See {@link toEnvironment}.
   *
   * @throws PS_ARGUMENT_INVALID if an option differs from the option of another exporter
   */
  applyOptions(fn: string, variables: EnvironmentVariables): void {
    // In a process with `register`, options must not redirect the rows of the agent.
    if (isRegistered()) return;
    for (const [variable, value] of Object.entries(variables)) {
      if (!Object.hasOwn(this.#variables, variable) || this.#variables[variable] === value)
        continue;
      const reason = 'differs from the option of another exporter in this process';
      throw createArgumentError(fn, getOptionName(variable), reason);
    }
    this.#variables = { ...this.#variables, ...variables };
    overrideVariables(this.#agent, this.#variables);
  }

  /** Calls `listener` when the process ends, so that it can export the rest. It must be synchronous. */
  onProcessEnd(listener: () => void): void {
    this.#processEndListeners.push(listener);
  }

  /**
   * Whether exports are stored. Not if monitoring is disabled, and not in a process that was started with the `register`
   * module, because the agent then records the same values.
   */
  get isActive(): boolean {
    if (!isRegistered()) return this.#agent.config.settings.enabled;
    if (!this.#isWarned) stderrLogger.warn(createError('PS_EXPORTER_INACTIVE', {}).message);
    this.#isWarned = true;
    return false;
  }

  /** Interval between two exports, in ms. */
  get exportIntervalMs(): number {
    return this.#agent.config.settings.exportIntervalMs;
  }

  addMetrics(_metrics: OtelResourceMetrics): void {}

  addSpans(_spans: readonly OtelResourceSpans[]): void {}

  /**
   * Writes all rows to the spool, and tries to send them for up to `PERFORMANCE_EXIT_TIMEOUT`. Never rejects. Unsent rows
   * stay in the spool.
   */
  async flush(): Promise<void> {
    await runGuarded(EXPORT_PART, async () => {
      if (!this.isActive || !this.#agent.flushSync()) return;
      await this.#agent.sendSpooled(this.#agent.config.settings.PERFORMANCE_EXIT_TIMEOUT);
    });
  }
}

const pipelines = new WeakMap<Agent, ExporterPipeline>();

/**
 * Returns the pipeline of this process.
 *
 * @param fn name of the public function or class that has the options
 * @throws PS_ARGUMENT_INVALID if an option is invalid, or differs from the option of another exporter
 */
export function getExporterPipeline(
  fn: string,
  options: ExporterOptions | null | undefined,
): ExporterPipeline {
  const variables = toEnvironment(fn, options);
  const agent = getSharedAgent();
  const pipeline = pipelines.get(agent) ?? new ExporterPipeline(agent);
  pipelines.set(agent, pipeline);
  if (variables) pipeline.applyOptions(fn, variables);
  return pipeline;
}
