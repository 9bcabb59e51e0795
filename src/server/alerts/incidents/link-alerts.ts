import { type AlertSubjects, getAlertSubjects, type ServiceRelations } from './alert-subjects.ts';
import {
  INCIDENT_LIMITS,
  type Incident,
  type IncidentAlert,
  isBudgetAlert,
  toRuleGroupKey,
} from './incident.ts';

/** Sets of nodes that are connected by links. */
export class LinkedSets {
  readonly #parents: number[];

  constructor(size: number) {
    this.#parents = Array.from({ length: size }, (_, i) => i);
  }

  find(node: number): number {
    let root = node;
    while (this.#parents[root] !== root) root = this.#parents[root]!;
    for (let at = node; at !== root; ) [at, this.#parents[at]] = [this.#parents[at]!, root];
    return root;
  }

  link(a: number, b: number): void {
    const [x, y] = [this.find(a), this.find(b)];
    // The smaller root wins, so the result doesn't depend on the order of links.
    if (x !== y) this.#parents[Math.max(x, y)] = Math.min(x, y);
  }
}

/** A node of the graph: the time in which alerts started, and their subjects. */
interface Node {
  readonly index: number;
  readonly isIncident: boolean;
  /** Whether this is a new alert about an error budget. */
  readonly isBudget: boolean;
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * Links alerts to each other and to open incidents.
 *
 * @param alerts alerts without an incident. They are the first nodes.
 * @param incidents open incidents. They are the other nodes. Two incidents are never linked directly.
 */
export function linkAlerts(
  alerts: readonly IncidentAlert[],
  incidents: readonly Incident[],
  relations: ServiceRelations,
): LinkedSets {
  const { joinMs, relatedMs, tenantMs } = INCIDENT_LIMITS;
  const sets = new LinkedSets(alerts.length + incidents.length);
  const direct = new Map<string, Node[]>();
  const related = new Map<string, Node[]>();
  const tenants = new Map<string, Node[]>();
  const ruleGroups = new Map<string, Node[]>();
  const add = (node: Node, { direct: own, related: others, tenant }: AlertSubjects) => {
    for (const key of own) append(direct, key, node);
    for (const key of others) append(related, key, node);
    if (tenant !== undefined) append(tenants, tenant, node);
  };
  for (const [index, alert] of alerts.entries()) {
    const { startedMs } = alert;
    const isBudget = isBudgetAlert(alert);
    const node = { index, isIncident: false, isBudget, fromMs: startedMs, toMs: startedMs };
    add(node, getAlertSubjects(alert, relations));
    append(ruleGroups, toRuleGroupKey(alert), node);
  }
  for (const [i, { members, startedMs, lastAlertMs }] of incidents.entries()) {
    const index = alerts.length + i;
    const times = { fromMs: startedMs, toMs: lastAlertMs };
    const node = { index, isIncident: true, isBudget: false, ...times };
    add(node, getCommonSubjects(members, relations));
    for (const key of new Set(members.map(toRuleGroupKey))) append(ruleGroups, key, node);
  }
  const link = (a: Node, b: Node, limitMs: number) => {
    const gapMs = Math.max(a.fromMs - b.toMs, b.fromMs - a.toMs, 0);
    if (!(a.isIncident && b.isIncident) && gapMs <= limitMs) sets.link(a.index, b.index);
  };
  for (const nodes of ruleGroups.values()) linkNeighbors(nodes, link, Number.POSITIVE_INFINITY);
  const linkDirect = (a: Node, b: Node) =>
    link(a, b, a.isBudget || b.isBudget ? Number.POSITIVE_INFINITY : joinMs);
  for (const nodes of direct.values()) linkNeighbors(nodes, linkDirect, joinMs);
  for (const nodes of tenants.values()) linkNeighbors(nodes, link, tenantMs);
  for (const [key, nodes] of related)
    for (const owner of direct.get(key) ?? [])
      for (const node of nodes) link(owner, node, relatedMs);
  return sets;
}

/** Links alerts that follow each other within a limit, and each incident with all alerts within the limit. */
function linkNeighbors(
  nodes: readonly Node[],
  link: (a: Node, b: Node, limitMs: number) => void,
  limitMs: number,
): void {
  const alerts = nodes.filter(({ isIncident }) => !isIncident).sort((a, b) => a.fromMs - b.fromMs);
  for (let i = 1; i < alerts.length; i++) link(alerts[i - 1]!, alerts[i]!, limitMs);
  for (const incident of nodes.filter(({ isIncident }) => isIncident))
    for (const alert of alerts) link(incident, alert, limitMs);
}

/**
 * Returns the parts of active alerts that have no common subject, without any limit on time. The part with the
 * oldest alert is first.
 *
 * @param alerts sorted by start
 */
export function findSeparateParts<A extends IncidentAlert>(
  alerts: readonly A[],
  relations: ServiceRelations,
): A[][] {
  const sets = new LinkedSets(alerts.length);
  const owners = new Map<string, number>();
  const subjects = alerts.map((alert) => getAlertSubjects(alert, relations));
  for (const [i, { direct, tenant }] of subjects.entries()) {
    for (const key of tenant === undefined ? direct : [...direct, tenant]) {
      const owner = owners.get(key);
      if (owner === undefined) owners.set(key, i);
      else sets.link(owner, i);
    }
  }
  for (const [i, { related }] of subjects.entries()) {
    for (const key of related) {
      const owner = owners.get(key);
      if (owner !== undefined) sets.link(owner, i);
    }
  }
  return [...Map.groupBy(alerts.entries(), ([i]) => sets.find(i)).values()].map((part) =>
    part.map(([, alert]) => alert),
  );
}

/** Returns the subjects of all alerts. An alert of any tenant of the incident can join through the tenant. */
function getCommonSubjects(
  members: readonly IncidentAlert[],
  relations: ServiceRelations,
): AlertSubjects {
  const all = members.map((member) => getAlertSubjects(member, relations));
  const tenants = new Set(all.map(({ tenant }) => tenant));
  return {
    direct: [...new Set(all.flatMap(({ direct }) => direct))],
    related: [...new Set(all.flatMap(({ related }) => related))],
    // An incident of several tenants isn't a problem of one of them.
    tenant: tenants.size === 1 ? all[0]?.tenant : undefined,
  };
}

function append(map: Map<string, Node[]>, key: string, node: Node): void {
  const nodes = map.get(key);
  if (nodes) nodes.push(node);
  else map.set(key, [node]);
}
