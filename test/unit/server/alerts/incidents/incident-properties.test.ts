import fc from 'fast-check';
import { expect, it } from 'vitest';
import type {
  Incident,
  IncidentAlert,
} from '../../../../../src/server/alerts/incidents/incident.ts';
import {
  parseIncidentRow,
  toIncidentRow,
} from '../../../../../src/server/alerts/incidents/incident-rows.ts';
import {
  type IncidentContext,
  updateIncidents,
} from '../../../../../src/server/alerts/incidents/update-incidents.ts';

const MINUTE = 60_000;
const CONTEXT: IncidentContext = {
  relations: { hosts: new Map([['a', ['h1']]]), queues: new Map([['b', ['q1']]]) },
  waitingThreads: new Set(),
};

/** An alert that fires from one minute to another. */
const episode = fc.record({
  rule: fc.constantFrom('error-rate', 'cpu', 'queue-depth'),
  labels: fc.constantFrom<Readonly<Record<string, string>>[]>(
    { service: 'a' },
    { service: 'b', organization: 'x' },
    { service: 'c', organization: 'x' },
    { service: 'c', queue: 'q1' },
    { host: 'h1' },
    { queue: 'q1' },
    { table: 'alerts', scope: 'perfscope' },
    { service: 'a', organization: 'y', environment: 'test' },
  ),
  startMinute: fc.integer({ min: 0, max: 200 }),
  minutes: fc.integer({ min: 1, max: 60 }),
  acknowledged: fc.boolean(),
});
const episodes = fc.array(episode, { minLength: 1, maxLength: 25 });
type Episodes = typeof episodes extends fc.Arbitrary<infer E> ? E : never;

function listLive(all: Episodes, minute: number): IncidentAlert[] {
  const seen = new Set<string>();
  return all.flatMap(({ rule, labels, startMinute, minutes, acknowledged }, i) => {
    const key = JSON.stringify([rule, labels]);
    if (minute < startMinute || minute >= startMinute + minutes || seen.has(key)) return [];
    seen.add(key);
    const state = acknowledged && minute > startMinute ? 'acknowledged' : 'firing';
    const startedMs = startMinute * MINUTE;
    return [{ id: `alert-${i}`, rule, labels, startedMs, state, severity: 'high', summary: rule }];
  });
}

/** @param change what happens between two evaluations: another order of the arguments, or a restart */
function replay(
  all: Episodes,
  check: (
    incidents: readonly Incident[],
    live: readonly IncidentAlert[],
    changed: readonly Incident[],
  ) => void,
  change: <T extends Incident | IncidentAlert>(list: readonly T[]) => readonly T[] = (list) => list,
): readonly Incident[] {
  let incidents: readonly Incident[] = [];
  for (let minute = 0; minute <= 300; minute++) {
    const live = listLive(all, minute);
    const update = updateIncidents(change(incidents), change(live), CONTEXT, minute * MINUTE);
    check(update.incidents, live, update.changed);
    incidents = update.incidents;
  }
  return incidents;
}

it('puts each active alert into exactly one open incident', () => {
  fc.assert(
    fc.property(episodes, (all) => {
      replay(all, (incidents, live) => {
        const open = incidents.filter(({ state }) => state === 'open');
        const active = open
          .flatMap(({ members }) => members)
          .filter(({ state }) => state !== 'resolved')
          .map(({ id }) => id);
        expect(active.toSorted()).toEqual(live.map(({ id }) => id).toSorted());
      });
    }),
    { numRuns: 60 },
  );
});

it('does not depend on the order of alerts and incidents', () => {
  fc.assert(
    fc.property(episodes, fc.infiniteStream(fc.nat()), (all, numbers) => {
      const shuffle = <T>(list: readonly T[]) =>
        list
          .map((each) => [Number(numbers.next().value), each] as const)
          .sort(([a], [b]) => a - b)
          .map(([, each]) => each);
      expect(replay(all, () => {}, shuffle)).toEqual(replay(all, () => {}));
    }),
    { numRuns: 40 },
  );
});

it('continues from its rows after a restart', () => {
  fc.assert(
    fc.property(episodes, fc.integer({ min: 1, max: 40 }), (all, interval) => {
      let round = 0;
      const rows = new Map<string, Incident>();
      const restart = <T extends Incident | IncidentAlert>(list: readonly T[]): readonly T[] => {
        const isIncidents = round++ % 2 === 0;
        if (!isIncidents || round % interval > 1) return list;
        const stored = list.flatMap(({ id }) => rows.get(id) ?? []);
        return stored as readonly Incident[] as readonly T[];
      };
      const record = (_: readonly Incident[], __: unknown, changed: readonly Incident[]) => {
        for (const each of changed) rows.set(each.id, parseIncidentRow(toIncidentRow(each))!);
      };
      expect(replay(all, record, restart)).toEqual(replay(all, () => {}));
    }),
    { numRuns: 40 },
  );
});

it('keeps the ID, the number of changes, and all alerts of an incident', () => {
  fc.assert(
    fc.property(episodes, (all) => {
      const seqs = new Map<string, number>();
      const seen = new Set<string>();
      const incidents = replay(all, (_, live, changed) => {
        for (const { id } of live) seen.add(id);
        for (const { id, seq } of changed) {
          expect(seq).toBe((seqs.get(id) ?? 0) + 1);
          seqs.set(id, seq);
        }
      });
      const kept = incidents
        .filter(({ state }) => state !== 'merged')
        .flatMap(({ members }) => members.map(({ id }) => id));
      expect(kept.toSorted()).toEqual([...seen].toSorted());
      for (const { state, mergedInto } of incidents) {
        const target = incidents.find(({ id }) => id === mergedInto);
        expect(target !== undefined).toBe(state === 'merged');
      }
    }),
    { numRuns: 60 },
  );
});
