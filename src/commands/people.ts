import { type Command, Option } from 'commander';
import type { Actor } from '../access/key-store.ts';
import { ROLES } from '../access/roles.ts';
import type { Started } from '../config/environment.ts';
import { knownQuestdb } from '../config/locate.ts';
import { reasonOf } from '../errors.ts';
import type { PeopleBook } from '../notify/people/book.ts';
import type { NotifyPlan, Person } from '../notify/plan/plan.ts';
import { examples } from './options.ts';
import { note, sayJson, tableOf } from './output.ts';
import { withStore } from './start.ts';

interface AddOptions {
  role: string;
  organization?: string;
  property?: string[];
  email?: string;
  phone?: string;
  user?: string;
  json?: true;
}

/** `perfscope notify people`: who can be told, beside those of the file. */
export function addPeople(notify: Command): void {
  const people = notify
    .command('people')
    .description('list, name and remove the people of the API, whom every server tells')
    .addHelpText(
      'after',
      examples(
        'perfscope notify people add ann --role ADMIN --email ann@hotel.example',
        'perfscope notify people remove ann',
      ),
    );
  people
    .command('list')
    .description('list them, with masked addresses')
    .option('--json', 'print a JSON array')
    .action(({ json }: { json?: true }) => withBook(async (book) => show(book.people, json)));
  people
    .command('add <name>')
    .description('name somebody, or replace whoever has her name')
    .addOption(
      new Option('--role <role>', 'of what she is told').choices(ROLES).makeOptionMandatory(),
    )
    .option('--organization <id>', 'whose alerts; all but an ADMIN need one')
    .option('--property <id...>', 'only of these properties')
    .option('--email <address>', 'as ann@hotel.example')
    .option('--phone <number>', 'as +43123456789')
    .option('--user <subject>', 'subject of her key or token, as token:ann')
    .option('--json', 'print a JSON array of this one')
    .action((name: string, { json, property: properties, ...rest }: AddOptions) =>
      withBook(async (book, actor) =>
        show([await book.set({ ...rest, name, properties }, actor)], json),
      ),
    );
  people
    .command('remove <name>')
    .description('remove somebody, with her addresses')
    .option('--json', 'print a JSON array of this one')
    .action((name: string, { json }: { json?: true }) =>
      withBook(async (book, actor) => show([await book.remove(name, actor)], json)),
    );
}

/** Loads what it needs for QuestDB only when it is needed. */
async function withBook(use: (book: PeopleBook, actor: Actor) => Promise<void>): Promise<void> {
  const { withRoad } = await import('./open-road.ts');
  const { PeopleBook } = await import('../notify/people/book.ts');
  await withRoad(async ({ actor, ...road }) => {
    const book = new PeopleBook(road);
    await book.load();
    await use(book, actor);
  });
}

async function show(people: readonly Person[], json?: true): Promise<void> {
  const { viewOf } = await import('../notify/people/desk.ts');
  const views = people.map((person) => viewOf({ person, source: 'api', hidden: false }));
  const shown = views.map(({ source: _, hidden: __, ...view }) => view);
  if (json) return sayJson(shown);
  const rows = shown.map(({ name, role, organizationId, properties, email, phone, user }) => [
    ...[name, role, organizationId ?? 'all', properties?.join(', ') ?? 'all', email, phone, user],
  ]);
  const head = ['name', 'role', 'organization', 'properties', 'email', 'phone', 'user'];
  process.stdout.write(tableOf(head, rows));
}

/** Who can be told: those of the file and, where a QuestDB is known, those of the API. */
export async function everybody(from: Started, plan: NotifyPlan): Promise<readonly Person[]> {
  if (!knownQuestdb(from)) return plan.people;
  const { storedPeople } = await import('../notify/people/book.ts');
  const { People } = await import('../notify/people/people.ts');
  const { stderrLog: log } = await import('../log.ts');
  try {
    const people = await withStore(from, ({ read }) => storedPeople(read));
    return new People({ file: () => plan.people, stored: { people, isKnown: true }, log }).all;
  } catch (error) {
    note(`The people of the API are not known: ${reasonOf(error)}`);
    return plan.people;
  }
}
