import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import { type ExecOptions, execSql } from '../questdb/exec-sql-http.ts';

/**
 * Returns the IDs of all tables by name. A table that is dropped and created again has another ID.
 *
 * @throws PS_QUESTDB_UNREACHABLE, PS_QUESTDB_REFUSED
 */
export async function readTableIds(
  target: WriteTarget,
  options: ExecOptions = {},
): Promise<ReadonlyMap<string, number>> {
  const { dataset } = await execSql(target, 'SELECT table_name, id FROM tables()', options);
  return new Map(
    dataset
      .filter(([, id]) => Number.isSafeInteger(id))
      .map(([name, id]) => [String(name), Number(id)]),
  );
}
