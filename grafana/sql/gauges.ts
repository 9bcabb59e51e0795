import { MEASUREMENTS, VALUES } from '../../src/windows/families.ts';
import { overRange, overTime, type Wanted } from './select.ts';
import { quoted } from './text.ts';

export interface AskedGauge extends Pick<Wanted, 'by' | 'keys' | 'conditions'> {
  readonly type: string;
  readonly name?: string;
}

function wanted({ type, name, conditions = [], ...asked }: AskedGauge): Wanted {
  const named = name ? [`name = ${quoted(name)}`] : [];
  const all = [`metric_type = ${quoted(type)}`, ...named, ...conditions];
  return { ...asked, figures: VALUES, conditions: all };
}

/** `last`, `value_total`, `samples`, `least` and `most` of the values of each bucket of time. */
export function gaugeOverTime(asked: AskedGauge): string {
  return overTime(MEASUREMENTS, wanted(asked));
}

/** The same of the whole range. */
export function gaugeOverRange(asked: AskedGauge): string {
  return overRange(MEASUREMENTS, wanted(asked));
}
