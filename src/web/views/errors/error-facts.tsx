import type { ComponentChildren } from 'preact';
import { serverNow } from '../../api/server-clock.ts';
import { formatText } from '../../format/quantities.ts';
import { formatAge, formatDateTime, toZoneName } from '../../format/times.ts';
import { linkTo, zoneChoice } from '../../url/view-state.ts';
import { type ErrorGroup, placeLink, placeName } from './error-names.ts';

/** How often an error happened, where, and for whom. */
export function ErrorFacts({ error }: { error: ErrorGroup }) {
  const { service, example } = error;
  const { organizationId, propertyId, instance, alertId } = example;
  const facts: [string, ComponentChildren][] = [
    ['Count', <b>{formatText(error.count)}</b>],
    ['First seen', <Time at={error.firstSeen} />],
    ['Last seen', <Time at={error.lastSeen} />],
    [
      'Level',
      error.level && <span class={error.level === 'fatal' ? 'critical' : ''}>{error.level}</span>,
    ],
    ['Where', <FactLink href={placeLink(error)} text={placeName(error)} />],
    ['Service', service && <FactLink href={linkTo('/service', { service })} text={service} />],
    ['Version', example.version],
    ['Environment', example.environment],
    ['Instance', instance && <FactLink href={linkTo('/hosts', { instance })} text={instance} />],
    [
      'Organization',
      organizationId && (
        <FactLink href={linkTo('/tenants', { tenant: organizationId })} text={organizationId} />
      ),
    ],
    ['Property', propertyId],
    ['User', example.userId],
    [
      'Alert',
      alertId && (
        <FactLink href={linkTo(`/alerts/${encodeURIComponent(alertId)}`)} text="Open the alert" />
      ),
    ],
    ['Fingerprint', <span class="mono">{error.fingerprint}</span>],
  ];
  return (
    <dl class="facts">
      {facts.map(
        ([label, value]) =>
          value && (
            <>
              <dt>{label}</dt>
              <dd class="name">{value}</dd>
            </>
          ),
      )}
    </dl>
  );
}

function FactLink({ href, text }: { href: string | undefined; text: string | undefined }) {
  if (text === undefined) return <span>–</span>;
  return href ? (
    <a class="link" href={href}>
      {text}
    </a>
  ) : (
    <span>{text}</span>
  );
}

function Time({ at }: { at: string }) {
  const ms = Date.parse(at);
  return (
    <time dateTime={at}>
      {formatDateTime(ms, toZoneName(zoneChoice.value), true)}{' '}
      <span class="faint">({formatAge(ms, serverNow())})</span>
    </time>
  );
}
