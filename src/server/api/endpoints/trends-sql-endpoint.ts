import { z } from 'zod';
import { listSeriesStatements } from '../../../storage/queries/series-statements.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import { toRequestQuery } from '../request/request-query.ts';
import { planSeries } from './series-plan.ts';
import { trendsEndpoint } from './trends-endpoint.ts';

const statementSchema = z.strictObject({ description: z.string(), sql: z.string() }).meta({
  id: 'SqlStatement',
  description: 'A statement without bound parameters, for Grafana or the QuestDB console.',
});

export const trendsSqlEndpoint = defineEndpoint({
  path: '/api/performance/trends/sql',
  operation: 'trendsSql',
  methods: ['get'],
  summary:
    'Returns the SQL statements that /trends runs to select the series for these parameters.',
  permission: 'read',
  query: trendsEndpoint.query.omit({ format: true }),
  response: z
    .strictObject({
      statements: z.array(statementSchema).meta({
        description:
          'One statement for each table and roll-up. Add up the rows with the same group and bucket. Without access to any rows, the list is empty.',
      }),
    })
    .meta({ id: 'TrendsSql' }),
  async handle(context) {
    const { queryClient } = context.dependencies;
    const plan = await planSeries(queryClient, toRequestQuery(context), context.query);
    const [current, compared] = await Promise.all([
      listSeriesStatements(queryClient, plan.current, plan.selection),
      plan.compared ? listSeriesStatements(queryClient, plan.compared, plan.selection) : [],
    ]);
    const earlier = compared.map(({ description, sql }) => ({
      description: `${description}, in the earlier time range`,
      sql,
    }));
    return { statements: [...current, ...earlier] };
  },
});
