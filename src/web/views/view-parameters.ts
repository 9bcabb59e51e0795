/** Parameters of a view's path. */
export type ViewParameters = Readonly<Record<string, string>>;
