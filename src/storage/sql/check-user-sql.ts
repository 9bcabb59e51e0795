import { findClosestMatch } from '../../core/did-you-mean.ts';
import { createError, type PerfscopeError } from '../../core/perfscope-error.ts';
import {
  describeRest,
  formatSyntaxError,
  getFirstWord,
  getFunctionAdvice,
  getRejectionAdvice,
  getStatementAdvice,
  getSyntaxAdvice,
  STATEMENT_ADVICE,
} from './sql-advice.ts';
import { isSelect, parseSql, restateStatement, type Select, tokenize } from './sql-parser.ts';

/*
 * QuestDB's functions, grouped by where a user's statement may call them. A test compares these
 * lists with the server's functions, so that each function of a new version is reviewed first.
 */

/** Functions that are allowed in FROM: they list tables, columns, and partitions. */
export const TABLE_FUNCTIONS: ReadonlySet<string> = toWordSet(`
  all_tables functions information_schema.columns information_schema.tables keywords
  materialized_views table_columns table_partitions table_storage tables views
  wal_tables wal_transactions`);

/** Functions that are allowed in expressions: they depend only on their arguments and the clock. */
export const VALUE_FUNCTIONS: ReadonlySet<string> = toWordSet(`
  abs acos and approx_count_distinct approx_median approx_percentile arg_max arg_min array array_avg
  array_build array_count array_cum_sum array_elem_avg array_elem_max array_elem_min array_elem_sum
  array_max array_min array_position array_reverse array_sort array_stddev array_stddev_pop
  array_stddev_samp array_sum asin atan atan2 avg base64 between bit_and bit_or bit_xor bool_and
  bool_or case cast ceil ceiling coalesce concat corr cos cot count count_distinct covar_pop
  covar_samp date_trunc dateadd datediff day day_of_week day_of_week_sunday_first days_in_month
  degrees dense_rank dim_length dot_product exp extract first first_not_null first_value flatten
  floor from_base64 geo_distance_meters geo_within_radius_latlon geomean greatest
  haversine_dist_deg hour ilike in insertion_point interval interval_end interval_start isOrdered
  is_leap_year json_extract ksum l2price lag last last_not_null last_value lead least left length
  length_bytes like ln log lower lpad ltrim make_geohash matmul max md5 micros mid millis min minute
  mode month nanos netmask not now now_ns nsum nullif or percent_rank pi position power quote_ident
  radians rank regexp_replace regr_intercept regr_slope replace right round round_down
  round_half_even round_up row_number rpad rtrim second sha1 sha256 shift sign sin size_pretty
  split_part spread spread_bps sqrt starts_with stddev stddev_pop stddev_samp string_agg
  string_distinct_agg strpos substring sum switch sysdate systimestamp systimestamp_ns tan
  timestamp_ceil timestamp_floor to_char to_date to_long128 to_long256 to_lowercase to_str
  to_timestamp to_timestamp_ns to_timezone to_uppercase to_utc to_uuid today tomorrow transpose trim
  twap typeOf upper var_pop var_samp variance vwap week_of_year weighted_avg weighted_stddev
  weighted_stddev_freq weighted_stddev_rel within within_box within_radius wmid year yesterday`);

/**
 * Functions that are not allowed. They read files, show or change the server's internals, or exist
 * only for other clients. Row generators are also forbidden, because QuestDB 9.3.4 can't cancel
 * them. In FROM, a function works without parentheses, so these names are also rejected as table
 * names.
 */
export const FORBIDDEN_FUNCTIONS: ReadonlySet<string> = toWordSet(`
  build cancel_query checkpoint_status current_catalog current_data_id current_database
  current_schema current_schemas current_setting current_user dump_memory_usage dump_thread_stacks
  export_activity export_files files flush_query_cache format_type generate_series glob hydrate_table_metadata
  import_files information_schema._pg_expandarray information_schema.character_sets
  information_schema.key_column_usage information_schema.questdb_columns
  information_schema.referential_constraints information_schema.table_constraints list long_sequence
  memory_metrics parquet_scan pg_advisory_unlock_all pg_attrdef pg_attribute pg_catalog.age
  pg_catalog.current_database pg_catalog.current_schema pg_catalog.current_schemas
  pg_catalog.pg_attrdef pg_catalog.pg_attribute pg_catalog.pg_class pg_catalog.pg_database
  pg_catalog.pg_description pg_catalog.pg_extension pg_catalog.pg_get_expr
  pg_catalog.pg_get_keywords pg_catalog.pg_get_partkeydef pg_catalog.pg_get_userbyid
  pg_catalog.pg_index pg_catalog.pg_inherits pg_catalog.pg_is_in_recovery pg_catalog.pg_locks
  pg_catalog.pg_namespace pg_catalog.pg_roles pg_catalog.pg_shdescription
  pg_catalog.pg_table_is_visible pg_catalog.pg_type pg_catalog.txid_current pg_catalog.version
  pg_class pg_database pg_description pg_enum pg_extension pg_get_expr pg_get_keywords
  pg_get_partkeydef pg_index pg_inherits pg_is_in_recovery pg_locks pg_namespace
  pg_postmaster_start_time pg_proc pg_range pg_roles pg_type query_activity read_parquet reader_pool
  reload_config rnd_bin rnd_boolean rnd_byte rnd_char rnd_date rnd_decimal rnd_double
  rnd_double_array rnd_float rnd_geohash rnd_int rnd_interval rnd_ipv4 rnd_log rnd_long rnd_long256
  rnd_short rnd_str rnd_symbol rnd_symbol_weighted rnd_symbol_zipf rnd_timestamp rnd_timestamp_ns
  rnd_uuid4 rnd_varchar session_user simulate_crash simulate_warnings table_writer_metrics
  timestamp_sequence timestamp_sequence_ns timestamp_shuffle to_pg_date touch txid_current version
  wait_wal_table writer_pool`);

function toWordSet(text: string): ReadonlySet<string> {
  return new Set(text.trim().toLowerCase().split(/\s+/));
}

const MAX_STATEMENT_LENGTH = 20_000;

/** Syntax node types that can be part of a SELECT. Statements with other types are rejected. */
const ALLOWED_NODES = new Set(
  `alignTo arrayAccess arrayLiteral arraySlice between binary case cast column cte function in isNull
  join latestOn limit literal orderByItem paren pivotAggregation pivotClause pivotFor pivotIn
  pivotInValue qualifiedName qualifiedStar sampleBy select selectItem setOperation star subquery
  tableFunctionCall tableRef typeCast unary windowFrame windowFrameBound windowJoinBound windowSpec
  within`.split(/\s+/),
);

type UncheckedNode = Readonly<Record<string, unknown>>;

/**
 * Checks that SQL text is a single SELECT, with or without WITH, that only reads tables. QuestDB's
 * own permissions are not enough, because its read-only user can still read files and copy data to
 * disk.
 *
 * @param extraFunctions additional functions to allow; the caller replaces them before it runs the
 * statement
 * @returns the parsed statement as text. Run this instead of `text`, because QuestDB could
 * interpret `text` differently than the parser.
 * @throws PS_SQL_REFUSED with the reason
 */
export function toReadOnlySql(text: string, extraFunctions: readonly string[] = []): string {
  if (text.length > MAX_STATEMENT_LENGTH)
    throw createSqlError(`it is longer than ${MAX_STATEMENT_LENGTH} characters`);
  const source = removeFinalSemicolons(text);
  const statement = parseSelect(source);
  checkNode({ ...statement }, new Set([...VALUE_FUNCTIONS, ...extraFunctions]));
  checkSpaces(source);
  const restated = restateStatement(statement, source, extraFunctions);
  if (restated === undefined)
    throw createSqlError('it is ambiguous', 'Write it in a simpler form.');
  return restated;
}

function removeFinalSemicolons(text: string): string {
  let source = text.trimEnd();
  while (source.endsWith(';')) source = source.slice(0, -1).trimEnd();
  return source;
}

/** Parses text that must be exactly one SELECT. @throws PS_SQL_REFUSED */
function parseSelect(source: string): Select {
  const { ast, errors } = parseSql(source);
  const [error] = errors;
  const [statement, ...others] = ast;
  const isOther = statement !== undefined && !isSelect(statement);
  if (isOther || STATEMENT_ADVICE.has(getFirstWord(source))) {
    throw createSqlError('it is not a SELECT', getStatementAdvice(source));
  }
  if (error) {
    const advice = getSyntaxAdvice(source, error);
    throw createSqlError(`it can't be parsed: ${formatSyntaxError(error)}`, advice);
  }
  if (!isSelect(statement)) throw createSqlError('it is empty');
  if (statement.implicit) {
    const name = /^\w+$/.test(source.trim()) ? source.trim() : 'performance_metrics';
    const advice = `Example: SELECT * FROM ${name}.`;
    throw createSqlError('it does not start with SELECT or WITH', advice);
  }
  if (others.length > 0) throw createSqlError(describeRest(source), getSyntaxAdvice(source));
  return statement;
}

function checkNode(node: UncheckedNode, functions: ReadonlySet<string>): void {
  const { type, name } = node;
  if (typeof type === 'string' && !ALLOWED_NODES.has(type)) {
    const syntax = type.replaceAll(/[A-Z]/g, ' $&').toUpperCase();
    const advice = type === 'variable' ? 'Write the values into the statement.' : undefined;
    throw createSqlError(`${syntax} is not allowed`, advice);
  }
  if (type === 'tableFunctionCall') checkFunction(name, TABLE_FUNCTIONS);
  if (type === 'function') checkFunction(name, functions);
  if (type === 'tableRef') checkTable(node.table as UncheckedNode);
  for (const child of Object.values(node)) {
    for (const item of Array.isArray(child) ? child.flat(Number.POSITIVE_INFINITY) : [child]) {
      if (typeof item === 'object' && item !== null) checkNode(item as UncheckedNode, functions);
    }
  }
}

function checkFunction(name: unknown, allowed: ReadonlySet<string>): void {
  const lowerName = String(name).toLowerCase();
  if (allowed.has(lowerName)) return;
  const place = allowed === TABLE_FUNCTIONS ? ' in FROM' : '';
  const isKnown = FORBIDDEN_FUNCTIONS.has(lowerName) || VALUE_FUNCTIONS.has(lowerName);
  if (isKnown || TABLE_FUNCTIONS.has(lowerName)) {
    throw createSqlError(`the function ${String(name)} is not allowed${place}`);
  }
  const nearest = findClosestMatch(lowerName, [...allowed]);
  const advice = nearest ? `Did you mean ${nearest}?` : getFunctionAdvice(lowerName);
  throw createSqlError(`QuestDB has no function ${String(name)}`, advice);
}

/**
 * Rejects a table that has a function's name, because functions work in FROM without parentheses.
 */
function checkTable(table: UncheckedNode): void {
  if (table.type !== 'qualifiedName') return;
  const parts = (table.parts as string[]).map((part) => part.toLowerCase());
  const names = [parts.join('.'), parts.at(-1) ?? ''];
  const forbidden = names.find((name) => FORBIDDEN_FUNCTIONS.has(name) || name.startsWith('@'));
  if (forbidden !== undefined) throw createSqlError(`${forbidden} is not allowed in FROM`);
}

/**
 * Requires spaces between words: the parser reads `0x1f` as `0 AS x1f`, but QuestDB as a number.
 */
function checkSpaces(text: string): void {
  let previousEnd = Number.NaN;
  for (const { image, startOffset } of tokenize(text)) {
    const isWord = /^[\w'"]/.test(image);
    if (isWord && startOffset === previousEnd)
      throw createSqlError(`a space is missing before ${image}`, 'Add the space.');
    previousEnd = isWord ? startOffset + image.length : Number.NaN;
  }
}

function createSqlError(reason: string, advice?: string) {
  return createError('PS_SQL_REFUSED', advice === undefined ? { reason } : { reason, advice });
}

/**
 * Creates the error for a permitted statement that QuestDB rejects.
 *
 * @param reason error message of QuestDB
 * @param source the statement
 */
export function createRejectedSqlError(
  reason: string,
  source: string,
  cause?: unknown,
): PerfscopeError {
  const params = {
    reason: `QuestDB returned the error "${reason}"`,
    advice: getRejectionAdvice(reason, source),
  };
  return createError('PS_SQL_REFUSED', params, cause);
}
