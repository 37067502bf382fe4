/** Failures in groups: the net events of one peer with one code, on one side. */

import type { NetEvent } from '../../client';

/** Equal failures with one peer. */
export interface FailureGroup {
  readonly key: string;
  readonly remoteAddress: string | null;
  readonly error: NetEvent['error'];
  readonly type: string;
  /** Which side failed, if that is known. */
  readonly side: string | undefined;
  readonly count: number;
  readonly newest: string | null;
  readonly oldest: string | null;
  readonly rules: readonly string[];
  readonly names: readonly string[];
  readonly lastEvent: NetEvent;
}

/** Return events in groups, that with the newest event first; the events come newest first. */
export function groupsOf(events: readonly NetEvent[]): FailureGroup[] {
  const groups = new Map<string, FailureGroup>();
  for (const event of events) {
    const { failurePoint, ruleName, name } = detailsOf(event);
    const key = JSON.stringify([event.remoteAddress, event.error?.code, event.type, failurePoint]);
    const group = groups.get(key);
    groups.set(
      key,
      group === undefined
        ? {
            key,
            remoteAddress: event.remoteAddress,
            error: event.error,
            type: event.type,
            side: failurePoint,
            count: 1,
            newest: event.time,
            oldest: event.time,
            rules: list([], ruleName),
            names: list([], name),
            lastEvent: event,
          }
        : {
            ...group,
            count: group.count + 1,
            oldest: event.time,
            rules: list(group.rules, ruleName),
            names: list(group.names, name),
          },
    );
  }
  return [...groups.values()];
}

/** Return what is common to the kinds of failures. */
export function detailsOf(event: NetEvent): {
  failurePoint: string | undefined;
  ruleName: string | null;
  name: string | null;
} {
  const failure = event.ikeMmFailure ?? event.ikeQmFailure ?? event.ikeEmFailure;
  const named = event.ikeMmFailure ?? event.ikeEmFailure;
  return {
    failurePoint: failure?.failurePoint === 'none' ? undefined : failure?.failurePoint,
    ruleName: failure?.ruleName ?? event.ipsecDrop?.ruleName ?? null,
    name: named?.remotePrincipalNameForAuth ?? null,
  };
}

function list(values: readonly string[], value: string | null): readonly string[] {
  return value === null || values.includes(value) || values.length >= 5 ? values : [...values, value];
}
