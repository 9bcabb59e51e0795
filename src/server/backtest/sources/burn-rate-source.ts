import { DAY_MS, HOUR_MS } from '../../../core/duration.ts';
import { toGroupKey } from '../../../storage/queries/query-definition.ts';
import { floorTo, type TimeRange } from '../../../storage/queries/time-range.ts';
import type { Observation } from '../../alerts/evaluation/observation.ts';
import { toLabels } from '../../alerts/evaluation/observation.ts';
import {
  type BurnRateSpeed,
  getBurnRateWindows,
} from '../../alerts/objectives/burn-rate-windows.ts';
import type { ObjectiveGroup } from '../../alerts/objectives/event-history.ts';
import { EventHistory } from '../../alerts/objectives/event-history.ts';
import { countsReports } from '../../alerts/objectives/event-loader.ts';
import { getStepMs, type Objective, STEPS_KEPT_MS } from '../../alerts/objectives/objective.ts';
import { observeBurnRate } from '../../alerts/objectives/objective-status.ts';
import type { GroupCounts } from '../../alerts/objectives/query-event-counts.ts';
import { MAX_OBJECTIVE_GROUPS } from '../../alerts/objectives/tracked-objective.ts';
import type { ReplaySource } from './replay-source.ts';

/** Events are read for this time at once. */
const READ_MS = 6 * HOUR_MS;
/** Groups need data before their windows, so more time is read before the first window. */
const HISTORY_MS = DAY_MS;

/** Loads the events of an objective in a range of whole steps. */
export type LoadEvents = (
  objective: Objective,
  range: TimeRange,
  stepMs: number,
) => Promise<readonly GroupCounts[]>;

/** The events of one objective around the replayed time. The time only moves forward. */
class ReplayedObjective {
  readonly #objective: Objective;
  readonly #loadEvents: LoadEvents;
  readonly #groups = new Map<string, ObjectiveGroup>();
  #loaded: TimeRange | undefined;

  constructor(objective: Objective, loadEvents: LoadEvents) {
    this.#objective = objective;
    this.#loadEvents = loadEvents;
  }

  async observe(speed: BurnRateSpeed, now: number): Promise<Observation[]> {
    const objective = this.#objective;
    const loadedFromMs = await this.#load(now);
    return [...this.#groups.values()].flatMap(
      (group) => observeBurnRate({ objective, group, loadedFromMs }, speed, now) ?? [],
    );
  }

  /** Reads until `now`. Returns the start of the events that were read. */
  async #load(now: number): Promise<number> {
    const objective = this.#objective;
    const stepMs = getStepMs(objective);
    const { longMs } = getBurnRateWindows('slow', objective.periodMs, stepMs);
    const startMs = floorTo(now - longMs - HISTORY_MS, HOUR_MS);
    let { fromMs, toMs } = this.#loaded ?? { fromMs: startMs, toMs: startMs };
    while (toMs < now) {
      const range = { fromMs: toMs, toMs: toMs + READ_MS };
      this.#replace(await this.#loadEvents(objective, range, stepMs), range, stepMs);
      toMs = range.toMs;
      // Live evaluation also keeps older events only by hour.
      const stepsFromMs = floorTo(Math.min(now, toMs) - STEPS_KEPT_MS, HOUR_MS);
      for (const { history } of this.#groups.values()) history.trim(stepsFromMs, startMs);
    }
    this.#loaded = { fromMs, toMs };
    return fromMs;
  }

  #replace(found: readonly GroupCounts[], range: TimeRange, stepMs: number): void {
    for (const { group, counts } of found) {
      const key = toGroupKey(group);
      const known = this.#groups.get(key) ?? {
        labels: toLabels(group),
        history: new EventHistory(stepMs),
      };
      if (!this.#groups.has(key) && this.#groups.size >= MAX_OBJECTIVE_GROUPS) continue;
      this.#groups.set(key, known);
      known.history.replaceSteps(range, counts);
    }
  }
}

/** The objectives of one set of rules. Its three burn-rate rules share the events. */
export class ReplayedObjectives {
  readonly #objectives: readonly Objective[];
  readonly #replayed: readonly ReplayedObjective[];

  constructor(objectives: readonly Objective[], loadEvents: LoadEvents) {
    this.#objectives = objectives.filter(({ alerts }) => alerts !== 'off');
    this.#replayed = this.#objectives
      .filter((objective) => !countsReports(objective))
      .map((objective) => new ReplayedObjective(objective, loadEvents));
  }

  /** Creates the source of a burn-rate rule. It counts the same events as live evaluation, by step. */
  createSource(speed: BurnRateSpeed): ReplaySource {
    const omitted = this.#objectives.filter(countsReports).map(({ name }) => name);
    return {
      precision:
        omitted.length > 0 ? [`its uptime objectives are not replayed: ${omitted.join(', ')}`] : [],
      observe: async (now) => {
        const all: Observation[] = [];
        for (const replayed of this.#replayed) all.push(...(await replayed.observe(speed, now)));
        return all;
      },
    };
  }
}
