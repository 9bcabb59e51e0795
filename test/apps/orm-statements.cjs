// Uses each ORM in the same way: a table, inserts, lists, a transaction, and an error.

/** @typedef {{ isMysql: boolean, url: string, load: (name: string) => Promise<any> }} Options */

const HALLS = [1, 2, 3].map((id) => ({ id, name: `hushed${id}` }));

/** @type {Record<string, (options: Options) => Promise<void>>} */
const programs = {
  async knex({ isMysql, url, load }) {
    const { default: knex } = await load('knex');
    const db = knex({ client: isMysql ? 'mysql2' : 'pg', connection: url });
    await db.schema.createTable('halls', (table) => {
      table.integer('id').primary();
      table.string('name');
    });
    await db('halls').insert(HALLS);
    await db('halls').insert(HALLS.map(({ id }) => ({ id: id + 10, name: 'hushed' })).slice(0, 2));
    for (const ids of [
      [1, 2],
      [2, 3],
      [1, 2, 3],
    ])
      await db('halls').whereIn('id', ids);
    await db.transaction((tx) => tx('halls').where({ id: 1 }).update({ name: 'hushed' }));
    await db('missing').catch(() => {});
    await db.destroy();
  },

  async 'drizzle-orm'({ isMysql, url, load }) {
    const { eq, inArray, sql } = await load('drizzle-orm');
    const core = await load(isMysql ? 'drizzle-orm/mysql-core' : 'drizzle-orm/pg-core');
    const { drizzle } = await load(isMysql ? 'drizzle-orm/mysql2' : 'drizzle-orm/node-postgres');
    const createTable = isMysql ? core.mysqlTable : core.pgTable;
    const createHalls = (name) =>
      createTable(name, {
        id: (isMysql ? core.int : core.integer)('id').primaryKey(),
        name: core.text('name'),
      });
    const halls = createHalls('halls');
    const db = drizzle(url);
    await db.execute(sql`CREATE TABLE halls (id INT PRIMARY KEY, name VARCHAR(40))`);
    await db.insert(halls).values(HALLS);
    await db.insert(halls).values({ id: 11, name: 'hushed' });
    for (const ids of [
      [1, 2],
      [2, 3],
      [1, 2, 3],
    ]) {
      await db.select().from(halls).where(inArray(halls.id, ids));
    }
    await db.transaction((tx) => tx.update(halls).set({ name: 'hushed' }).where(eq(halls.id, 1)));
    await db
      .select()
      .from(createHalls('missing'))
      .catch(() => {});
    await db.$client.end();
  },

  async typeorm({ isMysql, url, load }) {
    await load('reflect-metadata');
    const { DataSource, EntitySchema, In } = await load('typeorm');
    const entity = new EntitySchema({
      name: 'halls',
      columns: { id: { type: Number, primary: true }, name: { type: String } },
    });
    const type = isMysql ? 'mysql' : 'postgres';
    const source = await new DataSource({
      type,
      url,
      entities: [entity],
      synchronize: true,
    }).initialize();
    const halls = source.getRepository('halls');
    await halls.insert(HALLS);
    await halls.save({ id: 11, name: 'hushed' });
    for (const ids of [
      [1, 2],
      [2, 3],
      [1, 2, 3],
    ])
      await halls.findBy({ id: In(ids) });
    await source.transaction((manager) => manager.update('halls', { id: 1 }, { name: 'hushed' }));
    await source.query('SELECT * FROM missing').catch(() => {});
    await source.destroy();
  },

  async sequelize({ url, load }) {
    const { Sequelize, DataTypes } = await load('sequelize');
    const sequelize = new Sequelize(url, { logging: false });
    const columns = { id: { type: DataTypes.INTEGER, primaryKey: true }, name: DataTypes.STRING };
    const Hall = sequelize.define('hall', columns, { timestamps: false });
    await sequelize.sync();
    await Hall.bulkCreate(HALLS);
    await Hall.create({ id: 11, name: 'hushed' });
    for (const ids of [
      [1, 2],
      [2, 3],
      [1, 2, 3],
    ])
      await Hall.findAll({ where: { id: ids } });
    await sequelize.transaction((transaction) =>
      Hall.update({ name: 'hushed' }, { where: { id: 1 }, transaction }),
    );
    await sequelize.query('SELECT * FROM missing').catch(() => {});
    await sequelize.close();
  },

  async kysely({ isMysql, url, load }) {
    const { Kysely, MysqlDialect, PostgresDialect } = await load('kysely');
    const createDialect = async () => {
      if (isMysql)
        return new MysqlDialect({ pool: (await load('mysql2')).default.createPool(url) });
      return new PostgresDialect({
        pool: new (await load('pg')).default.Pool({ connectionString: url }),
      });
    };
    const db = new Kysely({ dialect: await createDialect() });
    await db.schema
      .createTable('halls')
      .addColumn('id', 'integer', (column) => column.primaryKey())
      .addColumn('name', 'varchar(40)')
      .execute();
    await db.insertInto('halls').values(HALLS).execute();
    await db.insertInto('halls').values({ id: 11, name: 'hushed' }).execute();
    for (const ids of [
      [1, 2],
      [2, 3],
      [1, 2, 3],
    ]) {
      await db.selectFrom('halls').selectAll().where('id', 'in', ids).execute();
    }
    await db
      .transaction()
      .execute((tx) =>
        tx.updateTable('halls').set({ name: 'hushed' }).where('id', '=', 1).execute(),
      );
    await db
      .selectFrom('missing')
      .selectAll()
      .execute()
      .catch(() => {});
    await db.destroy();
  },

  async '@mikro-orm/core'({ url, load }) {
    const { EntitySchema, MikroORM } = await load('@mikro-orm/postgresql');
    const entity = new EntitySchema({
      name: 'Hall',
      properties: { id: { type: 'number', primary: true }, name: { type: 'string' } },
    });
    const orm = await MikroORM.init({ entities: [entity], clientUrl: url });
    await orm.schema.create();
    const em = orm.em.fork();
    await em.insertMany('Hall', HALLS);
    await em.insert('Hall', { id: 11, name: 'hushed' });
    for (const ids of [
      [1, 2],
      [2, 3],
      [1, 2, 3],
    ])
      await em.fork().find('Hall', { id: ids });
    await em.transactional((tx) => tx.nativeUpdate('Hall', { id: 1 }, { name: 'hushed' }));
    await em
      .getConnection()
      .execute('SELECT * FROM missing')
      .catch(() => {});
    await orm.close();
  },
};

/** @param {(name: string) => any} load */
module.exports = async function run(load) {
  const [name, url] = process.argv.slice(2);
  const loadModule = async (module) => {
    const loaded = await load(module);
    return loaded.default === undefined ? { ...loaded, default: loaded } : loaded;
  };
  await programs[name]({ isMysql: url.startsWith('mysql'), url, load: loadModule });
  console.log('done');
};
