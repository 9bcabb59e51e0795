/** Explains reasons that senders can fix or should know. The others are clear from their names. */
const EXPLANATIONS: Readonly<Record<string, string>> = {
  too_old: 'older than the retention period',
  future_timestamp: 'more than 10 minutes in the future, so check the clock of the sender',
  invalid_timestamp: 'without a valid time, or with an end before the start',
  not_finite: 'NaN, infinite, or larger than 10^300',
  unspecified_temporality: 'the sender must set delta or cumulative',
  too_many_attributes: 'more than 128 attributes',
  baseline: 'the first value of a cumulative series that began before Perfscope received it',
  stored_directly: 'the agent writes the same values to the database of this server',
  superseded: 'a later value of the series was already stored, and includes them',
};

/** Returns a reason why a point or a span has no row, with an explanation if the name isn't clear. */
export function explainReason(reason: string): string {
  const explanation = Object.hasOwn(EXPLANATIONS, reason) ? EXPLANATIONS[reason] : undefined;
  return explanation === undefined ? reason : `${reason} (${explanation})`;
}
