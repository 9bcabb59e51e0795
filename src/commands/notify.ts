import { type Command, InvalidArgumentError } from 'commander';
import type { Started } from '../config/environment.ts';
import { nearest } from '../config/nearest.ts';
import { coded } from '../errors.ts';
import { examples } from './options.ts';
import { note, sayJson, tableOf } from './output.ts';
import { addPeople, everybody } from './people.ts';
import { started, targetsOf } from './start.ts';

type Labels = Readonly<Record<string, string>>;

/** How long one channel may take. */
const ATTEMPT_MS = 15_000;

/** `perfscope notify`: who would be told, and whether they can be. */
export function addNotify(program: Command): void {
  const notify = program
    .command('notify')
    .description('try receivers and routes of PERFORMANCE_NOTIFY_FILE, and name people')
    .addHelpText(
      'after',
      examples(
        'perfscope notify test oncall',
        'perfscope notify routes --labels service=booking severity=critical organization=anna',
        'perfscope notify people list',
      ),
    );
  notify
    .command('test <receiver>')
    .description('send a sample through each of its channels, and say what became of it')
    .option(
      '--labels <label...>',
      'of the sample, as organization=anna property=north',
      labelsOf,
      {},
    )
    .option('--json', 'one JSON object')
    .action(test);
  notify
    .command('routes')
    .description('show where an alert would go now')
    .requiredOption('--labels <label...>', 'of the alert, as service=booking', labelsOf, {})
    .option('--json', 'one JSON object')
    .action(routes);
  addPeople(notify);
}

/** Adds `name=value` to those before it. @throws InvalidArgumentError */
function labelsOf(text: string, before: Labels): Labels {
  const [, name, value] = /^([a-zA-Z_]\w*)=(.*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw new InvalidArgumentError('It must be a label such as service=booking.');
  }
  return { ...before, [name]: value };
}

async function test(
  name: string,
  { labels, json }: { labels: Labels; json?: true },
): Promise<void> {
  const from = started();
  const { checkNotify } = await import('./check-notify.ts');
  const plan = checkNotify(from.settings);
  const receiver = plan.receivers.get(name);
  if (!receiver) {
    const known = [...plan.receivers.keys()];
    throw coded('PS_RECEIVER_UNKNOWN', { name, nearest: nearest(name, known), known });
  }
  const { sampleAlert, sampleDelivery } = await import('../notify/sample.ts');
  const { targetsOf: receiverTargets } = await import('../notify/route/target.ts');
  const { Opener } = await import('../notify/opener.ts');
  const { openEntry } = await import('../notify/open-entry.ts');
  const opener = new Opener(openEntry);
  const alert = sampleAlert(labels, Date.now());
  const people = await everybody(from, plan);
  const results = await Promise.all(
    receiverTargets(receiver, alert, people).map(async (target) => {
      const delivery = sampleDelivery(target, alert, plan.timeZone, Date.now());
      const channel = opener.of(target, plan, people);
      if ('gone' in channel)
        return { channel: target.kind, status: 'permanent', detail: channel.gone };
      const { kind, recipient } = channel;
      const signal = AbortSignal.timeout(ATTEMPT_MS);
      const outcome = await channel.deliver(delivery.message, signal);
      if (kind === 'inApp') await storeSample(from, delivery, recipient);
      const detail = outcome.status === 'delivered' ? outcome.detail : outcome.reason;
      return { channel: kind, recipient, status: outcome.status, detail };
    }),
  );
  if (results.length === 0) {
    note(`A sample with these labels concerns nobody of ${name}. Name a tenant with --labels.`);
  }
  if (json) sayJson({ receiver: name, results });
  else if (results.length > 0) {
    const rows = results.map(({ channel, recipient, status, detail }) => [
      ...[channel, recipient, status, detail],
    ]);
    process.stdout.write(tableOf(['channel', 'recipient', 'outcome', 'detail'], rows));
  }
  const failed = results.length === 0 || results.some(({ status }) => status !== 'delivered');
  if (failed) process.exitCode = 1;
}

/** In-app notifications are rows: the sample becomes one too. @throws PS_NO_TARGET, PS_FLUSH_TIMEOUT */
async function storeSample(
  from: Started,
  delivery: Parameters<typeof import('../notify/record/rows.ts').deliveryRow>[0],
  recipient: string,
): Promise<void> {
  const { write } = targetsOf(from);
  const { openWriter } = await import('../open-writer.ts');
  const { DroppedRows } = await import('../write/dropped.ts');
  const { deliveryRow } = await import('../notify/record/rows.ts');
  const { stderrLog: log } = await import('../log.ts');
  const writer = openWriter({
    started: from,
    log,
    dropped: new DroppedRows(),
    spoolDir: undefined,
    target: () => write,
  });
  try {
    const became = { status: 'delivered', reason: 'delivered', detail: undefined } as const;
    const row = deliveryRow(delivery, { ...became, recipient, atMs: Date.now() });
    writer.add('notifications', [row]);
    await writer.flush(ATTEMPT_MS);
  } finally {
    await writer.close();
  }
}

async function routes({ labels, json }: { labels: Labels; json?: true }): Promise<void> {
  const { checkNotify } = await import('./check-notify.ts');
  const { mutedNow, routesFor } = await import('../notify/route/route.ts');
  const { targetsOf: receiverTargets } = await import('../notify/route/target.ts');
  const { sampleAlert } = await import('../notify/sample.ts');
  const from = started();
  const plan = checkNotify(from.settings);
  const people = await everybody(from, plan);
  const now = Date.now();
  const alert = sampleAlert(labels, now);
  const found = routesFor(alert, plan.route).flatMap((route) => {
    const { path, escalation, digest } = route;
    const muted = mutedNow(route, now)?.by;
    return route.receivers.flatMap((name) => {
      const receiver = plan.receivers.get(name);
      const targets = receiver ? receiverTargets(receiver, alert, people) : [];
      return targets.map(({ kind, role, person, property }) => ({
        route: path === '' ? 'root' : path,
        receiver: name,
        channel: kind,
        for: role ?? person,
        property,
        escalation,
        digest,
        muted,
      }));
    });
  });
  if (json) sayJson({ routes: found });
  else if (found.length === 0) note('Nobody would be told.');
  else {
    const head = [
      'route',
      'receiver',
      'channel',
      'for',
      'property',
      'escalation',
      'digest',
      'muted',
    ];
    const rows = found.map((each) => Object.values(each));
    process.stdout.write(tableOf(head, rows));
  }
}
