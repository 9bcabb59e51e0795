import { guard } from '../../../../core/guard.ts';
import type { Library, LibraryHooks } from '../../loading/library.ts';
import { type Method, observeMethod, wrapMethod } from '../../loading/method-patching.ts';
import { JobAttempts } from '../job-attempts.ts';
import { runJobCode } from '../job-code.ts';
import { limitSize } from '../job-ready-times.ts';
import type { QueueRecorder } from '../queue-recorder.ts';
import { createStoredTenant, findCommonTenant } from '../stored-tenant.ts';
import {
  AttemptField,
  type JobResult,
  type OpenAttempt,
  type SettleResult,
  type WorkerOptions,
} from './pg-boss-attempts.ts';
import { getPgBossScope, PG_BOSS_DEPTH, type PgBossManager } from './pg-boss-depth.ts';
import {
  getExpirationMs,
  getReadyMs,
  getStateAfterFailure,
  getWaitMs,
  isInternalQueue,
  type PgBossJob,
  removeMetadata,
  takeTenant,
  toJobError,
  toMs,
  toQueueJob,
} from './pg-boss-jobs.ts';
import { patchSends } from './pg-boss-sends.ts';
import { type InsertedJob, patchPgBossDb } from './pg-boss-statements.ts';

/** What fails, for {@link guard}. */
const PART = 'the pg-boss instrumentation';

/** Error that pg-boss stores when it ends an attempt that took too long. */
const EXPIRED = 'job failed by timeout in active state';
/** A worker of pg-boss ends its own attempts at their expiration. */
const EXPIRATION_GRACE_MS = 10_000;

/** Measures the jobs that a process sends and processes, and the depth of all queues of its instances. */
export const PG_BOSS: Library = {
  name: 'pg-boss',
  category: 'queue',
  versions: { from: '10.0.0', to: 12 },
  measured:
    'Arrivals, attempts, retries, and expired jobs of workers and of `fetch`. Wait and processing times, the depth of each queue, and the age of its oldest waiting job. Its own statements are not recorded as statements of the application.',
  limits:
    'With your own `db`, jobs arrive when they start, and the depth is not read. The same applies to arrivals of `flow` and of queues with `notify`. Active and failed jobs are only counted if the tables have fewer than 100,000 rows. The tenant is stored in the data of a job if the data is an object.',
  bundledMessages: [
    'Workers are disabled. pg-boss is stopped',
    'send() cannot accept a function as the payload',
  ],
  instrument: ({ queues }) => instrumentPgBoss(queues),
};

function instrumentPgBoss(recorder: QueueRecorder): LibraryHooks {
  const attempts = new JobAttempts(recorder);
  const openAttempts = new Map<string, OpenAttempt>();
  const managersByDb = new WeakMap<object, WeakRef<PgBossManager>>();
  /** Options of the current synchronous call of `work`. */
  let currentWork: { readonly hadOption: boolean; readonly value: unknown } | undefined;

  const recordArrivals = guard(PART, (db: object, jobs: readonly InsertedJob[]) => {
    const manager = managersByDb.get(db)?.deref();
    if (!manager) return;
    for (const row of jobs) {
      if (isInternalQueue(row.name)) continue;
      const stored = takeTenant(row);
      const tenant = stored ?? createStoredTenant();
      const job = { ...row, retryCount: 0 };
      recordArrival(job, row.name, manager, tenant, 'new');
    }
  });

  const recordArrival = (
    job: PgBossJob,
    name: string,
    manager: PgBossManager,
    tenant: ReturnType<typeof takeTenant>,
    state: 'new' | 'started',
  ) => {
    const queueJob = { ...toQueueJob(job, name, getPgBossScope(manager), tenant), attempts: 0 };
    if (queueJob.createdMs === undefined) return;
    if (queueJob.delay === undefined) attempts.recordArrival(queueJob, 'waiting');
    else if (state === 'new') attempts.recordArrival(queueJob, 'delayed');
    // The job arrives when it is due, possibly in a different process.
    else attempts.recordArrival({ ...queueJob, createdMs: getReadyMs(job) }, 'waiting');
  };

  const startJob = (manager: PgBossManager, name: string, job: PgBossJob) => {
    if (AttemptField.get(job)) return;
    const tenant = takeTenant(job);
    const queueJob = toQueueJob(job, name, getPgBossScope(manager), tenant);
    if (queueJob.attempts === 1) recordArrival(job, name, manager, tenant, 'started');
    const waitMs = getWaitMs(job);
    const readyMs = waitMs === undefined ? undefined : Date.now() - waitMs;
    const attempt = attempts.start(queueJob, readyMs);
    AttemptField.set(job, attempt);
    const key = toKey(manager, name, job.id);
    openAttempts.delete(key);
    limitSize(openAttempts);
    const expiresMs = attempt.startMs + getExpirationMs(job) + EXPIRATION_GRACE_MS;
    openAttempts.set(key, { attempt, next: getStateAfterFailure(job), expiresMs });
  };

  const startJobs = guard(PART, (manager: PgBossManager, name: string, jobs: unknown) => {
    if (!Array.isArray(jobs) || isInternalQueue(name)) return;
    // Without metadata, the job can't be measured.
    for (const job of jobs as PgBossJob[]) if (toMs(job.createdOn)) startJob(manager, name, job);
  });

  /** Returns the open attempts of jobs. Jobs that another process fetched have none. */
  const findOpen = (manager: PgBossManager, name: string, ids: readonly string[]) =>
    ids.flatMap((id): [string, OpenAttempt][] => {
      const open = openAttempts.get(toKey(manager, name, id));
      return open ? [[id, open]] : [];
    });

  /** Removes an open attempt, unless the next attempt of the job has started. */
  const close = (manager: PgBossManager, name: string, id: string, open: OpenAttempt) => {
    const key = toKey(manager, name, id);
    if (openAttempts.get(key) === open) openAttempts.delete(key);
  };

  const complete = ({ attempt }: OpenAttempt, output: unknown) =>
    attempts.complete(attempt, output);
  const fail = ({ attempt, next }: OpenAttempt, error: unknown) =>
    attempts.fail(attempt, toJobError(error), next);

  /** Ends attempts that the application doesn't end before they expire. pg-boss then fails them in any process. */
  const expireAttempts = () => {
    const nowMs = performance.now();
    for (const [key, open] of openAttempts) {
      if (nowMs < open.expiresMs) continue;
      openAttempts.delete(key);
      fail(open, new Error(EXPIRED));
    }
  };

  const depth = {
    ...PG_BOSS_DEPTH,
    read(manager: PgBossManager, key: string) {
      expireAttempts();
      return PG_BOSS_DEPTH.read(manager, key);
    },
  };

  /** Guarded, because the application's handler must run in any case. */
  const prepareHandler = guard(
    PART,
    (name: string, jobs: unknown, { includeMetadata }: WorkerOptions) => {
      if (!Array.isArray(jobs)) return undefined;
      const batch = (jobs as PgBossJob[]).map((job) => AttemptField.get(job)?.job.tenant);
      if (includeMetadata !== true) for (const job of jobs as PgBossJob[]) removeMetadata(job);
      return { queueName: name, tenant: findCommonTenant(batch) };
    },
  );

  const recordResults = guard(
    PART,
    (manager: PgBossManager, name: string, jobs: unknown, results: unknown) => {
      if (!Array.isArray(jobs) || !Array.isArray(results)) return;
      const resultsById = new Map((results as JobResult[]).map((each) => [each?.id, each]));
      for (const { id } of jobs as PgBossJob[]) {
        const { status, output } = resultsById.get(id) ?? {};
        for (const [, open] of findOpen(manager, name, [id])) {
          close(manager, name, id, open);
          if (status === 'completed') complete(open, output);
          else if (status === 'deadletter') fail({ ...open, next: 'failed' }, output);
          else fail(open, status === 'failed' ? output : 'no disposition returned by handler');
        }
      }
    },
  );

  const wrapHandler = (
    manager: PgBossManager,
    name: string,
    options: WorkerOptions,
    handler: Method,
  ): Method =>
    function (this: unknown, ...args: unknown[]) {
      const context = prepareHandler(name, args[0], options);
      const run = () => handler.apply(this, args) as unknown;
      const result = context ? runJobCode(() => context, run) : run();
      if (options.perJobResults !== true) return result;
      return Promise.resolve(result).then((results) => {
        recordResults(manager, name, args[0], results);
        return results;
      });
    };

  /** Returns the arguments of `work` with a handler that runs in the context of its jobs. */
  const prepareWork = guard(PART, (manager: PgBossManager, args: unknown[]) => {
    const [name] = args;
    const handler = args.length > 2 ? args[2] : args[1];
    if (typeof name !== 'string' || typeof handler !== 'function' || isInternalQueue(name))
      return undefined;
    const options = ((args.length > 2 ? args[1] : undefined) ?? {}) as WorkerOptions;
    const { includeMetadata: value } = options;
    if (typeof options !== 'object' || (value !== undefined && typeof value !== 'boolean'))
      return undefined;
    addManager(manager);
    return {
      args: [
        name,
        { ...options, includeMetadata: true },
        wrapHandler(manager, name, options, handler as Method),
      ],
      option: { hadOption: 'includeMetadata' in options, value },
    };
  });

  const prepareWorker = guard(PART, (manager: PgBossManager, worker: Record<string, unknown>) => {
    const { name, fetch, options } = worker;
    if (!currentWork || typeof fetch !== 'function' || typeof name !== 'string') return;
    worker.fetch = async function (this: unknown, ...args: unknown[]) {
      const jobs: unknown = await (fetch as Method).apply(this, args);
      startJobs(manager, name, jobs);
      return jobs;
    };
    // The application can see the options in events.
    const shown = options as WorkerOptions;
    if (currentWork.hadOption) shown.includeMetadata = currentWork.value;
    else delete shown.includeMetadata;
  });

  const addManager = guard(PART, (manager: PgBossManager) => {
    if (managersByDb.has(manager.db)) return;
    managersByDb.set(manager.db, new WeakRef(manager));
    const scope = getPgBossScope(manager);
    recorder.gauges.add(depth, scope, scope, manager);
  });

  const prepareFetch = guard(PART, (manager: PgBossManager, args: unknown[]) => {
    const [name, options] = args;
    addManager(manager);
    if (typeof name !== 'string' || isInternalQueue(name)) return undefined;
    if (options !== undefined && (typeof options !== 'object' || options === null))
      return undefined;
    if ((options as WorkerOptions | undefined)?.includeMetadata === true)
      return { args, isAdded: false };
    const isAdded = (options as WorkerOptions | undefined)?.includeMetadata === undefined;
    return isAdded
      ? { args: [name, { ...options, includeMetadata: true }, ...args.slice(2)], isAdded }
      : undefined;
  });

  const finishFetch = guard(
    PART,
    (manager: PgBossManager, name: unknown, jobs: unknown, isAdded: boolean) => {
      startJobs(manager, String(name), jobs);
      if (isAdded && Array.isArray(jobs))
        for (const job of jobs as PgBossJob[]) removeMetadata(job);
    },
  );

  const patchManager = (prototype: object) => {
    patchSends(prototype, recorder, addManager);
    observeMethod<PgBossManager>(PART, prototype, 'start', { before: addManager });
    wrapMethod(prototype, 'work', (original) => {
      return function work(this: PgBossManager, ...args: unknown[]) {
        const outer = currentWork;
        const work = prepareWork(this, args);
        currentWork = work?.option;
        try {
          return original.apply(this, work?.args ?? args) as unknown;
        } finally {
          currentWork = outer;
        }
      };
    });
    observeMethod<PgBossManager>(PART, prototype, 'addWorker', {
      before: (manager, [worker]) => prepareWorker(manager, worker as Record<string, unknown>),
    });
    wrapMethod(prototype, 'fetch', (original) => {
      // The result is a promise of an `async` method, which is awaited here without a change of its rejections.
      return async function fetch(this: PgBossManager, ...args: unknown[]) {
        const call = prepareFetch(this, args);
        const jobs = (await original.apply(this, call?.args ?? args)) as unknown;
        if (call) finishFetch(this, args[0], jobs, call.isAdded);
        return jobs;
      };
    });
    const observeEnd = (name: string, end: (open: OpenAttempt, data: unknown) => void) => {
      if (!(name in prototype)) return;
      /** The attempts when the call started. Another attempt can start before the call returns. */
      const openByCall = new WeakMap<readonly unknown[], [string, OpenAttempt][]>();
      observeMethod<PgBossManager>(PART, prototype, name, {
        before: (manager, args) =>
          void openByCall.set(args, findOpen(manager, String(args[0]), toIds(args[1]))),
        after: (manager, result: SettleResult | undefined, args) => {
          const { settled, affected } = result ?? {};
          for (const [id, open] of openByCall.get(args) ?? []) {
            if (settled && affected !== 0 && !settled.includes(id)) continue;
            close(manager, String(args[0]), id, open);
            // Another process has ended the attempt, such as after its expiration.
            if (affected !== 0) end(open, args[2]);
          }
        },
      });
    };
    observeEnd('complete', complete);
    observeEnd('fail', fail);
    for (const name of ['cancel', 'deleteJob', 'restore']) observeEnd(name, () => {});
    if ('getJobById' in prototype) {
      observeMethod(PART, prototype, 'getJobById', {
        after: (_, job: PgBossJob | null) => void (job && takeTenant(job)),
      });
    }
  };
  const patchDb = (prototype: object) =>
    patchPgBossDb(prototype, recorder.includeJobData, recordArrivals);

  return {
    patches: {
      'src/manager.js': (exports) => patchManager((exports as { prototype: object }).prototype),
      'src/db.js': (exports) => patchDb((exports as { prototype: object }).prototype),
    },
    modules: {
      'dist/manager.js': {
        names: ['Manager'],
        patch: ({ Manager }) => patchManager((Manager as { prototype: object }).prototype),
      },
      'dist/db.js': {
        names: ['Db'],
        patch: ({ Db }) => patchDb((Db as { prototype: object }).prototype),
      },
    },
  };
}

/** The methods take an ID, a job, or an array of them. */
function toIds(jobs: unknown): string[] {
  return [jobs].flat().map((job) => {
    return typeof job === 'string' ? job : String((job as { id?: unknown } | null)?.id);
  });
}

function toKey(manager: PgBossManager, name: string, id: string): string {
  return `${getPgBossScope(manager)}\n${name}\n${id}`;
}
