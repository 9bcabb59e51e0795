import { join } from 'node:path';
import { z } from 'zod';
import { readDiskSpace } from '../../../storage/questdb/disk-space.ts';
import {
  getDiskUsageBytes,
  queryQuestdbVersion,
  queryTableStats,
} from '../../../storage/questdb/table-stats.ts';
import type { WriteStats } from '../../../storage/write/write-stats.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import {
  optionalNumberSchema,
  optionalTextSchema,
  timeSchema,
} from '../schemas/response-schemas.ts';

const tableSchema = z
  .strictObject({
    name: z.string(),
    rows: z.number(),
    bytes: z.number().meta({
      description:
        'Size on disk. For an external QuestDB, the size includes space that is reserved for new rows.',
    }),
    oldest: timeSchema.optional(),
    newest: timeSchema.optional(),
    retention: optionalTextSchema.meta({
      description: 'Time for which rows are kept, such as 30 DAY. Missing if rows never expire.',
    }),
    bytesPerDay: optionalNumberSchema,
    rowsPerDay: optionalNumberSchema,
    rollup: z
      .strictObject({
        status: z.string(),
        reason: optionalTextSchema,
        refreshedAt: timeSchema.optional(),
        behind: z.number().meta({ description: 'Number of transactions it does not contain yet.' }),
      })
      .optional()
      .meta({ description: 'State of a roll-up. Missing for tables.' }),
  })
  .meta({ id: 'TableStorage' });

const writesSchema = z
  .strictObject({
    recordedRows: z.number(),
    bufferedRows: z.number(),
    storedRows: z.number(),
    waitingRows: z.number(),
    waitingBytes: z.number(),
    lagMs: optionalNumberSchema,
    failedRequests: z.number(),
    deadLetterRows: z.number(),
    droppedRows: z.record(z.string(), z.number()).meta({
      description: 'Numbers of dropped rows by reason. Missing reasons have not occurred.',
    }),
  })
  .meta({
    id: 'WriteStats',
    description: "The server's own rows since its start, including the rows in its spool.",
  });

/** Reads the state of QuestDB within this time, in ms. */
const CHECK_TIMEOUT_MS = 800;

export const storageEndpoint = defineEndpoint({
  path: '/api/performance/storage',
  methods: ['get'],
  summary:
    'Returns the size, age, and retention of each table and roll-up, the disk space, and the rows in the spool.',
  permission: 'administer',
  query: z.strictObject({}),
  response: z
    .strictObject({
      tables: z.array(tableSchema),
      disk: z
        .strictObject({
          freeBytes: z.number(),
          usedBytes: z.number(),
          totalBytes: z.number(),
          minFreeBytes: optionalNumberSchema.meta({
            description: 'Writes are paused if less space is free.',
          }),
        })
        .optional()
        .meta({ description: 'The disk with the data folder.' }),
      dataDir: z.string(),
      questdbVersion: optionalTextSchema,
      isEmbedded: z.boolean(),
      walLagMs: z.number().meta({
        description: 'Maximum time for which acknowledged rows have not been readable.',
      }),
      writesPaused: optionalTextSchema.meta({ description: 'Why no rows are written now.' }),
      problems: z.array(z.strictObject({ code: z.string(), message: z.string() })),
      writes: writesSchema.optional(),
    })
    .meta({ id: 'Storage' }),
  async handle({ dependencies: { storage, queryClient } }) {
    const { dataDir, questdbDir } = storage;
    const [stats, questdbVersion, disk, status] = await Promise.all([
      queryTableStats(queryClient.read),
      queryQuestdbVersion(queryClient.read),
      readDiskSpace(dataDir),
      storage.check(CHECK_TIMEOUT_MS),
    ]);
    const tables = await Promise.all(
      stats.map(async ({ name, rows, oldest, newest, ttl, growth, rollup, ...table }) => ({
        ...{ name, rows, oldest, newest, retention: ttl },
        bytes: questdbDir
          ? await getDiskUsageBytes(join(questdbDir, 'db', table.directory))
          : table.reservedBytes,
        bytesPerDay: growth?.bytesPerDay,
        rowsPerDay: growth?.rowsPerDay,
        rollup: rollup && {
          status: rollup.status,
          reason: rollup.reason,
          refreshedAt: rollup.refreshed,
          behind: rollup.behind,
        },
      })),
    );
    return {
      tables,
      disk: disk && {
        freeBytes: disk.freeBytes,
        usedBytes: disk.totalBytes - disk.freeBytes,
        totalBytes: disk.totalBytes,
        minFreeBytes: status.minFreeDiskBytes,
      },
      dataDir,
      questdbVersion,
      isEmbedded: questdbDir !== undefined,
      walLagMs: status.walLagMs,
      writesPaused: storage.getPauseReason(),
      problems: status.problems.map(({ error: { code, message } }) => ({ code, message })),
      writes: toWritesView(storage.getWriteStats()),
    };
  },
});

function toWritesView(stats: WriteStats | undefined) {
  if (!stats) return undefined;
  const { freeDiskBytes: _freeDiskBytes, droppedRows, ...writes } = stats;
  return { ...writes, droppedRows: droppedRows as Readonly<Record<string, number>> };
}
