/** States of a queue in the order of the script's result. */
const QUEUE_STATES = [
  'waiting',
  'paused',
  'active',
  'delayed',
  'prioritized',
  'waiting-children',
  'failed',
] as const;

/**
 * Lua script for queues of BullMQ and Bull, which returns the depth by state, the oldest waiting jobs, and the creation times of jobs.
 *
 * Redis doesn't store when a job became ready. For a job that never waited for children, and was never
 * delayed or started, it is the job's creation time. For all other jobs, the script looks for the job's newest `waiting` event in the
 * last 1,000 events. It does so once for each job, because the caller remembers the result.
 *
 * The script reads few jobs of each list. Jobs are added at the start of a list, and LIFO jobs at its
 * end. So the ready times fall from the start to the oldest job, and then rise to the end. If they rise
 * among the last eight jobs, a binary search finds the oldest job. In the sorted set of prioritized jobs,
 * the first job of each priority is the oldest job of that priority. The script reads 50 priorities. In
 * Bull, prioritized jobs are at the end of the list, and the sorted set `priority` has their number.
 *
 * KEYS[1]: prefix of the queue's keys. ARGV[1]: number of jobs whose creation time is returned.
 * Then their IDs. Then the known jobs, each as ID and number of started attempts, separated by a colon.
 */
export const QUEUE_DEPTH_SCRIPT = `
local p = KEYS[1]
local checked = tonumber(ARGV[1])
local created, known = {}, {}
for i = 1, checked do created[i] = redis.call('HGET', p .. ARGV[1 + i], 'timestamp') or '' end
for i = 2 + checked, #ARGV do known[ARGV[i]] = true end

local jobs = {}
local function read_job(id)
  if not id or id:sub(1, 2) == '0:' then return nil end
  if jobs[id] then return jobs[id] end
  local f = redis.call('HMGET', p .. id, 'timestamp', 'ats', 'atm', 'stc', 'opts', 'attemptsMade', 'stalledCounter')
  local timestamp = tonumber(f[1])
  if not timestamp then return nil end
  local ok, opts = pcall(cjson.decode, f[5] or '{}')
  local delay = ok and type(opts) == 'table' and tonumber(opts['delay']) or 0
  local moved = (tonumber(f[2]) or 0) > 0 or (tonumber(f[3]) or 0) > 0
    or (tonumber(f[4]) or 0) > 0 or (tonumber(f[6]) or 0) > 0 or (tonumber(f[7]) or 0) > 0
    or redis.call('HSTRLEN', p .. id, 'stacktrace') > #'[]'
    or redis.call('EXISTS', p .. id .. ':processed', p .. id .. ':failed', p .. id .. ':unsuccessful') > 0
  jobs[id] = { id = id, key = id .. ':' .. (f[2] or '0'), ms = timestamp + delay,
    certain = not moved and delay == 0, due = not moved and timestamp + delay or false }
  return jobs[id]
end

local function is_older(a, b)
  if a.ms ~= b.ms then return a.ms < b.ms end
  local x, y = tonumber(a.id), tonumber(b.id)
  return x and y and x < y or false
end

local candidates = {}
local function add(job) if job then candidates[job.id] = job end end
for _, name in ipairs({ 'wait', 'paused' }) do
  local list = p .. name
  local length = redis.call('LLEN', list)
  local last = redis.call('LRANGE', list, -8, -1)
  local previous, rises
  for _, id in ipairs(last) do
    local job = read_job(id)
    add(job)
    if job and job.certain then
      if previous and is_older(previous, job) then rises = true end
      previous = job
    end
  end
  add(read_job(redis.call('LINDEX', list, 0)))
  -- In Bull, the prioritized jobs are the last jobs of the list, by priority and age.
  if redis.call('EXISTS', p .. 'priority') == 1 then
    local priority = '-inf'
    for _ = 1, 50 do
      local first = redis.call('ZRANGEBYSCORE', p .. 'priority', priority, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
      local before = first[1] and redis.call('ZCOUNT', p .. 'priority', '-inf', '(' .. first[2])
        or redis.call('ZCARD', p .. 'priority')
      add(read_job(redis.call('LINDEX', list, -1 - before)))
      if not first[1] then break end
      priority = '(' .. first[2]
    end
  end
  if rises then
    local low, high = 0, length - 1
    while low < high do
      local middle = math.floor((low + high) / 2)
      local a = read_job(redis.call('LINDEX', list, middle))
      local b = read_job(redis.call('LINDEX', list, middle + 1))
      if a and b and is_older(b, a) then low = middle + 1 else high = middle end
    end
    add(read_job(redis.call('LINDEX', list, low)))
  end
end
local score = '-inf'
for _ = 1, 50 do
  local first = redis.call('ZRANGEBYSCORE', p .. 'prioritized', score, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  if not first[1] then break end
  add(read_job(first[1]))
  score = string.format('%.0f', (math.floor(tonumber(first[2]) / 4294967296) + 1) * 4294967296)
end

local oldest
local uncertain, missing = {}, 0
for id, job in pairs(candidates) do
  if job.certain then
    if not oldest or job.ms < oldest then oldest = job.ms end
  else
    uncertain[#uncertain + 1] = job
    if not known[job.key] then missing = missing + 1 end
  end
end
local scanned = ''
if missing > 0 then
  local events = redis.call('XREVRANGE', p .. 'events', '+', '-', 'COUNT', 1000)
  for _, entry in ipairs(events) do
    local ms = entry[1]:match('^%d+')
    scanned = ms
    local event, id
    for i = 1, #entry[2], 2 do
      if entry[2][i] == 'event' then event = entry[2][i + 1] end
      if entry[2][i] == 'jobId' then id = entry[2][i + 1] end
    end
    local job = event == 'waiting' and id and candidates[id]
    if job and not job.certain and not job.ready then
      job.ready = ms
      if not known[job.key] then missing = missing - 1 end
      if missing == 0 then break end
    end
  end
end
local others = {}
for _, job in ipairs(uncertain) do
  others[#others + 1] = job.key
  others[#others + 1] = job.ready or ''
  others[#others + 1] = job.due and string.format('%.0f', job.due) or ''
end
return {
  redis.call('LLEN', p .. 'wait'), redis.call('LLEN', p .. 'paused'),
  redis.call('LLEN', p .. 'active'), redis.call('ZCARD', p .. 'delayed'),
  redis.call('ZCARD', p .. 'prioritized'), redis.call('ZCARD', p .. 'waiting-children'),
  redis.call('ZCARD', p .. 'failed'),
  oldest and string.format('%.0f', oldest) or '', scanned, others, created
}`;

/** A waiting job whose ready time is not its creation time. Times are in ms since the epoch. */
interface UncertainJob {
  /** Job ID and number of started attempts. */
  readonly key: string;
  /** Time of the job's newest `waiting` event, or undefined if the script did not find it. */
  readonly eventMs: number | undefined;
  /** When the job was due, or undefined if it was started before. */
  readonly dueMs: number | undefined;
}

/** States that Bull doesn't have. Its prioritized jobs are waiting jobs. */
export const STATES_NOT_IN_BULL: ReadonlySet<string> = new Set(['prioritized', 'waiting-children']);

/** Result of {@link QUEUE_DEPTH_SCRIPT}. Times are in ms since the epoch. */
export interface ScriptReading {
  readonly counts: ReadonlyMap<string, number>;
  /** When the oldest job with a certain ready time became ready. */
  readonly oldestCertainMs: number | undefined;
  readonly uncertainJobs: readonly UncertainJob[];
  /** Time of the oldest event that was read, or undefined if no event was read. */
  readonly oldestEventMs: number | undefined;
  /** Creation times of the checked jobs. NaN for a job that does not exist. */
  readonly createdMs: readonly number[];
}

/** @param missingStates states that the library doesn't have */
export function parseQueueReading(
  result: unknown,
  missingStates: ReadonlySet<string> = new Set(),
): ScriptReading {
  const values = result as unknown[];
  const [oldest, scanned, others, created] = values.slice(QUEUE_STATES.length);
  const fields = others as string[];
  const uncertainJobs: UncertainJob[] = [];
  for (let i = 0; i + 2 < fields.length; i += 3) {
    const [key = '', event, due] = fields.slice(i, i + 3);
    uncertainJobs.push({ key, eventMs: toMs(event), dueMs: toMs(due) });
  }
  return {
    counts: new Map(
      QUEUE_STATES.flatMap((state, i) =>
        missingStates.has(state) ? [] : [[state, Number(values[i])] as const],
      ),
    ),
    oldestCertainMs: toMs(oldest),
    uncertainJobs,
    oldestEventMs: toMs(scanned),
    createdMs: (created as string[]).map((text) => toMs(text) ?? Number.NaN),
  };
}

function toMs(text: unknown): number | undefined {
  return text === '' || text === undefined ? undefined : Number(text);
}

/**
 * Returns when each uncertain job became ready, by key. Without its event, a job became ready before the
 * oldest event that was read.
 *
 * @param known result of the previous reading
 */
export function resolveReadyTimes(
  { uncertainJobs, oldestEventMs }: ScriptReading,
  known: ReadonlyMap<string, number>,
  nowMs: number,
): Map<string, number> {
  return new Map(
    uncertainJobs.map(({ key, eventMs, dueMs = nowMs }) => {
      const latestMs = Math.min(nowMs, dueMs, oldestEventMs ?? nowMs);
      return [key, known.get(key) ?? eventMs ?? latestMs];
    }),
  );
}

/** Returns when the oldest waiting job became ready, in ms since the epoch. */
export function computeOldestMs(
  { oldestCertainMs }: ScriptReading,
  readyTimes: ReadonlyMap<string, number>,
): number | undefined {
  const times = [
    ...readyTimes.values(),
    ...(oldestCertainMs === undefined ? [] : [oldestCertainMs]),
  ];
  return times.length > 0 ? Math.min(...times) : undefined;
}
