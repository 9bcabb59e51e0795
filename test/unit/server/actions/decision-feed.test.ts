import { expect, it } from 'vitest';
import {
  type Decision,
  decideSetting,
  INITIAL_SETTING_STATE,
} from '../../../../src/server/actions/business-rules/decide-setting.ts';
import { DecisionFeed } from '../../../../src/server/actions/business-rules/decision-feed.ts';
import { loadPricingRule, T0 } from '../../../support/business-rule-fixtures.ts';

function makeDecision(second: number, propertyId: string): Decision {
  const evaluation = { holds: true, targetValue: 1.3, facts: {} };
  return decideSetting(
    loadPricingRule(),
    { propertyId },
    INITIAL_SETTING_STATE,
    evaluation,
    T0 + 1000 * second,
  ).decision!;
}

/** Subscribes at `position`. Returns the received decisions and the latest position. */
function subscribe(feed: DecisionFeed, position: string | undefined) {
  const received: string[] = [];
  const latest = { position: position ?? '' };
  feed.subscribe(position, ({ propertyId, timestamp }, next) => {
    received.push(`${propertyId} ${(timestamp - T0) / 1000}`);
    latest.position = next;
  });
  return { received, latest };
}

const [first, second, third] = [
  makeDecision(10, 'a'),
  makeDecision(20, 'b'),
  makeDecision(30, 'c'),
];

it('sends missed decisions to a subscriber that reconnects, even after a restart', () => {
  const before = new DecisionFeed();
  const { received, latest } = subscribe(before, before.getPosition(T0 + 1000));
  before.publish(first);
  expect(received).toEqual(['a 10']);
  const { position } = latest;
  before.publish(second);
  expect(subscribe(before, position).received).toEqual(['b 20']);
  const restarted = new DecisionFeed();
  const earlySubscriber = subscribe(restarted, position);
  const otherSubscriber = subscribe(restarted, undefined);
  restarted.publishRestored([first, second]);
  expect(earlySubscriber.received).toEqual(['b 20']);
  expect(otherSubscriber.received).toEqual([]);
  restarted.publish(third);
  expect(earlySubscriber.received).toEqual(['b 20', 'c 30']);
  expect(otherSubscriber.received).toEqual(['c 30']);
  expect(subscribe(restarted, position).received).toEqual(['b 20', 'c 30']);
});

it('sends restored decisions to a subscriber that connected before the first decision', () => {
  const before = new DecisionFeed();
  const position = before.getPosition(T0 + 15_000);
  const restarted = new DecisionFeed();
  restarted.publishRestored([first, second]);
  expect(subscribe(restarted, position).received).toEqual(['a 10', 'b 20']);
  expect(subscribe(restarted, restarted.getPosition(T0 + 25_000)).received).toEqual([]);
  expect(subscribe(restarted, 'abcd1234.7').received).toEqual([]);
});
