import { z } from 'zod';
import { ALERT_SEVERITIES } from '../../../core/schema/enums.ts';
import { FORECAST_STATUSES } from '../../forecasts/forecast.ts';
import { FORECAST_METHODS } from '../../forecasts/forecast-methods.ts';
import { FORECAST_KINDS } from '../../forecasts/forecast-subject.ts';
import { optionalNumberSchema, optionalTextSchema, timeSchema } from './response-schemas.ts';

export const forecastKindSchema = z.enum(FORECAST_KINDS);
export const forecastStatusSchema = z.enum(FORECAST_STATUSES);

const horizonErrorSchema = z
  .strictObject({
    horizon: z.number().meta({ description: 'Length of the forecasts, in ms.' }),
    forecasts: z.number().meta({ description: 'Number of past forecasts.' }),
    error: z.number(),
    naive: z.number().meta({ description: 'Error of repeating the last value.' }),
    seasonalNaive: optionalNumberSchema.meta({
      description: 'Error of repeating the last day or week.',
    }),
  })
  .meta({
    id: 'HorizonError',
    description: 'Median absolute errors of forecasts in the past, in the unit of the values.',
  });

export const forecastSchema = z
  .strictObject({
    id: z.string(),
    kind: forecastKindSchema,
    subject: z.string().meta({ description: 'Name, such as `Disk of host web-1`.' }),
    labels: z.record(z.string(), z.string()),
    unit: z.string().meta({ description: 'Unit of the values (UCUM).' }),
    status: forecastStatusSchema.meta({
      description:
        '`limit`: the limit is reached within the horizon. `clear`: it is not reached. `notPredictable`: a naive forecast is as good.',
    }),
    reason: optionalTextSchema.meta({
      description: 'Why there is no forecast, or why alerts do not use it.',
    }),
    value: optionalNumberSchema,
    limit: optionalNumberSchema,
    limitReason: optionalTextSchema.meta({
      description: 'How the limit was found, or why it is unknown.',
    }),
    slopePerDay: optionalNumberSchema.meta({ description: 'Theil–Sen slope per day.' }),
    limitAt: timeSchema.optional(),
    earliestAt: timeSchema.optional().meta({ description: 'Start of the 80 % interval.' }),
    latestAt: timeSchema.optional().meta({ description: 'End of the 80 % interval.' }),
    timeToLimit: optionalNumberSchema.meta({ description: 'Time until the limit, in ms.' }),
    reliable: z.boolean().meta({ description: 'Whether alerts use the forecast.' }),
    method: z.enum(FORECAST_METHODS).optional(),
    horizon: optionalNumberSchema.meta({ description: 'Length of the forecast, in ms.' }),
    errors: z.array(horizonErrorSchema),
    learnedFrom: timeSchema.optional(),
    learnedTo: timeSchema.optional(),
    count: optionalNumberSchema.meta({ description: 'Number of measured values.' }),
    spikes: optionalNumberSchema.meta({ description: 'Number of ignored spikes.' }),
    drops: optionalNumberSchema.meta({ description: 'Number of clean-ups or restarts.' }),
    missing: optionalNumberSchema.meta({
      description: 'Length of the values that are still needed, in ms. Only while waiting.',
    }),
    computedAt: timeSchema,
    alert: z
      .strictObject({ id: z.string(), rule: z.string(), severity: z.enum(ALERT_SEVERITIES) })
      .optional(),
  })
  .meta({ id: 'Forecast' });

export const forecastPointSchema = z
  .strictObject({ at: timeSchema, value: z.number(), lower: z.number(), upper: z.number() })
  .meta({ id: 'ForecastPoint', description: 'A predicted value with its 80 % interval.' });
