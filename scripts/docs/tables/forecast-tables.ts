import { FORECAST_STATUSES } from '../../../src/server/forecasts/forecast.ts';
import { FORECAST_METHODS } from '../../../src/server/forecasts/forecast-methods.ts';
import { FORECAST_KINDS } from '../../../src/server/forecasts/forecast-subject.ts';
import type { TableDescriptions } from './table-description.ts';

/** Describes the table of forecasts. */
export const FORECAST_TABLES: TableDescriptions<'forecasts'> = {
  forecasts: {
    row: [
      'A row is the forecast for one subject at one time.',
      'The server writes a row for each subject at most once per hour.',
    ],
    columns: {
      timestamp: { meaning: 'Time at which the forecast was computed.' },
      kind: { meaning: 'Kind of the subject.', values: FORECAST_KINDS },
      status: { meaning: 'Result of the forecast.', values: FORECAST_STATUSES },
      method: { meaning: 'Method with the smallest errors in the past.', values: FORECAST_METHODS },
      service: { meaning: 'Service, if the subject belongs to a service.' },
      host: { meaning: 'Host, if the subject belongs to a host.' },
      queueName: { meaning: 'Queue, if the subject is a queue.' },
      organizationId: { meaning: 'Organization, for error budgets of an organization.' },
      propertyId: { meaning: 'Property, for error budgets of a property.' },
      subjectId: { meaning: 'ID of the subject: a hash of its kind and its labels.' },
      subject: { meaning: 'Name of the subject, such as `Disk of host web-1`.' },
      labels: { meaning: 'JSON object with the labels of the subject.' },
      unit: { meaning: 'Unit of the values (UCUM).' },
      value: { meaning: 'Newest value.' },
      limitValue: { meaning: 'Value at which the subject is exhausted. Empty if it is unknown.' },
      slopePerDay: { meaning: 'Theil–Sen slope of the learned values, per day.' },
      limitAt: { meaning: 'When the limit is reached. Empty if it is not reached.' },
      earliestAt: { meaning: 'When the upper edge of the interval reaches the limit.' },
      latestAt: { meaning: 'When the lower edge of the interval reaches the limit.' },
      predictedFor: { meaning: 'End of the forecast.' },
      predicted: { meaning: 'Expected value at the end of the forecast.' },
      predictedLower: { meaning: 'Lower edge of the 80 % interval at the end of the forecast.' },
      predictedUpper: { meaning: 'Upper edge of the 80 % interval at the end of the forecast.' },
      horizon: { unit: 'ms', meaning: 'Length of the forecast.' },
      error: { meaning: 'Median absolute error of past forecasts of this length.' },
      naiveError: { meaning: 'The same error for repeating the last value.' },
      reason: { meaning: 'Why there is no forecast, or how the limit was found.' },
    },
  },
};
