import { expect, it } from 'vitest';
import { DecisionFeed } from '../../../../src/server/actions/business-rules/decision-feed.ts';
import {
  type Decision,
  decideSetting,
  INITIAL_SETTING_STATE,
} from '../../../../src/server/actions/business-rules/setting-decision.ts';
import { loadPricingRule, T0 } from '../../../support/business-rule-fixtures.ts';

function decided(second: number, propertyId: string): Decision {
  const judgement = { holds: true, wantedValue: 1.3, facts: {} };
  return decideSetting(
    loadPricingRule(),
    { propertyId },
    INITIAL_SETTING_STATE,
    judgement,
    T0 + 1000 * second,
  ).decision!;
}

/** What a listener at `position` is told of now and later, and where it stands then. */
function listener(feed: DecisionFeed, position: string | undefined) {
  const heard: string[] = [];
  const at = { position: position ?? '' };
  feed.subscribe(position, ({ propertyId, timestamp }, next) => {
    heard.push(`${propertyId} ${(timestamp - T0) / 1000}`);
    at.position = next;
  });
  return { heard, at };
}

const [first, second, third] = [decided(10, 'a'), decided(20, 'b'), decided(30, 'c')];

it('tells who comes back what it has missed, also after a restart', () => {
  const before = new DecisionFeed();
  const { heard, at } = listener(before, before.getPosition(T0 + 1000));
  before.publish(first);
  expect(heard).toEqual(['a 10']);
  const { position } = at;
  before.publish(second);
  expect(listener(before, position).heard).toEqual(['b 20']);
  const restarted = new DecisionFeed();
  const early = listener(restarted, position);
  const other = listener(restarted, undefined);
  restarted.publishRestored([first, second]);
  expect(early.heard).toEqual(['b 20']);
  expect(other.heard).toEqual([]);
  restarted.publish(third);
  expect(early.heard).toEqual(['b 20', 'c 30']);
  expect(other.heard).toEqual(['c 30']);
  expect(listener(restarted, position).heard).toEqual(['b 20', 'c 30']);
});

it('tells who was there before the first decision', () => {
  const before = new DecisionFeed();
  const position = before.getPosition(T0 + 15_000);
  const restarted = new DecisionFeed();
  restarted.publishRestored([first, second]);
  expect(listener(restarted, position).heard).toEqual(['a 10', 'b 20']);
  expect(listener(restarted, restarted.getPosition(T0 + 25_000)).heard).toEqual([]);
  expect(listener(restarted, 'abcd1234.7').heard).toEqual([]);
});
