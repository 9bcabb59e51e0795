import { z } from 'zod';
import { createError } from '../../../core/perfscope-error.ts';
import { MAX_NAME_LENGTH } from '../../../core/schema/table-definition.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import { getTimeZone, parseTimeRange } from '../request/request-time-range.ts';
import { ID_PARAMS_SCHEMA } from '../schemas/alert-schemas.ts';
import { deploySchema, findingSchema } from '../schemas/deploy-schemas.ts';
import { createFilterParameters, RANGE_PARAMETERS } from '../schemas/query-parameters.ts';
import { TIME_RANGE_FIELDS, toTimeRangeFields } from '../schemas/response-schemas.ts';

const nameSchema = z
  .string()
  .min(1)
  .max(MAX_NAME_LENGTH)
  .regex(/^\P{Cc}*$/u);
const DEFAULT_LAST = '7d';

const deployBodySchema = z.strictObject({
  service: nameSchema.meta({ description: 'Name of the service, as in its measurements.' }),
  version: nameSchema.meta({ description: 'Version, as in the service.version of the service.' }),
  environment: nameSchema.optional().meta({
    description:
      'Environment, such as production. Default: the environment of the service, if it had only one in the last day.',
  }),
  commit: nameSchema.optional(),
  author: nameSchema.optional().meta({ description: 'Default: the caller.' }),
  url: z
    .url({ protocol: /^https?$/ })
    .max(2000)
    .optional()
    .meta({ description: 'Link to the pipeline or the release.' }),
  at: z.iso.datetime({ offset: true }).optional().meta({
    description: 'Start of the deploy. Default: now.',
  }),
});

export const deploysEndpoint = defineEndpoint({
  path: '/api/performance/deploys',
  methods: ['get', 'post'],
  summary: 'Lists deploys and their confirmed changes, oldest first.',
  postSummary: 'Records a deploy, and returns it. A repeated report returns the same deploy.',
  permission: 'read',
  writePermission: 'deploy',
  body: deployBodySchema,
  query: z.strictObject({
    ...RANGE_PARAMETERS,
    ...createFilterParameters('service', 'environment'),
  }),
  response: z
    .strictObject({ ...TIME_RANGE_FIELDS, deploys: z.array(deploySchema) })
    .meta({ id: 'Deploys' }),
  async handle({ dependencies, method, body, query, principal, address, scope, nowMs }) {
    const { alerts, access } = dependencies;
    const { from, to, last = from === undefined ? DEFAULT_LAST : undefined } = query;
    const zone = getTimeZone(query, dependencies.zone);
    const range = parseTimeRange({ from, to, last }, zone, nowMs);
    if (method !== 'post') {
      const deploys = await alerts.listDeploys(range, query, scope);
      return { ...toTimeRangeFields(range), deploys };
    }
    if (principal.organizationId !== undefined) {
      const reason =
        'the key is limited to an organization, but a deploy affects all organizations';
      throw createError('PS_REQUEST_INVALID', { reason });
    }
    const { at, author = principal.subject, ...report } = deployBodySchema.parse(body);
    const startsMs = at === undefined ? nowMs : Date.parse(at);
    const deploy = await alerts.recordDeploy({ ...report, author, startsMs });
    const { service, version, environment } = report;
    access.audit({
      ...{ author: principal.subject, address, action: 'deploy.record', object: deploy.id },
      detail: { service, version, environment },
    });
    return { ...toTimeRangeFields(range), deploys: [deploy] };
  },
});

export const deployEndpoint = defineEndpoint({
  path: '/api/performance/deploys/:id',
  methods: ['get'],
  summary: 'Returns a deploy with all statistics of its last comparison.',
  operation: 'deploy',
  permission: 'read',
  params: ID_PARAMS_SCHEMA,
  query: z.strictObject({}),
  response: z
    .strictObject({ deploy: deploySchema, changes: z.array(findingSchema) })
    .meta({ id: 'DeployDetails' }),
  async handle({ dependencies, params: { id = '' }, scope }) {
    return dependencies.alerts.getDeploy(id, scope);
  },
});
