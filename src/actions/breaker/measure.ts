import { metrics } from '@opentelemetry/api';
import { BREAKER_NAME, BREAKER_OUTCOME, BREAKER_STATE } from '../../schema/attributes.ts';
import { BREAKER_STATES, type BreakerState, type Outcome } from './breaker.ts';

/** Hears what breakers do, and measures it. */
export interface BreakerMeter {
  outcome(name: string, outcome: Outcome): void;
  transition(name: string, state: BreakerState): void;
}

/**
 * Instruments of the process' meters. The gauge is 0 closed, 1 half-open, 2 open.
 *
 * @param states present state of each breaker, by name
 */
export function breakerMeter(states: () => Iterable<[string, BreakerState]>): BreakerMeter {
  const meter = metrics.getMeter('perfscope.breaker');
  const calls = meter.createCounter('perfscope.breaker.calls', {
    unit: '{call}',
    description: 'Calls of protected functions by their outcome.',
  });
  const transitions = meter.createCounter('perfscope.breaker.transitions', {
    unit: '{transition}',
    description: 'Changes of breakers by their new state.',
  });
  meter
    .createObservableGauge('perfscope.breaker.state', {
      unit: '1',
      description: 'State of breakers: 0 closed, 1 half-open, 2 open.',
    })
    .addCallback((result) => {
      for (const [name, state] of states()) {
        result.observe(BREAKER_STATES.indexOf(state), { [BREAKER_NAME]: name });
      }
    });
  return {
    outcome: (name, outcome) => calls.add(1, { [BREAKER_NAME]: name, [BREAKER_OUTCOME]: outcome }),
    transition: (name, state) =>
      transitions.add(1, { [BREAKER_NAME]: name, [BREAKER_STATE]: state }),
  };
}
