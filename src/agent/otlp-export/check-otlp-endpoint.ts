import { formatOtlpUrl, type OtlpSettings } from '../../core/config/otlp-settings.ts';
import { HttpClient } from '../../core/http/http-client.ts';
import { encodeMetricsRequest } from '../../core/otel/encode/otlp-encoder.ts';
import { encodeMetricsRequestJson } from '../../core/otel/encode/otlp-json-encoder.ts';
import { errorMessage } from '../../core/perfscope-error.ts';
import { readCertificates } from './otlp-pipeline.ts';
import { describeFailure, getPathAdvice, isRetryable } from './otlp-response.ts';
import { postMetrics } from './otlp-sender.ts';

/**
 * Sends a request without metrics to the OTLP endpoint. Never rejects.
 *
 * @param options.timeoutMs maximum time to wait, in ms. Default: the time limit of the settings.
 * @returns one line, which starts with `✗` if metrics are not sent. It contains no credentials.
 */
export async function checkOtlpEndpoint(
  settings: OtlpSettings,
  { timeoutMs = settings.timeoutMs }: { readonly timeoutMs?: number | undefined } = {},
): Promise<string> {
  const url = formatOtlpUrl(settings);
  let client: HttpClient | undefined;
  try {
    client = new HttpClient({ keepsProcessAlive: true, tls: readCertificates(settings) });
    const body =
      settings.encoding === 'json'
        ? Buffer.from(encodeMetricsRequestJson([]))
        : encodeMetricsRequest([]);
    const request = { body, isCompressed: false };
    const response = await postMetrics(client, settings, request, timeoutMs);
    const { status } = response;
    if (status >= 200 && status < 300) return `✓ metrics are sent over OTLP to ${url}`;
    const problem = isRetryable(status) ? 'accepts no metrics now' : 'does not accept the request';
    const advice = getPathAdvice(status, settings.url);
    const reason = [describeFailure(response), ...(advice ? [`${advice}.`] : [])].join('. ');
    return `✗ metrics are not sent over OTLP: ${url} ${problem}: ${reason}`;
  } catch (error) {
    return `✗ metrics are not sent over OTLP to ${url}: ${errorMessage(error)}`;
  } finally {
    client?.close();
  }
}
