/** See `better-sqlite3.mjs`. */
export function buildBetterSqlite3(major: number): string;
