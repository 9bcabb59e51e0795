import { defineTable, type InferRow } from '../table-definition.ts';

/** How a deploy became known. */
export const DEPLOY_SOURCES = ['recorded', 'detected'] as const;
export type DeploySource = (typeof DEPLOY_SOURCES)[number];

/**
 * A change of a deploy: it was recorded or detected, or a comparison ended. Rows of one deploy have the same `id`,
 * and are merged. `summary`, `findings`, and `changes` belong to the comparison with the number `look`.
 */
export const deploysTable = defineTable({
  name: 'deploys',
  columns: {
    service: 'symbol',
    environment: 'symbol',
    version: 'symbol',
    previousVersion: 'symbol',
    source: 'symbol',
    id: 'varchar',
    seq: 'long',
    startsAt: 'timestamp',
    commitId: 'varchar',
    author: 'varchar',
    url: 'varchar',
    look: 'long',
    comparedSeries: 'long',
    summary: 'varchar',
    findings: 'varchar',
    changes: 'varchar',
    endedAt: 'timestamp',
    endReason: 'varchar',
  },
  dedupKeys: ['id', 'seq'],
});

export type DeployRow = InferRow<typeof deploysTable>;
