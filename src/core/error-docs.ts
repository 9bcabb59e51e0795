import type { ErrorCode } from './perfscope-error.ts';

/** Explains an error code in docs/errors.md. */
export interface ErrorExplanation {
  /** Why the error occurs. */
  readonly cause: string;
  /** What the user can do about it. */
  readonly action: string;
}

const FILE_ACTION =
  'Fix each listed problem. Each problem has the form `file:line:column: message`. A running server keeps the previous version of its configuration files, and reloads a file when it changes. `npx perfscope check-config` checks the file without starting the server.';

/**
 * The explanation of each error code. Only the generator of docs/errors.md imports this module, so
 * these texts are not loaded into applications.
 */
export const ERROR_EXPLANATIONS: Readonly<Record<ErrorCode, ErrorExplanation>> = {
  PS_CONFIG_UNKNOWN: {
    cause:
      "A `PERFORMANCE_*` or `SYSTEM_HEALTH_*` variable is set, but Perfscope doesn't recognize its name. Or the name of a variable looks like a misspelled `OTEL_EXPORTER_OTLP_*` variable.",
    action:
      'Correct the spelling or remove the variable. docs/configuration.md lists all settings, and docs/integrations.md lists the variables for OTLP export.',
  },
  PS_CONFIG_INVALID: {
    cause: "A setting's value has the wrong type or is outside the allowed range.",
    action: 'Set an allowed value, or unset the variable to use its default.',
  },
  PS_CONFIG_INCOMPLETE: {
    cause: 'A feature needs several settings, and only some of them are set.',
    action: 'Set the missing values. To turn the feature off, unset all of its settings.',
  },
  PS_CONFIG_CONFLICT: {
    cause: 'Two mutually exclusive settings are both set.',
    action: 'Unset one of them.',
  },
  PS_SECRET_FILE: {
    cause: 'The file that a `*_FILE` variable specifies is missing, unreadable, or empty.',
    action: 'Check the path, the file permissions, and that the file contains the secret.',
  },
  PS_JAVA_MISSING: {
    cause:
      'No package with QuestDB and a Java runtime is installed for this platform, and neither `JAVA_HOME` nor `PATH` contains Java 17 or later.',
    action:
      'Install the package or Java as the message describes, or set `PERFORMANCE_QUESTDB_URL` to use an existing QuestDB. docs/deploy.md describes the package.',
  },
  PS_QUESTDB_JAR_CHANGED: {
    cause:
      "The SHA-256 of the QuestDB jar in the installed platform package differs from the expected value. The file is damaged, or it isn't the file that Perfscope was tested with.",
    action: 'Install the package again from a source that you trust.',
  },
  PS_DATA_DIR_HELD: {
    cause: 'Another running Perfscope process uses the same data folder.',
    action: 'Stop that process, or give each server its own `PERFORMANCE_DATA_DIR`.',
  },
  PS_DATA_DIR_UNUSABLE: {
    cause: "The data folder could not be created, or the current user can't write to it.",
    action: "Set `PERFORMANCE_DATA_DIR` to a writable folder, or change the folder's permissions.",
  },
  PS_STATE_FILE_DAMAGED: {
    cause:
      'A Perfscope state file is empty, incomplete, or has unexpected content. Possible reasons are a power cut and a manual change.',
    action:
      'No action is needed unless the message specifies one. Perfscope continues without the damaged content.',
  },
  PS_STATE_FILE_UNUSABLE: {
    cause:
      "The current user can't read or write a Perfscope state file, or the path of the file is a folder.",
    action:
      "Check the file's owner and permissions, and the free disk space. If the path is a folder, move the folder.",
  },
  PS_NOT_A_DATA_DIR: {
    cause: 'The folder contains files, but no Perfscope data.',
    action: 'Set `PERFORMANCE_DATA_DIR` to a Perfscope data folder or to an empty folder.',
  },
  PS_NO_DATA: {
    cause: '`perfscope backup` found neither a data folder with data nor a running server.',
    action: 'Set `PERFORMANCE_DATA_DIR` to the data folder of a server.',
  },
  PS_PORT_TAKEN: {
    cause:
      '`PORT`, or `--port` of `perfscope mcp`, is set to a port that another program is using.',
    action:
      'Choose a free port, or unset `PORT` so that the server finds a free port. For `perfscope mcp`, `--port 0` selects a free port.',
  },
  PS_QUESTDB_START_FAILED: {
    cause: 'The embedded QuestDB stopped during startup or was not ready in time.',
    action: 'Read the QuestDB log. Common causes are a full disk and too little memory.',
  },
  PS_QUESTDB_UNREACHABLE: {
    cause: 'The connection to QuestDB failed or timed out.',
    action:
      'Check that QuestDB is running. If `PERFORMANCE_QUESTDB_URL` is set, check its value. The embedded QuestDB does not use this setting.',
  },
  PS_QUESTDB_REFUSED: {
    cause: 'QuestDB responded with an HTTP error, often because the credentials are wrong.',
    action:
      'Check `PERFORMANCE_QUESTDB_USER`, `PERFORMANCE_QUESTDB_PASSWORD`, and `PERFORMANCE_QUESTDB_TOKEN`.',
  },
  PS_NOT_READY: {
    cause: '`perfscope healthcheck` got no successful response from `/readyz`.',
    action: 'Check the server log, and check that QuestDB is running.',
  },
  PS_GRAFANA_UNREACHABLE: {
    cause: '`perfscope grafana --push` could not connect to Grafana.',
    action: 'Check that Grafana is running and that the `--push` address is correct.',
  },
  PS_GRAFANA_REFUSED: {
    cause: 'Grafana rejected a request from `perfscope grafana --push`.',
    action:
      'Check the address, and check that the service account token is valid and has the Admin role.',
  },
  PS_SCHEMA_NEWER: {
    cause: 'A later Perfscope version has migrated this database.',
    action: 'Upgrade Perfscope, or use another database.',
  },
  PS_SCHEMA_CONFLICT: {
    cause:
      'A table or a column with a name that Perfscope uses has a different type than Perfscope expects. Perfscope never changes or deletes existing data.',
    action:
      'Run the statement from the message in the QuestDB console. The statement renames the table or the column, and keeps its data. Perfscope then creates a new table or column.',
  },
  PS_DISK_LOW: {
    cause:
      "Free space on the data folder's disk is below `PERFORMANCE_MIN_FREE_DISK_BYTES`. The server and the services on its machine keep rows in the spool.",
    action:
      'Free disk space, use a larger disk, or reduce the retention. Writes continue when the free space is a quarter above the limit.',
  },
  PS_STORAGE_UNREACHABLE: {
    cause:
      'QuestDB rejected connections or requests, or accepted a request and sent no response for 5 s.',
    action:
      'Check that QuestDB is running, and check its log. No rows are lost: services keep them in the spool until QuestDB responds again.',
  },
  PS_STORAGE_LAGGING: {
    cause: "QuestDB acknowledged rows more than 30 s ago, but queries still don't return them.",
    action:
      "Check QuestDB's CPU and disk load. No missing-data alert fires until QuestDB has applied the rows.",
  },
  PS_ROW_INVALID: {
    cause: 'A recorded measurement has a field with an invalid value, so it was not stored.',
    action: 'Correct the value in the call that records the measurement.',
  },
  PS_ROWS_DROPPED: {
    cause:
      "Rows could not be kept: they are older than the retention period, the spool is full, or a value can't be encoded.",
    action:
      'If the spool is full, check that QuestDB is running, or raise `PERFORMANCE_SPOOL_MAX_BYTES`. If rows are too old, raise `PERFORMANCE_RETENTION_DAYS`.',
  },
  PS_ROWS_DROPPED_TOTAL: {
    cause:
      'The process or worker thread has dropped rows since it started. It logs the totals by reason when it ends, and when QuestDB accepts rows again. It logs nothing if earlier messages already contain all dropped rows.',
    action: 'See the table of reasons under "Dropped rows" in `docs/reliability.md`.',
  },
  PS_SPOOL_UNWRITABLE: {
    cause:
      'The spool folder is read-only, or its disk is full. Rows in memory are lost if the process stops.',
    action: 'Free disk space, or set `PERFORMANCE_SPOOL_DIR` to a writable folder.',
  },
  PS_SPOOL_REFUSED: {
    cause:
      'If a sender can send its rows again, Perfscope accepts them only after it has written them to the spool. The spool folder is read-only, or its disk is full.',
    action:
      'Free disk space, or set `PERFORMANCE_SPOOL_DIR` to a writable folder. The sender repeats the request.',
  },
  PS_SPOOL_FULL: {
    cause:
      'QuestDB is unreachable or too slow, so rows fill the spool. Perfscope rejects new rows that senders can send again, so that it does not have to drop the oldest rows.',
    action:
      'Check QuestDB and the storage status. If QuestDB is often unreachable for a long time, raise `PERFORMANCE_SPOOL_MAX_BYTES`. The sender repeats the request.',
  },
  PS_WRITER_CLOSED: {
    cause: 'A request arrived while the process was ending, so its rows were not stored.',
    action: 'No action is needed. The sender repeats the request.',
  },
  PS_SERIES_STATE_DAMAGED: {
    cause:
      'The server stores the last value of each cumulative OpenTelemetry metric in a file, to compute the increase after a restart. The file is damaged, or another program deleted it.',
    action:
      'If the machine did not lose power, check the disk. For metrics that started more than ten minutes before the restart, the increase during the restart can be missing.',
  },
  PS_SPOOL_FAILED: {
    cause:
      'A file operation in the spool failed, for example because the disk is full or read-only. Each kind of failure is logged once.',
    action: 'Check the permissions of the spool folder, and check its disk.',
  },
  PS_SPOOL_UNTRUSTED: {
    cause:
      'Another user could have written these rows, or they are rows of a table that a service must not write.',
    action:
      'If services run as different users, each user sends only its own rows. Run `perfscope spool` as the user that owns the files. `docs/security.md` explains the rules for the spool folder, and how to send rows that belong to another user. Delete the files only if you did not expect them.',
  },
  PS_SPOOL_FOLDER_INVALID: {
    cause:
      'The folder in `--spool-dir` does not exist, is a file, or contains only files that are not part of a spool. A common mistake is to specify the data folder, which contains the spool.',
    action:
      'Specify the value of `PERFORMANCE_SPOOL_DIR`. Its default is the folder `spool` in the data folder.',
  },
  PS_SPOOL_DAMAGED: {
    cause:
      'The checksum of a spool file does not match its content, or part of the file is missing. The usual cause is a power failure before the operating system had written the file to the disk. Only the damaged rows are lost. They are counted as `damaged`.',
    action: 'If the machine did not lose power, check its disk and its memory.',
  },
  PS_DISCOVERY_UNTRUSTED: {
    cause:
      'The discovery file or its folder belongs to another user, other users can write to it, or it is a symbolic link. The file contains the address of QuestDB, so the agent ignores it.',
    action: 'Delete the file and its folder, then restart the Perfscope server.',
  },
  PS_ROWS_REJECTED: {
    cause:
      'QuestDB rejected rows although all tables and columns exist, or the spool contained rows that must not be sent. Perfscope keeps these rows as dead letters, with the reason.',
    action:
      'Run `perfscope spool ls` to see the rows and the reasons. Correct the cause, for example the type of a column. Then run `perfscope spool retry --all`, or delete the rows with `perfscope spool drop --all`. Instead of `--all`, you can specify IDs. For each table and reason, only the first rejected row is logged.',
  },
  PS_DEAD_LETTERS_NOT_FOUND: {
    cause:
      '`perfscope spool` was called with the ID of a group of dead letters that does not exist.',
    action: 'Run `perfscope spool ls` to list all IDs.',
  },
  PS_FLUSH_TIMEOUT: {
    cause: '`flush()` timed out before QuestDB acknowledged all rows. No rows are lost.',
    action: 'Check that QuestDB is running. The rows in the spool are sent automatically.',
  },
  PS_CONFIRMATION_REQUIRED: {
    cause:
      'A command that deletes data needs a confirmation, but its stdin is closed or empty. For example, the command runs in a script.',
    action: 'Check that the command does what you want. Then run it again with `--yes`.',
  },
  PS_INPUT_UNREADABLE: {
    cause: '`perfscope query` reads the statement from stdin, and stdin is not readable.',
    action: 'Pass the statement as an argument, or use a pipe or a file as stdin.',
  },
  PS_SERVER_UNREACHABLE: {
    cause:
      'A command could not connect to the Perfscope server, or another program responded at this address.',
    action:
      'Check that the server is running. Check the address in `--url` or `PERFORMANCE_SERVER_URL`.',
  },
  PS_NO_SERVER: {
    cause:
      'A command that sends requests to a Perfscope server found no running server on this machine.',
    action:
      'Start a server with `perfscope serve`. For a server on another machine, set `PERFORMANCE_SERVER_URL` or `--url`.',
  },
  PS_SERVER_KEY: {
    cause: 'The Perfscope server needs an API key, and the command sent none or an invalid one.',
    action:
      'Set `PERFORMANCE_API_KEY` or `PERFORMANCE_API_KEY_FILE`, or use `--key-file` or `--key`. `perfscope keys create` creates a key.',
  },
  PS_NO_TARGET: {
    cause: 'The agent or a command found no running Perfscope server and no configured QuestDB.',
    action: 'Start a server with `perfscope serve`, or set `PERFORMANCE_QUESTDB_URL`.',
  },
  PS_RUNTIME_UNSUPPORTED: {
    cause:
      'The application runs on an unsupported version of Node.js, on Bun, or on Deno. The application runs as if Perfscope were not installed. The functions of the library do nothing, and its queries reject with this error.',
    action: 'Run the application on Node.js 22.14 or newer.',
  },
  PS_PERMISSION_MISSING: {
    cause:
      'Node.js runs with `--permission`, and the agent cannot read its files, write its spool folder, or connect to QuestDB.',
    action: 'Add the flags in the message to the command that starts the application.',
  },
  PS_PART_FAILED: {
    cause:
      'One part of the agent could not start. The other parts and the application keep running.',
    action: 'Fix the cause shown in the message, then restart the application.',
  },
  PS_AGENT_FAILURE: {
    cause:
      'A callback of the agent failed. The agent caught the error, so the application is not affected.',
    action:
      'Report the message to the maintainers. The metric `perfscope.agent.failures` counts repetitions.',
  },
  PS_ARGUMENT_INVALID: {
    cause: 'A function of the library was called with an argument of the wrong type or range.',
    action: 'Correct the argument. The declarations of the package describe all arguments.',
  },
  PS_OTLP_EXPORT_FAILED: {
    cause:
      'The OTLP endpoint did not respond, closed the connection, or responded with status 429, 502, 503, or 504. The agent repeats the request with increasing delays, and logs only the first failure. If more than 16 MB of metrics are waiting, the oldest metrics are dropped and counted in `perfscope.export.points.dropped`.',
    action:
      'Start the Collector or the other endpoint, and check `OTEL_EXPORTER_OTLP_ENDPOINT`. Use the port for OTLP over HTTP, usually 4318. To turn off the export, set `PERFORMANCE_OTLP_EXPORT=false`.',
  },
  PS_OTLP_EXPORT_REJECTED: {
    cause:
      'The OTLP endpoint responded with a status after which a retry would not help, such as 400, 401, 403, or 404. The metrics in the request are lost.',
    action:
      'Status 401 or 403: check the key in `OTEL_EXPORTER_OTLP_HEADERS`. Status 404: check the path of the endpoint. The agent appends `/v1/metrics` to `OTEL_EXPORTER_OTLP_ENDPOINT`, but not to `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT`. docs/integrations.md has settings for common backends.',
  },
  PS_OTLP_EXPORT_PARTIAL: {
    cause:
      'The OTLP endpoint accepted a request and rejected some of its points, for example because their temporality is not supported.',
    action:
      "Read the endpoint's reason in the message. docs/integrations.md has settings for common backends.",
  },
  PS_OTLP_EXPORT_CERTIFICATE: {
    cause:
      'A file for the TLS connection to the OTLP endpoint is missing or unreadable. Without it, the agent sends no metrics over OTLP.',
    action: 'Correct the path or the permissions of the file, then restart the application.',
  },
  PS_EXPORTER_INACTIVE: {
    cause:
      'An application that was started with `--import @perfscope/agent/register` also creates `QuestDBMetricExporter`, `QuestDBSpanExporter`, or `perfscopeConfiguration()`. All data would be stored twice, so only the agent stores data.',
    action:
      'Remove the `--import` flag or the exporters. docs/opentelemetry.md compares the agent and the exporters.',
  },
  PS_SDK_UNSUPPORTED: {
    cause:
      'An application with OpenTelemetry SDK 1.x uses `QuestDBMetricExporter`, `QuestDBSpanExporter`, or `perfscopeConfiguration()`. The application runs as usual, and its other exporters are not affected.',
    action:
      'Update `@opentelemetry/sdk-node` to 0.200 or newer, and the other SDK packages to the matching versions. Or remove the exporters, and start the application with `--import @perfscope/agent/register`.',
  },
  PS_SERIES_LIMIT: {
    cause:
      'The application has too many distinct routes, SQL statements, tenants, or OpenTelemetry metrics for one process. Usually, this happens because the names contain IDs.',
    action: 'Use route patterns such as `/users/:id`, and bound parameters in SQL statements.',
  },
  PS_OVERHEAD_LIMIT: {
    cause:
      'The application has a very high rate of requests or statements, or many distinct routes or statements. Therefore, the agent would use more CPU time or memory than its limits allow. The warning is logged once. The metric `perfscope.agent.overhead.level` shows later changes.',
    action:
      'If the details are more important than the overhead, increase the limits. Otherwise, do nothing. `docs/agent.md` lists the details that the agent omits, in their order.',
  },
  PS_VALUE_LIMIT: {
    cause:
      'The application records too many distinct names, endpoints, or other texts with `recordMetric` or `recordQueueMetric`. The metric `perfscope.values.grouped` counts the affected values.',
    action: 'Use names and route patterns without IDs, such as `/users/:id`.',
  },
  PS_TENANT_REFUSED: {
    cause: 'A request contains an invalid organization, property, or user.',
    action: 'Correct the value that the header, the resolver, or `withTenant()` provides.',
  },
  PS_QUEUE_AWAY: {
    cause: 'The agent could not read the depth of a queue from its server, such as Redis.',
    action:
      'Check that the server runs and that the application can reach it. The agent retries automatically.',
  },
  PS_DEMO_INCOMPLETE: {
    cause: '`perfscope demo` needs optional packages that are not installed.',
    action: 'Run `npm install bullmq ioredis`.',
  },
  PS_DOCTOR_FAILED: {
    cause: '`perfscope doctor` could not start or inspect the application.',
    action:
      'Check that the application starts with `node`, and that the path is correct. If the application fails with EADDRINUSE, your service probably still runs. Stop it, or set another `PORT`.',
  },
  PS_RULES_INVALID: {
    cause: 'The alert rules file, or a test file for `perfscope test-rules`, has errors.',
    action: FILE_ACTION,
  },
  PS_NOTIFY_INVALID: { cause: 'The notification file has errors.', action: FILE_ACTION },
  PS_BUSINESS_RULES_INVALID: { cause: 'The business rules file has errors.', action: FILE_ACTION },
  PS_FILE_UNREADABLE: {
    cause:
      'A rules file or the notification file was deleted, is not readable, is a folder, or is behind a broken symbolic link. Or the server has too many open files.',
    action:
      'Check the path and the file permissions. As soon as the file is readable, the server loads it and logs a message. No restart is needed.',
  },
  PS_JOURNAL_UNWRITABLE: {
    cause:
      'The notification journal folder is read-only, or its disk is full. The journal preserves pending messages across restarts.',
    action: 'Free disk space, or set `PERFORMANCE_DATA_DIR` to a writable folder.',
  },
  PS_RECEIVER_UNKNOWN: {
    cause: '`perfscope notify` was called with a receiver that is not configured.',
    action: 'Use one of the receivers that the message lists.',
  },
  PS_REQUEST_INVALID: {
    cause: 'An API request has an invalid parameter or body.',
    action: 'Correct the request fields shown in the message and in the `errors` list.',
  },
  PS_NOT_FOUND: {
    cause: 'The API path or the requested object does not exist, or belongs to another tenant.',
    action: 'Check the path and the ID. `/api/openapi.json` lists all endpoints.',
  },
  PS_METHOD_NOT_ALLOWED: {
    cause: 'The endpoint exists, but does not support this HTTP method.',
    action: 'Use one of the methods that the message lists.',
  },
  PS_TABLE_SUSPENDED: {
    cause: 'QuestDB suspended a table, usually because its disk was full.',
    action:
      "Free disk space on QuestDB's machine. The server resumes the table by itself and logs the result. If the table is suspended again, check QuestDB's log.",
  },
  PS_UNAVAILABLE: {
    cause: "The server can't process the request now, for example because QuestDB is unreachable.",
    action: 'Try again later. If the error continues, check that QuestDB is running.',
  },
  PS_REQUEST_TOO_LARGE: {
    cause: 'The response would contain more groups or intervals than the server returns at once.',
    action: 'Request fewer groups, a larger step, or a shorter time range.',
  },
  PS_UNAUTHENTICATED: {
    cause: 'The request has no API key or token, or the key or token is not valid.',
    action:
      'Create a key with `perfscope keys create`, and send it in the header `Authorization: Bearer …` or `X-API-Key`. OTLP senders need the role INGEST. `perfscope keys create --help` explains the roles.',
  },
  PS_FORBIDDEN: {
    cause: 'The key or token is valid, but its role does not permit this operation.',
    action:
      'Use a key with one of the roles in the message. Administrators create keys with `perfscope keys create`.',
  },
  PS_CROSS_SITE: {
    cause:
      'A link or a page of another website, or a prefetching browser, sent a GET request that changes data.',
    action: 'Send the request with curl, open the address directly, or use POST with an API key.',
  },
  PS_KEY_REQUIRED: {
    cause:
      'No API key exists yet, so direct requests from this machine can read data. Some changes, such as new API keys and people, always need a key.',
    action:
      'Create a key, and send it with the request. Or use the `perfscope` command on the same machine as the same user.',
  },
  PS_QUOTA_REACHED: {
    cause:
      'A key, an organization, or the server has reached its limit for keys, silences, or people. The message shows which limit was reached.',
    action: 'Delete objects that are no longer needed, then try again.',
  },
  PS_TOO_MANY_OPEN: {
    cause:
      'A key, an organization, or the server has reached its limit for open streams or requests. The message shows which limit was reached.',
    action: 'Close streams that are no longer needed, or try again after `Retry-After` seconds.',
  },
  PS_TOO_MANY_REQUESTS: {
    cause: 'A key, token, organization, or address exceeded the limit of requests per minute.',
    action:
      'Wait the number of seconds shown in the message, or raise `PERFORMANCE_API_RATE_LIMIT`.',
  },
  PS_OTLP_INVALID: {
    cause: 'The body of an OTLP request is malformed, incomplete, or not compressed correctly.',
    action:
      'The message contains the position of the first fault: a byte in protobuf, or a path in JSON. Senders must not send the request again. Update the SDK or the Collector, or check proxies that change requests.',
  },
  PS_OTLP_UNSUPPORTED: {
    cause: 'An OTLP request has a content type or a compression that the server does not support.',
    action:
      'Use OTLP over HTTP with protobuf or JSON, and one of the compressions shown in the message. With an SDK, set `OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf`.',
  },
  PS_OTLP_TOO_LARGE: {
    cause: 'An OTLP request exceeds the size limit before or after decompression.',
    action:
      'Send smaller batches. In a Collector, set `send_batch_max_size` of the `batch` processor to 8192 or less.',
  },
  PS_OTLP_NO_LOGS: {
    cause: 'A sender exports logs over OTLP, but Perfscope does not store logs.',
    action:
      'Turn off log export in the SDK with `OTEL_LOGS_EXPORTER=none`, or send logs to another backend.',
  },
  PS_OTLP_PATH: {
    cause: 'An OTLP sender uses a path that does not exist, such as `/` or `/v1/metric`.',
    action:
      'Set `OTEL_EXPORTER_OTLP_ENDPOINT` to the address of the server, without a path. SDKs add `/v1/metrics` and `/v1/traces`. If you set `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT`, `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, or the URL of an exporter in code, include the path.',
  },
  PS_OTLP_GRPC: {
    cause: 'A sender uses OTLP over gRPC. The server supports only OTLP over HTTP.',
    action:
      'Set `OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf` in the sender. In a Collector, use the exporter `otlp_http` (`otlphttp` in older versions).',
  },
  PS_OTLP_GRPC_CLIENT: {
    cause:
      'A client opened an HTTP/2 connection, which is typical for OTLP over gRPC. The server supports only HTTP/1.1, so it closed the connection. The warning is logged at most once per hour and address.',
    action:
      'Set `OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf` in the sender. In a Collector, use the exporter `otlp_http` (`otlphttp` in older versions).',
  },
  PS_OTLP_REJECTED: {
    cause:
      'The server rejects OTLP requests from a sender, and a retry would not help. Many SDKs log only the status, so the server logs the reason. The warning is logged at most once per hour for each sender and kind of error.',
    action:
      'Follow the advice in the message. For 401 or 403, set the key in the sender with `OTEL_EXPORTER_OTLP_HEADERS`.',
  },
  PS_OTLP_BUSY: {
    cause: 'The open OTLP requests of an organization, a key, or the server use too much memory.',
    action:
      'SDKs and Collectors wait for `Retry-After` seconds and send the data again. If this happens often, send smaller batches, or send fewer requests at the same time.',
  },
  PS_OTLP_SLOW: {
    cause: 'The body of an OTLP request stopped arriving, or took more than 60 s.',
    action: 'Check the network between the sender and the server. SDKs and Collectors retry.',
  },
  PS_OTLP_NOT_STORED: {
    cause:
      'The server could not write the data of an OTLP request to its spool. The message contains the reason, for example a full spool or disk.',
    action:
      'Fix the cause. SDKs and Collectors send the data again. For long outages, use a Collector with a persistent queue.',
  },
  PS_OTLP_TOO_MANY_SERIES: {
    cause:
      'The server keeps the last point of up to 200,000 cumulative series with 10 million buckets. If there are more, it removes the oldest series of the service with the most series, in the organization with the most series. The message contains the service with the most removed series. Other services are not affected. The warning is logged at most once per hour, and `perfscope.otlp.series.forgotten` counts all removed series.',
    action:
      'Find an attribute with many values in the metrics of this service, such as a user ID or a raw path. Remove it with a view in the SDK, or with the `transform` processor of a Collector. The limit does not apply to series with delta temporality.',
  },
  PS_OTLP_TOO_MANY_PROCESSES: {
    cause:
      'To count each request once, the server tracks which processes send which metrics, for 24 hours and for up to 200,000 process metrics. If there are more, it removes the oldest entries of the service with the most entries, in the organization with the most entries. Usually, `service.instance.id` changes with each request, or a very large number of processes start. The warning is logged at most once per hour, and `perfscope.otlp.facts.forgotten` counts all removed entries.',
    action:
      'Make sure that a process of this service keeps its `service.instance.id` until the process ends. If the service starts many short processes, send only their metrics or only their spans.',
  },
  PS_KEY_INVALID: {
    cause: 'An option for the new API key is invalid.',
    action: 'Correct the option shown in the message, then try again.',
  },
  PS_KEY_NOT_FOUND: {
    cause: 'No API key has this ID.',
    action: 'Run `perfscope keys list` to see all keys.',
  },
  PS_EXPOSED: {
    cause:
      'The server would be reachable from other machines without authentication, so it did not start.',
    action: 'Create an API key, configure JSON Web Tokens, or set `HOST=127.0.0.1`.',
  },
  PS_AGENT_MISSING: {
    cause: 'Perfscope was not built completely, so the agent package does not exist.',
    action: 'Run `npm run build` in the Perfscope folder, then restart the server.',
  },
  PS_AGENT_INSECURE: {
    cause:
      'The agent was requested over plain HTTP from another machine or through a proxy. Someone on the network could replace the file.',
    action:
      'Use HTTPS. Or run `perfscope agent pack` on the server, and copy the file to the service. A proxy must set `X-Forwarded-Proto: https`.',
  },
  PS_AGENT_OTHER_VERSION: {
    cause: "The request specifies a different version than the server's version.",
    action: 'Download the agent at the path that the message shows.',
  },
  PS_AGENT_FILE_DIFFERS: {
    cause: '`perfscope agent pack` found another file with the same name.',
    action: 'Choose another file with `--output`, or use `--force`.',
  },
  PS_VERSION_INCOMPATIBLE: {
    cause:
      'The versions of an agent and a server are not in the same caret range of npm. For example, 0.1.0 and 0.2.0 are incompatible, but 0.1.0 and 0.1.3 are compatible.',
    action:
      "Get the agent with the server's version, and install the file in the service: `npm install ./vendor/perfscope-agent-<version>.tgz`.",
  },
  PS_QUERY_TOO_LONG: {
    cause: 'A query reads too much data to finish within its time limit.',
    action: 'Request a shorter time range, fewer groups, or a larger step.',
  },
  PS_EXPLAIN_UNSET: {
    cause:
      'An administrator requested EXPLAIN for a suggestion, but the server has no connection to the database of the services.',
    action:
      'Set `PERFORMANCE_EXPLAIN_POSTGRES_URL_FILE` or `PERFORMANCE_EXPLAIN_MYSQL_URL_FILE` to a file with the URL of a user that can only read. See docs/suggestions.md.',
  },
  PS_EXPLAIN_FAILED: {
    cause:
      'The database of the services could not be reached, or did not accept the EXPLAIN statement. Perfscope never executes the statement itself.',
    action:
      'Check the URL, the permissions, and the `search_path` of the user. If the statement needs other permissions, run EXPLAIN yourself.',
  },
  PS_FILE_EXISTS: {
    cause: 'The output file already exists, and Perfscope does not overwrite files by default.',
    action: 'Choose another name, or use `--force`.',
  },
  PS_EXPORT_FAILED: {
    cause: 'The output file could not be written, for example because the disk is full.',
    action: 'Fix the cause shown in the message, then try again.',
  },
  PS_FOLDER_NOT_EMPTY: {
    cause: 'The target folder of a backup, or the data folder of a restore, already exists.',
    action:
      'For a backup, choose another folder. For a restore, set `PERFORMANCE_DATA_DIR` to another folder, or use `--force`, which renames the existing data folder first.',
  },
  PS_BACKUP_FOREIGN: {
    cause: 'Perfscope can back up and restore only the QuestDB that it starts itself.',
    action:
      'For a backup, run `CHECKPOINT CREATE` on the QuestDB machine, copy the root folder, then run `CHECKPOINT RELEASE`. For a restore, unset `PERFORMANCE_QUESTDB_URL`, or follow the QuestDB documentation.',
  },
  PS_BACKUP_FAILED: {
    cause: 'The backup stopped before it was complete, for example because the disk is full.',
    action: 'Fix the cause shown in the message, then try again.',
  },
  PS_BACKUP_DAMAGED: {
    cause: 'A backup file is missing or was changed, or the folder contains an unexpected file.',
    action: 'Use another backup.',
  },
  PS_RESTORE_FAILED: {
    cause: 'The data folder could not be replaced with the backup.',
    action:
      'Fix the cause shown in the message, then try again. A previous data folder is kept under a name that contains `.before-`.',
  },
  PS_CHANNEL_SECRET: {
    cause:
      "A notification channel's secret file is missing, malformed, or readable by other users.",
    action: 'Run `chmod 600` on the file, and check its content against docs/channels.md.',
  },
  PS_CHANNEL_INVALID: {
    cause: 'A notification channel has an invalid setting.',
    action: 'Correct the setting. docs/channels.md lists the settings of each channel.',
  },
  PS_BREAKER_INVALID: {
    cause: '`protect()` was called with an invalid name or option.',
    action: 'Correct the option. docs/actions.md lists all options.',
  },
  PS_BREAKER_OPEN: {
    cause: 'The dependency failed too often, so its circuit breaker temporarily rejects calls.',
    action:
      'Check the dependency. Pass a fallback to `protect()` to return a value in the meantime.',
  },
  PS_BREAKER_TIMEOUT: {
    cause: 'A call through a circuit breaker took longer than `timeoutMs`.',
    action: 'Check the dependency. Raise `timeoutMs` if longer response times are normal.',
  },
  PS_SQL_REFUSED: {
    cause: 'The statement is not a single, read-only SELECT, or QuestDB rejected it.',
    action: 'Correct the statement. It must be one SELECT that reads only tables.',
  },
};
