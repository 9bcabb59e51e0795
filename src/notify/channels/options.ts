/** What a channel is given beside its configuration. */
export interface ChannelOptions {
  /** Whom an e-mail or SMS goes to, in place of the configuration's `to`. */
  readonly to?: readonly string[] | undefined;
  /** ms since the epoch. Default: the clock. */
  readonly now?: (() => number) | undefined;
}
