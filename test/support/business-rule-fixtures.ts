import type { BusinessRule } from '../../src/server/actions/business-rules/business-rule.ts';
import {
  type BusinessRules,
  loadBusinessRules,
} from '../../src/server/actions/business-rules/load-business-rules.ts';

/** A time in the year 2030, in ms since the epoch. */
export const T0 = 1_900_000_000_000;

export function loadTestRules(text: string): BusinessRules {
  return loadBusinessRules({ name: 'rules.yaml', text }, () => undefined);
}

export const PRICING_RULES = `
rules:
  - name: demand-high
    event: demand.high
    setting: price.factor
    per: property
    when: { all: [{ fact: requestRate, operator: greaterThan, value: 10 }] }
    value: { fact: requestRate, times: 0.02, plus: 1 }
    default: 1
    limits: { min: 0.9, max: 1.5, step: 0.1, changes: 6, per: 10m }
    coolDown: 30s
    expiresAfter: 5m
`;

export function loadPricingRule(): BusinessRule {
  return loadTestRules(PRICING_RULES).rules[0]!;
}
