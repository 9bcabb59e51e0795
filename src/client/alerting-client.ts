import type { ClientOptions, RequestOptions } from './api-request.ts';
import type { ApiResponse, Query, RequestBody } from './api-types.ts';
import { postJson, sendWithId } from './json-request.ts';

/** The methods of the client for alerts, incidents, objectives, silences, and deploys. */
export class AlertingClient {
  protected readonly options: ClientOptions;

  /** @param options address and key */
  protected constructor(options: ClientOptions) {
    this.options = options;
  }

  /**
   * Returns an alert with its history.
   *
   * @example
   * const [first] = (await client.get('alerts')).alerts;
   * if (first) console.log(await client.alert(first.id));
   * @param id ID of the alert
   * @returns the alert and its history
   * @throws ApiError if the server returns an error, or the error of `fetch` if the server is unreachable
   */
  alert(id: string): Promise<ApiResponse<'alert'>> {
    return sendWithId(this.options, 'alert', id);
  }

  /**
   * Returns the value of an alert over time.
   *
   * @example
   * const [first] = (await client.get('alerts')).alerts;
   * if (first) console.log(await client.alertSeries(first.id, { last: '1h' }));
   * @param id ID of the alert
   * @param query query parameters, such as the time range. Default: none.
   * @returns the values, in the unit of the alert's metric
   * @throws ApiError if the server returns an error, or the error of `fetch` if the server is unreachable
   */
  alertSeries(id: string, query: Query<'alertSeries'> = {}): Promise<ApiResponse<'alertSeries'>> {
    return sendWithId(this.options, 'alertSeries', id, query);
  }

  /**
   * Returns an alert rule.
   *
   * @example
   * const { rule } = await client.rule('HighErrorRate');
   * console.log(rule);
   * @param name name of the rule
   * @returns the rule
   * @throws ApiError if the server returns an error, or the error of `fetch` if the server is unreachable
   */
  rule(name: string): Promise<ApiResponse<'rule'>> {
    return sendWithId(this.options, 'rule', name);
  }

  /**
   * Returns an objective with the history of its error budgets.
   *
   * @example
   * const { objective } = await client.objective('target-uptime', { last: '7d' });
   * console.log(objective);
   * @param name name of the objective
   * @param query query parameters. Default: none.
   * @returns the objective and its history
   * @throws ApiError if the server returns an error, or the error of `fetch` if the server is unreachable
   */
  objective(name: string, query: Query<'objective'> = {}): Promise<ApiResponse<'objective'>> {
    return sendWithId(this.options, 'objective', name, query);
  }

  /**
   * Returns a forecast with the measured and the predicted values.
   *
   * @example
   * const { forecasts } = await client.get('forecasts', { kind: ['disk'] });
   * for (const { id } of forecasts) console.log(await client.forecast(id));
   * @param id ID of the forecast, from `client.get('forecasts')`
   * @returns the forecast and its values
   * @throws ApiError if the server returns an error, or the error of `fetch` if the server is unreachable
   */
  forecast(id: string): Promise<ApiResponse<'forecast'>> {
    return sendWithId(this.options, 'forecast', id);
  }

  /**
   * Acknowledges a firing alert.
   *
   * @example
   * const [first] = (await client.get('alerts')).alerts;
   * if (first) await client.acknowledge(first.id, 'I restart the service.');
   * @param id ID of the alert
   * @param comment text for other people
   * @returns the alert, with the acknowledgment
   * @throws ApiError if the server returns an error, or the error of `fetch` if the server is unreachable
   */
  acknowledge(id: string, comment: string): Promise<ApiResponse<'acknowledge'>> {
    return sendWithId(this.options, 'acknowledge', id, {}, { method: 'POST', body: { comment } });
  }

  /**
   * Returns an incident with its alerts, likely causes, and timeline.
   *
   * @example
   * const [first] = (await client.get('incidents')).incidents;
   * if (first) console.log((await client.incident(first.id)).timeline);
   * @param id ID of the incident
   * @returns the incident and its timeline, oldest entry first
   * @throws ApiError if the server returns an error, or the error of `fetch` if the server is unreachable
   */
  incident(id: string): Promise<ApiResponse<'incident'>> {
    return sendWithId(this.options, 'incident', id);
  }

  /**
   * Acknowledges the firing alerts of an incident.
   *
   * @example
   * const [first] = (await client.get('incidents')).incidents;
   * if (first) await client.acknowledgeIncident(first.id, 'I restart the service.');
   * @param id ID of the incident
   * @param comment text for other people
   * @returns the incident, with the acknowledgment
   * @throws ApiError if the server returns an error, or the error of `fetch` if the server is unreachable
   */
  acknowledgeIncident(id: string, comment: string): Promise<ApiResponse<'acknowledgeIncident'>> {
    return sendWithId(
      this.options,
      'acknowledgeIncident',
      id,
      {},
      { method: 'POST', body: { comment } },
    );
  }

  /**
   * Creates a silence.
   *
   * @example
   * await client.silence({
   *   matchers: ['service="booking"'],
   *   duration: '2h',
   *   comment: 'maintenance',
   * });
   * @param body matchers, times, and comment
   * @returns all silences
   * @throws ApiError if the server returns an error, or the error of `fetch` if the server is unreachable
   */
  silence(body: RequestBody<'silences'>): Promise<ApiResponse<'silences'>> {
    return postJson(this.options, 'silences', body);
  }

  /**
   * Ends a silence immediately.
   *
   * @example
   * const [first] = (await client.get('silences')).silences;
   * if (first) await client.endSilence(first.id);
   * @param id ID of the silence
   * @returns all silences
   * @throws ApiError if the server returns an error, or the error of `fetch` if the server is unreachable
   */
  endSilence(id: string): Promise<ApiResponse<'silence'>> {
    return sendWithId(this.options, 'silence', id, {}, { method: 'DELETE' });
  }

  /**
   * Returns a deploy with all statistics of its last comparison.
   *
   * @example
   * const [first] = (await client.get('deploys', { last: '1d' })).deploys;
   * if (first) console.log(await client.deploy(first.id));
   * @param id ID of the deploy
   * @returns the deploy, and the compared statistics
   * @throws ApiError if the server returns an error, or the error of `fetch` if the server is unreachable
   */
  deploy(id: string): Promise<ApiResponse<'deploy'>> {
    return sendWithId(this.options, 'deploy', id);
  }

  /**
   * Records a deploy, so that the server compares the version with the previous version.
   *
   * @example
   * await client.recordDeploy({ service: 'booking', version: '1.8.0', commit: 'c7cdb51' });
   * @param body the service, its version, and details of the deploy
   * @returns the deploy
   * @throws ApiError if the server returns an error, or the error of `fetch` if the server is unreachable
   */
  recordDeploy(body: RequestBody<'deploys'>): Promise<ApiResponse<'deploys'>> {
    return postJson(this.options, 'deploys', body);
  }

  /**
   * Replays stored data through alert rules, next to the current rules. The server runs one backtest at a time. It
   * cancels the backtest if `signal` is aborted.
   *
   * @example
   * const rules = 'rules: [{ name: response-time, for: 5m }]';
   * const { result } = await client.backtest({ rules }, { last: '7d' });
   * for (const { name, proposed } of result?.rules ?? []) console.log(name, proposed?.fired);
   * @param body text of a rules file. Without it, only the current rules are replayed.
   * @param query time range, step, and names of rules. Default: the last 7 days and all rules.
   * @param options `signal` cancels the backtest. Default: none.
   * @returns the result. Durations are in ms.
   * @throws ApiError if the server returns an error, or the error of `fetch` if the server is unreachable
   */
  backtest(
    body: RequestBody<'backtest'>,
    query: Query<'backtest'> = {},
    options: RequestOptions = {},
  ): Promise<ApiResponse<'backtest'>> {
    return postJson(this.options, 'backtest', body, query, options);
  }
}
