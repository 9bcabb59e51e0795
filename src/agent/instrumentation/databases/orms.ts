import type { Library, VersionRange } from '../loading/library.ts';

/** Drivers that the agent measures and that several libraries use. */
const SQL_DRIVERS = ['pg', 'mysql2'];

const describeOrm = (
  name: string,
  versions: VersionRange,
  through: readonly string[] = SQL_DRIVERS,
): Library => ({
  name,
  category: 'orm',
  versions,
  through,
  measured: 'Statements that it sends through one of these drivers.',
});

/** Libraries that send their statements through a driver, which is measured. They need no code. */
export const ORMS: readonly Library[] = [
  describeOrm('knex', { from: '1.0.0', to: 3 }),
  describeOrm('drizzle-orm', { from: '0.30.0', to: 0 }, ['pg', 'mysql2', 'postgres']),
  describeOrm('typeorm', { from: '0.3.0', to: 1 }),
  describeOrm('sequelize', { from: '6.0.0', to: 6 }),
  describeOrm('kysely', { from: '0.20.0', to: 0 }, ['pg', 'mysql2', 'postgres']),
  describeOrm('@mikro-orm/core', { from: '5.0.0', to: 7 }),
];
