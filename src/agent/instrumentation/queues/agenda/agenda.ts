import { guard } from '../../../../core/guard.ts';
import { addQueueCollection } from '../../context/unrecorded-commands.ts';
import type { InstrumentationContext } from '../../instrumentation-context.ts';
import { ExistingObject } from '../../loading/hidden-property.ts';
import type { Library, LibraryHooks } from '../../loading/library.ts';
import {
  type Method,
  observeMethod,
  observePromise,
  wrapMethod,
} from '../../loading/method-patching.ts';
import { type AfterFailure, type JobAttempt, JobAttempts } from '../job-attempts.ts';
import { runJobCode } from '../job-code.ts';
import { runQueueOperation } from '../queue-operations.ts';
import type { QueueRecorder } from '../queue-recorder.ts';
import { createStoredTenant, readStoredTenant, TENANT_PROPERTY } from '../stored-tenant.ts';
import { AGENDA_DEPTH, addAgendaName, getAgendaScope } from './agenda-depth.ts';
import {
  type AgendaAttributes,
  type AgendaJob,
  getCollection,
  getDueMs,
  isNewJob,
  isRecurring,
  TENANT_SYMBOL,
  takeAgendaTenant,
  toAgendaQueueJob,
} from './agenda-jobs.ts';

/** What fails, for {@link guard}. */
const PART = 'the Agenda instrumentation';

/** Scope of backends other than MongoDB. */
const OTHER_BACKEND = 'agenda';
const DEFAULT_COLLECTION = 'agendaJobs';
const LOG_COLLECTION = 'agenda_logs';

/**
 * Measures each run of a job. The name of a job is the queue, because each name has its own handler, concurrency, and
 * priority.
 */
export const AGENDA: Library = {
  name: 'agenda',
  category: 'queue',
  versions: { from: '5.0.0', to: 6 },
  measured:
    'Each job name as a queue: arrivals, runs, and retries, wait and processing times, the depth, and the age of the oldest due job. The commands that Agenda sends to its collection are not recorded as commands of the application.',
  limits:
    'A run arrives when it is due, because Agenda stores no creation time. The depth is only read from MongoDB, and only for jobs that the process defines or adds.',
  bundledMessages: ['[%s:%s] failed to calculate nextRunAt due to invalid repeat interval'],
  instrument: ({ queues }) => instrumentAgenda(queues),
};

/** The backend of Agenda 6. */
export const AGENDA_MONGO_BACKEND: Library = {
  name: '@agendajs/mongo-backend',
  category: 'queue',
  versions: { from: '1.0.0', to: 4 },
  partOf: 'agenda',
  measured: 'The commands of Agenda 6, which are not recorded as commands of the application.',
  instrument: ({ queues }: InstrumentationContext) => ({
    modules: {
      'dist/MongoJobRepository.js': {
        names: ['MongoJobRepository', 'computeJobObj'],
        patch: (variables) => {
          const { prototype } = variables.MongoJobRepository as { prototype: object };
          patchRepository(prototype, queues);
          const { computeJobObj } = variables;
          if (typeof computeJobObj === 'function')
            variables.computeJobObj = readTenants(computeJobObj as Method);
        },
      },
    },
  }),
};

interface Run {
  readonly attempt: JobAttempt;
  error: unknown;
  hasFailed: boolean;
  isRetried: boolean;
}

/** Field of a job that stores its current run. */
class RunField extends ExistingObject {
  #run: Run | undefined;

  private constructor(job: object, run: Run) {
    super(job);
    this.#run = run;
  }

  static get(job: object): Run | undefined {
    return #run in job ? job.#run : undefined;
  }

  static set(job: object, run: Run | undefined): void {
    if (#run in job) job.#run = run;
    else if (run) new RunField(job, run);
  }
}

interface Agenda5 {
  readonly _mdb?: { readonly databaseName?: string };
}

interface Repository {
  readonly connectOptions?: { readonly db?: { readonly collection?: string } };
}

function instrumentAgenda(recorder: QueueRecorder): LibraryHooks {
  const attempts = new JobAttempts(recorder);

  const getScope = (job: AgendaJob) => {
    const collection = getCollection(job);
    return collection ? getAgendaScope(collection) : OTHER_BACKEND;
  };

  const addToDepth = (job: AgendaJob) => {
    const collection = getCollection(job);
    if (!collection) return;
    const scope = getAgendaScope(collection);
    addAgendaName(scope, String(job.attrs.name));
    recorder.gauges.add(AGENDA_DEPTH, scope, scope, collection);
  };

  const startRun = guard(PART, (job: AgendaJob): Run => {
    const { attrs } = job;
    const tenant = takeAgendaTenant(attrs);
    const dueMs = getDueMs(attrs);
    const queueJob = toAgendaQueueJob(attrs, getScope(job), dueMs, tenant);
    addToDepth(job);
    // A retry is not another arrival.
    const isArrival = queueJob.attempts === 1 || isRecurring(attrs);
    if (isArrival && dueMs !== undefined) attempts.recordArrival({ ...queueJob, attempts: 0 });
    const run = {
      attempt: attempts.start(queueJob, dueMs),
      error: undefined,
      hasFailed: false,
      isRetried: false,
    };
    RunField.set(job, run);
    return run;
  });

  const endRun = guard(PART, (job: AgendaJob, run: Run) => {
    RunField.set(job, undefined);
    if (run.hasFailed) attempts.fail(run.attempt, run.error, getStateAfterFailure(job.attrs, run));
    else attempts.complete(run.attempt, (job.attrs as { result?: unknown }).result);
  });

  const rejectRun = guard(PART, (job: AgendaJob, run: Run, error: unknown) => {
    RunField.set(job, undefined);
    // The job could not be saved, so another process runs it again after its lock expires.
    attempts.fail(run.attempt, run.hasFailed ? run.error : error, 'waiting');
  });

  const recordSaved = guard(PART, (job: AgendaJob) => {
    const { attrs } = job;
    const dueMs = getDueMs(attrs);
    addToDepth(job);
    if (dueMs === undefined || attrs._id === undefined || attrs.disabled === true) return;
    const nowMs = Date.now();
    const isDelayed = dueMs > nowMs;
    const queueJob = toAgendaQueueJob(attrs, getScope(job), dueMs, createStoredTenant());
    const arrival = { ...queueJob, attempts: 0 };
    if (!isDelayed) attempts.recordArrival(arrival);
    else {
      const delay = dueMs - nowMs;
      attempts.recordArrival({ ...arrival, createdMs: nowMs, delay }, 'delayed');
    }
  });

  const patchJob = (prototype: object) => {
    wrapMethod(prototype, 'run', (original) => {
      return function run(this: AgendaJob, ...args: unknown[]) {
        const current = startRun(this);
        const start = () => original.apply(this, args) as unknown;
        if (!current) return start();
        const { queueName, tenant } = current.attempt.job;
        const result = runJobCode(() => ({ queueName, tenant }), start);
        return observePromise(
          result as Promise<unknown>,
          () => endRun(this, current),
          (error) => rejectRun(this, current, error),
        );
      };
    });
    observeMethod<AgendaJob>(PART, prototype, 'fail', {
      before: (job, [error]) => {
        const run = RunField.get(job);
        if (!run) return;
        run.hasFailed = true;
        run.error = error;
      },
    });
    patchCancel(prototype);
    wrapMethod(prototype, 'save', (original) => {
      return function save(this: AgendaJob, ...args: unknown[]) {
        const start = () => original.apply(this, args) as unknown;
        // Older versions save a job several times when they run it.
        if (RunField.get(this)) return start();
        const isNew = checkNew(this);
        const result = runQueueOperation(() => String(this.attrs.name), start);
        if (!isNew) return result;
        return observePromise(result as Promise<unknown>, () => recordSaved(this));
      };
    });
  };

  const checkNew = guard(PART, ({ attrs }: AgendaJob) => isNewJob(attrs));

  /** Only Agenda 6 has these methods. It cancels a run whose lock expired, and schedules the retry of a failed run. */
  const patchCancel = (prototype: object) => {
    if (!('handleRetry' in prototype)) return;
    observeMethod<AgendaJob>(PART, prototype, 'cancel', {
      before: (job, [error]) => {
        const run = RunField.get(job);
        if (run) attempts.fail(run.attempt, error ?? 'The job was canceled.', 'waiting');
      },
    });
    const dueTimes = new WeakMap<object, number | undefined>();
    observeMethod<AgendaJob>(PART, prototype, 'handleRetry', {
      before: (job) => dueTimes.set(job, getDueMs(job.attrs)),
      after: (job) => {
        const run = RunField.get(job);
        if (run) run.isRetried = dueTimes.get(job) !== getDueMs(job.attrs);
      },
    });
  };

  /** Agenda 5 stores all attributes of a job, including the attributes that the agent adds. */
  const patchTenants = (prototype: object) => {
    let savedJob: unknown;
    wrapMethod(prototype, 'toJSON', (original) => {
      return function toJSON(this: AgendaJob, ...args: unknown[]) {
        const json = original.apply(this, args) as AgendaAttributes;
        if (savedJob === this) addStoredTenant(json);
        return json;
      };
    });
    return (agenda: object) => {
      wrapMethod(agenda, 'saveJob', (original) => {
        return function saveJob(this: unknown, ...args: unknown[]) {
          savedJob = args[0];
          try {
            return original.apply(this, args) as unknown;
          } finally {
            savedJob = undefined;
          }
        };
      });
    };
  };
  let patchSaves: ((agenda: object) => void) | undefined;

  return {
    patches: {
      'dist/job/index.js': (exports) => {
        const { prototype } = (exports as { Job: { prototype: object } }).Job;
        patchJob(prototype);
        if (recorder.usesMessageHeaders) patchSaves = patchTenants(prototype);
      },
      'dist/agenda/index.js': (exports) => {
        const { prototype } = (exports as { Agenda: { prototype: object } }).Agenda;
        patchSaves?.(prototype);
        observeMethod<Agenda5>(PART, prototype, 'db_init', {
          before: ({ _mdb }, [collection = DEFAULT_COLLECTION]) =>
            addQueueCollection(String(_mdb?.databaseName), String(collection)),
        });
        removeTenants(prototype);
      },
    },
    modules: {
      'dist/Job.js': {
        names: ['Job'],
        patch: ({ Job }) => patchJob((Job as { prototype: object }).prototype),
      },
    },
  };
}

/** Removes the tenant from the jobs that a query returns. */
function removeTenants(prototype: object): void {
  observeMethod(PART, prototype, 'jobs', {
    after: (_, jobs: readonly AgendaJob[]) => {
      for (const { attrs } of jobs) takeAgendaTenant(attrs);
    },
  });
}

const addStoredTenant = guard(PART, (job: AgendaAttributes) => {
  if (job._id !== undefined) return;
  const tenant = createStoredTenant();
  if (tenant) job[TENANT_PROPERTY] = tenant;
});

/** Returns a function that also copies the tenant of a document. The original copies only fields of Agenda. */
function readTenants(original: Method): Method {
  const copyTenant = guard(PART, (document: AgendaAttributes, job: AgendaAttributes) => {
    const tenant = readStoredTenant(document[TENANT_PROPERTY]);
    if (tenant) job[TENANT_SYMBOL] = tenant;
  });
  return function computeJobObj(this: unknown, ...args: unknown[]) {
    const job = original.apply(this, args) as AgendaAttributes;
    copyTenant(args[0] as AgendaAttributes, job);
    return job;
  };
}

function patchRepository(prototype: object, { usesMessageHeaders }: QueueRecorder): void {
  observeMethod<Repository>(PART, prototype, 'createConnection', {
    after: ({ connectOptions }, { databaseName }: { databaseName?: string }) => {
      const collection = connectOptions?.db?.collection || DEFAULT_COLLECTION;
      for (const each of [collection, LOG_COLLECTION])
        addQueueCollection(String(databaseName), each);
    },
  });
  if (!usesMessageHeaders) return;
  observeMethod(PART, prototype, 'saveJob', {
    // The method receives a new object that only contains the fields to store.
    before: (_, [job]) => addStoredTenant(job as AgendaAttributes),
  });
}

/** Returns the state of a job whose run failed. A recurring job without a retry runs again at its next time. */
function getStateAfterFailure(attrs: AgendaAttributes, { isRetried }: Run): AfterFailure {
  const dueMs = getDueMs(attrs);
  if (dueMs === undefined || (isRecurring(attrs) && !isRetried)) return 'failed';
  return dueMs > Date.now() ? 'delayed' : 'waiting';
}
