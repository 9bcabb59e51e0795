import { defineTable, type RowOf } from './column.ts';
import { ORIGIN_COLUMNS } from './dimensions.ts';

/**
 * One health snapshot of one process and its host. Usages and `errorRate` are in percent,
 * times in ms, `uptime` in seconds, `load` is the one-minute load average.
 */
export const systemHealth = defineTable({
  name: 'system_health',
  columns: {
    status: 'symbol',
    ...ORIGIN_COLUMNS,
    id: 'varchar',
    avgResponseTime: 'double',
    errorRate: 'double',
    uptime: 'double',
    dbConnections: 'long',
    dbQueryTime: 'double',
    memoryUsage: 'double',
    cpuUsage: 'double',
    diskUsage: 'double',
    eventLoopDelayP99: 'double',
    load: 'double',
    activeUsers: 'double',
    ongoingReservations: 'double',
    createdAt: 'timestamp',
  },
  dedupKeys: ['service', 'instance'],
});

export type SystemHealth = RowOf<typeof systemHealth>;
