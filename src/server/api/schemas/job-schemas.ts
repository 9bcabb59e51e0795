import { z } from 'zod';
import {
  optionalNumberSchema,
  optionalTextSchema,
  queueScopeSchema,
  timeSchema,
} from './response-schemas.ts';

const JOB_FIELDS = {
  queue: z.string(),
  scope: queueScopeSchema,
  jobId: z.string(),
  jobType: optionalTextSchema,
  status: optionalTextSchema,
  changedAt: timeSchema,
  createdAt: timeSchema.optional(),
  startedAt: timeSchema.optional(),
  finishedAt: timeSchema.optional(),
  waitTime: optionalNumberSchema,
  duration: optionalNumberSchema,
  attempts: optionalNumberSchema,
  maxAttempts: optionalNumberSchema,
  errorMessage: optionalTextSchema,
  organizationId: optionalTextSchema,
  propertyId: optionalTextSchema,
};

export const jobSchema = z.strictObject(JOB_FIELDS).meta({
  id: 'Job',
  description:
    'The latest state of a job. `startedAt`, `waitTime`, and `duration` are about the last attempt. Durations are in ms.',
});

const jobChangeSchema = z
  .strictObject({
    at: timeSchema,
    status: optionalTextSchema,
    waitTime: optionalNumberSchema,
    duration: optionalNumberSchema,
    attempts: optionalNumberSchema,
    delay: optionalNumberSchema,
    errorMessage: optionalTextSchema,
    stackTrace: optionalTextSchema,
    service: optionalTextSchema,
    instance: optionalTextSchema,
  })
  .meta({ id: 'JobChange', description: 'One state change of a job. Durations are in ms.' });

export const jobHistorySchema = z
  .strictObject({ ...JOB_FIELDS, history: z.array(jobChangeSchema) })
  .meta({ id: 'JobHistory', description: 'A job with its state changes, oldest first.' });
