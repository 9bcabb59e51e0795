import pg from 'pg';
import { PostgresServer, RedisServer } from '../../demo/database-servers.ts';

/** Runs a real PostgreSQL with pg_stat_statements and a real Redis. */
export class PostgresAndRedis {
  readonly postgres = new PostgresServer();
  readonly redis = new RedisServer();

  async start(): Promise<void> {
    await Promise.all([this.postgres.start(), this.redis.start()]);
    await this.sql('CREATE EXTENSION pg_stat_statements');
    await this.sql('CREATE TABLE rooms (id int PRIMARY KEY, name text)');
    await this.sql('CREATE TABLE guests (id int, name text)');
    await this.sql("INSERT INTO rooms VALUES (7, 'a')");
  }

  get env(): NodeJS.ProcessEnv {
    return { DATABASE_URL: this.postgres.url, REDIS_URL: this.redis.url };
  }

  async sql(statement: string): Promise<Record<string, unknown>[]> {
    const client = new pg.Client(this.postgres.url);
    await client.connect();
    try {
      return (await client.query(statement)).rows as Record<string, unknown>[];
    } finally {
      await client.end();
    }
  }

  async remove(): Promise<void> {
    await Promise.all([this.postgres.remove(), this.redis.remove()]);
  }
}
